"""The clinic's own rules: days on which a doctor works, times that are free, refills that run out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.health import MEDICINES, REASONS, TIMES, Health

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def clinic() -> Health:
    return Health(5, CLOCK)


def ask(clinic: Health, name: str, /, **arguments: Any) -> Any:
    status, body = clinic.call(name, arguments)
    assert status == 200, body
    return body


def visit(clinic: Health, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A doctor without any visit yet, and arguments of a visit on that doctor's last open day."""
    planned = {one["doctor"] for one in ask(clinic, "list_visits")}
    doctor = next(one for one in ask(clinic, "find_doctors") if one["name"] not in planned)
    arguments = {"date": doctor["next_open_days"][-1], "start_time": "10:00", "reason": "second opinion"}
    return doctor, {"doctor_id": doctor["id"], **arguments, **more}


def refillable(clinic: Health) -> dict[str, Any]:
    found: dict[str, Any] = ask(clinic, "list_prescriptions", refillable_only=True)[0]
    return found


def test_no_name_is_contained_in_another() -> None:
    reasons = [reason for pair in REASONS.values() for reason in pair]
    for names in (reasons, [name for name, _ in MEDICINES]):
        assert all(sum(name.casefold() in other.casefold() for other in names) == 1 for name in names)


@pytest.mark.parametrize("seed", range(4))
def test_every_patient_has_visits_on_days_and_with_doctors_of_their_own(seed: int) -> None:
    visits = ask(Health(seed, CLOCK), "list_visits")
    assert len({one["doctor"] for one in visits}) == len({one["starts_at"][:10] for one in visits}) >= 5
    assert all(one["can_move_to"] for one in visits)


def test_doctors_are_found_by_name_specialty_and_language(clinic: Health) -> None:
    (crowe,) = ask(clinic, "find_doctors", query="crowe")
    peers = ask(clinic, "find_doctors", specialty=crowe["specialty"])
    assert len(peers) == 3 and crowe in peers
    for doctor in ask(clinic, "find_doctors", language="Polish"):
        assert "Polish" in doctor["languages"] and doctor["languages"][0] == "English"


def test_free_times_are_those_that_can_be_booked(clinic: Health) -> None:
    doctor, wanted = visit(clinic)
    day = {"doctor_id": doctor["id"], "date": wanted["date"]}
    free = [one["start_time"] for one in ask(clinic, "find_free_times", **day, limit=25)]
    assert "10:00" in free
    for time in TIMES:
        status, _ = Health(5, CLOCK).call("book_visit", {**wanted, "start_time": time})
        assert (status == 200) == (time in free)
    ask(clinic, "book_visit", **wanted)
    morning = ask(clinic, "find_free_times", **day, part_of_day="morning", limit=25)
    assert [one["start_time"] for one in morning] == [one for one in free if one < "12:00" and one != "10:00"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"date": "2026-03-10"}, 409),
        ({"date": "2026-12-01"}, 422),
        ({"date": "2026-03-15"}, 409),
        ({"start_time": "12:00"}, 409),
        ({"start_time": "09:15"}, 409),
        ({"doctor_id": "doc-none"}, 404),
    ],
)
def test_a_visit_needs_a_day_and_a_time_that_the_doctor_has(
    clinic: Health, change: dict[str, Any], status: int
) -> None:
    _, wanted = visit(clinic, **change)
    assert clinic.call("book_visit", wanted)[0] == status


def test_a_booked_visit_is_listed_and_its_time_is_taken(clinic: Health) -> None:
    doctor, wanted = visit(clinic, kind="video")
    booked = ask(clinic, "book_visit", **wanted)
    assert (booked["doctor"], booked["kind"], booked["status"]) == (doctor["name"], "video", "planned")
    assert booked["starts_at"] == f"{wanted['date']}T10:00"
    assert booked["id"] in [one["id"] for one in ask(clinic, "list_visits", query="SECOND")]
    assert clinic.call("book_visit", wanted)[0] == 409


def test_a_patient_is_in_one_place_at_a_time(clinic: Health) -> None:
    _, wanted = visit(clinic)
    ask(clinic, "book_visit", **wanted)
    weekday = dt.date.fromisoformat(wanted["date"]).weekday()
    other = next(
        one
        for one in clinic.rows("doctors")
        if one["id"] != wanted["doctor_id"] and weekday in one["weekdays"]
    )
    assert clinic.call("book_visit", {**wanted, "doctor_id": other["id"]})[0] == 409


def test_a_visit_moves_to_the_days_that_the_list_tells(clinic: Health) -> None:
    first = ask(clinic, "list_visits", limit=1)[0]
    day = first["can_move_to"][0]
    moved = ask(clinic, "move_visit", visit_id=first["id"], date=day)
    assert moved["starts_at"] == f"{day}T{first['starts_at'][11:]}"
    assert clinic.call("move_visit", {"visit_id": first["id"], "date": day})[0] == 409
    later = ask(clinic, "move_visit", visit_id=first["id"], date=day, start_time="15:30")
    assert later["starts_at"] == f"{day}T15:30"


