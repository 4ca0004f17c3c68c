"""One restaurant: its menu, its tables, who has booked and who is waiting."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Area = Literal["main_hall", "courtyard", "garden_room", "wine_cellar"]
Course = Literal["starter", "main", "side", "dessert"]
Diet = Literal["vegetarian", "vegan", "gluten_free", "dairy_free", "nut_free"]
Need = Literal["high_chair", "step_free_access", "quiet_corner", "birthday_dessert"]
Meal = Literal["lunch", "dinner"]
Time = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
PartySize = Annotated[int, Field(ge=1, le=20)]
Limit = Annotated[int, Field(ge=1, le=30)]

AREAS: tuple[Area, ...] = ("main_hall", "courtyard", "garden_room", "wine_cellar")
SEATS: dict[Area, int] = {"main_hall": 36, "courtyard": 20, "garden_room": 24, "wine_cellar": 14}
LARGEST_PARTY: dict[Area, int] = {"main_hall": 8, "courtyard": 6, "garden_room": 10, "wine_cellar": 14}
HOURS: dict[Meal, tuple[str, str]] = {"lunch": ("11:30", "14:00"), "dinner": ("17:30", "21:00")}
"""First and last time at which a party is seated."""
SITTING = 120
"""Minutes that a party keeps its seats."""
LARGE_PARTY, LARGE_PARTY_NOTICE = 8, 2
WAITING_LIMIT = 6

# Name, course, price in whole dollars, diets that it suits.
DISHES: tuple[tuple[str, Course, float, tuple[Diet, ...]], ...] = (
    ("Smoked Beet Carpaccio", "starter", 13.0, ("vegetarian", "vegan", "gluten_free", "dairy_free")),
    ("Charred Leek Soup", "starter", 11.0, ("vegetarian", "gluten_free", "nut_free")),
    ("Crab Fritters with Lime Mayo", "starter", 16.0, ("dairy_free", "nut_free")),
    ("Marinated White Beans on Toast", "starter", 10.0, ("vegetarian", "vegan", "dairy_free", "nut_free")),
    ("Whipped Feta and Figs", "starter", 12.0, ("vegetarian", "gluten_free")),
    ("Trout Tartare with Dill", "starter", 17.0, ("gluten_free", "dairy_free", "nut_free")),
    ("Mushroom Dumplings", "starter", 12.0, ("vegetarian", "vegan", "dairy_free", "nut_free")),
    ("Braised Lamb Shoulder", "main", 29.0, ("gluten_free", "nut_free")),
    ("Pumpkin Risotto", "main", 22.0, ("vegetarian", "gluten_free", "nut_free")),
    ("Cider-Glazed Chicken", "main", 25.0, ("gluten_free", "dairy_free", "nut_free")),
    ("Chickpea and Spinach Stew", "main", 19.0, ("vegetarian", "vegan", "gluten_free", "dairy_free")),
    ("Pan-Roasted Cod with Fennel", "main", 28.0, ("gluten_free", "nut_free")),
    ("Hazelnut Pesto Linguine", "main", 21.0, ("vegetarian",)),
    ("Eggplant Katsu", "main", 20.0, ("vegetarian", "vegan", "dairy_free", "nut_free")),
    ("Short Rib with Barley", "main", 31.0, ("dairy_free", "nut_free")),
    ("Wild Nettle Ravioli", "main", 23.0, ("vegetarian", "nut_free")),
    ("Crispy Rosemary Potatoes", "side", 8.0, ("vegetarian", "vegan", "gluten_free", "dairy_free")),
    ("Green Beans with Almonds", "side", 9.0, ("vegetarian", "vegan", "gluten_free", "dairy_free")),
    ("Buttered Cornbread", "side", 7.0, ("vegetarian", "nut_free")),
    ("Pickled Cucumber Salad", "side", 7.0, ("vegetarian", "vegan", "gluten_free", "dairy_free", "nut_free")),
    ("Creamed Kale", "side", 9.0, ("vegetarian", "gluten_free", "nut_free")),
    ("Honey-Roasted Carrots", "side", 8.0, ("vegetarian", "gluten_free", "dairy_free", "nut_free")),
    ("Burnt Honey Custard", "dessert", 10.0, ("vegetarian", "gluten_free", "nut_free")),
    ("Dark Chocolate Tart", "dessert", 11.0, ("vegetarian",)),
    ("Poached Pears in Red Wine", "dessert", 9.0, ("vegetarian", "vegan", "gluten_free", "dairy_free")),
    ("Lemon Semolina Cake", "dessert", 9.0, ("vegetarian", "nut_free")),
    ("Coconut Rice Pudding", "dessert", 9.0, ("vegetarian", "vegan", "gluten_free", "dairy_free")),
    ("Raspberry Sorbet", "dessert", 7.0, ("vegetarian", "vegan", "gluten_free", "dairy_free", "nut_free")),
)


class Dish(Thing):
    id: str
    name: str
    course: Course
    price: float
    diets: list[Diet]
    sold_out: bool


class Opening(Thing):
    area: Area
    date: dt.date
    time: str
    free_seats: int


class Contact(Thing):
    phone: str
    email: str | None = None


class Reservation(Thing):
    id: str
    guest_name: str
    date: dt.date
    time: str
    party_size: int
    area: Area
    needs: list[Need]
    contact: Contact | None
    status: Literal["booked", "canceled"]


class WaitingParty(Thing):
    id: str
    guest_name: str
    date: dt.date
    meal: Meal
    party_size: int
    contact: Contact | None


class Restaurant(World):
    """A restaurant's menu, reservations and waiting list."""

    title = "The Quiet Heron Restaurant"
    category = "restaurant"

    def populate(self) -> None:
        for table in ("dishes", "reservations", "waiting_parties"):
            self.state[table] = {}
        for place, (name, course, price, diets) in enumerate(self.rng.sample(DISHES, 24)):
            record = {
                "id": self.new_id("dishes", "dsh", name),
                "name": name,
                "course": course,
                "price": price + self.rng.choice((0.0, 1.0, 2.0)),
                "diets": sorted(diets),
                "sold_out": place < 3,
            }
            self.put("dishes", record)
        names = self._names(29)
        for place, name in enumerate(names[:18]):
            self._someone_books(name, canceled=place < 3)
        # One evening is busy: the courtyard has no seats left then.
        busy = self.clock + dt.timedelta(days=self.rng.randint(3, 9))
        for name, size in zip(names[18:22], self.rng.sample((6, 4, 4, 6), 4), strict=True):
            if self._free("courtyard", busy, "19:00") >= size:
                self._book(name, busy, "19:00", size, "courtyard", [], None, "booked")
        for place, name in enumerate(names[22:]):
            day = busy + dt.timedelta(days=self.rng.choice((0, 0, 1, 4)))
            self._wait(name, day, "lunch" if place == 0 else "dinner", self.rng.randint(2, 6), None)

    def _names(self, count: int) -> list[str]:
        """People of whom no two share a name."""
        names: list[str] = []
        while len(names) < count:
            name = f"{self.fake.first_name()} {self.fake.last_name()}"
            if name not in names:
                names.append(name)
        return names

    def _someone_books(self, name: str, *, canceled: bool) -> None:
        day = self.clock + dt.timedelta(days=self.rng.randint(1, 20))
        hour = self.rng.choice(
            ("11:30", "12:00", "12:30", "13:00", "17:30", "18:00", "18:30", "19:30", "20:00")
        )
        area = self.rng.choice(AREAS)
        size = min(self.rng.choice((2, 2, 2, 3, 4, 4, 5, 6, 8)), LARGEST_PARTY[area])
        needs = self.rng.choice(([], [], [], ["high_chair"], ["quiet_corner"], ["birthday_dessert"]))
        phone = f"{self.rng.choice((212, 312, 415, 617))}-555-01{self.rng.randint(0, 99):02d}"
        contact = {"phone": phone, "email": None}
        if self._free(area, day, hour) >= size:
            self._book(name, day, hour, size, area, needs, contact, "canceled" if canceled else "booked")

    @tool(resource="dishes")
    def search_dishes(
        self,
        query: str | None = None,
        course: Course | None = None,
        diets: list[Diet] | None = None,
        max_price: float | None = None,
        limit: Limit = 10,
    ) -> list[Dish]:
        """Search the menu. Dishes come in order of their names.

        Args:
            query: Words that the dish's name must contain.
            course: Only dishes of this course.
            diets: Only dishes that suit all of these diets.
            max_price: The highest price in dollars.
            limit: How many to list at most.
        """
        words = (query or "").casefold().split()
        found = [
            Dish(**record)
            for record in self.rows("dishes")
            if all(word in record["name"].casefold() for word in words)
            and course in (None, record["course"])
            and set(diets or ()) <= set(record["diets"])
            and (max_price is None or record["price"] <= max_price)
        ]
        return sorted(found, key=lambda one: one.name)[:limit]

    @tool(resource="tables")
    def search_tables(
        self,
        date: dt.date,
        time: Time,
        party_size: PartySize,
        area: Area | None = None,
        flexible: bool = False,
    ) -> list[Opening]:
        """Search for free tables at a time. Lunch is from 11:30 to 14:00, dinner from 17:30 to 21:00.

        Args:
            date: The day, not in the past.
            time: When the party arrives, as HH:MM on the 24-hour clock.
            party_size: How many people there are.
            area: Only tables in this part of the restaurant.
            flexible: Search up to an hour before and after that time, too.
        """
        meal = self._check(date, time)
        first, last = HOURS[meal]
        times = [_later(time, minutes) for minutes in (-60, -30, 0, 30, 60)] if flexible else [time]
        return [
            Opening(area=place, date=date, time=at, free_seats=free)
            for at in times
            if first <= at <= last
            for place in AREAS
            if area in (None, place)
            and party_size <= LARGEST_PARTY[place]
            and (free := self._free(place, date, at)) >= party_size
        ]

    @tool(resource="reservations")
    def book_table(
        self,
        guest_name: str,
        date: dt.date,
        time: Time,
        party_size: PartySize,
        area: Area = "main_hall",
        needs: list[Need] | None = None,
        contact: Contact | None = None,
    ) -> Reservation:
        """Book a table. A guest can have one reservation per meal.

        Args:
            guest_name: The guest's full name.
            date: The day, not in the past.
            time: When the party arrives, as HH:MM on the 24-hour clock.
            party_size: How many people there are.
            area: The part of the restaurant.
            needs: What the party needs at the table.
            contact: How the guest can be reached.
        """
        self._check_seats(date, time, party_size, area)
        self._check_guest(guest_name, date, time)
        reached = contact.model_dump() if contact else None
        return self._book(
            guest_name, date, time, party_size, area, sorted(set(needs or ())), reached, "booked"
        )

    @tool(resource="reservations")
    def list_reservations(
        self,
        guest_name: str | None = None,
        from_date: dt.date | None = None,
        to_date: dt.date | None = None,
        status: Literal["booked", "canceled"] = "booked",
        limit: Limit = 20,
    ) -> list[Reservation]:
        """List reservations in order of date and time.

        Args:
            guest_name: Only reservations under this name, or a part of it.
            from_date: The first day; today unless given.
            to_date: The last day.
            status: Reservations that stand, or those that were canceled.
            limit: How many to list at most.
        """
        first = from_date or self.clock
        found = [
            Reservation(**record)
            for record in self.rows("reservations")
            if record["status"] == status
            and (guest_name or "").casefold() in record["guest_name"].casefold()
            and record["date"] >= first.isoformat()
            and (to_date is None or record["date"] <= to_date.isoformat())
        ]
        return sorted(found, key=lambda one: (one.date, one.time, one.id))[:limit]

    @tool(resource="reservations")
    def change_reservation(
        self,
        reservation_id: str,
        date: dt.date | None = None,
        time: Time | None = None,
        party_size: PartySize | None = None,
        area: Area | None = None,
    ) -> Reservation:
        """Change a reservation; what is not given stays as it is. At least one change is needed.

        Args:
            reservation_id: The reservation's id, from list_reservations.
            date: The new day, not in the past.
            time: The new time, as HH:MM on the 24-hour clock.
            party_size: How many people there are now.
            area: The new part of the restaurant.
        """
        record = self._standing(reservation_id)
        if date is None and time is None and party_size is None and area is None:
            raise Refused("Nothing is to be changed; name a new day, time, party size or area.")
        day = date or dt.date.fromisoformat(record["date"])
        changed = record | {
            "date": day.isoformat(),
            "time": time or record["time"],
            "party_size": party_size or record["party_size"],
            "area": area or record["area"],
        }
        self._check_seats(day, changed["time"], changed["party_size"], changed["area"], but=reservation_id)
        self._check_guest(record["guest_name"], day, changed["time"], but=reservation_id)
        return Reservation(**self.put("reservations", changed))

    @tool(resource="reservations")
    def cancel_reservation(self, reservation_id: str) -> Reservation:
        """Cancel a reservation. Parties of 8 or more must do so at least two days ahead.

        Args:
            reservation_id: The reservation's id, from list_reservations.
        """
        record = self._standing(reservation_id)
        ahead = (dt.date.fromisoformat(record["date"]) - self.clock).days
        if record["party_size"] >= LARGE_PARTY and ahead < LARGE_PARTY_NOTICE:
            raise Refused("It is too late to cancel a reservation for so many people.")
        return Reservation(**self.put("reservations", record | {"status": "canceled"}))

    @tool(resource="waiting parties")
    def join_waiting_list(
        self,
        guest_name: str,
        date: dt.date,
        party_size: PartySize,
        meal: Meal = "dinner",
        contact: Contact | None = None,
    ) -> WaitingParty:
        """Put a party on the waiting list for a meal. At most 6 parties wait for each.

        Args:
            guest_name: The guest's full name.
            date: The day, not in the past.
            party_size: How many people there are.
            meal: Lunch or dinner.
            contact: How the guest can be reached.
        """
        if date < self.clock:
            raise Refused("That day is past.")
        if party_size > max(LARGEST_PARTY.values()):
            raise OverLimit(f"The largest table seats {max(LARGEST_PARTY.values())}.")
        waiting = [
            one
            for one in self.rows("waiting_parties")
            if (one["date"], one["meal"]) == (date.isoformat(), meal)
        ]
        if any(one["guest_name"] == guest_name for one in waiting):
            raise Refused(f"{guest_name} is on the waiting list for that meal already.")
        if len(waiting) >= WAITING_LIMIT:
            raise OverLimit("The waiting list for that meal is full.")
        return self._wait(guest_name, date, meal, party_size, contact.model_dump() if contact else None)

    @tool(resource="waiting parties")
    def list_waiting_parties(
        self,
        guest_name: str | None = None,
        date: dt.date | None = None,
        meal: Meal | None = None,
        limit: Limit = 20,
    ) -> list[WaitingParty]:
        """List who is on the waiting list, in order of the day and the guests' names.

        Args:
            guest_name: Only parties under this name, or a part of it.
            date: Only parties that wait for this day.
            meal: Only parties that wait for this meal.
            limit: How many to list at most.
        """
        found = [
            WaitingParty(**record)
            for record in self.rows("waiting_parties")
            if (guest_name or "").casefold() in record["guest_name"].casefold()
            and (date is None or record["date"] == date.isoformat())
            and meal in (None, record["meal"])
        ]
        return sorted(found, key=lambda one: (one.date, one.meal, one.guest_name, one.id))[:limit]

    @tool(resource="waiting parties")
    def seat_waiting_party(self, waiting_party_id: str, time: Time, area: Area = "main_hall") -> Reservation:
        """Give a table to a party on the waiting list, for the meal it waits for. It leaves the list.

        Args:
            waiting_party_id: The waiting party's id, from list_waiting_parties.
            time: When the party arrives, as HH:MM on the 24-hour clock.
            area: The part of the restaurant.
        """
        party = self.one("waiting_parties", waiting_party_id)
        day = dt.date.fromisoformat(party["date"])
        meal = self._check_seats(day, time, party["party_size"], area)
        if meal != party["meal"]:
            raise Refused(f"The party waits for {party['meal']}, and {time} is {meal}.")
        self._check_guest(party["guest_name"], day, time)
        self.remove("waiting_parties", waiting_party_id)
        return self._book(
            party["guest_name"], day, time, party["party_size"], area, [], party["contact"], "booked"
        )

    @tool(resource="waiting parties")
    def leave_waiting_list(self, waiting_party_id: str) -> WaitingParty:
        """Take a party off the waiting list.

        Args:
            waiting_party_id: The waiting party's id, from list_waiting_parties.
        """
        return WaitingParty(**self.remove("waiting_parties", waiting_party_id))

    def _book(
        self,
        guest_name: str,
        date: dt.date,
        time: str,
        party_size: int,
        area: str,
        needs: list[str],
        contact: dict[str, Any] | None,
        status: str,
    ) -> Reservation:
        record = {
            "id": self.new_id("reservations", "res", guest_name, date.isoformat(), time, party_size, area),
            "guest_name": guest_name,
            "date": date.isoformat(),
            "time": time,
            "party_size": party_size,
            "area": area,
            "needs": needs,
            "contact": contact,
            "status": status,
        }
        return Reservation(**self.put("reservations", record))

    def _wait(
        self, guest_name: str, date: dt.date, meal: str, party_size: int, contact: dict[str, Any] | None
    ) -> WaitingParty:
        record = {
            "id": self.new_id("waiting_parties", "wait", guest_name, date.isoformat(), meal, party_size),
            "guest_name": guest_name,
            "date": date.isoformat(),
            "meal": meal,
            "party_size": party_size,
            "contact": contact,
        }
        return WaitingParty(**self.put("waiting_parties", record))

    def _standing(self, reservation_id: str) -> dict[str, Any]:
        record = self.one("reservations", reservation_id)
        if record["status"] != "booked":
            raise Refused("The reservation was canceled.")
        return record

    def _check(self, date: dt.date, time: str) -> Meal:
        """The meal of that time, when guests are seated then."""
        if date < self.clock:
            raise Refused("That day is past.")
        meal = _meal(time)
        if meal is None:
            raise Refused("Guests are seated from 11:30 to 14:00 and from 17:30 to 21:00.")
        return meal

    def _check_seats(self, date: dt.date, time: str, party_size: int, area: Area, but: str = "") -> Meal:
        meal = self._check(date, time)
        if party_size > LARGEST_PARTY[area]:
            raise OverLimit(f"The {area.replace('_', ' ')} takes parties of at most {LARGEST_PARTY[area]}.")
        if (free := self._free(area, date, time, but)) < party_size:
            raise Refused(f"The {area.replace('_', ' ')} has only {free} seats left at that time.")
        return meal

    def _check_guest(self, guest_name: str, date: dt.date, time: str, but: str = "") -> None:
        meals = {
            _meal(other["time"])
            for other in self.rows("reservations")
            if (other["guest_name"], other["date"], other["status"])
            == (guest_name, date.isoformat(), "booked")
            and other["id"] != but
        }
        if _meal(time) in meals:
            raise Refused(f"{guest_name} has a reservation for that meal already.")

    def _free(self, area: Area, date: dt.date, time: str, but: str = "") -> int:
        """Seats that no reservation takes at any time of the sitting that begins then."""
        taken: int = sum(
            other["party_size"]
            for other in self.rows("reservations")
            if (other["area"], other["date"], other["status"]) == (area, date.isoformat(), "booked")
            and other["id"] != but
            and abs(_minutes(other["time"]) - _minutes(time)) < SITTING
        )
        return max(0, SEATS[area] - taken)


def _meal(time: str) -> Meal | None:
    """The meal at which guests are seated then."""
    return next((meal for meal, (first, last) in HOURS.items() if first <= time <= last), None)


def _minutes(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


def _later(time: str, minutes: int) -> str:
    hours, rest = divmod(_minutes(time) + minutes, 60)
    return f"{hours:02d}:{rest:02d}"
