"""Which answers a value can have come from, and which values wait for nothing."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from callwright.values.dependencies import needs
from callwright.values.derivations import Visible, observed_text
from callwright.values.mentions import Mentions

CLOCK = dt.date(2026, 3, 10)


def said(text: str) -> list[Visible]:
    return [Visible(1, Mentions(text, CLOCK))]


def shown(*bodies: Any) -> list[Visible]:
    """Answers at messages 10, 11, ..."""
    texts = [json.dumps(body, ensure_ascii=False) for body in bodies]
    return [
        Visible(10 + index, Mentions(observed_text(text), CLOCK), text) for index, text in enumerate(texts)
    ]


def sources(
    value: Any, user: str, *bodies: Any, schema: Any = None, name: str = "what"
) -> tuple[int, ...] | None:
    """Messages that a value waits for; None where it stands nowhere."""
    found = list(needs({name: value}, {name: schema or {}}, said(user), shown(*bodies), {}))
    assert len(found) <= 1 or name == "body"
    if any(not need.explained for need in found):
        return None
    return tuple(sorted({source for need in found for source in need.sources}))


@pytest.mark.parametrize(
    ("value", "user", "bodies", "expected"),
    [
        ("ev-12", "Cancel it.", [{"id": "ev-12"}], (10,)),
        ("ev-12", "Cancel ev-12.", [{"id": "ev-12"}], ()),
        ("ev-12", "Cancel it.", [{"id": "ev-123"}, {"id": "ev-12"}], (11,)),
        ("ev-12", "Cancel ev-123.", [{"id": "ev-12"}], (10,)),
        ("ev-12", "Cancel it.", [{"id": "ev-12"}, [{"id": "ev-12"}, {"id": "ev-9"}]], (10, 11)),
        # a person called May is not said by "may", and the month is not the verb
        ("May", "You may tell her.", [{"name": "May"}], (10,)),
        ("May", "Tell May.", [{"name": "May"}], ()),
        ("May", "Tell her.", [{"note": "it may rain"}, {"name": "May"}], (11,)),
        ("2026-05-03", "Some 3 may come.", [{"date": "2026-05-03"}], (10,)),
        ("2026-05-03", "Come on 3 May.", [{"date": "2026-05-03"}], ()),
        # a name within a longer one
        ("Ann", "Write to her.", [{"name": "Annika"}, {"name": "Ann Lee"}], (11,)),
        # scripts without capitals or spaces
        ("東京", "予約してください。", [{"city": "東京"}], (10,)),
        ("京", "予約してください。", [{"city": "東京"}], None),
        ("Москва", "Забронируй.", [{"city": "Москва"}, {"city": "Омск"}], (10,)),
        ("القاهرة", "احجز لي.", [{"city": "القاهرة"}], (10,)),
        # short numbers: any answer with that number may have given it
        (2, "Book a table.", [{"seats": 2}, {"floor": 2}, {"floor": 12}], (10, 11)),
        (2, "Book a table for two.", [{"seats": 2}], ()),
        (2, "Book a table.", [{"at": "2026-02-02"}], None),
        # named derivations
        ("2026-03-14", "Then book it.", [{"from": "2026-03-14T08:00:00"}], (10,)),
        ("tomorrow", "Do it tomorrow.", [{"day": "tomorrow"}], ()),
        # what tells nothing, and what stands nowhere, may wait for anything
        (True, "Book it.", [{"free": True}], None),
        ("", "Book it.", [{"note": ""}], None),
        (None, "Book it.", [{"note": None}], None),
        ("xyz-7", "Book it.", [{"id": "xyz-8"}], None),
    ],
)
def test_where_a_value_can_have_come_from(value, user, bodies, expected):
    assert sources(value, user, *bodies) == expected


def test_a_default_waits_for_nothing():
    assert sources(10, "List them.", {"limit": 10}, schema={"default": 10}) == ()
    assert sources("", "List them.", {"q": ""}, schema={"default": ""}) == ()


def test_words_in_any_order_count_where_nothing_better_is_there():
    wanted = "Night in the Harbor"
    bodies = [[{"title": "Harbor Tales"}, {"title": "Night Voices"}], {"title": wanted}]
    assert sources(wanted, "Reserve it.", *bodies) == (11,)
    assert sources(wanted, "Reserve it.", bodies[0]) == (10,)
    assert sources(wanted, "Something of the night, from the harbor.", bodies[1]) == (10,)
    assert sources(wanted, "Something of the night, from the harbor.", {"title": "Riverbone"}) == ()


def test_each_fact_of_a_text_of_ones_own_has_its_source():
    bodies = [{"room": "Maple", "seats": 4}, {"price": 84.5}, {"price": 90}]
    body = "We meet in Maple at 3 pm, and it is $84.50."
    prose = {"name": "body", "schema": {"type": "string"}}
    assert sources(body, "Tell Ann that we meet at 3 pm.", *bodies, **prose) == (10, 11)
    assert sources("See you at 3 pm.", "Tell Ann: 3 pm.", *bodies, **prose) == ()
    assert sources("It is $77.", "Tell Ann.", *bodies, **prose) is None


def test_values_inside_lists_and_objects_are_told_apart():
    value = {"items": [{"id": "a-1"}, {"id": "b-2"}], "note": "now"}
    found = list(needs({"it": value}, {}, said("Order it now."), shown({"id": "a-1"}, {"id": "b-2"}), {}))
    assert [(need.path, need.sources) for need in found] == [
        ("/it/items/0/id", (10,)),
        ("/it/items/1/id", (11,)),
    ]
    assert not any(need.ambiguous for need in found)


def test_several_sources_are_ambiguous():
    [need] = needs({"it": "a-1"}, {}, said("Go."), shown({"id": "a-1"}, ["a-1"]), {})
    assert need.ambiguous and need.derivations == ("verbatim", "verbatim")
