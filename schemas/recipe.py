"""A recipe: one YAML file that describes one dataset. `engine.recipes` reads it and words its errors."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from callwright.schemas.base import Record
from callwright.schemas.loop import Loop
from callwright.schemas.portions import portions
from callwright.schemas.schedule import Schedule
from callwright.schemas.task import KINDS, Kind

ANY: Literal["any"] = "any"

ViewName = Literal[
    "trl",
    "trl-dpo",
    "openai",
    "llamafactory",
    "axolotl",
    "hermes",
    "xlam",
    "bfcl",
    "verl",
    "prime-rl",
    "roles",
    "retrieval",
    "toolbench",
    "ste-sft",
    "ste-icl",
    "ste-rehearsal",
    "review",
    "spans",
]
"""Formats that consumers load; `docs/views.md` says what each is for."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _named_variable(given: str) -> str:
    if not _VARIABLE.fullmatch(given):
        raise ValueError(
            "must be the name of an environment variable, such as OPENAI_API_KEY; a key itself never stands in a recipe"
        )
    return given


Variable = Annotated[str, AfterValidator(_named_variable)]
"""Name of an environment variable that holds a secret."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ToolSource(Record):
    """Where tools come from: exactly one of `openapi`, `json`, `world`, `python`, `mcp` and `toolset`."""

    openapi: str | None = None
    """An OpenAPI 3.0 or 3.1 file, JSON or YAML; relative to the recipe."""
    json_: Annotated[str | None, Field(alias="json")] = None
    """An OpenAI-style list of tools."""
    world: str | None = None
    """A world of the catalogue: its calls are really executed."""
    python: str | None = None
    """`file.py`, `package.module`, or either with `:function`: executed in a child process."""
    mcp: str | None = None
    """The URL of an MCP server, or the command line of one that speaks over stdio: really called."""
    toolset: str | None = None
    """A folder that `callwright tools invent` wrote: all of its toolkits."""
    allow_rules: bool = False
    """Whether toolkits that rules invented, and no model, may be used."""
    phrases: str | None = None
    """A phrase sheet; `NAME.phrases.yaml` beside the tool file is found by itself."""
    name: str | None = None
    """Name of the toolkit; from the file unless given."""
    pins: dict[str, str] = {}
    """Tool -> its pin, as `callwright tools check` prints it. With pins, tools that are documented otherwise, new ones
    and missing ones are refused: a server may change what it says between two nights."""
    toolbox: Literal["simulated", "http"] = "simulated"
    """What runs the calls of an OpenAPI file: rules or a model that play the server, or the real server."""
    hosts: tuple[str, ...] = ()
    """Hosts that calls may go to; none unless they are listed."""
    server: str | None = None
    """The server's address, in place of the one in the OpenAPI file."""
    http_methods: tuple[str, ...] = ("GET", "HEAD")
    """HTTP methods that are really sent."""
    headers: dict[str, Variable] = {}
    """Header -> the environment variable that holds its value: credentials for the server of an OpenAPI file, or for an
    MCP server over HTTP."""
    allow_private: bool = False
    """Whether listed hosts may be of the machine's own or a private network."""

    @model_validator(mode="after")
    def _one_source(self) -> ToolSource:
        given = [one for one in _SOURCES if getattr(self, one)]
        if len(given) != 1:
            raise ValueError(
                "a tool source needs exactly one of openapi, json, world, python, mcp and toolset"
            )
        if self.toolset and (self.name or self.phrases or self.pins):
            raise ValueError("a toolset holds many toolkits; name, phrases and pins are for one")
        if self.toolbox == "http" and self.openapi is None:
            raise ValueError("toolbox: http is for OpenAPI files; they say where a call goes")
        # A stored recipe spells out its defaults.
        fields = type(self).model_fields
        sent = [one for one in _OF_HTTP if getattr(self, one) != fields[one].get_default()]
        if self.mcp and "headers" in sent:
            if not self.mcp.startswith(("http://", "https://")):
                raise ValueError(
                    "headers: an MCP server over stdio is sent none; they are for one with a URL"
                )
            sent.remove("headers")
        if sent and self.openapi is None:
            raise ValueError(f"{', '.join(sent)}: for OpenAPI files alone; nothing would heed it here")
        if self.toolbox == "http" and not self.hosts:
            raise ValueError(
                "toolbox: http needs the hosts that calls may go to, such as hosts: [api.example.com]"
            )
        return self


