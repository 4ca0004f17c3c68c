"""How people ask an invented API, and how its answers are told: wordings for the offline teacher's phrase sheets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from callwright.generators.toolalpaca.toolsets.archetypes import archetypes


def asks(kind: str, words: Sequence[Mapping[str, str]], unsaid: Sequence[str] = ()) -> dict[str, list[str]]:
    """Whole requests by register: each frame with each of the wordings, and some that leave the argument out."""
    found: dict[str, list[str]] = {}
    for register, frames in archetypes()["asks"][kind].items():
        lines = [worded(frame, one) for one in words for frame in frames]
        lines += [
            worded(frame, {"say": one}) for one in unsaid for frame in archetypes()["asks"]["do"][register]
        ]
        found[register] = [line[:1].upper() + line[1:] for line in dict.fromkeys(lines)]
    return found


def worded(frame: str, words: Mapping[str, str]) -> str:
    for name, text in words.items():
        frame = frame.replace("{" + name + "}", text)
    return frame


def told(told: str) -> list[str]:
    return [told, f"I looked it up. {told}", f"I checked. {told}"]


def only(clause: str) -> list[str]:
    return [
        f"I only want the ones {clause}.",
        f"Just the ones {clause}, please.",
        f"They should be ones {clause}.",
    ]


def of_one(clause: str) -> str:
    """A clause about several things as one about a single thing: "that live in" as "that lives in"."""
    return re.sub(
        r"^that (\w+)", lambda match: f"that {'is' if match[1] == 'are' else match[1] + 's'}", clause
    )


def which(noun: str) -> list[str]:
    return [
        f"Which {noun} should it be?",
        f"Sure. Which {noun} do you have in mind?",
        f"Which {noun} do you mean?",
    ]
