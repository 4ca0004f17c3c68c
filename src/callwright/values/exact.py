"""Messages as exact JSON texts: what cannot be written as it is, or must not be, is refused."""

from __future__ import annotations

import json
import math
from typing import Any

from callwright.schemas.message import AssistantMessage, Message, to_wire
from callwright.values.secrets import find_secret


class RowError(Exception):
    """One row cannot be written as it is; the view that meets it is refused."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def plain(message: Message) -> dict[str, Any]:
    """The message as chat templates read it: arguments are an object, no key is null."""
    wire = to_wire(message)
    for call in wire.get("tool_calls", ()):
        call["function"]["arguments"] = arguments_of(call["function"]["arguments"], call["id"])
    if isinstance(message, AssistantMessage) and message.reasoning is not None:
        wire["reasoning_content"] = message.reasoning
    return wire


def arguments_of(text: str, call: str) -> dict[str, Any]:
    """The object that a call's raw arguments spell.

    Raises:
        RowError: They do not, or a key stands twice, a number is not finite, or half a surrogate pair is escaped.
    """
    try:
        value = exact_json(text)
    except ValueError as error:
        raise RowError("arguments_not_json", f"the arguments of call {call} are not JSON ({error})") from None
    if not isinstance(value, dict):
        raise RowError("arguments_not_json", f"the arguments of call {call} are no JSON object")
    if "\\ud" in text.lower():
        _encodable(json.dumps(value, ensure_ascii=False))
    return value


def exact_json(text: str) -> Any:
    """The value that a JSON text spells.

    Raises:
        ValueError: It is no JSON, or a key stands twice, or a number is not finite.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def checked_json(value: Any) -> str:
    """The JSON text of a value, keys in their order.

    Raises:
        RowError: No file could hold it, or it holds what looks like a secret.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise RowError("number_not_finite", "it holds NaN or an infinity") from None
    _encodable(text)
    secret = find_secret(text)
    if secret:
        raise RowError("secret", f"it holds what looks like a secret ({secret})")
    return text


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RowError("lone_surrogate", "its text holds half a surrogate pair") from None
