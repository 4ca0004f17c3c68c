"""OpenAI's chat format: a request as a JSON body, a reply as a completion."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
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
    return _json(body)


def prompt_body(request: Request, model: str) -> bytes:
    """The JSON body that asks vLLM's `/tokenize` for the tokens up to where an answer begins."""
    return _json({"model": model, **_conversation(request), "add_generation_prompt": True})


def score_body(request: Request, model: str, answer: Mapping[str, Any]) -> bytes:
    """The JSON body that asks how likely each token of a conversation is that ends with an answer.

    One token has to be generated; it is not looked at.
    """
    told = {**_conversation(request), "messages": [*request.messages, answer]}
    asked = {"add_generation_prompt": False, "prompt_logprobs": 0, "temperature": 0.0, "max_tokens": 1}
    return _json({"model": model, **told, **asked})


def prompt_tokens_of(data: bytes) -> list[int]:
    """The tokens in a reply of `/tokenize`.

    Raises:
        BrokenReply: There are none.
    """
    tokens = _payload(data).get("tokens")
    if not isinstance(tokens, list) or not all(isinstance(one, int) for one in tokens):
        raise BrokenReply("broken_body", f"the reply is no list of tokens: {excerpt(data)!r}")
    return tokens


def prompt_logprobs_of(data: bytes) -> list[tuple[int, dict[str, Any]]] | None:
    """Each token but the first in a reply to `score_body`, and what the server says of it; None where it says nothing.

    Raises:
        BrokenReply: It is not JSON, or says it in another form.
    """
    listed = _payload(data).get("prompt_logprobs")
    if not listed:
        return None
    try:
        # Nothing goes before the first token. With `prompt_logprobs: 0`, each other has no alternatives beside it.
        pairs = [next(iter(one.items())) for one in listed[1:]]
        return [(int(token), {**told, "logprob": float(told["logprob"])}) for token, told in pairs]
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise BrokenReply("broken_body", f"prompt_logprobs has another form: {excerpt(data)!r}") from error


def answer_logprobs(
    listed: Sequence[tuple[int, Mapping[str, Any]]], prompt: Sequence[int]
) -> tuple[float, ...] | None:
    """Log-probability of each token of the answer at the end of a conversation.

    What a template writes after the end of the turn, such as a line break, is no part of it: no model ever does.

    Args:
        listed: As `prompt_logprobs_of` gives it.
        prompt: The tokens up to where the answer begins, the first one included.

    Returns:
        None where the template does not write an answer behind the prompt that asks for one.
    """
    start = _start([token for token, _ in listed], list(prompt[1:]))
    answer = [told for _, told in listed[start:]] if start is not None else []
    while answer and not (answer[-1].get("decoded_token") or "?").strip():
        answer.pop()
    return tuple(told["logprob"] for told in answer) or None


def card_of(data: bytes, model: str) -> Mapping[str, Any] | None:
    """What a list of models says about one; None where it is no list.

    Raises:
        KeyError: The list does not have it.
    """
    try:
        cards = {card["id"]: card for card in json.loads(data)["data"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return dict(cards[model])


def completion_of(data: bytes, request: Request) -> Completion:
    """The completion in a server's reply.

    Raises:
        BrokenReply: It is not JSON, or not a chat completion.
        ReplyError: `raw_call_text`: the model called a tool, but the server passed the call on as text;
            `malformed_reply`: a field has the wrong type, or a text has half a character in it.
    """
    payload = _payload(data)
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


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def _conversation(request: Request) -> dict[str, Any]:
    """What a chat template renders of a request."""
    tools = {"tools": request.tools} if request.tools else {}
    return {**tools, "messages": request.messages}


def _payload(data: bytes) -> dict[str, Any]:
    try:
        payload = _DECODER.decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise BrokenReply("broken_body", f"the reply is not JSON: {excerpt(data)!r}") from error
    if not isinstance(payload, dict):
        raise BrokenReply("broken_body", f"the reply is no JSON object: {excerpt(data)!r}")
    return payload


def _start(told: list[int], prompt: list[int]) -> int | None:
    """Where the answer begins: behind the prompt, whose last token may have grown together with the answer's first."""
    end = len(prompt)
    if told[:end] == prompt:
        return end
    return end - 1 if end and told[: end - 1] == prompt[:-1] and len(told) >= end else None


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
