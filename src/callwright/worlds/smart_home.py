"""A smart home: devices in rooms, door locks, thermostats, scenes and schedules."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Room = Literal["living_room", "kitchen", "bedroom", "office", "hallway", "bathroom", "garage", "garden"]
Kind = Literal["light", "fan", "speaker", "appliance"]
Power = Literal["on", "off"]
Door = Literal["front_door", "back_door", "garage_door", "garden_gate"]
Zone = Literal["upstairs", "downstairs", "sunroom"]
Scene = Literal["movie_night", "dinner", "bedtime", "party", "good_morning", "leaving_home"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Limit = Annotated[int, Field(ge=1, le=50)]

WEEKDAYS: tuple[Weekday, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
# Every room has a light that works, so a scene always finds something to do.
DEVICES: dict[Room, dict[Kind, tuple[str, ...]]] = {
    "living_room": {
        "light": ("Reading Lamp", "Mantel Light", "Corner Lantern"),
        "fan": ("Whisper Fan",),
        "speaker": ("Bookshelf Speaker", "Soundbar"),
        "appliance": ("Electric Fireplace",),
    },
    "kitchen": {
        "light": ("Counter Light", "Pendant Light", "Pantry Light"),
        "fan": ("Range Hood",),
        "speaker": ("Breakfast Radio",),
        "appliance": ("Coffee Maker", "Slow Cooker"),
    },
    "bedroom": {
        "light": ("Bedside Lamp", "Closet Light", "Moon Lamp"),
        "fan": ("Ceiling Fan",),
        "speaker": ("Sleep Sound Speaker",),
        "appliance": ("Heated Blanket",),
    },
    "office": {
        "light": ("Desk Lamp", "Monitor Light", "Drafting Lamp"),
        "fan": ("Clip-On Fan",),
        "speaker": ("Studio Speaker",),
        "appliance": ("Label Printer",),
    },
    "hallway": {"light": ("Stair Light", "Coat Rack Light", "Gallery Spotlight")},
    "bathroom": {
        "light": ("Vanity Light", "Shower Light", "Bathtub Glow Light"),
        "fan": ("Vent Fan",),
        "speaker": ("Singing Shower Speaker",),
        "appliance": ("Towel Warmer",),
    },
    "garage": {
        "light": ("Workbench Light", "Tool Wall Light", "Bike Rack Light"),
        "fan": ("Shop Fan",),
        "appliance": ("Air Compressor",),
    },
    "garden": {
        "light": ("Path Light", "Pond Light", "Trellis Light"),
        "fan": ("Pergola Fan",),
        "speaker": ("Patio Speaker",),
        "appliance": ("Bug Zapper",),
    },
}
SCHEDULES = (
    "Early Bird",
    "Evening Glow",
    "Goodnight Routine",
    "Lunch Break",
    "Night Owl",
    "Nobody's Home Trick",
    "School Run",
    "Slow Morning",
    "Sunset Welcome",
    "Trash Day Reminder",
    "Weekend Brunch",
    "Workday Wind-Down",
)
# Percent by kind of device; 0 is off, and a kind that a scene does not name is left as it is.
SCENES: dict[Scene, dict[Kind, int]] = {
    "movie_night": {"light": 10, "speaker": 60},
    "dinner": {"light": 45, "speaker": 20},
    "bedtime": {"light": 0, "speaker": 0, "fan": 30, "appliance": 0},
    "party": {"light": 100, "speaker": 85, "fan": 70},
    "good_morning": {"light": 80, "speaker": 30},
    "leaving_home": {"light": 0, "fan": 0, "speaker": 0, "appliance": 0},
}
DOORS: tuple[Door, ...] = ("front_door", "back_door", "garage_door", "garden_gate")
ZONES: tuple[Zone, ...] = ("upstairs", "downstairs", "sunroom")
COLDEST, WARMEST = 50, 85
WEAK_BATTERY = 10
MOST_PER_DEVICE = 4
MOST_SCHEDULES = 20


class Season(BaseModel):
    """The part of the year in which a schedule runs."""

    first_day: dt.date = Field(description="Its first day.")
    last_day: dt.date = Field(description="Its last day, not before the first.")


class Device(Thing):
    id: str
    name: str
    room: Room
    kind: Kind
    power: Power
    level: int | None
    """Percent of its brightness, speed or volume; None for what can only be on or off."""
    online: bool


class Control(Thing):
    name: str
    """What it belongs to, and what it is: "front door lock"."""
    kind: Literal["lock", "thermostat"]
    reading: str
    battery_percent: int
    online: bool


class Lock(Thing):
    door: Door
    status: Literal["locked", "unlocked"]
    battery_percent: int


class Thermostat(Thing):
    zone: Zone
    target_temperature: float
    current_temperature: float
    hold_until: dt.date | None


class SceneRun(Thing):
    scene: Scene
    changed: list[str]
    """Names of the devices that the scene set."""
    skipped: list[str]
    """Names of those that are offline."""


class Schedule(Thing):
    id: str
    name: str
    device_id: str
    device_name: str
    power: Power
    time: str
    days: list[Weekday]
    season: Season | None


class SmartHome(World):
    """A smart home: lights, fans, speakers and appliances in rooms, door locks, thermostats, scenes, schedules."""

    title = "Smart Home"
    category = "home"

    def populate(self) -> None:
        for table in ("devices", "locks", "thermostats", "schedules"):
            self.state[table] = {}
        for room, kinds in DEVICES.items():
            first, *lights = self.rng.sample(kinds["light"], 2)
            rest = [(kind, name) for kind, names in kinds.items() if kind != "light" for name in names]
            others = [("light", name) for name in lights] + rest
            chosen = self.rng.sample(others, min(len(others), self.rng.randint(1, 3)))
            for kind, name in [("light", first), *sorted(chosen)]:
                record = {
                    "id": self.new_id("devices", "dev", room, name),
                    "name": name,
                    "room": room,
                    "kind": kind,
                    "power": self.rng.choice(("on", "off")),
                    "level": None if kind == "appliance" else self.rng.randint(2, 10) * 10,
                    "online": name == first or self.rng.random() < 0.7,
                }
                self.put("devices", record)
        for door in DOORS:
            lock = {
                "id": door,
                "status": self.rng.choice(("locked", "locked", "unlocked")),
                "battery_percent": self.rng.choice((4, 23, 38, 51, 64, 77, 89, 96)),
                "online": self.rng.random() < 0.9,
            }
            self.put("locks", lock)
        for zone in ZONES:
            thermostat = {
                "id": zone,
                "target_temperature": float(self.rng.randint(64, 73)),
                "current_temperature": self.rng.randint(122, 150) / 2,
                "hold_until": None,
                "battery_percent": self.rng.choice((31, 46, 58, 72, 85, 93)),
                "online": self.rng.random() < 0.9,
            }
            self.put("thermostats", thermostat)
        names = self.rng.sample(SCHEDULES, 7)
        connected = [device for device in self.rows("devices") if device["online"]]
        for name, device in zip(names, self.rng.sample(connected, 7), strict=True):
            days = [day for day in WEEKDAYS if self.rng.random() < 0.5]
            time = f"{self.rng.randint(6, 22):02d}:{self.rng.choice((0, 15, 30, 45)):02d}"
            first_day = self.clock + dt.timedelta(days=self.rng.randint(1, 30))
            last_day = first_day + dt.timedelta(days=self.rng.randint(20, 90))
            season = Season(first_day=first_day, last_day=last_day) if self.rng.random() < 0.3 else None
            self._add_schedule(name, device, self.rng.choice(("on", "off")), time, days, season)

    @tool(resource="devices")
    def list_devices(
        self,
        room: Room | None = None,
        kind: Kind | None = None,
        power: Power | None = None,
        include_offline: bool = False,
        limit: Limit = 20,
    ) -> list[Device]:
        """List the home's devices, in order of name.

        Args:
            room: Only devices in this room.
            kind: Only devices of this kind.
            power: Only devices that are on, or only devices that are off.
            include_offline: Also list devices that have no connection at the moment.
            limit: The most devices to list.
        """
        found = [
            Device(**record)
            for record in self.rows("devices")
            if (include_offline or record["online"])
            and room in (None, record["room"])
            and kind in (None, record["kind"])
            and power in (None, record["power"])
        ]
        return sorted(found, key=lambda one: (one.name, one.id))[:limit]

    @tool(resource="devices")
    def switch_device(self, device_id: str, power: Power) -> Device:
        """Switch a device on or off. A device that is offline cannot be switched.

        Args:
            device_id: The device's id, from list_devices.
            power: Whether it goes on or off.
        """
        return Device(**self.put("devices", self._online_device(device_id) | {"power": power}))

    @tool(resource="devices")
    def set_level(self, device_id: str, level: int) -> Device:
        """Dim or brighten a light, or set the speed of a fan or the volume of a speaker. This also switches it on.

        Args:
            device_id: The device's id, from list_devices.
            level: How strong, in percent, from 1 to 100.
        """
        device = self._online_device(device_id)
        if device["level"] is None:
            raise Refused(f"The {device['name']} can only be switched on or off.")
        if not 1 <= level <= 100:
            raise OverLimit("A level is from 1 to 100 percent.")
        return Device(**self.put("devices", device | {"level": level, "power": "on"}))

    @tool(resource="locks-thermostats")
    def check_house(
        self, kind: Literal["lock", "thermostat"] | None = None, low_battery_only: bool = False
    ) -> list[Control]:
        """Check the door locks and the thermostats: what each is set to, and how full its battery is.

        Args:
            kind: Only locks, or only thermostats.
            low_battery_only: Only those whose battery is below 40 percent.
        """
        locks = [
            Control(name=f"{_words(one['id'])} lock", kind="lock", reading=one["status"], **_health(one))
            for one in self.rows("locks")
        ]
        thermostats = [
            Control(
                name=f"{one['id']} thermostat", kind="thermostat", reading=_temperatures(one), **_health(one)
            )
            for one in self.rows("thermostats")
        ]
        return [
            one
            for one in (*locks, *thermostats)
            if kind in (None, one.kind) and (not low_battery_only or one.battery_percent < 40)
        ]

    @tool(resource="locks")
    def set_lock(self, door: Door, action: Literal["lock", "unlock"]) -> Lock:
        """Lock or unlock a door. With a battery below 10 percent a lock can be locked, but not unlocked.

        Args:
            door: Which door.
            action: Whether to lock or to unlock it.
        """
        lock = self.one("locks", door)
        if not lock["online"]:
            raise Refused(f"The lock of the {_words(door)} is offline.")
        if action == "unlock" and lock["battery_percent"] < WEAK_BATTERY:
            raise Refused(f"The battery of the {_words(door)} is too weak to unlock it.")
        self.put("locks", lock | {"status": f"{action}ed"})
        return Lock(door=door, status=f"{action}ed", battery_percent=lock["battery_percent"])

    @tool(resource="thermostats")
    def set_thermostat(self, zone: Zone, temperature: float, hold_until: dt.date | None = None) -> Thermostat:
        """Set the temperature that a part of the house is kept at.

        Args:
            zone: Which part of the house.
            temperature: Degrees Fahrenheit, from 50 to 85.
            hold_until: The last day on which this holds; for good unless given.
        """
        thermostat = self.one("thermostats", zone)
        if not thermostat["online"]:
            raise Refused(f"The {zone} thermostat is offline.")
        if not COLDEST <= temperature <= WARMEST:
            raise OverLimit(f"The temperature has to be from {COLDEST} to {WARMEST} degrees.")
        if hold_until is not None and hold_until < self.clock:
            raise Refused("That day is over.")
        wanted = {
            "target_temperature": round(temperature, 1),
            "hold_until": hold_until.isoformat() if hold_until else None,
        }
        self.put("thermostats", thermostat | wanted)
        return Thermostat(zone=zone, current_temperature=thermostat["current_temperature"], **wanted)

    @tool(resource="scenes")
    def run_scene(self, scene: Scene, rooms: list[Room] | None = None) -> SceneRun:
        """Set lights, fans, speakers and appliances for an occasion. Devices that are offline are skipped.

        Args:
            scene: The occasion.
            rooms: Only in these rooms; in the whole house unless given.
        """
        levels = SCENES[scene]
        changed, skipped = [], []
        for device in self.rows("devices"):
            if device["kind"] not in levels or (rooms and device["room"] not in rooms):
                continue
            if not device["online"]:
                skipped.append(device["name"])
                continue
            level = levels[device["kind"]]
            wanted = {"power": "on", "level": level} if level else {"power": "off"}
            self.put("devices", device | wanted)
            changed.append(device["name"])
        return SceneRun(scene=scene, changed=sorted(changed), skipped=sorted(skipped))

    @tool(resource="schedules")
    def create_schedule(
        self,
        device_id: str,
        name: str,
        power: Power,
        time: str,
        days: list[Weekday] | None = None,
        season: Season | None = None,
    ) -> Schedule:
        """Have a device go on or off by itself. A device has at most 4 schedules, and no two of them clash.

        Args:
            device_id: The device's id, from list_devices.
            name: What to call the schedule; no other has that name.
            power: Whether the device goes on or off.
            time: When, as HH:MM on the 24-hour clock.
            days: On which days of the week; every day unless given.
            season: The part of the year in which it runs; all year unless given.
        """
        device = self._online_device(device_id)
        if not re.fullmatch(r"(?:[01]\d|2[0-3]):[0-5]\d", time):
            raise Refused(f"{time} is no time; write HH:MM.")
        if season and (season.last_day < season.first_day or season.last_day < self.clock):
            raise Refused("The season has to end after it begins, and not in the past.")
        others = self.rows("schedules")
        if not name.strip() or any(one["name"].casefold() == name.strip().casefold() for one in others):
            raise Refused("A schedule needs a name that no other schedule has.")
        own = [one for one in others if one["device_id"] == device_id]
        if len(own) >= MOST_PER_DEVICE or len(others) >= MOST_SCHEDULES:
            raise OverLimit(
                f"There can be {MOST_PER_DEVICE} schedules for a device and {MOST_SCHEDULES} in all."
            )
        wanted = [day for day in WEEKDAYS if not days or day in days]
        for one in own:
            if one["time"] == time and set(one["days"]) & set(wanted):
                raise Refused(f"The schedule {one['name']} has the {device['name']} at that time already.")
        return self._add_schedule(name.strip(), device, power, time, wanted, season)

    @tool(resource="schedules")
    def list_schedules(
        self, room: Room | None = None, day: Weekday | None = None, limit: Limit = 20
    ) -> list[Schedule]:
        """List schedules, in order of time.

        Args:
            room: Only schedules of devices in this room.
            day: Only schedules that run on this day of the week.
            limit: The most schedules to list.
        """
        found = [
            Schedule(**record)
            for record in self.rows("schedules")
            if room in (None, self.one("devices", record["device_id"])["room"])
            and (day is None or day in record["days"])
        ]
        return sorted(found, key=lambda one: (one.time, one.name, one.id))[:limit]

    @tool(resource="schedules")
    def cancel_schedule(self, schedule_id: str) -> Schedule:
        """Cancel a schedule. Its device stays as it is.

        Args:
            schedule_id: The schedule's id, from list_schedules.
        """
        return Schedule(**self.remove("schedules", schedule_id))

    def _online_device(self, device_id: str) -> dict[str, Any]:
        device = self.one("devices", device_id)
        if not device["online"]:
            raise Refused(f"The {device['name']} is offline.")
        return device

    def _add_schedule(
        self,
        name: str,
        device: dict[str, Any],
        power: str,
        time: str,
        days: list[Weekday],
        season: Season | None,
    ) -> Schedule:
        record = {
            "id": self.new_id("schedules", "sch", name),
            "name": name,
            "device_id": device["id"],
            "device_name": device["name"],
            "power": power,
            "time": time,
            "days": days or list(WEEKDAYS),
            "season": season.model_dump(mode="json") if season else None,
        }
        return Schedule(**self.put("schedules", record))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _health(record: dict[str, Any]) -> dict[str, Any]:
    return {"battery_percent": record["battery_percent"], "online": record["online"]}


def _temperatures(record: dict[str, Any]) -> str:
    return f"{record['current_temperature']:g} degrees, set to {record['target_temperature']:g}"
