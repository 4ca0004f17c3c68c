"""Quantities: numbers with their units as people write them, and what one unit is in another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from callwright.values.mentions import Mention, Mentions
from callwright.values.spoken import humanise

_FAMILIES: dict[str, dict[str, tuple[str, float]]] = {
    "length": {
        "mm": ("millimet(?:er|re)s?|mm", 0.001),
        "cm": ("centimet(?:er|re)s?|cm", 0.01),
        "m": ("met(?:er|re)s?|m", 1.0),
        "km": ("kilomet(?:er|re)s?|km", 1000.0),
        "inch": ("inch(?:es)?", 0.0254),
        "foot": ("foot|feet|ft", 0.3048),
        "yard": ("yards?|yd", 0.9144),
        "mile": ("miles?|mi", 1609.344),
        "nautical mile": ("nautical miles?|nmi", 1852.0),
    },
    "mass": {
        "mg": ("milligrams?|mg", 1e-6),
        "g": ("grams?|g", 0.001),
        "kg": ("kilograms?|kilos?|kg", 1.0),
        "tonne": ("tonnes?|metric tons?", 1000.0),
        "ounce": ("ounces?|oz", 0.028349523125),
        "pound": ("pounds?|lbs?", 0.45359237),
        "stone": ("stones?", 6.35029318),
    },
    "time": {
        "second": ("seconds?|secs?|s", 1.0),
        "minute": ("minutes?|mins?|min", 60.0),
        "hour": ("hours?|hrs?|h", 3600.0),
        "day": ("days?", 86400.0),
        "night": ("nights?", 86400.0),
        "week": ("weeks?", 604800.0),
        "month": ("months?", 2629800.0),
        "year": ("years?", 31557600.0),
    },
    "volume": {
        "ml": ("millilit(?:er|re)s?|ml", 0.001),
        "liter": ("lit(?:er|re)s?", 1.0),
        "cup": ("cups?", 0.2365882365),
        "pint": ("pints?", 0.473176473),
        "quart": ("quarts?", 0.946352946),
        "gallon": ("gallons?|gal", 3.785411784),
        "tablespoon": ("tablespoons?|tbsp", 0.01478676478125),
        "teaspoon": ("teaspoons?|tsp", 0.00492892159375),
        "fluid ounce": ("fluid ounces?|fl oz", 0.0295735295625),
    },
    "speed": {
        "km/h": ("km/h|kph|kilomet(?:er|re)s? (?:per|an) hour|kmh", 1.0),
        "mph": ("mph|miles? (?:per|an) hour", 1.609344),
        "m/s": ("m/s|met(?:er|re)s? (?:per|a) second", 3.6),
    },
    "data": {
        "kb": ("kilobytes?|kb", 1.0),
        "mb": ("megabytes?|mb", 1000.0),
        "gb": ("gigabytes?|gb", 1e6),
        "tb": ("terabytes?|tb", 1e9),
    },
    "temperature": {
        "celsius": ("(?:degrees? |° ?)?celsius|°c|degrees? c", 1.0),
        "fahrenheit": ("(?:degrees? |° ?)?fahrenheit|°f|degrees? f", 1.0),
        "kelvin": ("kelvins?", 1.0),
        "degree": ("degrees?|°", 1.0),
    },
    "money": {
        "usd": ("(?:us |american )?dollars?|usd|bucks|\\$", 1.0),
        "eur": ("euros?|eur|€", 1.0),
        "gbp": ("pounds? sterling|british pounds?|gbp|£", 1.0),
        "jpy": ("yen|jpy|¥", 1.0),
        "chf": ("swiss francs?|francs?|chf", 1.0),
        "cent": ("cents?", 0.01),
    },
    "share": {
        "percent": ("percent|%|percentage", 0.01),
        "fraction": ("fraction|ratio|share", 1.0),
        "point": ("percentage points?", 0.01),
    },
}
_OF_UNIT = {unit: family for family, units in _FAMILIES.items() for unit in units}
_SPELLINGS = [(spelling, unit) for units in _FAMILIES.values() for unit, (spelling, _) in units.items()]
_LEAD = r"\s?-?(?:(?:more|extra|additional|full|whole)\s)?"
_AFTER_ANY = re.compile(_LEAD + "(?:" + "|".join(spelling for spelling, _ in _SPELLINGS) + ")", re.I)
"""Whether it is worth while to try them one by one."""
_AFTER = [(re.compile(rf"{_LEAD}(?:{spelling})(?![\w/])", re.I), unit) for spelling, unit in _SPELLINGS]
_SIGNS = {"$": "usd", "€": "eur", "£": "gbp", "¥": "jpy"}


@dataclass(frozen=True)
class Quantity:
    """A number with a unit, as a text has it."""

    value: float
    unit: str
    text: str
    start: int
    """Where it stands."""


def quantities(said: Mentions) -> Iterator[Quantity]:
    """Every number of a text that has a unit."""
    for number in said.numbers:
        found = quantity_of(number, said)
        if found:
            yield found


def quantity_of(number: Mention, said: Mentions) -> Quantity | None:
    """A number of a text with its unit; None when it has none."""
    if number.derivation == "ordinal":
        return None
    sign = number.text.lstrip("-+−")[:1]
    if sign in _SIGNS:
        return Quantity(number.value, _SIGNS[sign], number.text, number.start)
    if not _AFTER_ANY.match(said.text, number.end):
        return None
    found = [
        (match.end(), unit) for pattern, unit in _AFTER if (match := pattern.match(said.text, number.end))
    ]
    if not found:
        return None
    end, unit = max(found)  # "nautical miles" are no miles, "degrees Celsius" no mere degrees
    return Quantity(number.value, unit, said.text[number.start : end].strip(), number.start)


def family(unit: str) -> str:
    return _OF_UNIT[unit]


_IN_WORDS = [(re.compile(rf"(?<!\w)(?:{spelling})(?![\w/])", re.I), unit) for spelling, unit in _SPELLINGS]
_LETTERS = frozenset(("m", "g", "h", "s", "mi", "min"))
"""Spellings that are words, or letters, before they are units."""
_MEANT_AS_UNIT = re.compile(r"(?:\bin |[(\[])$")
_ENDINGS = {"m": "m", "g": "g", "h": "hour", "s": "second", "mi": "mile", "min": "minute"}


def units_in(words: str) -> frozenset[str]:
    """The units that a name or a description names: "duration minutes", "size mb", "radius in m"."""
    found = [
        (match.start(), match.end(), unit)
        for pattern, unit in _IN_WORDS
        for match in pattern.finditer(words)
        if match.group(0).lower() not in _LETTERS or _MEANT_AS_UNIT.search(words, 0, match.start())
    ]
    whole = [  # "miles per hour" are no miles
        unit
        for start, end, unit in found
        if not any(one <= start and end <= other and end - start < other - one for one, other, _ in found)
    ]
    return frozenset(whole)


@lru_cache(maxsize=4096)
def units_of(name: str, description: str) -> frozenset[str]:
    """The units that an argument asks for by its description, its name, or its name's ending: `radius_m`."""
    words = humanise(name)
    ending = _ENDINGS.get(words.split(" ")[-1]) if " " in words else None
    return units_in(f"{words}; {description}") | ({ending} if ending else set())


