import datetime as dt
import random

import builders as b
import pytest

from callwright.schemas.phrases import Field_, PhraseSheet, ToolPhrases
from callwright.values.wording import declared_authored, declared_synonyms, fill, say_field, slots

CLOCK = dt.date(2026, 3, 10)


def said(value, field=None, **options):
    return say_field(value, field or Field_(), CLOCK, random.Random(1), **options)


def test_slots_are_the_names_in_braces():
    assert slots("From {startDate} to {reply.end-date}") == {"startDate", "reply.end-date"}


def test_filling_mends_the_grammar_around_a_value():
    assert fill("can I come on {day}?", {"day": "tomorrow"}) == "Can I come tomorrow?"
    assert fill("a {what}.", {"what": "event"}) == "An event."


def test_a_slot_without_words_is_an_error():
    with pytest.raises(KeyError):
        fill("{day}", {})


def test_a_field_is_said_by_its_template_or_table():
    assert said(12, Field_(say="${value}")) == "$12"
    assert said("general", Field_(say={"general": "general admission"})) == "general admission"
    assert said("other", Field_(say={"general": "general admission"})) == "other"
    assert said(True, Field_(say={"true": "yes, please"})) == "yes, please"
    assert said(["a", "b"], Field_(say={"a": "A", "b": "B"})) == "A and B"


def test_dollars_have_both_decimals_or_none():
    assert [said(one, Field_(say="${value}")) for one in (12.0, 12.5, 12345.6)] == [
        "$12",
        "$12.50",
        "$12,345.60",
    ]


def test_dates_in_entries_of_a_list_are_calendar_dates():
    assert said("2026-03-11", listed=True) in ("March 11", "11 March", "March 11th")


def test_declared_synonyms_come_from_say_and_from_fixed_combinations():
    sheet = PhraseSheet(
        noun="x",
        fields={"get.branch": Field_(say={"main": "downtown"}), "limit": Field_(say={"3": "a few"})},
        tools={
            "get": ToolPhrases(
                does="get it",
                asks={"plain": ("Get it.",)},
                answers=("Done.",),
                combinations=(("open=true",),),
                details={"open": ("Only open ones.", "For {open}.")},
            )
        },
    )
    assert declared_synonyms(sheet) == {
        ("branch", '"main"'): ("downtown",),
        ("branch", "main"): ("downtown",),
        ("limit", '"3"'): ("a few",),
        ("limit", "3"): ("a few",),
        ("open", '"true"'): ("Only open ones.",),
        ("open", "true"): ("Only open ones.",),
    }


def test_authored_arguments_are_those_of_the_sheets_own_tools_and_the_nearer_word_wins():
    text = {"type": "string"}
    tools = (b.tool("send", wish=text, to=text), b.tool("post", wish=text), b.tool("keep", wish=text))
    sheet = PhraseSheet(
        noun="x",
        fields={"wish": Field_(authored=True), "keep.wish": Field_(say="so {value}"), "to": Field_()},
    )
    toolkit = b.toolkit(*tools).model_copy(update={"phrases": sheet})
    assert list(declared_authored(toolkit)) == [("send", "wish"), ("post", "wish")]
    assert list(declared_authored(b.toolkit(*tools))) == []
