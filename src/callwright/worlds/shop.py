"""An online shop for house and garden: products, a cart, vouchers, orders and returns."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Category = Literal["kitchen", "bedroom", "garden", "office", "toys", "camping"]
Delivery = Literal["standard", "express", "pickup"]
Extra = Literal["gift_wrap", "greeting_card", "evening_delivery"]
Status = Literal["processing", "shipped", "delivered", "canceled", "returned"]
Reason = Literal["damaged", "wrong_item", "not_as_described", "changed_mind"]
Limit = Annotated[int, Field(ge=1, le=40)]

DELIVERY_DAYS: dict[str, int] = {"standard": 5, "express": 2, "pickup": 1}
DELIVERY_FEES: dict[str, float] = {"standard": 6.0, "express": 14.0, "pickup": 0.0}
EXTRA_FEES: dict[str, float] = {"gift_wrap": 4.0, "greeting_card": 3.0, "evening_delivery": 5.0}
FREE_SHIPPING_FROM = 90.0
MOST_OF_ONE = 6
RETURN_DAYS = 30

# Whole dollars, so that no sum ends in a lonely tenth. No name is a part of another.
PRODUCTS: dict[str, tuple[tuple[str, float], ...]] = {
    "kitchen": (
        ("Brindle Copper Kettle", 48.0),
        ("Saltmarsh Stoneware Mug", 14.0),
        ("Fennick Cast-Iron Skillet", 56.0),
        ("Copperhill Stovetop Kettle", 34.0),
        ("Quillfeather Bread Knife", 29.0),
        ("Marlow Walnut Cutting Board", 38.0),
        ("Tansy Enamel Mug", 11.0),
    ),
    "bedroom": (
        ("Lowmoor Wool Blanket", 72.0),
        ("Ferncliff Linen Pillow", 26.0),
        ("Dapple Reading Lamp", 44.0),
        ("Nightjar Alarm Clock", 31.0),
        ("Heathermoss Cotton Blanket", 49.0),
        ("Skylark Bedside Rug", 58.0),
        ("Thimblewick Down Pillow", 39.0),
    ),
    "garden": (
        ("Wrenfield Watering Can", 27.0),
        ("Old Orchard Pruning Saw", 23.0),
        ("Bramble Garden Trowel", 16.0),
        ("Pondside Solar Lantern", 21.0),
        ("Juniper Bird Feeder", 33.0),
        ("Clayborne Herb Planter", 19.0),
        ("Hollyhock Rain Barrel", 84.0),
    ),
    "office": (
        ("Inkwell Desk Lamp", 52.0),
        ("Harrowgate Standing Desk", 289.0),
        ("Pinegrove Paper Tray", 18.0),
        ("Cobbler's Leather Notebook", 24.0),
        ("Sable Mesh Chair", 164.0),
        ("Gullwing Laptop Stand", 42.0),
        ("Stationer's Oak Bookshelf", 138.0),
    ),
    "toys": (
        ("Clatterby Wooden Train", 36.0),
        ("Moonmoth Kite", 22.0),
        ("Puddlejump Jigsaw Puzzle", 17.0),
        ("Old Salt Pirate Ship", 64.0),
        ("Thornberry Dollhouse", 97.0),
        ("Hopscotch Balance Board", 41.0),
        ("Little Foundry Marble Run", 46.0),
    ),
    "camping": (
        ("Ridgeback Two-Person Tent", 189.0),
        ("Emberlight Camp Stove", 68.0),
        ("Foxglove Sleeping Bag", 79.0),
        ("Tarnside Camping Lantern", 28.0),
        ("Kestrel Hiking Backpack", 112.0),
        ("Drifter Folding Chair", 37.0),
        ("Stonebrook Water Bottle", 15.0),
    ),
}
VOUCHERS: tuple[tuple[str, str, float, float], ...] = (
    ("Welcome Gift", "WELCOME5", 5.0, 20.0),
    ("Spring Cleaning Special", "SPRING8", 8.0, 50.0),
    ("Birthday Treat", "BDAY10", 10.0, 40.0),
    ("Loyal Customer Bonus", "LOYAL12", 12.0, 60.0),
    ("Neighbor Referral", "NEIGHBOR7", 7.0, 30.0),
    ("Newsletter Thank-You", "NEWS6", 6.0, 25.0),
    ("Big Basket Deal", "BASKET25", 25.0, 180.0),
    ("Garden Week Discount", "GARDEN9", 9.0, 45.0),
)


class Product(Thing):
    id: str
    name: str
    category: Category
    price: float
    in_stock: int
    rating: float


class CartLine(Thing):
    product_id: str
    name: str
    quantity: int
    amount: float


class Cart(Thing):
    lines: list[CartLine]
    subtotal: float


class Voucher(Thing):
    code: str
    name: str
    discount: float
    minimum_spend: float
    valid_until: dt.date
    used: bool


class Address(Thing):
    recipient: str
    street: str
    city: str
    zip_code: str


class Order(Thing):
    id: str
    title: str
    status: Status
    ordered_on: dt.date
    delivery: Delivery
    delivery_date: dt.date | None
    extras: list[Extra]
    address: Address
    lines: list[CartLine]
    discount: float
    shipping: float
    total: float


class OrderEntry(Thing):
    id: str
    title: str
    status: Status
    ordered_on: dt.date
    total: float


class ReturnSlip(Thing):
    id: str
    order_id: str
    order_title: str
    reason: Reason
    refund: float
    refund_to: Literal["card", "store_credit"]
    send_back_by: dt.date


class Shop(World):
    """A customer's account at an online shop: search, fill the cart, order, cancel and send back."""

    title = "Thistle and Tin Shop"
    category = "shopping"

    def populate(self) -> None:
        for table in ("products", "cart_lines", "vouchers", "orders", "returns", "addresses"):
            self.state[table] = {}
        goods = [product for category in sorted(PRODUCTS) for product in self._stock(category)]
        for place, (name, code, discount, least) in enumerate(self.rng.sample(VOUCHERS, 6)):
            # One is used up and one has expired.
            days = self.rng.randint(5, 60) if place != 1 else -self.rng.randint(3, 20)
            record = {
                "id": code,
                "name": name,
                "discount": discount,
                "minimum_spend": least,
                "valid_until": (self.clock + dt.timedelta(days=days)).isoformat(),
                "used": place == 0,
            }
            self.put("vouchers", record)
        self.put(
            "addresses",
            {
                "id": "home",
                "recipient": self.fake.name(),
                "street": self.fake.street_address(),
                "city": self.fake.city(),
                "zip_code": self.fake.zipcode(),
            },
        )
        self._past_orders(self.rng.sample(goods, 19))
        affordable = [product for product in goods if product["in_stock"] > 3 and product["price"] < 80]
        for product in self.rng.sample(affordable, 4):
            self.put("cart_lines", {"id": product["id"], "quantity": self.rng.randint(1, 3)})

    def _stock(self, category: str) -> list[dict[str, Any]]:
        shelf = []
        for place, (name, price) in enumerate(self.rng.sample(PRODUCTS[category], 6)):
            record = {
                "id": self.new_id("products", "prd", name),
                "name": name,
                "category": category,
                "price": price,
                "in_stock": self.rng.randint(2, 30),
                "rating": self.rng.choice((3.4, 3.8, 4.1, 4.3, 4.6, 4.7, 4.9)),
            }
            if place == 5 and category in ("garden", "office", "toys"):
                record["in_stock"] = 0
            shelf.append(self.put("products", record))
        return shelf

    def _past_orders(self, goods: list[dict[str, Any]]) -> None:
        """Thirteen orders, no product in two of them, so that people can name an order by what is in it."""
        pairs = goods[:6], goods[6:12]
        baskets = [[first, second] for first, second in zip(*pairs, strict=True)]
        baskets += [[one] for one in goods[12:]]
        states = ["processing"] * 5 + ["shipped"] * 2 + ["delivered"] * 6
        for status, basket in zip(self.rng.sample(states, 13), baskets, strict=True):
            back = {"processing": (0, 1), "shipped": (2, 3), "delivered": (8, 26)}[status]
            day = self.clock - dt.timedelta(days=self.rng.randint(*back))
            lines = [self._line(product, self.rng.randint(1, 2)) for product in basket]
            delivery = "standard" if status == "shipped" else self.rng.choice(("standard", "express"))
            self._order(lines, day, delivery, [], dict(self.state["addresses"]["home"]), 0.0, status)

    @tool(resource="products")
    def search_products(
        self,
        query: str | None = None,
        category: Category | None = None,
        max_price: float | None = None,
        in_stock_only: bool = False,
        sort_by: Literal["name", "price", "rating"] = "name",
        limit: Limit = 20,
    ) -> list[Product]:
        """Search the shop's products. The best rated come first when sorted by rating.

        Args:
            query: Words that the product's name must contain.
            category: Only products of this category.
            max_price: The highest price in dollars.
            in_stock_only: Leave out what is sold out.
            sort_by: The order of the products.
            limit: How many to list at most.
        """
        words = (query or "").casefold().split()
        found = [
            Product(**record)
            for record in self.rows("products")
            if all(word in record["name"].casefold() for word in words)
            and category in (None, record["category"])
            and (max_price is None or record["price"] <= max_price)
            and (record["in_stock"] > 0 or not in_stock_only)
        ]
        found.sort(key=lambda one: one.name)
        if sort_by == "price":
            found.sort(key=lambda one: one.price)
        if sort_by == "rating":
            found.sort(key=lambda one: -one.rating)
        return found[:limit]

    @tool(resource="carts")
    def view_cart(self) -> Cart:
        """View what is in the cart and what it costs without shipping."""
        lines = self._cart()
        return Cart(lines=[CartLine(**line) for line in lines], subtotal=_sum(lines))

    @tool(resource="carts")
    def add_to_cart(self, product_id: str, quantity: Annotated[int, Field(ge=1, le=20)] = 1) -> CartLine:
        """Add a product to the cart, on top of what is there. At most 6 of one product, if in stock.

        Args:
            product_id: The product's id, from search_products.
            quantity: How many to add.
        """
        product = self.one("products", product_id)
        wanted = self.state["cart_lines"].get(product_id, {"quantity": 0})["quantity"] + quantity
        if wanted > MOST_OF_ONE:
            raise OverLimit(f"A customer can order at most {MOST_OF_ONE} of one product.")
        if wanted > product["in_stock"]:
            raise OverLimit(f"Only {product['in_stock']} of the {product['name']} are in stock.")
        self.put("cart_lines", {"id": product_id, "quantity": wanted})
        return CartLine(**self._line(product, wanted))

    @tool(resource="carts")
    def remove_from_cart(self, product_id: str) -> Cart:
        """Take a product out of the cart altogether.

        Args:
            product_id: The product's id, from view_cart.
        """
        product = self.one("products", product_id)
        if product_id not in self.state["cart_lines"]:
            raise Refused(f"The {product['name']} is not in the cart.")
        self.remove("cart_lines", product_id)
        return self.view_cart()

    @tool(resource="vouchers")
    def list_vouchers(
        self, min_discount: float | None = None, include_unusable: bool = False
    ) -> list[Voucher]:
        """List the vouchers of the account, the largest discount first.

        Args:
            min_discount: Only vouchers that take at least so many dollars off.
            include_unusable: List vouchers that are used or expired, too.
        """
        found = [
            _told_voucher(record)
            for record in self.rows("vouchers")
            if (min_discount is None or record["discount"] >= min_discount)
            and (include_unusable or not (record["used"] or record["valid_until"] < self.clock.isoformat()))
        ]
        return sorted(found, key=lambda one: (-one.discount, one.code))

    @tool(resource="orders")
    def place_order(
        self,
        delivery: Delivery = "standard",
        voucher_code: str | None = None,
        extras: list[Extra] | None = None,
        address: Address | None = None,
    ) -> Order:
        """Order everything in the cart, which is empty afterwards. Standard delivery is free from 90 dollars.

        Args:
            delivery: How the order is delivered.
            voucher_code: A voucher to use up, from list_vouchers.
            extras: Paid extras. There is no evening delivery with pickup.
            address: Where it is sent; the address of the account unless given.
        """
        lines = self._cart()
        if not lines:
            raise Refused("The cart is empty.")
        wanted: list[str] = sorted(set(extras or ()))
        if delivery == "pickup" and "evening_delivery" in wanted:
            raise Refused("An order that is picked up cannot be delivered in the evening.")
        discount = self._redeem(voucher_code, _sum(lines)) if voucher_code is not None else 0.0
        for line in lines:
            self._take(line["product_id"], line["quantity"])
            self.remove("cart_lines", line["product_id"])
        goes_to = address.model_dump() if address else dict(self.state["addresses"]["home"])
        return self._order(lines, self.clock, delivery, wanted, goes_to, discount, "processing")

    @tool(resource="orders")
    def list_orders(
        self, status: Status | None = None, from_date: dt.date | None = None, limit: Limit = 20
    ) -> list[OrderEntry]:
        """List the account's orders, the latest first.

        Args:
            status: Only orders in this state.
            from_date: Only orders that were placed on this day or later.
            limit: How many to list at most.
        """
        found = [
            OrderEntry(**{name: record[name] for name in OrderEntry.model_fields})
            for record in self.rows("orders")
            if status in (None, record["status"])
            and (from_date is None or record["ordered_on"] >= from_date.isoformat())
        ]
        return sorted(found, key=lambda one: (-one.ordered_on.toordinal(), one.id))[:limit]

    @tool(resource="orders")
    def track_order(self, order_id: str) -> Order:
        """See where an order stands, when it arrives and what is in it.

        Args:
            order_id: The order's id, from list_orders.
        """
        return Order(**self.one("orders", order_id))

    @tool(resource="orders")
    def cancel_order(self, order_id: str) -> Order:
        """Cancel an order that has not been shipped yet. Its products go back into stock.

        Args:
            order_id: The order's id, from list_orders.
        """
        record = self.one("orders", order_id)
        if record["status"] != "processing":
            raise Refused(f"The order is {record['status']}; only an order in processing can be canceled.")
        for line in record["lines"]:
            self._take(line["product_id"], -line["quantity"])
        return Order(**self.put("orders", record | {"status": "canceled", "delivery_date": None}))

    @tool(resource="orders")
    def return_order(
        self, order_id: str, reason: Reason, refund_to: Literal["card", "store_credit"] = "card"
    ) -> ReturnSlip:
        """Send a delivered order back within 30 days. A change of mind does not refund the shipping.

        Args:
            order_id: The order's id, from list_orders.
            reason: Why it is sent back.
            refund_to: Where the money goes.
        """
        record = self.one("orders", order_id)
        if record["status"] != "delivered":
            raise Refused(f"The order is {record['status']}; only a delivered order can be sent back.")
        arrived = dt.date.fromisoformat(record["delivery_date"])
        if (self.clock - arrived).days > RETURN_DAYS:
            raise Refused(f"The order arrived more than {RETURN_DAYS} days ago.")
        self.put("orders", record | {"status": "returned"})
        kept = record["shipping"] if reason == "changed_mind" else 0.0
        slip = {
            "id": self.new_id("returns", "ret", order_id, reason, refund_to),
            "order_id": order_id,
            "order_title": record["title"],
            "reason": reason,
            "refund": round(record["total"] - kept, 2),
            "refund_to": refund_to,
            "send_back_by": (self.clock + dt.timedelta(days=14)).isoformat(),
        }
        return ReturnSlip(**self.put("returns", slip))

    def _cart(self) -> list[dict[str, Any]]:
        lines = [
            self._line(self.one("products", row["id"]), row["quantity"]) for row in self.rows("cart_lines")
        ]
        return sorted(lines, key=lambda line: (line["name"], line["product_id"]))

    def _line(self, product: dict[str, Any], quantity: int) -> dict[str, Any]:
        return {
            "product_id": product["id"],
            "name": product["name"],
            "quantity": quantity,
            "amount": round(product["price"] * quantity, 2),
        }

    def _take(self, product_id: str, quantity: int) -> None:
        """Take products out of stock, or put them back where the quantity is negative."""
        product = self.one("products", product_id)
        left = product["in_stock"] - quantity
        if left < 0:
            raise OverLimit(f"Only {product['in_stock']} of the {product['name']} are in stock.")
        self.put("products", product | {"in_stock": left})

    def _redeem(self, code: str, subtotal: float) -> float:
        voucher = self.one("vouchers", code)
        if voucher["used"]:
            raise Refused("The voucher was used already.")
        if voucher["valid_until"] < self.clock.isoformat():
            raise Refused("The voucher has expired.")
        if subtotal < voucher["minimum_spend"]:
            raise OverLimit(f"The voucher needs a cart of at least {voucher['minimum_spend']:.2f} dollars.")
        self.put("vouchers", voucher | {"used": True})
        return float(voucher["discount"])

    def _order(
        self,
        lines: list[dict[str, Any]],
        day: dt.date,
        delivery: str,
        extras: list[str],
        address: dict[str, Any],
        discount: float,
        status: str,
    ) -> Order:
        free = delivery == "standard" and _sum(lines) >= FREE_SHIPPING_FROM
        shipping = 0.0 if free else DELIVERY_FEES[delivery]
        title = " and ".join(line["name"] for line in lines[:2])
        if len(lines) > 2:
            title = f"{lines[0]['name']} and {len(lines) - 1} other products"
        record = {
            "id": self.new_id("orders", "ord", lines, day.isoformat(), delivery, extras, discount),
            "title": title,
            "status": status,
            "ordered_on": day.isoformat(),
            "delivery": delivery,
            "delivery_date": (day + dt.timedelta(days=DELIVERY_DAYS[delivery])).isoformat(),
            "extras": extras,
            "address": {name: address[name] for name in Address.model_fields},
            "lines": lines,
            "discount": discount,
            "shipping": shipping,
            "total": round(_sum(lines) + shipping + sum(EXTRA_FEES[one] for one in extras) - discount, 2),
        }
        return Order(**self.put("orders", record))


def _told_voucher(record: dict[str, Any]) -> Voucher:
    return Voucher(code=record["id"], **{name: value for name, value in record.items() if name != "id"})


def _sum(lines: list[dict[str, Any]]) -> float:
    return float(round(sum(line["amount"] for line in lines), 2))
