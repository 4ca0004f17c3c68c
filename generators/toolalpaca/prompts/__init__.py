"""The prompts of this room, one file per purpose: those of rows, and those of toolsets."""

from __future__ import annotations

from callwright.generators.prompting import Prompts

PROMPTS = Prompts("toolalpaca", ("instruction", "assistant", "user"))
TOOLSETS = Prompts(
    "toolalpaca", ("introduction", "functions", "specification", "repair", "continuation", "seed", "trees")
)
prompt = PROMPTS.template
digests = PROMPTS.digests
