"""The number desk's own rules: what the results are, how they are rounded, and which questions have no answer."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.statistics import Statistics

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def desk() -> Statistics:
    return Statistics(5, CLOCK)


def ask(desk: Statistics, name: str, /, **arguments: Any) -> Any:
    status, body = desk.call(name, arguments)
    assert status == 200, body
    return body


def weekly(*values: float) -> list[dict[str, float]]:
    return [{"week": week, "value": value} for week, value in enumerate(values, 1)]


def test_a_summary_has_the_mean_the_median_and_the_spread(desk: Statistics) -> None:
    assert ask(desk, "summarize_numbers", numbers=[2, 4, 4, 4, 5, 5, 7, 9], deviation="population") == {
        "count": 8,
        "sum": 40,
        "mean": 5,
        "median": 4.5,
        "minimum": 2,
        "maximum": 9,
        "standard_deviation": 2,
    }
    assert ask(desk, "summarize_numbers", numbers=[1, 2, 4])["standard_deviation"] == 1.53


def test_tenths_are_added_as_they_are_written(desk: Statistics) -> None:
    summary = ask(desk, "summarize_numbers", numbers=[0.1, 0.2], decimals=6)
    assert (summary["sum"], summary["mean"]) == (0.3, 0.15)


def test_a_single_number_has_no_deviation_of_a_sample(desk: Statistics) -> None:
    assert ask(desk, "summarize_numbers", numbers=[7])["standard_deviation"] is None
    assert ask(desk, "summarize_numbers", numbers=[7], deviation="population")["standard_deviation"] == 0


def test_a_weighted_mean_counts_each_value_by_its_weight(desk: Statistics) -> None:
    grades = [{"value": 90, "weight": 2}, {"value": 60, "weight": 1}, {"value": 10, "weight": 0}]
    assert ask(desk, "weighted_mean", weighted_values=grades) == {
        "mean": 80,
        "plain_mean": 53.33,
        "total_weight": 3,
        "count": 3,
    }


@pytest.mark.parametrize(
    ("old", "new", "percent", "direction"),
    [
        (80, 100, 25, "increase"),
        (240, 198, 17.5, "decrease"),
        (3, 4, 33.33, "increase"),
        (-10, -5, 50, "increase"),
        (7, 7, 0, "no change"),
    ],
)
def test_a_change_is_told_by_its_size_and_its_direction(
    desk: Statistics, old: float, new: float, percent: float, direction: str
) -> None:
    change = ask(desk, "percent_change", old_value=old, new_value=new)
    assert (change["percent"], change["direction"]) == (percent, direction)
    assert change["difference"] == new - old


def test_a_trend_goes_through_points_on_a_line_and_between_others(desk: Statistics) -> None:
    exact = ask(desk, "forecast_trend", points=weekly(3, 5, 7), forecast_week=10)
    assert exact == {"slope": 2, "intercept": 1, "fit": 1, "forecast": 21}
    loose = ask(desk, "forecast_trend", points=weekly(1, 3, 2), forecast_week=4)
    assert loose == {"slope": 0.5, "intercept": 1, "fit": 0.25, "forecast": 3}
    assert ask(desk, "forecast_trend", points=weekly(4, 4), forecast_week=9)["forecast"] == 4


@pytest.mark.parametrize(
    ("more", "balance"),
    [
        ({"compounding": "yearly"}, 1102.5),
        ({"compounding": "quarterly"}, 1104.49),
        ({}, 1104.94),
        ({"compounding": "yearly", "yearly_deposit": 100}, 1307.5),
        ({"annual_rate_percent": 0}, 1000),
    ],
)
def test_savings_grow_by_interest_on_interest(desk: Statistics, more: dict[str, Any], balance: float) -> None:
    asked = {"principal": 1000, "annual_rate_percent": 5, "years": 2, **more}
    growth = ask(desk, "compound_interest", **asked)
    assert growth["final_balance"] == balance
    assert growth["interest"] == pytest.approx(balance - growth["paid_in"], abs=0.001)


def test_a_loan_is_paid_back_in_equal_installments(desk: Statistics) -> None:
    assert ask(desk, "loan_payment", amount=200_000, annual_rate_percent=6, years=30) == {
        "monthly_payment": 1199.1,
        "total_paid": 431_676,
        "total_interest": 231_676,
        "payments": 360,
    }
    free = ask(desk, "loan_payment", amount=1200, annual_rate_percent=0, years=1)
    assert (free["monthly_payment"], free["total_interest"]) == (100, 0)


def test_the_shares_of_a_bill_cover_it(desk: Statistics) -> None:
    share = ask(desk, "split_bill", total=100, people=3, tip_percent=18)
    assert share == {"tip": 18, "grand_total": 118, "per_person": 39.34, "left_over": 0.02}
    assert ask(desk, "split_bill", total=84, people=4)["left_over"] == 0


def test_inflation_depends_on_the_years_and_on_the_seed(desk: Statistics) -> None:
    later = ask(desk, "adjust_for_inflation", amount=100, from_year=1990, to_year=2010)
    assert later["adjusted_amount"] > 100
    back = ask(desk, "adjust_for_inflation", amount=later["adjusted_amount"], from_year=2010, to_year=1990)
    assert back["adjusted_amount"] == pytest.approx(100, abs=0.01)
    same = ask(desk, "adjust_for_inflation", amount=100, from_year=2024)
    assert (same["adjusted_amount"], same["inflation_percent"], same["to_year"]) == (100, 0, 2024)
    other = ask(Statistics(6, CLOCK), "adjust_for_inflation", amount=100, from_year=1990, to_year=2010)
    assert other["adjusted_amount"] != later["adjusted_amount"]


@pytest.mark.parametrize(
    ("name", "arguments", "status"),
    [
        ("summarize_numbers", {"numbers": []}, 422),
        ("summarize_numbers", {"numbers": [1.0] * 501}, 422),
        ("weighted_mean", {"weighted_values": []}, 422),
        ("weighted_mean", {"weighted_values": [{"value": 3, "weight": -1}]}, 422),
        ("weighted_mean", {"weighted_values": [{"value": 3, "weight": 0}]}, 409),
        ("percent_change", {"old_value": 0, "new_value": 5}, 409),
        ("percent_change", {"old_value": 1e-300, "new_value": 5}, 422),
        ("forecast_trend", {"points": weekly(4), "forecast_week": 3}, 422),
        ("forecast_trend", {"points": [{"week": 2, "value": 1}] * 2, "forecast_week": 3}, 409),
        ("forecast_trend", {"points": weekly(4, 5), "forecast_week": 10**9}, 422),
        ("compound_interest", {"principal": 0, "annual_rate_percent": 5, "years": 3}, 409),
        ("compound_interest", {"principal": 10, "annual_rate_percent": -1, "years": 3}, 422),
        ("compound_interest", {"principal": 1e12, "annual_rate_percent": 100, "years": 50}, 422),
        ("loan_payment", {"amount": 0, "annual_rate_percent": 5, "years": 3}, 422),
        ("loan_payment", {"amount": 500, "annual_rate_percent": 101, "years": 3}, 422),
        ("loan_payment", {"amount": 500, "annual_rate_percent": 1e-30, "years": 3}, 200),
        ("split_bill", {"total": 0, "people": 2}, 422),
        ("split_bill", {"total": 20, "people": 2, "tip_percent": -5}, 422),
        ("adjust_for_inflation", {"amount": 5, "from_year": 1979}, 422),
        ("adjust_for_inflation", {"amount": 5, "from_year": 1990, "to_year": 2025}, 422),
        ("adjust_for_inflation", {"amount": 0, "from_year": 1990}, 422),
    ],
)
def test_a_question_without_an_answer_is_refused(
    desk: Statistics, name: str, arguments: dict[str, Any], status: int
) -> None:
    assert desk.call(name, arguments)[0] == status
