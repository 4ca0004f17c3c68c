"""The weather service's own rules: one truth for each place and day, a horizon, one subscription for each place."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.weather import REGIONS, Weather

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def weather() -> Weather:
    return Weather(5, CLOCK)


def ask(weather: Weather, name: str, /, **arguments: Any) -> Any:
    status, body = weather.call(name, arguments)
    assert status == 200, body
    return body


def place_id(weather: Weather, name: str) -> str:
    (found,) = ask(weather, "search_places", query=name)
    return str(found["id"])


def unwatched(weather: Weather) -> str:
    """A place without a subscription."""
    watched = {one["place"] for one in ask(weather, "list_alert_subscriptions", limit=24)}
    return next(
        str(one["id"]) for one in ask(weather, "search_places", limit=24) if one["name"] not in watched
    )


def test_each_name_finds_one_place_and_the_largest_places_come_first(weather: Weather) -> None:
    listed = ask(weather, "search_places", limit=24)
    sizes = [one["population"] for one in listed]
    assert sizes == sorted(sizes, reverse=True) and len(listed) == 24
    for _, _, names in REGIONS.values():
        assert [place_id(weather, name) for name in names]


@pytest.mark.parametrize("kind", ["city", "town", "village"])
def test_every_region_has_places_of_every_kind(weather: Weather, kind: str) -> None:
    for region in REGIONS:
        found = ask(weather, "search_places", region=region, kind=kind)
        assert found and all((one["region"], one["kind"]) == (region, kind) for one in found)


def test_a_day_has_the_same_weather_in_every_forecast_and_comparison(weather: Weather) -> None:
    place = place_id(weather, "Honeywick")
    long = ask(weather, "get_daily_forecast", place_id=place, days=5)
    late = ask(weather, "get_daily_forecast", place_id=place, from_date="2026-03-12")
    assert long[2:] == late and [one["date"] for one in late] == ["2026-03-12", "2026-03-13", "2026-03-14"]
    compared = ask(weather, "compare_places", date="2026-03-12", region="Amber Valley")
    (same,) = (one for one in compared if one["place"] == "Honeywick")
    assert {name: late[0][name] for name in same if name in late[0]} == {
        name: same[name] for name in same if name in late[0]
    }


def test_another_seed_has_another_forecast() -> None:
    days = [
        ask(world, "get_daily_forecast", place_id=place_id(world, "Honeywick"), days=10)
        for world in (Weather(5, CLOCK), Weather(6, CLOCK))
    ]
    assert days[0] != days[1]


def test_it_is_now_as_warm_as_the_forecast_for_today_allows(weather: Weather) -> None:
    for one in ask(weather, "search_places", limit=24):
        now = ask(weather, "get_current_conditions", place_id=one["id"])
        (today,) = ask(weather, "get_daily_forecast", place_id=one["id"], days=1)
        assert today["low"] <= now["temperature"] <= today["high"]
        assert now["condition"] == today["condition"] and now["feels_like"] <= now["temperature"]


def test_degrees_fahrenheit_are_the_same_temperature(weather: Weather) -> None:
    place = place_id(weather, "Larchpeak")
    celsius = ask(weather, "get_current_conditions", place_id=place)
    fahrenheit = ask(weather, "get_current_conditions", place_id=place, units="fahrenheit")
    assert fahrenheit["temperature"] == round(celsius["temperature"] * 1.8 + 32)
    assert (celsius["units"], fahrenheit["units"]) == ("celsius", "fahrenheit")
    ranked = [
        [one["place"] for one in ask(weather, "compare_places", date="2026-03-20", units=units)]
        for units in ("celsius", "fahrenheit")
    ]
    assert ranked[0] == ranked[1]


@pytest.mark.parametrize(
    ("order", "field", "falling"),
    [
        ("warmest", "high", True),
        ("coldest", "low", False),
        ("rainiest", "rain_chance_percent", True),
        ("windiest", "wind_kmh", True),
    ],
)
def test_a_comparison_ranks_by_what_is_asked_for(
    weather: Weather, order: str, field: str, falling: bool
) -> None:
    ranked = [one[field] for one in ask(weather, "compare_places", date="2026-04-01", order=order, limit=24)]
    assert ranked == sorted(ranked, reverse=falling) and len(ranked) == 24


@pytest.mark.parametrize(("date", "status"), [("2026-03-09", 409), ("2026-06-10", 200), ("2026-06-11", 422)])
def test_a_forecast_reaches_from_today_to_its_horizon(weather: Weather, date: str, status: int) -> None:
    arguments = {"place_id": place_id(weather, "Goldacre"), "from_date": date}
    assert weather.call("get_daily_forecast", arguments)[0] == status
    assert weather.call("compare_places", {"date": date})[0] == status


def test_it_snows_in_the_cold_alone() -> None:
    skies = {
        (one["condition"], one["high"] <= 1)
        for seed in range(3)
        for day in range(20)
        for one in ask(
            Weather(seed, dt.date(2026, 1, 5)), "compare_places", date=f"2026-01-{day + 6:02d}", limit=24
        )
    }
    assert ("snowy", True) in skies and ("snowy", False) not in skies and ("rainy", True) not in skies


def test_alerts_are_of_the_least_level_or_more_serious_and_not_over_yet(weather: Weather) -> None:
    everything = ask(weather, "list_weather_alerts", limit=24)
    assert {one["region"] for one in everything} == set(REGIONS)
    assert all(CLOCK.isoformat() <= one["starts_on"] < one["ends_on"] for one in everything)
    serious = ask(weather, "list_weather_alerts", min_level="watch", limit=24)
    assert serious == [one for one in everything if one["level"] != "advisory"]
    for one in everything:
        assert one in ask(weather, "list_weather_alerts", region=one["region"], kind=one["kind"])


def test_a_place_has_one_subscription_until_it_is_ended(weather: Weather) -> None:
    wanted = {
        "place_id": unwatched(weather),
        "channel": "email",
        "kinds": ["wind", "fog", "wind"],
        "quiet_hours": {"start": "22:00", "end": "07:00"},
    }
    made = ask(weather, "subscribe_to_alerts", **wanted)
    assert (made["min_level"], made["kinds"]) == ("watch", ["fog", "wind"])
    assert ask(weather, "list_alert_subscriptions", place=made["place"]) == [made]
    assert weather.call("subscribe_to_alerts", wanted)[0] == 409
    assert ask(weather, "unsubscribe_from_alerts", subscription_id=made["id"]) == made
    assert weather.call("unsubscribe_from_alerts", {"subscription_id": made["id"]})[0] == 404
    assert ask(weather, "subscribe_to_alerts", **wanted) == made


def test_quiet_hours_have_two_ends(weather: Weather) -> None:
    arguments = {
        "place_id": unwatched(weather),
        "channel": "email",
        "quiet_hours": {"start": "22:00", "end": "22:00"},
    }
    assert weather.call("subscribe_to_alerts", arguments)[0] == 409


def test_the_places_that_a_plain_search_lists_are_free_to_be_watched() -> None:
    for seed in range(8):
        world = Weather(seed, CLOCK)
        watched = {one["place"] for one in ask(world, "list_alert_subscriptions", limit=24)}
        assert watched and not watched & {one["name"] for one in ask(world, "search_places")}
