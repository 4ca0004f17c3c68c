"""Which earlier answers a call's values can have come from, value by value.

A value that stands in what the user said waits for nothing. Any other waits for every earlier answer that it could
have been taken or derived from (`derivations.py`): one where it is unique, several where it is not.

To find that a value was said is to let its call go first, so a name is looked for with more care here than where a
row is judged: "May", a person, is not said by "you may", and a text is not said by a message that has its words
somewhere, when another has it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from callwright.schemas.base import Record
from callwright.values.derivations import (
    Grounding,
    Leaf,
    Synonyms,
    Ungrounded,
    Visible,
    ground,
)
from callwright.values.facts import unseen, unseen_names
from callwright.values.mentions import Mentions, fold

_LOOSE = frozenset(("words",))
"""Derivations that count where no other explains the value."""
_FOLDING = frozenset(("case", "word_form", "plural"))
"""Derivations that compare without regard to capital letters."""


class Need(Record):
    """One value of a call, and the answers that it can have come from."""

    path: str
    """JSON pointer of the value within the arguments."""
    value: Any
    sources: tuple[int, ...] = ()
    """Indexes of the messages that it can have come from, in order; empty where it was said or has a default."""
    derivations: tuple[str, ...] = ()
    """How it comes from each of them."""
    explained: bool = True
    """False where it stands nowhere: nobody can tell what it waits for."""

    @property
    def ambiguous(self) -> bool:
        """Whether several answers hold the value."""
        return len(self.sources) > 1


def needs(
    arguments: Mapping[str, Any],
    schemas: Mapping[str, Mapping[str, Any]],
    said: Sequence[Visible],
    shown: Sequence[Visible],
    synonyms: Synonyms,
    authored: Collection[str] = (),
) -> Iterator[Need]:
    """What each value of one call needs.

    Args:
        arguments: The call's arguments, parsed.
        schemas: Argument -> its JSON Schema.
        said: What the user said before the call.
        shown: What earlier calls were answered, failed ones included.
        synonyms: Words that phrase sheets declare for values.
        authored: Arguments that a phrase sheet declares to be the assistant's own text.
    """
    for name, value in arguments.items():
        schema, own = schemas.get(name, {}), name in authored
        explain = partial(_explained, name, value, schema, synonyms, own)
        by_nobody, by_user = explain(()), explain(said)
        if not any(isinstance(one, Ungrounded) or not _is_said(one, said) for one in by_user):
            continue  # the usual case, and answers are long
        by_answer = [(one, explain((one,))) for one in shown]
        for at, (bare, found) in enumerate(zip(by_nobody, by_user, strict=True)):
            if isinstance(bare, Grounding) or _is_said(found, said):
                continue
            if _is_prose(name, bare.value, schema, own):
                yield from _facts(bare.path, bare.value, said, shown)
            else:
                yield _need(bare, found, [(one, listed[at]) for one, listed in by_answer])


def _explained(
    name: str,
    value: Any,
    schema: Mapping[str, Any],
    synonyms: Synonyms,
    own: bool,
    visible: Sequence[Visible],
) -> list[Grounding | Ungrounded]:
    return list(ground(name, value, schema, visible, synonyms, declared_authored=own))


def _need(
    bare: Ungrounded, found: Grounding | Ungrounded, tried: Iterable[tuple[Visible, Grounding | Ungrounded]]
) -> Need:
    explained = [(one, how) for one, how in tried if isinstance(how, Grounding)]
    exact = [(one, how) for one, how in explained if _holds(one, how)]
    if not exact and isinstance(found, Grounding):
        return Need(path=bare.path, value=bare.value)  # loosely said, and nowhere better
    chosen = exact or explained
    return Need(
        path=bare.path,
        value=bare.value,
        sources=tuple(one.index for one, _ in chosen),
        derivations=tuple(how.derivation for _, how in chosen),
        explained=bool(chosen),
    )


def _is_said(found: Grounding | Ungrounded, said: Sequence[Visible]) -> bool:
    """Whether a value needs no answer: a default, or said beyond doubt."""
    if isinstance(found, Ungrounded) or found.derivation == "authored":
        return isinstance(found, Grounding)
    if found.source is None:
        return True
    return any(_holds(one, found) for one in said if one.index == found.source)


def _holds(shown: Visible, how: Grounding) -> bool:
    """Whether a message has the value beyond doubt: its words together, and a name not as a small word."""
    if how.derivation in _LOOSE:
        return False
    return how.derivation not in _FOLDING or _written(how.text, shown)


def _written(words: str, shown: Visible) -> bool:
    """Whether a single capitalised word stands in a text with its capital, or is a line of its own."""
    if not words[:1].isupper() or not words.isalpha():
        return True
    pattern = re.compile(rf"(?<!\w){re.escape(words)}s?(?!\w)", re.IGNORECASE)
    alone = any(fold(line) == fold(words) for line in shown.text.split("\n"))
    return alone or any(match[0][0].isupper() for match in pattern.finditer(shown.text))


def _is_prose(name: str, leaf: Any, schema: Mapping[str, Any], declared: bool) -> bool:
    return isinstance(leaf, str) and Leaf(name, leaf, schema, {}, declared).authored


def _facts(path: str, text: str, said: Sequence[Visible], shown: Sequence[Visible]) -> Iterator[Need]:
    """A need for each fact of the assistant's own text that the user did not say."""
    if not (clock := next((one.mentions.clock for one in (*said, *shown)), None)):
        yield Need(path=path, value=text, explained=False)
        return
    whole, spoken = Mentions(text, clock), [one.mentions for one in said]
    for fact in _missing(whole, spoken):
        sources = tuple(one.index for one in shown if fact not in _missing(whole, [one.mentions]))
        how = ("authored",) * len(sources)
        yield Need(path=path, value=fact, sources=sources, derivations=how, explained=bool(sources))


def _missing(whole: Mentions, shown: Sequence[Mentions]) -> list[str]:
    return [words for _, words in unseen(whole, shown)] + list(unseen_names(whole, shown))
