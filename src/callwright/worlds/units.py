"""Units and currencies: lengths, weights, temperatures and volumes by exact factors, money by rates of the day."""

from __future__ import annotations

import datetime as dt
import math
import random
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Literal

from pydantic import Field

from callwright.schemas.base import digest
from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

LengthUnit = Literal[
    "millimeters", "centimeters", "meters", "kilometers", "inches", "feet", "yards", "miles", "nautical_miles"
]
WeightUnit = Literal["milligrams", "grams", "kilograms", "metric_tons", "ounces", "pounds", "stones"]
TemperatureUnit = Literal["celsius", "fahrenheit", "kelvin"]
VolumeUnit = Literal[
    "milliliters",
    "liters",
    "teaspoons",
    "tablespoons",
    "fluid_ounces",
    "cups",
    "pints",
    "quarts",
    "gallons",
]
Region = Literal["north_america", "south_america", "europe", "asia", "africa", "oceania"]
Currency = Literal[
    "USD",
    "CAD",
    "MXN",
    "BRL",
    "CLP",
    "EUR",
    "GBP",
    "CHF",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CZK",
    "JPY",
    "KRW",
    "INR",
    "SGD",
    "THB",
    "AED",
    "ZAR",
    "EGP",
    "MAD",
    "KES",
    "AUD",
    "NZD",
    "FJD",
]
Decimals = Annotated[int, Field(ge=0, le=8)]
Limit = Annotated[int, Field(ge=1, le=25)]
Days = Annotated[int, Field(ge=2, le=31)]

METERS: dict[LengthUnit, str] = {
    "millimeters": "0.001",
    "centimeters": "0.01",
    "meters": "1",
    "kilometers": "1000",
    "inches": "0.0254",
    "feet": "0.3048",
    "yards": "0.9144",
    "miles": "1609.344",
    "nautical_miles": "1852",
}
GRAMS: dict[WeightUnit, str] = {
    "milligrams": "0.001",
    "grams": "1",
    "kilograms": "1000",
    "metric_tons": "1000000",
    "ounces": "28.349523125",
    "pounds": "453.59237",
    "stones": "6350.29318",
}
MILLILITERS: dict[VolumeUnit, str] = {
    "milliliters": "1",
    "liters": "1000",
    "teaspoons": "4.92892159375",
    "tablespoons": "14.78676478125",
    "fluid_ounces": "29.5735295625",
    "cups": "236.5882365",
    "pints": "473.176473",
    "quarts": "946.352946",
    "gallons": "3785.411784",
}
# Name, region, about how many US dollars one unit buys, and how many decimals its amounts have.
CURRENCIES: dict[Currency, tuple[str, Region, float, int]] = {
    "USD": ("US dollar", "north_america", 1.0, 2),
    "CAD": ("Canadian dollar", "north_america", 0.74, 2),
    "MXN": ("Mexican peso", "north_america", 0.057, 2),
    "BRL": ("Brazilian real", "south_america", 0.19, 2),
    "CLP": ("Chilean peso", "south_america", 0.0011, 0),
    "EUR": ("euro", "europe", 1.1, 2),
    "GBP": ("British pound", "europe", 1.28, 2),
    "CHF": ("Swiss franc", "europe", 1.12, 2),
    "SEK": ("Swedish krona", "europe", 0.097, 2),
    "NOK": ("Norwegian krone", "europe", 0.095, 2),
    "DKK": ("Danish krone", "europe", 0.147, 2),
    "PLN": ("Polish zloty", "europe", 0.25, 2),
    "CZK": ("Czech koruna", "europe", 0.044, 2),
    "JPY": ("Japanese yen", "asia", 0.0069, 0),
    "KRW": ("South Korean won", "asia", 0.00075, 0),
    "INR": ("Indian rupee", "asia", 0.012, 2),
    "SGD": ("Singapore dollar", "asia", 0.75, 2),
    "THB": ("Thai baht", "asia", 0.029, 2),
    "AED": ("UAE dirham", "asia", 0.272, 2),
    "ZAR": ("South African rand", "africa", 0.055, 2),
    "EGP": ("Egyptian pound", "africa", 0.021, 2),
    "MAD": ("Moroccan dirham", "africa", 0.1, 2),
    "KES": ("Kenyan shilling", "africa", 0.0077, 2),
    "AUD": ("Australian dollar", "oceania", 0.66, 2),
    "NZD": ("New Zealand dollar", "oceania", 0.61, 2),
    "FJD": ("Fijian dollar", "oceania", 0.44, 2),
}
FIRST_DAY = dt.date(2015, 1, 1)
MOST = 1_000_000_000


class LengthConversion(Thing):
    value: float
    source_unit: LengthUnit
    result: float
    result_unit: LengthUnit


