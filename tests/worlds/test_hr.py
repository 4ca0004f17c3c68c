"""The personnel office's own rules: days that are left, leave that does not overlap, expenses that are covered."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.hr import ALLOWANCES, JOBS, Hr

CLOCK = dt.date(2026, 3, 10)  # a Tuesday


@pytest.fixture
def hr() -> Hr:
    return Hr(5, CLOCK)


def ask(hr: Hr, name: str, /, **arguments: Any) -> Any:
    status, body = hr.call(name, arguments)
    assert status == 200, body
    return body


def leave(**more: Any) -> dict[str, Any]:
    """Arguments of a leave request at a time when there is no other leave."""
    return {"kind": "vacation", "start_date": "2026-03-19", "days": 3, "reason": "lighthouse tour", **more}


def claim(*lines: tuple[str, float], **more: Any) -> dict[str, Any]:
    parts = [{"category": category, "amount": amount} for category, amount in lines]
    return {"title": "Kite festival", "lines": parts, **more}


@pytest.mark.parametrize("seed", range(8))
def test_every_job_is_found_and_every_department_is_in_every_office(seed: int) -> None:
    hr = Hr(seed, CLOCK)
    for department, jobs in JOBS.items():
        for job in jobs:
            assert [one["job_title"] for one in ask(hr, "search_staff", query=job.upper())] == [job]
        for office in ("harborview", "milltown", "lakeside"):
            assert ask(hr, "search_staff", department=department, office=office)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ALLOWANCES)
def test_a_balance_adds_up_and_leaves_some_days_to_plan(seed: int, kind: str) -> None:
    balance = ask(Hr(seed, CLOCK), "get_leave_balance", kind=kind)
    spent = balance["taken_days"] + balance["booked_days"]
    assert balance["left_days"] == balance["allowance_days"] - spent >= 5


def test_weekends_are_not_counted_and_leave_on_a_weekend_begins_on_monday(hr: Hr) -> None:
    across = ask(hr, "request_leave", **leave())  # Thursday, Friday, Monday
    assert (across["first_day"], across["last_day"]) == ("2026-03-19", "2026-03-23")
    assert across["back_at_work"] == "2026-03-24"
    late = ask(hr, "request_leave", **leave(start_date="2026-03-28", days=5))
    assert (late["first_day"], late["last_day"]) == ("2026-03-30", "2026-04-03")
    assert late["back_at_work"] == "2026-04-06"


def test_requested_days_are_booked_until_the_request_is_withdrawn(hr: Hr) -> None:
    before = ask(hr, "get_leave_balance", kind="vacation")
    made = ask(hr, "request_leave", **leave())
    after = ask(hr, "get_leave_balance", kind="vacation")
    assert made["status"] == "pending"
    assert (after["booked_days"], after["left_days"]) == (before["booked_days"] + 3, before["left_days"] - 3)
    ask(hr, "withdraw_leave", leave_id=made["id"])
    assert ask(hr, "get_leave_balance", kind="vacation") == before
    assert hr.call("withdraw_leave", {"leave_id": made["id"]})[0] == 409


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"start_date": "2026-03-09"}, 409),
        ({"kind": "sick", "start_date": "2026-03-09", "days": 1}, 200),
        ({"kind": "sick", "start_date": "2026-02-20", "days": 1}, 409),
        ({"start_date": "2027-03-11"}, 422),
        ({"kind": "volunteer", "days": 8}, 422),
        ({"stand_in_id": "emp-nobody"}, 404),
    ],
)
def test_leave_needs_a_day_that_is_possible_and_days_that_are_left(
    hr: Hr, changes: dict[str, Any], status: int
) -> None:
    assert hr.call("request_leave", leave(**changes))[0] == status


def test_leave_does_not_overlap_other_leave_unless_that_is_withdrawn(hr: Hr) -> None:
    first = ask(hr, "request_leave", **leave())
    again = leave(kind="personal", start_date="2026-03-23", days=1)
    assert hr.call("request_leave", again)[0] == 409
    ask(hr, "withdraw_leave", leave_id=first["id"])
    ask(hr, "request_leave", **again)


def test_a_stand_in_is_named_and_cannot_be_away(hr: Hr) -> None:
    staff = ask(hr, "search_staff", limit=30)
    away = next(one for one in staff if one["away_from"])
    here = next(one for one in staff if not one["away_from"])
    for one in ask(hr, "list_leave_requests"):
        ask(hr, "withdraw_leave", leave_id=one["id"])
    wanted = leave(start_date=away["away_from"], days=5, stand_in_id=away["id"])
    assert hr.call("request_leave", wanted)[0] == 409
    assert ask(hr, "request_leave", **wanted | {"stand_in_id": here["id"]})["stand_in"] == here["name"]


def test_approved_leave_that_has_begun_cannot_be_withdrawn(hr: Hr) -> None:
    past = ask(hr, "list_leave_requests", query="winter flu", from_date="2025-11-01")[0]
    assert past["status"] == "approved"
    assert hr.call("withdraw_leave", {"leave_id": past["id"]})[0] == 409
    ahead = ask(hr, "list_leave_requests", status="approved")[0]
    assert ask(hr, "withdraw_leave", leave_id=ahead["id"])["status"] == "withdrawn"


def test_leave_is_listed_from_today_on_without_what_was_rejected(hr: Hr) -> None:
    listed = ask(hr, "list_leave_requests")
    days = [one["first_day"] for one in listed]
    assert days == sorted(days) and min(days) >= CLOCK.isoformat()
    assert {one["status"] for one in listed} == {"pending", "approved"}
    assert [one["reason"] for one in ask(hr, "list_leave_requests", status="rejected")] == ["music festival"]


def test_a_report_is_added_up_and_own_money_is_repaid(hr: Hr) -> None:
    own = ask(hr, "submit_expense_report", **claim(("travel", 19.99), ("meals", 30.02)))
    assert (own["total"], own["to_be_repaid"], own["status"]) == (50.01, 50.01, "submitted")
    card = claim(("lodging", 80.5), title="Kite workshop", paid_with="company_card")
    assert ask(hr, "submit_expense_report", **card)["to_be_repaid"] == 0


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([("meals", 150)], 200),
        ([("meals", 150.5)], 422),
        ([("travel", 2000), ("lodging", 2000), ("training", 1000)], 200),
        ([("travel", 2000), ("lodging", 2000), ("training", 1000.5)], 422),
    ],
)
def test_meals_and_whole_reports_are_covered_up_to_a_limit(
    hr: Hr, lines: list[tuple[str, float]], status: int
) -> None:
    assert hr.call("submit_expense_report", claim(*lines))[0] == status


def test_what_is_less_than_a_cent_is_no_expense(hr: Hr) -> None:
    assert ask(hr, "submit_expense_report", **claim(("travel", 0.01)))["total"] == 0.01
    with pytest.raises(ValueError, match="greater than or equal to 0.01"):
        hr.call("submit_expense_report", claim(("travel", 0.004)))


def test_a_title_waits_for_approval_once(hr: Hr) -> None:
    first = ask(hr, "submit_expense_report", **claim(("travel", 10)))
    again = claim(("travel", 12), title="KITE festival")
    assert hr.call("submit_expense_report", again)[0] == 409
    ask(hr, "withdraw_expense_report", report_id=first["id"])
    ask(hr, "submit_expense_report", **again)


@pytest.mark.parametrize("status", ["approved", "paid", "rejected", "withdrawn"])
def test_a_report_is_withdrawn_only_while_it_waits(hr: Hr, status: str) -> None:
    report = ask(hr, "list_expense_reports", category="meals", limit=1)[0]["id"]
    ask(hr, "withdraw_expense_report", report_id=report)
    settled = ask(hr, "list_expense_reports", status=status)[0]["id"]
    assert hr.call("withdraw_expense_report", {"report_id": settled})[0] == 409
