"""The view `ste-sft`: fine-tuning data as STE makes it (Wang et al. 2024, arXiv 2403.04746).

A row gives two supervised turns: request to call, and request, call and observation to answer. Both are a prompt
and a completion in chat messages, so that a trainer learns the completion alone. As in the paper there is no tool
documentation in the prompt and each tool's name is one special token, unless the options say otherwise.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callwright.schemas.base import Record
from callwright.schemas.message import AssistantMessage, ToolCall, ToolMessage, UserMessage
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.values import react
from callwright.views.folder import Manifest
from callwright.views.lines import Lines, export_lines
from callwright.views.loss import wrong_spans
from callwright.views.prompts import prompt
from callwright.views.rows import Row, RowError, arguments_of, checked, checked_json
from callwright.views.turns import REASONS, NoPlaceError, example_of

ABOUT = """
Supervised turns as prompt and completion, in chat messages: a request and its call, then the same with the call and
what came back, and the answer. Train on the completion alone, which is what TRL's `SFTTrainer` does with these two
columns. `id` names the row that both turns come from. Where names are special tokens, add those in
`special_tokens.json` to the tokenizer first.
"""
TOKENS = "special_tokens.json"


class Options(Record):
    documents: bool = False
    """Whether the prompt holds the tools' documentation, or their names alone."""
    special_tokens: bool = True
    """Whether a tool's name is written `<tool_NAME>`, to be one token of the vocabulary."""
    all_turns: bool = False
    """Whether rows with several turns are in too: each assistant turn, with all before it in the prompt."""


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """

    def write(lines: Lines) -> None:
        names: set[str] = set()
        found = checked(store, version, lambda row: (row, turn_texts(row, options, lines.dropped)))
        for row, texts in found:
            for text in texts:
                lines.add(row.split, text)
            if texts:
                names.update(token(tool.name) for tool in row.tools)
        write_tokens(lines.folder, names, options)

    return export_lines(
        version, folder, "ste-sft", options, ABOUT, write, reasons=REASONS, overwrite=overwrite
    )


def write_tokens(folder: Path, names: set[str], options: Options) -> None:
    """The special tokens that the prompts and completions use, as a JSON list beside the rows."""
    if options.special_tokens and names:
        (folder / TOKENS).write_text(json.dumps(sorted(names), indent=1) + "\n", encoding="utf-8")


def token(name: str) -> str:
    """The special token of a tool."""
    return f"<tool_{name}>"


def turn_texts(row: Row, options: Options, dropped: Counter[str]) -> list[str]:
    """The supervised turns of a row as lines; none, and a reason counted, when it has no place here.

    Raises:
        RowError: The row must not be exported.
    """
    try:
        if not options.all_turns:
            example_of(row)
        return [checked_json(turn) for turn in _turns(row, options, dropped)]
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return []


def _turns(row: Row, options: Options, dropped: Counter[str]) -> Iterator[dict[str, Any]]:
    """Every trained turn of the assistant with all before it."""
    if any(len(one.tool_calls) > 1 for one in row.messages if isinstance(one, AssistantMessage)):
        raise NoPlaceError("several_calls")
    before = [{"role": "system", "content": _system(row, options)}]
    called = ""
    for message in row.messages:
        if isinstance(message, UserMessage):
            before.append({"role": "user", "content": message.content})
        elif isinstance(message, ToolMessage):
            before.append({"role": "user", "content": f"Observation: {message.content}"})
        elif isinstance(message, AssistantMessage):
            call = message.tool_calls[0] if message.tool_calls else None
            called = call.name if call else called
            said = {"role": "assistant", "content": _call(call, options) if call else _answer(message)}
            learn = message.train and not wrong_spans(message)
            if learn:
                labels = {"id": row.id, "turn": "call" if call else "answer", "kind": row.kind}
                labels |= {"method": row.method, "toolkit": row.toolkit, "tool": called}
                yield labels | {"prompt": list(before), "completion": [said]}
            dropped["untrained_turn"] += not learn
            dropped["text_beside_a_call"] += bool(call and message.content)
            before.append(said)


def _call(call: ToolCall, options: Options) -> str:
    arguments_of(call.arguments, call.id)
    name = token(call.name) if options.special_tokens else call.name
    return react.write(react.Turn(action=name, text=call.arguments))


def _answer(message: AssistantMessage) -> str:
    if not message.content:
        raise RowError("empty_turn", "an assistant turn has neither a call nor words")
    return react.write(react.Turn(text=message.content))


def _system(row: Row, options: Options) -> str:
    names = [token(tool.name) if options.special_tokens else tool.name for tool in row.tools]
    tools = ", ".join(names)
    if options.documents:
        documents = [tool.wire()["function"] for tool in row.tools]
        tools = "\n".join(
            json.dumps(one | {"name": name}, ensure_ascii=False)
            for one, name in zip(documents, names, strict=True)
        )
    text = prompt("tool_mode").substitute(system=row.system, tools=tools or "none")
    return text.strip()