_OF_HTTP = ("hosts", "server", "http_methods", "headers", "allow_private")
_SOURCES = ("openapi", "json_", "world", "python", "mcp", "toolset")


class OfflineModel(Record):
    """The embedded rule-based teacher: a grammar, no model, no network."""

    engine: Literal["offline"] = "offline"
    in_flight: int = Field(default=1, ge=1)
    """Conversations under way at once; rules gain nothing from more than one."""


class Price(Record):
    """USD for a million tokens."""

    prompt: float = Field(ge=0.0)
    """Of what is read."""
    completion: float = Field(ge=0.0)
    """Of what is written."""


class OpenAIModel(Record):
    """Any endpoint that speaks OpenAI's chat format, such as vLLM's server."""

    engine: Literal["openai"]
    base_url: Annotated[tuple[str, ...], Field(min_length=1)]
    """One address or a list of them; several serve the same model and share the requests."""
    model: str
    """Its name as the endpoint serves it (`/v1/models`)."""
    in_flight: int = Field(default=16, ge=1)
    """Requests under way at once, at the most, all endpoints together."""
    price: Price | None = None
    temperature: float = Field(default=0.7, ge=0.0, le=2.0)
    """Of the sampling; STE explores with a temperature of its own."""
    max_tokens: int = Field(default=1024, ge=1)
    """Tokens of one completion, at the most."""
    timeout_s: float = Field(default=300.0, gt=0.0)
    """Seconds for one request."""
    retries: int = Field(default=5, ge=0)
    """How often a request that failed is sent again before the run stops."""
    api_key_env: Variable = "OPENAI_API_KEY"
    """The environment variable that holds the key; the key itself never stands in a recipe."""

    @field_validator("base_url", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        addresses = [given] if isinstance(given, str) else given
        if not isinstance(addresses, list | tuple) or not all(isinstance(one, str) for one in addresses):
            raise ValueError("must be an address or a list of addresses")
        if len(set(addresses)) < len(addresses):
            raise ValueError("names an address twice")
        return addresses


class BatchModel(Record):
    """A command that answers files of questions, such as vLLM's `run_batch`."""

    engine: Literal["batch"]
    model: str
    """Its name, as it stands in the files of questions."""
    command: str
    """The command line, run once for each round without a shell; `{input}` and `{output}` are the round's files."""
    max_batch: int = Field(default=512, ge=1)
    """Questions in one round, at the most."""
    in_flight: int = Field(default=512, ge=1)
    """Conversations under way at once; each has one question in a round."""
    temperature: float = Field(default=0.7, ge=0.0, le=2.0)
    """Of the sampling; STE explores with a temperature of its own."""
    max_tokens: int = Field(default=1024, ge=1)
    """Tokens of one completion, at the most."""

    @field_validator("command")
    @classmethod
    def _runnable(cls, command: str) -> str:
        try:
            parts = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"the command line cannot be split ({error})") from None
        if not all(any(mark in part for part in parts[1:]) for mark in ("{input}", "{output}")):
            raise ValueError(
                "a command needs {input} and {output}, such as: vllm run-batch -i {input} -o {output}"
            )
        return command


Model = Annotated[OfflineModel | OpenAIModel | BatchModel, Field(discriminator="engine")]


class LocalModel(Record):
    """A model in a folder, run in this process with transformers (extra `train`)."""

    engine: Literal["local"]
    model: str
    """The folder of weights and tokenizer; relative to the recipe."""
    template: str | None = None
    """A Jinja chat template; the model's own unless given, and ours in the Hermes style where it has none for tools."""
    max_tokens: int = Field(default=256, ge=1)
    """Tokens of one answer, at the most."""
    context: int = Field(default=2048, ge=64)
    """Tokens of prompt and answer together; what is longer is refused, never cut."""
    in_flight: int = Field(default=32, ge=1)
    """Answers that are generated together."""


class SimulatedModel(Record):
    """A learner with a table of skills in place of a model, for rehearsals of the loop."""

    engine: Literal["simulated"]
    skills: str | None = None
    """A file of skills, as its training writes it; a beginner's unless given."""
    seed: int = 0
    """Another seed, other mistakes."""
    in_flight: int = Field(default=1, ge=1)
    """Answers under way at once; it gains nothing from more than one."""


Student = Annotated[OpenAIModel | LocalModel | SimulatedModel, Field(discriminator="engine")]


