"""The rules of the smart home."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from callwright.worlds.smart_home import SmartHome

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def home() -> SmartHome:
    return SmartHome(7, CLOCK)


def device(home: SmartHome, **wanted: Any) -> dict[str, Any]:
    return next(one for one in home.rows("devices") if wanted.items() <= one.items())


def alarm(home: SmartHome, name: str, **other: Any) -> tuple[int, Any]:
    lamp = device(home, kind="light", online=True)
    wanted = {"device_id": lamp["id"], "name": name, "power": "on", "time": "06:10"}
    return home.call("create_schedule", wanted | other)


def test_a_device_that_is_offline_is_left_out_and_refuses(home: SmartHome) -> None:
    lost = home.put("devices", device(home, kind="light") | {"online": False})
    assert lost["id"] not in [one["id"] for one in home.call("list_devices", {})[1]]
    listed = home.call("list_devices", {"room": lost["room"], "include_offline": True})[1]
    assert lost["id"] in [one["id"] for one in listed]
    assert home.call("switch_device", {"device_id": lost["id"], "power": "on"})[0] == 409
    assert home.call("switch_device", {"device_id": "dev-none", "power": "on"})[0] == 404


def test_dimming_switches_on_and_has_limits(home: SmartHome) -> None:
    lamp = device(home, kind="light", online=True)
    home.call("switch_device", {"device_id": lamp["id"], "power": "off"})
    answer = home.call("set_level", {"device_id": lamp["id"], "level": 35})[1]
    assert (answer["power"], answer["level"]) == ("on", 35)
    assert home.call("set_level", {"device_id": lamp["id"], "level": 101})[0] == 422
    heater = home.put("devices", device(home, kind="appliance") | {"online": True})
    assert home.call("set_level", {"device_id": heater["id"], "level": 35})[0] == 409


def test_a_weak_battery_can_lock_but_not_unlock(home: SmartHome) -> None:
    home.put("locks", home.one("locks", "back_door") | {"battery_percent": 4, "online": True})
    assert home.call("set_lock", {"door": "back_door", "action": "lock"})[1]["status"] == "locked"
    assert home.call("set_lock", {"door": "back_door", "action": "unlock"})[0] == 409
    weak = home.call("check_house", {"kind": "lock", "low_battery_only": True})[1]
    assert "back door lock" in [one["name"] for one in weak]


def test_a_thermostat_keeps_to_its_range_and_to_the_future(home: SmartHome) -> None:
    home.put("thermostats", home.one("thermostats", "upstairs") | {"online": True})
    wanted = {"zone": "upstairs", "temperature": 68}
    assert home.call("set_thermostat", wanted | {"hold_until": "2026-03-12"})[1]["hold_until"] == "2026-03-12"
    assert home.call("set_thermostat", wanted | {"temperature": 90})[0] == 422
    assert home.call("set_thermostat", wanted | {"hold_until": "2026-03-09"})[0] == 409


def test_a_scene_sets_its_rooms_and_skips_what_is_offline(home: SmartHome) -> None:
    home.put("devices", device(home, room="kitchen", kind="light") | {"online": False})
    before = {one["id"]: one for one in home.rows("devices")}
    run = home.call("run_scene", {"scene": "leaving_home", "rooms": ["kitchen"]})[1]
    assert run["skipped"]
    for one in home.rows("devices"):
        if one["room"] == "kitchen" and one["online"]:
            assert one["power"] == "off" and one["name"] in run["changed"]
        else:
            assert one == before[one["id"]]


def test_schedules_do_not_clash(home: SmartHome) -> None:
    made = alarm(home, "Rooster", days=["monday", "friday"])[1]
    assert made["days"] == ["monday", "friday"]
    assert alarm(home, "rooster", time="09:00")[0] == 409, "the name is taken"
    assert alarm(home, "Hen", days=["friday"])[0] == 409, "the device is busy then"
    assert alarm(home, "Hen", days=["sunday"])[0] == 200
    assert alarm(home, "Owl", time="25:00")[0] == 409
    assert home.call("cancel_schedule", {"schedule_id": made["id"]})[1]["name"] == "Rooster"
    assert home.call("cancel_schedule", {"schedule_id": made["id"]})[0] == 404


def test_a_device_has_at_most_four_schedules(home: SmartHome) -> None:
    statuses = [alarm(home, f"Plan {hour}", time=f"{hour:02d}:05")[0] for hour in range(5)]
    assert statuses[-1] == 422
    assert [one["name"] for one in home.call("list_schedules", {"limit": 1})[1]] == ["Plan 0"]
