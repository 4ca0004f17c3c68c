"""The bank's own rules: balances and limits, frozen cards, one standing order per payee."""

from __future__ import annotations

import datetime as dt
from typing import Any

from callwright.worlds.bank import Bank

CLOCK = dt.date(2026, 3, 10)


def bank() -> Bank:
    return Bank(5, CLOCK)


def answer(world: Bank, name: str, **arguments: Any) -> Any:
    status, body = world.call(name, arguments)
    assert status == 200, body
    return body


def the(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    return next(row for row in rows if all(row[name] == value for name, value in wanted.items()))


def free_payee(world: Bank) -> str:
    """A payee without a standing order."""
    served = {one["payee"] for one in answer(world, "list_standing_orders")}
    payee: str = next(one["id"] for one in answer(world, "list_payees") if one["name"] not in served)
    return payee


def test_a_transfer_moves_money_and_is_booked_on_both_accounts() -> None:
    world = bank()
    accounts = answer(world, "list_accounts")
    main, other = the(accounts, main=True), the(accounts, main=False)
    done = answer(world, "transfer_money", target_account_id=other["id"], amount=40.25, note="Top-up")
    assert done["source_balance"] == round(main["balance"] - 40.25, 2)
    assert done["target_balance"] == round(other["balance"] + 40.25, 2)
    for account, direction in ((main, "out"), (other, "in")):
        found = answer(world, "search_transactions", account_id=account["id"], last_days=1)
        assert the(found, direction=direction, note="Top-up")["amount"] == 40.25


def test_money_that_is_not_there_or_goes_nowhere_is_not_moved() -> None:
    world = bank()
    accounts = answer(world, "list_accounts")
    main, other = the(accounts, main=True), the(accounts, main=False)
    before = world.state_hash()
    assert world.call("transfer_money", {"target_account_id": main["id"], "amount": 5})[0] == 409
    assert world.call("transfer_money", {"target_account_id": other["id"], "amount": 0})[0] == 409
    assert world.call("transfer_money", {"target_account_id": other["id"], "amount": 99_999})[0] == 422
    assert world.call("transfer_money", {"target_account_id": "acc-none", "amount": 5})[0] == 404
    assert world.state_hash() == before


def test_a_frozen_card_and_a_savings_account_pay_nobody() -> None:
    world = bank()
    main = the(answer(world, "list_accounts"), main=True)
    savings = the(answer(world, "list_accounts"), kind="savings")
    payment = {"payee_id": free_payee(world), "amount": 30}
    assert world.call("pay_payee", {**payment, "account_id": savings["id"]})[0] == 409
    answer(world, "freeze_card", account_id=main["id"])
    assert world.call("freeze_card", {"account_id": main["id"]})[0] == 409
    assert world.call("pay_payee", payment)[0] == 409
    answer(world, "unfreeze_card", account_id=main["id"])
    assert answer(world, "pay_payee", **payment)["balance"] == round(main["balance"] - 30, 2)


def test_a_stolen_card_stays_frozen() -> None:
    world = bank()
    main = the(answer(world, "list_accounts"), main=True)
    assert world.call("unfreeze_card", {"account_id": main["id"]})[0] == 409
    answer(world, "freeze_card", account_id=main["id"], reason="stolen")
    assert world.call("unfreeze_card", {"account_id": main["id"]})[0] == 409


def test_payments_have_a_limit_each_and_a_day() -> None:
    world = bank()
    main = the(answer(world, "list_accounts"), main=True)
    world.state["accounts"][main["id"]]["balance"] = 9000.0
    payee = free_payee(world)
    assert world.call("pay_payee", {"payee_id": payee, "amount": 2001})[0] == 422
    answer(world, "pay_payee", payee_id=payee, amount=2000)
    assert world.call("pay_payee", {"payee_id": payee, "amount": 1001})[0] == 422
    answer(world, "pay_payee", payee_id=payee, amount=1000)


def test_a_payee_has_one_standing_order_until_it_is_cancelled() -> None:
    world = bank()
    order = {"payee_id": free_payee(world), "amount": 25, "frequency": "monthly"}
    assert world.call("create_standing_order", {**order, "start_date": "2026-03-10"})[0] == 409
    assert world.call("create_standing_order", {**order, "start_date": "2027-03-11"})[0] == 422
    made = answer(world, "create_standing_order", **order, start_date="2026-03-20")
    assert made["id"] in {one["id"] for one in answer(world, "list_standing_orders")}
    assert world.call("create_standing_order", {**order, "start_date": "2026-03-21"})[0] == 409
    answer(world, "cancel_standing_order", standing_order_id=made["id"])
    assert world.call("cancel_standing_order", {"standing_order_id": made["id"]})[0] == 409
    assert made["id"] not in {one["id"] for one in answer(world, "list_standing_orders")}
    answer(world, "create_standing_order", **order, start_date="2026-03-21")


def test_a_search_keeps_to_its_filters() -> None:
    world = bank()
    arguments = {"last_days": 90, "limit": 20, "amounts": {"smallest": 20, "largest": 60}}
    found = answer(world, "search_transactions", categories=["groceries", "dining"], **arguments)
    assert found and all(one["category"] in ("groceries", "dining") for one in found)
    assert all(20 <= one["amount"] <= 60 for one in found)
    assert [one["date"] for one in found] == sorted((one["date"] for one in found), reverse=True)
    assert world.call("search_transactions", {"last_days": 91})[0] == 422
