"""What a student's answer is, and how it differs from the label."""

from __future__ import annotations

from callwright.generators.looptool.decisions import Decision
from callwright.schemas.probe import Failure, Prediction
from callwright.values.calls import tool_match

UNUSABLE = ("unparsable", "truncated", "refused")


def spoken(text: str) -> str:
    """What an answer says to the user: without thoughts that a server passed on as text."""
    return text.rpartition("</think>")[2].partition("<think>")[0].strip()


def asks(text: str) -> bool:
    """Whether an answer's words hold a question."""
    return "?" in spoken(text)


def is_right(decision: Decision, prediction: Prediction) -> bool:
    """Whether an answer matches the label."""
    label = decision.label
    if label.tool_calls:
        return prediction.outcome == "calls" and tool_match(
            decision.tools, label.tool_calls, prediction.tool_calls
        )
    return prediction.outcome == "words" and (asks(prediction.text) or not decision.asks)


def failure_of(decision: Decision, prediction: Prediction) -> Failure:
    """How a wrong answer fails."""
    label = decision.label
    if prediction.outcome in UNUSABLE:
        return "unusable"
    if not label.tool_calls:
        return "missed_question" if decision.asks else "over_calling"
    if prediction.outcome == "words":
        return "wrong_abstention"
    if len(prediction.tool_calls) < len(label.tool_calls):
        return "missing_call"
    return "extra_call" if len(prediction.tool_calls) > len(label.tool_calls) else "wrong_call"
