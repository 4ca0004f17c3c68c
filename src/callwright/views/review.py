"""The view `review`: the test rows for a person to check by hand, as STE's authors checked theirs.

`default/test.jsonl` has two empty columns, `ok` and `note`; `review.html` shows the same rows, takes the person's
rulings and saves them as JSON lines. The page is one file: it loads nothing and sends nothing.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.folder import Manifest
from callwright.views.lines import DEFAULT, Lines, export_lines
from callwright.views.rows import Row, arguments_of, checked, checked_json
from callwright.views.turns import REASONS

ABOUT = """
The test rows, to be checked by a person before anybody is measured on them. Open `review.html` in a browser, rule on
each row, and save: it writes the rows as `reviewed.jsonl` with `ok` (`yes` or `no`) and `note` filled in. Or fill the
two columns of `default/test.jsonl` with your own tools.
"""
PAGE = "review.html"
_TEMPLATE = Template((files("callwright.views") / PAGE).read_text(encoding="utf-8"))


class Options(Record):
    """This view has none."""


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, there is no test row, or something else is in the place.
    """

    def write(lines: Lines) -> None:
        found = checked(
            store, version, lambda row: _text(store, row) if row.split in ("test", "unseen_tools") else ""
        )
        for text in filter(None, found):
            lines.add("test", text)
        if lines.rows:
            lines.close()
            with (lines.folder / PAGE).open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(_page(version, lines.folder / DEFAULT / "test.jsonl"))

    return export_lines(
        version, folder, "review", options, ABOUT, write, reasons=REASONS, overwrite=overwrite
    )


def _text(store: Store, row: Row) -> str:
    body: dict[str, Any] = row.labels | {"teacher": row.teacher}
    body["query"] = next((one.content for one in row.messages if isinstance(one, UserMessage)), "")
    body["conversation"] = [said for message in row.messages for said in _said(message)]
    body["tools"] = [tool.name for tool in row.tools]
    body["verdicts"] = [
        {name: getattr(one, name) for name in ("rung", "judge", "outcome", "code", "message")}
        for one in store.verdicts(row.id)
    ]
    return checked_json(body | {"ok": "", "note": ""})


def _said(message: Message) -> Iterator[dict[str, str]]:
    """What a message says, as who and what: a call is `name` with its arguments as they were written."""
    if isinstance(message, AssistantMessage):
        mark = "" if message.train else " (not to be learned)"
        for call in message.tool_calls:
            arguments_of(call.arguments, call.id)
        if message.content or not message.tool_calls:
            yield {"who": f"assistant{mark}", "text": message.content}
        yield from (
            {"who": f"call{mark}", "text": f"{one.name} {one.arguments}"} for one in message.tool_calls
        )
    elif isinstance(message, ToolMessage):
        status = "" if message.observation.succeeded else f" ({message.observation.status})"
        yield {"who": f"result{status}", "text": message.content}
    elif isinstance(message, SystemMessage | UserMessage):
        yield {"who": message.role, "text": message.content}


def _page(version: Version, path: Path) -> Iterator[str]:
    """The HTML page, a row at a time. Every text of a row is escaped: rows hold what strangers wrote."""
    head, foot = _TEMPLATE.substitute(title=html.escape(version.name), rows="\0").split("\0")
    yield head
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            yield _section(number, line, json.loads(line))
    yield foot


def _section(number: int, line: str, row: dict[str, Any]) -> str:
    said = "".join(_paragraph(one["who"], one["text"]) for one in row["conversation"])
    verdicts = _list(
        " ".join(filter(None, (one["rung"], one["outcome"], one["judge"], one["code"], one["message"])))
        for one in row["verdicts"]
    )
    return (
        f'<section data-row="{html.escape(line.strip())}"><h2>{number}. {html.escape(row["query"])}</h2>\n'
        f"<p class=label>{html.escape(' · '.join((row['kind'], row['method'], row['toolkit'], row['id'])))}</p>\n"
        f"{said}<details><summary>{len(row['verdicts'])} verdicts, tools: "
        f"{html.escape(', '.join(row['tools']))}</summary>{verdicts}</details>\n"
        "<p class=ruling><select><option value=''>not looked at</option><option value=yes>ok</option>"
        "<option value=no>not ok</option></select> <input placeholder=note></p></section>\n"
    )


def _paragraph(who: str, text: str) -> str:
    return f'<p class="{who.split()[0]}"><b>{html.escape(who)}</b> {html.escape(text)}</p>\n'


def _list(texts: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(text)}</li>' for text in texts)}</ul>"
