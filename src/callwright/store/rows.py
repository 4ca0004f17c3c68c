"""What goes into a store, and its form in the tables: a few columns to filter by, and a JSON body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa

from callwright.schemas.base import digest
from callwright.schemas.probe import Probe
from callwright.schemas.task import Kind, Task, Trajectory
from callwright.schemas.tool import Toolkit
from callwright.schemas.verdict import Verdict
from callwright.schemas.version import Drop, LedgerEntry, Member, Statistics

BATCH = 1_000
"""Rows on their way into the store at once: what bounds memory."""

T = TypeVar("T")


@dataclass(frozen=True)
class TaskRow:
    """A task by its id, tools by theirs; `body` is `Task.record()`."""

    id: str
    body: Mapping[str, Any]

    @classmethod
    def of(cls, task: Task) -> TaskRow:
        return cls(task.id, task.record())


@dataclass(frozen=True)
class TrajectoryRow:
    """A conversation by its id; `body` is `Trajectory.record()`, `task` the record of its task."""

    id: str
    kind: Kind
    body: Mapping[str, Any]
    task: Mapping[str, Any]

    @classmethod
    def of(cls, trajectory: Trajectory) -> TrajectoryRow:
        return cls(trajectory.id, trajectory.kind, trajectory.record(), trajectory.task.record())


@dataclass(frozen=True)
class Commit:
    """All that one finished build hands to the store. Iterables are read once, in batches."""

    dataset: str
    recipe: Mapping[str, Any]
    """The resolved recipe."""
    recipe_digest: str
    members: Sequence[Member]
    statistics: Statistics = field(default_factory=Statistics)
    toolkits: Iterable[Toolkit] = ()
    tasks: Iterable[TaskRow] = ()
    trajectories: Iterable[TrajectoryRow] = ()
    """Those of members and those that a gate dropped."""
    verdicts: Iterable[Verdict] = ()
    probes: Iterable[Probe] = ()
    ledger: Iterable[LedgerEntry] = ()
    drops: Iterable[Drop] = ()

    @cached_property
    def version_id(self) -> str:
        """Digest of the members with their splits and of the recipe digest; history is not in it."""
        return version_id(((one.trajectory, one.split) for one in self.members), self.recipe_digest)


def version_id(members: Iterable[tuple[str, str]], recipe_digest: str) -> str:
    """The id of the version that has these (conversation, split)."""
    return digest([sorted(map(list, members)), recipe_digest])


def text_of(value: Any) -> str:
    """JSON text that keeps the order of keys: the order of a tool's arguments is what a model sees."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if text.isascii() or _is_unicode(text):
        return text
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _is_unicode(text: str) -> bool:
    """False for half a surrogate pair, which a model can write and no UTF-8 file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def batches(rows: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch


def _strings(*names: str) -> list[tuple[str, pa.DataType]]:
    return [(name, pa.string()) for name in names]


def _numbers(*names: str) -> list[tuple[str, pa.DataType]]:
    return [(name, pa.int64()) for name in names]


SCHEMAS: dict[str, pa.Schema] = {
    "tools": pa.schema(_strings("id", "name", "toolkit", "body")),
    "tasks": pa.schema(_strings("id", "root", "method", "kind", "body") + _numbers("attempt")),
    "trajectories": pa.schema(_strings("id", "task", "kind", "teacher", "body")),
    "chats": pa.schema(
        _strings("id", "rules", "code", "message", "toolkit", "teacher")
        + [(name, pa.list_(pa.string())) for name in ("messages", "tools", "prompts", "trusts")]
        + [("masked", pa.int64()), ("wrong", pa.bool_()), ("numbers", pa.bool_())]
    ),
    "edges": pa.schema(_strings("child", "parent", "step")),
    "verdicts": pa.schema(
        _strings("id", "trajectory", "judge", "rung", "outcome", "code", "body") + _numbers("step")
    ),
    "probes": pa.schema(_strings("id", "task", "trajectory", "student", "body") + _numbers("step")),
    "calls": pa.schema(
        _strings("key", "purpose", "model", "item", "request", "response")
        + _numbers("prompt_tokens", "completion_tokens")
    ),
    "version_rows": pa.schema(
        _strings("dataset", "trajectory", "split", "kind", "method", "reason") + _numbers("number", "ordinal")
    ),
    "version_drops": pa.schema(
        _strings("dataset", "method", "kind", "gate", "code", "message", "trajectory")
        + _numbers("number", "ordinal", "attempt")
    ),
}
"""Columns that are written by batches. A table here is also the list of names that may be inserted into."""


class Clustering(NamedTuple):
    """How a table that grows with a version's rows is kept free of twins without an index."""

    by: str
    """A digest, by whose first digits its rows lie; the same for all rows with one key."""
    keys: tuple[str, ...]
    """Columns that name a row."""


