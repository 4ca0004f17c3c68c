"""Rows as single examples: one request, one turn with calls, what came back, and the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from callwright.schemas.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from callwright.views.loss import wrong_spans
from callwright.views.rows import Row, arguments_of

REASONS = {
    "no_call": "rows without a call",
    "several_user_turns": "rows in which the person speaks more than once; this format has one request",
    "several_turns": "rows with calls in several turns; the later ones may need what the earlier ones brought",
    "several_calls": "rows with several calls in one turn; this format has one call in a turn",
    "unanswered": "rows that do not end with an answer",
    "several_tools": "rows that call more than one tool; a batch is made of whole tools",
    "text_beside_a_call": "turns that said something beside their call; the call is kept, the words are not",
    "untrained_turn": "assistant turns that are marked as not to be trained on",
    "same_request": "train rows whose request an earlier one has too; one demonstration of a request is enough",
    "few_demonstrations": "rows with fewer demonstrations than asked for, as train has no more",
    "turn_split": "turns with several calls, written as one turn for each call",
    "turn_not_learned": "assistant turns that are not to be learned, and so have no row of their own",
    "answer_turn": "turns that only tell what came back; with `answers=true` they are asked for too",
    "not_offered": "rows that call a tool which they do not offer",
    "no_tools": "rows that offer no tool",
    "not_flat": "rows with a tool whose parameters hang together, or refer to another place: no flat form says that",
    "type_not_told": "rows with a tool that has parameters of no type, or of several: this format names one",
    "no_such_value": "rows with an argument that is null or an empty text, which the format takes for one left out",
    "several_requests": "rows in which the person asks for more after a call; which tools served what is not told",
    "no_request": "rows in which nobody asks",
    "nothing_withheld": "rows without a call that withheld no tool: what would have served is not known",
    "maybe_alternative": "offered tools of the same resource as one that served: they may serve too, and stand nowhere",
    "serves_elsewhere": "offered tools that served the same request, or a wording of it, in another row",
    "nothing_learned": "rows without a turn that is to be learned",
    "masked": "rows with a turn, or a part of one, that must not be learned; this format cannot say so",
    "call_beside_a_part": "turns of whose words a part is learned, and whose call is not learned for that reason",
    "system_later": "rows with a system message after the first message",
    "unproven": "pairs whose better side has not passed the evidence that is asked for",
    "not_proven_wrong": "answers of the student that no execution ruled wrong, or on which rulings differ",
    "unusable_answer": "answers of the student that nobody can act on, and no trainer can read",
    "no_common_turn": "refuted attempts that do not part from the row in a turn of the assistant's",
    "fault_elsewhere": "refuted attempts whose fault may lie in another turn than the one in which they part",
    "part_masked": "turns that are not learned at all, because a part of them must not be",
    "reasoning": "turns with reasoning, which this format has no place for; the rest of the turn is kept",
    "not_alternating": "rows in which the same side speaks twice in a row",
    "mark_in_text": "rows whose text holds one of the marks that this format puts around calls and results",
    "tokens_cut": "tokens beyond the maximum length, cut at the end",
    "trained_tokens_cut": "those of them that a trainer should have learned",
    "rows_cut": "rows that lost tokens at the end",
}
"""Why a view has no place for something, in words."""


def check_plain(messages: Sequence[Message]) -> None:
    """Refuse what ShareGPT has no place for: turns that must not be learned, and a second system message.

    Raises:
        NoPlaceError: There is such a message.
    """
    if any(isinstance(one, AssistantMessage) and (not one.train or wrong_spans(one)) for one in messages):
        raise NoPlaceError("masked")
    if any(isinstance(one, SystemMessage) for one in messages[1:]):
        raise NoPlaceError("system_later")


class NoPlaceError(Exception):
    """A view has no place for a row. The message is a key of `REASONS`; the row is counted, not refused."""


@dataclass(frozen=True)
class Example:
    """A row with one request and one turn of calls."""

    request: str
    calls: tuple[ToolCall, ...]
    observations: tuple[str, ...]
    answer: str


def example_of(row: Row) -> Example:
    """The one request, its calls and the answer of a row.

    Raises:
        NoPlaceError: The row has another shape.
        RowError: The arguments of a call are no JSON object.
    """
    asked = [one.content for one in row.messages if isinstance(one, UserMessage)]
    calling = [one for one in row.messages if isinstance(one, AssistantMessage) and one.tool_calls]
    if not calling:
        raise NoPlaceError("no_call")
    if len(asked) != 1:
        raise NoPlaceError("several_user_turns")
    if len(calling) > 1:
        raise NoPlaceError("several_turns")
    last = row.messages[-1]
    if not isinstance(last, AssistantMessage) or last.tool_calls or not last.content:
        raise NoPlaceError("unanswered")
    for call in calling[0].tool_calls:
        arguments_of(call.arguments, call.id)
    observed = tuple(one.content for one in row.messages if isinstance(one, ToolMessage))
    return Example(asked[0], calling[0].tool_calls, observed, last.content)


def asked_of(row: Row, dropped: Counter[str]) -> tuple[str, tuple[ToolCall, ...]]:
    """The one request of a row and its calls, none where nothing that is offered serves it.

    Raises:
        NoPlaceError: The row has another shape, offers nothing, or the turn must not be learned.
        RowError: The arguments of a call are no JSON object.
    """
    turns = [one for one in row.messages if isinstance(one, AssistantMessage)]
    asked = [one.content for one in row.messages if isinstance(one, UserMessage)]
    if not row.tools:
        raise NoPlaceError("no_tools")
    if any(isinstance(one, SystemMessage) for one in row.messages[1:]):
        raise NoPlaceError("system_later")
    if any(turn.tool_calls for turn in turns):
        asked, calls = [example_of(row).request], example_of(row).calls
    elif len(asked) != 1:
        raise NoPlaceError("several_user_turns")
    else:
        calls = ()
    if not {call.name for call in calls} <= {tool.name for tool in row.tools}:
        raise NoPlaceError("not_offered")
    if not turns or not turns[0].train or wrong_spans(turns[0]):
        raise NoPlaceError("masked")
    dropped["text_beside_a_call"] += bool(calls and turns[0].content)
    dropped["reasoning"] += turns[0].reasoning is not None
    return asked[0], calls
