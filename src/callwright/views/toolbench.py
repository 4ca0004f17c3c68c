"""The view `toolbench`: whole conversations as ReAct text in segments, trained or not: ToolAlpaca's training form.

The text says exactly one thing: reading it gives back the conversation, byte for byte, and each row is read back
before it is written. Native calls have no reasons beside them, so a thought stands only where the row has one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, ToolMessage, UserMessage
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.values import react
from callwright.views.folder import Manifest
from callwright.views.lines import Lines, export_lines
from callwright.views.loss import wrong_spans
from callwright.views.prompts import prompt
from callwright.views.rows import Row, RowError, arguments_of, checked, checked_json
from callwright.views.tokenizers import load_tokenizer
from callwright.views.turns import REASONS, NoPlaceError

ABOUT = """
Whole conversations as ReAct text: `segments` joined are the text, `trainable` says which of them a trainer should
learn (the assistant's alone). A line of a value that looks like a marker has a backslash in front;
`callwright.values.react.read` gives back the conversation, `token_mask` token ids with their loss mask. When you
generate, stop at `Observation:`.
"""


class Options(Record):
    serial: bool = False
    """Whether calls of one turn are written one after the other; else such rows are left out and counted."""
    tokenizer: str | None = None
    """A `tokenizer.json`: rows then carry `input_ids` and `loss_mask` as well."""
    max_tokens: int = 2048
    """Tokens of a row at the most; what is cut is counted."""


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        UsageError: The tokenizer cannot be used.
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """
    encode = _encoder(options.tokenizer) if options.tokenizer else None

    def write(lines: Lines) -> None:
        found = checked(store, version, lambda row: (row.split, _text(row, options, encode, lines.dropped)))
        for split, text in found:
            if text:
                lines.add(split, text)

    return export_lines(
        version, folder, "toolbench", options, ABOUT, write, reasons=REASONS, overwrite=overwrite
    )


def _text(row: Row, options: Options, encode: react.Encode | None, dropped: Counter[str]) -> str:
    try:
        learned = list(entries_of(row, options, dropped))
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return ""
    entries = [entry for entry, _ in learned]
    texts = react.segments(entries)
    if react.read("".join(texts)) != entries:
        raise RowError("not_read_back", "its ReAct text reads as another conversation")
    body: dict[str, Any] = {"id": row.id, "kind": row.kind, "method": row.method, "toolkit": row.toolkit}
    body |= {"segments": texts, "trainable": [trained for _, trained in learned]}
    if encode:
        body |= _tokens(body, encode, options.max_tokens, dropped)
    return checked_json(body)


def entries_of(row: Row, options: Options, dropped: Counter[str]) -> Iterator[tuple[react.Entry, bool]]:
    """The conversation's entries, each with whether a trainer should learn it.

    Raises:
        NoPlaceError: A turn has several calls, and they may not be written one after the other.
        RowError: The arguments of a call are no JSON object.
    """
    yield react.Said("System", prompt("toolbench").substitute(system=row.system).strip()), False
    yield react.Said("Tools", "\n".join(row.tool_texts)), False
    observed = {one.tool_call_id: one.content for one in row.messages if isinstance(one, ToolMessage)}
    for message in row.messages:
        if isinstance(message, UserMessage):
            yield react.Said("User", message.content), False
        elif isinstance(message, AssistantMessage):
            if len(message.tool_calls) > 1 and not options.serial:
                raise NoPlaceError("several_calls")
            # A segment is learned whole or not at all, so a turn that holds a mistake is not.
            learn = message.train and not wrong_spans(message)
            dropped["untrained_turn"] += not learn
            yield from ((entry, learned and learn) for entry, learned in _spoken(message, observed))


def _spoken(message: AssistantMessage, observed: dict[str, str]) -> Iterator[tuple[react.Entry, bool]]:
    """A turn of the assistant, each call followed by what came back."""
    if not message.tool_calls:
        yield react.Turn(message.reasoning or "", None, message.content), True
        return
    thought = "\n".join(filter(None, (message.reasoning, message.content)))
    for call in message.tool_calls:
        arguments_of(call.arguments, call.id)
        yield react.Turn(thought, call.name, call.arguments), True
        yield react.Said("Observation", observed.get(call.id, "")), False
        thought = ""


def _tokens(
    body: dict[str, Any], encode: react.Encode, most: int, dropped: Counter[str]
) -> dict[str, list[int]]:
    masked = react.token_mask(body["segments"], body["trainable"], encode, most)
    dropped["rows_cut"] += bool(masked.cut)
    dropped["tokens_cut"] += masked.cut
    dropped["trained_tokens_cut"] += masked.cut_trained
    return {"input_ids": list(masked.ids), "loss_mask": [int(learn) for learn in masked.mask]}


def _encoder(path: str) -> react.Encode:
    tokenizer = load_tokenizer(path)
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids
