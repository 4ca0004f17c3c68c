"""The view `roles`: each conversation split over a planner, a caller and a summarizer, three models in place of one.

The division of work is that of Shen et al. 2024 (Small LLMs Are Weak Tool Learners, arXiv 2401.07324), section 3. Its
planner gives reasons; ours does where the row has reasoning, and none is made up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from callwright.errors import ReplyError
from callwright.llm import hermes as hermes_text
from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, Message, SystemMessage
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views import hermes
from callwright.views.contract import line_faults
from callwright.views.decisions import Said, chat, prompt_faults
from callwright.views.folder import Manifest
from callwright.views.lines import Lines, export_lines
from callwright.views.loss import wrong_spans
from callwright.views.parallel import Options, reshaped
from callwright.views.rows import Row, ToolTexts, checked, checked_json
from callwright.views.turns import REASONS, NoPlaceError

ABOUT = """
Each learned turn split over three roles, a config for each: the `planner` says what is next and which tools are called,
the `caller` writes these calls and sees the documentation of these tools alone, the `summarizer` writes to the person.
Rows are `prompt` and `completion`, plain text; a trainer learns the completion.
"""
ROLES = ("planner", "caller", "summarizer")
_PLAN = "\n\nThe plan: "


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """
    tools = ToolTexts(lambda tool: tool.wire()["function"])

    def write(lines: Lines) -> None:
        made = checked(store, version, lambda row: (row.split, _split(row, options, tools, lines.dropped)))
        for split, found in made:
            for role, text in found:
                lines.add(split, text, role)

    return export_lines(version, folder, "roles", options, ABOUT, write, reasons=REASONS, overwrite=overwrite)


def _split(row: Row, options: Options, tools: ToolTexts, dropped: Counter[str]) -> list[tuple[str, str]]:
    """Role and line of each part of each learned turn."""
    try:
        if not row.tools:
            raise NoPlaceError("no_tools")
        if any(isinstance(one, SystemMessage) for one in row.messages[1:]):
            raise NoPlaceError("system_later")
        messages = reshaped(row.messages, options.parallel, dropped)
        found = []
        for place, turn in enumerate(messages):
            if not isinstance(turn, AssistantMessage):
                continue
            if not turn.train or wrong_spans(turn):
                dropped["turn_not_learned"] += 1
                continue
            dropped["text_beside_a_call"] += bool(turn.tool_calls and turn.content)
            parts = _parts(row, messages[:place], turn, tools)
            found += [(role, _line(row, place, prompt, said)) for role, prompt, said in parts]
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return []
    return found


def _parts(
    row: Row, messages: Sequence[Message], turn: AssistantMessage, tools: ToolTexts
) -> Iterator[tuple[str, list[dict[str, str]], str]]:
    """Role, prompt and what it says, for each role that has a part in the turn after these messages."""
    before = [one for one in chat(row.system, messages, "") if one["role"] != "system"]
    named = [call.name for call in turn.tool_calls]
    plan: dict[str, Any] = {"reason": turn.reasoning} if turn.reasoning else {}
    plan |= {"next": "caller", "tools": named} if named else {"next": "summarizer"}
    planned = json.dumps(plan, ensure_ascii=False)
    texts = dict(zip((tool.name for tool in row.tools), tools.of(row.tools), strict=True))
    yield "planner", _prompt(row, "planner", list(texts.values()), before), planned
    if not named:
        yield "summarizer", _prompt(row, "summarizer", list(texts.values()), before), turn.content
        return
    # What was called before stays documented: its calls stand in the conversation.
    earlier = [one for one in messages if isinstance(one, AssistantMessage)]
    shown = {call.name for one in (*earlier, turn) for call in one.tool_calls}
    if not texts.keys() >= shown:
        raise NoPlaceError("not_offered")
    chosen = [text for name, text in texts.items() if name in shown]
    system, *rest = _prompt(row, "caller", chosen, before)
    asked = [{**system, "content": f"{system['content']}{_PLAN}{planned}"}, *rest]
    yield "caller", asked, hermes.said(turn.model_copy(update={"content": ""}))


def _prompt(row: Row, role: str, tools: Sequence[str], before: list[dict[str, str]]) -> list[dict[str, str]]:
    told = hermes.told(tools, f"roles_{role}")
    system = f"{row.system}\n\n{told}" if row.system else told
    return [{"role": "system", "content": system}, *before]


def _line(row: Row, turn: int, prompt: list[dict[str, str]], said: str) -> str:
    completion = [{"role": "assistant", "content": said}]
    return checked_json({**row.labels, "turn": turn, "prompt": prompt, "completion": completion})


class _Reply(Record):
    role: Literal["assistant"]
    content: str = Field(min_length=1)


class _Line(Record):
    id: str
    kind: str
    method: str
    toolkit: str
    turn: int
    prompt: tuple[Said, ...]
    completion: tuple[_Reply]


class _Plan(Record):
    reason: str | None = None
    next: Literal["caller", "summarizer"]
    tools: tuple[str, ...] | None = None


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view, file and line by line."""
    found = []
    checks = {"planner": _planner_faults, "caller": _caller_faults, "summarizer": _summarizer_faults}
    for role, check in checks.items():
        if (folder / role).is_dir():
            found += line_faults(folder, _Line, check, f"{role}/*.jsonl")
    return found if (folder / "planner").is_dir() else [*found, f"{folder}: has no planner"]


def _planner_faults(line: _Line) -> Iterator[str]:
    yield from prompt_faults(line.prompt)
    try:
        plan = _Plan.model_validate_json(line.completion[0].content, strict=True)
    except ValueError:
        yield "completion: is no plan"
        return
    if (plan.next == "caller") != bool(plan.tools):
        yield "completion: names tools where none is called, or none where some are"
    yield from (f"completion: {name} is not offered" for name in plan.tools or () if not _told(line, name))


def _caller_faults(line: _Line) -> Iterator[str]:
    yield from prompt_faults(line.prompt)
    text = line.prompt[0].content.rpartition(_PLAN)[2]
    try:
        plan = _Plan.model_validate_json(text, strict=True)
        said, calls = hermes_text.read(line.completion[0].content)
    except (ValueError, ReplyError) as error:
        yield f"completion or plan: {error}"
        return
    if said or [call.name for call in calls] != list(plan.tools or ()):
        yield "completion: is not what is planned"
    yield from (f"completion: {call.name} is not offered" for call in calls if not _told(line, call.name))


def _summarizer_faults(line: _Line) -> Iterator[str]:
    yield from prompt_faults(line.prompt)
    if "<tool_call>" in line.completion[0].content:
        yield "completion: calls something"


def _told(line: _Line, name: str) -> bool:
    """Whether a tool is documented in the system message."""
    return f'{{"name": {json.dumps(name)}, ' in line.prompt[0].content
