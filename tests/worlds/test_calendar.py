"""The calendar's own rules: times that exist, rooms that are free and big enough, guests who are asked again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.calendar import Calendar

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar(5, CLOCK)


def ask(calendar: Calendar, name: str, /, **arguments: Any) -> Any:
    status, body = calendar.call(name, arguments)
    assert status == 200, body
    return body


def made(calendar: Calendar, title: str = "Test run", **more: Any) -> dict[str, Any]:
    """An appointment far from those that are there at first."""
    arguments = {"date": "2026-06-02", "start_time": "10:00", **more}
    appointment: dict[str, Any] = ask(calendar, "create_appointment", title=title, **arguments)
    return appointment


def test_a_new_appointment_is_listed_in_order_and_has_its_guests(calendar: Calendar) -> None:
    late = made(calendar, "Late", start_time="15:00", guests=["Zoe Bright", "Al Moss", "Al Moss"])
    early = made(calendar, "Early", start_time="08:30")
    listed = ask(calendar, "list_appointments", from_date="2026-06-01")
    assert [one["id"] for one in listed] == [early["id"], late["id"]]
    assert late["guests"] == ["Al Moss", "Zoe Bright"]
    found = ask(calendar, "list_appointments", query="LATE", from_date="2026-06-01")
    assert [one["title"] for one in found] == ["Late"]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"date": "2026-03-09", "start_time": "10:00"}, 409),
        ({"date": "2026-06-02", "start_time": "23:30"}, 409),
        ({"date": "2026-06-02", "start_time": "10:00", "duration_minutes": 5}, 422),
    ],
)
def test_an_appointment_needs_a_time_that_is_possible(
    calendar: Calendar, arguments: dict[str, Any], status: int
) -> None:
    assert calendar.call("create_appointment", {"title": "Never", **arguments})[0] == status


def test_a_room_is_free_once_and_again_after_a_cancellation(calendar: Calendar) -> None:
    first, second = made(calendar, "First"), made(calendar, "Second", start_time="10:30")
    ask(calendar, "book_room", appointment_id=first["id"], room="maple")
    wanted = {"appointment_id": second["id"], "room": "maple"}
    assert calendar.call("book_room", wanted)[0] == 409
    free = ask(calendar, "find_free_rooms", date="2026-06-02", start_time="10:45")
    assert [one["room"] for one in free] == ["cedar", "birch", "spruce"]
    assert ask(calendar, "cancel_appointment", appointment_id=first["id"])["room"] is None
    assert ask(calendar, "book_room", **wanted)["room"] == "maple"


def test_a_room_takes_no_more_guests_than_it_has_seats(calendar: Calendar) -> None:
    appointment = made(calendar, guests=["A B", "C D", "E F"])["id"]
    ask(calendar, "book_room", appointment_id=appointment, room="maple")
    assert calendar.call("invite_guest", {"appointment_id": appointment, "guest": "G H"})[0] == 422
    ask(calendar, "book_room", appointment_id=appointment, room="cedar")
    ask(calendar, "invite_guest", appointment_id=appointment, guest="G H")
    assert calendar.call("book_room", {"appointment_id": appointment, "room": "maple"})[0] == 422


def test_a_move_asks_the_guests_again_and_needs_its_room_to_be_free(calendar: Calendar) -> None:
    accepted = ask(calendar, "list_invitations", response="accepted", limit=1)[0]
    moved = {"appointment_id": accepted["appointment_id"], "date": "2026-06-02"}
    ask(calendar, "move_appointment", **moved)
    assert ask(calendar, "list_invitations", guest=accepted["guest"])[0]["response"] == "pending"
    first, second = made(calendar, "First"), made(calendar, "Second", start_time="14:00")
    for one in (first, second):
        ask(calendar, "book_room", appointment_id=one["id"], room="birch")
    clash = {"appointment_id": second["id"], "start_time": "10:30"}
    assert calendar.call("move_appointment", clash)[0] == 409
    assert calendar.call("move_appointment", {"appointment_id": second["id"]})[0] == 409


def test_a_cancelled_appointment_has_no_invitations_and_cannot_be_changed(calendar: Calendar) -> None:
    appointment = made(calendar, guests=["Zoe Bright"])["id"]
    cancelled = ask(calendar, "cancel_appointment", appointment_id=appointment)
    assert (cancelled["status"], cancelled["guests"]) == ("cancelled", [])
    assert ask(calendar, "list_invitations", guest="Zoe Bright") == []
    assert calendar.call("cancel_appointment", {"appointment_id": appointment})[0] == 409
    assert calendar.call("invite_guest", {"appointment_id": appointment, "guest": "Al Moss"})[0] == 409


def test_an_invitation_is_sent_once_and_can_be_withdrawn_once(calendar: Calendar) -> None:
    appointment = made(calendar)["id"]
    invited = ask(calendar, "invite_guest", appointment_id=appointment, guest="Al Moss")
    assert invited["response"] == "pending"
    assert calendar.call("invite_guest", {"appointment_id": appointment, "guest": "Al Moss"})[0] == 409
    ask(calendar, "withdraw_invitation", invitation_id=invited["id"])
    assert ask(calendar, "get_appointment", appointment_id=appointment)["guests"] == []
    assert calendar.call("withdraw_invitation", {"invitation_id": invited["id"]})[0] == 404
