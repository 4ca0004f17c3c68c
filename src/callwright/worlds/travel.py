"""Trains between cities, and hotels in them: searching, booking, changing, and cancelling before a deadline."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import NotFound, OverLimit, Refused, Thing, World, tool

SeatClass = Literal["standard", "comfort", "first"]
Extra = Literal["window_seat", "quiet_car", "meal", "bike_space"]
Room = Literal["single", "double", "family"]
Amenity = Literal["breakfast", "parking", "pool", "gym", "sauna"]
Limit = Annotated[int, Field(ge=1, le=20)]
Stars = Annotated[int, Field(ge=1, le=5)]

FARE: dict[str, float] = {"standard": 1.0, "comfort": 1.5, "first": 2.0}
EXTRA_PRICE: dict[str, float] = {"window_seat": 4.0, "quiet_car": 2.0, "meal": 14.0, "bike_space": 8.0}
ROOM_RATE: dict[str, float] = {"single": 0.8, "double": 1.0, "family": 1.5}
AMENITIES: tuple[Amenity, ...] = ("breakfast", "parking", "pool", "gym", "sauna")
DAYS_AHEAD = 90
FULL_REFUND_DAYS = 7
MOST_NIGHTS = 14

CITIES = (
    "Aldercross",
    "Brenholt",
    "Castle Varn",
    "Lindmere",
    "Oswyn Bay",
    "Port Elling",
    "Quillhaven",
    "Tarrowick",
)
LINES = (
    ("Aldercross", "Brenholt"),
    ("Aldercross", "Lindmere"),
    ("Aldercross", "Port Elling"),
    ("Brenholt", "Castle Varn"),
    ("Castle Varn", "Quillhaven"),
    ("Lindmere", "Oswyn Bay"),
    ("Port Elling", "Tarrowick"),
    ("Quillhaven", "Tarrowick"),
)
TRAIN_NAMES = (
    "Amber Arrow",
    "Blue Lantern",
    "Bramble Runner",
    "Brass Whistle",
    "Cedar Courier",
    "Coastal Petrel",
    "Copper Comet",
    "Dawn Rambler",
    "Dusk Rambler",
    "Early Magpie",
    "Evening Swift",
    "Fern Valley Flyer",
    "Granite Mail",
    "Harvest Moon",
    "Heather Line Express",
    "Ivory Falcon",
    "Juniper Special",
    "Lakeshore Swallow",
    "Marsh Harrier",
    "Merry Tinker",
    "Midday Messenger",
    "North Wind",
    "Old Mill Packet",
    "Pilgrim Star",
    "Quarry Bell",
    "Red Thistle",
    "Salt Road Limited",
    "Silver Heron",
    "Slate Hill Sprinter",
    "Thunder Otter",
    "Velvet Badger",
    "Wandering Minstrel",
)
HOTEL_NAMES = (
    "Acorn and Key Inn",
    "Bellfounder's House",
    "Blackthorn Lodge",
    "Candlemaker Suites",
    "Clover Court Hotel",
    "Drowsy Pelican Inn",
    "Eastgate Garden Hotel",
    "Ferryman's Rest",
    "Gilded Teapot Inn",
    "Harborlight Hotel",
    "Larkspur House",
    "Mapmaker's Lodge",
    "Milliner Street Hotel",
    "Moonstone Suites",
    "Old Granary Hotel",
    "Painted Anchor Inn",
    "Pear Tree Guesthouse",
    "Quiet Goose Inn",
    "Saffron House",
    "Seven Chimneys Lodge",
    "Stonebridge Hotel",
    "Tall Clock Hotel",
    "Weaver's Yard Inn",
    "Willow Stair Guesthouse",
)


class Contact(Thing):
    """How the hotel can reach the guest."""

    phone: str
    email: str | None = None


class Train(Thing):
    id: str
    name: str
    origin: str
    destination: str
    departs: str
    arrives: str
    price: float
    """In standard class."""
    date: dt.date | None
    """The day that the seats are counted for; null where no day was asked for."""
    standard_seats: int
    comfort_seats: int
    first_seats: int


class TrainBooking(Thing):
    id: str
    train: str
    origin: str
    destination: str
    date: dt.date
    departs: str
    passenger: str
    seat_class: SeatClass
    extras: list[Extra]
    price: float
    cancel_by: dt.date
    status: Literal["booked", "cancelled"]
    refund: float | None


class Hotel(Thing):
    id: str
    name: str
    city: str
    stars: int
    amenities: list[Amenity]
    price_per_night: float
    """Of a double room; a single one costs a fifth less, a family room half as much again."""
    cancel_days: int
    """How many days before arrival a stay can be cancelled at the latest."""


class HotelReservation(Thing):
    id: str
    hotel: str
    city: str
    guest: str
    room: Room
    check_in: dt.date
    check_out: dt.date
    nights: int
    price: float
    cancel_by: dt.date
    status: Literal["reserved", "cancelled"]
    contact: Contact | None


class Travel(World):
    """A travel desk that books trains between eight cities and hotels in them."""

    title = "Travel Desk"
    category = "travel"

    def populate(self) -> None:
        self.state = {"trains": {}, "train_bookings": {}, "hotels": {}, "hotel_reservations": {}}
        names = iter(self.rng.sample(TRAIN_NAMES, len(TRAIN_NAMES)))
        for near, far in LINES:
            minutes, price = 5 * self.rng.randint(14, 40), 4.0 * self.rng.randint(4, 22)
            for origin, destination in ((near, far), (far, near)):
                self._add_train(next(names), origin, destination, self.rng.randint(6, 10), minutes, price)
                if self.rng.random() < 0.6:
                    self._add_train(
                        next(names), origin, destination, self.rng.randint(13, 18), minutes, price
                    )
        for number, name in enumerate(self.rng.sample(HOTEL_NAMES, 16)):
            self._add_hotel(name, CITIES[number % len(CITIES)])
        people = [f"{self.fake.first_name()} {self.fake.last_name()}" for _ in range(4)]
        for number, train in enumerate(self.rng.sample(self.rows("trains"), 8)):
            # One journey is today, which is too late to change or cancel it.
            day = self.clock + dt.timedelta(days=0 if number == 0 else self.rng.randint(2, 45))
            seat: SeatClass = "comfort" if self.rng.random() < 0.15 else "standard"
            choices: tuple[list[Extra], ...] = ([], [], ["window_seat"], ["meal"])
            extras = self.rng.choice(choices)
            made = self._add_booking(train, day, self.rng.choice(people), seat, extras)
            if number == 1:
                self.cancel_train_booking(made.id)
        for number, hotel in enumerate(self.rng.sample(self.rows("hotels"), 7)):
            day = self.clock + dt.timedelta(days=1 if number == 0 else self.rng.randint(6, 50))
            room: Room = self.rng.choice(("single", "double", "family"))
            stay = self._add_reservation(
                hotel, day, self.rng.randint(1, 5), self.rng.choice(people), room, None
            )
            if number == 1:
                self.cancel_hotel_reservation(stay.id)

    def _add_train(
        self, name: str, origin: str, destination: str, hour: int, minutes: int, price: float
    ) -> None:
        begins = hour * 60 + self.rng.randrange(0, 60, 5)
        train = {
            "id": self.new_id("trains", "trn", name, origin, destination),
            "name": name,
            "origin": origin,
            "destination": destination,
            "departs": _clock_time(begins),
            "arrives": _clock_time(begins + minutes),
            "price": price,
            "standard_seats": self.rng.randint(6, 20),
            "comfort_seats": self.rng.randint(4, 10),
            "first_seats": self.rng.choice((0, 2, 3, 4, 4, 6)),
        }
        self.put("trains", train)

    def _add_hotel(self, name: str, city: str) -> None:
        offered = self.rng.sample(AMENITIES, self.rng.randint(2, 4))
        hotel = {
            "id": self.new_id("hotels", "htl", name, city),
            "name": name,
            "city": city,
            "stars": self.rng.randint(2, 5),
            "amenities": sorted(offered),
            "price_per_night": 10.0 * self.rng.randint(6, 22),
            "cancel_days": self.rng.choice((1, 2, 3, 5)),
            "rooms": self.rng.randint(2, 8),
        }
        self.put("hotels", hotel)

    @tool(resource="trains")
    def search_trains(
        self,
        origin: str | None = None,
        destination: str | None = None,
        date: dt.date | None = None,
        depart_after: str | None = None,
        limit: Limit = 10,
    ) -> list[Train]:
        """Search the timetable for trains. Every train runs daily; they come in order of departure.

        Args:
            origin: The city where the train leaves.
            destination: The city where it arrives.
            date: The day of travel, not in the past; with it, only the seats still free on that day are counted.
            depart_after: The earliest departure, as HH:MM on the 24-hour clock.
            limit: How many trains to list at most.
        """
        self._check_cities(origin, destination)
        if date is not None and date < self.clock:
            raise Refused("The day of travel is in the past.")
        if depart_after is not None and not _is_time(depart_after):
            raise Refused(f"{depart_after} is no time; write HH:MM.")
        found = [
            self._train(train, date)
            for train in self.rows("trains")
            if origin in (None, train["origin"])
            and destination in (None, train["destination"])
            and (depart_after is None or train["departs"] >= depart_after)
        ]
        return sorted(found, key=lambda one: (one.departs, one.name))[:limit]

    @tool(resource="train bookings")
    def book_train(
        self,
        train_id: str,
        date: dt.date,
        passenger: str,
        seat_class: SeatClass = "standard",
        extras: list[Extra] | None = None,
    ) -> TrainBooking:
        """Book a seat on a train for one passenger. Seats are sold up to 90 days ahead.

        Args:
            train_id: The train's id, from search_trains.
            date: The day of travel, not in the past.
            passenger: The passenger's full name.
            seat_class: The class to travel in; comfort costs half as much again as standard, first twice as much.
            extras: What to add to the seat, each at its own price.
        """
        train = self.one("trains", train_id)
        self._check_day(date)
        name = _full_name(passenger)
        if any(one["passenger"] == name for one in self._seated(train, date)):
            raise Refused(f"{name} has a seat on that train already.")
        self._check_seats(train, date, seat_class)
        return self._add_booking(train, date, name, seat_class, sorted(set(extras or [])))

    @tool(resource="train bookings")
    def list_train_bookings(
        self,
        from_date: dt.date | None = None,
        to_date: dt.date | None = None,
        status: Literal["booked", "cancelled"] = "booked",
        limit: Limit = 10,
    ) -> list[TrainBooking]:
        """List the train bookings of the account. They come in order of date and departure.

        Args:
            from_date: First day of travel to list; today unless given.
            to_date: Last day of travel to list.
            status: Which bookings to list.
            limit: How many bookings to list at most.
        """
        first = (from_date or self.clock).isoformat()
        found = [
            _booking(one)
            for one in self.rows("train_bookings")
            if one["status"] == status
            and one["date"] >= first
            and (to_date is None or one["date"] <= to_date.isoformat())
        ]
        return sorted(found, key=lambda one: (one.date, one.departs, one.id))[:limit]

    @tool(resource="train bookings")
    def change_seat_class(self, booking_id: str, seat_class: SeatClass) -> TrainBooking:
        """Change the class of a booked seat, and its price. This works until the day before departure.

        Args:
            booking_id: The booking's id, from list_train_bookings.
            seat_class: The new class.
        """
        booking = self._changeable(booking_id)
        if booking["seat_class"] == seat_class:
            raise Refused(f"The seat is in {seat_class} class already.")
        train = self.one("trains", booking["train_id"])
        self._check_seats(train, dt.date.fromisoformat(booking["date"]), seat_class)
        price = _fare(train, seat_class, booking["extras"])
        return _booking(self.put("train_bookings", booking | {"seat_class": seat_class, "price": price}))

    @tool(resource="train bookings")
    def cancel_train_booking(self, booking_id: str) -> TrainBooking:
        """Cancel a train booking, until the day before departure. The refund is full a week ahead, else half.

        Args:
            booking_id: The booking's id, from list_train_bookings.
        """
        booking = self._changeable(booking_id)
        early = (dt.date.fromisoformat(booking["date"]) - self.clock).days >= FULL_REFUND_DAYS
        refund = round(booking["price"] * (1 if early else 0.5), 2)
        return _booking(self.put("train_bookings", booking | {"status": "cancelled", "refund": refund}))

    @tool(resource="hotels")
    def search_hotels(
        self,
        city: str | None = None,
        max_price: float | None = None,
        min_stars: Stars = 1,
        amenities: list[Amenity] | None = None,
        limit: Limit = 10,
    ) -> list[Hotel]:
        """Search for hotels. They come with the cheapest first.

        Args:
            city: Only hotels in this city.
            max_price: The highest price of a double room per night, in dollars.
            min_stars: How many stars a hotel has at least.
            amenities: What a hotel has to offer, all of it.
            limit: How many hotels to list at most.
        """
        self._check_cities(city)
        found = [
            _hotel(one)
            for one in self.rows("hotels")
            if city in (None, one["city"])
            and (max_price is None or one["price_per_night"] <= max_price)
            and one["stars"] >= min_stars
            and set(amenities or []) <= set(one["amenities"])
        ]
        return sorted(found, key=lambda one: (one.price_per_night, one.name))[:limit]

    @tool(resource="hotel reservations")
    def reserve_hotel(
        self,
        hotel_id: str,
        guest: str,
        check_in: dt.date,
        nights: int,
        room: Room = "double",
        contact: Contact | None = None,
    ) -> HotelReservation:
        """Reserve a hotel room.

        Args:
            hotel_id: The hotel's id, from search_hotels.
            guest: The guest's full name.
            check_in: The day of arrival, not in the past and at most 90 days ahead.
            nights: How many nights, from 1 to 14.
            room: The kind of room.
            contact: How the hotel can reach the guest.
        """
        hotel = self.one("hotels", hotel_id)
        self._check_day(check_in)
        self._check_stay(hotel, check_in, nights)
        return self._add_reservation(hotel, check_in, nights, _full_name(guest), room, contact)

    @tool(resource="hotel reservations")
    def list_hotel_reservations(
        self,
        city: str | None = None,
        status: Literal["reserved", "cancelled"] = "reserved",
        limit: Limit = 10,
    ) -> list[HotelReservation]:
        """List the hotel reservations of the account. They come in order of arrival.

        Args:
            city: Only stays in this city.
            status: Which reservations to list.
            limit: How many reservations to list at most.
        """
        self._check_cities(city)
        found = [
            _reservation(one)
            for one in self.rows("hotel_reservations")
            if one["status"] == status and city in (None, one["city"])
        ]
        return sorted(found, key=lambda one: (one.check_in, one.hotel, one.id))[:limit]

    @tool(resource="hotel reservations")
    def extend_stay(self, reservation_id: str, extra_nights: int) -> HotelReservation:
        """Add nights to the end of a stay, up to 14 nights in all.

        Args:
            reservation_id: The reservation's id, from list_hotel_reservations.
            extra_nights: How many nights to add.
        """
        stay = self._reserved(reservation_id)
        if extra_nights < 1:
            raise Refused("A stay is extended by one night or more.")
        hotel = self.one("hotels", stay["hotel_id"])
        nights = stay["nights"] + extra_nights
        self._check_stay(hotel, dt.date.fromisoformat(stay["check_in"]), nights, reservation_id)
        price = _stay_price(hotel, stay["room"], nights)
        return _reservation(self.put("hotel_reservations", stay | {"nights": nights, "price": price}))

    @tool(resource="hotel reservations")
    def cancel_hotel_reservation(self, reservation_id: str) -> HotelReservation:
        """Cancel a hotel reservation, until the hotel's deadline.

        Args:
            reservation_id: The reservation's id, from list_hotel_reservations.
        """
        stay = self._reserved(reservation_id)
        if self.clock.isoformat() > stay["cancel_by"]:
            raise Refused(f"The stay could be cancelled until {stay['cancel_by']}.")
        return _reservation(self.put("hotel_reservations", stay | {"status": "cancelled"}))

    def _add_booking(
        self, train: dict[str, Any], date: dt.date, passenger: str, seat: SeatClass, extras: list[Extra]
    ) -> TrainBooking:
        record = {
            "id": self.new_id(
                "train_bookings", "tbk", train["id"], date.isoformat(), passenger, seat, extras
            ),
            "train_id": train["id"],
            "train": train["name"],
            "origin": train["origin"],
            "destination": train["destination"],
            "date": date.isoformat(),
            "departs": train["departs"],
            "passenger": passenger,
            "seat_class": seat,
            "extras": extras,
            "price": _fare(train, seat, extras),
            "cancel_by": (date - dt.timedelta(days=1)).isoformat(),
            "status": "booked",
            "refund": None,
        }
        return _booking(self.put("train_bookings", record))

    def _add_reservation(
        self,
        hotel: dict[str, Any],
        check_in: dt.date,
        nights: int,
        guest: str,
        room: Room,
        contact: Contact | None,
    ) -> HotelReservation:
        reached = contact.model_dump() if contact else None
        facts = (hotel["id"], check_in.isoformat(), nights, guest, room, reached)
        record = {
            "id": self.new_id("hotel_reservations", "hrv", *facts),
            "hotel_id": hotel["id"],
            "hotel": hotel["name"],
            "city": hotel["city"],
            "guest": guest,
            "room": room,
            "check_in": check_in.isoformat(),
            "nights": nights,
            "price": _stay_price(hotel, room, nights),
            "cancel_by": (check_in - dt.timedelta(days=hotel["cancel_days"])).isoformat(),
            "status": "reserved",
            "contact": reached,
        }
        return _reservation(self.put("hotel_reservations", record))

    def _check_cities(self, *cities: str | None) -> None:
        for city in cities:
            if city is not None and city not in CITIES:
                raise NotFound(f"There is no city called {city}; there are {', '.join(CITIES)}.")

    def _check_day(self, day: dt.date) -> None:
        if day < self.clock:
            raise Refused("The day is in the past.")
        if (day - self.clock).days > DAYS_AHEAD:
            raise OverLimit(f"Bookings open {DAYS_AHEAD} days ahead.")

    def _train(self, train: dict[str, Any], date: dt.date | None) -> Train:
        taken = self._seated(train, date) if date else []
        for seat in FARE:
            train[f"{seat}_seats"] -= sum(one["seat_class"] == seat for one in taken)
        return Train(**train, date=date)

    def _seated(self, train: dict[str, Any], date: dt.date) -> list[dict[str, Any]]:
        return [
            one
            for one in self.rows("train_bookings")
            if one["status"] == "booked"
            and one["train_id"] == train["id"]
            and one["date"] == date.isoformat()
        ]

    def _check_seats(self, train: dict[str, Any], date: dt.date, seat: str) -> None:
        if not train[f"{seat}_seats"]:
            raise Refused(f"The {train['name']} has no {seat} class.")
        if sum(one["seat_class"] == seat for one in self._seated(train, date)) >= train[f"{seat}_seats"]:
            raise OverLimit(f"The {seat} class of the {train['name']} is sold out on {date.isoformat()}.")

    def _changeable(self, booking_id: str) -> dict[str, Any]:
        booking = self.one("train_bookings", booking_id)
        if booking["status"] != "booked":
            raise Refused("The booking is cancelled.")
        if self.clock.isoformat() > booking["cancel_by"]:
            raise Refused(f"The booking could be changed or cancelled until {booking['cancel_by']}.")
        return booking

    def _reserved(self, reservation_id: str) -> dict[str, Any]:
        stay = self.one("hotel_reservations", reservation_id)
        if stay["status"] != "reserved":
            raise Refused("The reservation is cancelled.")
        return stay

    def _check_stay(self, hotel: dict[str, Any], check_in: dt.date, nights: int, but: str = "") -> None:
        """Whether the stay is not too long, and a room is free in each of its nights."""
        if not 1 <= nights <= MOST_NIGHTS:
            raise OverLimit(f"A stay lasts from 1 to {MOST_NIGHTS} nights.")
        others = [
            _reservation(one)
            for one in self.rows("hotel_reservations")
            if one["hotel_id"] == hotel["id"] and one["status"] == "reserved" and one["id"] != but
        ]
        for night in (check_in + dt.timedelta(days=number) for number in range(nights)):
            if sum(one.check_in <= night < one.check_out for one in others) >= hotel["rooms"]:
                raise OverLimit(f"The {hotel['name']} has no free room on {night.isoformat()}.")


def _booking(record: dict[str, Any]) -> TrainBooking:
    return TrainBooking(**{name: value for name, value in record.items() if name != "train_id"})


def _hotel(record: dict[str, Any]) -> Hotel:
    return Hotel(**{name: value for name, value in record.items() if name != "rooms"})


def _reservation(record: dict[str, Any]) -> HotelReservation:
    check_out = dt.date.fromisoformat(record["check_in"]) + dt.timedelta(days=record["nights"])
    shown = {name: value for name, value in record.items() if name != "hotel_id"}
    return HotelReservation(**shown, check_out=check_out)


def _fare(train: dict[str, Any], seat: str, extras: list[Extra]) -> float:
    price: float = train["price"] * FARE[seat] + sum(EXTRA_PRICE[one] for one in extras)
    return round(price, 2)


def _stay_price(hotel: dict[str, Any], room: str, nights: int) -> float:
    price: float = hotel["price_per_night"] * ROOM_RATE[room] * nights
    return round(price, 2)


def _full_name(name: str) -> str:
    if not name.strip():
        raise Refused("A full name is needed.")
    return name.strip()


def _is_time(text: str) -> bool:
    hours, _, rest = text.partition(":")
    return (
        text.isascii()
        and (hours + rest).isdigit()
        and len(hours) == len(rest) == 2
        and int(hours) < 24
        and int(rest) < 60
    )


def _clock_time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
