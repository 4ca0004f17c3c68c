"""All that one run works with, made from its recipe: toolkits, teacher, operators, judges, and the recipe's digest."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from callwright.errors import UsageError
from callwright.generators.base import Rollout, Source
from callwright.generators.toolalpaca import offline as toolalpaca_offline
from callwright.generators.toolalpaca.derive import with_sheet
from callwright.generators.toolalpaca.episodes import Episodes
from callwright.generators.toolalpaca.instructions import Instructions
from callwright.judges import checks
from callwright.judges.base import Judge
from callwright.llm.base import Model, Sampling
from callwright.llm.offline import Offline
from callwright.llm.openai import OpenAIChat
from callwright.schemas.base import digest
from callwright.schemas.recipe import OpenAIModel, Recipe, ToolSource
from callwright.schemas.tool import Refusal, Tool, Toolkit
from callwright.sources import Kind, load_phrases, load_toolkit
from callwright.toolbox import offline as toolbox_offline
from callwright.toolbox.elsewhere import WorldsElsewhere
from callwright.toolbox.routed import RoutedToolbox
from callwright.toolbox.simulated import SimulatedToolbox
from callwright.toolbox.world import WorldToolbox
from callwright.values.derivations import Synonyms
from callwright.values.wording import declared_synonyms
from callwright.worlds import NAMES, world_class
from callwright.worlds.base import shipped_phrases, toolkit_of

DECIDING = ("generators", "judges", "toolbox", "values", "sources", "worlds", "llm/replies.py", "llm/wire.py")
"""Code that decides rows: when it changes, the same recipe is another recipe."""


@dataclass(frozen=True)
class Operators:
    """One method's SOURCE and ROLLOUT."""

    source: Source
    rollout: Rollout


@dataclass(frozen=True)
class Workshop:
    """A recipe with its tools read; no model is asked and nothing is written yet."""

    recipe: Recipe
    toolkits: tuple[Toolkit, ...]
    refusals: tuple[Refusal, ...]

    @classmethod
    def of(cls, recipe: Recipe, base: Path) -> Workshop:
        """Read the recipe's tools; `base` is the folder that its paths are relative to.

        Raises:
            SourceError: A file of tools cannot be read.
            UsageError: Two toolkits have the same name, or nothing can be made of the tools.
        """
        toolkits: list[Toolkit] = []
        refusals: list[Refusal] = []
        for source in recipe.tools:
            toolkit, refused = _read(source, base)
            refusals += refused
            if recipe.models.teacher.engine == "offline":
                toolkit, refused = with_sheet(toolkit)
                refusals += refused
            if toolkit.name in {other.name for other in toolkits}:
                raise UsageError(f"two toolkits are called {toolkit.name}; give one of them a `name:`")
            toolkits.append(toolkit)
        return cls(recipe, tuple(toolkits), tuple(refusals))

    @property
    def digest(self) -> str:
        """Names everything that decides rows, and nothing that does not."""
        recipe = self.recipe
        teacher = recipe.models.teacher.model_dump(
            mode="json", exclude={"in_flight", "base_url", "timeout_s", "retries", "api_key_env"}
        )
        return digest(
            {
                "tools": [toolkit.id for toolkit in self.toolkits],
                "methods": recipe.methods.model_dump(mode="json", exclude_none=True),
                "quotas": recipe.quotas(),
                "accept": recipe.accept.model_dump(mode="json"),
                "splits": recipe.splits.model_dump(mode="json"),
                "seed": recipe.seed,
                "teacher": teacher,
                "code": code_digest(),
            }
        )

    @property
    def tools(self) -> dict[str, Tool]:
        """Tool id -> tool."""
        return {tool.id: tool for toolkit in self.toolkits for tool in toolkit.tools}

    def teacher(self) -> Model:
        """The model that writes, not yet connected."""
        config = self.recipe.models.teacher
        if isinstance(config, OpenAIModel):
            return OpenAIChat(config)
        answerers = toolalpaca_offline.answers(self.toolkits) | toolbox_offline.answers(self.toolkits)
        rules = digest([code_digest(), [toolkit.id for toolkit in self.toolkits]])
        return Offline(answerers, rules)

    def operators(self, model: Model) -> Mapping[str, Operators]:
        """Method -> its operators; a new method is one more line in METHODS."""
        return {name: METHODS[name](self, model) for name in self.recipe.methods.names}

    def judges(self) -> tuple[Judge, ...]:
        synonyms: dict[tuple[str, str], tuple[str, ...]] = {}
        for toolkit in self.toolkits:
            if toolkit.phrases:
                for key, words in declared_synonyms(toolkit.phrases).items():
                    synonyms[key] = synonyms.get(key, ()) + words
        settled: Synonyms = synonyms
        return checks(settled, self.max_steps, RoutedToolbox({"world": WorldsElsewhere()}))

    @property
    def max_steps(self) -> int:
        assert self.recipe.methods.toolalpaca is not None
        return self.recipe.methods.toolalpaca.max_steps

    @property
    def in_flight(self) -> int:
        return self.recipe.models.teacher.in_flight

    def sampling(self) -> Sampling:
        config = self.recipe.models.teacher
        if isinstance(config, OpenAIModel):
            return Sampling(temperature=config.temperature, max_tokens=config.max_tokens)
        return Sampling()


def _read(source: ToolSource, base: Path) -> tuple[Toolkit, tuple[Refusal, ...]]:
    phrases = base / source.phrases if source.phrases else None
    if source.world:
        return load_world(source.world, phrases=phrases), ()
    assert source.path is not None
    kind: Kind = "openapi" if source.openapi else "json"
    return load_toolkit(base / source.path, kind=kind, phrases=phrases, name=source.name)


def load_world(name: str, phrases: Path | None = None) -> Toolkit:
    """A world of the catalogue with its phrase sheet, or with another one.

    Raises:
        UsageError: There is no such world.
        SourceError: The phrase sheet does not fit.
    """
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(NAMES)}"
        raise UsageError(f"unknown world {name}; {hint}")
    toolkit = toolkit_of(world_class(name))
    sheet = phrases or shipped_phrases(world_class(name))
    return toolkit.model_copy(update={"phrases": load_phrases(sheet, toolkit)})


def _toolalpaca(workshop: Workshop, model: Model) -> Operators:
    sampling = workshop.sampling()
    # Tang et al. 2023: the assistant answers greedily, the executor is sampled at 0.5.
    greedy = sampling.model_copy(update={"temperature": 0.0})
    server = SimulatedToolbox(model, sampling.model_copy(update={"temperature": 0.5}))
    toolbox = RoutedToolbox({"world": WorldToolbox(), "simulated": server})
    return Operators(
        source=Instructions(model, workshop.toolkits, sampling),
        rollout=Episodes(model, toolbox, workshop.toolkits, greedy, workshop.max_steps),
    )


METHODS: Mapping[str, Callable[[Workshop, Model], Operators]] = {"toolalpaca": _toolalpaca}


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
