"""A shared calendar: appointments, guests, rooms that can be taken."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Room = Literal["maple", "cedar", "birch", "spruce"]
SEATS: dict[str, int] = {"maple": 4, "cedar": 8, "birch": 12, "spruce": 20}
TOPICS = (
    "Budget review",
    "Design critique",
    "Onboarding chat",
    "Roadmap planning",
    "Client call",
    "Team lunch",
    "Hiring debrief",
    "Release check",
    "Support handover",
    "Vendor meeting",
    "Retrospective",
    "Book club",
)


class Appointment(Thing):
    id: str
    title: str
    date: dt.date
    start_time: str
    duration_minutes: int
    room: Room | None
    guests: list[str]
    status: Literal["planned", "cancelled"]


class RoomInfo(Thing):
    room: Room
    seats: int
    free: bool


class Calendar(World):
    """An office calendar with appointments, guests and meeting rooms."""

    title = "Office Calendar"
    category = "calendar"

    def populate(self) -> None:
        self.state["appointments"] = {}
        for topic in self.rng.sample(TOPICS, 9):
            day = self.clock + dt.timedelta(days=self.rng.randint(0, 12))
            guests = sorted({self.fake.name() for _ in range(self.rng.randint(1, 3))})
            start = f"{self.rng.randint(9, 16):02d}:{self.rng.choice((0, 30)):02d}"
            self._add(topic, day, start, self.rng.choice((30, 45, 60, 90)), None, guests)

    @tool(resource="appointments")
    def list_appointments(
        self, from_date: dt.date | None = None, to_date: dt.date | None = None, guest: str | None = None
    ) -> list[Appointment]:
        """List planned appointments. They come in order of date and time, at most 20.

        Args:
            from_date: First day to list; today unless given.
            to_date: Last day to list.
            guest: Only appointments with this guest, by full name.
        """
        first = from_date or self.clock
        found = [
            Appointment(**record)
            for record in self.rows("appointments")
            if record["status"] == "planned"
            and record["date"] >= first.isoformat()
            and (to_date is None or record["date"] <= to_date.isoformat())
            and (guest is None or guest in record["guests"])
        ]
        return sorted(found, key=lambda one: (one.date, one.start_time, one.id))[:20]

    @tool(resource="appointments")
    def create_appointment(
        self, title: str, date: dt.date, start_time: str, duration_minutes: int = 60
    ) -> Appointment:
        """Create an appointment.

        Args:
            title: What it is about.
            date: The day, not in the past.
            start_time: When it begins, as HH:MM on the 24-hour clock.
            duration_minutes: How long it lasts, from 15 to 480 minutes.
        """
        if date < self.clock:
            raise Refused("An appointment cannot be made in the past.")
        self._check_time(start_time, duration_minutes)
        return self._add(title, date, start_time, duration_minutes, None, [])

    @tool(resource="appointments")
    def move_appointment(self, appointment_id: str, date: dt.date, start_time: str) -> Appointment:
        """Move an appointment to another day and time. A booked room is kept if it is free then.

        Args:
            appointment_id: The appointment's id, from list_appointments.
            date: The new day, not in the past.
            start_time: The new time, as HH:MM on the 24-hour clock.
        """
        record = self._planned(appointment_id)
        if date < self.clock:
            raise Refused("An appointment cannot be moved into the past.")
        self._check_time(start_time, record["duration_minutes"])
        if record["room"] and not self._free(
            record["room"], date, start_time, record["duration_minutes"], appointment_id
        ):
            raise Refused(f"The room {record['room']} is taken at that time.")
        return Appointment(
            **self.put("appointments", record | {"date": date.isoformat(), "start_time": start_time})
        )

    @tool(resource="appointments")
    def cancel_appointment(self, appointment_id: str) -> Appointment:
        """Cancel an appointment. Its room becomes free.

        Args:
            appointment_id: The appointment's id, from list_appointments.
        """
        record = self._planned(appointment_id)
        return Appointment(**self.put("appointments", record | {"status": "cancelled", "room": None}))

    @tool(resource="guests")
    def invite_guest(self, appointment_id: str, guest: str) -> Appointment:
        """Invite a guest to an appointment.

        Args:
            appointment_id: The appointment's id, from list_appointments.
            guest: The guest's full name.
        """
        record = self._planned(appointment_id)
        if guest in record["guests"]:
            raise Refused(f"{guest} is invited already.")
        guests = sorted([*record["guests"], guest])
        if record["room"] and len(guests) + 1 > SEATS[record["room"]]:
            raise OverLimit(f"The room {record['room']} has only {SEATS[record['room']]} seats.")
        return Appointment(**self.put("appointments", record | {"guests": guests}))

    @tool(resource="guests")
    def remove_guest(self, appointment_id: str, guest: str) -> Appointment:
        """Take a guest off an appointment.

        Args:
            appointment_id: The appointment's id, from list_appointments.
            guest: The guest's full name.
        """
        record = self._planned(appointment_id)
        if guest not in record["guests"]:
            raise Refused(f"{guest} is not invited.")
        left = [one for one in record["guests"] if one != guest]
        return Appointment(**self.put("appointments", record | {"guests": left}))

    @tool(resource="rooms")
    def find_free_rooms(
        self, date: dt.date, start_time: str, duration_minutes: int = 60, seats: int = 1
    ) -> list[RoomInfo]:
        """Find meeting rooms that are free at a time and have enough seats.

        Args:
            date: The day.
            start_time: When the room is needed, as HH:MM on the 24-hour clock.
            duration_minutes: For how long, from 15 to 480 minutes.
            seats: How many seats are needed, at least.
        """
        self._check_time(start_time, duration_minutes)
        rooms: list[RoomInfo] = [
            RoomInfo(room=room, seats=SEATS[room], free=True)
            for room in ("maple", "cedar", "birch", "spruce")
            if SEATS[room] >= seats and self._free(room, date, start_time, duration_minutes)
        ]
        return rooms

    @tool(resource="rooms")
    def book_room(self, appointment_id: str, room: Room) -> Appointment:
        """Book a meeting room for an appointment, in place of any other.

        Args:
            appointment_id: The appointment's id, from list_appointments.
            room: Which room.
        """
        record = self._planned(appointment_id)
        if len(record["guests"]) + 1 > SEATS[room]:
            raise OverLimit(f"The room {room} has only {SEATS[room]} seats.")
        day = dt.date.fromisoformat(record["date"])
        if not self._free(room, day, record["start_time"], record["duration_minutes"], appointment_id):
            raise Refused(f"The room {room} is taken at that time.")
        return Appointment(**self.put("appointments", record | {"room": room}))

    def _add(
        self, title: str, date: dt.date, start_time: str, minutes: int, room: str | None, guests: list[str]
    ) -> Appointment:
        facts = (title, date.isoformat(), start_time, minutes)
        record = {
            "id": self.new_id("appointments", "apt", *facts),
            "title": title,
            "date": date.isoformat(),
            "start_time": start_time,
            "duration_minutes": minutes,
            "room": room,
            "guests": guests,
            "status": "planned",
        }
        return Appointment(**self.put("appointments", record))

    def _planned(self, appointment_id: str) -> dict[str, Any]:
        record = self.one("appointments", appointment_id)
        if record["status"] != "planned":
            raise Refused("The appointment is cancelled.")
        return record

    def _check_time(self, start_time: str, minutes: int) -> None:
        hours, _, rest = start_time.partition(":")
        if not (hours.isdigit() and rest.isdigit() and len(rest) == 2 and int(hours) < 24 and int(rest) < 60):
            raise Refused(f"{start_time} is no time; write HH:MM.")
        if not 15 <= minutes <= 480:
            raise OverLimit("An appointment lasts from 15 to 480 minutes.")

    def _free(self, room: str, date: dt.date, start_time: str, minutes: int, but: str = "") -> bool:
        begins, ends = _span(start_time, minutes)
        for record in self.rows("appointments"):
            if record["room"] == room and record["date"] == date.isoformat() and record["id"] != but:
                other_begins, other_ends = _span(record["start_time"], record["duration_minutes"])
                if begins < other_ends and other_begins < ends:
                    return False
        return True


def _span(start_time: str, minutes: int) -> tuple[int, int]:
    """Minutes after midnight at which something begins and ends."""
    hours, rest = start_time.split(":")
    begins = int(hours) * 60 + int(rest)
    return begins, begins + minutes
