"""A shared calendar: appointments, invitations, rooms that can be taken."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Room = Literal["maple", "cedar", "birch", "spruce"]
Response = Literal["pending", "accepted", "declined"]
Time = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Limit = Annotated[int, Field(ge=1, le=25)]

SEATS: dict[Room, int] = {"maple": 4, "cedar": 8, "birch": 12, "spruce": 20}
TOPICS = (
    "Budget review",
    "Design critique",
    "Onboarding chat",
    "Roadmap planning session",
    "Tallgrass client call",
    "Team lunch",
    "Hiring debrief",
    "Release check",
    "Support handover",
    "Vendor meeting",
    "Spring retrospective",
    "Office book club",
    "Warehouse tour",
    "Packaging workshop",
    "Safety training",
    "Press interview",
    "Logo brainstorm",
    "Lease negotiation",
    "Pricing discussion",
    "Intern welcome breakfast",
    "Website demo",
    "Payroll question hour",
    "Charity run kickoff",
    "Data cleanup sprint",
    "Partner dinner",
    "Catalog photo shoot",
    "Mentoring talk",
    "Fire drill walkthrough",
)


class AppointmentEntry(Thing):
    id: str
    title: str
    date: dt.date
    start_time: str


class Appointment(AppointmentEntry):
    duration_minutes: int
    room: Room | None
    guests: list[str]
    status: Literal["planned", "cancelled"]


class Invitation(Thing):
    id: str
    guest: str
    appointment_id: str
    appointment_title: str
    response: Response


class FreeRoom(Thing):
    room: Room
    seats: int


class Calendar(World):
    """An office calendar with appointments, invited guests and meeting rooms."""

    title = "Office Calendar"
    category = "calendar"

    def populate(self) -> None:
        self.state["appointments"] = {}
        self.state["invitations"] = {}
        ahead = [self.clock + dt.timedelta(days=days) for days in range(61)]
        workdays = [day for day in ahead if day.weekday() < 5]
        invited: set[str] = set()
        for topic in self.rng.sample(TOPICS, self.rng.randint(17, 23)):
            day = self.rng.choice(workdays)
            start = f"{self.rng.randint(9, 16):02d}:{self.rng.choice((0, 30)):02d}"
            minutes = self.rng.choice((30, 45, 60, 90))
            room = self.rng.choice((None, *SEATS))
            taken = room is not None and not self._free(room, day, start, minutes)
            identity = self._add(topic, day, start, minutes, None if taken else room, [])
            for _ in range(self.rng.choice((1, 1, 2, 2, 3))):
                guest = f"{self.fake.first_name()} {self.fake.last_name()}"
                response = self.rng.choice(("pending", "accepted", "accepted", "declined"))
                # One appointment for each guest, so that a name alone tells which invitation is meant.
                if guest not in invited:
                    self._invite(identity, guest, response)
                invited.add(guest)

    @tool(resource="appointments")
    def list_appointments(
        self,
        query: str | None = None,
        from_date: dt.date | None = None,
        to_date: dt.date | None = None,
        limit: Limit = 10,
    ) -> list[AppointmentEntry]:
        """List planned appointments in order of date and time. Guests and room are told by get_appointment.

        Args:
            query: Words of the title.
            from_date: First day to list; today unless given.
            to_date: Last day to list.
            limit: How many to list at most.
        """
        first = from_date or self.clock
        if to_date is not None and to_date < first:
            raise Refused("The last day comes before the first.")
        found = [
            AppointmentEntry(**{name: record[name] for name in AppointmentEntry.model_fields})
            for record in self.rows("appointments")
            if record["status"] == "planned"
            and record["date"] >= first.isoformat()
            and (to_date is None or record["date"] <= to_date.isoformat())
            and (query is None or query.casefold() in record["title"].casefold())
        ]
        return sorted(found, key=lambda one: (one.date, one.start_time, one.id))[:limit]

    @tool(resource="appointments")
    def get_appointment(self, appointment_id: str) -> Appointment:
        """Get an appointment with its length, room and guests.

        Args:
            appointment_id: The appointment's id, from list_appointments.
        """
        return self._told(self.one("appointments", appointment_id))

    @tool(resource="appointments")
    def create_appointment(
        self,
        title: str,
        date: dt.date,
        start_time: Time,
        duration_minutes: int = 60,
        guests: list[str] | None = None,
    ) -> Appointment:
        """Create an appointment and invite its guests.

        Args:
            title: What it is about.
            date: The day, not in the past.
            start_time: When it begins, as HH:MM on the 24-hour clock.
            duration_minutes: How long it lasts, from 15 to 480 minutes.
            guests: Full names of the people to invite.
        """
        self._check(date, start_time, duration_minutes)
        invited = sorted(set(guests or ()))
        identity = self._add(title, date, start_time, duration_minutes, None, invited)
        for guest in invited:
            self._invite(identity, guest, "pending")
        return self._told(self.one("appointments", identity))

    @tool(resource="appointments")
    def move_appointment(
        self, appointment_id: str, date: dt.date | None = None, start_time: Time | None = None
    ) -> Appointment:
        """Move an appointment to another day, another time, or both. All guests are asked again.

        Args:
            appointment_id: The appointment's id, from list_appointments.
            date: The new day, not in the past; the same day unless given.
            start_time: The new time, as HH:MM on the 24-hour clock; the same time unless given.
        """
        record = self._planned(appointment_id)
        if date is None and start_time is None:
            raise Refused("A new day or a new time is needed.")
        day = date or dt.date.fromisoformat(record["date"])
        start, minutes, room = start_time or record["start_time"], record["duration_minutes"], record["room"]
        self._check(day, start, minutes)
        if room and not self._free(room, day, start, minutes, but=appointment_id):
            raise Refused(f"The {room} room is taken at that time.")
        for invitation in self._invitations(appointment_id):
            self.put("invitations", invitation | {"response": "pending"})
        return self._told(self.put("appointments", record | {"date": day.isoformat(), "start_time": start}))

    @tool(resource="appointments")
    def cancel_appointment(self, appointment_id: str) -> Appointment:
        """Cancel an appointment. Its room becomes free and its invitations are withdrawn.

        Args:
            appointment_id: The appointment's id, from list_appointments.
        """
        record = self._planned(appointment_id)
        for invitation in self._invitations(appointment_id):
            self.remove("invitations", invitation["id"])
        return self._told(self.put("appointments", record | {"status": "cancelled", "room": None}))

    @tool(resource="invitations")
    def list_invitations(
        self, guest: str | None = None, response: Response | None = None, limit: Limit = 20
    ) -> list[Invitation]:
        """List invitations to appointments, in order of the guests' names.

        Args:
            guest: The guest's name or a part of it.
            response: Only invitations that were answered like this.
            limit: How many to list at most.
        """
        found = [
            self._invitation(record)
            for record in self.rows("invitations")
            if (guest is None or guest.casefold() in record["guest"].casefold())
            and response in (None, record["response"])
        ]
        return sorted(found, key=lambda one: (one.guest, one.id))[:limit]

    @tool(resource="invitations")
    def invite_guest(self, appointment_id: str, guest: str) -> Invitation:
        """Invite a guest to an appointment. The room must have a seat left.

        Args:
            appointment_id: The appointment's id, from list_appointments.
            guest: The guest's full name.
        """
        room = self._planned(appointment_id)["room"]
        guests = [one["guest"] for one in self._invitations(appointment_id)]
        if guest in guests:
            raise Refused(f"{guest} is invited already.")
        if room and len(guests) + 2 > SEATS[room]:
            raise OverLimit(f"The {room} room has only {SEATS[room]} seats.")
        return self._invitation(self._invite(appointment_id, guest, "pending"))

    @tool(resource="invitations")
    def withdraw_invitation(self, invitation_id: str) -> Invitation:
        """Withdraw an invitation, so that the guest is no longer expected.

        Args:
            invitation_id: The invitation's id, from list_invitations.
        """
        return self._invitation(self.remove("invitations", invitation_id))

    @tool(resource="rooms")
    def find_free_rooms(
        self, date: dt.date, start_time: Time, duration_minutes: int = 60, seats: int = 1
    ) -> list[FreeRoom]:
        """Find meeting rooms that are free at a time and have enough seats, smallest first.

        Args:
            date: The day, not in the past.
            start_time: When the room is needed, as HH:MM on the 24-hour clock.
            duration_minutes: For how long, from 15 to 480 minutes.
            seats: How many seats are needed, at least.
        """
        self._check(date, start_time, duration_minutes)
        return [
            FreeRoom(room=room, seats=size)
            for room, size in SEATS.items()
            if size >= seats and self._free(room, date, start_time, duration_minutes)
        ]

    @tool(resource="rooms")
    def book_room(self, appointment_id: str, room: Room) -> Appointment:
        """Book a meeting room for an appointment, in place of any other.

        Args:
            appointment_id: The appointment's id, from list_appointments.
            room: Which room.
        """
        record = self._planned(appointment_id)
        if len(self._invitations(appointment_id)) + 1 > SEATS[room]:
            raise OverLimit(f"The {room} room has only {SEATS[room]} seats.")
        day = dt.date.fromisoformat(record["date"])
        if not self._free(room, day, record["start_time"], record["duration_minutes"], but=appointment_id):
            raise Refused(f"The {room} room is taken at that time.")
        return self._told(self.put("appointments", record | {"room": room}))

    def _add(
        self, title: str, date: dt.date, start_time: str, minutes: int, room: str | None, invited: list[str]
    ) -> str:
        facts = {
            "title": title,
            "date": date.isoformat(),
            "start_time": start_time,
            "duration_minutes": minutes,
        }
        identity = self.new_id("appointments", "apt", *facts.values(), *invited)
        self.put("appointments", {"id": identity, **facts, "room": room, "status": "planned"})
        return identity

    def _invite(self, appointment_id: str, guest: str, response: str) -> dict[str, Any]:
        identity = self.new_id("invitations", "inv", appointment_id, guest)
        made = {"id": identity, "guest": guest, "appointment_id": appointment_id, "response": response}
        return self.put("invitations", made)

    def _invitations(self, appointment_id: str) -> list[dict[str, Any]]:
        return [one for one in self.rows("invitations") if one["appointment_id"] == appointment_id]

    def _told(self, record: dict[str, Any]) -> Appointment:
        guests = sorted(one["guest"] for one in self._invitations(record["id"]))
        return Appointment(**record, guests=guests)

    def _invitation(self, record: dict[str, Any]) -> Invitation:
        title = self.one("appointments", record["appointment_id"])["title"]
        return Invitation(**record, appointment_title=title)

    def _planned(self, appointment_id: str) -> dict[str, Any]:
        record = self.one("appointments", appointment_id)
        if record["status"] != "planned":
            raise Refused("The appointment is cancelled.")
        return record

    def _check(self, date: dt.date, start_time: str, minutes: int) -> None:
        if date < self.clock:
            raise Refused("That day is past.")
        if not 15 <= minutes <= 480:
            raise OverLimit("It has to last from 15 to 480 minutes.")
        if _span(start_time, minutes)[1] > 24 * 60:
            raise Refused("It has to end on the same day.")

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