class WeightConversion(Thing):
    value: float
    source_unit: WeightUnit
    result: float
    result_unit: WeightUnit


class TemperatureConversion(Thing):
    value: float
    source_unit: TemperatureUnit
    result: float
    result_unit: TemperatureUnit


class VolumeConversion(Thing):
    value: float
    source_unit: VolumeUnit
    result: float
    result_unit: VolumeUnit


class CurrencyEntry(Thing):
    code: Currency
    name: str
    region: Region
    decimals: int


class MoneyConversion(Thing):
    amount: float
    source_currency: Currency
    result: float
    result_currency: Currency
    rate: float
    date: dt.date


class DayRate(Thing):
    date: dt.date
    rate: float


class Units(World):
    """A converter for units of measure, US customary and metric, and for currencies at the rate of a day."""

    title = "Units and Currencies"
    category = "units and currency"

    def populate(self) -> None:
        self.state["currencies"] = {}
        for code, (name, region, dollars, decimals) in CURRENCIES.items():
            level = 1.0 if code == "USD" else round(self.rng.uniform(0.92, 1.08), 4)
            swing = 0.0 if code == "USD" else round(self.rng.uniform(0.0, 6.28), 4)
            self.put(
                "currencies",
                {
                    "id": code,
                    "name": name,
                    "region": region,
                    "dollars": float(f"{dollars * level:.6g}"),
                    "swing": swing,
                    "decimals": decimals,
                },
            )

    @tool(resource="lengths")
    def convert_length(
        self, value: float, source_unit: LengthUnit, target_unit: LengthUnit, decimals: Decimals = 2
    ) -> LengthConversion:
        """Convert a length or a distance from one unit to another.

        Args:
            value: The number to convert, zero or more.
            source_unit: The unit that the value is in.
            target_unit: The unit to convert to.
            decimals: To how many decimals the result is rounded.
        """
        made = _scaled(value, METERS[source_unit], METERS[target_unit], decimals)
        return LengthConversion(value=value, source_unit=source_unit, result=made, result_unit=target_unit)

    @tool(resource="weights")
    def convert_weight(
        self, value: float, source_unit: WeightUnit, target_unit: WeightUnit, decimals: Decimals = 2
    ) -> WeightConversion:
        """Convert a weight from one unit to another. Ounces and pounds are avoirdupois; a stone is 14 pounds.

        Args:
            value: The number to convert, zero or more.
            source_unit: The unit that the value is in.
            target_unit: The unit to convert to.
            decimals: To how many decimals the result is rounded.
        """
        made = _scaled(value, GRAMS[source_unit], GRAMS[target_unit], decimals)
        return WeightConversion(value=value, source_unit=source_unit, result=made, result_unit=target_unit)

    @tool(resource="temperatures")
    def convert_temperature(
        self,
        value: float,
        source_unit: TemperatureUnit,
        target_unit: TemperatureUnit,
        decimals: Decimals = 1,
    ) -> TemperatureConversion:
        """Convert a temperature between Celsius, Fahrenheit and kelvin.

        Args:
            value: The temperature to convert, not below absolute zero.
            source_unit: The scale that the value is on.
            target_unit: The scale to convert to.
            decimals: To how many decimals the result is rounded.
        """
        kelvin = _kelvin(_number(value), source_unit)
        if kelvin < 0:
            raise Refused("Nothing can be colder than absolute zero, which is -273.15 degrees Celsius.")
        made = _rounded(_from_kelvin(kelvin, target_unit), decimals)
        return TemperatureConversion(
            value=value, source_unit=source_unit, result=made, result_unit=target_unit
        )

    @tool(resource="volumes")
    def convert_volume(
        self, value: float, source_unit: VolumeUnit, target_unit: VolumeUnit, decimals: Decimals = 2
    ) -> VolumeConversion:
        """Convert a volume from one unit to another. Spoons, cups, pints, quarts and gallons are US measures.

        Args:
            value: The number to convert, zero or more.
            source_unit: The unit that the value is in.
            target_unit: The unit to convert to.
            decimals: To how many decimals the result is rounded.
        """
        made = _scaled(value, MILLILITERS[source_unit], MILLILITERS[target_unit], decimals)
        return VolumeConversion(value=value, source_unit=source_unit, result=made, result_unit=target_unit)

    @tool(resource="currencies")
    def list_currencies(
        self, region: Region | None = None, query: str | None = None, limit: Limit = 10
    ) -> list[CurrencyEntry]:
        """List the currencies that can be converted, in order of their codes.

        Args:
            region: Only currencies of this part of the world.
            query: Words of the currency's name, such as "dollar".
            limit: How many to list at most.
        """
        found = [
            CurrencyEntry(code=row["id"], name=row["name"], region=row["region"], decimals=row["decimals"])
            for row in self.rows("currencies")
            if region in (None, row["region"])
            and (query is None or query.casefold() in row["name"].casefold())
        ]
        return found[:limit]

    @tool(resource="exchange_rates")
    def convert_currency(
        self,
        amount: float,
        source_currency: Currency,
        target_currency: Currency,
        date: dt.date | None = None,
    ) -> MoneyConversion:
        """Convert an amount of money at the middle rate of a day.

        The rate is rounded to 5 digits. The result is the amount times that rate, rounded to the decimals of the
        target currency: 2, or none for Japanese yen, South Korean won and Chilean pesos.

        Args:
            amount: How much to convert, more than zero.
            source_currency: The currency that the amount is in, as an ISO 4217 code.
            target_currency: The currency to convert to, as an ISO 4217 code.
            date: The day whose rate is used, from 2015-01-01 on and not in the future; today unless given.
        """
        if not 0 < amount <= MOST:
            raise OverLimit("The amount has to be more than zero and at most a billion.")
        day = self._day(date)
        rate = self._rate(source_currency, target_currency, day)
        made = _rounded(_number(amount) * _number(rate), CURRENCIES[target_currency][3])
        return MoneyConversion(
            amount=amount,
            source_currency=source_currency,
            result=made,
            result_currency=target_currency,
            rate=rate,
            date=day,
        )

    @tool(resource="exchange_rates")
    def get_rate_history(
        self,
        source_currency: Currency,
        target_currency: Currency,
        days: Days = 7,
        end_date: dt.date | None = None,
    ) -> list[DayRate]:
        """Get the middle rate between two currencies for each of several days in a row, the latest day first.

        A rate tells how much one unit of the source currency buys, rounded to 5 digits.

        Args:
            source_currency: The currency that is sold, as an ISO 4217 code.
            target_currency: The currency that is bought, as an ISO 4217 code.
            days: How many days to list.
            end_date: The last of these days, from 2015-01-01 on and not in the future; yesterday unless given.
        """
        last = self._day(end_date or self.clock - dt.timedelta(days=1))
        listed = [last - dt.timedelta(days=back) for back in range(days)]
        return [
            DayRate(date=day, rate=self._rate(source_currency, target_currency, day))
            for day in listed
            if day >= FIRST_DAY
        ]

    def _day(self, date: dt.date | None) -> dt.date:
        day = date or self.clock
        if day > self.clock:
            raise Refused("There is no rate yet for a day in the future.")
        if day < FIRST_DAY:
            raise Refused("Rates are kept from January 1, 2015 on.")
        return day

    def _rate(self, source: Currency, target: Currency, day: dt.date) -> float:
        if source == target:
            raise Refused("The two currencies are the same.")
        return float(f"{self._dollars(source, day) / self._dollars(target, day):.5g}")

    def _dollars(self, code: Currency, day: dt.date) -> float:
        if code == "USD":
            return 1.0
        row = self.one("currencies", code)
        made: float = row["dollars"] * _drift(self.seed, code, row["swing"], day)
        return made


