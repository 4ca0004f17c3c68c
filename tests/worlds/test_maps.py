"""The map's own rules: what is near, one name for each place, ways in both directions, labels used once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.maps import NAMES, NUMBERS, SAVED_AT_MOST, STREETS, Maps

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def maps() -> Maps:
    return Maps(5, CLOCK)


def ask(maps: Maps, name: str, /, **arguments: Any) -> Any:
    status, body = maps.call(name, arguments)
    assert status == 200, body
    return body


def place_id(maps: Maps, name: str) -> str:
    (found,) = ask(maps, "find_places", query=name)
    return str(found["id"])


def unsaved(maps: Maps) -> list[str]:
    """Ids of places that are not saved; the best rated never are at first."""
    return [str(one["id"]) for one in ask(maps, "find_places", limit=20)]


@pytest.mark.parametrize("category", NAMES)
def test_each_name_finds_one_place_and_every_town_has_one_of_each_category(maps: Maps, category: str) -> None:
    assert all(place_id(maps, name) for names in NAMES.values() for name in names)
    found = ask(maps, "find_places", category=category)
    assert sorted(one["town"] for one in found) == sorted(STREETS)


def test_near_a_town_the_nearest_places_come_first_within_the_radius(maps: Maps) -> None:
    found = ask(maps, "find_places", near="Tolverne", radius_km=6, limit=20)
    distances = [one["distance_km"] for one in found]
    assert distances == sorted(distances) and 2 < distances[-1] <= 6
    close = ask(maps, "find_places", near="Tolverne", radius_km=2, limit=20)
    assert close == found[: len(close)] and {one["town"] for one in close} == {"Tolverne"}
    assert ask(maps, "find_places", near="Tolverne", radius_km=5) == ask(maps, "find_places", near="Tolverne")


def test_without_a_town_the_best_rated_come_first_and_there_is_no_distance(maps: Maps) -> None:
    found = ask(maps, "find_places", limit=20)
    ratings = [one["rating"] for one in found]
    assert ratings == sorted(ratings, reverse=True) and {one["distance_km"] for one in found} == {None}
    assert maps.call("find_places", {"radius_km": 3})[0] == 409


def test_every_building_has_an_address_and_one_place(maps: Maps) -> None:
    seen = set()
    for town, streets in STREETS.items():
        for number, building in enumerate(NUMBERS):
            address = {"street": f"{building} {streets[number % 4]}", "town": town}
            found = ask(maps, "look_up_address", address=address)
            place = ask(maps, "get_place", place_id=found["id"])
            assert {"street": place["street"], "town": place["town"]} == address
            assert place["opens_at"] < place["closes_at"]
            seen.add(place["name"])
    assert len(seen) == 48


@pytest.mark.parametrize(
    ("street", "town", "status"),
    [
        ("14 bell square ", "TOLVERNE", 200),
        ("14 Bell Square", "Pelwick", 404),
        ("15 Bell Square", "Tolverne", 404),
    ],
)
def test_an_address_is_found_in_any_letter_case(maps: Maps, street: str, town: str, status: int) -> None:
    assert maps.call("look_up_address", {"address": {"street": street, "town": town}})[0] == status


def test_a_way_is_as_long_back_as_there_and_slower_on_foot(maps: Maps) -> None:
    there = {"origin": "Hotel Larkspur", "destination": "heron park"}
    back = {"origin": "Heron Park", "destination": "Hotel Larkspur"}
    routes = [ask(maps, "get_route", **there, mode=mode) for mode in ("walking", "cycling", "driving")]
    assert routes[0]["destination"] == "Heron Park"
    assert len({one["distance_km"] for one in routes}) == 1
    times = [one["duration_minutes"] for one in routes]
    assert times == sorted(times, reverse=True) and len(set(times)) == 3
    assert abs(times[0] - 60 * routes[0]["distance_km"] / 4.8) <= 1
    assert ask(maps, "get_route", **back)["distance_km"] == routes[2]["distance_km"]
    assert ask(maps, "get_route", **there) == routes[2]


def test_a_drive_that_avoids_something_is_longer(maps: Maps) -> None:
    ends = {"origin": "Hotel Larkspur", "destination": "Heron Park"}
    plain = ask(maps, "get_route", **ends)
    slow = ask(maps, "get_route", **ends, avoid=["tolls", "highways", "tolls"])
    assert slow["avoided"] == ["highways", "tolls"]
    assert slow["distance_km"] > plain["distance_km"]
    assert slow["duration_minutes"] > plain["duration_minutes"]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"origin": "Heron Park", "destination": "heron park "}, 409),
        ({"origin": "Heron Park", "destination": "Nowhere Hall"}, 404),
        ({"origin": "Heron Park", "destination": "Harlow House", "mode": "walking", "avoid": ["tolls"]}, 409),
        ({"origin": "Heron Park", "destination": "Harlow House", "mode": "walking", "avoid": []}, 200),
    ],
)
def test_a_route_needs_two_places_and_only_a_drive_avoids(
    maps: Maps, arguments: dict[str, Any], status: int
) -> None:
    assert maps.call("get_route", arguments)[0] == status


def test_a_place_is_saved_once_and_a_label_used_once(maps: Maps) -> None:
    one, other = unsaved(maps)[:2]
    made = ask(maps, "save_place", place_id=one, label=" Gift ideas ", note="Bring cash")
    assert (made["label"], made["note"]) == ("Gift ideas", "Bring cash")
    assert ask(maps, "list_saved_places", label="GIFT") == [made]
    assert maps.call("save_place", {"place_id": one, "label": "Other"})[0] == 409
    assert maps.call("save_place", {"place_id": other, "label": "gift ideas"})[0] == 409
    assert maps.call("save_place", {"place_id": other, "label": " "})[0] == 409
    assert ask(maps, "remove_saved_place", saved_place_id=made["id"]) == made
    assert maps.call("remove_saved_place", {"saved_place_id": made["id"]})[0] == 404
    assert ask(maps, "save_place", place_id=other, label="Gift ideas")["label"] == "Gift ideas"


def test_saved_places_are_listed_by_label_category_and_town(maps: Maps) -> None:
    everything = ask(maps, "list_saved_places")
    labels = [one["label"] for one in everything]
    assert len(labels) == 6 and labels == sorted(labels, key=str.casefold)
    for one in everything:
        assert one in ask(maps, "list_saved_places", category=one["category"], town=one["town"])
        assert one in ask(maps, "list_saved_places", label=one["label"])


def test_only_so_many_places_can_be_saved(maps: Maps) -> None:
    wanted = [name for names in NAMES.values() for name in names]
    saved = {one["place"] for one in ask(maps, "list_saved_places", limit=20)}
    left = [name for name in wanted if name not in saved]
    for name in left[: SAVED_AT_MOST - len(saved)]:
        ask(maps, "save_place", place_id=place_id(maps, name), label=name)
    over = {"place_id": place_id(maps, left[-1]), "label": "One more"}
    assert maps.call("save_place", over)[0] == 422


def test_the_places_that_a_plain_search_lists_are_free_to_be_saved() -> None:
    for seed in range(8):
        world = Maps(seed, CLOCK)
        saved = {one["place"] for one in ask(world, "list_saved_places", limit=20)}
        assert not saved & {one["name"] for one in ask(world, "find_places", limit=20)}
