"""The offline teacher's part in AskToAct: it words requests, questions, answers and slips.

A grammar, and it says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from callwright.errors import GenerationError
from callwright.generators.asktoact.intents import Intent, span_of
from callwright.generators.asktoact.wordings import (
    bare,
    frames,
    noun,
    pick,
    questions,
    quoted,
    said_in,
    turn_of,
)
from callwright.generators.planning.wording import Wording
from callwright.llm.base import Completion, Request
from callwright.schemas.base import canonical_json
from callwright.schemas.phrases import PhraseSheet
from callwright.schemas.tool import Toolkit
from callwright.values.mentions import contains, fold
from callwright.values.spoken import smooth
from callwright.values.wording import fill, slots

_SENTENCE = re.compile(r"[.!?]\s+")

_DATED = re.compile(r"\d|\bday\b|day\b|\bweeks?\b|\bnoon\b")

_LEAD = re.compile(
    r"(?:\s*,)?\s+(?:for|on|at|in|from|to|by|with|of|under|named|called|titled|until|till|starting|about|as|near|into)"
    r"(?:\s+(?:the|a|an|my))?\s*$",
    re.IGNORECASE,
)
"""What leads to a value and goes with it: " for", ", starting on"."""


def answers(toolkits: Sequence[Toolkit]) -> dict[str, Callable[[Request], Completion]]:
    """Purpose -> answerer, for dialogues over these toolkits."""
    by_name = {toolkit.name: toolkit for toolkit in toolkits}

    def sheet_of(variables: Mapping[str, Any]) -> PhraseSheet | None:
        kit = by_name.get(variables["toolkit"])
        return kit.phrases if kit else None

    def rate(request: Request) -> Completion:
        return _reply({id_: 5 if needed else 1 for id_, needed in request.variables["needed"].items()})

    def rewrite(request: Request) -> Completion:
        return _reply({"request": _without(by_name, request.variables)})

    def question(request: Request) -> Completion:
        return _reply({"question": _question(sheet_of(request.variables), request.variables)})

    def user(request: Request) -> Completion:
        return _reply({"message": _message(sheet_of(request.variables), request.variables)})

    def slip(request: Request) -> Completion:
        return _reply(_slip(sheet_of(request.variables), request.variables))

    return {
        "asktoact.importance": rate,
        "asktoact.rewrite": rewrite,
        "asktoact.question": question,
        "asktoact.user": user,
        "asktoact.slip": slip,
    }


def _without(by_name: Mapping[str, Toolkit], variables: Mapping[str, Any]) -> str:
    """The request without some values: worded anew from its plan, else with the values cut out; as it is where rules
    have no words for what is left.
    """
    if variables["hidden"]:
        try:
            worded = Wording(by_name, variables).request()
        except (GenerationError, KeyError):
            worded = ""  # the sheet has no words for what is left
        if worded and not any(contains(fold(worded), fold(cut["said"])) for cut in variables["cuts"]):
            return worded
    text: str = variables["request"]
    for cut in variables["cuts"]:
        shorter = without_words(text, cut["said"], None if variables["plan"] else cut["human"])
        if shorter is None:
            return str(variables["request"])
        text = shorter
    return text


def without_words(text: str, said: str, human: str | None) -> str | None:
    """A request without some words: with the phrase around them where that can go, else with a word in their place.

    "a table for March 14, please" loses " for March 14"; "play Blue Hour" becomes "play a song".

    Args:
        text: The request.
        said: The words to take out.
        human: What they stand for, in plain words; None where no word may take their place.

    Returns:
        The rest; None where it would be no sentence.
    """
    span = span_of(said, text)
    if span is None:
        return None
    start, end = span
    while start and end < len(text) and text[start - 1] + text[end] in ('""', "''", "()", "“”"):
        start, end = start - 1, end + 1
    before, after = text[:start], text[end:]
    lead = _LEAD.search(before)
    closes = re.match(
        r"\s*(?:$|[.,;!?)]|(?:for|on|at|in|from|to|by|with|and|please)\b)", after, re.IGNORECASE
    )
    if lead and closes and re.search(r"\w+\W+\w+", _SENTENCE.split(before[: lead.start()])[-1]):
        return smooth(before[: lead.start()] + after).strip()
    if human is None:
        return None
    word = re.sub(r" (?:id|ids|identifier)$", "", human)
    if re.search(r"\b(?:the|a|an|my|this)\s*$", before, re.IGNORECASE):
        return smooth(f"{before}{word}{after}")
    several = word.endswith("s") and not word.endswith("ss")
    return smooth(f"{before}{'some' if several else 'an' if word[0] in 'aeiou' else 'a'} {word}{after}")


def _question(sheet: PhraseSheet | None, variables: Mapping[str, Any]) -> str:
    asked = [Intent.model_validate(one) for one in variables["intents"]]
    identity = (variables["seed"], variables["place"])
    worded: list[str] = []
    for one in asked:
        options = questions(sheet, one.asked.tool, one.asked.argument)
        text = turn_of(options, variables["place"], variables["seed"], one.asked.argument)
        worded.append(bare(text) if worded or variables["again"] or variables["place"] > 2 else text)
    joined = " And ".join([worded[0], *(one[:1].lower() + one[1:] for one in worded[1:])])
    if variables["again"]:
        return fill(pick(frames()["again"], *identity), {"question": joined})
    return joined


def _message(sheet: PhraseSheet | None, variables: Mapping[str, Any]) -> str:
    asked = [Intent.model_validate(one) for one in variables["intents"]]
    style, move, wrong = variables["style"], variables["move"], variables["wrong"]
    identity = (variables["seed"], variables["place"])
    if move == "evade":
        return pick(frames()["evasions"], *identity)
    if move == "stray":
        return pick(frames()["strays"], *identity)
    if move == "slip":
        return _replied(sheet, asked[0], wrong, style, identity)
    if move == "slip_and_correct":
        return said_in(
            pick(frames()["slips_corrected"], *identity), wrong=quoted(wrong), value=quoted(asked[0].said)
        )
    text = " ".join(_replied(sheet, one, one.said, style, identity) for one in asked)
    if style == "wordy":
        seed, place = identity
        before, after = turn_of(frames()["before"], place, seed), turn_of(frames()["after"], place, seed)
        text = f"{before} {text}" if variables["place"] % 4 == 3 else f"{text} {after}"
    if variables["owed"]:
        owed = Intent.model_validate(variables["owed"])
        late = pick(frames()["late_corrections"], *identity)
        text += " " + said_in(late, wrong=quoted(variables["owed_wrong"]), value=quoted(owed.said))
    return text


def _replied(
    sheet: PhraseSheet | None, one: Intent, value: str, style: str, identity: tuple[Any, ...]
) -> str:
    """An answer that holds a value: bare for somebody terse, else as the sheet has people answer."""
    if style == "terse":
        return value if value.endswith((".", "!", "?")) else f"{value}."
    phrases = sheet.tools.get(one.asked.tool) if sheet else None
    worded = phrases.replies.get(one.asked.argument, ()) if phrases else ()
    name = one.asked.argument
    usable = [text for text in worded if slots(text) == {name}]
    if usable:
        return fill(pick(usable, *identity, name), {name: value})
    return said_in(pick(frames()["replies"], *identity, name), value=quoted(value))


def _slip(sheet: PhraseSheet | None, variables: Mapping[str, Any]) -> dict[str, str]:
    """What the assistant says wrongly, or in doubt, and how it puts that right, or finds it right."""
    kind, identity = variables["kind"], (variables["seed"], variables["place"], "slip")
    about = Intent.model_validate(variables["about"])
    value, human = quoted(about.said), noun(about.asked.argument)
    lead = pick(frames()["to_what_is_missing"], *identity, "lead")
    if kind == "redundant":
        options = [bare(one) for one in questions(sheet, about.asked.tool, about.asked.argument)]
        correction = said_in(pick(frames()["redundant"], *identity), value=value)
        return {"mistake": pick(options, *identity), "correction": f"{correction} {lead}".strip()}
    if kind == "irrelevant":
        options = [one for one in frames()["irrelevant_questions"] if one not in variables["avoid"]]
        correction = pick(frames()["irrelevant"], *identity)
        return {"mistake": pick(options, *identity), "correction": f"{correction} {lead}".strip()}
    if kind == "missed":
        claim = pick(frames()["missed_claims"], *identity)
        return {"mistake": claim, "correction": fill(pick(frames()["missed"], *identity), {"human": human})}
    if kind == "misread":
        wrong = quoted(variables["wrong"])
        if wrong[0].islower() and " " in wrong and not _DATED.search(wrong):
            wrong = f'"{wrong}"'  # what several small words say must show where it begins
        claim = said_in(pick(frames()["misread_claims"], *identity), wrong=wrong)
        return {"mistake": claim, "correction": said_in(pick(frames()["misread"], *identity), value=value)}
    if variables["asks"]:
        doubt = pick(frames()["doubts"], *identity)
    else:
        doubt = said_in(pick(frames()["doubts_about_a_value"], *identity), value=value)
    first, _, rest = doubt.partition(". ")
    return {"mistake": f"{first}.", "correction": rest}


def _reply(value: dict[str, Any]) -> Completion:
    return Completion(text=canonical_json(value), parsed=value)
