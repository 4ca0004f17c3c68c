"""The view `prime-rl`: rows of a `verifiers` environment, which prime-rl trains on, and the rewards for its rubric."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from callwright.schemas.base import Record
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.contract import ObjectText, line_faults
from callwright.views.decisions import (
    REWARD,
    Decision,
    Options,
    Said,
    decisions,
    prompt_faults,
    reward_fault,
    reward_source,
    truth_faults,
    truth_of,
)
from callwright.views.folder import Manifest
from callwright.views.lines import Lines, export_lines
from callwright.views.rows import Row, ToolTexts, checked, checked_json
from callwright.views.turns import REASONS

ABOUT = """
Rows of a single-turn environment of `verifiers`: one for each turn of the assistant's in which it has to decide.
`prompt` is plain text (tools in the system message, calls between `<tool_call>` tags), `answer` the right calls, and
`info` JSON text with the calls and the schemas of the offered tools. `reward.py` measures answers; put `call_match`,
`call_share` or `argument_share` in the rubric.
"""
_LABELS = ("id", "kind", "method", "toolkit", "evidence")


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """
    tools = ToolTexts(lambda tool: tool.wire()["function"])
    schemas = ToolTexts(lambda tool: tool.parameters)

    def write(lines: Lines) -> None:
        (lines.folder / REWARD).write_text(reward_source(), encoding="utf-8")
        numbers: Counter[str] = Counter()

        def made(row: Row) -> tuple[str, list[str]]:
            texts = []
            for one in decisions(row, tools, options, lines.dropped):
                texts.append(_text(version, row, one, schemas, numbers[row.split]))
                numbers[row.split] += 1
            return row.split, texts

        for split, texts in checked(store, version, made):
            for text in texts:
                lines.add(split, text)

    return export_lines(
        version, folder, "prime-rl", options, ABOUT, write, reasons=REASONS, overwrite=overwrite
    )


def _text(version: Version, row: Row, decision: Decision, schemas: ToolTexts, number: int) -> str:
    truth = truth_of(row, decision, schemas)
    told = checked_json({**row.labels, "evidence": row.evidence, "turn": decision.turn})
    answer = [{"name": call.name, "arguments": call.arguments} for call in decision.calls]
    return checked_json(
        {
            "example_id": number,
            "task": version.dataset,
            "prompt": decision.prompt,
            "answer": json.dumps(answer, ensure_ascii=False),
            "info": f"{truth[:-1]}, {told[1:]}",
        }
    )


class _Line(Record):
    example_id: int
    task: str
    prompt: tuple[Said, ...]
    answer: str
    info: ObjectText


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view, file and line by line."""
    return [*reward_fault(folder), *line_faults(folder, _Line, _faults)]


def _faults(line: _Line) -> Iterator[str]:
    yield from prompt_faults(line.prompt)
    info = json.loads(line.info)
    yield from (f"info: {name} is missing" for name in (*_LABELS, "turn") if name not in info)
    truth = {name: info[name] for name in ("calls", "tools") if name in info}
    yield from truth_faults(json.dumps(truth))
    try:
        told = json.loads(line.answer)
    except ValueError as error:
        yield f"answer: is no JSON ({error})"
        return
    if told != info.get("calls"):
        yield "answer: is not what info says"