@lru_cache(maxsize=4096)
def unit_named(word: str) -> str | None:
    """The unit that a text is the name of, and nothing else: "km", "EUR", "celsius"."""
    text = word.strip().replace("_", " ")
    if text.lower() in ("min", "h", "s"):  # the least of something; letters
        return None
    return next((unit for pattern, unit in _IN_WORDS if pattern.fullmatch(text)), None)


def converted(value: float, unit: str, wanted: str) -> float | None:
    """A quantity in another unit of its family; None where there is no fixed rate."""
    if unit == wanted:
        return value
    kind = family(unit)
    if kind != family(wanted) or kind == "money" and "cent" not in (unit, wanted):
        return None
    if kind == "temperature":
        return _temperature(value, unit, wanted)
    if "point" in (unit, wanted):
        return None
    return value * _FAMILIES[kind][unit][1] / _FAMILIES[kind][wanted][1]


def _temperature(value: float, unit: str, wanted: str) -> float | None:
    if "degree" in (unit, wanted):
        return None
    celsius = {"celsius": value, "fahrenheit": (value - 32) / 1.8, "kelvin": value - 273.15}[unit]
    return {"celsius": celsius, "fahrenheit": celsius * 1.8 + 32, "kelvin": celsius + 273.15}[wanted]


def compatible(said: str, known: str) -> bool:
    """Whether a unit as it was said can stand for a known one: "72 degrees" for Fahrenheit, nights for days."""
    same = {"degree": ("celsius", "fahrenheit"), "night": ("day",), "day": ("night",)}
    return said == known or known in same.get(said, ()) or said in same.get(known, ())
