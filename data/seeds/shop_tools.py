"""A corner shop's till: an example of Python functions as tools. Each conversation gets a fresh copy of this module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

Fruit = Literal["apples", "pears", "plums", "cherries", "grapes"]

PRICES: dict[str, float] = {"apples": 2.4, "pears": 3.1, "plums": 3.6, "cherries": 7.5, "grapes": 4.2}
basket: dict[str, int] = {}


@dataclass
class Quote:
    fruit: str
    kilos: int
    total: float


@dataclass
class Basket:
    weight: int
    total: float


def get_price(fruit: Fruit, kilos: Annotated[int, Field(ge=2, le=25)]) -> Quote:
    """Get the price of some fruit.

    Args:
        fruit: The kind of fruit.
        kilos: How many kilograms.
    """
    return Quote(fruit, kilos, round(PRICES[fruit] * kilos, 2))


def add_item(fruit: Fruit, kilos: Annotated[int, Field(ge=2, le=25)]) -> Basket:
    """Add fruit to the basket.

    Args:
        fruit: The kind of fruit.
        kilos: How many kilograms.
    """
    basket[fruit] = basket.get(fruit, 0) + kilos
    total = sum(PRICES[name] * weight for name, weight in basket.items())
    return Basket(sum(basket.values()), round(total, 2))


def check_season(fruit: Fruit, month: Annotated[int, Field(ge=1, le=12)]) -> bool:
    """Check the season of a fruit.

    Args:
        fruit: The kind of fruit.
        month: The month of the year, from 1 to 12.
    """
    seasons = {"apples": (8, 12), "pears": (8, 11), "plums": (7, 9), "cherries": (6, 7), "grapes": (9, 10)}
    first, last = seasons[fruit]
    return first <= month <= last


def describe_storage(fruit: Fruit) -> str:
    """Describe the storage of a fruit.

    Args:
        fruit: The kind of fruit.
    """
    cool = fruit in ("cherries", "grapes")
    return (
        f"Keep {fruit} {'in the fridge and eat them within a week' if cool else 'in a cool and dark place'}."
    )


def send_order(kilos: Annotated[int, Field(ge=2, le=25)]) -> int:
    """Send an order to the wholesaler.

    Args:
        kilos: How many kilograms.
    """
    return -(-kilos // 5)
