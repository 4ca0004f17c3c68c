"""The shop's own rules: stock, limits, vouchers, and what can be canceled or sent back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.shop import Shop

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def shop() -> Shop:
    return Shop(3, CLOCK)


def good(shop: Shop, name: str, **arguments: Any) -> Any:
    status, body = shop.call(name, arguments)
    assert status == 200, body
    return body


def product(shop: Shop, in_stock: int) -> dict[str, Any]:
    """A product that is not in the cart, of which that many are in stock."""
    found = next(one for one in shop.rows("products") if one["id"] not in shop.state["cart_lines"])
    return shop.put("products", found | {"in_stock": in_stock})


def test_the_cart_takes_no_more_than_is_in_stock_and_six_of_a_kind(shop: Shop) -> None:
    few = product(shop, 3)
    assert shop.call("add_to_cart", {"product_id": few["id"], "quantity": 4})[0] == 422
    assert good(shop, "add_to_cart", product_id=few["id"], quantity=3)["quantity"] == 3
    assert shop.call("add_to_cart", {"product_id": few["id"]})[0] == 422
    many = product(shop, 30)
    assert shop.call("add_to_cart", {"product_id": many["id"], "quantity": 7})[0] == 422


def test_an_order_empties_the_cart_and_takes_from_stock(shop: Shop) -> None:
    cart = good(shop, "view_cart")
    before = {line["product_id"]: shop.one("products", line["product_id"]) for line in cart["lines"]}
    order = good(shop, "place_order", delivery="express", extras=["gift_wrap"])
    assert order["total"] == cart["subtotal"] + 14.0 + 4.0
    assert order["delivery_date"] == "2026-03-12"
    assert good(shop, "view_cart") == {"lines": [], "subtotal": 0.0}
    for line in cart["lines"]:
        left = shop.one("products", line["product_id"])["in_stock"]
        assert left == before[line["product_id"]]["in_stock"] - line["quantity"]
    assert shop.call("place_order", {}) == (409, {"error": "The cart is empty."})


def test_a_voucher_works_once_and_from_its_minimum_spend_on(shop: Shop) -> None:
    shop.put("vouchers", shop.one("vouchers", "SPRING8") | {"minimum_spend": 10_000.0})
    assert shop.call("place_order", {"voucher_code": "SPRING8"})[0] == 422
    shop.put("vouchers", shop.one("vouchers", "SPRING8") | {"minimum_spend": 1.0})
    assert good(shop, "place_order", voucher_code="SPRING8")["discount"] == 8.0
    good(shop, "add_to_cart", product_id=product(shop, 5)["id"])
    assert shop.call("place_order", {"voucher_code": "SPRING8"})[0] == 409


def test_vouchers_that_are_used_or_expired_are_listed_on_demand_alone(shop: Shop) -> None:
    usable = good(shop, "list_vouchers")
    listed = good(shop, "list_vouchers", include_unusable=True)
    assert (len(usable), len(listed)) == (4, 6)
    gone = [one["code"] for one in listed if one not in usable]
    assert all(shop.call("place_order", {"voucher_code": code})[0] == 409 for code in gone)


def test_only_an_order_in_processing_can_be_canceled_and_its_products_come_back(shop: Shop) -> None:
    for order in good(shop, "list_orders"):
        lines = good(shop, "track_order", order_id=order["id"])["lines"]
        stock = [shop.one("products", line["product_id"])["in_stock"] for line in lines]
        status, _ = shop.call("cancel_order", {"order_id": order["id"]})
        assert status == (200 if order["status"] == "processing" else 409)
        back = [line["quantity"] if status == 200 else 0 for line in lines]
        now = [shop.one("products", line["product_id"])["in_stock"] for line in lines]
        assert now == [before + one for before, one in zip(stock, back, strict=True)]


def test_a_delivered_order_can_be_sent_back_once_within_thirty_days(shop: Shop) -> None:
    first, second = good(shop, "list_orders", status="delivered", limit=2)
    record = shop.one("orders", first["id"])
    slip = good(shop, "return_order", order_id=first["id"], reason="changed_mind")
    assert slip["refund"] == record["total"] - record["shipping"]
    assert shop.call("return_order", {"order_id": first["id"], "reason": "damaged"})[0] == 409
    shop.put("orders", shop.one("orders", second["id"]) | {"delivery_date": "2026-02-01"})
    assert shop.call("return_order", {"order_id": second["id"], "reason": "damaged"})[0] == 409


def test_an_order_can_go_to_another_address(shop: Shop) -> None:
    address = {"recipient": "Una Marsh", "street": "4 Mill Lane", "city": "Tarnside", "zip_code": "01234"}
    assert good(shop, "place_order", address=address)["address"] == address


def test_products_are_found_by_words_price_and_stock(shop: Shop) -> None:
    assert all("Kettle" in one["name"] for one in good(shop, "search_products", query="kettle"))
    cheap = good(shop, "search_products", max_price=20, sort_by="price", in_stock_only=True)
    assert cheap and all(one["price"] <= 20 and one["in_stock"] > 0 for one in cheap)
    assert [one["price"] for one in cheap] == sorted(one["price"] for one in cheap)