def _drift(seed: int, code: str, swing: float, day: dt.date) -> float:
    """How far a currency is from its usual level on a day: slow waves and a little noise."""
    since = (day - FIRST_DAY).days
    slow = 0.06 * math.sin(since / 232.5 + swing)
    quick = 0.015 * math.sin(since / 15.5 + 2 * swing)
    noise = random.Random(digest([seed, code, day.isoformat()])).uniform(-0.003, 0.003)
    return 1 + slow + quick + noise


def _number(value: float) -> Decimal:
    """The number as it is written, so that 0.1 is a tenth."""
    if abs(value) > MOST:
        raise OverLimit("That number is too big to convert; a billion is the most.")
    return Decimal(str(value))


def _rounded(value: Decimal, decimals: int) -> float:
    """Rounded half up, as people do it; never -0."""
    return float(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)) + 0.0


def _scaled(value: float, source: str, target: str, decimals: int) -> float:
    if value < 0:
        raise OverLimit("A measure like this cannot be less than zero.")
    return _rounded(_number(value) * Decimal(source) / Decimal(target), decimals)


def _kelvin(value: Decimal, unit: TemperatureUnit) -> Decimal:
    if unit == "kelvin":
        return value
    celsius = value if unit == "celsius" else (value - 32) * 5 / 9
    return celsius + Decimal("273.15")


def _from_kelvin(kelvin: Decimal, unit: TemperatureUnit) -> Decimal:
    if unit == "kelvin":
        return kelvin
    celsius = kelvin - Decimal("273.15")
    return celsius if unit == "celsius" else celsius * 9 / 5 + 32
