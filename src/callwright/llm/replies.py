"""A model's answer becomes the value that was asked for: checked, asked for once more, or refused."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import jsonschema_rs

from callwright.errors import ReplyError
from callwright.llm.base import Completion, Model, Request
from callwright.schemas.base import canonical_json
from callwright.values.canonical import parse_json, parse_json_at

# A chat template may have written <think> itself, so only its end is sure to be there.
_THOUGHT = re.compile(r"\s*[^\s{\[\"].*?</think>", re.DOTALL)
_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
# What opens a JSON object or array; brackets of prose, such as [note] or {x}, do not look like that.
_OPENING = re.compile(r'\{\s*["}]|\[\s*(?:[\[{"\]\d-]|true\b|false\b|null\b)')
_SHOWN_ERRORS = 5
_SHOWN_CHARACTERS = 300


def parse_reply(text: str, schema: dict[str, Any]) -> Any:
    """The first complete JSON value of a reply, checked against the schema.

    Code fences and prose around the value are passed over. A value that opens but is broken is refused:
    looking for a smaller value inside it would be a guess.

    Raises:
        ReplyError: `unparsable_reply` or `reply_schema`.
    """
    try:
        value = _first_value(text)
    except ValueError as error:
        raise ReplyError("unparsable_reply", f"{error}; the reply begins {text[:80]!r}") from error
    check_value(value, schema)
    return value


def check_value(value: Any, schema: dict[str, Any]) -> None:
    """Raises ReplyError `reply_schema`, saying where the value breaks the schema."""
    problems = [
        f"at {_pointer(error.instance_path)}: {_shortened(error.message)}"
        for error, _ in zip(
            _validator(canonical_json(schema)).iter_errors(value), range(_SHOWN_ERRORS), strict=False
        )
    ]
    if problems:
        raise ReplyError("reply_schema", "; ".join(problems))


async def ask(model: Model, request: Request) -> Completion:
    """Ask, and have the answer checked: `parsed` holds the value that the reply schema describes.

    An answer that does not fit is asked for once more, with what was wrong. Rules are not asked again,
    they would say the same.

    Raises:
        ModelError: The endpoint failed for good.
        ReplyError: The second answer does not fit either: `unparsable_reply`, `reply_schema` or
            `truncated_reply`.
    """
    answer = await model.complete(request)
    if request.reply_schema is None:
        return answer
    try:
        return _checked(answer, request)
    except ReplyError as problem:
        if model.reads_variables:
            raise
        corrected = _corrective(request, answer, problem)
    return _checked(await model.complete(corrected), request)


def _checked(answer: Completion, request: Request) -> Completion:
    schema = request.reply_schema
    assert schema is not None
    if answer.finish_reason == "length":
        raise ReplyError(
            "truncated_reply", f"the answer was cut off at max_tokens ({request.sampling.max_tokens})"
        )
    if answer.parsed is None:
        return answer.model_copy(update={"parsed": parse_reply(answer.text, schema)})
    check_value(answer.parsed, schema)
    return answer


def _corrective(request: Request, answer: Completion, problem: ReplyError) -> Request:
    advice = "Answer again, more briefly" if problem.code == "truncated_reply" else "Answer again"
    said = {"role": "assistant", "content": answer.text}
    correction = {
        "role": "user",
        "content": f"Your answer cannot be used: {problem}. {advice}, with one JSON value that satisfies this "
        f"JSON Schema, and nothing else:\n{canonical_json(request.reply_schema)}",
    }
    return request.model_copy(update={"messages": (*request.messages, said, correction)})


def _first_value(text: str) -> Any:
    thought = _THOUGHT.match(text)
    said = (text[thought.end() :] if thought else text).strip()
    if not said:
        raise ValueError("the reply is empty")
    opening = _OPENING.search(said)
    if opening and opening.start() == 0:
        return parse_json_at(said, 0)[0]
    fence = _FENCE.fullmatch(said)
    try:
        return parse_json(fence.group(1) if fence else said)
    except ValueError:
        if opening is None:
            raise
    return parse_json_at(said, opening.start())[0]


@lru_cache(maxsize=256)
def _validator(schema: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(parse_json(schema), offline=True)


def _pointer(path: list[str | int]) -> str:
    return "/" + "/".join(str(part) for part in path)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
