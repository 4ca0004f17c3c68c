"""Weather of twenty-four invented places: conditions, forecasts, alerts, and who wants to be told of alerts."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.schemas.base import digest
from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Region = Literal[
    "Amber Valley", "Copper Hills", "Gull Bay District", "Heron Lakes", "Pine Highlands", "River Plains"
]
Kind = Literal["city", "town", "village"]
Units = Literal["celsius", "fahrenheit"]
Sky = Literal["sunny", "partly_cloudy", "overcast", "foggy", "rainy", "stormy", "snowy"]
Order = Literal["warmest", "coldest", "rainiest", "windiest"]
Hazard = Literal["wind", "flood", "fog", "thunderstorm", "ice", "heat"]
Level = Literal["advisory", "watch", "warning"]
Channel = Literal["email", "text_message", "phone_call"]
Time = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Days = Annotated[int, Field(ge=1, le=10)]
Limit = Annotated[int, Field(ge=1, le=24)]

LEVELS: tuple[Level, ...] = ("advisory", "watch", "warning")
CHANNELS: tuple[Channel, ...] = ("email", "text_message", "phone_call")
DAYS_AHEAD = 92
LISTED = 15
"""How many places a search lists unless told otherwise."""

# Mean temperature of the year, half the span between summer and winter, both in degrees Celsius; the places.
REGIONS: dict[Region, tuple[float, float, tuple[str, ...]]] = {
    "Amber Valley": (12.0, 9.0, ("Brindleford", "Honeywick", "Marlowby", "Tansyfield")),
    "Copper Hills": (10.0, 10.0, ("Flintmoor", "Kettlecombe", "Rustholme", "Smeltham")),
    "Gull Bay District": (12.0, 6.0, ("Cockleton", "Driftmouth", "Port Merrow", "Shellhaven")),
    "Heron Lakes": (11.0, 8.0, ("Loonsby", "Otterlake", "Sedgewater", "Willowmere")),
    "Pine Highlands": (5.0, 10.0, ("Eaglestow", "Frostgate", "Larchpeak", "Skyhollow")),
    "River Plains": (11.0, 12.0, ("Bargeton", "Ferrybend", "Goldacre", "Harrowmead")),
}
INHABITANTS: dict[Kind, tuple[int, int]] = {"city": (600, 3200), "town": (70, 420), "village": (4, 45)}
"""In hundreds."""


class Place(Thing):
    id: str
    name: str
    region: Region
    kind: Kind
    population: int


class Conditions(Thing):
    place: str
    region: Region
    condition: Sky
    temperature: int
    feels_like: int
    humidity_percent: int
    wind_kmh: int
    units: Units


class ForecastDay(Thing):
    date: dt.date
    condition: Sky
    high: int
    low: int
    rain_chance_percent: int
    wind_kmh: int
    units: Units


class ComparedPlace(Thing):
    place: str
    region: Region
    condition: Sky
    high: int
    low: int
    rain_chance_percent: int
    wind_kmh: int
    units: Units


class Alert(Thing):
    id: str
    region: Region
    kind: Hazard
    level: Level
    starts_on: dt.date
    ends_on: dt.date


class QuietHours(Thing):
    start: Time = Field(description="When the quiet begins, as HH:MM on the 24-hour clock.")
    end: Time = Field(description="When the quiet ends, as HH:MM on the 24-hour clock.")


class Subscription(Thing):
    id: str
    place: str
    region: Region
    channel: Channel
    min_level: Level
    kinds: list[Hazard]
    """Empty for alerts of every kind."""
    quiet_hours: QuietHours | None


class Weather(World):
    """A weather service for six regions, with forecasts for the next three months and alerts by subscription."""

    title = "Weather Service"
    category = "weather"

    def populate(self) -> None:
        self.state = {"places": {}, "alerts": {}, "subscriptions": {}}
        for region, (_, _, names) in REGIONS.items():
            kinds: list[Kind] = ["city", "town", "village", self.rng.choice(("town", "village"))]
            self.rng.shuffle(kinds)
            for name, kind in zip(names, kinds, strict=True):
                place = {"name": name, "region": region, "kind": kind}
                population = 100 * self.rng.randint(*INHABITANTS[kind]) + self.rng.randint(0, 99)
                identity = self.new_id("places", "plc", name)
                self.put("places", {"id": identity, **place, "population": population})
            season: Hazard = "heat" if 5 <= self.clock.month <= 9 else "ice"
            hazards: tuple[Hazard, ...] = ("wind", "flood", "fog", "thunderstorm", season)
            for hazard in self.rng.sample(hazards, self.rng.choice((1, 2, 2))):
                starts = self.clock + dt.timedelta(days=self.rng.randint(0, 3))
                facts = {
                    "region": region,
                    "kind": hazard,
                    "level": self.rng.choice(LEVELS),
                    "starts_on": starts.isoformat(),
                    "ends_on": (starts + dt.timedelta(days=self.rng.randint(1, 3))).isoformat(),
                }
                self.put("alerts", {"id": self.new_id("alerts", "alr", *facts.values()), **facts})
        # Small places are the watched ones; a plain search lists the large ones.
        small = self._by_size()[LISTED:]
        for place in self.rng.sample(small, self.rng.randint(5, 7)):
            self._add(place, self.rng.choice(CHANNELS), self.rng.choice(LEVELS), [], None)

    @tool(resource="places")
    def search_places(
        self,
        query: str | None = None,
        region: Region | None = None,
        kind: Kind | None = None,
        limit: Limit = LISTED,
    ) -> list[Place]:
        """Search the places that the service covers. The largest come first.

        Args:
            query: The place's name or a part of it.
            region: Only places in this region.
            kind: Only places of this kind.
            limit: How many places to list at most.
        """
        found = [
            Place(**place)
            for place in self._by_size()
            if (query is None or query.casefold() in place["name"].casefold())
            and region in (None, place["region"])
            and kind in (None, place["kind"])
        ]
        return found[:limit]

    @tool(resource="conditions")
    def get_current_conditions(self, place_id: str, units: Units = "celsius") -> Conditions:
        """Get the weather in a place right now. Temperatures are rounded to whole degrees.

        Args:
            place_id: The place's id, from search_places.
            units: The unit of the temperatures.
        """
        place = self.one("places", place_id)
        now = _now(self.seed, place, self.clock)
        return Conditions(
            place=place["name"],
            region=place["region"],
            condition=now["condition"],
            temperature=_degrees(now["temperature"], units),
            feels_like=_degrees(now["feels_like"], units),
            humidity_percent=now["humidity_percent"],
            wind_kmh=now["wind_kmh"],
            units=units,
        )

    @tool(resource="forecasts")
    def get_daily_forecast(
        self, place_id: str, from_date: dt.date | None = None, days: Days = 3, units: Units = "celsius"
    ) -> list[ForecastDay]:
        """Get the forecast for a place day by day, up to 92 days ahead. Temperatures are rounded to whole degrees.

        Args:
            place_id: The place's id, from search_places.
            from_date: The first day of the forecast, not in the past; today unless given.
            days: How many days to forecast.
            units: The unit of the temperatures.
        """
        place = self.one("places", place_id)
        first = from_date or self.clock
        self._check(first)
        return [
            ForecastDay(date=day, **_told(_day(self.seed, place, day), units))
            for day in (first + dt.timedelta(days=number) for number in range(days))
        ]

    @tool(resource="forecasts")
    def compare_places(
        self,
        date: dt.date,
        region: Region | None = None,
        order: Order = "warmest",
        units: Units = "celsius",
        limit: Limit = 5,
    ) -> list[ComparedPlace]:
        """Compare the forecasts of several places for one day, up to 92 days ahead, and rank the places.

        Args:
            date: The day to compare, not in the past.
            region: Only places in this region; all regions unless given.
            order: Which places come first. The warmest go by the day's high, the coldest by its low.
            units: The unit of the temperatures, which are rounded to whole degrees.
            limit: How many places to list at most.
        """
        self._check(date)
        days = [
            (place, _day(self.seed, place, date))
            for place in self.rows("places")
            if region in (None, place["region"])
        ]
        days.sort(key=lambda one: (_rank(one[1], order), one[0]["name"]))
        return [
            ComparedPlace(place=place["name"], region=place["region"], **_told(day, units))
            for place, day in days[:limit]
        ]

    @tool(resource="alerts")
    def list_weather_alerts(
        self,
        region: Region | None = None,
        kind: Hazard | None = None,
        min_level: Level = "advisory",
        limit: Limit = 7,
    ) -> list[Alert]:
        """List the weather alerts that are in force or about to be. They come in order of the first day.

        Args:
            region: Only alerts for this region.
            kind: Only alerts of this kind.
            min_level: The least level to list; a warning is more serious than a watch, a watch than an advisory.
            limit: How many alerts to list at most.
        """
        found = [
            Alert(**alert)
            for alert in self.rows("alerts")
            if region in (None, alert["region"])
            and kind in (None, alert["kind"])
            and LEVELS.index(alert["level"]) >= LEVELS.index(min_level)
        ]
        return sorted(found, key=lambda one: (one.starts_on, one.region, one.id))[:limit]

    @tool(resource="subscriptions")
    def subscribe_to_alerts(
        self,
        place_id: str,
        channel: Channel,
        min_level: Level = "watch",
        kinds: list[Hazard] | None = None,
        quiet_hours: QuietHours | None = None,
    ) -> Subscription:
        """Have weather alerts for a place sent out. Each place can have one subscription.

        Args:
            place_id: The place's id, from search_places.
            channel: How the alerts are sent.
            min_level: The least level that is sent; a warning is more serious than a watch, a watch than an advisory.
            kinds: Only alerts of these kinds; every kind unless given.
            quiet_hours: A time of the day at which nothing is sent.
        """
        place = self.one("places", place_id)
        if any(one["place_id"] == place_id for one in self.rows("subscriptions")):
            raise Refused(f"Alerts for {place['name']} are sent already.")
        if quiet_hours is not None and quiet_hours.start == quiet_hours.end:
            raise Refused("The quiet hours have to end at another time than they begin.")
        quiet = quiet_hours.model_dump() if quiet_hours else None
        return _subscription(self._add(place, channel, min_level, sorted(set(kinds or ())), quiet))

    @tool(resource="subscriptions")
    def list_alert_subscriptions(
        self,
        place: str | None = None,
        region: Region | None = None,
        channel: Channel | None = None,
        limit: Limit = 10,
    ) -> list[Subscription]:
        """List the subscriptions to weather alerts in order of the places' names.

        Args:
            place: The place's name or a part of it.
            region: Only subscriptions for places in this region.
            channel: Only subscriptions that are sent this way.
            limit: How many subscriptions to list at most.
        """
        found = [
            _subscription(one)
            for one in self.rows("subscriptions")
            if (place is None or place.casefold() in one["place"].casefold())
            and region in (None, one["region"])
            and channel in (None, one["channel"])
        ]
        return sorted(found, key=lambda one: (one.place, one.id))[:limit]

    @tool(resource="subscriptions")
    def unsubscribe_from_alerts(self, subscription_id: str) -> Subscription:
        """End a subscription to weather alerts.

        Args:
            subscription_id: The subscription's id, from list_alert_subscriptions.
        """
        return _subscription(self.remove("subscriptions", subscription_id))

    def _by_size(self) -> list[dict[str, Any]]:
        return sorted(self.rows("places"), key=lambda one: (-one["population"], one["name"]))

    def _add(
        self,
        place: dict[str, Any],
        channel: Channel,
        min_level: Level,
        kinds: list[Hazard],
        quiet_hours: dict[str, str] | None,
    ) -> dict[str, Any]:
        wanted = {
            "channel": channel,
            "min_level": min_level,
            "kinds": kinds,
            "quiet_hours": quiet_hours,
        }
        identity = self.new_id("subscriptions", "sub", place["id"], *wanted.values())
        known = {"place_id": place["id"], "place": place["name"], "region": place["region"]}
        return self.put("subscriptions", {"id": identity, **known, **wanted})

    def _check(self, day: dt.date) -> None:
        if day < self.clock:
            raise Refused("That day is past.")
        if (day - self.clock).days > DAYS_AHEAD:
            raise OverLimit(f"Forecasts reach only {DAYS_AHEAD} days ahead.")


def _subscription(record: dict[str, Any]) -> Subscription:
    return Subscription(**{name: record[name] for name in Subscription.model_fields})


def _day(seed: int, place: dict[str, Any], day: dt.date) -> dict[str, Any]:
    """A day's weather in degrees Celsius: it follows from the seed, the place and the day."""
    rng = random.Random(digest([seed, place["name"], day.isoformat()]))
    mean, span, _ = REGIONS[place["region"]]
    season = -math.cos(2 * math.pi * (day.timetuple().tm_yday - 20) / 365)  # coldest in late January
    middle, swing = mean + span * season + rng.uniform(-4, 4), rng.randint(3, 6)
    rain, wind = rng.randrange(0, 96, 5), rng.randint(4, 60)
    made = {"high": round(middle + swing), "low": round(middle - swing)}
    condition = _sky(rain, wind, made["high"], rng.random() < 0.3)
    return {**made, "condition": condition, "rain_chance_percent": rain, "wind_kmh": wind}


