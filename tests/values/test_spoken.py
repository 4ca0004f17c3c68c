import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.values.mentions import TENS, UNITS, Mentions, bounded
from callwright.values.spoken import (
    article,
    humanise,
    plural,
    say,
    say_date,
    say_dates,
    say_list,
    say_number,
    say_time,
    singular,
    smooth,
)

CLOCKS = st.dates(dt.date(2021, 1, 1), dt.date(2032, 12, 31))
SEEDS = st.integers(0, 2**32)


@given(CLOCKS, st.integers(-400, 700), SEEDS)
def test_a_spoken_date_reads_back_as_that_very_date_for_every_clock(clock, days, seed):
    date = clock + dt.timedelta(days=days)
    said = say_date(date, clock, random.Random(seed))
    for sentence in (f"I'll come {said}.", f"{said}, please.", f"Is it open {said}?"):
        assert [one.candidates for one in Mentions(sentence, clock).dates] == [frozenset([date])]


@given(CLOCKS, st.lists(st.integers(0, 300), min_size=2, max_size=4, unique=True), SEEDS)
def test_a_spoken_list_of_dates_reads_back_in_order(clock, days, seed):
    dates = [clock + dt.timedelta(days=one) for one in sorted(days)]
    said = say_dates(dates, clock, random.Random(seed))
    found = sorted(Mentions(f"It is on {said}.", clock).dates, key=lambda one: one.start)
    assert [one.candidates for one in found] == [frozenset([date]) for date in dates]


@given(CLOCKS, st.integers(0, 300), SEEDS)
def test_the_digits_of_a_spoken_date_are_no_numbers(clock, days, seed):
    said = say_date(clock + dt.timedelta(days=days), clock, random.Random(seed))
    assert Mentions(f"On {said}.", clock).numbers == ()


@given(st.integers(0, 23), st.integers(0, 59))
def test_a_spoken_time_reads_back(hour, minute):
    said = say_time(f"{hour:02d}:{minute:02d}")
    found = Mentions(f"Doors open at {said}, sharp.", dt.date(2026, 1, 5)).times
    assert [one.value for one in found] == [hour * 60 + minute]


@given(st.one_of(st.integers(-(10**9), 10**9), st.decimals(0, 10**6, places=2).map(float)))
def test_a_number_in_digits_reads_back(value):
    found = Mentions(f"Make it {say_number(value)} or so", dt.date(2026, 1, 5)).numbers
    assert [one.value for one in found] == [value]


@given(st.integers(0, 999))
def test_a_number_in_words_reads_back(value):
    found = Mentions(f"I need {in_words(value)} of them", dt.date(2026, 1, 5)).numbers
    assert [(one.value, one.derivation) for one in found] == [(value, "number_words")]


def in_words(value):
    if value >= 100:
        rest = f" and {in_words(value % 100)}" if value % 100 else ""
        return f"{UNITS[value // 100]} hundred{rest}"
    if value < 20:
        return UNITS[value]
    return TENS[value // 10 - 2] + (f"-{UNITS[value % 10]}" if value % 10 else "")


WORDS = st.lists(st.text("abcdefgh ", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=6)


@given(WORDS)
def test_a_spoken_list_names_every_entry(words):
    said = say_list(words)
    assert all(bounded(word, said) for word in words)
    assert said.count(" and ") >= (len(words) > 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], ""),
        (["tea"], "tea"),
        (["tea", "milk"], "tea and milk"),
        (["tea", "milk", "rice"], "tea, milk, and rice"),
        (["Oslo, Norway", "Rome"], "Oslo, Norway and Rome"),
        (["Oslo, Norway", "Rome", "Bern"], "Oslo, Norway; Rome; and Bern"),
    ],
)
def test_lists_are_joined_as_people_join_them(words, said):
    assert say_list(words) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "yes"),
        (3, "3"),
        (12500, "12,500"),
        (12.0, "12"),
        (12.5, "12.5"),
        (45206.29, "45,206.29"),
        ("18:30", "6:30 pm"),
        ("12:00", "noon"),
        ("00:00", "midnight"),
    ],
)
def test_scalars_are_said_plainly(value, said):
    assert say(value, dt.date(2026, 1, 5), random.Random(1)) == said


def test_a_report_leaves_out_the_year_of_a_day_that_was_just_now():
    clock = dt.date(2026, 5, 10)
    assert "2026" not in say(["2026-05-07", "2026-05-09"], clock, random.Random(1))
    assert "2026" not in say("2026-05-09T10:00", clock, random.Random(1))
    assert "2025" in say(["2025-05-07", "2026-05-09"], clock, random.Random(1))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ticketType", "ticket type"),
        ("ticket_type", "ticket type"),
        ("ticket-type", "ticket type"),
        ("HTMLPage", "HTML page"),
        ("ID", "ID"),
        ("user.name", "user name"),
    ],
)
def test_names_become_words(name, words):
    assert humanise(name) == words


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("event", "events"),
        ("berry", "berries"),
        ("day", "days"),
        ("box", "boxes"),
        ("branch", "branches"),
        ("class", "classes"),
        ("person", "people"),
        ("child", "children"),
        ("move", "moves"),
    ],
)
def test_nouns_go_between_singular_and_plural(one, many):
    assert plural(one) == many
    assert singular(many) == one


@pytest.mark.parametrize("word", ["status", "news is", "glass", "series"])
def test_what_is_no_plural_stays(word):
    assert singular(word) == word


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("event", "an"),
        ("ticket", "a"),
        ("hour", "an"),
        ("honest", "an"),
        ("user", "a"),
        ("university", "a"),
        ("uninvited", "an"),
        ("umbrella", "an"),
        ("European", "a"),
        ("one-off", "a"),
        ("8", "an"),
        ("80", "an"),
        ("18", "an"),
        ("11", "an"),
        ("1", "a"),
        ("12", "a"),
        ("US", "a"),
    ],
)
def test_an_article_goes_by_the_sound(word, expected):
    assert article(word) == expected


PROSE = st.text("aeghinrstuy .,!?'AEU18", max_size=60)


@given(PROSE)
def test_smoothing_twice_changes_nothing_more(text):
    once = smooth(text)
    assert smooth(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "I need a ticket for an hour. It's for a university, an MBA and a one-off event!",
        "What are the hours on March 14? I'd come at 9:30 am.",
        'Call it "Songs of the Sea", please; tickets are $5.',
        "Is it open this Friday? I am free tomorrow, or the day after.",
    ],
)
def test_smoothing_leaves_right_text_alone(text):
    assert smooth(text) == text


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("can I come on tomorrow?", "Can I come tomorrow?"),
        ("A ticket for the this Friday", "A ticket for this Friday"),
        ("a event and an ticket", "An event and a ticket"),
        ("It is on the beach..", "It is on the beach."),
        ("two  spaces , and a comma", "Two spaces, and a comma"),
    ],
)
def test_smoothing_mends_what_slots_break(text, mended):
    assert smooth(text) == mended
