"""What exported files must be, checked on the files themselves: what validators of views have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import pyarrow.parquet as pq
from pydantic import AfterValidator, ValidationError

from callwright.schemas.base import Record
from callwright.views.rows import RowError, arguments_of

T = TypeVar("T", bound=Record)


def _object_text(text: str) -> str:
    try:
        arguments_of(text, "")
    except RowError:
        raise ValueError("must be the JSON text of one object") from None
    return text


ObjectText = Annotated[str, AfterValidator(_object_text)]
"""The JSON text of one object, each key once, every number finite."""


def line_faults(
    folder: Path, line: type[T], further: Callable[[T], Iterable[str]], pattern: str = "*/*.jsonl"
) -> list[str]:
    """Faults of JSON lines below a folder, each with its file and line; none where all is well.

    Args:
        folder: The export.
        line: What a line must be: types are strict, and unknown keys are faults.
        further: Faults of a line that has the right form.
        pattern: Which files.
    """
    found: list[str] = []
    paths = sorted(folder.glob(pattern))
    for path in paths:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                where = f"{path.relative_to(folder)}:{number}"
                found += [f"{where}: {fault}" for fault in _of_line(text, line, further)]
    return found if paths else [f"{folder}: holds no file {pattern}"]


def _of_line(text: str, line: type[T], further: Callable[[T], Iterable[str]]) -> Iterable[str]:
    try:
        return list(further(line.model_validate_json(text, strict=True)))
    except ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]


def table_faults(folder: Path, faults: Callable[[dict[str, Any]], Iterable[str]]) -> list[str]:
    """Faults of the rows of parquet files, with file and row; lists are given as JSON values, in both configs."""
    found: list[str] = []
    paths = sorted(folder.glob("*/*.parquet"))
    for path in paths:
        for number, row in enumerate(pq.read_table(path).to_pylist()):
            where = f"{path.relative_to(folder)} row {number}"
            try:
                decoded = {name: _decoded(name, value) for name, value in row.items()}
                found += [f"{where}: {fault}" for fault in faults(decoded)]
            except ValueError as error:
                found.append(f"{where}: {error}")
    return found if paths else [f"{folder}: holds no parquet file"]


_LISTS = ("messages", "prompt", "completion", "chosen", "rejected", "tools")


def _decoded(name: str, value: Any) -> Any:
    if name not in _LISTS or value is None:
        return value
    found = [json.loads(one) for one in value] if isinstance(value, list) else json.loads(value)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{name}: must be a list of objects")
    return found


def chat_faults(
    messages: Sequence[Mapping[str, Any]] | None,
    tools: Sequence[Mapping[str, Any]] | None,
    *,
    whole: bool = True,
) -> Iterator[str]:
    """Faults of a chat that templates render: no key is null, arguments are objects, calls and results are paired.

    Args:
        messages: The chat.
        tools: The offered tools; None where there are none.
        whole: Whether it must end with the assistant's words; else a turn with calls may stand last.
    """
    if not messages:
        yield "there are no messages"
        return
    if tools is not None and not tools:
        yield "tools: must be null where none is offered"
    names = {one.get("function", {}).get("name") for one in tools or ()}
    for place, message in enumerate(messages):
        yield from (f"message {place}: {fault}" for fault in _message_faults(message, names))
    events = [
        Event(
            one.get("role") == "assistant",
            [call.get("id") for call in one.get("tool_calls") or ()],
            one.get("tool_call_id", "") if one.get("role") == "tool" else None,
        )
        for one in messages
    ]
    yield from paired(events, whole=whole)


_ROLES = {"system", "user", "assistant", "tool"}


def _message_faults(message: Mapping[str, Any], names: set[Any]) -> Iterator[str]:
    role = message.get("role")
    if role not in _ROLES:
        yield f"role {role!r} is none of {', '.join(sorted(_ROLES))}"
    yield from (f"{key} is null" for key, value in message.items() if value is None)
    if not isinstance(message.get("content", ""), str):
        yield "content is no text"
    for call in message.get("tool_calls") or ():
        function = call.get("function", {})
        if not isinstance(function.get("arguments"), dict):
            yield f"the arguments of {function.get('name')} are no object"
        if function.get("name") not in names:
            yield f"{function.get('name')} is not offered"


class Event(NamedTuple):
    """A message, as far as the order of calls and results goes."""

    speaks: bool
    """Whether it is the assistant's."""
    calls: Sequence[Any] = ()
    """Ids of its calls."""
    answers: Any = None
    """Id of the call that it is the result of; None for other messages."""


def paired(events: Sequence[Event], *, whole: bool = True) -> Iterator[str]:
    """Faults of the order of calls and results. With `whole`, a chat must end with the assistant's words."""
    waiting: list[Any] = []
    for place, event in enumerate(events):
        if event.answers is not None:
            if event.answers not in waiting:
                yield f"message {place}: answers the call {event.answers!r}, which does not wait for an answer"
            else:
                waiting.remove(event.answers)
            continue
        if waiting:
            yield f"message {place}: stands before the call {waiting[0]!r} is answered"
        waiting = list(event.calls)
    if not events or not events[-1].speaks:
        yield "the last message is not the assistant's"
    elif events[-1].calls and whole:
        yield "the last message is a call that nothing answers"
