"""What must not stand in a stranger's text: characters that nobody sees, and the marks that chat templates are made of.

A tokenizer reads such a mark in a description or a result as the end of a turn or the beginning of another one, whoever
wrote it: so the model is shown a conversation that was never had, and a trainer learns it.
"""

from __future__ import annotations

import re
import unicodedata

_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Letters and marks that are drawn as nothing, though Unicode does not count them among the formats."""
_JOINERS = frozenset("\u200c\u200d")
"""They shape Persian and Indic words and join emoji; between other characters they hide."""
_SELECTORS = re.compile("[\ufe00-\ufe0f]{2,}|[\U000e0100-\U000e01ef]")
"""One selector picks how an emoji is drawn; in a row they spell out bytes."""

CONTROL_TOKEN = re.compile(
    # ChatML and its kin, Llama 3, Cohere, GPT: <|im_start|>, <|start_header_id|>, <|END_OF_TURN_TOKEN|>, ...
    r"<\|[\w./-]{1,40}\|>"
    # DeepSeek: full-width bars.
    r"|<\uff5c[^<>\uff5c]{1,40}\uff5c>"
    # Llama 2 and Mistral.
    r"|</?s>|\[/?INST\]|<</?SYS>>|\[/?(?:AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|SYSTEM_PROMPT)\]"
    # Gemma, and what tokenizers call their own marks.
    r"|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
)
"""Marks of chat templates, as their tokenizers spell them."""


def hidden(text: str) -> int | None:
    """Where the first character stands that a reader would not see; None where there is none."""
    if text.isascii() and text.isprintable():
        return None
    for place, character in enumerate(text):
        if character in _JOINERS and _joins(text, place):
            continue
        if character in _FILLERS or (
            unicodedata.category(character) in ("Cc", "Cf", "Cs") and character not in "\t\n\r"
        ):
            return place
    selectors = _SELECTORS.search(text)
    return selectors.start() if selectors else None


def named(character: str) -> str:
    """A character that cannot be shown, in words."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '(a control character)')}"


def _joins(text: str, place: int) -> bool:
    """Whether a joiner stands between two visible characters of a script that has use for it."""
    around = text[max(place - 1, 0) : place] + text[place + 1 : place + 2]
    return len(around) == 2 and all(
        not one.isascii() and unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Zs") for one in around
    )