class Models(Record):
    """Who writes, who rules, and who learns."""

    teacher: Model = OfflineModel()
    """Who writes the conversations, and plays the servers of tools that are simulated."""
    judge: Model | None = None
    """The model that rules where a method asks for a ruling, never `offline`; the teacher unless given."""
    student: Student | None = None
    """The model that a loop improves; it and `loop` need each other."""

    @model_validator(mode="after")
    def _judge_is_a_model(self) -> Models:
        if isinstance(self.judge, OfflineModel):
            raise ValueError("judge: rules cannot judge; leave it out, and the teacher rules")
        return self


MAX_CALLS = 15
"""Turns with calls in one conversation, at the most, whatever a method's own limit is."""


class ToolAlpaca(Record):
    """Multi-agent simulation (Tang et al. 2023)."""

    rows: int | None = Field(default=None, ge=1)
    """At most so many rows; the mix decides how many are wanted."""
    max_steps: int = Field(default=5, ge=1, le=MAX_CALLS)
    """Turns with calls in one conversation (the paper's filter keeps up to 5)."""
    offered: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1, le=64)]] = (3, 8)
    """Tools that a row offers, at least and at most; a row whose calls need more offers those."""
    agreement: bool = False
    """Whether two or three samples of each turn of the assistant's have to agree (LoopTool's rule); one on which they
    do not stays in its row and is learned by nobody. Rules say the same each time, and are asked once."""

    @model_validator(mode="after")
    def _least_comes_first(self) -> ToolAlpaca:
        if self.offered[0] > self.offered[1]:
            raise ValueError("offered: the smaller number comes first")
        return self


class Ste(Record):
    """Simulated trial and error (Wang et al. 2024): one chain of trials for each tool."""

    rows: int | None = Field(default=None, ge=1)
    """At most so many rows; the mix decides how many are wanted."""
    episodes: int = Field(default=15, ge=1, le=200)
    """Episodes of one tool; each begins with an empty short-term memory."""
    trials: int = Field(default=4, ge=1, le=20)
    """Trials of one episode."""
    max_calls: int = Field(default=4, ge=1, le=MAX_CALLS)
    """Calls that one trial may make."""
    temperature: float = Field(default=1.0, ge=0.0, le=2.0)
    """Of the teacher while it explores and paraphrases."""
    paraphrases: int = Field(default=150, ge=0)
    """Examples of one tool that paraphrasing aims at; 0 for none."""
    votes: int = Field(default=1, ge=1, le=MAX_CALLS)
    """How often the filter is asked; the majority rules, and a tie is none."""
    examples: Literal["both", "full", "last"] = "both"
    """Whole trials, their last call alone, or both."""
    max_empty_arguments: Share = 0.1
    """Share of accepted rows in which no call has an argument, at the most, within each kind."""
    short_term_memory: bool = True
    """Whether a trial sees the earlier ones of its episode."""
    long_term_memory: bool = True
    """Whether the model is told what was asked for before, in any episode."""
    reflection: bool = True
    """Whether the model says of each trial if it was solved."""
    execution_feedback: bool = True
    """Whether the model sees what its calls are answered."""


SOURCE_METHODS = ("toolalpaca", "ste")
"""The methods that start from tools; the others rewrite rows."""

_VERSION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}([@:][A-Za-z0-9._-]{1,64})?")


class Rewriting(Record):
    """What all methods have in common that make rows of rows."""

    from_: Annotated[str | tuple[str, ...], Field(alias="from")]
    """The version whose rows are rewritten: `museum@3`, `museum:tag`, or `museum` for the newest. Or a list of methods
    of the same recipe, such as `[toolalpaca]`: the rows that they give to this version."""
    rows: int | None = Field(default=None, ge=1)
    """At most so many rows; the mix decides how many are wanted."""

    @field_validator("from_", mode="before")
    @classmethod
    def _version_or_methods(cls, given: Any) -> Any:
        if isinstance(given, str) and _VERSION.fullmatch(given):
            return given
        if isinstance(given, list | tuple) and given and all(one in SOURCE_METHODS for one in given):
            return tuple(dict.fromkeys(given))
        raise ValueError(
            "must be a version, such as museum@3, or a list of methods that start from tools, such as [toolalpaca]"
        )

    def parts(self, kind: Kind | Literal["any"], rows: int) -> dict[str, int]:
        """Sort of rows (`Explored.part`) -> how many of so many rows of a kind shall be of that sort."""
        return {"": rows}


UserStyle = Literal["terse", "wordy", "evasive", "off_topic", "corrects_himself"]
ERRORS: tuple[str, ...] = ("redundant", "irrelevant", "missed", "misread")