def _sky(rain: int, wind: int, high: int, mist: bool) -> Sky:
    if rain < 20:
        return "sunny"
    if rain < 40:
        return "partly_cloudy"
    if rain < 60:
        return "foggy" if mist and wind < 20 else "overcast"
    if high <= 1:
        return "snowy"
    return "stormy" if wind > 45 else "rainy"


def _now(seed: int, place: dict[str, Any], today: dt.date) -> dict[str, Any]:
    """The weather at this moment, which fits the forecast for today."""
    day = _day(seed, place, today)
    rng = random.Random(digest([seed, place["name"], today.isoformat(), "now"]))
    temperature = rng.randint(day["low"], day["high"])
    return {
        "condition": day["condition"],
        "temperature": temperature,
        "feels_like": temperature - day["wind_kmh"] // 15,
        "humidity_percent": min(97, 35 + day["rain_chance_percent"] // 2 + rng.randint(0, 20)),
        "wind_kmh": day["wind_kmh"],
    }


def _told(day: dict[str, Any], units: Units) -> dict[str, Any]:
    return {
        **day,
        "high": _degrees(day["high"], units),
        "low": _degrees(day["low"], units),
        "units": units,
    }


def _degrees(celsius: int, units: Units) -> int:
    return celsius if units == "celsius" else round(celsius * 9 / 5 + 32)


def _rank(day: dict[str, Any], order: Order) -> int:
    ranks = {
        "warmest": -day["high"],
        "coldest": day["low"],
        "rainiest": -day["rain_chance_percent"],
        "windiest": -day["wind_kmh"],
    }
    return int(ranks[order])
