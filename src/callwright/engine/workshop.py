"""All that one run works with, made from its recipe: toolkits, teacher, operators, judges, and the recipe's digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from callwright.engine.teachers import language_model
from callwright.engine.tools import read_source, single_sources, what_runs
from callwright.errors import UsageError
from callwright.generators.asktoact import offline as asktoact_offline
from callwright.generators.asktoact.explore import Clarifications
from callwright.generators.base import Explorer, Rollout, Rows, Source
from callwright.generators.dag import offline as dag_offline
from callwright.generators.dag.explore import Rewriter
from callwright.generators.looptool import offline as looptool_offline
from callwright.generators.looptool.expanding import Expansion
from callwright.generators.looptool.focusing import Failed
from callwright.generators.looptool.novelty import Novelty
from callwright.generators.planning.derive import with_sheet
from callwright.generators.ste import offline as ste_offline
from callwright.generators.ste.explore import Exploration
from callwright.generators.toolalpaca import offline as toolalpaca_offline
from callwright.generators.toolalpaca.episodes import Episodes
from callwright.generators.toolalpaca.instructions import Instructions
from callwright.judges import checks
from callwright.judges.base import Judge
from callwright.llm.base import Model, Sampling
from callwright.llm.budget import Purse
from callwright.llm.journal import Journal
from callwright.llm.journaled import Notes
from callwright.llm.offline import Offline
from callwright.schemas.base import digest
from callwright.schemas.loop import Expanding
from callwright.schemas.recipe import (
    MAX_CALLS,
    AskToAct,
    BatchModel,
    Budget,
    Dag,
    LeakFile,
    OfflineModel,
    OpenAIModel,
    Recipe,
    ToolSource,
)
from callwright.schemas.recipe import Model as ModelConfig
from callwright.schemas.task import OFFLINE, teacher_name
from callwright.schemas.tool import Refusal, Tool, Toolkit
from callwright.schemas.version import Version
from callwright.toolbox import offline as toolbox_offline
from callwright.toolbox.base import Toolbox
from callwright.toolbox.elsewhere import WorldsElsewhere
from callwright.toolbox.http import HttpToolbox
from callwright.toolbox.journal_only import JournalOnly
from callwright.toolbox.journaled import JournaledToolbox
from callwright.toolbox.python import PythonToolbox
from callwright.toolbox.routed import SIMULATED, RoutedToolbox, box_of
from callwright.toolbox.simulated import SimulatedToolbox
from callwright.toolbox.world import WorldToolbox
from callwright.values.derivations import Synonyms
from callwright.values.wording import declared_authored, declared_synonyms

DECIDING = (
    "generators",
    "judges",
    "toolbox",
    "values",
    "sources",
    "worlds",
    "llm/replies.py",
    "llm/turns.py",
    "llm/wire.py",
)
"""Code that decides rows: when it changes, the same recipe is another recipe."""

SPEED_AND_PLACE = {
    "in_flight",
    "base_url",
    "timeout_s",
    "retries",
    "api_key_env",
    "command",
    "max_batch",
    "price",
}
"""Keys of a model that no answer depends on."""


@dataclass(frozen=True)
class Operators:
    """One method's SOURCE and ROLLOUT."""

    source: Source
    rollout: Rollout


