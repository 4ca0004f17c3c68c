"""A public library: a catalog, books on loan, holds that wait their turn, fines, suggestions for new books."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Genre = Literal["mystery", "fantasy", "history", "cooking", "travel", "science", "poetry", "biography"]
Branch = Literal["main_street", "riverside", "hilltop", "old_mill"]
Floor = Literal["ground_floor", "upper_floor", "mezzanine", "reading_room"]
Format = Literal["hardcover", "paperback", "audiobook", "large_print"]
HoldStatus = Literal["waiting", "ready"]
FineReason = Literal["late", "damaged", "missed_pickup"]
Limit = Annotated[int, Field(ge=1, le=25)]
Weeks = Annotated[int, Field(ge=1, le=4)]

CATALOG: tuple[tuple[str, str, Genre], ...] = (
    ("The Salt Orchard", "Ilse Varnhagen", "mystery"),
    ("Lantern Weather", "Ilse Varnhagen", "mystery"),
    ("Nobody Rows at Dusk", "Corwin Ashdale", "mystery"),
    ("A Door in Pelham Lane", "Corwin Ashdale", "mystery"),
    ("The Quiet Locksmith", "Marisol Tenn", "mystery"),
    ("Ashes on the Ferry", "Oona Brackett", "mystery"),
    ("The Crooked Auction", "Oona Brackett", "mystery"),
    ("Daughters of the Glass Tower", "Thessaly Rook", "fantasy"),
    ("The Moth King's Oath", "Thessaly Rook", "fantasy"),
    ("Riverbone", "Alaric Penhollow", "fantasy"),
    ("The Cartographer's Dragon", "Alaric Penhollow", "fantasy"),
    ("Embers Under Snow", "Junia Larkspur", "fantasy"),
    ("Song of the Copper Fox", "Junia Larkspur", "fantasy"),
    ("When Canals Were Roads", "Edmund Farrow", "history"),
    ("Bread and Barricades", "Edmund Farrow", "history"),
    ("The Clockmakers' Strike", "Sunniva Drake", "history"),
    ("Letters from a Frozen Port", "Sunniva Drake", "history"),
    ("How Tea Crossed the Desert", "Balthazar Quint", "history"),
    ("Empire of Rope", "Balthazar Quint", "history"),
    ("The Patient Oven", "Delphine Moss", "cooking"),
    ("Soup for Every Mood", "Delphine Moss", "cooking"),
    ("Pickle Everything", "Rufus Amberley", "cooking"),
    ("Suppers from the Cellar", "Rufus Amberley", "cooking"),
    ("My Grandmother's Dumplings", "Mei Sorensen", "cooking"),
    ("Walking the Heron Coast", "Gideon Strand", "travel"),
    ("Slow Trains North", "Gideon Strand", "travel"),
    ("An Island with No Map", "Paloma Reyes-Hart", "travel"),
    ("Desert Postcards", "Paloma Reyes-Hart", "travel"),
    ("Tents and Thunderstorms", "Wendell Okoro", "travel"),
    ("Bicycles over the Pass", "Wendell Okoro", "travel"),
    ("The Secret Life of Lichen", "Hanne Vestergaard", "science"),
    ("Why Octopuses Dream", "Hanne Vestergaard", "science"),
    ("Gravity for the Curious", "Prakash Ellery", "science"),
    ("A Short Walk to the Stars", "Prakash Ellery", "science"),
    ("Mushrooms Are Listening", "Toby Calloway", "science"),
    ("Weather Without Fear", "Toby Calloway", "science"),
    ("Small Hours, Blue Kitchen", "Noor Castellan", "poetry"),
    ("Inventory of Rain", "Noor Castellan", "poetry"),
    ("The Beekeeper's Alphabet", "Lowell Finch", "poetry"),
    ("Verses for a Broken Radio", "Lowell Finch", "poetry"),
    ("Gooseberry Psalms", "Aurelia Stone", "poetry"),
    ("The Woman Who Painted Bridges", "Martin Hale", "biography"),
    ("Juggler, Spy, Gardener", "Martin Hale", "biography"),
    ("Captain of the Paper Fleet", "Greta Lindholm", "biography"),
    ("A Violin in Her Luggage", "Greta Lindholm", "biography"),
    ("The Man Behind the Marionettes", "Silas Oakenshaw", "biography"),
)
RENEWALS = 2
HOLDS = 8
SUGGESTIONS = 5
LATE_FEE = 1.0
MOST_OWED = 15.0


class BookEntry(Thing):
    id: str
    title: str
    author: str
    genre: Genre
    copies_on_shelf: int


class Book(BookEntry):
    year: int
    pages: int
    floor: Floor
    copies: int
    readers_waiting: int


class Loan(Thing):
    id: str
    title: str
    due_date: dt.date
    overdue: bool
    renewals_left: int


class Renewal(Loan):
    late_fee: float


class Hold(Thing):
    id: str
    title: str
    branch: Branch
    status: HoldStatus
    place_in_line: int | None
    until: dt.date | None


class CancelledHold(Thing):
    id: str
    title: str
    branch: Branch
    status: Literal["cancelled"]


class Fine(Thing):
    id: str
    title: str
    reason: FineReason
    amount: float


class FinePayment(Thing):
    fine_id: str
    title: str
    paid: float
    still_due: float


class Suggestion(Thing):
    id: str
    title: str
    author: str
    format: Format
    hold_on_arrival: bool


class Library(World):
    """A reader's account at a public library with several branches."""

    title = "Lakeside Library"
    category = "library"

    def populate(self) -> None:
        self.state |= {"books": {}, "loans": {}, "holds": {}, "fines": {}, "suggestions": {}}
        catalog = list(CATALOG)
        self.rng.shuffle(catalog)
        # What is borrowed, waited for or owed is old; the newest books, which a search lists first, are free to take.
        for place, (title, author, genre) in enumerate(catalog):
            old = place < 18
            copies = self.rng.randint(1, 4)
            book = {
                "id": self.new_id("books", "bk", title, author),
                "title": title,
                "author": author,
                "genre": genre,
                "year": self.clock.year - (self.rng.randint(9, 35) if old else self.rng.randint(0, 7)),
                "pages": self.rng.randint(96, 612),
                "floor": self.rng.choice(("ground_floor", "upper_floor", "mezzanine", "reading_room")),
                "copies": copies,
                "copies_on_shelf": self.rng.randint(1, copies) if self.rng.random() < 0.75 else 0,
                "readers_waiting": 0,
            }
            if book["copies_on_shelf"] == 0:
                book["readers_waiting"] = self.rng.choice((0, 1, 2, 3, 5))
            if place < 8:
                book |= {"copies_on_shelf": copies - 1, "readers_waiting": 0}
            self.put("books", book)

        titles = [title for title, _, _ in catalog]
        wanted = self.rng.random() < 0.3
        for place, title in enumerate(titles[: self.rng.randint(6, 8)]):
            days = self.rng.choice((-4, -3, -2)) if place < 2 else self.rng.randint(2, 20)
            self._lend(title, self.clock + dt.timedelta(days=days), 1 if self.rng.random() < 0.4 else 0)
            if wanted and place == 5:
                book = self._book(title)
                self.put("books", book | {"copies_on_shelf": 0, "readers_waiting": 1})
        for place, title in enumerate(titles[8 : 8 + self.rng.randint(4, 6)]):
            ready = place % 2 == 0
            branch = self.rng.choice(("main_street", "riverside", "hilltop", "old_mill"))
            until = self.clock + dt.timedelta(days=self.rng.randint(25, 70))
            self._hold(
                self._book(title),
                branch,
                "ready" if ready else "waiting",
                None if ready else self._book(title)["readers_waiting"] + 1,
                until.isoformat() if self.rng.random() < 0.5 else None,
            )
        reasons = ("late", "damaged", "missed_pickup")
        for place, title in enumerate(titles[14 : 14 + self.rng.randint(3, 4)]):
            # At first no more is owed than the limit; a late fee on top can reach beyond it.
            self._fine(title, reasons[place % 3], float(self.rng.choice((3, 3, 4) if place < 3 else (3,))))

    @tool(resource="books")
    def search_books(
        self,
        query: str | None = None,
        author: str | None = None,
        genre: Genre | None = None,
        available_only: bool = False,
        limit: Limit = 15,
    ) -> list[BookEntry]:
        """Search the catalog. The newest books come first. Pages, floor and queue are told by get_book.

        Args:
            query: Words of the title.
            author: The author's name or a part of it.
            genre: Only books of this genre.
            available_only: Only books with a copy on the shelf right now.
            limit: How many to list at most.
        """
        found = [
            record
            for record in self.rows("books")
            if (query is None or query.casefold() in record["title"].casefold())
            and (author is None or author.casefold() in record["author"].casefold())
            and genre in (None, record["genre"])
            and (not available_only or record["copies_on_shelf"] > 0)
        ]
        found.sort(key=lambda one: (-one["year"], one["title"], one["id"]))
        return [BookEntry(**{name: one[name] for name in BookEntry.model_fields}) for one in found[:limit]]

    @tool(resource="books")
    def get_book(self, book_id: str) -> Book:
        """Get a book with its year, its length, the floor it stands on, and how many readers wait for it.

        Args:
            book_id: The book's id, from search_books.
        """
        return Book(**self.one("books", book_id))

    @tool(resource="loans")
    def list_loans(
        self,
        query: str | None = None,
        due_by: dt.date | None = None,
        overdue_only: bool = False,
        limit: Limit = 10,
    ) -> list[Loan]:
        """List the books that you have on loan, the one due first at the top.

        Args:
            query: Words of the title.
            due_by: Only loans due on this day or earlier.
            overdue_only: Only loans whose due date is past.
            limit: How many to list at most.
        """
        found = [
            self._loan(record)
            for record in self.rows("loans")
            if (query is None or query.casefold() in record["title"].casefold())
            and (due_by is None or record["due_date"] <= due_by.isoformat())
            and (not overdue_only or record["due_date"] < self.clock.isoformat())
        ]
        return sorted(found, key=lambda one: (one.due_date, one.title, one.id))[:limit]

    @tool(resource="loans")
    def renew_loan(self, loan_id: str, weeks: Weeks = 2) -> Renewal:
        """Renew a loan, up to two times, unless somebody else is waiting for the book.

        The new time begins on the due date, or today when that is past; an overdue book costs a late fee of 1 dollar a
        day, which becomes a fine.

        Args:
            loan_id: The loan's id, from list_loans.
            weeks: For how many more weeks.
        """
        record = self.one("loans", loan_id)
        if record["renewals"] >= RENEWALS:
            raise OverLimit(f"{record['title']} has been renewed {RENEWALS} times and has to come back.")
        if self._book(record["title"])["readers_waiting"]:
            raise Refused(f"Another reader is waiting for {record['title']}.")
        due = dt.date.fromisoformat(record["due_date"])
        fee = LATE_FEE * max((self.clock - due).days, 0)
        if fee:
            self._fine(record["title"], "late", fee)
        new_due = max(due, self.clock) + dt.timedelta(weeks=weeks)
        renewed = record | {"due_date": new_due.isoformat(), "renewals": record["renewals"] + 1}
        told = self._loan(self.put("loans", renewed))
        return Renewal(**told.model_dump(), late_fee=fee)

    @tool(resource="holds")
    def place_hold(self, book_id: str, branch: Branch = "main_street", until: dt.date | None = None) -> Hold:
        """Place a hold on a book, so that it is kept for you at a branch as soon as it is your turn.

        A reader has at most 8 holds, and none can be placed by someone who owes more than 15 dollars.

        Args:
            book_id: The book's id, from search_books.
            branch: Where to pick the book up.
            until: The last day on which you still want it, not in the past; no end unless given.
        """
        book = self.one("books", book_id)
        if until is not None and until < self.clock:
            raise Refused("The last day for a hold cannot be in the past.")
        if any(one["title"] == book["title"] for one in self.rows("loans")):
            raise Refused(f"You have {book['title']} on loan already.")
        if any(one["title"] == book["title"] for one in self.rows("holds")):
            raise Refused(f"You have a hold on {book['title']} already.")
        if self._owed() > MOST_OWED:
            raise Refused(f"You owe {self._owed():.2f} dollars; please pay a fine before you place holds.")
        if len(self.rows("holds")) >= HOLDS:
            raise OverLimit(f"You have {HOLDS} holds already, which is the limit.")
        place = book["readers_waiting"] + 1
        made = self._hold(book, branch, "waiting", place, until.isoformat() if until else None)
        return _told_hold(made)

    @tool(resource="holds")
    def list_holds(
        self,
        query: str | None = None,
        status: HoldStatus | None = None,
        branch: Branch | None = None,
        limit: Limit = 10,
    ) -> list[Hold]:
        """List your holds in order of title: what is waiting and what is ready to be picked up.

        Args:
            query: Words of the title.
            status: Only holds in this state.
            branch: Only holds for pickup at this branch.
            limit: How many to list at most.
        """
        found = [
            _told_hold(record)
            for record in self.rows("holds")
            if (query is None or query.casefold() in record["title"].casefold())
            and status in (None, record["status"])
            and branch in (None, record["branch"])
        ]
        return sorted(found, key=lambda one: (one.title, one.id))[:limit]

    @tool(resource="holds")
    def cancel_hold(self, hold_id: str) -> CancelledHold:
        """Cancel a hold, whether it is waiting or ready to be picked up.

        Args:
            hold_id: The hold's id, from list_holds.
        """
        gone = self.remove("holds", hold_id)
        told = {name: gone[name] for name in ("id", "title", "branch")}
        return CancelledHold(**told, status="cancelled")

    @tool(resource="fines")
    def list_fines(
        self,
        query: str | None = None,
        reason: FineReason | None = None,
        minimum_amount: float = 0,
        limit: Limit = 10,
    ) -> list[Fine]:
        """List your unpaid fines, the highest first.

        Args:
            query: Words of the book's title.
            reason: Only fines for this reason.
            minimum_amount: Only fines of at least this many dollars.
            limit: How many to list at most.
        """
        found = [
            Fine(**record)
            for record in self.rows("fines")
            if (query is None or query.casefold() in record["title"].casefold())
            and reason in (None, record["reason"])
            and record["amount"] >= minimum_amount
        ]
        return sorted(found, key=lambda one: (-one.amount, one.title, one.id))[:limit]

    @tool(resource="fines")
    def pay_fine(self, fine_id: str, amount: float | None = None) -> FinePayment:
        """Pay a fine with the card on file, all of it or a part.

        Args:
            fine_id: The fine's id, from list_fines.
            amount: How many dollars to pay, no more than is due; the whole fine unless given.
        """
        record = self.one("fines", fine_id)
        paid = record["amount"] if amount is None else round(amount, 2)
        if paid <= 0:
            raise Refused("The amount has to be more than nothing.")
        if paid > record["amount"]:
            raise OverLimit(f"Only {record['amount']:.2f} dollars are due for {record['title']}.")
        left = round(record["amount"] - paid, 2)
        if left:
            self.put("fines", record | {"amount": left})
        else:
            self.remove("fines", fine_id)
        return FinePayment(fine_id=fine_id, title=record["title"], paid=paid, still_due=left)

    @tool(resource="suggestions")
    def suggest_book(
        self,
        title: str,
        author: str,
        format: Format = "paperback",  # noqa: A002
        hold_on_arrival: bool = False,
    ) -> Suggestion:
        """Suggest a book that the library should buy. A reader has at most 5 open suggestions.

        Args:
            title: The book's title.
            author: The author's full name.
            format: What kind of copy to buy.
            hold_on_arrival: Whether to keep the book for you when it comes in.
        """
        if any(one["title"].casefold() == title.casefold() for one in self.rows("books")):
            raise Refused(f"{title} is in the catalog already.")
        if any(one["title"].casefold() == title.casefold() for one in self.rows("suggestions")):
            raise Refused(f"You have suggested {title} already.")
        if len(self.rows("suggestions")) >= SUGGESTIONS:
            raise OverLimit(f"You have {SUGGESTIONS} open suggestions, which is the limit.")
        made = {
            "id": self.new_id("suggestions", "sug", title, author, format),
            "title": title,
            "author": author,
            "format": format,
            "hold_on_arrival": hold_on_arrival,
        }
        self.put("suggestions", made)
        return Suggestion(**made)

    def _book(self, title: str) -> dict[str, Any]:
        return next(one for one in self.rows("books") if one["title"] == title)

    def _lend(self, title: str, due: dt.date, renewals: int) -> None:
        identity = self.new_id("loans", "loan", title)
        record = {"id": identity, "title": title, "due_date": due.isoformat(), "renewals": renewals}
        self.put("loans", record)

    def _loan(self, record: dict[str, Any]) -> Loan:
        return Loan(
            id=record["id"],
            title=record["title"],
            due_date=record["due_date"],
            overdue=record["due_date"] < self.clock.isoformat(),
            renewals_left=RENEWALS - record["renewals"],
        )

    def _hold(
        self, book: dict[str, Any], branch: str, status: str, place: int | None, until: str | None
    ) -> dict[str, Any]:
        made = {
            "id": self.new_id("holds", "hold", book["id"], branch, until),
            "title": book["title"],
            "branch": branch,
            "status": status,
            "place_in_line": place,
            "until": until,
        }
        return self.put("holds", made)

    def _fine(self, title: str, reason: str, amount: float) -> None:
        identity = self.new_id("fines", "fine", title, reason, amount)
        self.put("fines", {"id": identity, "title": title, "reason": reason, "amount": amount})

    def _owed(self) -> float:
        return float(round(sum(one["amount"] for one in self.rows("fines")), 2))


def _told_hold(record: dict[str, Any]) -> Hold:
    return Hold(**record)
