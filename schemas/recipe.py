"""A recipe: one YAML file that describes one dataset. `engine.recipes` reads it and words its errors."""

from __future__ import annotations

import shlex
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from callwright.schemas.base import Record
from callwright.schemas.task import KINDS, Kind

ViewName = Literal["trl", "toolbench", "ste-sft", "ste-icl", "ste-rehearsal", "review"]
"""Formats that consumers load; `docs/views.md` says what each is for."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ToolSource(Record):
    """Where tools come from: exactly one of `openapi`, `json`, `world`, `python` and `mcp`."""

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
    phrases: str | None = None
    """A phrase sheet; `NAME.phrases.yaml` beside the tool file is found by itself."""
    name: str | None = None
    """Name of the toolkit; from the file unless given."""
    toolbox: Literal["simulated", "http"] = "simulated"
    """What runs the calls of an OpenAPI file: rules or a model that play the server, or the real server."""
    hosts: tuple[str, ...] = ()
    """Hosts that calls may go to; none unless they are listed."""
    server: str | None = None
    """The server's address, in place of the one in the OpenAPI file."""
    http_methods: tuple[str, ...] = ("GET", "HEAD")
    """HTTP methods that are really sent."""
    headers: dict[str, str] = {}
    """Header -> the environment variable that holds its value, for credentials."""
    allow_private: bool = False
    """Whether listed hosts may be of the machine's own or a private network."""

    @model_validator(mode="after")
    def _one_source(self) -> ToolSource:
        given = [one for one in _SOURCES if getattr(self, one)]
        if len(given) != 1:
            raise ValueError("a tool source needs exactly one of openapi, json, world, python and mcp")
        if self.toolbox == "http" and self.openapi is None:
            raise ValueError("toolbox: http is for OpenAPI files; they say where a call goes")
        if self.toolbox == "http" and not self.hosts:
            raise ValueError(
                "toolbox: http needs the hosts that calls may go to, such as hosts: [api.example.com]"
            )
        return self


_SOURCES = ("openapi", "json_", "world", "python", "mcp")


class OfflineModel(Record):
    """The embedded rule-based teacher: a grammar, no model, no network."""

    engine: Literal["offline"] = "offline"
    in_flight: int = Field(default=1, ge=1)
    """Conversations under way at once; rules gain nothing from more than one."""


class Price(Record):
    """USD for a million tokens."""

    prompt: float = Field(ge=0.0)
    completion: float = Field(ge=0.0)


class OpenAIModel(Record):
    """Any endpoint that speaks OpenAI's chat format, such as vLLM's server."""

    engine: Literal["openai"]
    base_url: Annotated[tuple[str, ...], Field(min_length=1)]
    """One address or a list of them; several serve the same model and share the requests."""
    model: str
    in_flight: int = Field(default=16, ge=1)
    """Requests under way at once, at the most, all endpoints together."""
    price: Price | None = None
    temperature: float = Field(default=0.7, ge=0.0, le=2.0)
    max_tokens: int = Field(default=1024, ge=1)
    """Tokens of one completion, at the most."""
    timeout_s: float = Field(default=300.0, gt=0.0)
    """Seconds for one request."""
    retries: int = Field(default=5, ge=0)
    api_key_env: str = "OPENAI_API_KEY"
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
    command: str
    """The command line, run once for each round without a shell; `{input}` and `{output}` are the round's files."""
    max_batch: int = Field(default=512, ge=1)
    """Questions in one round, at the most."""
    in_flight: int = Field(default=512, ge=1)
    """Conversations under way at once; each has one question in a round."""
    temperature: float = Field(default=0.7, ge=0.0, le=2.0)
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


class Models(Record):
    teacher: Model = OfflineModel()


class ToolAlpaca(Record):
    """Multi-agent simulation (Tang et al. 2023)."""

    rows: int | None = Field(default=None, ge=1)
    """At most so many rows; the mix decides how many are wanted."""
    max_steps: int = Field(default=5, ge=1, le=15)
    """Turns with calls in one conversation (the paper's filter keeps up to 5)."""


class Methods(Record):
    toolalpaca: ToolAlpaca | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in type(self).model_fields if getattr(self, name) is not None)


class Accept(Record):
    rung: Literal["L0", "L1", "L2", "L3"] = "L1"
    """The highest rung that every row must pass."""


class Splits(Record):
    test: Share = 0.1
    """Share of root tasks whose rows go to the test split."""


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


class Recipe(Record):
    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    size: int = Field(ge=1)
    """Accepted rows in all."""
    seed: int = 0
    tools: tuple[ToolSource, ...] = Field(min_length=1)
    models: Models = Models()
    methods: Methods = Methods(toolalpaca=ToolAlpaca())
    mix: dict[Kind, Share] = {"single": 0.45, "multi_step": 0.25, "clarification": 0.2, "no_call": 0.1}
    """Kind -> share of the accepted rows; shares add up to 1."""
    accept: Accept = Accept()
    splits: Splits = Splits()
    views: tuple[ViewName, ...] = ("trl",)
    budget: Budget = Budget()

    @model_validator(mode="after")
    def _mix_is_whole(self) -> Recipe:
        total = sum(self.mix.values())
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"mix: the shares add up to {total:g}, not to 1")
        return self

    @model_validator(mode="after")
    def _usd_has_a_price(self) -> Recipe:
        if self.budget.usd is not None and getattr(self.models.teacher, "price", None) is None:
            raise ValueError(
                "budget.usd needs models.teacher.price: {prompt: ..., completion: ...}, USD for a million tokens"
            )
        return self

    def quotas(self) -> dict[Kind, int]:
        """Rows per kind by the largest remainder; ties go to the kind that is named first in KINDS."""
        exact = {kind: self.mix.get(kind, 0.0) * self.size for kind in KINDS}
        counts = {kind: int(share + 1e-9) for kind, share in exact.items()}
        by_remainder = sorted(KINDS, key=lambda kind: (counts[kind] - exact[kind], KINDS.index(kind)))
        for kind in by_remainder[: self.size - sum(counts.values())]:
            counts[kind] += 1
        return {kind: count for kind, count in counts.items() if count}

    def resolved(self) -> dict[str, Any]:
        """The recipe with every default written out, as JSON values."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
