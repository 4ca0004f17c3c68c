"""Conversations cut before each turn of the assistant's: what views for reinforcement learning ask a model for.

Prompts are plain text in the Hermes form, tools in the system message, so that no table merges the arguments of
different tools and every chat template renders them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from callwright.schemas.base import Record, canonical_json
from callwright.schemas.message import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage
from callwright.values.calls import call_key
from callwright.views import hermes
from callwright.views.loss import wrong_spans
from callwright.views.rows import Row, ToolTexts, checked_line
from callwright.views.standalone import standalone
from callwright.views.turns import NoPlaceError

REWARD = "reward.py"
_ABOUT = """Rewards of the calls that a model makes in one turn, cut out of callwright; it needs the standard library alone.

`compute_score` is what verl asks for, `call_match`, `call_share` and `argument_share` what verifiers asks for.
`CallReward` says what each measure is.
"""
_WANTED = ("compute_score", "call_match", "call_share", "argument_share", "MEASURES")
_ROLES = {"system": "system", "human": "user", "gpt": "assistant", "tool": "user"}
"""Results stand in a turn of the user's: not every chat template has a role for tools."""


class Options(Record):
    answers: bool = False
    """Whether turns that tell what came back are asked for too; that they call nothing is all that is measured."""


class Decision(NamedTuple):
    turn: int
    """Index of the assistant's message."""
    prompt: list[dict[str, str]]
    calls: tuple[ToolCall, ...]
    """The right calls; none where the right turn is a question, a refusal or an answer."""


def reward_source() -> str:
    """The text of `reward.py`."""
    return standalone("callwright.scoring.reward", _WANTED, _ABOUT)


def decisions(row: Row, tools: ToolTexts, options: Options, dropped: Counter[str]) -> list[Decision]:
    """What a model is asked for in a row; none where the format has no place for it, which is counted.

    Raises:
        RowError: The arguments of a call are no JSON object.
    """
    try:
        if any(isinstance(one, SystemMessage) for one in row.messages[1:]):
            raise NoPlaceError("system_later")
        found = list(_decisions(row, hermes.told(tools.of(row.tools)), options, dropped))
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return []
    dropped["reasoning"] += hermes.reasoned(row.messages)
    return found


def _decisions(row: Row, told: str, options: Options, dropped: Counter[str]) -> Iterator[Decision]:
    offered = {tool.name: tool for tool in row.tools}
    for turn, message in enumerate(row.messages):
        if not isinstance(message, AssistantMessage):
            continue
        hermes.said(message)
        if any(call_key(offered, call) is None for call in message.tool_calls):
            raise NoPlaceError("not_offered")
        if not message.train or wrong_spans(message):
            dropped["turn_not_learned"] += 1
        elif not (message.tool_calls or options.answers) and isinstance(row.messages[turn - 1], ToolMessage):
            dropped["answer_turn"] += 1
        else:
            yield Decision(turn, chat(row.system, row.messages[:turn], told), message.tool_calls)


def chat(system: str, messages: Sequence[Message], told: str) -> list[dict[str, str]]:
    """Messages of role and text.

    Raises:
        NoPlaceError: One of the form's tags stands in a text.
        RowError: The arguments of a call are no JSON object.
    """
    turns = hermes.turns_of(system, messages, told)
    return [{"role": _ROLES[one["from"]], "content": one["value"]} for one in turns]


def truth_of(calls: tuple[ToolCall, ...], schemas: Mapping[str, str]) -> str:
    """What `reward_of` compares with, as JSON text.

    Args:
        calls: The right calls.
        schemas: Name of an offered tool -> JSON text of its parameters, checked.

    Raises:
        RowError: No file could hold it, or it holds what looks like a secret.
    """
    told = ", ".join(f"{canonical_json(name)}: {text}" for name, text in schemas.items())
    listed = [{"name": call.name, "arguments": call.arguments} for call in calls]
    return checked_line({"calls": listed}, {"tools": f"{{{told}}}"})
