"""The prompts of this room, one file per purpose."""

from __future__ import annotations

from callwright.generators.prompting import Prompts

PROMPTS = Prompts(
    "asktoact",
    (
        "importance",
        "rewrite",
        "question",
        "user",
        "slip",
        "review",
        "redundant",
        "irrelevant",
        "missed",
        "misread",
        "confirmed",
    ),
)
prompt = PROMPTS.template
digests = PROMPTS.digests