@dataclass(frozen=True)
class Workshop:
    """A recipe with its tools read; no model is asked and nothing is written yet."""

    recipe: Recipe
    sources: tuple[ToolSource, ...]
    """Where each toolkit comes from."""
    toolkits: tuple[Toolkit, ...]
    refusals: tuple[Refusal, ...]
    base: Path
    """The folder that the recipe's paths are relative to."""
    origins: Mapping[str, Version] = field(default_factory=dict)
    """Rewriting method -> the version whose rows it starts from; `engine.rewriting` finds them in a store."""

    @classmethod
    def of(cls, recipe: Recipe, base: Path) -> Workshop:
        """Read the recipe's tools; `base` is the folder that its paths are relative to.

        Raises:
            SourceError: A file of tools cannot be read.
            UsageError: Two toolkits have the same name, calls of one could not go out, or rules invented one.
        """
        sources = tuple(one for source in recipe.tools for one in single_sources(source, base))
        toolkits: list[Toolkit] = []
        refusals: list[Refusal] = []
        for source in sources:
            toolkit, refused = read_source(source, base)
            _check_inventor(toolkit, source)
            refusals += refused
            if recipe.models.teacher.engine == "offline":
                toolkit, refused = with_sheet(toolkit)
                refusals += refused
            if toolkit.name in {other.name for other in toolkits}:
                raise UsageError(f"two toolkits are called {toolkit.name}; give one of them a `name:`")
            if source.toolbox == "http":
                _http_box(source, toolkit).check(toolkit)
            toolkits.append(toolkit)
        return cls(recipe, sources, tuple(toolkits), tuple(refusals), base)

    @property
    def digest(self) -> str:
        """Names everything that decides rows, and nothing that does not."""
        recipe, models = self.recipe, self.recipe.models
        judge = models.judge
        assert self.origins.keys() == recipe.methods.from_versions.keys(), "not yet looked up in a store"
        origins = {name: version.id for name, version in self.origins.items()}
        return digest(
            ({"origins": origins} if origins else {})
            | {
                "tools": [toolkit.id for toolkit in self.toolkits],
                "toolboxes": sorted({box_of(tool) for tool in self.tools.values()}),
                "executed": [what_runs(source, self.base) for source in self.sources],
                "methods": recipe.methods.model_dump(mode="json", exclude_none=True),
                "shares": [[method, kind, count] for (method, kind), count in recipe.shares().items()],
                "accept": recipe.accept.model_dump(mode="json"),
                "splits": recipe.splits.model_dump(mode="json"),
                # What is protected does not decide rows, but whether there is a version at all.
                "leaks": [
                    [one.model_dump(mode="json", exclude={"path"}), file_digest(path)]
                    for one, path in self.leak_files
                ],
                "canary": recipe.canary,
                "duplicates": recipe.duplicates.model_dump(mode="json"),
                "seed": recipe.seed,
                "teacher": models.teacher.model_dump(mode="json", exclude=SPEED_AND_PLACE),
                "judge": judge.model_dump(mode="json", exclude=SPEED_AND_PLACE) if judge else None,
                "code": code_digest(),
            }
        )

    @cached_property
    def leak_files(self) -> tuple[tuple[LeakFile, Path], ...]:
        """The files of benchmarks and test sets, each with what the recipe says of it.

        Raises:
            UsageError: A path names no file.
        """
        found = []
        for given in self.recipe.leaks:
            whole = self.base / given.path
            paths = sorted(Path(whole.anchor).glob(str(whole.relative_to(whole.anchor))))
            if not paths:
                raise UsageError(f"leaks: {whole}: there is no such file")
            found += [(given, path) for path in paths]
        return tuple(found)

    @property
    def tools(self) -> dict[str, Tool]:
        """Tool id -> tool."""
        return {tool.id: tool for toolkit in self.toolkits for tool in toolkit.tools}

    def teacher(self, folder: Path) -> Model:
        """The model that writes, not yet connected; `folder` is the run's, for a model that keeps files."""
        config = self.recipe.models.teacher
        if not isinstance(config, OfflineModel):
            return language_model(config, folder / "batch")
        answerers = (
            toolalpaca_offline.answers(self.toolkits)
            | ste_offline.answers(self.toolkits)
            | asktoact_offline.answers(self.toolkits)
            | dag_offline.answers(self.toolkits)
            | looptool_offline.answers(self.toolkits)
            | toolbox_offline.answers(self.toolkits)
        )
        rules = digest([code_digest(), [toolkit.id for toolkit in self.toolkits]])
        return Offline(answerers, rules)

    def judge(self, folder: Path) -> Model | None:
        """The model that rules, not yet connected; None where the teacher does."""
        config = self.recipe.models.judge
        if config is None or isinstance(config, OfflineModel):
            return None
        return language_model(config, folder / "batch-judge")

    def purse(self, journal: Iterable[Mapping[str, Any]], earlier: Journal | None = None) -> Purse | None:
        """What keeps a run within the recipe's budget; None where nothing costs anything.

        What the journal holds was paid for, unless rules said it or it was copied from what earlier runs were answered.
        """
        models, budget = self.recipe.models, self.recipe.budget
        if budget == Budget() or not any(
            isinstance(one, OpenAIModel) for one in (models.teacher, models.judge)
        ):
            return None
        return Purse(
            budget,
            getattr(models.teacher, "price", None),
            (
                entry
                for entry in journal
                if (earlier is None or entry["key"] not in earlier)
                and teacher_name(entry["model"]) != OFFLINE
            ),
        )

    def operators(self, model: Model, toolbox: Toolbox) -> Mapping[str, Operators]:
        """Method -> its operators; a new method is one more line in METHODS."""
        return {
            name: METHODS[name](self, model, toolbox) for name in self.recipe.methods.names if name in METHODS
        }

    def explorers(
        self, model: Model, judge: Model, toolbox: Toolbox, rows: Mapping[str, Rows] | None = None
    ) -> Mapping[str, Explorer]:
        """Method -> what goes through its chains; `rows` are those that the rewriting methods start from, as far as
        they are there.
        """
        found: dict[str, Explorer] = {}
        for name in self.recipe.methods.names:
            if name in EXPLORERS:
                found[name] = EXPLORERS[name](self, model, judge, toolbox)
            elif rows and name in rows:
                found[name] = REWRITERS[name](self, model, judge, toolbox, rows[name])
        return found

    def episodes(self, model: Model, toolbox: Toolbox) -> Episodes:
        """What plays conversations, whichever method asks for them."""
        # Tang et al. 2023: the assistant answers greedily.
        greedy = self.sampling().model_copy(update={"temperature": 0.0})
        toolalpaca = self.recipe.methods.toolalpaca
        # Greedy samples would agree with each other, whatever they say.
        agreement = self.sampling() if toolalpaca and toolalpaca.agreement else None
        return Episodes(model, toolbox, self.toolkits, greedy, self.max_steps, agreement)

    def expansion(
        self,
        model: Model,
        judge: Model,
        toolbox: Toolbox,
        rollout: Rollout,
        settings: Expanding,
        failures: Sequence[Failed],
        known: Novelty,
    ) -> Expansion:
        """Variants of a student's failures; masking and rounds of parallel calls serve where questions or calls were
        missed.
        """

        def masked(rows: Rows) -> Explorer:
            # A variant teaches what is right; mistakes and their corrections are the method's own matter.
            whole = AskToAct.model_validate(
                {"from": ["toolalpaca"], "error_share": 0.0, "confirm_share": 0.0, "control_share": 0.0}
            )
            return _clarifications(self, model, judge, rows, whole)

        def parallel(rows: Rows) -> Explorer:
            return _rewriter(
                self, model, toolbox, rows, Dag.model_validate({"from": ["toolalpaca"], "serial": 0.0})
            )

        return Expansion(
            model,
            self.toolkits,
            settings,
            failures,
            self.recipe.seed,
            rollout=rollout,
            rewriters={"mask": masked, "parallel": parallel},
            known=known,
            sampling=self.sampling(),
            # A world that was populated to plan in is at hand to play in as long as few are under way.
            at_once=self.conversations,
        )

    @property
    def calls_out(self) -> bool:
        """Whether some calls cannot be made again freely: they reach real systems, or somebody's own code."""
        return bool({box_of(tool) for tool in self.tools.values()} - {"world", SIMULATED})

    def toolbox(self, model: Model, journal: Notes | None = None, *, replay: bool = False) -> Toolbox:
        """What runs the calls of conversations; calls that go out are written down where there is a journal.

        A replay lets none go out: it reads back what was written down.
        """
        # Tang et al. 2023: the executor is sampled at 0.5.
        server = SimulatedToolbox(model, self.sampling().model_copy(update={"temperature": 0.5}))
        boxes: dict[str, Toolbox] = {"world": WorldToolbox(), SIMULATED: server}
        for name, box in self._boxes_out().items():
            boxes[name] = (
                box if journal is None else JournaledToolbox(JournalOnly() if replay else box, journal)
            )
        return RoutedToolbox(boxes)

    def _boxes_out(self) -> dict[str, Toolbox]:
        needed = {box_of(tool) for tool in self.tools.values()}
        boxes: dict[str, Toolbox] = {}
        if "python" in needed:
            boxes["python"] = PythonToolbox(base=self.base)
        if "mcp" in needed:
            from callwright.toolbox.mcp import McpToolbox  # the client library takes a second to import

            given = zip(self.sources, self.toolkits, strict=True)
            boxes["mcp"] = McpToolbox(
                headers_env={toolkit.name: source.headers for source, toolkit in given if source.mcp}
            )
        for source, toolkit in zip(self.sources, self.toolkits, strict=True):
            if source.toolbox == "http":
                boxes[f"http:{toolkit.name}"] = _http_box(source, toolkit)
        return boxes

    @property
    def synonyms(self) -> Synonyms:
        """Words that the toolkits' phrase sheets declare for values."""
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for toolkit in self.toolkits:
            if toolkit.phrases:
                for key, words in declared_synonyms(toolkit.phrases).items():
                    found[key] = found.get(key, ()) + words
        return found

    @property
    def authored(self) -> frozenset[tuple[str, str]]:
        """(Tool, argument) whose text phrase sheets declare to be the assistant's own."""
        return frozenset(pair for toolkit in self.toolkits for pair in declared_authored(toolkit))

    def judges(self) -> tuple[Judge, ...]:
        elsewhere: dict[str, Toolbox] = {"world": WorldsElsewhere(), "python": PythonToolbox(base=self.base)}
        return checks(self.synonyms, self.authored, self.max_steps, RoutedToolbox(elsewhere))

    @property
    def max_steps(self) -> int:
        """Turns with calls in one conversation, at the most."""
        toolalpaca, ste = self.recipe.methods.toolalpaca, self.recipe.methods.ste
        # Rows that are rewritten have kept to a limit before.
        rewritten = MAX_CALLS if self.recipe.methods.rewriting else 0
        return max(toolalpaca.max_steps if toolalpaca else 0, ste.max_calls if ste else 0, rewritten)

    @property
    def in_flight(self) -> int:
        return self.recipe.models.teacher.in_flight

    @property
    def conversations(self) -> int:
        """Conversations under way at once: about twice the requests, so that a row being judged leaves none unused.

        With one request at a time they come one after the other.
        """
        if isinstance(self.recipe.models.teacher, OpenAIModel):
            return 2 * self.in_flight - 1
        return self.in_flight

    def sampling(self) -> Sampling:
        return _sampling(self.recipe.models.teacher)

    def judging(self) -> Sampling:
        """How the judge is sampled; the teacher where there is none of its own."""
        return _sampling(self.recipe.models.judge or self.recipe.models.teacher)


