"""Conversations cut before each turn of the assistant's: what views for reinforcement learning ask a model for.

Prompts are plain text in the Hermes form, tools in the system message, so that no table merges the arguments of
different tools and every chat template renders them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from callwright.schemas.base import Record, canonical_json
from callwright.schemas.message import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage
from callwright.values.calls import call_key
from callwright.views import hermes
from callwright.views.contract import ObjectText
from callwright.views.loss import wrong_spans
from callwright.views.rows import Row, ToolTexts, checked_line
from callwright.views.standalone import standalone
from callwright.views.turns import NoPlaceError

REWARD = "reward.py"
_ABOUT = """Rewards of the calls that a model makes in one turn, cut out of callwright; it needs the standard library
alone (Apache-2.0).

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


def truth_of(row: Row, decision: Decision, schemas: ToolTexts) -> str:
    """What `reward_of` compares with, as JSON text.

    Args:
        row: Whose tools are offered.
        decision: With the right calls.
        schemas: The parameters of tools, as JSON text.

    Raises:
        RowError: No file could hold it, or it holds what looks like a secret.
    """
    texts = zip((tool.name for tool in row.tools), schemas.of(row.tools), strict=True)
    told = ", ".join(f"{canonical_json(name)}: {text}" for name, text in texts)
    listed = [{"name": call.name, "arguments": call.arguments} for call in decision.calls]
    return checked_line({"calls": listed}, {"tools": f"{{{told}}}"})


class Said(Record):
    """A message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class _Call(Record):
    name: str = Field(min_length=1)
    arguments: ObjectText


class _Parameters(Record):
    parameters: dict[str, Any]


class _Truth(Record):
    calls: tuple[_Call, ...]
    tools: dict[str, dict[str, Any]]


def prompt_faults(prompt: Sequence[Said]) -> Iterator[str]:
    """What a chat template would stumble over."""
    roles = [one.role for one in prompt if one.role != "system"]
    if any(one.role == "system" for one in prompt[1:]):
        yield "prompt: a system message stands later than first"
    if not roles or roles[-1] != "user":
        yield "prompt: does not end with what the assistant answers"
    if any(not one.content for one in prompt):
        yield "prompt: a message is empty"


def truth_faults(text: str) -> Iterator[str]:
    """Why the right calls could not earn the full reward."""
    try:
        truth = _Truth.model_validate_json(text, strict=True)
    except ValidationError as error:
        yield from (f"truth: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return
    offered = {name: _Parameters(parameters=schema) for name, schema in truth.tools.items()}
    for call in truth.calls:
        if call_key(offered, call) is None:
            yield f"truth: {call.name} is not offered, or its arguments cannot be compared"


def reward_fault(folder: Path) -> Iterator[str]:
    """Whether the reward beside the rows is another one."""
    path = folder / REWARD
    if not path.is_file():
        yield f"{REWARD}: is missing"
    elif path.read_text(encoding="utf-8") != reward_source():
        yield f"{REWARD}: is not what this version of callwright writes"
