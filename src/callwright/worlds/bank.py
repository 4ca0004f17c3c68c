"""A personal bank: own accounts with a card each, transfers, saved payees, standing orders."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Kind = Literal["checking", "savings", "joint"]
Category = Literal[
    "groceries", "dining", "transport", "shopping", "health", "leisure", "bills", "income", "transfer"
]
Sector = Literal["housing", "utilities", "school", "services", "family"]
Frequency = Literal["weekly", "monthly", "quarterly"]
Reason = Literal["misplaced", "lost", "stolen"]

MAIN = ("Everyday Checking", "Bills and Basics", "Household Basics", "Paycheck Landing", "Current Spending")
OTHERS: tuple[tuple[str, Kind], ...] = (
    ("Rainy Day Fund", "savings"),
    ("House Deposit", "savings"),
    ("Kitchen Remodel", "savings"),
    ("Trip to Lisbon", "savings"),
    ("College Fund", "savings"),
    ("New Car Jar", "savings"),
    ("Holiday Gifts", "savings"),
    ("Vet and Dog Food", "checking"),
    ("Freelance Income", "checking"),
    ("Online Shopping", "checking"),
    ("Band Money", "checking"),
    ("Garden Budget", "checking"),
    ("Side Hustle", "checking"),
    ("Groceries for Two", "joint"),
    ("Family Vacation", "joint"),
    ("Cabin Share", "joint"),
    ("Wedding Pot", "joint"),
    ("Shared Rent", "joint"),
)
PAYEES: tuple[tuple[str, Sector], ...] = (
    ("Oakline Property Rentals", "housing"),
    ("Fernhollow Homeowners", "housing"),
    ("Stonegate Storage Units", "housing"),
    ("Brightvale Electric", "utilities"),
    ("Tamarack Water Works", "utilities"),
    ("Pinewire Internet", "utilities"),
    ("Copperline Gas", "utilities"),
    ("Quill Mobile", "utilities"),
    ("Larkspur Preschool", "school"),
    ("Hollis Music Academy", "school"),
    ("Northbank Swim School", "school"),
    ("Maplecrest Tutoring", "school"),
    ("Tidy Otter Cleaning", "services"),
    ("Greenthumb Lawn Crew", "services"),
    ("Pawsworth Dog Walkers", "services"),
    ("Kestrel Car Insurance", "services"),
    ("Ironleaf Gym", "services"),
    ("Sable Street Daycare", "services"),
)
MERCHANTS: tuple[tuple[str, Category], ...] = (
    ("Brindle and Oak Grocers", "groceries"),
    ("Sunny Crate Market", "groceries"),
    ("Millstone Bakery", "groceries"),
    ("Harvest Lane Co-op", "groceries"),
    ("The Copper Ladle", "dining"),
    ("Noodle Lantern", "dining"),
    ("Bluebird Espresso", "dining"),
    ("Taco Meridian", "dining"),
    ("Metro Loop Transit", "transport"),
    ("Gullwing Fuel", "transport"),
    ("Pedalnest Bike Share", "transport"),
    ("Larch Street Parking", "transport"),
    ("Threadmoor Clothing", "shopping"),
    ("Pixelbarn Electronics", "shopping"),
    ("Cozy Anvil Hardware", "shopping"),
    ("Wickerby Home Goods", "shopping"),
    ("Juniper Pharmacy", "health"),
    ("Clearbrook Dental", "health"),
    ("Foxglove Eye Care", "health"),
    ("Starlit Cinema", "leisure"),
    ("Turnpage Books", "leisure"),
    ("Granite Peak Climbing", "leisure"),
    ("Moonbeam Streaming", "leisure"),
    ("Vinyl Harbor Records", "leisure"),
)
# None ends in 0 or 5, so that a balance stays at two decimals when dollars and nickels come and go.
CENTS = (0.13, 0.27, 0.34, 0.42, 0.58, 0.66, 0.79, 0.91)
STEP: dict[str, str] = {"weekly": "week", "monthly": "month", "quarterly": "quarter"}
ONE_PAYMENT = 2000.0
ONE_DAY = 3000.0


class AmountRange(BaseModel):
    """Amounts from the smallest to the largest that count."""

    model_config = ConfigDict(extra="forbid")

    smallest: float = 0
    largest: float = 1_000_000


class Card(Thing):
    last_four: str
    status: Literal["active", "frozen"]
    frozen_because: Reason | None


class Account(Thing):
    id: str
    nickname: str
    kind: Kind
    main: bool
    balance: float
    card: Card


class CardState(Thing):
    account_id: str
    account: str
    last_four: str
    status: Literal["active", "frozen"]
    frozen_because: Reason | None


class Transaction(Thing):
    id: str
    account: str
    date: dt.date
    description: str
    category: Category
    direction: Literal["in", "out"]
    amount: float
    note: str | None


class Transfer(Thing):
    date: dt.date
    amount: float
    source_account: str
    source_balance: float
    target_account: str
    target_balance: float
    note: str | None


class Payee(Thing):
    id: str
    name: str
    sector: Sector


class Payment(Thing):
    id: str
    payee: str
    account: str
    date: dt.date
    amount: float
    reference: str | None
    balance: float


class StandingOrder(Thing):
    id: str
    payee: str
    account: str
    amount: float
    frequency: Frequency
    next_date: dt.date
    status: Literal["active", "cancelled"]


def _dollars(rng: random.Random, least: int, most: int) -> float:
    return round(rng.randint(least, most) + rng.choice(CENTS), 2)


class Bank(World):
    """A personal bank: own accounts with a card each, transfers, saved payees and standing orders."""

    title = "Personal Bank"
    category = "banking"

    def populate(self) -> None:
        self.state |= {"accounts": {}, "transactions": {}, "payees": {}, "standing_orders": {}}
        others = self.rng.sample(OTHERS, 6)
        frozen = {name for name, _ in self.rng.sample(others, 3)}
        for name, kind in [(self.rng.choice(MAIN), "checking"), *others]:
            cold = name in frozen
            card = {
                "last_four": f"{self.rng.randint(1000, 9999)}",
                "status": "frozen" if cold else "active",
                "frozen_because": self.rng.choice(("misplaced", "lost")) if cold else None,
            }
            account = {
                "id": self.new_id("accounts", "acc", name),
                "nickname": name,
                "kind": kind,
                "main": name in MAIN,
                "balance": _dollars(self.rng, 1800, 6500),
                "card": card,
            }
            self.put("accounts", account)

        families = sorted({f"{self.fake.first_name()} {self.fake.last_name()}" for _ in range(3)})
        payees: list[tuple[str, str]] = [
            *self.rng.sample(PAYEES, 15),
            *((name, "family") for name in families),
        ]
        for name, sector in payees:
            self.put("payees", {"id": self.new_id("payees", "pay", name), "name": name, "sector": sector})

        main_id = self._main()["id"]
        spending = [one["id"] for one in self.rows("accounts") if one["kind"] != "savings"]
        for description, category in self.rng.sample(MERCHANTS, 22):
            for _ in range(self.rng.choice((1, 1, 2))):
                amount = _dollars(self.rng, 4, 140)
                day = self.clock - dt.timedelta(days=self.rng.randint(1, 40))
                account_id = self.rng.choice([main_id, *spending])
                self._book(account_id, day, description, category, "out", amount, None)
        for weeks in (1, 3, 5):
            day = self.clock - dt.timedelta(weeks=weeks)
            pay = _dollars(self.rng, 900, 1900)
            self._book(main_id, day, "Salary from Alderway Group", "income", "in", pay, None)
        for other in self.rows("accounts"):
            if other["id"] != main_id:
                amount = float(self.rng.randint(2, 30) * 10)
                day = self.clock - dt.timedelta(days=self.rng.randint(1, 25))
                self._book_transfer(self._main(), other, day, amount, None)
        for payee in self.rng.sample(self.rows("payees"), 5):
            self._order(
                payee["name"],
                main_id,
                float(self.rng.randint(3, 40) * 5),
                self.rng.choice(("weekly", "monthly", "monthly", "quarterly")),
                self.clock + dt.timedelta(days=self.rng.randint(1, 28)),
            )

    @tool(resource="accounts")
    def list_accounts(self, kind: Kind | None = None, minimum_balance: float = 0) -> list[Account]:
        """List your own accounts with their balances and cards. They come in order of nickname.

        Args:
            kind: Only accounts of this kind.
            minimum_balance: Only accounts that hold at least this much.
        """
        found = [
            Account(**record)
            for record in self.rows("accounts")
            if kind in (None, record["kind"]) and record["balance"] >= minimum_balance
        ]
        return sorted(found, key=lambda one: one.nickname)

    @tool(resource="transactions")
    def search_transactions(
        self,
        query: str | None = None,
        categories: list[Category] | None = None,
        account_id: str | None = None,
        last_days: int = 30,
        amounts: AmountRange | None = None,
        limit: int = 10,
    ) -> list[Transaction]:
        """Search the transactions on your accounts. The latest come first.

        Args:
            query: Words from the description, such as a shop's name.
            categories: Only transactions of these categories.
            account_id: Only transactions on this account, by its id from list_accounts.
            last_days: How many days to look back, from 1 to 90.
            amounts: Only amounts within this range.
            limit: How many to list at most, from 1 to 20.
        """
        if not 1 <= last_days <= 90:
            raise OverLimit("Transactions can be searched 1 to 90 days back.")
        if not 1 <= limit <= 20:
            raise OverLimit("Between 1 and 20 transactions can be listed.")
        if account_id is not None:
            self.one("accounts", account_id)
        since = (self.clock - dt.timedelta(days=last_days)).isoformat()
        span = amounts or AmountRange()
        found = [
            record
            for record in self.rows("transactions")
            if record["date"] >= since
            and (query is None or query.casefold() in record["description"].casefold())
            and (not categories or record["category"] in categories)
            and account_id in (None, record["account_id"])
            and span.smallest <= record["amount"] <= span.largest
        ]
        # Ids break ties within a day, and sorting is stable.
        found.sort(key=lambda one: str(one["date"]), reverse=True)
        return [self._shown(record) for record in found[:limit]]

    @tool(resource="transfers")
    def transfer_money(
        self,
        target_account_id: str,
        amount: float,
        source_account_id: str | None = None,
        note: str | None = None,
    ) -> Transfer:
        """Move money between two of your own accounts at once.

        Args:
            target_account_id: The id of the account that gets the money, from list_accounts.
            amount: How much, in dollars.
            source_account_id: The id of the account that gives it, from list_accounts; your main account unless
                given.
            note: A note to keep with the transfer.
        """
        amount = self._checked(amount)
        target = self.one("accounts", target_account_id)
        source = self._account(source_account_id)
        if source["id"] == target["id"]:
            raise Refused("Money can only be moved between two different accounts.")
        source = self._take(source, amount)
        target = self.put("accounts", target | {"balance": round(target["balance"] + amount, 2)})
        self._book_transfer(source, target, self.clock, amount, note)
        return Transfer(
            date=self.clock,
            amount=amount,
            source_account=source["nickname"],
            source_balance=source["balance"],
            target_account=target["nickname"],
            target_balance=target["balance"],
            note=note,
        )

    @tool(resource="payees")
    def list_payees(self, sector: Sector | None = None, limit: int = 20) -> list[Payee]:
        """List the payees that you have saved, in order of name.

        Args:
            sector: Only payees of this sector.
            limit: How many to list at most, from 1 to 20.
        """
        if not 1 <= limit <= 20:
            raise OverLimit("Between 1 and 20 payees can be listed.")
        found = [Payee(**record) for record in self.rows("payees") if sector in (None, record["sector"])]
        return sorted(found, key=lambda one: (one.name, one.id))[:limit]

    @tool(resource="payments")
    def pay_payee(
        self, payee_id: str, amount: float, account_id: str | None = None, reference: str | None = None
    ) -> Payment:
        """Pay a saved payee at once, with an account's card.

        A frozen card and a savings account cannot pay. One payment is at most 2000 dollars, and an account pays
        at most 3000 dollars a day.

        Args:
            payee_id: The payee's id, from list_payees.
            amount: How much, in dollars.
            account_id: The id of the account that pays, from list_accounts; your main account unless given.
            reference: What the payee reads with the payment.
        """
        amount = self._checked(amount)
        payee = self.one("payees", payee_id)
        account = self._paying(account_id)
        if amount > ONE_PAYMENT:
            raise OverLimit(f"One payment can be at most ${ONE_PAYMENT:.0f}.")
        today = sum(
            record["amount"]
            for record in self.rows("transactions")
            if record["account_id"] == account["id"]
            and record["date"] == self.clock.isoformat()
            and record["direction"] == "out"
            and record["category"] != "transfer"
        )
        if today + amount > ONE_DAY:
            raise OverLimit(
                f"{account['nickname']} has paid ${today:.2f} today; ${ONE_DAY:.0f} is the limit."
            )
        account = self._take(account, amount)
        booked = self._book(account["id"], self.clock, payee["name"], "bills", "out", amount, reference)
        return Payment(
            id=booked["id"],
            payee=payee["name"],
            account=account["nickname"],
            date=self.clock,
            amount=amount,
            reference=reference,
            balance=account["balance"],
        )

    @tool(resource="standing_orders")
    def list_standing_orders(
        self, frequency: Frequency | None = None, limit: int = 20
    ) -> list[StandingOrder]:
        """List your active standing orders. The next one due comes first.

        Args:
            frequency: Only standing orders that run this often.
            limit: How many to list at most, from 1 to 20.
        """
        if not 1 <= limit <= 20:
            raise OverLimit("Between 1 and 20 standing orders can be listed.")
        found = [
            self._order_shown(record)
            for record in self.rows("standing_orders")
            if record["status"] == "active" and frequency in (None, record["frequency"])
        ]
        return sorted(found, key=lambda one: (one.next_date, one.id))[:limit]

    @tool(resource="standing_orders")
    def create_standing_order(
        self,
        payee_id: str,
        amount: float,
        frequency: Frequency,
        start_date: dt.date,
        account_id: str | None = None,
    ) -> StandingOrder:
        """Set up a standing order: a fixed amount to a saved payee, again and again. One per payee.

        Args:
            payee_id: The payee's id, from list_payees.
            amount: How much each time, in dollars, at most 2000.
            frequency: How often.
            start_date: The day of the first payment, tomorrow at the earliest and within a year.
            account_id: The id of the account that pays, from list_accounts; your main account unless given.
        """
        amount = self._checked(amount)
        payee = self.one("payees", payee_id)
        account = self._paying(account_id)
        if amount > ONE_PAYMENT:
            raise OverLimit(f"One payment can be at most ${ONE_PAYMENT:.0f}.")
        if start_date <= self.clock:
            raise Refused("A standing order starts tomorrow at the earliest.")
        if start_date > self.clock + dt.timedelta(days=365):
            raise OverLimit("A standing order has to start within a year.")
        for record in self.rows("standing_orders"):
            if record["status"] == "active" and record["payee"] == payee["name"]:
                every = STEP[record["frequency"]]
                raise Refused(f"{payee['name']} gets ${record['amount']:.2f} every {every} already.")
        return self._order_shown(self._order(payee["name"], account["id"], amount, frequency, start_date))

    @tool(resource="standing_orders")
    def cancel_standing_order(self, standing_order_id: str) -> StandingOrder:
        """Cancel a standing order. No payment is made after that.

        Args:
            standing_order_id: The standing order's id, from list_standing_orders.
        """
        record = self.one("standing_orders", standing_order_id)
        if record["status"] != "active":
            raise Refused("The standing order is cancelled already.")
        return self._order_shown(self.put("standing_orders", record | {"status": "cancelled"}))

    @tool(resource="cards")
    def freeze_card(self, account_id: str, reason: Reason = "misplaced") -> CardState:
        """Freeze an account's card, so that nothing can be paid with it.

        Args:
            account_id: The id of the account that the card belongs to, from list_accounts.
            reason: What happened to the card. A card reported as stolen stays frozen for good.
        """
        record = self.one("accounts", account_id)
        if record["card"]["status"] == "frozen":
            raise Refused(f"The card of {record['nickname']} is frozen already.")
        return self._card_set(record, "frozen", reason)

    @tool(resource="cards")
    def unfreeze_card(self, account_id: str) -> CardState:
        """Unfreeze an account's card, so that it can be used again. A stolen card cannot be unfrozen.

        Args:
            account_id: The id of the account that the card belongs to, from list_accounts.
        """
        record = self.one("accounts", account_id)
        if record["card"]["status"] == "active":
            raise Refused(f"The card of {record['nickname']} is not frozen.")
        if record["card"]["frozen_because"] == "stolen":
            raise Refused("The card was reported as stolen and stays frozen.")
        return self._card_set(record, "active", None)

    def _main(self) -> dict[str, Any]:
        return next(record for record in self.rows("accounts") if record["main"])

    def _account(self, account_id: str | None) -> dict[str, Any]:
        return self._main() if account_id is None else self.one("accounts", account_id)

    def _paying(self, account_id: str | None) -> dict[str, Any]:
        """An account that may pay others."""
        account = self._account(account_id)
        if account["kind"] == "savings":
            raise Refused(f"{account['nickname']} is a savings account; move the money to another one first.")
        if account["card"]["status"] == "frozen":
            raise Refused(f"The card of {account['nickname']} is frozen.")
        return account

    def _checked(self, amount: float) -> float:
        amount = round(amount, 2)
        if amount <= 0:
            raise Refused("The amount has to be more than zero.")
        return amount

    def _take(self, account: dict[str, Any], amount: float) -> dict[str, Any]:
        if amount > account["balance"]:
            raise OverLimit(f"{account['nickname']} holds only ${account['balance']:.2f}.")
        return self.put("accounts", account | {"balance": round(account["balance"] - amount, 2)})

    def _book(
        self,
        account_id: str,
        day: dt.date,
        description: str,
        category: str,
        direction: str,
        amount: float,
        note: str | None,
    ) -> dict[str, Any]:
        facts = (account_id, day.isoformat(), description, direction, amount, note)
        record = {
            "id": self.new_id("transactions", "txn", *facts),
            "account_id": account_id,
            "date": day.isoformat(),
            "description": description,
            "category": category,
            "direction": direction,
            "amount": amount,
            "note": note,
        }
        return self.put("transactions", record)

    def _book_transfer(
        self, source: dict[str, Any], target: dict[str, Any], day: dt.date, amount: float, note: str | None
    ) -> None:
        self._book(source["id"], day, f"To {target['nickname']}", "transfer", "out", amount, note)
        self._book(target["id"], day, f"From {source['nickname']}", "transfer", "in", amount, note)

    def _shown(self, record: dict[str, Any]) -> Transaction:
        rest = {name: value for name, value in record.items() if name != "account_id"}
        return Transaction(account=self.one("accounts", record["account_id"])["nickname"], **rest)

    def _order(
        self, payee: str, account_id: str, amount: float, frequency: str, start: dt.date
    ) -> dict[str, Any]:
        facts = (payee, account_id, amount, frequency, start.isoformat())
        record = {
            "id": self.new_id("standing_orders", "sto", *facts),
            "payee": payee,
            "account_id": account_id,
            "amount": amount,
            "frequency": frequency,
            "next_date": start.isoformat(),
            "status": "active",
        }
        return self.put("standing_orders", record)

    def _order_shown(self, record: dict[str, Any]) -> StandingOrder:
        rest = {name: value for name, value in record.items() if name != "account_id"}
        return StandingOrder(account=self.one("accounts", record["account_id"])["nickname"], **rest)

    def _card_set(self, account: dict[str, Any], status: str, reason: str | None) -> CardState:
        card = account["card"] | {"status": status, "frozen_because": reason}
        self.put("accounts", account | {"card": card})
        return CardState(account_id=account["id"], account=account["nickname"], **card)
