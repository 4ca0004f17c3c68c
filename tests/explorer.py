"""An explorer of the length converter that is a function of the prompt's text alone, for tests and the ablation.

It asks for the same again unless that is listed, uses a unit's short name until an error that refuses one is in view,
and stops asking for hopeless accuracy once the list says that such a request was not solved.
"""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.generators.base import Explored
from callwright.generators.ste.explore import Exploration
from callwright.llm.base import Completion, Model, Request
from callwright.llm.scripted import Scripted, call, reply, say
from callwright.schemas.recipe import Ste
from callwright.schemas.tool import Toolkit
from callwright.toolbox.world import WorldToolbox

CHAIN = "units.convert_length"
SHORT = {
    "km": "kilometers",
    "mi": "miles",
    "ft": "feet",
    "yd": "yards",
    "mm": "millimeters",
    "cm": "centimeters",
}
LONG = ("meters", "inches", "kilometers", "miles", "feet", "yards")
_REQUEST = re.compile(r"Part 2.*?Somebody writes:\n\n(.*?)\n\n", re.DOTALL)
_LENGTH = re.compile(r"turn (\d+) (\w+) into (\w+)(?: to (\d+) places)?")


@cache
def units() -> Toolkit:
    body = {"dataset": "x", "size": 1, "tools": [{"world": "units"}], "mix": {"single": 1.0}}
    return Workshop.of(check_recipe(body, "x"), Path()).toolkits[0]


def exploration(
    model: Model, *, toolkits: tuple[Toolkit, ...] = (), judge: Model | None = None, **settings: Any
):
    """The exploration of some toolkits with a model; keyword arguments are settings of the method."""
    return Exploration(
        model, judge or model, WorldToolbox(), toolkits or (units(),), Ste(**settings), 7, synonyms={}
    )


async def explored(model: Model, **settings: Any) -> list[Explored]:
    return await exploration(model, **settings).explore(CHAIN)


def explorer() -> Scripted:
    return Scripted(answer)


def answer(request: Request) -> Completion:
    texts = [str(message.get("content", "")) for message in request.messages]
    if "You reword requests" in texts[0]:
        return reply({"request": _reworded(texts[1], len(texts))})
    if "You check conversations" in texts[0]:
        return reply(_ruled(texts[1]))
    if texts[-1].startswith("Part 1"):
        return reply({"request": _imagined(texts)})
    if texts[-1].startswith("Part 3"):
        solved = texts[-2].startswith("That is")
        return reply(
            {"reason": "No. Now: nothing was said of a length" if not solved else "it was", "solved": solved}
        )
    return _acted(request, texts)


def _imagined(texts: list[str]) -> str:
    here = [json.loads(text)["request"] for text in texts if text.startswith('{"request"')]
    lines = texts[-1].partition("have been tried already")[2]
    listed = re.findall(r"^- (.*?)(?: \((?:not )?solved\))?$", lines, re.MULTILINE)
    hopeless = any("places" in line and "(not solved)" in line for line in lines.splitlines())
    slot = (len(here) or len(listed)) % 4
    known = {*here, *listed}
    wordings = ("Please turn {} into {}{}.", "Could you turn {} into {}{}?")
    for number, (_, source, target) in enumerate(product("ab", SHORT if slot in (0, 2) else LONG, LONG)):
        if SHORT.get(source, source) == target:
            continue
        places = " to 12 places" if slot == 3 and not hopeless else ""
        text = wordings[number % 2].format(f"{10 + 7 * number} {source}", target, places)
        if text not in known:
            return text
    return text


def _acted(request: Request, texts: list[str]) -> Completion:
    asked = [index for index, text in enumerate(texts) if text.startswith("Part 2")][-1]
    found = _LENGTH.search(texts[asked])
    assert found is not None
    value, source, target, places = found.groups()
    if request.messages[-1]["role"] == "tool":
        body = json.loads(texts[-1])
        return say(
            f"That is {body['result']} {body['result_unit']}." if "result" in body else "It is no use."
        )
    told = any(text.startswith('{"error"') and "is not one of" in text for text in texts)
    arguments: dict[str, Any] = {
        "value": float(value),
        "source_unit": SHORT.get(source, source) if told else source,
        "target_unit": target,
    }
    return call("convert_length", arguments | ({"decimals": int(places)} if places else {}))


def _ruled(text: str) -> dict[str, Any]:
    good = "status 200" in text and "The answer: That is" in text
    told = {"reason": "Note: yes. No. of results: 1" if good else "Yes, but no result", "verdict": good}
    return dict.fromkeys(("informative", "faithful", "appropriate"), told)


def _reworded(text: str, turn: int) -> str:
    value, source, target, places = _LENGTH.search(text).groups()  # type: ignore[union-attr]
    ways = (
        f"My drawing says {value} {source}, what would that be measured in {target}?",
        f"Somebody here only thinks in {target}; give them {value} {source} that way.",
        f"{target}, if you can, for {value} {source}",
        f"The old sign reads {value} {source}. New ones are in {target}. What goes on it?",
        f"Need {value} {source} as {target}, quick",
        f"Would you be so kind as to express {value} {source} in {target} for my report?",
    )
    return ways[turn // 2 % len(ways)]


def measured(trials: list[Explored]) -> dict[str, float]:
    """Shares of whole trials, and of what the tool can be told, that an exploration came to."""
    rows = [one.trajectory for one in trials if one.trajectory]
    good = [
        one.trajectory
        for one in trials
        if one.trajectory and any(v.judge == "ste.filter" and v.outcome == "pass" for v in one.verdicts)
    ]
    requests = [row.task.instruction for row in rows]
    subjects = {row.tool_calls[0].arguments for row in rows}
    told = {
        (name, str(value))
        for row in good
        for name, value in json.loads(row.tool_calls[-1].arguments).items()
        if name != "value"
    }
    return {
        "positive": len(good) / len(trials),
        "distinct": len(subjects) / len(trials),
        "coverage": len(told) / (2 * 9),
        "repeated": 1 - len(set(requests)) / len(trials),
        "near": sum(one.code == "near_duplicate" for one in trials) / len(trials),
    }
