"""The prompts of this room, one file per purpose."""

from __future__ import annotations

from callwright.generators.prompting import Prompts

PROMPTS = Prompts(
    "ste",
    (
        "explorer",
        "imagine_first",
        "imagine_next",
        "explored",
        "act_first",
        "act_next",
        "reflect",
        "filter",
        "paraphrase",
        "paraphrase_again",
    ),
)
prompt = PROMPTS.template
digests = PROMPTS.digests
