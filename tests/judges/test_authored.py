"""Authored text: bodies of mails, notes and comments, each fact of which must have been visible."""

import json
import random
from collections import Counter
from pathlib import Path

import builders as b
import pytest
from faults import _date, _number, _set, _unseen, _word
from made import codes, make_rows, verdicts

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.judges.grounding import Grounded
from callwright.values.derivations import AUTHORED_NAMES

WORLDS = ("mail", "support", "projects", "files", "restaurant")
EACH = 25
LONG = 12
"""Characters of a text that may be wrapped into a letter and stay one."""


@pytest.fixture(scope="module")
def workshop():
    tools = [{"world": name} for name in WORLDS]
    body = {"dataset": "worlds", "size": 10, "tools": tools, "mix": {"single": 1.0}}
    return Workshop.of(check_recipe(body, "worlds"), Path())


@pytest.fixture(scope="module")
def rows(workshop):
    return make_rows(workshop, {"single": 200, "multi_step": 175, "parallel": 125})


@pytest.fixture(scope="module")
def grounding(workshop):
    return [judge for judge in workshop.judges() if judge.name == "grounding"]


def letters(rows):
    """(row, call, argument, text) for each text that the assistant wrote for somebody."""
    return [
        (row, call, name, value)
        for row in rows
        for call in row.tool_calls
        for name, value in json.loads(call.arguments).items()
        if name in AUTHORED_NAMES and isinstance(value, str) and len(value) >= LONG
    ]


def composed(text, rng):
    """A letter around a text that was dictated: more words, the same facts."""
    opening = rng.choice(("Hello,\n\nI hope you are well.", "Hi there! Just a short message:", "Dear all,"))
    closing = rng.choice(("Thank you very much!", "Best regards", "Let me know if anything is unclear."))
    return f"{opening}\n\n{text.rstrip()}\n\n{closing}"


def wrong_number(row, rng):
    made = _number(row, rng, 13, 900)
    return rng.choice((f"It takes {made} minutes.", f"That makes {made:,} in all.", f"It costs ${made}."))


def wrong_date(row, rng):
    date = _date(row, rng)
    said = rng.choice((date.isoformat(), f"{date:%B} {date.day}", f"{date.day} {date:%B} {date.year}"))
    return rng.choice((f"It ends on {said}.", f"{said} would suit me."))


def wrong_name(row, rng):
    name = _unseen(row, lambda: " ".join(_word(rng) for _ in range(rng.randint(1, 2))))
    return rng.choice(
        (f"Please ask {name}.", f"{name} will come too.", f"{name}'s copy is enclosed.", f"Yours,\n{name}")
    )


def test_a_letter_that_says_what_was_visible_in_more_words_passes(rows, grounding):
    rng = random.Random("letters")
    found = letters(rows)
    assert len(found) >= EACH
    for row, call, name, text in found:
        (verdict,) = verdicts(grounding, _set(row, call, {name: composed(text, rng)}))
        assert verdict.outcome == "pass", verdict.message
        derivations = {one["path"]: one["derivation"] for one in verdict.evidence if one["call"] == call.id}
        assert derivations[f"/{name}"] == "authored"


@pytest.mark.parametrize("fault", [wrong_number, wrong_date, wrong_name])
def test_a_letter_with_one_wrong_fact_never_passes(fault, rows, grounding):
    rng = random.Random(fault.__name__)
    found = letters(rows)
    missed = []
    for row, call, name, text in rng.sample(found, EACH):
        letter = composed(f"{text.rstrip()} {fault(row, rng)}", rng)
        ruled = codes(grounding, _set(row, call, {name: letter}))
        if ruled != ["ungrounded_argument"]:
            missed.append(letter)
    print(f"{fault.__name__:14} planted {EACH}, missed {len(missed)}")
    assert missed == []


def test_five_hundred_rows_of_worlds_raise_no_alarm(rows, workshop):
    judges = [judge for judge in workshop.judges() if judge.name in ("grounding", "prose")]
    alarms = Counter(code for row in rows for code in codes(judges, row))
    assert len(rows) == 500
    assert not alarms


def test_the_verdict_names_the_first_fact_that_stands_nowhere():
    send = b.tool("send", to={"type": "string"}, body={"type": "string"})
    row = b.trajectory(
        b.task("Tell ann@example.org that I am late.", tools=[send]),
        [b.call("send", to="ann@example.org", body="Hi, I will be 20 minutes late. Tom knows.")],
    )
    (verdict,) = verdicts([Grounded()], row)
    assert (verdict.code, verdict.message) == (
        "ungrounded_argument",
        "send: /body says '20', which stands in nothing visible",
    )


def test_a_sheet_can_say_that_an_argument_is_authored():
    send = b.tool("send", wish={"type": "string"})
    row = b.trajectory(
        b.task("Wish Ann a happy birthday.", tools=[send]),
        [b.call("send", wish="All the best to you, Ann!")],
    )
    assert codes([Grounded()], row) == ["ungrounded_argument"]
    assert codes([Grounded(authored={("send", "wish")})], row) == []
    assert codes([Grounded(authored={("post", "wish"), ("send", "title")})], row) == ["ungrounded_argument"]
