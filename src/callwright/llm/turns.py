"""A model's turn in a conversation with tools: taken, or asked for once more when nobody could act on it."""

from __future__ import annotations

from callwright.errors import ReplyError
from callwright.llm.base import Completion, Model, Request
from callwright.values.canonical import parse_json

_UNREADABLE = {
    "raw_call_text": "it held a tool call written as text",
    "malformed_reply": "it could not be read",
}
"""What was wrong with an answer that the wire could not make a completion of, by its code."""


async def ask_turn(model: Model, request: Request) -> Completion:
    """Ask for the assistant's next turn: words, calls, or both.

    A turn that nobody could act on is asked for once more: a call written as text, arguments that are no JSON object,
    neither words nor calls. The second answer is final; arguments that are broken again are for the toolbox to refuse.
    Rules are not asked again, they would say the same.

    Raises:
        ModelError: The endpoint failed for good.
        ReplyError: `raw_call_text` or `malformed_reply`, twice; `context_overflow` or `request_refused`, once.
    """
    if model.reads_variables:
        return await model.complete(request)
    try:
        answer = await model.complete(request)
    except ReplyError as error:
        if error.code not in _UNREADABLE:
            raise
        fault = _UNREADABLE[error.code]
    else:
        fault = _fault(answer)
        if not fault:
            return answer
    return await model.complete(_corrected(request, fault))


def _fault(answer: Completion) -> str:
    """Why nobody could act on a turn; empty for one that can be used, or was cut off."""
    if answer.finish_reason not in ("stop", "tool_calls"):
        return ""
    if not answer.text.strip() and not answer.tool_calls:
        return "it was empty"
    broken = [call.name for call in answer.tool_calls if not is_object(call.arguments)]
    return f"the arguments of {broken[0]} were not one valid JSON object" if broken else ""


def is_object(arguments: str) -> bool:
    """Whether a call's arguments are one valid JSON object."""
    try:
        return isinstance(parse_json(arguments), dict)
    except ValueError:
        return False


def _corrected(request: Request, fault: str) -> Request:
    """The question with a note in its system message.

    A turn of ours after the broken one would be answered with an apology, which belongs in no row.
    """
    system, *rest = request.messages
    note = (
        f"\n\nYour last attempt at this turn was discarded, because {fault}. Calls are made through the tool-call "
        "interface alone, each with one JSON object of arguments; words are plain text. Write the turn anew, and do "
        "not mention this note."
    )
    return request.model_copy(
        update={"messages": (system | {"content": system["content"] + note}, *rest)},
    )
