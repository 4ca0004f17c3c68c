r"""Conversations as ReAct text (Yao et al. 2022): one marker a line, then text up to the next marker.

The text means exactly one conversation. A line of a value that looks like a marker gets a backslash in front, and one
that has backslashes there already gets one more, so that reading gives back what was written, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

MARKERS = ("System", "Tools", "User", "Thought", "Action", "Action Input", "Observation", "Final Answer")

_NAMES = "|".join(MARKERS)
_MARKER = re.compile(rf"(?:\A|\n)({_NAMES}): ")
_PLAIN = re.compile(rf"(?<=\n)(?=\\*(?:{_NAMES}):)")
_ESCAPED = re.compile(rf"(?<=\n)\\(?=\\*(?:{_NAMES}):)")


@dataclass(frozen=True)
class Part:
    """A marker and what stands after it."""

    marker: str
    text: str

    def written(self) -> str:
        escaped = _PLAIN.sub(r"\\", self.text)
        return f"{self.marker}: {escaped}"


@dataclass(frozen=True)
class Turn:
    """One turn of the assistant: a call, or an answer where `action` is None."""

    thought: str = ""
    action: str | None = None
    text: str = ""
    """The arguments of the call as raw JSON text, or the answer."""

    def parts(self) -> Iterator[Part]:
        if self.thought:
            yield Part("Thought", self.thought)
        if self.action is None:
            yield Part("Final Answer", self.text)
        else:
            yield Part("Action", self.action)
            yield Part("Action Input", self.text)


@dataclass(frozen=True)
class Said:
    """What somebody else says: system, tools, user, or what came back from a call."""

    marker: str
    text: str

    def parts(self) -> Iterator[Part]:
        yield Part(self.marker, self.text)


Entry = Turn | Said
Encode = Callable[[str], Sequence[int]]


def write(entry: Entry) -> str:
    """The text of one entry, without a line end."""
    return "\n".join(part.written() for part in entry.parts())


def segments(entries: Sequence[Entry]) -> list[str]:
    """The text of each entry; joined, they are the whole text. All but the last end their line."""
    last = len(entries) - 1
    return [write(entry) + ("\n" if index < last else "") for index, entry in enumerate(entries)]


def read(text: str) -> list[Entry]:
    """The entries that a text was written from.

    Raises:
        ValueError: It does not begin with a marker, or its parts do not make turns; the message says which.
    """
    entries: list[Entry] = []
    parts = list(_parts(text))
    index = 0
    while index < len(parts):
        entry, index = _entry(parts, index)
        entries.append(entry)
    return entries


def _parts(text: str) -> Iterator[Part]:
    marks = list(_MARKER.finditer(text))
    if not marks or marks[0].start() > 0:
        raise ValueError("the text does not begin with a marker")
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        yield Part(mark[1], _ESCAPED.sub("", text[mark.end() : end]))


def _entry(parts: Sequence[Part], index: int) -> tuple[Entry, int]:
    """The entry that begins at a part, and the index after it."""
    part = parts[index]
    if part.marker in ("System", "Tools", "User", "Observation"):
        return Said(part.marker, part.text), index + 1
    thought = ""
    if part.marker == "Thought":
        thought, index = part.text, index + 1
    found = [one.marker for one in parts[index : index + 2]]
    if found[:1] == ["Final Answer"]:
        return Turn(thought, None, parts[index].text), index + 1
    if found == ["Action", "Action Input"]:
        return Turn(thought, parts[index].text, parts[index + 1].text), index + 2
    raise ValueError(f"{part.marker} is not followed by an action with its input, or an answer")


@dataclass(frozen=True)
class Masked:
    """Token ids with their loss mask."""

    ids: tuple[int, ...]
    mask: tuple[bool, ...]
    """True where a trainer should learn the token."""
    cut: int = 0
    """Tokens beyond the maximum, left out at the end."""
    cut_trained: int = 0
    """Those of them that a trainer should have learned."""


def token_mask(
    texts: Iterable[str], trained: Iterable[bool], encode: Encode, max_tokens: int | None = None
) -> Masked:
    """Token ids and loss mask of segments.

    Each segment is encoded by itself, so that no token reaches over the border of what is trained.

    Args:
        texts: The segments, as `segments` gives them.
        trained: Whether each is to be learned.
        encode: Text -> token ids, without adding special tokens.
        max_tokens: Tokens at the most.
    """
    ids: list[int] = []
    mask: list[bool] = []
    for text, learned in zip(texts, trained, strict=True):
        found = encode(text)
        ids += found
        mask += [learned] * len(found)
    end = len(ids) if max_tokens is None else max_tokens
    return Masked(tuple(ids[:end]), tuple(mask[:end]), len(ids[end:]), sum(mask[end:]))
