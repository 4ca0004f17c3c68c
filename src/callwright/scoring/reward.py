"""Rewards of the calls that a model makes in one turn, for reinforcement learning: all or nothing, or graded.

Calls are the same where `values/calls.py` says so. Exports for trainers carry this code in one file
(`views/standalone.py`), so it needs the standard library alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from callwright.schemas.base import canonical_json
from callwright.scoring.calls import read_answer
from callwright.values.calls import call_key, meaning, tool_match


class Parameters(NamedTuple):
    parameters: dict[str, Any]
    """JSON Schema of an offered tool's arguments."""


class MadeCall(NamedTuple):
    name: str
    arguments: str
    """JSON text."""


class CallReward(NamedTuple):
    """How right a turn is, each measure from 0 to 1 and 1 for the right calls.

    Shares are 2 x common / (right + made), so that a call too many costs what a missing one does. A turn that rightly
    calls nothing has 1 in all of them, whatever it says.
    """

    match: float
    """1 where the calls are the right ones, each as often, in any order; else 0."""
    calls: float
    """Share of right calls."""
    arguments: float
    """Share of right names of tools and arguments of theirs, wherever several calls of one tool have them."""
    names: float
    """Share of right names of tools."""
    format: float
    """1 where the answer can be read and every call names an offered tool; else 0. What cannot be read, or neither
    says nor calls anything, has 0 in all the others too."""


MEASURES = CallReward._fields


def reward_of(truth: str | Mapping[str, Any], answer: Any) -> CallReward:
    """The reward of one answer.

    Args:
        truth: `{"calls": [{"name", "arguments"}], "tools": {name: parameters}}`, or its JSON text; `arguments` are JSON
            text, `parameters` a JSON Schema.
        answer: What the model said: its text, with calls between `<tool_call>` tags, or a message with `tool_calls`.

    Raises:
        ValueError: The truth is no JSON.
        KeyError: The truth lacks a part.
    """
    body = json.loads(truth) if isinstance(truth, str) else truth
    tools = {name: Parameters(parameters) for name, parameters in body["tools"].items()}
    right = [MadeCall(one["name"], one["arguments"]) for one in body["calls"]]
    made = _made(answer)
    if made is None:
        return CallReward(0.0, 0.0, 0.0, 0.0, 0.0)
    keys = [call_key(tools, one) for one in made]
    return CallReward(
        match=float(tool_match(tools, right, made)),
        calls=_share((call_key(tools, one) for one in right), keys),
        arguments=_share(_parts(tools, right), _parts(tools, made)),
        names=_share((one.name for one in right), (one.name for one in made)),
        format=float(None not in keys),
    )


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    reward: str = "match",
    **_: Any,
) -> dict[str, float]:
    """The reward as verl asks for it: `score` is the measure that `reward` names, the others are logged.

    Raises:
        KeyError: There is no such measure.
    """
    measured = reward_of(ground_truth, solution_str)._asdict()
    return {"score": measured[reward], **measured}


def call_match(completion: Any, info: str | Mapping[str, Any], **_: Any) -> float:
    """The reward `match` as `verifiers` asks for it."""
    return reward_of(info, _last(completion)).match


def call_share(completion: Any, info: str | Mapping[str, Any], **_: Any) -> float:
    """The reward `calls` as `verifiers` asks for it."""
    return reward_of(info, _last(completion)).calls


def argument_share(completion: Any, info: str | Mapping[str, Any], **_: Any) -> float:
    """The reward `arguments` as `verifiers` asks for it."""
    return reward_of(info, _last(completion)).arguments


def _last(completion: Any) -> Any:
    """The one turn that is measured: `verifiers` gives a text, or messages, which may be objects."""
    last = completion[-1] if isinstance(completion, list) and completion else completion
    return last.model_dump() if hasattr(last, "model_dump") else last


def _made(answer: Any) -> list[MadeCall] | None:
    """The calls of an answer; None where they cannot be read, or the answer is empty."""
    text = answer.get("content") if isinstance(answer, dict) else answer
    said = text if isinstance(text, str) else ""
    if "<think>" in said.rpartition("</think>")[2]:
        return None  # a thought that does not end: calls in it are not made
    read = read_answer(answer)
    if read.problem == "no_call":
        return [] if said.rpartition("</think>")[2].strip() else None
    return None if read.problem else [MadeCall(one.name, canonical_json(one.arguments)) for one in read.calls]


def _parts(tools: Mapping[str, Parameters], calls: Iterable[MadeCall]) -> Iterable[str]:
    """The name of each call, and each of its arguments with its value."""
    for call in calls:
        yield call.name
        if call_key(tools, call) is not None:
            given = meaning(tools[call.name], json.loads(call.arguments), folded=False)
            yield from (canonical_json([call.name, name, value]) for name, value in given.items())


def _share(right: Iterable[str | None], made: Iterable[str | None]) -> float:
    one, other = Counter(right), Counter(made)
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0
