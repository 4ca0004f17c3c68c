"""Compute a version's names anew from the bodies that are stored, and name whatever does not fit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from callwright.schemas.base import digest
from callwright.schemas.tool import UNNAMED, Tool
from callwright.schemas.upkeep import Damage, Verification
from callwright.schemas.version import Version
from callwright.store.chats import RULES, ChatTexts
from callwright.store.pages import Read, pages
from callwright.store.rows import version_id

_ROWS = """
    SELECT r.trajectory, r.split, c, t.task, t.teacher, t.body, k.id, k.root, k.method, k.kind, k.attempt, k.body
    FROM version_rows r LEFT JOIN trajectories t ON t.id = r.trajectory AND t.id BETWEEN ? AND ?
        LEFT JOIN tasks k ON k.id = t.task
        LEFT JOIN chats c ON c.id = r.trajectory AND c.rules = ? AND c.id BETWEEN ? AND ?
    WHERE r.dataset = ? AND r.number = ? AND r.ordinal BETWEEN ? AND ? ORDER BY r.ordinal
"""
_SAID = """
    SELECT s.id, s.body, {columns} FROM {table} s
    WHERE s.trajectory IN (SELECT trajectory FROM version_rows WHERE dataset = ? AND number = ?)
"""
_COLUMNS = {
    "verdicts": ("trajectory", "judge", "rung", "outcome", "code", "step"),
    "probes": ("task", "trajectory", "step", "student"),
}


def verified(read: Read, version: Version) -> Verification:
    """Check every record that a version's rows consist of.

    A row's id covers its messages and its tools, a task's, a verdict's and a probe's all that is in it; the version's
    id covers rows, splits and the recipe's digest. Columns are compared with the bodies that they were taken from.
    """
    check = _Check(read)
    members: list[tuple[str, str]] = []
    for page in pages(read, version):
        asked = (*page.ids, RULES, *page.ids, version.dataset, version.number, *page.ordinals)
        for found in read(_ROWS, *asked):
            members.append(found[:2])
            check.row(found[0], *found[2:])
    for table, columns in _COLUMNS.items():
        query = _SAID.format(table=table, columns=", ".join(f"s.{column}" for column in columns))
        for id_, body, *values in read(query, version.dataset, version.number):
            check.said(table, id_, body, dict(zip(columns, values, strict=True)))
    name = version_id(members, version.recipe_digest)
    if name != version.id:
        check.damaged(
            "versions",
            version.id,
            f"its {len(members)} rows, their splits and the recipe's digest have the id {name}",
        )
    return Verification(
        version=version.name, rows=len(members), checked=dict(check.checked), damage=tuple(check.damage)
    )


class _Check:
    def __init__(self, read: Read) -> None:
        self.checked: Counter[str] = Counter()
        self.damage: list[Damage] = []
        self._read = read
        self._tools: dict[str, Tool | None] = {}
        self._texts = ChatTexts(self._tool)
        self._tasks: set[str] = set()

    def damaged(self, table: str, id_: str, message: str) -> None:
        self.damage.append(Damage(table=table, id=id_, message=message))

    def row(
        self,
        id_: str,
        chat: Mapping[str, Any] | None,
        task_id: str | None,
        teacher: str,
        body: str | None,
        *task: Any,
    ) -> None:
        """One conversation with its task, which both may be gone, and its text for chat trainers, which may be none."""
        self.checked["trajectories"] += 1
        if body is None:
            self.damaged("trajectories", id_, "it is missing")
            return
        if task[0] is None:
            self.damaged("tasks", str(task_id), f"it is missing; the row {id_} needs it")
            return
        asked = self._task(*task)
        said = self._parsed("trajectories", id_, body)
        if asked is None or said is None:
            return
        try:
            tools = [tool.wire() if (tool := self._tool(one)) else None for one in asked["tools"]]
            held = (said["task"], said["provenance"]["teacher"])
            messages = said["messages"]
        except (KeyError, TypeError) as error:
            self.damaged("trajectories", id_, f"its body lacks {error}")
            return
        if None not in tools and self._same(
            "trajectories", id_, digest({"messages": messages, "tools": tools})
        ):
            self._chat(id_, chat, said, asked)
        if held != (task_id, teacher):
            self.damaged("trajectories", id_, "its columns task and teacher are not those of its body")

    def _chat(
        self, id_: str, found: Mapping[str, Any] | None, said: Mapping[str, Any], asked: Mapping[str, Any]
    ) -> None:
        if found is None:
            return
        self.checked["chats"] += 1
        if found != self._texts.row(id_, said, asked):
            self.damaged("chats", id_, "it is not what its conversation gives")

    def said(self, table: str, id_: str, body: str, columns: Mapping[str, Any]) -> None:
        """A verdict or a probe, and its columns."""
        self.checked[table] += 1
        parsed = self._parsed(table, id_, body)
        if parsed is None:
            return
        if not self._same(table, id_, digest(parsed)):
            return
        other = [name for name, value in columns.items() if parsed.get(name) != value]
        if other:
            self.damaged(table, id_, f"its column {other[0]} is not that of its body")

    def _task(
        self, id_: str, root: str, method: str, kind: str, attempt: int, body: str
    ) -> dict[str, Any] | None:
        parsed = self._parsed("tasks", id_, body)
        if id_ in self._tasks or parsed is None:
            return parsed
        self._tasks.add(id_)
        self.checked["tasks"] += 1
        held = [parsed.get(name) for name in ("method", "kind", "attempt")]
        if self._same("tasks", id_, digest(parsed)) and [parsed.get("parent") or id_, *held] != [
            root,
            method,
            kind,
            attempt,
        ]:
            self.damaged("tasks", id_, "its columns are not those of its body")
        return parsed

    def _tool(self, id_: str) -> Tool | None:
        """The tool, checked once."""
        if id_ not in self._tools:
            self._tools[id_] = self._checked_tool(id_)
        return self._tools[id_]

    def _checked_tool(self, id_: str) -> Tool | None:
        self.checked["tools"] += 1
        body = next((body for (body,) in self._read("SELECT body FROM tools WHERE id = ?", id_)), None)
        if body is None:
            self.damaged("tools", id_, "it is missing")
            return None
        parsed = self._parsed("tools", id_, body)
        if parsed is None:
            return None
        named = {name: value for name, value in parsed.items() if name not in UNNAMED}
        if not self._same("tools", id_, digest(named)):
            return None  # the rows that offer it are not to blame
        try:
            return Tool.model_validate(parsed)
        except ValueError:
            self.damaged("tools", id_, "its body is no tool")
            return None

    def _parsed(self, table: str, id_: str, body: str) -> dict[str, Any] | None:
        try:
            parsed = json.loads(body)
        except ValueError as error:
            self.damaged(table, id_, f"its body is no JSON ({error})")
            return None
        if not isinstance(parsed, dict):
            self.damaged(table, id_, "its body is no JSON object")
            return None
        return parsed

    def _same(self, table: str, id_: str, found: str) -> bool:
        if found != id_:
            self.damaged(table, id_, f"its body has the id {found}")
        return found == id_
