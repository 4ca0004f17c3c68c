"""The converter's own rules: exact factors, absolute zero, and rates that belong to a day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.units import CURRENCIES, Units

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def units() -> Units:
    return Units(5, CLOCK)


def ask(units: Units, name: str, /, **arguments: Any) -> Any:
    status, body = units.call(name, arguments)
    assert status == 200, body
    return body


def converted(units: Units, name: str, value: float, source: str, target: str, **more: Any) -> float:
    body = ask(units, name, value=value, source_unit=source, target_unit=target, **more)
    assert (body["source_unit"], body["result_unit"]) == (source, target)
    result: float = body["result"]
    return result


@pytest.mark.parametrize(
    ("name", "value", "source", "target", "result"),
    [
        ("convert_length", 26.2, "miles", "kilometers", 42.16),
        ("convert_length", 72, "inches", "centimeters", 182.88),
        ("convert_length", 3.5, "yards", "feet", 10.5),
        ("convert_length", 10, "nautical_miles", "meters", 18520),
        ("convert_weight", 150, "pounds", "kilograms", 68.04),
        ("convert_weight", 12, "stones", "pounds", 168),
        ("convert_weight", 16, "ounces", "pounds", 1),
        ("convert_weight", 3, "metric_tons", "kilograms", 3000),
        ("convert_volume", 15, "gallons", "liters", 56.78),
        ("convert_volume", 9, "teaspoons", "tablespoons", 3),
        ("convert_volume", 64, "fluid_ounces", "cups", 8),
        ("convert_volume", 8, "quarts", "pints", 16),
        ("convert_temperature", 212, "fahrenheit", "celsius", 100),
        ("convert_temperature", -40, "celsius", "fahrenheit", -40),
        ("convert_temperature", 98.6, "fahrenheit", "celsius", 37),
        ("convert_temperature", 300, "kelvin", "celsius", 26.9),
        ("convert_temperature", 32, "fahrenheit", "celsius", 0),
    ],
)
def test_measures_are_converted_by_their_exact_factors(
    units: Units, name: str, value: float, source: str, target: str, result: float
) -> None:
    assert converted(units, name, value, source, target) == result


def test_a_result_has_as_many_decimals_as_wanted_and_halves_go_up(units: Units) -> None:
    cups = [converted(units, "convert_volume", 10, "tablespoons", "cups", decimals=d) for d in (0, 2, 3)]
    assert cups == [1, 0.63, 0.625]
    assert (
        units.call("convert_volume", {"value": 1, "source_unit": "cups", "target_unit": "liters"})[0] == 200
    )


def test_converting_there_and_back_gives_the_value_again(units: Units) -> None:
    there = converted(units, "convert_weight", 82, "kilograms", "stones", decimals=8)
    assert converted(units, "convert_weight", there, "stones", "kilograms") == 82


@pytest.mark.parametrize(
    ("name", "value", "source", "target", "status"),
    [
        ("convert_length", -1, "feet", "meters", 422),
        ("convert_weight", 1e15, "pounds", "grams", 422),
        ("convert_volume", -0.5, "cups", "liters", 422),
        ("convert_temperature", -273.16, "celsius", "kelvin", 409),
        ("convert_temperature", -459.67, "fahrenheit", "kelvin", 200),
        ("convert_temperature", -1, "kelvin", "celsius", 409),
    ],
)
def test_a_measure_that_cannot_be_is_refused(
    units: Units, name: str, value: float, source: str, target: str, status: int
) -> None:
    arguments = {"value": value, "source_unit": source, "target_unit": target}
    assert units.call(name, arguments)[0] == status


def test_currencies_are_found_by_region_and_by_name(units: Units) -> None:
    assert [one["code"] for one in ask(units, "list_currencies", region="oceania")] == ["AUD", "FJD", "NZD"]
    assert [one["code"] for one in ask(units, "list_currencies", query="KRON")] == ["DKK", "NOK", "SEK"]
    assert len(ask(units, "list_currencies")) == 10
    assert len(ask(units, "list_currencies", limit=25)) == 25


def test_money_is_the_amount_times_the_rate_in_the_decimals_of_its_currency(units: Units) -> None:
    for target in ("EUR", "JPY"):
        made = ask(units, "convert_currency", amount=250, source_currency="USD", target_currency=target)
        decimals = CURRENCIES[target][3]
        assert made["result"] == pytest.approx(250 * made["rate"], abs=0.51 * 10**-decimals)
        assert made["date"] == CLOCK.isoformat()


def test_a_rate_belongs_to_its_day_and_to_the_seed(units: Units) -> None:
    asked = {"amount": 100, "source_currency": "GBP", "target_currency": "CHF"}
    then = ask(units, "convert_currency", date="2020-02-12", **asked)
    assert then == ask(units, "convert_currency", date="2020-02-12", **asked)
    assert then["rate"] != ask(units, "convert_currency", date="2020-08-12", **asked)["rate"]
    assert then["rate"] != ask(Units(6, CLOCK), "convert_currency", date="2020-02-12", **asked)["rate"]
    assert (
        then["rate"]
        == ask(Units(5, dt.date(2027, 1, 1)), "convert_currency", date="2020-02-12", **asked)["rate"]
    )


def test_the_rates_both_ways_fit_together(units: Units) -> None:
    there = ask(units, "convert_currency", amount=1, source_currency="EUR", target_currency="MXN")["rate"]
    back = ask(units, "convert_currency", amount=1, source_currency="MXN", target_currency="EUR")["rate"]
    assert there * back == pytest.approx(1, rel=1e-4)


def test_a_history_goes_back_from_its_last_day_and_agrees_with_conversions(units: Units) -> None:
    pair = {"source_currency": "USD", "target_currency": "EUR"}
    listed = ask(units, "get_rate_history", **pair)
    assert [one["date"] for one in listed] == [f"2026-03-{day:02d}" for day in range(9, 2, -1)]
    same_day = ask(units, "convert_currency", amount=5, date="2026-03-07", **pair)
    assert same_day["rate"] == listed[2]["rate"]
    first = ask(units, "get_rate_history", end_date="2015-01-02", days=5, **pair)
    assert [one["date"] for one in first] == ["2015-01-02", "2015-01-01"]


@pytest.mark.parametrize(
    ("name", "more", "status"),
    [
        ("convert_currency", {"amount": 10, "target_currency": "USD"}, 409),
        ("convert_currency", {"amount": 0, "target_currency": "EUR"}, 422),
        ("convert_currency", {"amount": 10, "target_currency": "EUR", "date": "2026-03-11"}, 409),
        ("convert_currency", {"amount": 10, "target_currency": "EUR", "date": "2014-12-31"}, 409),
        ("get_rate_history", {"target_currency": "USD"}, 409),
        ("get_rate_history", {"target_currency": "EUR", "end_date": "2026-04-01"}, 409),
    ],
)
def test_a_rate_needs_two_currencies_an_amount_and_a_day_that_is_known(
    units: Units, name: str, more: dict[str, Any], status: int
) -> None:
    assert units.call(name, {"source_currency": "USD", **more})[0] == status
