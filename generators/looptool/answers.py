"""What a student answered, whether it is right, and how it is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from callwright.errors import ReplyError
from callwright.generators.looptool.decisions import Decision
from callwright.llm.base import Completion
from callwright.llm.turns import is_object
from callwright.schemas.message import ToolCall
from callwright.schemas.probe import Failure, Outcome, Prediction
from callwright.schemas.tool import Tool
from callwright.values.calls import tool_match
from callwright.values.thoughts import spoken

_NO_ANSWER: Mapping[str, Outcome] = {
    "context_overflow": "refused",
    "request_refused": "refused",
    "truncated_reply": "truncated",
}
"""Codes of replies that tell no answer from a broken one; any other is an answer that cannot be read."""

_QUESTION = re.compile(r"[^.!?？؟\n]*[?？؟]")
_OFFER = re.compile(
    r"\b(?:any|some)thing else (?:that )?(?:I |you )|\b(?:how|what) else (?:can|may) I\b", re.IGNORECASE
)
"""How an assistant takes its leave: "Is there anything else I can do for you?"."""


def prediction_of(answer: Completion | ReplyError) -> Prediction:
    """A student's answer by what can be done with it.

    What was cut off is `truncated` even if a call in it could be read: nobody knows what would have come. Words without
    content, calls whose arguments are not one JSON object, and what the server withheld are `unparsable`. Of a reply
    that could not be read at all, `text` tells what was wrong with it.
    """
    if isinstance(answer, ReplyError):
        return Prediction(outcome=_NO_ANSWER.get(answer.code, "unparsable"), text=str(answer))
    return Prediction(
        outcome=_outcome(answer),
        text=answer.text,
        tool_calls=answer.tool_calls,
        logprobs=answer.logprobs,
        key=answer.key,
    )


def asks(text: str) -> bool:
    """Whether an answer's words hold a question, which an offer of further help is not."""
    return any(not _OFFER.search(one[0]) for one in _QUESTION.finditer(spoken(text)))


def is_right(decision: Decision, prediction: Prediction) -> bool:
    """Whether an answer does what the label does.

    Calls are right if they are the label's, in whatever order. Where the label asks, words that hold a question are
    right, and where it says that nothing fits, any words are: how they are put is nothing that a rule could judge.
    """
    if decision.label.tool_calls:
        return prediction.outcome == "calls" and tool_match(
            decision.tools, decision.label.tool_calls, prediction.tool_calls
        )
    return prediction.outcome == "words" and (not decision.asks or asks(prediction.text))


def failure_of(decision: Decision, prediction: Prediction) -> Failure:
    """How a wrong answer is wrong.

    Raises:
        ValueError: It is right.
    """
    if is_right(decision, prediction):
        raise ValueError(f"the answer at {decision.name} is right")
    if prediction.outcome not in ("calls", "words"):
        return "unusable"
    label = decision.label.tool_calls
    if not label:
        return "missed_question" if decision.asks else "over_calling"
    if prediction.outcome == "words":
        return "wrong_abstention"
    missing, extra = _apart(decision.tools, label, prediction.tool_calls)
    if missing and extra:
        return "wrong_call"
    return "missing_call" if missing else "extra_call"


def _outcome(answer: Completion) -> Outcome:
    if answer.finish_reason == "length":
        return "truncated"
    if answer.finish_reason == "content_filter":
        return "unparsable"
    if answer.tool_calls:
        return "calls" if all(is_object(call.arguments) for call in answer.tool_calls) else "unparsable"
    return "words" if spoken(answer.text) else "unparsable"


def _apart(
    tools: Mapping[str, Tool], label: Iterable[ToolCall], made: Iterable[ToolCall]
) -> tuple[list[ToolCall], list[ToolCall]]:
    """The label's calls that were not made, and calls that were made and are none of the label's."""
    missing, extra = list(label), []
    for call in made:
        twin = next((one for one in missing if tool_match(tools, [one], [call])), None)
        if twin is None:
            extra.append(call)
        else:
            missing.remove(twin)
    return missing, extra
