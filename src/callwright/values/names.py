"""Find the names that a text mentions: capitalised words that are not capitalised for their place alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from callwright.values.mentions import Mentions

_WORD = re.compile(r"[^\W\d_]+(?:['’&-][^\W\d_]+)*(?![\d_])")
_POSSESSIVE = re.compile(r"['’]s$")
_START = re.compile(r"(?:^|[.!?:;…)\]]|\n|[\"“(\[*•>]|(?:^|\n)\s*[-–])[\s\"“”'‘(\[*_•>-]*$")
_NO_STOP = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St)|\b[A-Z])\.\s*$")
"""A stop that ends no sentence: "Dr. Weber", "J. Smith"."""
_OPENERS = frozenset(
    # Words that begin sentences without being names. Verbs that ask for something stand before names ("Ask Anna"), so
    # they must be known; other words count as names only where a name would stand, see _AFTER_A_NAME.
    "a about above according actually add after again agreed all also although always am an and another any "
    "anyone anything apologies are arrange as ask asked at attached attn back be because been before below "
    "besides best between book both bring but buy by call called can cancel changed check cheers come coming "
    "confirm confirmed congratulations consider contact could dear did discuss discussed do does doing don't done "
    "double due during each either email enjoy even every everybody everyone everything excellent expect finally "
    "find fine first follow following for forward forwarded forwarding from further fyi get give given go going "
    "good got great greetings had happy has have having he hello help her here here's hers hey hi his hope "
    "hopefully how however i i'd i'll i'm i've if important in inform instead introduce invite is isn't it it's "
    "item its join just keep kind kindest kindly last late later leave let let's like list looking looks make "
    "many may maybe me meanwhile meet meeting met might mine monthly more morning most move much must my need "
    "needs never new next nice no nobody none not note nothing now of off oh ok okay on once one only open or "
    "order other otherwise our over paid pay per perfect perhaps pick place please plus prepare put question "
    "quick re read ready really received regarding regards remember remind reminder reply request requested "
    "reschedule reserve respectfully review same save say says schedule see send sent set several shall share she "
    "should show since sincerely so some somebody someone something soon sorry speak still stop subject such sure "
    "take talk tell thank thanks that that's the their them then there there's these they they're this those "
    "though thus till to together too total trust try two unfortunately unless until up update updated upon "
    "urgent us use very via visit wait waiting want warm warmly warning was we we'd we'll we're we've welcome "
    "well were what what's when where whether which while who why will wishing with within without wonderful work "
    "would write yes yet you you'll you're your yours".split(" ")
)
_NO_NAMES = frozenset(
    "I I'd I'll I'm I've OK FYI ASAP RSVP PS ETA TBD TBA AM PM Mr Mrs Ms Dr Prof Sir Madam Regards Wishes".split(
        " "
    )
)
_AFTER_A_NAME = re.compile(
    r"['’]s\b|\s*(?:$|\n|,)|\s+(?:and|or|is|isn't|was|wasn't|has|had|will|won't|would|can|can't|could|should|may|might|"
    r"must|does|doesn't|did|didn't|wants|needs|asks|says|likes|prefers|thinks|works|comes|arrives|calls|leaves|gets|"
    r"knows|sends|joins|brings|pays|lives|loves|hopes|plans|takes|goes|speaks|who|whose|already|also|just|still|said|"
    r"sent|told|took|made|gave|came|went|left|wrote|got|knew|from|at|\w{3,}ed)\b"
)
"""What follows a name at the start of a sentence, rather than an order or an aside."""


def names(said: Mentions, taken: list[tuple[int, int]]) -> Iterator[str]:
    """Each run of capitalised words that names something; words inside `taken`, such as dates, are none.

    A word at the start of a sentence is capitalised anyhow. It is part of a name when another capitalised word follows
    ("Anna Weber called") or a word that follows names ("Anna is ill"), and when it is no known opener ("Dear Anna").
    """
    run: list[re.Match[str]] = []
    for word in _WORD.finditer(said.text):
        capital = word[0][0].isupper() and word[0].replace("’", "'") not in _NO_NAMES
        if not capital or any(word.start() < end and start < word.end() for start, end in taken):
            yield from _named(run, said.text)
            run = []
            continue
        if run and not _joined(said.text[run[-1].start() : word.start()]):
            yield from _named(run, said.text)
            run = []
        run.append(word)
    yield from _named(run, said.text)


def _joined(text: str) -> bool:
    """Whether nothing but a space, or the stop of an initial, stands between two words of a name."""
    return bool(re.fullmatch(r"[^\W\d_](?:\.\s?)|\S*[^\s,;:.!?()'\"“”] ", text)) and not text.endswith("'s ")


def _named(run: list[re.Match[str]], text: str) -> Iterator[str]:
    if not run:
        return
    first = run[0]
    if _starts_a_sentence(text, first.start()):
        if _opens(first) or len(run) == 1 and not _AFTER_A_NAME.match(text, _end(first)):
            run = run[1:]
    elif text[: first.start()].rstrip().endswith(",") and _opens(first):
        run = run[1:]  # "Hi Anna, Thanks for the note."
    if run:
        yield text[run[0].start() : _end(run[-1])]


def _opens(word: re.Match[str]) -> bool:
    text = word[0].replace("’", "'").lower()
    return text in _OPENERS or len(text) > 5 and text.endswith(("ing", "ly"))


def _end(word: re.Match[str]) -> int:
    """Where a word ends, without the 's of a possessive."""
    return word.end() - (2 if _POSSESSIVE.search(word[0]) else 0)


def _starts_a_sentence(text: str, position: int) -> bool:
    before = text[max(position - 40, 0) : position]
    return (not before or bool(_START.search(before))) and not _NO_STOP.search(before)