def _sampling(config: ModelConfig) -> Sampling:
    if isinstance(config, OpenAIModel | BatchModel):
        return Sampling(temperature=config.temperature, max_tokens=config.max_tokens)
    return Sampling()


def _check_inventor(toolkit: Toolkit, source: ToolSource) -> None:
    if toolkit.teacher.startswith("offline-rules") and not source.allow_rules:
        raise UsageError(
            f"rules invented the toolkit {toolkit.name}, no model did; write allow_rules: true beside its source "
            "in a recipe, or invent toolkits with `callwright tools invent --model`"
        )


def _http_box(source: ToolSource, toolkit: Toolkit) -> HttpToolbox:
    return HttpToolbox(
        source.hosts,
        servers={toolkit.name: source.server} if source.server else None,
        headers_env=source.headers,
        methods=source.http_methods,
        allow_private=source.allow_private,
    )


def _toolalpaca(workshop: Workshop, model: Model, toolbox: Toolbox) -> Operators:
    config = workshop.recipe.methods.toolalpaca
    assert config is not None
    return Operators(
        source=Instructions(model, workshop.toolkits, workshop.sampling(), config.offered),
        rollout=workshop.episodes(model, toolbox),
    )


def _ste(workshop: Workshop, model: Model, judge: Model, toolbox: Toolbox) -> Exploration:
    recipe = workshop.recipe
    assert recipe.methods.ste is not None
    return Exploration(
        model,
        judge,
        toolbox,
        workshop.toolkits,
        recipe.methods.ste,
        recipe.seed,
        synonyms=workshop.synonyms,
        max_tokens=workshop.sampling().max_tokens,
        judged=_sampling(recipe.models.judge) if recipe.models.judge else None,
    )


