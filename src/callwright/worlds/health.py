"""A clinic: doctors and their free times, a patient's visits, prescriptions with refills, a waitlist."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from callwright.schemas.base import digest
from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Specialty = Literal[
    "family_medicine", "dermatology", "cardiology", "orthopedics", "neurology", "eye_care", "allergy_care"
]
Language = Literal["Spanish", "French", "Mandarin", "Arabic", "Polish", "Tagalog"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday"]
PartOfDay = Literal["morning", "afternoon"]
VisitKind = Literal["in_person", "video"]
Cause = Literal["recovered", "schedule_conflict", "travel", "cost"]
Form = Literal["tablets", "capsules", "drops", "cream", "spray"]
Time = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Limit = Annotated[int, Field(ge=1, le=25)]
Days = Annotated[int, Field(ge=15, le=90)]
Hours = Annotated[int, Field(ge=2, le=72)]

WEEK: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday")
DOCTORS = (
    "Dr. Amara Lindell",
    "Dr. Bastian Crowe",
    "Dr. Celeste Okafor",
    "Dr. Dmitri Halloran",
    "Dr. Esperanza Voss",
    "Dr. Fiona Grayling",
    "Dr. Gustav Pemberly",
    "Dr. Harriet Sandoval",
    "Dr. Ignatius Wren",
    "Dr. Jolene Marchetti",
    "Dr. Kofi Ashworth",
    "Dr. Leonora Brandt",
    "Dr. Milo Castellan",
    "Dr. Nadira Thornbury",
    "Dr. Oswin Delacroix",
    "Dr. Petra Kowalczyk",
    "Dr. Quentin Yarrow",
    "Dr. Rosalba Finch",
    "Dr. Soren Whitlock",
    "Dr. Tamsin Adeyemi",
    "Dr. Viggo Hartmann",
)
REASONS: dict[Specialty, tuple[str, str]] = {
    "family_medicine": ("annual physical", "flu shot"),
    "dermatology": ("mole check", "rash follow-up"),
    "cardiology": ("stress test", "heart monitor fitting"),
    "orthopedics": ("knee follow-up", "cast removal"),
    "neurology": ("headache consultation", "balance test"),
    "eye_care": ("eye exam", "contact lens fitting"),
    "allergy_care": ("pollen allergy test", "food allergy review"),
}
MEDICINES: tuple[tuple[str, Form], ...] = (
    ("Velmorin", "tablets"),
    ("Castrizol", "cream"),
    ("Tolpanex", "tablets"),
    ("Nerivane", "capsules"),
    ("Osmodryl", "drops"),
    ("Wendacet", "tablets"),
    ("Pelostine", "spray"),
    ("Quorexal", "capsules"),
    ("Imbrolin", "drops"),
    ("Sefarone", "tablets"),
    ("Marovane", "spray"),
    ("Kelpridol", "cream"),
)
# Between these, the clinic is closed for lunch.
TIMES = tuple(f"{hour:02d}:{minute:02d}" for hour in (8, 9, 10, 11, 13, 14, 15, 16) for minute in (0, 30))
POPULAR = ("08:00", "08:30", "11:30", "16:00", "16:30")
"""Early and late times: others have taken about half of these."""
HORIZON_DAYS = 120
PICKUP_DAYS, MAIL_DAYS = 2, 5


class MailingAddress(BaseModel):
    """Where a refill is mailed to."""

    model_config = ConfigDict(extra="forbid")

    street: str
    city: str


class Doctor(Thing):
    id: str
    name: str
    specialty: Specialty
    languages: list[str]
    next_open_days: list[dt.date]


class FreeTime(Thing):
    start_time: str
    part_of_day: PartOfDay


class VisitEntry(Thing):
    id: str
    reason: str
    doctor: str
    starts_at: str
    can_move_to: list[dt.date]


class Visit(Thing):
    id: str
    reason: str
    doctor: str
    starts_at: str
    kind: VisitKind
    status: Literal["planned", "cancelled"]


class Prescription(Thing):
    id: str
    medicine: str
    form: Form
    doctor: str
    refills_left: int
    refill_ready_on: dt.date | None


class Refill(Thing):
    prescription_id: str
    medicine: str
    days_supply: int
    delivery: Literal["pickup", "mail"]
    mail_to: MailingAddress | None
    ready_on: dt.date
    refills_left: int


class WaitlistEntry(Thing):
    id: str
    specialty: Specialty
    days: list[Weekday]
    part_of_day: Literal["any", "morning", "afternoon"]
    notice_hours: int


@lru_cache(maxsize=2**16)
def _taken(seed: int, doctor_id: str, day: dt.date, start_time: str) -> bool:
    """Whether another patient has that time: a function of the seed and the time alone."""
    chance = int(digest([seed, doctor_id, day.isoformat(), start_time])[:8], 16) / 2**32
    return start_time in POPULAR and chance < 0.5


class Health(World):
    """A patient's side of a clinic: doctors, visits, prescriptions and a waitlist."""

    title = "Meadowbrook Clinic"
    category = "health"

    def populate(self) -> None:
        self.state |= {"doctors": {}, "visits": {}, "prescriptions": {}, "waitlist": {}}
        names = list(DOCTORS)
        self.rng.shuffle(names)
        spoken = ("Spanish", "French", "Mandarin", "Arabic", "Polish", "Tagalog")
        by_specialty: dict[str, list[dict[str, Any]]] = {}
        for place, name in enumerate(names):
            specialty = list(REASONS)[place % len(REASONS)]
            others = {spoken[place % len(spoken)], *self.rng.sample(spoken, self.rng.choice((0, 1, 1)))}
            doctor = {
                "id": self.new_id("doctors", "doc", name),
                "name": name,
                "specialty": specialty,
                "languages": ["English", *sorted(others)],
                "weekdays": sorted(self.rng.sample(range(5), self.rng.choice((3, 3, 4)))),
            }
            by_specialty.setdefault(specialty, []).append(self.put("doctors", doctor))

        # One visit on a day and with a doctor, so that no two can be confused.
        days: set[dt.date] = set()
        for specialty in self.rng.sample(sorted(REASONS), self.rng.randint(5, 7)):
            doctor = self.rng.choice(by_specialty[specialty])
            ahead = [self.clock + dt.timedelta(days=count) for count in range(2, 50)]
            day = self.rng.choice(
                [one for one in ahead if one.weekday() in doctor["weekdays"] and one not in days]
            )
            days.add(day)
            start = self.rng.choice([one for one in TIMES if one not in POPULAR])
            kind = self.rng.choice(("in_person", "in_person", "in_person", "video"))
            self._add_visit(doctor, day, start, self.rng.choice(REASONS[specialty]), kind)

        used_up = self.rng.random() < 0.3
        for place, (medicine, form) in enumerate(self.rng.sample(MEDICINES, self.rng.randint(6, 8))):
            made = {
                "id": self.new_id("prescriptions", "rx", medicine),
                "medicine": medicine,
                "form": form,
                "doctor": self.rng.choice(names),
                "refills_left": 0 if used_up and place == 0 else self.rng.randint(1, 5),
                "refill_ready_on": None,
            }
            self.put("prescriptions", made)

    @tool(resource="doctors")
    def find_doctors(
        self,
        query: str | None = None,
        specialty: Specialty | None = None,
        language: Language | None = None,
        limit: Limit = 21,
    ) -> list[Doctor]:
        """Find doctors of the clinic, in order of their names, with the next days on which they have free times.

        Args:
            query: The doctor's name or a part of it.
            specialty: Only doctors of this specialty.
            language: Only doctors who speak this language besides English.
            limit: How many to list at most.
        """
        found = [
            record
            for record in self.rows("doctors")
            if (query is None or query.casefold() in record["name"].casefold())
            and specialty in (None, record["specialty"])
            and (language is None or language in record["languages"])
        ]
        found.sort(key=lambda one: (one["name"], one["id"]))
        return [self._doctor(record) for record in found[:limit]]

    @tool(resource="times")
    def find_free_times(
        self, doctor_id: str, date: dt.date, part_of_day: PartOfDay | None = None, limit: Limit = 6
    ) -> list[FreeTime]:
        """Find the times at which a doctor can see a patient on a day, earliest first.

        Args:
            doctor_id: The doctor's id, from find_doctors.
            date: The day, after today and at most 120 days ahead.
            part_of_day: Only times in this half of the day.
            limit: How many to list at most.
        """
        doctor = self.one("doctors", doctor_id)
        self._check_day(doctor, date)
        found = [FreeTime(start_time=time, part_of_day=_part(time)) for time in self._free(doctor, date)]
        return [one for one in found if part_of_day in (None, one.part_of_day)][:limit]

    @tool(resource="visits")
    def book_visit(
        self,
        doctor_id: str,
        date: dt.date,
        start_time: Time,
        reason: str,
        kind: VisitKind = "in_person",
    ) -> Visit:
        """Book a visit with a doctor at a time that is free. Visits begin on the hour or half an hour later.

        Args:
            doctor_id: The doctor's id, from find_doctors.
            date: The day, after today and at most 120 days ahead.
            start_time: When the visit begins, as HH:MM on the 24-hour clock.
            reason: What the visit is for, in a few words.
            kind: Whether to come to the clinic or to meet by video.
        """
        doctor = self.one("doctors", doctor_id)
        self._check_time(doctor, date, start_time)
        return _told(self._add_visit(doctor, date, start_time, reason, kind))

    @tool(resource="visits")
    def list_visits(
        self,
        query: str | None = None,
        from_date: dt.date | None = None,
        to_date: dt.date | None = None,
        limit: Limit = 10,
    ) -> list[VisitEntry]:
        """List your planned visits in order of time, each with days to which it could move at the same hour.

        Args:
            query: Words of the reason or of the doctor's name.
            from_date: First day to list; today unless given.
            to_date: Last day to list.
            limit: How many to list at most.
        """
        first = from_date or self.clock
        if to_date is not None and to_date < first:
            raise Refused("The last day comes before the first.")
        found = [
            record
            for record in self._planned()
            if record["date"] >= first.isoformat()
            and (to_date is None or record["date"] <= to_date.isoformat())
            and (query is None or query.casefold() in f"{record['reason']}\n{record['doctor']}".casefold())
        ]
        found.sort(key=lambda one: (one["date"], one["start_time"], one["id"]))
        return [self._entry(record) for record in found[:limit]]

    @tool(resource="visits")
    def move_visit(self, visit_id: str, date: dt.date, start_time: Time | None = None) -> Visit:
        """Move a visit to another time of the same doctor.

        Args:
            visit_id: The visit's id, from list_visits.
            date: The new day, after today and at most 120 days ahead.
            start_time: The new time, as HH:MM on the 24-hour clock; the same time unless given.
        """
        record = self._changeable(visit_id)
        doctor = self.one("doctors", record["doctor_id"])
        time = start_time or record["start_time"]
        if (record["date"], record["start_time"]) == (date.isoformat(), time):
            raise Refused("The visit is at that time already.")
        self._check_time(doctor, date, time, but=visit_id)
        return _told(self.put("visits", record | {"date": date.isoformat(), "start_time": time}))

    @tool(resource="visits")
    def cancel_visit(self, visit_id: str, cause: Cause | None = None) -> Visit:
        """Cancel a visit, no later than the day before.

        Args:
            visit_id: The visit's id, from list_visits.
            cause: Why, for the clinic's records.
        """
        record = self._changeable(visit_id)
        return _told(self.put("visits", record | {"status": "cancelled", "cause": cause}))

    @tool(resource="prescriptions")
    def list_prescriptions(
        self, query: str | None = None, refillable_only: bool = False, limit: Limit = 10
    ) -> list[Prescription]:
        """List your prescriptions in order of the medicine's name, with how many refills are left.

        Args:
            query: The medicine's name, or a part of it.
            refillable_only: Only prescriptions with a refill left and none on its way.
            limit: How many to list at most.
        """
        found = [
            Prescription(**record)
            for record in self.rows("prescriptions")
            if (query is None or query.casefold() in record["medicine"].casefold())
            and (not refillable_only or (record["refills_left"] and not record["refill_ready_on"]))
        ]
        return sorted(found, key=lambda one: (one.medicine, one.id))[:limit]

    @tool(resource="refills")
    def request_refill(
        self, prescription_id: str, days_supply: Days = 30, mail_to: MailingAddress | None = None
    ) -> Refill:
        """Request a refill of a prescription. It is ready for pickup in 2 days, or arrives by mail in 5.

        Args:
            prescription_id: The prescription's id, from list_prescriptions.
            days_supply: For how many days the refill should last.
            mail_to: Where to mail it; kept at the front desk for pickup unless given.
        """
        record = self.one("prescriptions", prescription_id)
        if record["refill_ready_on"] is not None:
            raise Refused(f"A refill of {record['medicine']} is on its way already.")
        if record["refills_left"] == 0:
            raise OverLimit(
                f"No refills of {record['medicine']} are left; {record['doctor']} has to renew it."
            )
        ready = self.clock + dt.timedelta(days=MAIL_DAYS if mail_to else PICKUP_DAYS)
        left = record["refills_left"] - 1
        self.put("prescriptions", record | {"refills_left": left, "refill_ready_on": ready.isoformat()})
        return Refill(
            prescription_id=prescription_id,
            medicine=record["medicine"],
            days_supply=days_supply,
            delivery="mail" if mail_to else "pickup",
            mail_to=mail_to,
            ready_on=ready,
            refills_left=left,
        )

    @tool(resource="waitlist")
    def join_waitlist(
        self,
        specialty: Specialty,
        days: list[Weekday],
        part_of_day: Literal["any", "morning", "afternoon"] = "any",
        notice_hours: Hours = 24,
    ) -> WaitlistEntry:
        """Join the waitlist of a specialty, to be called when somebody else cancels. Once for each specialty.

        Args:
            specialty: Which specialty.
            days: The days of the week on which you could come, at least one.
            part_of_day: In which half of the day you could come.
            notice_hours: How many hours ahead you need to be called.
        """
        if not days:
            raise Refused("At least one day of the week is needed.")
        if any(one["specialty"] == specialty for one in self.rows("waitlist")):
            raise Refused(f"You are on the waitlist for {specialty.replace('_', ' ')} already.")
        made = {
            "id": self.new_id("waitlist", "wait", specialty, sorted(days), part_of_day, notice_hours),
            "specialty": specialty,
            "days": [day for day in WEEK if day in days],
            "part_of_day": part_of_day,
            "notice_hours": notice_hours,
        }
        return WaitlistEntry(**self.put("waitlist", made))

    def _doctor(self, record: dict[str, Any]) -> Doctor:
        told = {name: record[name] for name in ("id", "name", "specialty", "languages")}
        ahead = (self.clock + dt.timedelta(days=count) for count in range(1, 22))
        free = [day for day in ahead if day.weekday() in record["weekdays"] and self._free(record, day)]
        return Doctor(**told, next_open_days=free[:4])

    def _planned(self) -> list[dict[str, Any]]:
        return [one for one in self.rows("visits") if one["status"] == "planned"]

    def _entry(self, record: dict[str, Any]) -> VisitEntry:
        doctor, time = self.one("doctors", record["doctor_id"]), record["start_time"]
        busy = {one["date"] for one in self._planned()}
        ahead = (self.clock + dt.timedelta(days=count) for count in range(2, 40))
        days = [
            day
            for day in ahead
            if day.weekday() in doctor["weekdays"]
            and day.isoformat() not in busy
            and time in self._free(doctor, day)
        ]
        told = {name: record[name] for name in ("id", "reason", "doctor")}
        return VisitEntry(**told, starts_at=_moment(record), can_move_to=days[:5])

    def _free(self, doctor: dict[str, Any], day: dt.date, but: str = "") -> list[str]:
        """The doctor's free times on a day on which the doctor works."""
        own = {
            one["start_time"]
            for one in self._planned()
            if one["doctor_id"] == doctor["id"] and one["date"] == day.isoformat() and one["id"] != but
        }
        return [time for time in TIMES if time not in own and not _taken(self.seed, doctor["id"], day, time)]

    def _check_day(self, doctor: dict[str, Any], day: dt.date) -> None:
        if day <= self.clock:
            raise Refused("The day has to be after today.")
        if (day - self.clock).days > HORIZON_DAYS:
            raise OverLimit(f"Visits can be planned at most {HORIZON_DAYS} days ahead.")
        if day.weekday() not in doctor["weekdays"]:
            raise Refused(f"{doctor['name']} sees no patients on {day:%A}s.")

    def _check_time(self, doctor: dict[str, Any], day: dt.date, start_time: str, but: str = "") -> None:
        self._check_day(doctor, day)
        if start_time not in TIMES:
            raise Refused(
                "Visits begin on the hour or half past, from 08:00 to 11:30 and from 13:00 to 16:30."
            )
        if start_time not in self._free(doctor, day, but):
            raise Refused(f"{doctor['name']} is not free at that time.")
        for other in self._planned():
            if (other["date"], other["start_time"]) == (day.isoformat(), start_time) and other["id"] != but:
                raise Refused(f"You have another visit at that time, with {other['doctor']}.")

    def _changeable(self, visit_id: str) -> dict[str, Any]:
        record = self.one("visits", visit_id)
        if record["status"] != "planned":
            raise Refused("The visit is cancelled.")
        if record["date"] <= self.clock.isoformat():
            raise Refused("It is too late to change this visit here; please call the front desk.")
        return record

    def _add_visit(
        self, doctor: dict[str, Any], day: dt.date, start_time: str, reason: str, kind: str
    ) -> dict[str, Any]:
        facts = {
            "doctor_id": doctor["id"],
            "date": day.isoformat(),
            "start_time": start_time,
            "reason": reason,
            "kind": kind,
        }
        identity = self.new_id("visits", "vis", *facts.values())
        more = {"doctor": doctor["name"], "status": "planned", "cause": None}
        return self.put("visits", {"id": identity, **facts, **more})


def _part(start_time: str) -> PartOfDay:
    return "morning" if start_time < "12:00" else "afternoon"


def _moment(record: dict[str, Any]) -> str:
    return f"{record['date']}T{record['start_time']}"


def _told(record: dict[str, Any]) -> Visit:
    told = {name: record[name] for name in ("id", "reason", "doctor", "kind", "status")}
    return Visit(**told, starts_at=_moment(record))
