"""The restaurant's own rules: opening hours, seats, one reservation per meal, the waiting list."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.restaurant import Restaurant

CLOCK = dt.date(2026, 3, 10)
DAY = "2026-06-01"
"""A day without any reservation."""


@pytest.fixture
def restaurant() -> Restaurant:
    return Restaurant(3, CLOCK)


def good(restaurant: Restaurant, name: str, **arguments: Any) -> Any:
    status, body = restaurant.call(name, arguments)
    assert status == 200, body
    return body


def table(name: str, size: int = 4, **more: Any) -> dict[str, Any]:
    return {"guest_name": name, "date": DAY, "time": "19:00", "party_size": size} | more


def test_guests_are_seated_in_opening_hours_and_never_in_the_past(restaurant: Restaurant) -> None:
    assert restaurant.call("book_table", table("Una Marsh", time="15:00"))[0] == 409
    assert restaurant.call("book_table", table("Una Marsh", date="2026-03-09"))[0] == 409
    assert good(restaurant, "book_table", **table("Una Marsh", time="21:00"))["area"] == "main_hall"


def test_an_area_has_only_so_many_seats_at_a_time(restaurant: Restaurant) -> None:
    for name in ("Una Marsh", "Odd Lindqvist"):
        good(restaurant, "book_table", **table(name, 6, area="wine_cellar"))
    assert restaurant.call("book_table", table("Ada Voss", 3, area="wine_cellar"))[0] == 409
    good(restaurant, "book_table", **table("Ada Voss", 3, area="wine_cellar", time="21:00"))
    openings = good(restaurant, "search_tables", date=DAY, time="19:30", party_size=3)
    assert [one["area"] for one in openings] == ["main_hall", "courtyard", "garden_room"]


def test_every_area_has_a_largest_party(restaurant: Restaurant) -> None:
    assert restaurant.call("book_table", table("Una Marsh", 7, area="courtyard"))[0] == 422
    assert good(restaurant, "book_table", **table("Una Marsh", 6, area="courtyard"))["party_size"] == 6


def test_a_guest_has_one_reservation_per_meal(restaurant: Restaurant) -> None:
    good(restaurant, "book_table", **table("Una Marsh"))
    assert restaurant.call("book_table", table("Una Marsh", time="20:00"))[0] == 409
    lunch = good(restaurant, "book_table", **table("Una Marsh", time="12:00"))
    assert restaurant.call("change_reservation", {"reservation_id": lunch["id"], "time": "20:00"})[0] == 409


def test_a_change_keeps_what_is_not_given_and_needs_something(restaurant: Restaurant) -> None:
    booked = good(restaurant, "book_table", **table("Una Marsh", needs=["high_chair"]))
    assert restaurant.call("change_reservation", {"reservation_id": booked["id"]})[0] == 409
    moved = good(restaurant, "change_reservation", reservation_id=booked["id"], time="19:30", party_size=8)
    assert moved == booked | {"time": "19:30", "party_size": 8}


def test_a_canceled_reservation_gives_its_seats_back_once(restaurant: Restaurant) -> None:
    booked = good(restaurant, "book_table", **table("Una Marsh", 14, area="wine_cellar"))
    assert restaurant.call("book_table", table("Ada Voss", 2, area="wine_cellar"))[0] == 409
    good(restaurant, "cancel_reservation", reservation_id=booked["id"])
    good(restaurant, "book_table", **table("Ada Voss", 2, area="wine_cellar"))
    assert restaurant.call("cancel_reservation", {"reservation_id": booked["id"]})[0] == 409
    late = good(restaurant, "book_table", **table("Odd Lindqvist", 8, date="2026-03-11"))
    assert restaurant.call("cancel_reservation", {"reservation_id": late["id"]})[0] == 409


def test_a_waiting_party_is_seated_for_its_meal_and_leaves_the_list(restaurant: Restaurant) -> None:
    waiting = good(restaurant, "join_waiting_list", guest_name="Una Marsh", date=DAY, party_size=4)
    seat = {"waiting_party_id": waiting["id"], "time": "12:00"}
    assert restaurant.call("seat_waiting_party", seat)[0] == 409
    seated = good(restaurant, "seat_waiting_party", **seat | {"time": "18:00"})
    assert (seated["guest_name"], seated["date"], seated["party_size"]) == ("Una Marsh", DAY, 4)
    assert good(restaurant, "list_waiting_parties", date=DAY) == []
    assert restaurant.call("leave_waiting_list", {"waiting_party_id": waiting["id"]})[0] == 404


def test_dishes_suit_all_of_the_diets(restaurant: Restaurant) -> None:
    found = good(restaurant, "search_dishes", diets=["vegan", "gluten_free"], course="side")
    assert found and all({"vegan", "gluten_free"} <= set(one["diets"]) for one in found)
