"""An employee's side of a personnel office: colleagues, days off, money spent for the company."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Department = Literal["engineering", "finance", "marketing", "sales", "operations", "support"]
Office = Literal["harborview", "milltown", "lakeside"]
LeaveKind = Literal["vacation", "sick", "personal", "study", "volunteer"]
LeaveStatus = Literal["pending", "approved", "rejected", "withdrawn"]
Category = Literal["travel", "lodging", "meals", "supplies", "training"]
PaidWith = Literal["own_money", "company_card"]
ReportStatus = Literal["submitted", "approved", "paid", "rejected", "withdrawn"]
Limit = Annotated[int, Field(ge=1, le=30)]

OFFICES: tuple[Office, ...] = ("harborview", "milltown", "lakeside")
# Every job is held by one person, so that a search for it finds somebody.
JOBS: dict[Department, tuple[str, ...]] = {
    "engineering": ("data engineer", "web developer", "test engineer", "network administrator"),
    "finance": ("payroll specialist", "tax accountant", "purchasing clerk", "budget analyst"),
    "marketing": ("copywriter", "graphic designer", "event planner", "press officer"),
    "sales": ("account manager", "export manager", "sales trainer", "quotation clerk"),
    "operations": ("warehouse supervisor", "fleet coordinator", "safety officer", "recruiter"),
    "support": ("help desk lead", "repair technician", "warranty adviser", "translator"),
}
# Kind of leave, one of two things that it is for, days.
AHEAD: tuple[tuple[LeaveKind, tuple[str, str], tuple[int, int]], ...] = (
    ("vacation", ("ski trip", "road trip"), (3, 5)),
    ("vacation", ("lake cabin week", "hill cabin week"), (4, 5)),
    ("sick", ("knee surgery", "eye surgery"), (1, 2)),
    ("personal", ("garden wedding", "barn wedding"), (1, 2)),
    ("study", ("language exam", "first aid exam"), (1, 2)),
    ("volunteer", ("river cleanup", "meadow cleanup"), (1, 1)),
)
PAST: tuple[tuple[LeaveKind, str, int], ...] = (
    ("vacation", "birthday getaway", 2),
    ("sick", "winter flu", 3),
    ("personal", "moving day", 1),
)
ALLOWANCES: dict[LeaveKind, int] = {"vacation": 23, "sick": 14, "personal": 9, "study": 10, "volunteer": 7}
REPORTS: tuple[tuple[tuple[str, str], tuple[Category, ...], ReportStatus], ...] = (
    (("Saltwick client visit", "Ottersby client visit"), ("travel", "lodging"), "submitted"),
    (("Spring trade fair", "Harvest trade fair"), ("travel", "meals"), "submitted"),
    (("Forklift training course", "Spreadsheet training course"), ("training",), "submitted"),
    (("Supplier dinner", "Jubilee dinner"), ("meals",), "submitted"),
    (("Label printer refill", "Meeting room refill"), ("supplies",), "submitted"),
    (("Fernhollow site inspection", "Pellworth site inspection"), ("travel", "meals"), "approved"),
    (("Negotiation seminar", "Bookkeeping seminar"), ("training", "lodging"), "approved"),
    (("Toner order", "Notebook order"), ("supplies",), "paid"),
    (("Night train to Lindenport", "Night train to Quillhaven"), ("travel",), "paid"),
    (("Reception flowers", "Lobby aquarium"), ("supplies",), "rejected"),
)
COST: dict[Category, tuple[int, int]] = {
    "travel": (60, 420),
    "lodging": (90, 380),
    "meals": (18, 110),
    "supplies": (15, 160),
    "training": (120, 600),
}
YEAR, SICK_DAYS_BACK = 365, 14
ONE_MEAL, ONE_REPORT = 150.0, 5000.0


class StaffEntry(Thing):
    id: str
    name: str
    job_title: str
    department: Department
    office: Office
    phone: str
    away_from: dt.date | None
    away_until: dt.date | None


class LeaveBalance(Thing):
    kind: LeaveKind
    allowance_days: int
    taken_days: int
    booked_days: int
    left_days: int


class LeaveEntry(Thing):
    id: str
    kind: LeaveKind
    reason: str
    first_day: dt.date
    days: int
    status: LeaveStatus


class LeaveRequest(LeaveEntry):
    last_day: dt.date
    back_at_work: dt.date
    stand_in: str | None


class ExpenseLine(BaseModel):
    """What was paid for one kind of thing."""

    model_config = ConfigDict(extra="forbid")

    category: Category
    amount: Annotated[float, Field(ge=0.01, le=2000, description="In dollars, with up to 2 decimals.")]


class ReportEntry(Thing):
    id: str
    title: str
    submitted_on: dt.date
    total: float
    status: ReportStatus


class ExpenseReport(ReportEntry):
    lines: list[ExpenseLine]
    paid_with: PaidWith
    to_be_repaid: float


class Hr(World):
    """A company's personnel office as one employee sees it: staff directory, own leave and expense reports."""

    title = "Personnel Office"
    category = "HR"

    def populate(self) -> None:
        for table in ("staff", "balances", "leave", "reports"):
            self.state[table] = {}
        self._hire()
        for kind, allowance in ALLOWANCES.items():
            taken = self.rng.randint(0, 2 if kind in ("vacation", "sick", "study") else 1)
            self.put("balances", {"id": kind, "allowance_days": allowance, "taken_before": taken})
        statuses = self.rng.sample(["approved"] * 3 + ["pending"] * 3, len(AHEAD))
        for place, ((kind, reasons, days), status) in enumerate(zip(AHEAD, statuses, strict=True)):
            # Far ahead and apart from each other; the cleanup alone falls into the coming weeks.
            ahead = (
                self.rng.randint(20, 60) if kind == "volunteer" else 95 + 14 * place + self.rng.randint(0, 4)
            )
            first = self.clock + dt.timedelta(days=ahead)
            self._book(kind, self.rng.choice(reasons), first, self.rng.randint(*days), status, None)
        for place, (kind, reason, length) in enumerate(PAST):
            first = self.clock - dt.timedelta(days=20 + 25 * place + self.rng.randint(0, 12))
            self._book(kind, reason, first, length, "approved", None)
        first = self.clock + dt.timedelta(days=self.rng.randint(190, 220))
        self._book("vacation", "music festival", first, 3, "rejected", None)
        for titles, categories, state in REPORTS:
            lines: list[dict[str, Any]] = [
                {"category": one, "amount": float(self.rng.randint(*COST[one]))} for one in categories
            ]
            lines[0]["amount"] = round(lines[0]["amount"] + self.rng.choice((0.15, 0.35, 0.65, 0.85)), 2)
            day = self.clock - dt.timedelta(
                days=self.rng.randint(1, 12) + (0 if state == "submitted" else 20)
            )
            paid = self.rng.choice(("own_money", "own_money", "company_card"))
            self._report(self.rng.choice(titles), lines, paid, day, state)

    def _hire(self) -> None:
        names: list[str] = []
        while len(names) < sum(map(len, JOBS.values())):
            name = f"{self.fake.first_name()} {self.fake.last_name()}"
            if name not in names:
                names.append(name)
        numbers = self.rng.sample(range(100), len(names))
        away = self.rng.sample(range(len(names)), 2)
        place = 0
        for department, jobs in JOBS.items():
            # Each department has somebody in each office.
            offices = [*self.rng.sample(OFFICES, len(OFFICES)), self.rng.choice(OFFICES)]
            for job, office in zip(jobs, offices, strict=True):
                leaves = self.clock + dt.timedelta(days=self.rng.randint(3, 40))
                back = leaves + dt.timedelta(days=self.rng.randint(4, 11))
                record = {
                    "id": self.new_id("staff", "emp", names[place], job),
                    "name": names[place],
                    "job_title": job,
                    "department": department,
                    "office": office,
                    "phone": f"{self.rng.choice((212, 312, 415, 617))}-555-01{numbers[place]:02d}",
                    "away_from": leaves.isoformat() if place in away else None,
                    "away_until": back.isoformat() if place in away else None,
                }
                self.put("staff", record)
                place += 1

    @tool(resource="colleagues")
    def search_staff(
        self,
        query: str | None = None,
        department: Department | None = None,
        office: Office | None = None,
        limit: Limit = 10,
    ) -> list[StaffEntry]:
        """Search the staff directory for colleagues, in order of their names.

        Args:
            query: Words of the name or of the job title.
            department: Only colleagues of this department.
            office: Only colleagues who work in this office.
            limit: How many to list at most.
        """
        found = [
            StaffEntry(**record)
            for record in self.rows("staff")
            if (query is None or query.casefold() in f"{record['name']}\n{record['job_title']}".casefold())
            and department in (None, record["department"])
            and office in (None, record["office"])
        ]
        return sorted(found, key=lambda one: (one.name, one.id))[:limit]

    @tool(resource="leave balances")
    def get_leave_balance(self, kind: LeaveKind) -> LeaveBalance:
        """Get how many days of one kind of leave the employee has: in all, taken, booked ahead, and left.

        Args:
            kind: The kind of leave.
        """
        record = self.one("balances", kind)
        requests = [one for one in self.rows("leave") if one["kind"] == kind]
        begun = self.clock.isoformat()
        past = [one for one in requests if one["status"] == "approved" and one["first_day"] < begun]
        taken: int = record["taken_before"] + sum(one["days"] for one in past)
        booked: int = sum(
            one["days"] for one in requests if one["status"] in ("pending", "approved") and one not in past
        )
        return LeaveBalance(
            kind=kind,
            allowance_days=record["allowance_days"],
            taken_days=taken,
            booked_days=booked,
            left_days=record["allowance_days"] - taken - booked,
        )

    @tool(resource="leave requests")
    def list_leave_requests(
        self,
        query: str | None = None,
        kind: LeaveKind | None = None,
        status: LeaveStatus | None = None,
        from_date: dt.date | None = None,
        limit: Limit = 10,
    ) -> list[LeaveEntry]:
        """List the employee's own leave requests in order of their first days.

        Args:
            query: Words of the reason.
            kind: Only leave of this kind.
            status: Only requests with this status; pending and approved ones unless given.
            from_date: Only leave that begins on this day or later; today unless given.
            limit: How many to list at most.
        """
        first = (from_date or self.clock).isoformat()
        wanted = (status,) if status else ("pending", "approved")
        found = [
            LeaveEntry(**{name: record[name] for name in LeaveEntry.model_fields})
            for record in self.rows("leave")
            if record["status"] in wanted
            and record["first_day"] >= first
            and kind in (None, record["kind"])
            and (query is None or query.casefold() in record["reason"].casefold())
        ]
        return sorted(found, key=lambda one: (one.first_day, one.id))[:limit]

    @tool(resource="leave")
    def request_leave(
        self,
        kind: LeaveKind,
        start_date: dt.date,
        days: Annotated[int, Field(ge=1, le=30)],
        reason: str,
        stand_in_id: str | None = None,
    ) -> LeaveRequest:
        """Request leave, which then waits for approval. Saturdays and Sundays are not counted.

        Args:
            kind: The kind of leave. The days must be left on its balance.
            start_date: The first day off, at most a year ahead; not in the past, but for sick leave up to
                14 days back. On a weekend, leave begins on the Monday after it.
            days: How many working days it takes.
            reason: What it is for, in a few words, such as "lake trip".
            stand_in_id: The id of the colleague who stands in, from search_staff.
        """
        back = SICK_DAYS_BACK if kind == "sick" else 0
        if start_date < self.clock - dt.timedelta(days=back):
            raise Refused("That day is too far back." if back else "That day is past.")
        if start_date > self.clock + dt.timedelta(days=YEAR):
            raise OverLimit("Leave can be requested at most a year ahead.")
        left = self.get_leave_balance(kind).left_days
        if days > left:
            raise OverLimit(f"Only {left} days of {kind} leave are left.")
        first, last = _working_days(start_date, days)
        for other in self.rows("leave"):
            taken = other["first_day"] <= last.isoformat() and first.isoformat() <= other["last_day"]
            if taken and other["status"] in ("pending", "approved"):
                raise Refused(f"The leave for the {other['reason']} is at that time already.")
        stand_in = None
        if stand_in_id is not None:
            colleague = self.one("staff", stand_in_id)
            stand_in = colleague["name"]
            if colleague["away_from"] and (
                colleague["away_from"] <= last.isoformat() and first.isoformat() <= colleague["away_until"]
            ):
                raise Refused(f"{stand_in} is away at that time.")
        return self._book(kind, reason, start_date, days, "pending", stand_in)

    @tool(resource="leave")
    def withdraw_leave(self, leave_id: str) -> LeaveRequest:
        """Withdraw a leave request, so that its days are left again. Approved leave that has begun stays.

        Args:
            leave_id: The leave request's id, from list_leave_requests.
        """
        record = self.one("leave", leave_id)
        if record["status"] not in ("pending", "approved"):
            raise Refused(f"The leave request was {record['status']} already.")
        if record["status"] == "approved" and record["first_day"] < self.clock.isoformat():
            raise Refused("The leave was approved and has begun, so it cannot be withdrawn.")
        return LeaveRequest(**self.put("leave", record | {"status": "withdrawn"}))

    @tool(resource="expense reports")
    def list_expense_reports(
        self,
        query: str | None = None,
        status: ReportStatus = "submitted",
        category: Category | None = None,
        limit: Limit = 10,
    ) -> list[ReportEntry]:
        """List the employee's own expense reports, the latest first.

        Args:
            query: Words of the title.
            status: Only reports with this status.
            category: Only reports that have an expense of this category.
            limit: How many to list at most.
        """
        found = [
            ReportEntry(**{name: record[name] for name in ReportEntry.model_fields})
            for record in self.rows("reports")
            if record["status"] == status
            and (query is None or query.casefold() in record["title"].casefold())
            and (category is None or any(line["category"] == category for line in record["lines"]))
        ]
        found.sort(key=lambda one: one.id)
        return sorted(found, key=lambda one: one.submitted_on, reverse=True)[:limit]

    @tool(resource="expenses")
    def submit_expense_report(
        self,
        title: str,
        lines: Annotated[list[ExpenseLine], Field(min_length=1, max_length=8)],
        paid_with: PaidWith = "own_money",
    ) -> ExpenseReport:
        """Submit an expense report. A meal is covered up to 150 dollars, a whole report up to 5000.

        Args:
            title: What the money was spent for. No other report that waits for approval may have this title.
            lines: What was paid, each with its category and the amount in dollars.
            paid_with: Own money is repaid after approval; what the company card paid is not.
        """
        if any(line.category == "meals" and line.amount > ONE_MEAL for line in lines):
            raise OverLimit("A meal is covered up to 150 dollars.")
        if sum(line.amount for line in lines) > ONE_REPORT:
            raise OverLimit("An expense report can be over 5000 dollars at most.")
        if any(
            one["status"] == "submitted" and one["title"].casefold() == title.casefold()
            for one in self.rows("reports")
        ):
            raise Refused(f'There is a report with the title "{title}" that waits for approval.')
        parts = [line.model_dump() | {"amount": round(line.amount, 2)} for line in lines]
        return self._report(title, parts, paid_with, self.clock, "submitted")

    @tool(resource="expenses")
    def withdraw_expense_report(self, report_id: str) -> ExpenseReport:
        """Withdraw an expense report that has not been approved yet.

        Args:
            report_id: The expense report's id, from list_expense_reports.
        """
        record = self.one("reports", report_id)
        if record["status"] != "submitted":
            raise Refused(f"The expense report was {record['status']} already.")
        return ExpenseReport(**self.put("reports", record | {"status": "withdrawn"}))

    def _book(
        self, kind: LeaveKind, reason: str, start: dt.date, days: int, status: str, stand_in: str | None
    ) -> LeaveRequest:
        first, last = _working_days(start, days)
        back, _ = _working_days(last + dt.timedelta(days=1), 1)
        record = {
            "id": self.new_id("leave", "lv", kind, reason, first.isoformat(), days, stand_in),
            "kind": kind,
            "reason": reason,
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "back_at_work": back.isoformat(),
            "days": days,
            "status": status,
            "stand_in": stand_in,
        }
        return LeaveRequest(**self.put("leave", record))

    def _report(
        self, title: str, lines: list[dict[str, Any]], paid_with: str, day: dt.date, status: str
    ) -> ExpenseReport:
        total = round(sum(line["amount"] for line in lines), 2)
        record = {
            "id": self.new_id("reports", "exp", title, lines, paid_with, day.isoformat()),
            "title": title,
            "submitted_on": day.isoformat(),
            "lines": lines,
            "paid_with": paid_with,
            "total": total,
            "to_be_repaid": total if paid_with == "own_money" else 0.0,
            "status": status,
        }
        return ExpenseReport(**self.put("reports", record))


def _working_days(start: dt.date, days: int) -> tuple[dt.date, dt.date]:
    """The first and the last of so many working days from a day on."""
    day = start
    while day.weekday() >= 5:
        day += dt.timedelta(days=1)
    first = day
    for _ in range(days - 1):
        day += dt.timedelta(days=3 if day.weekday() == 4 else 1)
    return first, day