def _dag(workshop: Workshop, model: Model, judge: Model, toolbox: Toolbox, rows: Rows) -> Rewriter:
    settings = workshop.recipe.methods.dag
    assert settings is not None
    return _rewriter(workshop, model, toolbox, rows, settings)


def _rewriter(workshop: Workshop, model: Model, toolbox: Toolbox, rows: Rows, settings: Dag) -> Rewriter:
    return Rewriter(
        model,
        toolbox,
        workshop.toolkits,
        settings,
        rows,
        synonyms=workshop.synonyms,
        authored=workshop.authored,
        sampling=workshop.sampling(),
    )


def _asktoact(workshop: Workshop, model: Model, judge: Model, toolbox: Toolbox, rows: Rows) -> Clarifications:
    settings = workshop.recipe.methods.asktoact
    assert settings is not None
    return _clarifications(workshop, model, judge, rows, settings)


def _clarifications(
    workshop: Workshop, model: Model, judge: Model, rows: Rows, settings: AskToAct
) -> Clarifications:
    return Clarifications(
        model,
        judge,
        rows,
        workshop.toolkits,
        settings,
        workshop.recipe.seed,
        synonyms=workshop.synonyms,
        sampling=workshop.sampling(),
    )


METHODS: Mapping[str, Callable[[Workshop, Model, Toolbox], Operators]] = {"toolalpaca": _toolalpaca}
"""Methods whose attempts know nothing of each other."""

EXPLORERS: Mapping[str, Callable[[Workshop, Model, Model, Toolbox], Explorer]] = {"ste": _ste}
"""Methods that go through chains."""

REWRITERS: Mapping[str, Callable[[Workshop, Model, Model, Toolbox, Rows], Explorer]] = {
    "asktoact": _asktoact,
    "dag": _dag,
}
"""Methods that go through chains of rows that there are: a block of them is a chain."""


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def code_digest() -> str:
    """Digest of the code, prompts and wordings that decide rows."""
    root = Path(__file__).resolve().parent.parent
    files: list[Path] = []
    for name in DECIDING:
        place = root / name
        files += (
            [place]
            if place.is_file()
            else [one for one in place.rglob("*") if one.suffix in _DECIDING_SUFFIXES]
        )
    texts: dict[str, Any] = {
        one.relative_to(root).as_posix(): digest(one.read_text(encoding="utf-8")) for one in files
    }
    return digest(texts)


_DECIDING_SUFFIXES = (".py", ".md", ".yaml")
