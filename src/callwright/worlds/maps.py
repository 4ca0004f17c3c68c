"""Six invented towns on one map: places by category, what stands at an address, routes, and saved places."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import NotFound, OverLimit, Refused, Thing, World, tool

Category = Literal["cafe", "bakery", "pharmacy", "library", "museum", "park", "hotel", "bookstore"]
Town = Literal["Tolverne", "Quayburn", "Pelwick", "Hazelbrook", "Stanmere", "Orrisdale"]
Mode = Literal["walking", "cycling", "driving"]
Avoidable = Literal["highways", "tolls", "ferries"]
Radius = Annotated[float, Field(ge=0.5, le=20)]
Limit = Annotated[int, Field(ge=1, le=20)]

RADIUS_KM = 5.0
SAVED_AT_MOST = 30
ROAD = 1.3
"""How much longer a way is than the straight line."""
SPEED_KMH: dict[Mode, float] = {"walking": 4.8, "cycling": 16.0, "driving": 42.0}
DETOUR: dict[Avoidable, tuple[float, float]] = {
    "highways": (1.05, 1.3),
    "tolls": (1.1, 1.15),
    "ferries": (1.2, 1.1),
}
"""By how much a drive gets longer in distance and in time when it avoids these."""

CENTERS: dict[Town, tuple[float, float]] = {
    "Tolverne": (6.0, 6.0),
    "Quayburn": (1.0, 2.5),
    "Pelwick": (11.5, 3.0),
    "Hazelbrook": (3.0, 11.0),
    "Stanmere": (12.0, 9.5),
    "Orrisdale": (8.0, 14.0),
}
"""In kilometers east and north of the corner of the map."""
# Every town has eight buildings, one for each category; which place is in which building differs from map to map.
STREETS: dict[Town, tuple[str, ...]] = {
    "Tolverne": ("Larch Street", "Cooper Lane", "Bell Square", "Tanner Street"),
    "Quayburn": ("Anchor Row", "Saltmarket", "Lighthouse Road", "Netmaker Lane"),
    "Pelwick": ("Clover Street", "Mill Lane", "Barley Square", "Thatcher Road"),
    "Hazelbrook": ("Beech Avenue", "Ford Street", "Weir Lane", "Alder Road"),
    "Stanmere": ("Mason Street", "Quarry Road", "Chapel Lane", "Slate Square"),
    "Orrisdale": ("Lilac Avenue", "Orchid Lane", "Hilltop Road", "Spring Street"),
}
NUMBERS = (3, 8, 14, 21, 27, 32, 45, 58)
SHUT_AWAY = 2
"""The last buildings of each town are out of the way: what is there is rated lower, and some of it is saved."""

NAMES: dict[Category, tuple[str, ...]] = {
    "cafe": (
        "Copper Kettle Cafe",
        "Blue Shutter Cafe",
        "Sleepy Fox Coffee",
        "Paper Crane Coffee",
        "Wooden Spoon Cafe",
        "Velvet Cup Cafe",
    ),
    "bakery": (
        "Amber Crust Bakery",
        "Rye and Honey Bakery",
        "Morning Loaf Bakery",
        "Poppyseed Bakery",
        "Windmill Bakery",
        "Sugar Thimble Bakery",
    ),
    "pharmacy": (
        "Greenleaf Pharmacy",
        "Willowbark Pharmacy",
        "Clocktower Pharmacy",
        "Mortar and Pestle Pharmacy",
        "Camomile Pharmacy",
        "Riverside Pharmacy",
    ),
    "library": (
        "Whitmore Library",
        "Old Mill Library",
        "Ashgrove Library",
        "Carter Memorial Library",
        "Lakeview Library",
        "Penrose Library",
    ),
    "museum": (
        "Harlow House",
        "Tinker Hall",
        "Wexcombe Manor",
        "Cartwright Hall",
        "Ellery House",
        "Bellfound Manor",
    ),
    "park": (
        "Foxglove Park",
        "Heron Park",
        "Kite Hill Park",
        "Rosewater Park",
        "Stonegate Park",
        "Juniper Park",
    ),
    "hotel": (
        "Hotel Larkspur",
        "Hotel Belmarsh",
        "Hotel Coriander",
        "Hotel Nightingale",
        "Hotel Aldersby",
        "Hotel Marigold",
    ),
    "bookstore": (
        "Inkwell Books",
        "Dog-Ear Books",
        "Marginalia Books",
        "Lamplight Books",
        "Tall Tale Books",
        "Owl and Quill Books",
    ),
}
HOURS: dict[Category, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cafe": (("07:00", "07:30", "08:00"), ("17:00", "18:00", "19:30")),
    "bakery": (("06:00", "06:30", "07:00"), ("14:00", "16:00", "18:00")),
    "pharmacy": (("08:00", "08:30", "09:00"), ("18:30", "20:00", "21:00")),
    "library": (("09:00", "09:30", "10:00"), ("17:00", "18:00", "20:00")),
    "museum": (("10:00", "10:30", "11:00"), ("16:30", "17:00", "18:00")),
    "park": (("06:00", "07:00"), ("20:00", "21:00", "22:00")),
    "hotel": (("05:00", "06:00"), ("22:30", "23:00", "23:30")),
    "bookstore": (("09:30", "10:00", "11:00"), ("18:00", "19:00", "20:30")),
}
"""When a place may open and close."""
LABELS = (
    "Quiet corner",
    "Emergency stop",
    "Mom's pick",
    "Anniversary spot",
    "Study hideout",
    "Weekend treat",
    "Grandpa's favorite",
    "Meeting point",
    "Birthday idea",
    "Secret tip",
)


class Address(Thing):
    street: str = Field(description='Number and street, such as "12 Oak Road".')
    town: str = Field(description="The town.")


class FoundPlace(Thing):
    id: str
    name: str
    category: Category
    town: Town
    rating: float
    distance_km: float | None
    """From the middle of the town that was asked for, as the crow flies; null where none was asked for."""


class Place(Thing):
    id: str
    name: str
    category: Category
    street: str
    town: Town
    rating: float
    phone: str
    opens_at: str
    closes_at: str


class Occupant(Thing):
    """What stands at an address."""

    id: str
    name: str
    category: Category
    street: str
    town: Town


class Route(Thing):
    origin: str
    destination: str
    mode: Mode
    distance_km: float
    duration_minutes: int
    avoided: list[Avoidable]


class SavedPlace(Thing):
    id: str
    label: str
    place: str
    category: Category
    town: Town
    note: str | None


class Maps(World):
    """A map of six neighboring towns with places, addresses, routes and the user's saved places."""

    title = "Town Maps"
    category = "maps"

    def populate(self) -> None:
        self.state = {"places": {}, "saved_places": {}}
        used = set()
        hidden = []
        named = {category: self.rng.sample(names, len(names)) for category, names in NAMES.items()}
        for number, (town, streets) in enumerate(STREETS.items()):
            buildings = [f"{NUMBERS[at]} {streets[at % len(streets)]}" for at in range(len(NUMBERS))]
            order = self.rng.sample(list(NAMES), len(NAMES))
            for at, category in enumerate(order):
                out_of_the_way = at >= len(order) - SHUT_AWAY
                place = self._build(named[category][number], category, buildings[at], town, out_of_the_way)
                while place["phone"] in used:
                    place["phone"] = f"555-01{self.rng.randint(0, 99):02d}"
                used.add(place["phone"])
                self.put("places", place)
                hidden += [place] if out_of_the_way else []
        labels = self.rng.sample(LABELS, 6)
        for label, place in zip(labels, self.rng.sample(hidden, len(labels)), strict=True):
            self._save(place, label, None)

    def _build(
        self, name: str, category: Category, street: str, town: Town, out_of_the_way: bool
    ) -> dict[str, Any]:
        east, north = CENTERS[town]
        angle, reach = self.rng.uniform(0, 2 * math.pi), self.rng.uniform(0.2, 1.4)
        opening, closing = HOURS[category]
        return {
            "id": self.new_id("places", "plc", name),
            "name": name,
            "category": category,
            "street": street,
            "town": town,
            "rating": self.rng.randint(25, 39) / 10 if out_of_the_way else self.rng.randint(40, 49) / 10,
            "phone": f"555-01{self.rng.randint(0, 99):02d}",
            "opens_at": self.rng.choice(opening),
            "closes_at": self.rng.choice(closing),
            "east": round(east + reach * math.cos(angle), 3),
            "north": round(north + reach * math.sin(angle), 3),
        }

    @tool(resource="places")
    def find_places(
        self,
        query: str | None = None,
        category: Category | None = None,
        near: Town | None = None,
        radius_km: Radius | None = None,
        limit: Limit = 10,
    ) -> list[FoundPlace]:
        """Find places on the map, the nearest first where a town is given, else the best rated first.

        Args:
            query: The place's name or a part of it.
            category: Only places of this category.
            near: Only places near the middle of this town.
            radius_km: How far from the middle of that town a place may be, in kilometers; 5 unless given.
            limit: How many places to list at most.
        """
        if radius_km is not None and near is None:
            raise Refused("A distance only makes sense with a town to measure it from.")
        reach = RADIUS_KM if radius_km is None else radius_km
        found = []
        for place in self.rows("places"):
            fits = query is None or query.casefold() in place["name"].casefold()
            if not fits or category not in (None, place["category"]):
                continue
            away = None if near is None else _straight(CENTERS[near], (place["east"], place["north"]))
            if away is None or away <= reach:
                known = {name: place[name] for name in ("id", "name", "category", "town", "rating")}
                found.append(FoundPlace(**known, distance_km=None if away is None else round(away, 1)))
        return sorted(found, key=lambda one: (one.distance_km or 0, -one.rating, one.name))[:limit]

    @tool(resource="places")
    def get_place(self, place_id: str) -> Place:
        """Get a place with its address, rating, phone number and opening hours, which are the same every day.

        Args:
            place_id: The place's id, from find_places.
        """
        place = self.one("places", place_id)
        return Place(**{name: place[name] for name in Place.model_fields})

    @tool(resource="addresses")
    def look_up_address(self, address: Address) -> Occupant:
        """Look up which place stands at an address.

        Args:
            address: The number and street, and the town.
        """
        wanted = (address.street.strip().casefold(), address.town.strip().casefold())
        for place in self.rows("places"):
            if (place["street"].casefold(), place["town"].casefold()) == wanted:
                return Occupant(**{name: place[name] for name in Occupant.model_fields})
        raise NotFound(f"The map shows nothing at {address.street} in {address.town}.")

    @tool(resource="routes")
    def get_route(
        self, origin: str, destination: str, mode: Mode = "driving", avoid: list[Avoidable] | None = None
    ) -> Route:
        """Get the length of the way between two places, rounded to 0.1 kilometers, and the time that it takes.

        Args:
            origin: The full name of the place where the way begins.
            destination: The full name of the place where it ends.
            mode: How the user travels.
            avoid: What a drive should avoid; only for driving.
        """
        start, end = self._named(origin), self._named(destination)
        if start["id"] == end["id"]:
            raise Refused("The way begins and ends at the same place.")
        avoided = sorted(set(avoid or ()))
        if avoided and mode != "driving":
            raise Refused(f"A {mode} route has nothing of that kind to avoid.")
        distance = ROAD * _straight((start["east"], start["north"]), (end["east"], end["north"]))
        minutes = 60 * distance / SPEED_KMH[mode]
        for one in avoided:
            distance, minutes = distance * DETOUR[one][0], minutes * DETOUR[one][1]
        return Route(
            origin=start["name"],
            destination=end["name"],
            mode=mode,
            distance_km=max(0.1, round(distance, 1)),
            duration_minutes=max(2, round(minutes)),
            avoided=avoided,
        )

    @tool(resource="saved places")
    def save_place(self, place_id: str, label: str, note: str | None = None) -> SavedPlace:
        """Save a place under a label. A place is saved once, and each label is used once; 30 places can be saved.

        Args:
            place_id: The place's id, from find_places.
            label: What the user calls it, such as "Sunday brunch".
            note: Anything that the user wants to remember about it.
        """
        place = self.one("places", place_id)
        saved = self.rows("saved_places")
        if not label.strip():
            raise Refused("A saved place needs a label.")
        for one in saved:
            if one["place_id"] == place_id:
                raise Refused(f'{place["name"]} is saved already, as "{one["label"]}".')
            if one["label"].casefold() == label.strip().casefold():
                raise Refused(f'Another place is saved as "{one["label"]}".')
        if len(saved) >= SAVED_AT_MOST:
            raise OverLimit(f"Only {SAVED_AT_MOST} places can be saved.")
        return _saved(self._save(place, label.strip(), note))

    @tool(resource="saved places")
    def list_saved_places(
        self,
        label: str | None = None,
        category: Category | None = None,
        town: Town | None = None,
        limit: Limit = 10,
    ) -> list[SavedPlace]:
        """List the saved places in order of their labels.

        Args:
            label: The label or a part of it.
            category: Only places of this category.
            town: Only places in this town.
            limit: How many places to list at most.
        """
        found = [
            _saved(one)
            for one in self.rows("saved_places")
            if (label is None or label.casefold() in one["label"].casefold())
            and category in (None, one["category"])
            and town in (None, one["town"])
        ]
        return sorted(found, key=lambda one: (one.label.casefold(), one.id))[:limit]

    @tool(resource="saved places")
    def remove_saved_place(self, saved_place_id: str) -> SavedPlace:
        """Remove a place from the saved places. The place itself stays on the map.

        Args:
            saved_place_id: The saved place's id, from list_saved_places.
        """
        return _saved(self.remove("saved_places", saved_place_id))

    def _save(self, place: dict[str, Any], label: str, note: str | None) -> dict[str, Any]:
        known = {"place_id": place["id"], "place": place["name"]}
        known |= {"category": place["category"], "town": place["town"]}
        identity = self.new_id("saved_places", "sav", place["id"], label, note)
        return self.put("saved_places", {"id": identity, "label": label, **known, "note": note})

    def _named(self, name: str) -> dict[str, Any]:
        for place in self.rows("places"):
            if place["name"].casefold() == name.strip().casefold():
                return place
        raise NotFound(f"There is no place called {name} on the map.")


def _saved(record: dict[str, Any]) -> SavedPlace:
    return SavedPlace(**{name: record[name] for name in SavedPlace.model_fields})


def _straight(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Kilometers as the crow flies."""
    return math.hypot(one[0] - other[0], one[1] - other[1])