class AskToAct(Rewriting):
    """Masked parameters and clarification dialogues (AskToAct, Zhang et al. 2025)."""

    max_masked: int = Field(default=3, ge=1, le=8)
    """Values that one request loses, at the most."""
    questions_at_once: int = Field(default=1, ge=1, le=8)
    """Values that one question may ask for."""
    styles: Annotated[tuple[UserStyle, ...], Field(min_length=1)] = (
        "terse",
        "wordy",
        "evasive",
        "off_topic",
        "corrects_himself",
    )
    """How the simulated users answer; they take turns."""
    error_share: Share = 0.3
    """Share of the dialogues in which the assistant makes a mistake and corrects itself (the paper's best)."""
    confirm_share: Share = 0.05
    """Share of the dialogues in which the assistant checks what was right, and keeps it."""
    control_share: Share = 0.2
    """Share of all rows, under mix: any, that are whole requests, to be answered without a question."""

    @model_validator(mode="after")
    def _shares_fit(self) -> AskToAct:
        if self.error_share + self.confirm_share > 1.0 or self.control_share >= 1.0:
            raise ValueError(
                "error_share and confirm_share must leave room, and control_share some dialogues"
            )
        return self

    def parts(self, kind: Kind | Literal["any"], rows: int) -> dict[str, int]:
        controls = round(self.control_share * rows) if kind == ANY else 0
        dialogues = rows - controls
        wrong, confirmed = round(self.error_share * dialogues), round(self.confirm_share * dialogues)
        each = {error: wrong // len(ERRORS) + (n < wrong % len(ERRORS)) for n, error in enumerate(ERRORS)}
        confirmed = min(confirmed, dialogues - wrong)
        return {"control": controls, "clean": dialogues - wrong - confirmed, "confirmed": confirmed} | each


class Dag(Rewriting):
    """Serial conversations in rounds of parallel calls (DTA-Llama; Zhu et al. 2025)."""

    join: bool = True
    """Whether planned requests of one toolkit are also joined: a single call has nothing to run beside it."""
    serial: Share = Field(default=0.1, lt=1.0)
    """Share of rows whose calls need each other, kept as they are, at the most; they count with `mix: any` alone."""
    orders: int = Field(default=24, ge=2, le=5040)
    """Orders of one conversation's calls that are executed before a sample of them has to do."""
    thoughts: bool = False
    """Whether a language model says before every round what is done now, and not only where the source did."""


class Methods(Record):
    """How rows are made. A method that is named with `{}` has its defaults; one that is not named makes nothing."""

    toolalpaca: ToolAlpaca | None = None
    ste: Ste | None = None
    asktoact: AskToAct | None = None
    dag: Dag | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def explored(self) -> tuple[str, ...]:
        """Methods that go through chains."""
        return tuple(name for name in self.names if name == "ste" or name in self.rewriting)

    @property
    def rewriting(self) -> dict[str, Rewriting]:
        """Methods whose rows are made of rows."""
        given = {name: getattr(self, name) for name in self.names}
        return {name: one for name, one in given.items() if isinstance(one, Rewriting)}

    @property
    def from_versions(self) -> dict[str, str]:
        """Rewriting method -> the version that it starts from, where it starts from one."""
        return {name: one.from_ for name, one in self.rewriting.items() if isinstance(one.from_, str)}

    @property
    def from_methods(self) -> dict[str, tuple[str, ...]]:
        """Rewriting method -> the methods of the same recipe whose rows it starts from."""
        return {name: one.from_ for name, one in self.rewriting.items() if isinstance(one.from_, tuple)}

    @model_validator(mode="after")
    def _sources_are_there(self) -> Methods:
        for name, sources in self.from_methods.items():
            for source in sources:
                if source not in self.names:
                    raise ValueError(
                        f"{name} starts from rows of {source}, which is no method of this recipe; add {source}: {{}}"
                    )
        return self


class Accept(Record):
    """What a row must have proved ([the ladder](evidence.md))."""

    rung: Literal["L0", "L1", "L2", "L3"] = "L1"
    """The highest rung that every row must pass."""


class Splits(Record):
    """What is held back for measuring ([gates](gates.md))."""

    test: Share = 0.1
    """Share of root tasks whose rows go to the test split."""
    validation: Share = 0.0
    """Share of root tasks whose rows go to the validation split."""
    unseen_tools: Share = 0.0
    """Share of tools that are held out whole, at least one unless 0: rows that offer or call one of them go to the
    split `unseen_tools`."""

    @model_validator(mode="after")
    def _something_is_left(self) -> Splits:
        if self.test + self.validation > 1.0 + 1e-9:
            raise ValueError(f"test and validation add up to {self.test + self.validation:g}, more than all")
        return self


class Duplicates(Record):
    """Which rows are too much like others. Exact copies never stand in a version."""

    near: float = Field(default=0.9, gt=0.0, le=1.0)
    """Likeness from which on the weaker of two rows is left out; 1 turns the search off."""
    encoder: Literal["ngrams", "minilm"] = "ngrams"
    """What compares meaning: spelling alone, or a sentence model (extra `embed`)."""
    most_per_tool: float = Field(default=1.0, gt=0.0, le=1.0)
    """Share of each method's rows of a kind that call one and the same tool, at the most."""


class LeakFile(Record):
    """A benchmark or test set that no row to train on may be like."""

    path: str
    """JSON lines, JSON or parquet, in whatever shape; relative to the recipe, `*` for several."""
    tools: bool = True
    """Whether its tools must not be ours either; false for a test set over the same tools, such as our own."""
    encoder: Literal["ngrams", "minilm"] = "ngrams"
    """What finds paraphrases: spelling alone, or a sentence model as well (extra `embed`)."""


class Budget(Record):
    """What a run may cost. It stops at the line, and the same command goes on when the line is raised."""

    requests: int | None = Field(default=None, ge=1)
    """Questions that a model answers, over all sittings of a run."""
    tokens: int | None = Field(default=None, ge=1)
    """Tokens of prompts and completions, over all sittings of a run."""
    minutes: float | None = Field(default=None, gt=0.0)
    """Of one sitting."""
    usd: float | None = Field(default=None, gt=0.0)
    """By `models.teacher.price`, over all sittings of a run."""


MAKES: Mapping[str, tuple[Kind, ...]] = {
    "toolalpaca": KINDS,
    "ste": ("single", "multi_step", "parallel"),
    "asktoact": ("clarification",),
    "dag": ("parallel",),
}
"""Method -> the kinds that it makes; others of its rows are none that can be asked for."""


class Recipe(Record):
    """One dataset.

    Each kind's rows are shared evenly among the source methods that make the kind (the last table, `MAKES`), the odd
    ones go to the first. A method that would have more than its `rows` keeps that many, of its kinds in proportion;
    the others take the rest.
    """

    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    """Its name; versions are called `NAME@1`, `NAME@2`, ..."""
    size: int = Field(ge=1)
    """Accepted rows in all."""
    seed: int = 0
    """Same recipe and same seed, same rows."""
    tools: tuple[ToolSource, ...] = Field(min_length=1)
    models: Models = Models()
    methods: Methods = Methods(toolalpaca=ToolAlpaca())
    mix: dict[Kind, Share] | Literal["any"] = {
        "single": 0.45,
        "multi_step": 0.25,
        "clarification": 0.2,
        "no_call": 0.1,
    }
    """Kind -> share of the accepted rows; shares add up to 1. `any`, for one method that goes through chains: whatever
    they come to. A rewriting method has as many rows then as its source allows, `size` at the most."""
    accept: Accept = Accept()
    splits: Splits = Splits()
    duplicates: Duplicates = Duplicates()
    leaks: tuple[LeakFile, ...] = ()
    """Benchmarks and test sets, as paths or mappings; a version that repeats any of them is not made."""
    canary: str | None = Field(default=None, min_length=8)
    """A text that stands in every card and in no row; a row that has it was learnt from what was published."""
    views: tuple[ViewName, ...] = ("trl",)
    """The formats that every build exports, each with its defaults ([views](views.md))."""
    budget: Budget = Budget()
    schedule: Schedule | None = None
    """When `callwright serve` builds it: `"0 2 * * *"`, or a mapping."""
    loop: Loop | None = None
    """What `callwright loop` does with it. `callwright build` and `preview` make its seeds then, the dataset
    `NAME-seeds`: the rows that the loop would draw from, over the toolkits that are not held out."""

    @field_validator("leaks", mode="before")
    @classmethod
    def _paths_are_files(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            raise ValueError("must be a list of files")
        return [{"path": one} if isinstance(one, str) else one for one in given]

    @model_validator(mode="after")
    def _loop_has_a_student(self) -> Recipe:
        if (self.loop is None) != (self.models.student is None):
            raise ValueError("loop and models.student need each other: give both or neither")
        if self.loop and self.models.student:
            hook, engine = self.loop.training.hook, self.models.student.engine
            if hook == "trl" and engine != "local":
                raise ValueError(
                    "loop.training: {hook: trl} trains a model in a folder; models.student must have engine: local"
                )
            if (hook == "simulated") != (engine == "simulated"):
                raise ValueError(
                    "loop.training: {hook: simulated} and models.student: {engine: simulated} need each other"
                )
        return self

    @model_validator(mode="after")
    def _mix_is_whole(self) -> Recipe:
        if self.mix == ANY:
            if len(self.methods.names) != 1 or not self.methods.explored:
                raise ValueError(
                    "mix: any is for one method alone that takes what comes, such as methods: {ste: ...}; "
                    "toolalpaca is told what kind to make"
                )
            return self
        total = sum(self.mix.values())
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"mix: the shares add up to {total:g}, not to 1")
        return self

    @model_validator(mode="after")
    def _methods_make_the_mix(self) -> Recipe:
        made = {kind for name in self.methods.names for kind in MAKES[name]}
        missing = [kind for kind in self.quotas() if kind not in made]
        if missing:
            raise ValueError(
                f"mix: no method of this recipe makes {' and '.join(missing)} rows; add toolalpaca: {{}} to "
                "methods, or write mix: any"
            )
        self.shares()
        return self

    @model_validator(mode="after")
    def _samples_can_differ(self) -> Recipe:
        method = self.methods.toolalpaca
        if method and method.agreement and getattr(self.models.teacher, "temperature", None) == 0.0:
            raise ValueError(
                "methods.toolalpaca.agreement: samples at temperature 0 always agree; raise "
                "models.teacher.temperature, or leave agreement out"
            )
        return self

    @model_validator(mode="after")
    def _usd_has_a_price(self) -> Recipe:
        if self.budget.usd is not None and getattr(self.models.teacher, "price", None) is None:
            raise ValueError(
                "budget.usd needs models.teacher.price: {prompt: ..., completion: ...}, USD for a million tokens"
            )
        if self.budget.usd is not None and self.models.judge is not None:
            raise ValueError(
                "budget.usd knows the teacher's price alone; with a judge, limit requests or tokens"
            )
        return self

    def quotas(self) -> dict[Kind, int]:
        """Rows per kind by the largest remainder; ties go to the kind that is named first in KINDS. `any`: none."""
        if not isinstance(self.mix, dict):
            return {}
        return {kind: count for kind, count in _portions(self.mix, self.size).items() if count}

    def shares(self) -> dict[tuple[str, Kind | Literal["any"]], int]:
        """(Method, kind) -> rows wanted, also where none are at first: methods help each other out.

        Raises:
            ValueError: The `rows` of the methods leave less than the mix asks for.
        """
        caps = {name: getattr(self.methods, name).rows or self.size for name in self.methods.names}
        if self.mix == ANY:
            [(name, cap)] = caps.items()
            if name not in self.methods.rewriting:
                self._check_room(self.size - cap)
            return {(name, ANY): min(self.size, cap)}
        wanted: dict[str, dict[Kind, int]] = {name: {} for name in caps}
        for kind, count in self.quotas().items():
            makers = [name for name in caps if kind in MAKES[name]]
            for index, name in enumerate(makers):
                wanted[name][kind] = count // len(makers) + (index < count % len(makers))
        unmade = 0
        for name, cap in caps.items():
            given = wanted[name]
            total = sum(given.values())
            kept = (
                _portions({kind: count / total for kind, count in given.items()}, cap)
                if total > cap
                else given
            )
            for kind, count in given.items():
                excess = count - kept[kind]
                wanted[name] = wanted[name] | {kind: kept[kind]}
                for other, room in caps.items():
                    if other != name and kind in wanted[other]:
                        moved = max(0, min(excess, room - sum(wanted[other].values())))
                        wanted[other][kind] += moved
                        excess -= moved
                unmade += excess
        self._check_room(unmade)
        return {(name, kind): count for name, given in wanted.items() for kind, count in given.items()}

    def _check_room(self, unmade: int) -> None:
        if unmade > 0:
            raise ValueError(
                f"methods: the `rows` of the methods leave {unmade} rows to nobody; raise them or lower size"
            )

    def resolved(self) -> dict[str, Any]:
        """The recipe with every default written out, as JSON values."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _portions(shares: Mapping[Kind, float], total: int) -> dict[Kind, int]:
    """A total in whole parts; ties go to the kind that is named first in KINDS."""
    return portions({kind: shares.get(kind, 0.0) for kind in KINDS}, total)
