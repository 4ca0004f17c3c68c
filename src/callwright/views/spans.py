"""The view `spans`: chats with what must not be learned, in the forms that trainers understand.

Mistakes that an assistant makes and puts right stay in the conversation; their characters are marked. With a tokenizer
each row has the ids of its text and a label for each of them.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Literal

from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, Message, to_wire
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views import loss
from callwright.views.chatml import rendered
from callwright.views.folder import Manifest
from callwright.views.lines import Lines, export_lines
from callwright.views.rows import Row, RowError, arguments_of, checked_json
from callwright.views.tokenizers import load_tokenizer
from callwright.views.turns import REASONS

ABOUT = """
Chats with what must not be learned: `spans` names message, first character, the one after the last, and label.

- `ranges` (the default): each assistant message has `train` and `weight`, and where only a part of it is to be learned
  `train_detail`, as Axolotl's `chat_template` reads it (`message_field_training: train`,
  `message_field_training_detail: train_detail`; ends are included).
- `markers`: mistakes stand between `<SOE>` and `<EOE>`, AskToAct's form. Whoever trains on it must take both out.
  Rows with a whole turn that must not be learned are left out: a call cannot stand between marks.
- With a tokenizer: `text` is the chat in ChatML, `input_ids` its tokens, encoded as a whole, and `labels` has -100 for
  what gives no loss. For another template use `callwright.views.loss.wrong_ranges` and `labels`.
"""


class Options(Record):
    form: Literal["ranges", "markers"] = "ranges"
    tokenizer: str | None = None
    """A `tokenizer.json`: rows then carry `text`, `input_ids` and `labels` as well."""
    max_tokens: int = 8192
    """Tokens of a row at the most (the paper's cut-off); what is cut is counted."""


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        UsageError: The tokenizer cannot be used.
        ViewError: A row must not be exported, or something else is in the place.
    """
    tokenizer = load_tokenizer(options.tokenizer) if options.tokenizer else None

    def write(lines: Lines) -> None:
        lines.add_rows(store, version, lambda row: _text(row, options, tokenizer, lines.dropped))

    return export_lines(version, folder, "spans", options, ABOUT, write, reasons=REASONS, overwrite=overwrite)


def _text(row: Row, options: Options, tokenizer: Any, dropped: Counter[str]) -> str:
    if options.form == "markers" and any(
        isinstance(one, AssistantMessage) and not one.train for one in row.messages
    ):
        dropped["masked"] += 1
        return ""
    body: dict[str, Any] = {
        "id": row.id,
        "kind": row.kind,
        "method": row.method,
        "toolkit": row.toolkit,
        "clock": row.clock,
        "messages": [_message(message, options) for message in row.messages],
        "tools": f"[{', '.join(row.tool_texts)}]",
        "spans": [
            {"message": place, "start": span.start, "end": span.end, "label": span.label}
            for place, message in enumerate(row.messages)
            if isinstance(message, AssistantMessage)
            for span in message.spans
        ],
        "intents": checked_json(row.hidden.get("intents", [])),
    }
    if tokenizer:
        body |= _tokens(row, tokenizer, options.max_tokens, dropped)
    return checked_json(body)


def _message(message: Message, options: Options) -> dict[str, Any]:
    wire = to_wire(message)
    if not isinstance(message, AssistantMessage):
        return wire
    for call in message.tool_calls:
        arguments_of(call.arguments, call.id)
    if options.form == "markers":
        try:
            return wire | {"content": loss.marked(message)}
        except ValueError as error:
            raise RowError("mark_in_text", str(error)) from None
    train = loss.learned(message)
    wire |= {"train": train, "weight": message.weight if train else 0.0}
    ranges = loss.detail(message) if train else []
    return wire | ({"train_detail": ranges} if ranges else {})


def _tokens(row: Row, tokenizer: Any, most: int, dropped: Counter[str]) -> dict[str, Any]:
    chat = rendered(row.messages, row.tools)
    encoded = tokenizer.encode(chat.text, add_special_tokens=False)
    found = loss.labels(encoded.ids, encoded.offsets, chat.learned, chat.wrong)
    dropped["rows_cut"] += len(found) > most
    dropped["tokens_cut"] += max(0, len(found) - most)
    dropped["trained_tokens_cut"] += sum(label != loss.IGNORED for label in found[most:])
    return {"text": chat.text, "input_ids": encoded.ids[:most], "labels": found[:most]}
