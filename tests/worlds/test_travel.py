"""The travel desk's own rules."""

from __future__ import annotations

import datetime as dt
from typing import Any

from callwright.worlds.travel import CITIES, Travel

CLOCK = dt.date(2026, 3, 10)
LATER = "2026-04-20"


def desk() -> Travel:
    return Travel(5, CLOCK)


def body(world: Travel, name: str, **arguments: Any) -> Any:
    status, answer = world.call(name, arguments)
    assert status == 200, answer
    return answer


def status(world: Travel, name: str, **arguments: Any) -> int:
    return world.call(name, arguments)[0]


def test_a_search_by_cities_and_date_counts_the_seats_that_are_left() -> None:
    world = desk()
    train = body(world, "search_trains", origin="Aldercross", destination="Brenholt")[0]
    body(world, "book_train", train_id=train["id"], date=LATER, passenger="Dana Whitfield")
    again = body(world, "search_trains", origin="Aldercross", destination="Brenholt", date=LATER)[0]
    assert again["standard_seats"] == train["standard_seats"] - 1
    assert all(
        one["departs"] >= "12:00" for one in body(world, "search_trains", depart_after="12:00", limit=20)
    )
    assert status(world, "search_trains", origin="Atlantis") == 404
    assert status(world, "search_trains", date="2026-03-09") == 409


def test_a_class_sells_out_and_a_passenger_takes_one_seat() -> None:
    world = desk()
    train = next(one for one in body(world, "search_trains", limit=20) if one["first_seats"])
    seat = {"train_id": train["id"], "date": LATER, "seat_class": "first"}
    for number in range(train["first_seats"]):
        body(world, "book_train", **seat, passenger=f"Passenger {'ABCDEF'[number]}")
    assert status(world, "book_train", **seat, passenger="Dana Whitfield") == 422
    assert status(world, "book_train", **(seat | {"seat_class": "standard"}), passenger=" Passenger A") == 409
    assert status(world, "book_train", **(seat | {"date": "2026-07-01"}), passenger="Dana Whitfield") == 422


def test_a_change_of_class_changes_the_price_until_the_day_before() -> None:
    world = desk()
    train = next(one for one in body(world, "search_trains", limit=20) if one["first_seats"])
    booked = body(
        world, "book_train", train_id=train["id"], date=LATER, passenger="Dana Whitfield", extras=["meal"]
    )
    changed = body(world, "change_seat_class", booking_id=booked["id"], seat_class="first")
    assert changed["price"] == booked["price"] + train["price"]
    assert status(world, "change_seat_class", booking_id=booked["id"], seat_class="first") == 409
    today = body(world, "list_train_bookings", to_date=CLOCK.isoformat())[0]
    assert status(world, "change_seat_class", booking_id=today["id"], seat_class="first") == 409
    assert status(world, "cancel_train_booking", booking_id=today["id"]) == 409


def test_a_late_cancellation_refunds_half() -> None:
    world = desk()
    train = body(world, "search_trains")[0]["id"]
    for date, share in (("2026-03-16", 0.5), ("2026-03-17", 1)):
        booked = body(world, "book_train", train_id=train, date=date, passenger="Dana Whitfield")
        gone = body(world, "cancel_train_booking", booking_id=booked["id"])
        assert gone["refund"] == booked["price"] * share
        assert status(world, "cancel_train_booking", booking_id=booked["id"]) == 409
    assert all(one["refund"] for one in body(world, "list_train_bookings", status="cancelled"))


def test_hotels_are_found_by_all_that_is_wanted() -> None:
    world = desk()
    found = body(world, "search_hotels", max_price=160, min_stars=3, amenities=["breakfast"])
    assert found
    assert all(one["price_per_night"] <= 160 and one["stars"] >= 3 for one in found)
    assert all("breakfast" in one["amenities"] for one in found)
    assert all(body(world, "search_hotels", city=city) for city in CITIES)


def test_a_hotel_fills_up_night_by_night() -> None:
    world = desk()
    hotel = body(world, "search_hotels")[0]
    rooms = world.state["hotels"][hotel["id"]]["rooms"]
    stay = {"hotel_id": hotel["id"], "guest": "Dana Whitfield", "nights": 2}
    stays = [body(world, "reserve_hotel", **stay, check_in="2026-05-20") for _ in range(rooms)]
    assert len({one["id"] for one in stays}) == rooms
    assert status(world, "reserve_hotel", **stay, check_in="2026-05-21") == 422
    before = body(world, "reserve_hotel", **stay, check_in="2026-05-18")
    assert before["check_out"] == "2026-05-20"
    assert status(world, "extend_stay", reservation_id=before["id"], extra_nights=1) == 422
    body(world, "cancel_hotel_reservation", reservation_id=stays[0]["id"])
    assert body(world, "extend_stay", reservation_id=before["id"], extra_nights=1)["nights"] == 3


def test_a_stay_can_be_cancelled_until_the_hotels_deadline() -> None:
    world = desk()
    hotel = next(one for one in body(world, "search_hotels", limit=20) if one["cancel_days"] == 3)
    stay = {"hotel_id": hotel["id"], "guest": "Dana Whitfield", "nights": 1}
    late = body(world, "reserve_hotel", **stay, check_in="2026-03-12")
    in_time = body(world, "reserve_hotel", **stay, check_in="2026-03-13", contact={"phone": "555-0142"})
    assert in_time["cancel_by"] == CLOCK.isoformat() and in_time["contact"]["email"] is None
    assert status(world, "cancel_hotel_reservation", reservation_id=late["id"]) == 409
    body(world, "cancel_hotel_reservation", reservation_id=in_time["id"])
    assert status(world, "cancel_hotel_reservation", reservation_id=in_time["id"]) == 409


def test_a_stay_is_of_1_to_14_nights() -> None:
    world = desk()
    stay = {"hotel_id": body(world, "search_hotels")[0]["id"], "guest": "Dana Whitfield"}
    assert status(world, "reserve_hotel", **stay, check_in=LATER, nights=0) == 422
    assert status(world, "reserve_hotel", **stay, check_in=LATER, nights=15) == 422
    assert status(world, "reserve_hotel", **stay, check_in="2026-03-09", nights=2) == 409
