"""A student with a table of skills in place of weights: for rehearsals and tests of the closed loop, in seconds.

It is told the right answer and gives it, or a plausible wrong one, by its skill at the facet of the decision
(`values/facets.py`). One draw for each decision and sample is compared with the skill, so a student that has become
better gets nothing wrong that it got right before. How skills grow stands in `training/simulated.py`.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callwright.errors import UsageError
from callwright.llm.base import Completion, Request, Usage
from callwright.schemas.base import Record, digest
from callwright.schemas.message import ToolCall
from callwright.schemas.recipe import SimulatedModel
from callwright.schemas.tool import Tool
from callwright.values.facets import facet
from callwright.values.mutations import mutated

WEAK = 0.3
"""Share of the facets that a beginner is weak at: known weaknesses are what a loop is for."""
WEAK_SKILL, LEAST, MOST = 0.05, 0.15, 0.65
"""A beginner's skill at weak facets, and the ends between which its other skills are drawn: a small instruct model
gets some kinds of calls right now and then, and others hardly ever."""
_TOKENS = 8


class Skills(Record):
    """What a simulated student is able to do."""

    seed: int = 0
    skill: dict[str, float] = {}
    """Facet -> chance of a right answer; a beginner's where a facet is not named."""
    truth: dict[str, tuple[ToolCall, ...]] = {}
    """Decision with a label that is known to be wrong -> the right calls. The student means these, not the label."""

    def beginner(self, name: str) -> float:
        if unit(self.seed, "weak", name) < WEAK:
            return WEAK_SKILL
        return LEAST + (MOST - LEAST) * unit(self.seed, "skill", name)

    def of(self, name: str) -> float:
        return self.skill.get(name, self.beginner(name))


def unit(*parts: Any) -> float:
    """A number in [0, 1) that follows from its parts."""
    return int(digest(list(parts))[:13], 16) / 16**13


def read_skills(config: SimulatedModel, base: Path) -> Skills:
    """
    Raises:
        UsageError: The file of skills cannot be read.
    """
    if config.skills is None:
        return Skills(seed=config.seed)
    path = base / config.skills
    try:
        return Skills.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"models.student.skills: {path} is no file of skills ({type(error).__name__})"
        ) from None


class SimulatedStudent:
    """Answers `looptool.student` by skill."""

    reads_variables = True

    def __init__(self, skills: Skills) -> None:
        self.id = f"simulated:{digest(skills.model_dump(mode='json'))[:12]}"
        self.stats: Counter[str] = Counter()
        self._skills = skills

    async def complete(self, request: Request) -> Completion:
        asked = request.variables
        skill = self._skills.of(_facet(asked))
        drawn = unit(self._skills.seed, asked["decision"], request.sample)
        right = drawn < skill
        answer = self._right(asked) if right else self._wrong(request)
        # Nearly wrong is what it is least sure of.
        doubt = drawn / skill if right else 1.0
        return answer.model_copy(
            update={
                "usage": Usage(prompt_tokens=100, completion_tokens=_TOKENS),
                "logprobs": (-math.log(1.0 + 3.0 * doubt),) * _TOKENS,
            }
        )

    async def score(self, request: Request, answer: Mapping[str, Any]) -> tuple[float, ...] | None:
        return (math.log(max(self._skills.of(_facet(request.variables)), 1e-3)),) * _TOKENS

    async def close(self) -> None:
        pass

    def _right(self, asked: Mapping[str, Any]) -> Completion:
        known = self._skills.truth.get(asked["decision"])
        calls = known if known is not None else _calls(asked["label"])
        if calls:
            return Completion(tool_calls=calls, finish_reason="tool_calls")
        return Completion(text=asked["label"]["content"])

    def _wrong(self, request: Request) -> Completion:
        asked = request.variables
        rng = random.Random(digest([self._skills.seed, asked["decision"], request.sample, "wrong"]))
        tools = {one["function"]["name"]: _tool(one["function"]) for one in request.tools}
        calls = self._right(asked).tool_calls
        if not calls and tools:
            # Calls where it should ask or say that nothing fits.
            name = rng.choice(sorted(tools))
            return Completion(
                tool_calls=(ToolCall(id="call_1", name=name, arguments="{}"),), finish_reason="tool_calls"
            )
        changed = mutated(tools, calls, rng)
        if changed is None or rng.random() < 0.2:
            return Completion(text="I am sorry, but none of my tools can do that.")
        return Completion(tool_calls=changed[1], finish_reason="tool_calls")


def _facet(asked: Mapping[str, Any]) -> str:
    return facet(asked["label"], asks=asked["asks"], later=asked["later"])


def _calls(turn: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(id=one["id"], name=one["function"]["name"], arguments=_text(one["function"]["arguments"]))
        for one in turn.get("tool_calls", ())
    )


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _tool(function: Mapping[str, Any]) -> Tool:
    return Tool(name=function["name"], description=function["description"], parameters=function["parameters"])