CLUSTERED = {
    "tasks": Clustering("id", ("id",)),
    "trajectories": Clustering("id", ("id",)),
    "chats": Clustering("id", ("id", "rules")),
    "edges": Clustering("child", ("child", "parent", "step")),
    "verdicts": Clustering("trajectory", ("id",)),
    "probes": Clustering("trajectory", ("id",)),
    "calls": Clustering("key", ("key",)),
}

Row = dict[str, Any]


def tool_rows(toolkits: Iterable[Toolkit]) -> Iterator[Row]:
    for toolkit in toolkits:
        for tool in toolkit.tools:
            body = text_of(tool.model_dump(mode="json"))
            yield {"id": tool.id, "name": tool.name, "toolkit": toolkit.name, "body": body}


def task_row(task: TaskRow) -> Row:
    body = task.body
    return {
        "id": task.id,
        "root": body["parent"] or task.id,
        "method": body["method"],
        "kind": body["kind"],
        "attempt": body["attempt"],
        "body": text_of(body),
    }


def trajectory_row(trajectory: TrajectoryRow) -> Row:
    body = trajectory.body
    return {
        "id": trajectory.id,
        "task": body["task"],
        "kind": trajectory.kind,
        "teacher": body["provenance"]["teacher"],
        "body": text_of(body),
    }


def verdict_row(verdict: Verdict) -> Row:
    body = verdict.model_dump(mode="json")
    columns = ("trajectory", "judge", "rung", "outcome", "code", "step")
    return {"id": verdict.id, **{name: body[name] for name in columns}, "body": text_of(body)}


def probe_row(probe: Probe) -> Row:
    body = probe.model_dump(mode="json")
    columns = ("task", "trajectory", "step", "student")
    return {"id": probe.id, **{name: body[name] for name in columns}, "body": text_of(body)}


def call_row(entry: LedgerEntry) -> Row:
    return {
        **entry.model_dump(mode="json"),
        "request": text_of(entry.request),
        "response": text_of(entry.response),
    }


def member_rows(commit: Commit, number: int) -> Iterator[Row]:
    """By id of the conversation: the same set has the same order wherever it was built."""
    members = sorted(commit.members, key=lambda one: one.trajectory)
    for ordinal, member in enumerate(members):
        yield {"dataset": commit.dataset, "number": number, "ordinal": ordinal, **member.model_dump()}


def drop_rows(commit: Commit, number: int) -> Iterator[Row]:
    for ordinal, drop in enumerate(commit.drops):
        yield {"dataset": commit.dataset, "number": number, "ordinal": ordinal, **drop.model_dump()}


def task_edges(tasks: Iterable[TaskRow]) -> list[Row]:
    """A rewritten task descends from its root, by the method that rewrote it."""
    return [
        {"child": task.id, "parent": task.body["parent"], "step": task.body["method"]}
        for task in tasks
        if task.body["parent"]
    ]


def trajectory_edges(trajectories: Sequence[TrajectoryRow]) -> list[Row]:
    """A conversation comes from its task, and a rewritten one from another conversation, too."""
    rollouts = [{"child": one.id, "parent": one.body["task"], "step": "rollout"} for one in trajectories]
    sources = [(one.id, one.body["provenance"].get("source")) for one in trajectories]
    return rollouts + [
        {"child": child, "parent": parent, "step": "rewrite"}
        for child, parent in sources
        if parent not in (None, child)
    ]
