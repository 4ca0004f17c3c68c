"""OpenAI's chat format: a request as a JSON body, a reply as a completion."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import ValidationError

from callwright.errors import ReplyError
from callwright.llm.base import Completion, FinishReason, Request, Usage
from callwright.schemas.base import canonical_json
from callwright.schemas.message import ToolCall

_FINISH_REASONS = frozenset(get_args(FinishReason))
_ABORTED = frozenset({"abort", "error"})
_CALL_MARKERS = ("<tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<function=")
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")


class BrokenReply(ValueError):
    """The server's reply is not what the format promises; asking again may help."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def body_of(request: Request, model: str, *, native_schema: bool = True) -> bytes:
    """The JSON body that asks the question; without native schemas the last message states the schema."""
    body: dict[str, Any] = {"model": model}
    if request.tools:
        body |= {"tools": request.tools, "tool_choice": _tool_choice(request.tool_choice)}
    body["messages"] = request.messages
    if request.reply_schema is not None:
        if native_schema:
            body["response_format"] = _response_format(request.purpose, request.reply_schema)
        else:
            body["messages"] = with_instruction(request.messages, request.reply_schema)
    body["temperature"] = request.sampling.temperature
    body["max_tokens"] = request.sampling.max_tokens
    if request.sampling.logprobs:
        body["logprobs"] = True
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def completion_of(data: bytes, request: Request) -> Completion:
    """The completion in a server's reply.

    Raises:
        BrokenReply: It is not JSON, or not a chat completion.
        ReplyError: `raw_call_text`: the model called a tool, but the server passed the call on as text;
            `malformed_reply`: a field has the wrong type, or a text has half a character in it.
    """
    try:
        payload = _DECODER.decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise BrokenReply("broken_body", f"the reply is not JSON: {excerpt(data)!r}") from error
    try:
        choices = payload["choices"]
        if not choices:
            raise BrokenReply("empty_choices", "the reply has no choices")
        completion = _completion(choices[0], payload.get("usage") or {})
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise BrokenReply("broken_body", f"the reply is no chat completion: {excerpt(data)!r}") from error
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise ReplyError("malformed_reply", f"{problem['loc']}: {problem['msg']}") from error
    _refuse_half_characters(completion)
    _refuse_raw_calls(completion, request)
    return completion


def excerpt(data: bytes, length: int = 200) -> str:
    """The beginning of a reply, for an error's text."""
    return " ".join(data[: 4 * length].decode(errors="replace").split())[:length]


def _tool_choice(choice: str) -> str | dict[str, Any]:
    if choice in ("auto", "required", "none"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def _response_format(purpose: str, schema: dict[str, Any]) -> dict[str, Any]:
    name = _NOT_IN_NAMES.sub("_", purpose)[:64] or "reply"
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}}


def with_instruction(
    messages: tuple[dict[str, Any], ...], schema: dict[str, Any]
) -> tuple[dict[str, Any], ...]:
    """The messages, and in the last one of the user's words what schema the answer has to satisfy."""
    instruction = (
        "Answer with one JSON value that satisfies this JSON Schema, and nothing else:\n"
        + canonical_json(schema)
    )
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if message["role"] == "user" and isinstance(message["content"], str):
            asked = message | {"content": f"{message['content']}\n\n{instruction}"}
            return (*messages[:place], asked, *messages[place + 1 :])
    return (*messages, {"role": "user", "content": instruction})


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_constant)


def _completion(choice: dict[str, Any], usage: dict[str, Any]) -> Completion:
    message = choice["message"]
    return Completion(
        text=message.get("content") or "",
        tool_calls=_tool_calls(message.get("tool_calls") or ()),
        finish_reason=_finish_reason(choice.get("finish_reason")),
        usage=Usage(
            prompt_tokens=usage.get("prompt_tokens") or 0,
            completion_tokens=usage.get("completion_tokens") or 0,
        ),
        logprobs=_logprobs(choice.get("logprobs")),
    )


def _tool_calls(calls: Iterable[dict[str, Any]]) -> tuple[ToolCall, ...]:
    """The calls with their argument text as it came; an id that is missing or taken becomes `call_<n>`."""
    found: list[ToolCall] = []
    for number, call in enumerate(calls, start=1):
        function = call["function"]
        arguments = function.get("arguments")
        if not isinstance(arguments, str):  # some servers parse them, against the format
            arguments = "" if arguments is None else json.dumps(arguments)
        name = call.get("id")
        if not name or any(name == earlier.id for earlier in found):
            name = f"call_{number}"
        found.append(ToolCall(id=name, name=function["name"], arguments=arguments))
    return tuple(found)


def _finish_reason(reason: str | None) -> Any:
    if reason in _ABORTED:
        raise BrokenReply("aborted", f"the server gave up the answer (finish_reason {reason!r})")
    if reason == "function_call":
        return "tool_calls"
    return reason if reason in _FINISH_REASONS else "stop"


def _logprobs(logprobs: dict[str, Any] | None) -> tuple[float, ...] | None:
    if not logprobs or logprobs.get("content") is None:
        return None
    return tuple(token["logprob"] for token in logprobs["content"])


def _refuse_half_characters(completion: Completion) -> None:
    """They cannot be written as UTF-8, so no file of rows could ever hold them."""
    for text in (completion.text, *(call.name + call.arguments + call.id for call in completion.tool_calls)):
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                shown = text.encode(errors="replace")
                raise ReplyError("malformed_reply", f"half a character in {excerpt(shown)!r}") from error


def _refuse_raw_calls(completion: Completion, request: Request) -> None:
    """A call that was cut off cannot be parsed by anyone; that is reported as `length`."""
    if completion.tool_calls or not request.tools or completion.finish_reason == "length":
        return
    marker = next((marker for marker in _CALL_MARKERS if marker in completion.text), None)
    if marker:
        raise ReplyError(
            "raw_call_text",
            f"the answer holds {marker!r} as text instead of a tool call: {completion.text[:80]!r}; enable the "
            "server's tool-call parser (vLLM: --enable-auto-tool-choice --tool-call-parser NAME)",
        )
