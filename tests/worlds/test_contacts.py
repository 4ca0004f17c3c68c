"""The address book's own rules: names are unique, favorites and tags are few, favorites are not deleted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.contacts import FAVORITES_LIMIT, Contacts


@pytest.fixture
def contacts() -> Contacts:
    return Contacts(5, dt.date(2026, 3, 10))


def ask(contacts: Contacts, name: str, /, **arguments: Any) -> Any:
    status, body = contacts.call(name, arguments)
    assert status == 200, body
    return body


def added(contacts: Contacts, name: str = "Zoe Bright", **more: Any) -> dict[str, Any]:
    contact: dict[str, Any] = ask(contacts, "add_contact", name=name, phone="212-555-0142", **more)
    return contact


def test_names_are_unique_in_a_fresh_address_book_and_when_adding(contacts: Contacts) -> None:
    names = [one["name"] for one in contacts.rows("contacts")]
    assert len(set(names)) == len(names) >= 25
    added(contacts)
    again = {"name": "zoe bright", "phone": "212-555-0143"}
    assert contacts.call("add_contact", again)[0] == 409


def test_a_search_takes_name_company_city_group_and_tag(contacts: Contacts) -> None:
    place = {"street": "4 Tinker Lane", "city": "Saltwick", "state": "MA"}
    made = added(contacts, company="Moonpath Games", address=place, group="clubs")
    ask(contacts, "tag_contact", contact_id=made["id"], tags=["Juggling"])
    for wanted in ({"query": "ZOE BRIGHT"}, {"query": "moonpath"}, {"tag": "juggling"}):
        assert [one["id"] for one in ask(contacts, "search_contacts", **wanted)] == [made["id"]]
    in_saltwick = ask(contacts, "search_contacts", city="saltwick", group="clubs")
    assert made["id"] in [one["id"] for one in in_saltwick]
    assert ask(contacts, "search_contacts", query="zoe bright", group="family") == []
    assert len(ask(contacts, "search_contacts", limit=3)) == 3


@pytest.mark.parametrize("seed", range(5))
def test_every_trade_has_somebody(seed: int) -> None:
    contacts = Contacts(seed, dt.date(2026, 3, 10))
    for trade in ("plumbing", "dental", "auto repair", "veterinary"):
        assert ask(contacts, "search_contacts", query=trade)


def test_an_update_changes_what_is_given_and_nothing_else(contacts: Contacts) -> None:
    made = added(contacts, email="zoe@example.org")
    changed = ask(contacts, "update_contact", contact_id=made["id"], phone="312-555-0101")
    assert changed == made | {"phone": "312-555-0101"}
    assert ask(contacts, "get_contact", contact_id=made["id"]) == changed
    assert contacts.call("update_contact", {"contact_id": made["id"]})[0] == 409


def test_a_favorite_has_to_be_taken_off_before_it_is_deleted(contacts: Contacts) -> None:
    favorite = ask(contacts, "list_favorites", limit=1)[0]["id"]
    assert contacts.call("delete_contact", {"contact_id": favorite})[0] == 409
    ask(contacts, "remove_favorite", contact_id=favorite)
    assert contacts.call("remove_favorite", {"contact_id": favorite})[0] == 409
    ask(contacts, "delete_contact", contact_id=favorite)
    assert contacts.call("get_contact", {"contact_id": favorite})[0] == 404


def test_there_is_a_limit_to_favorites(contacts: Contacts) -> None:
    others = [one["id"] for one in contacts.rows("contacts") if not one["favorite"]]
    known = len(ask(contacts, "list_favorites"))
    for contact in others[: FAVORITES_LIMIT - known]:
        ask(contacts, "add_favorite", contact_id=contact)
    assert contacts.call("add_favorite", {"contact_id": others[0]})[0] == 409
    assert contacts.call("add_favorite", {"contact_id": others[-1]})[0] == 422


def test_a_group_is_moved_to_once(contacts: Contacts) -> None:
    made = added(contacts, group="clubs")
    move = {"contact_id": made["id"], "group": "neighbors"}
    assert ask(contacts, "move_to_group", **move)["group"] == "neighbors"
    assert contacts.call("move_to_group", move)[0] == 409


def test_tags_add_up_to_a_limit(contacts: Contacts) -> None:
    made = added(contacts)["id"]
    tags = ask(contacts, "tag_contact", contact_id=made, tags=["Rowing", "chess", "rowing"])["tags"]
    assert tags == ["chess", "rowing"]
    assert contacts.call("tag_contact", {"contact_id": made, "tags": ["chess"]})[0] == 409
    assert contacts.call("tag_contact", {"contact_id": made, "tags": list("abcde")})[0] == 422