def test_a_cancelled_visit_is_gone_and_its_time_is_free_again(clinic: Health) -> None:
    _, wanted = visit(clinic)
    booked = ask(clinic, "book_visit", **wanted)
    assert ask(clinic, "cancel_visit", visit_id=booked["id"], cause="travel")["status"] == "cancelled"
    assert booked["id"] not in [one["id"] for one in ask(clinic, "list_visits", limit=25)]
    assert clinic.call("cancel_visit", {"visit_id": booked["id"]})[0] == 409
    assert clinic.call("move_visit", {"visit_id": booked["id"], "date": wanted["date"]})[0] == 409
    ask(clinic, "book_visit", **wanted)


def test_a_visit_of_today_cannot_be_changed(clinic: Health) -> None:
    first = ask(clinic, "list_visits", limit=1)[0]
    clinic.put("visits", clinic.one("visits", first["id"]) | {"date": CLOCK.isoformat()})
    assert clinic.call("cancel_visit", {"visit_id": first["id"]})[0] == 409


def test_visits_are_listed_in_order_within_the_given_days(clinic: Health) -> None:
    every = ask(clinic, "list_visits", limit=25)
    starts = [one["starts_at"] for one in every]
    assert starts == sorted(starts)
    day = starts[1][:10]
    assert ask(clinic, "list_visits", from_date=day, to_date=day) == [every[1]]
    assert clinic.call("list_visits", {"from_date": day, "to_date": "2026-03-01"})[0] == 409


@pytest.mark.parametrize(
    ("address", "delivery", "ready"),
    [
        (None, "pickup", "2026-03-12"),
        ({"street": "9 Tollgate Road", "city": "Quillhaven"}, "mail", "2026-03-15"),
    ],
)
def test_a_refill_uses_one_up_and_is_requested_once(
    clinic: Health, address: dict[str, str] | None, delivery: str, ready: str
) -> None:
    before = refillable(clinic)
    wanted = {"prescription_id": before["id"], **({"mail_to": address} if address else {})}
    refill = ask(clinic, "request_refill", **wanted)
    assert (refill["delivery"], refill["ready_on"], refill["mail_to"]) == (delivery, ready, address)
    assert (refill["days_supply"], refill["refills_left"]) == (30, before["refills_left"] - 1)
    (after,) = ask(clinic, "list_prescriptions", query=before["medicine"])
    assert (after["refills_left"], after["refill_ready_on"]) == (refill["refills_left"], ready)
    assert clinic.call("request_refill", wanted)[0] == 409
    assert after["id"] not in [
        one["id"] for one in ask(clinic, "list_prescriptions", refillable_only=True, limit=25)
    ]


def test_a_prescription_without_refills_is_not_refilled(clinic: Health) -> None:
    identity = refillable(clinic)["id"]
    clinic.put("prescriptions", clinic.one("prescriptions", identity) | {"refills_left": 0})
    assert clinic.call("request_refill", {"prescription_id": identity})[0] == 422


def test_a_waitlist_is_joined_once_for_each_specialty_with_days_in_order(clinic: Health) -> None:
    joined = ask(clinic, "join_waitlist", specialty="neurology", days=["friday", "monday", "friday"])
    assert (joined["days"], joined["part_of_day"], joined["notice_hours"]) == (
        ["monday", "friday"],
        "any",
        24,
    )
    assert clinic.call("join_waitlist", {"specialty": "neurology", "days": ["tuesday"]})[0] == 409
    assert clinic.call("join_waitlist", {"specialty": "cardiology", "days": []})[0] == 409
    ask(clinic, "join_waitlist", specialty="cardiology", days=["tuesday"])


def test_calls_on_different_things_commute(clinic: Health) -> None:
    _, wanted = visit(clinic)
    first, second = ask(clinic, "list_visits", limit=2)
    one, two = ask(clinic, "list_prescriptions", refillable_only=True, limit=2)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("book_visit", wanted),
        ("cancel_visit", {"visit_id": first["id"]}),
        ("move_visit", {"visit_id": second["id"], "date": second["can_move_to"][-1]}),
        ("request_refill", {"prescription_id": one["id"]}),
        ("request_refill", {"prescription_id": two["id"], "days_supply": 90}),
        ("join_waitlist", {"specialty": "eye_care", "days": ["monday"]}),
        ("join_waitlist", {"specialty": "dermatology", "days": ["monday"]}),
    ]
    backwards = Health(5, CLOCK)
    told = [clinic.call(*call) for call in calls]
    assert [status for status, _ in told] == [200] * len(calls)
    assert [backwards.call(*call) for call in reversed(calls)][::-1] == told
    assert backwards.state_hash() == clinic.state_hash()
