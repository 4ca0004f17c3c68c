"""An address book: people with numbers and addresses, in groups, with tags and favorites."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Group = Literal["family", "friends", "work", "neighbors", "clubs", "services"]
Limit = Annotated[int, Field(ge=1, le=30)]

FAVORITES_LIMIT = 8
TAGS_LIMIT = 6
GROUP_LIMIT = 18

# One of each pair is in every world, so that a search for a trade finds somebody.
COMPANIES = (
    ("Brightpipe Plumbing", "Old Tap Plumbing"),
    ("Fernhill Dental", "Two Rivers Dental"),
    ("Quillwood Printing", "Inkberry Printing"),
    ("Saltmarsh Bakery", "Nine Loaves Bakery"),
    ("Larkspur Accounting", "Plumb Line Accounting"),
    ("Tanglewick Gardening", "Mossgate Gardening"),
    ("Copperline Roofing", "Slate and Sons Roofing"),
    ("Bluethread Tailoring", "Thimble Row Tailoring"),
    ("Harborview Insurance", "Juniper Gate Insurance"),
    ("Gearwright Auto Repair", "Lanternside Auto Repair"),
    ("Otterpaw Veterinary", "Willowtail Veterinary"),
    ("Evenlight Photography", "Greywing Photography"),
)
EMPLOYERS = (
    "Marrowstone Freight",
    "Cinderbrook Mills",
    "Pellworth Optics",
    "Dovetail and Finch",
    "Halcyon Toys",
    "Redfern Robotics",
    "Starling Paper",
    "Kettlemark Foods",
)
TAGS = ("climbing", "choir", "gardening", "chess", "carpool", "babysitting", "hiking", "soccer", "baking")
TOWNS = {
    "Marlow Bay": "ME",
    "Quillhaven": "OR",
    "Fernhollow": "VT",
    "Brackenridge Falls": "NY",
    "Saltwick": "MA",
    "Juniper Flats": "CO",
    "Ottersby": "MN",
    "Lindenport": "MI",
}
STREETS = (
    "Candlemaker Lane",
    "Thistle Street",
    "Heron Court",
    "Old Mill Road",
    "Pear Tree Avenue",
    "Lockkeeper Way",
    "Sundial Drive",
    "Gooseberry Hill",
    "Ropewalk Street",
    "Tinker Lane",
)


class Address(Thing):
    street: str
    city: str
    state: str


class ContactEntry(Thing):
    id: str
    name: str
    company: str | None
    city: str | None
    group: Group


class Contact(Thing):
    id: str
    name: str
    phone: str
    email: str | None
    company: str | None
    address: Address | None
    group: Group
    tags: list[str]
    favorite: bool


class Contacts(World):
    """A personal address book with groups, tags and favorites."""

    title = "Address Book"
    category = "contacts"

    def populate(self) -> None:
        self.state["contacts"] = {}
        places: list[tuple[str | None, Group]] = [(self.rng.choice(pair), "services") for pair in COMPANIES]
        places += [(company, "work") for company in self.rng.sample(EMPLOYERS, 5)]
        for group in ("family", "friends", "neighbors", "clubs"):
            places += [(None, group)] * self.rng.randint(3, 5)
        favorites = set(self.rng.sample(range(len(places)), 5))
        numbers = self.rng.sample(range(100), len(places))
        names: list[str] = []
        while len(names) < len(places):
            name = f"{self.fake.first_name()} {self.fake.last_name()}"
            if name not in names:
                names.append(name)
        for place, ((company, group), name) in enumerate(zip(places, names, strict=True)):
            first, last = name.lower().split()
            city = self.rng.choice(sorted(TOWNS))
            street = f"{self.rng.randint(2, 98)} {self.rng.choice(STREETS)}"
            mail = f"{first}.{last}@example.{self.rng.choice(('com', 'org', 'net'))}"
            self._add(
                name,
                f"{self.rng.choice((212, 312, 415, 617))}-555-01{numbers[place]:02d}",
                mail if self.rng.random() < 0.8 else None,
                company,
                {"street": street, "city": city, "state": TOWNS[city]} if self.rng.random() < 0.8 else None,
                group,
                tags=sorted(self.rng.sample(TAGS, self.rng.choice((0, 1, 1, 2)))),
                favorite=place in favorites,
            )

    @tool(resource="contacts")
    def search_contacts(
        self,
        query: str | None = None,
        city: str | None = None,
        group: Group | None = None,
        tag: str | None = None,
        limit: Limit = 20,
    ) -> list[ContactEntry]:
        """Search the address book. Contacts come in order of their names, without numbers and addresses.

        Args:
            query: Words of the name or of the company.
            city: Only contacts who live or work in this city.
            group: Only contacts of this group.
            tag: Only contacts with this tag.
            limit: How many to list at most.
        """
        found = [
            _entry(record)
            for record in self._by_name()
            if (
                query is None or query.casefold() in f"{record['name']}\n{record['company'] or ''}".casefold()
            )
            and (city is None or city.casefold() == (_city(record) or "").casefold())
            and group in (None, record["group"])
            and (tag is None or tag.casefold() in record["tags"])
        ]
        return found[:limit]

    @tool(resource="contacts")
    def get_contact(self, contact_id: str) -> Contact:
        """Get everything that the address book has on a contact.

        Args:
            contact_id: The contact's id, from search_contacts.
        """
        return Contact(**self.one("contacts", contact_id))

    @tool(resource="contacts")
    def add_contact(
        self,
        name: str,
        phone: str,
        email: str | None = None,
        company: str | None = None,
        address: Address | None = None,
        group: Group = "friends",
    ) -> Contact:
        """Add a contact under a name that the address book does not have yet.

        Args:
            name: The full name.
            phone: The phone number.
            email: The email address.
            company: Where the contact works.
            address: The postal address.
            group: The group that the contact goes into.
        """
        if any(record["name"].casefold() == name.casefold() for record in self.rows("contacts")):
            raise Refused(f"There is a contact with the name {name} already.")
        self._check_room(group)
        place = address.model_dump() if address else None
        return self._add(name, phone, email, company, place, group, tags=[], favorite=False)

    @tool(resource="contacts")
    def update_contact(
        self,
        contact_id: str,
        phone: str | None = None,
        email: str | None = None,
        company: str | None = None,
        address: Address | None = None,
    ) -> Contact:
        """Change details of a contact. What is not given stays as it is.

        Args:
            contact_id: The contact's id, from search_contacts.
            phone: The new phone number.
            email: The new email address.
            company: The new company.
            address: The new postal address.
        """
        place = address.model_dump() if address else None
        given = {"phone": phone, "email": email, "company": company, "address": place}
        changes = {name: value for name, value in given.items() if value is not None}
        if not changes:
            raise Refused("There is nothing to change.")
        return self._change(self.one("contacts", contact_id), **changes)

    @tool(resource="contacts")
    def delete_contact(self, contact_id: str) -> Contact:
        """Delete a contact for good. A favorite has to be taken off the favorites first.

        Args:
            contact_id: The contact's id, from search_contacts.
        """
        if self.one("contacts", contact_id)["favorite"]:
            raise Refused("The contact is one of the favorites.")
        return Contact(**self.remove("contacts", contact_id))

    @tool(resource="groups")
    def move_to_group(self, contact_id: str, group: Group) -> Contact:
        """Move a contact into another group. A group takes up to 18 contacts.

        Args:
            contact_id: The contact's id, from search_contacts.
            group: The new group.
        """
        record = self.one("contacts", contact_id)
        if record["group"] == group:
            raise Refused(f"The contact is in the group {group} already.")
        self._check_room(group)
        return self._change(record, group=group)

    @tool(resource="tags")
    def tag_contact(self, contact_id: str, tags: Annotated[list[str], Field(min_length=1)]) -> Contact:
        """Add tags to a contact, up to 6 in all.

        Args:
            contact_id: The contact's id, from search_contacts.
            tags: Words to find the contact by, such as a hobby.
        """
        record = self.one("contacts", contact_id)
        together = sorted({*record["tags"], *(tag.casefold() for tag in tags)})
        if together == record["tags"]:
            raise Refused("The contact has these tags already.")
        if len(together) > TAGS_LIMIT:
            raise OverLimit(f"A contact can have {TAGS_LIMIT} tags.")
        return self._change(record, tags=together)

    @tool(resource="favorites")
    def list_favorites(self, group: Group | None = None, limit: Limit = 10) -> list[ContactEntry]:
        """List the favorites in order of their names.

        Args:
            group: Only favorites of this group.
            limit: How many to list at most.
        """
        favorites = [record for record in self._by_name() if record["favorite"]]
        return [_entry(record) for record in favorites if group in (None, record["group"])][:limit]

    @tool(resource="favorites")
    def add_favorite(self, contact_id: str) -> Contact:
        """Make a contact one of the favorites, of which there can be 8.

        Args:
            contact_id: The contact's id, from search_contacts.
        """
        record = self.one("contacts", contact_id)
        if record["favorite"]:
            raise Refused("The contact is one of the favorites already.")
        if sum(one["favorite"] for one in self.rows("contacts")) >= FAVORITES_LIMIT:
            raise OverLimit(f"There can be {FAVORITES_LIMIT} favorites.")
        return self._change(record, favorite=True)

    @tool(resource="favorites")
    def remove_favorite(self, contact_id: str) -> Contact:
        """Take a contact off the favorites. The contact itself is kept.

        Args:
            contact_id: The contact's id, from list_favorites.
        """
        record = self.one("contacts", contact_id)
        if not record["favorite"]:
            raise Refused("The contact is not one of the favorites.")
        return self._change(record, favorite=False)

    def _add(
        self,
        name: str,
        phone: str,
        email: str | None,
        company: str | None,
        address: dict[str, str] | None,
        group: Group,
        tags: list[str],
        favorite: bool,
    ) -> Contact:
        record = {
            "id": self.new_id("contacts", "con", name, phone),
            "name": name,
            "phone": phone,
            "email": email,
            "company": company,
            "address": address,
            "group": group,
            "tags": tags,
            "favorite": favorite,
        }
        return Contact(**self.put("contacts", record))

    def _change(self, record: dict[str, Any], **changes: Any) -> Contact:
        return Contact(**self.put("contacts", record | changes))

    def _by_name(self) -> list[dict[str, Any]]:
        return sorted(self.rows("contacts"), key=lambda record: (record["name"], record["id"]))

    def _check_room(self, group: Group) -> None:
        if sum(record["group"] == group for record in self.rows("contacts")) >= GROUP_LIMIT:
            raise OverLimit(f"The group {group} has {GROUP_LIMIT} contacts, and no room for more.")


def _city(record: dict[str, Any]) -> str | None:
    return record["address"]["city"] if record["address"] else None


def _entry(record: dict[str, Any]) -> ContactEntry:
    kept = {name: record[name] for name in ("id", "name", "company", "group")}
    return ContactEntry(**kept, city=_city(record))
