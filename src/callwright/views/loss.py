"""What a trainer learns of a turn: spans of characters in, whatever a trainer understands out.

Zhang et al. 2025 (AskToAct): the words of a mistake stay in the input and give no loss. Here they are offsets.
Token masks are made late, for one tokenizer at a time, from the offsets that it reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from callwright.schemas.message import WRONG, AssistantMessage, Message, Span

IGNORED = -100
"""The label of a token that gives no loss."""
OPENING, CLOSING = "<SOE>", "<EOE>"
"""The paper's marks around a mistake."""

Range = tuple[int, int]


def wrong_spans(message: Message) -> tuple[Span, ...]:
    """The spans of a message that must not be learned, in their order."""
    spans = message.spans if isinstance(message, AssistantMessage) else ()
    return tuple(sorted((one for one in spans if one.label == WRONG), key=lambda one: one.start))


def is_wrong(message: Message) -> bool:
    """Whether a message is a mistake and nothing else."""
    covered = sum(one.end - one.start for one in wrong_spans(message))
    alone = isinstance(message, AssistantMessage) and not message.tool_calls
    return alone and 0 < len(message.content) == covered


def learned(message: Message) -> bool:
    """Whether a trainer learns anything of a message."""
    return isinstance(message, AssistantMessage) and message.train and not is_wrong(message)


def detail(message: Message) -> list[dict[str, Any]]:
    """Axolotl's `train_detail`: the whole content in ranges of characters, ends included; empty without a span."""
    found: list[dict[str, Any]] = []
    at = 0
    for span in wrong_spans(message):
        found += _range(at, span.start, True) + _range(span.start, span.end, False)
        at = span.end
    return found + _range(at, len(message.content), True) if found else []


def _range(start: int, end: int, train: bool) -> list[dict[str, Any]]:
    return [{"begin_offset": start, "end_offset": end - 1, "train": train}] if start < end else []


def marked(message: Message) -> str:
    """The content with the paper's marks around what must not be learned.

    Raises:
        ValueError: The content holds such a mark already.
    """
    text = message.content
    if OPENING in text or CLOSING in text:
        raise ValueError("the text itself holds a mark")
    for span in reversed(wrong_spans(message)):
        text = text[: span.start] + OPENING + text[span.start : span.end] + CLOSING + text[span.end :]
    return text


def wrong_ranges(text: str, messages: Sequence[Message]) -> list[Range]:
    """Where the words that must not be learned stand in a chat that any template has rendered.

    Raises:
        ValueError: A message's content does not stand in the text as it is.
    """
    found: list[Range] = []
    at = 0
    for message in messages:
        content = message.content.strip()
        place = text.find(content, at)
        if place < 0:
            raise ValueError(f"the template changed a message: {content[:60]!r} is not in the text")
        shift = place - (len(message.content) - len(message.content.lstrip()))
        found += [(span.start + shift, span.end + shift) for span in wrong_spans(message)]
        at = place + len(content)
    return found


def labels(
    ids: Sequence[int], offsets: Sequence[Range], learned_: Iterable[Range], wrong: Iterable[Range] = ()
) -> list[int]:
    """One label for each token: its id where it is learned, `IGNORED` elsewhere.

    A token is learned when all of its characters are in a learned range and none in a wrong one: one that crosses a
    border is not. Labels of a text that is cut at some token are these, cut at that token.

    Args:
        ids: The tokens of the text, encoded as a whole: the same ids that the model sees when it is used.
        offsets: First character and the one after the last of each token, as the tokenizer reports them.
        learned_: Ranges of the assistant's turns.
        wrong: Ranges of mistakes.
    """
    inside, outside = sorted(learned_), sorted(wrong)
    return [
        id_
        if start < end
        and any(first <= start and end <= last for first, last in inside)
        and not any(start < last and first < end for first, last in outside)
        else IGNORED
        for id_, (start, end) in zip(ids, offsets, strict=True)
    ]
