"""Documentation is untrusted text: a tool whose words hide characters or instruct the model is refused.

What a model reads about a tool was written by a stranger ("tool poisoning", OWASP MCP03). The patterns are the attacks
that are known; to pass them proves nothing, and none of them is in the real documentation that our tests read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from callwright.sources.problems import Unusable, shown
from callwright.values.untrusted import CONTROL_TOKEN, hidden, named

HIDDEN = "hidden_characters"
INSTRUCTIONS = "instructions_in_description"

_TOLD = (
    # The conversation so far is to be set aside.
    r"\b(ignore|disregard|forget)\b[^.]{0,30}\b(previous|prior|earlier|preceding|above|other|your)\b"
    r"[^.]{0,20}\b(instruction|prompt|guideline|rule|direction|command)s?\b",
    r"\b(ignore|disregard|forget)\b[^.]{0,20}\b(instruction|prompt|guideline|rule|direction)s?\b[^.]{0,10}"
    r"\b(above|so far|you were given)\b",
    r"\b(your|the) (new|real|actual|true) (instructions?|task|goal|objective) (is|are)\b",
    r"\bnew (system )?instructions? ?:",
    r"\bfrom now on,? (you|always|only|never)\b",
    # The user is not to know.
    r"\b(do not|don't|never|must not|without) (tell|telling|let|letting) (the |your )?users?\b",
    r"\b(do not|don't|never|must not|without) (mention|reveal|disclose|say|report|explain)(ing)?\b"
    r"[^.]{0,30}\bto (the |your )?users?\b",
    r"\b(hide|conceal|keep) (this|these|it|that)\b[^.]{0,30}\bfrom (the |your )?users?\b",
    r"\b(the )?users? (must|should|need) not (know|be told|be informed|see this)\b",
    # Marks that pretend to be a system's; the documentation of AWS writes <important> in small letters.
    r"(?-i:</?IMPORTANT>)|</?system[ _-](prompt|message|reminder|instructions?)>|</(system|instructions?|secret)>",
    r"<\|\w+\|>|\[/?inst\]|<</?sys>>",
    # Calls are to do more than what was asked for.
    r"\bbefore (using|calling|invoking|running) (this|any|the)( other)?( \w+)? (tool|function)s?\b[^.]{0,20}"
    r"\b(read|open|cat|load|fetch|access|send|include|print)\b",
    r"\b(read|send|include|pass|append|attach)\b[^\n]{0,40}(~/\.|\bid_rsa\b|/etc/passwd|\.cursor/|\.env\b)"
    r"[^\n]{0,80}\b(as|in|into|to|via)\b",
    r"\b(pass|include|send|put|append|attach)\b[^.]{0,30}\b(system prompt|chat history|conversation history|"
    r"your instructions|private key)\b[^.]{0,40}\b(as|in|into|to|via)\b",
    r"\b(do not|don't|never) (use|call|invoke) (any|the) other tools?\b",
)
_INSTRUCTION = re.compile("|".join(_TOLD), re.IGNORECASE)


def vet(*texts: Any) -> None:
    """Look through all text of JSON values: a description, a whole schema, a tool.

    Raises:
        Unusable: `hidden_characters` or `instructions_in_description`, with what was found.
    """
    for text in _strings(texts):
        if fault := _fault(text):
            raise Unusable(*fault)


@lru_cache(maxsize=65_536)
def _fault(text: str) -> tuple[str, str] | None:
    """Code and message; kept, because the tools of one document repeat each other's schemas."""
    if (place := hidden(text)) is not None:
        return HIDDEN, f"character {place + 1} of {shown(text)} is {named(text[place])}"
    if found := CONTROL_TOKEN.search(text):
        return INSTRUCTIONS, f"a text holds a mark of chat templates: {shown(found.group())}"
    if found := _INSTRUCTION.search(_plain(text)):
        return INSTRUCTIONS, f"a text tells the model what to do: {shown(found.group())}"
    return None


def _strings(values: Iterable[Any]) -> dict[str, None]:
    """Each text once, keys included. Schemas are large and repeat themselves, so this is no recursion."""
    found: dict[str, None] = {}
    pending = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            found[value] = None
        elif isinstance(value, dict):
            pending.extend(value)
            pending.extend(value.values())
        elif isinstance(value, list | tuple):
            pending.extend(value)
    return found


def _plain(text: str) -> str:
    """The text without the differences that spelling can make: width, line breaks, quotation marks."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).replace("’", "'"))
