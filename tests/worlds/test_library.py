"""The library's own rules: renewals that run out, holds that wait their turn, fines that block new holds."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.library import CATALOG, HOLDS, MOST_OWED, Library

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def library() -> Library:
    return Library(5, CLOCK)


def ask(library: Library, name: str, /, **arguments: Any) -> Any:
    status, body = library.call(name, arguments)
    assert status == 200, body
    return body


def on_time(library: Library) -> dict[str, Any]:
    """A loan that is not overdue, for whose book nobody waits, and that was never renewed."""
    loan = next(one for one in ask(library, "list_loans") if not one["overdue"])
    library.put("loans", library.one("loans", loan["id"]) | {"renewals": 0})
    awaited(library, loan["title"], 0)
    return next(one for one in ask(library, "list_loans", query=loan["title"]))


def awaited(library: Library, title: str, readers: int) -> None:
    book = next(one for one in library.rows("books") if one["title"] == title)
    library.put("books", book | {"readers_waiting": readers})


def free_book(library: Library) -> dict[str, Any]:
    """The newest book in the catalog, which is neither on loan nor on hold at first."""
    book: dict[str, Any] = ask(library, "search_books", limit=1)[0]
    return book


def test_no_title_is_contained_in_another() -> None:
    titles = [title.casefold() for title, _, _ in CATALOG]
    assert all(sum(title in other for other in titles) == 1 for title in titles)


def test_a_search_lists_the_newest_books_first_and_what_is_on_the_shelf_on_demand(library: Library) -> None:
    found = ask(library, "search_books", limit=25)
    years = [ask(library, "get_book", book_id=one["id"])["year"] for one in found]
    assert years == sorted(years, reverse=True)
    available = ask(library, "search_books", available_only=True, limit=25)
    assert available and all(one["copies_on_shelf"] > 0 for one in available)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"query": "SALT ORCH"}, ["The Salt Orchard"]),
        ({"author": "finch"}, ["The Beekeeper's Alphabet", "Verses for a Broken Radio"]),
        ({"author": "finch", "genre": "cooking"}, []),
    ],
)
def test_a_search_finds_books_by_title_author_and_genre(
    library: Library, arguments: dict[str, Any], expected: list[str]
) -> None:
    assert sorted(one["title"] for one in ask(library, "search_books", **arguments)) == expected


@pytest.mark.parametrize("seed", range(6))
def test_no_reader_begins_with_more_fines_than_allowed(seed: int) -> None:
    fines = ask(Library(seed, CLOCK), "list_fines")
    assert 0 < sum(one["amount"] for one in fines) <= MOST_OWED


def test_a_renewal_adds_to_the_due_date_and_there_are_two_of_them(library: Library) -> None:
    loan = on_time(library)
    due = dt.date.fromisoformat(loan["due_date"])
    first = ask(library, "renew_loan", loan_id=loan["id"], weeks=3)
    assert first["due_date"] == (due + dt.timedelta(weeks=3)).isoformat()
    assert (first["renewals_left"], first["late_fee"]) == (1, 0)
    assert ask(library, "renew_loan", loan_id=loan["id"])["renewals_left"] == 0
    assert library.call("renew_loan", {"loan_id": loan["id"]})[0] == 422


def test_a_book_that_somebody_waits_for_cannot_be_renewed(library: Library) -> None:
    loan = on_time(library)
    awaited(library, loan["title"], 1)
    assert library.call("renew_loan", {"loan_id": loan["id"]})[0] == 409


def test_renewing_an_overdue_book_costs_a_dollar_a_day_and_starts_today(library: Library) -> None:
    loan = ask(library, "list_loans", overdue_only=True)[0]
    awaited(library, loan["title"], 0)
    days = (CLOCK - dt.date.fromisoformat(loan["due_date"])).days
    renewed = ask(library, "renew_loan", loan_id=loan["id"], weeks=1)
    assert renewed["late_fee"] == days > 0
    assert (renewed["due_date"], renewed["overdue"]) == ("2026-03-17", False)
    fine = ask(library, "list_fines", query=loan["title"])
    assert [(one["reason"], one["amount"]) for one in fine] == [("late", days)]


def test_a_hold_waits_behind_the_other_readers(library: Library) -> None:
    book = free_book(library)
    awaited(library, book["title"], 3)
    hold = ask(library, "place_hold", book_id=book["id"], branch="hilltop", until="2026-05-01")
    assert (hold["place_in_line"], hold["status"], hold["until"]) == (4, "waiting", "2026-05-01")
    assert hold in ask(library, "list_holds", branch="hilltop", status="waiting")


def test_a_book_is_not_held_twice_nor_while_it_is_on_loan_nor_until_a_day_that_is_past(
    library: Library,
) -> None:
    book = free_book(library)
    past = {"book_id": book["id"], "until": "2026-03-09"}
    assert library.call("place_hold", past)[0] == 409
    ask(library, "place_hold", book_id=book["id"])
    assert library.call("place_hold", {"book_id": book["id"]})[0] == 409
    borrowed = ask(library, "search_books", query=ask(library, "list_loans")[0]["title"])[0]
    assert library.call("place_hold", {"book_id": borrowed["id"]})[0] == 409


def test_there_are_only_so_many_holds_and_a_cancelled_one_makes_room(library: Library) -> None:
    books = ask(library, "search_books", limit=HOLDS + 1)
    first, *others = books
    for book in others:
        status, _ = library.call("place_hold", {"book_id": book["id"]})
    assert status == 422
    assert library.call("place_hold", {"book_id": first["id"]})[0] == 422
    hold = ask(library, "list_holds")[0]
    assert ask(library, "cancel_hold", hold_id=hold["id"])["status"] == "cancelled"
    assert library.call("cancel_hold", {"hold_id": hold["id"]})[0] == 404
    ask(library, "place_hold", book_id=first["id"])


def test_someone_who_owes_too_much_places_no_holds_until_a_fine_is_paid(library: Library) -> None:
    book = free_book(library)
    library._fine("Riverbone", "damaged", MOST_OWED)
    assert library.call("place_hold", {"book_id": book["id"]})[0] == 409
    fine = ask(library, "list_fines")[0]
    ask(library, "pay_fine", fine_id=fine["id"])
    ask(library, "place_hold", book_id=book["id"])


def test_a_fine_is_paid_in_parts_but_never_more_than_is_due(library: Library) -> None:
    fine = ask(library, "list_fines", limit=1)[0]
    paid = ask(library, "pay_fine", fine_id=fine["id"], amount=1.25)
    assert (paid["paid"], paid["still_due"]) == (1.25, fine["amount"] - 1.25)
    assert library.call("pay_fine", {"fine_id": fine["id"], "amount": fine["amount"]})[0] == 422
    assert library.call("pay_fine", {"fine_id": fine["id"], "amount": 0})[0] == 409
    assert ask(library, "pay_fine", fine_id=fine["id"])["still_due"] == 0
    assert library.call("pay_fine", {"fine_id": fine["id"]})[0] == 404


def test_a_suggestion_is_new_to_the_catalog_and_made_once(library: Library) -> None:
    known = {"title": "riverbone", "author": "Alaric Penhollow"}
    assert library.call("suggest_book", known)[0] == 409
    fresh = {"title": "Kites Over Harrow Bay", "author": "Davor Lindqvist", "hold_on_arrival": True}
    made = ask(library, "suggest_book", **fresh)
    assert (made["format"], made["hold_on_arrival"]) == ("paperback", True)
    assert library.call("suggest_book", fresh)[0] == 409
    for number in "abcd":
        ask(library, "suggest_book", title=f"Volume {number}", author="Davor Lindqvist")
    assert library.call("suggest_book", {"title": "Volume e", "author": "Davor Lindqvist"})[0] == 422


def test_calls_on_different_things_commute(library: Library) -> None:
    one, two = ask(library, "list_fines", limit=2)
    book, other = ask(library, "search_books", limit=2)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("pay_fine", {"fine_id": one["id"]}),
        ("pay_fine", {"fine_id": two["id"], "amount": 1}),
        ("place_hold", {"book_id": book["id"]}),
        ("place_hold", {"book_id": other["id"]}),
        ("cancel_hold", {"hold_id": ask(library, "list_holds")[0]["id"]}),
    ]
    backwards = Library(5, CLOCK)
    told = [library.call(*call) for call in calls]
    assert [backwards.call(*call) for call in reversed(calls)][::-1] == told
    assert backwards.state_hash() == library.state_hash()
