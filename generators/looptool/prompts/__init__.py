"""The prompts of this room, one file per purpose."""

from __future__ import annotations

from callwright.generators.prompting import Prompts

PROMPTS = Prompts("looptool", ("compare", "variant"))
prompt = PROMPTS.template
digests = PROMPTS.digests
