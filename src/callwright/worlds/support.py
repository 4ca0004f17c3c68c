"""A help desk: tickets with states, agents with room for only so many, comments, merging."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Priority = Literal["low", "normal", "high", "urgent"]
Status = Literal["new", "open", "resolved", "merged"]
Resolution = Literal["fixed", "answered", "refunded", "declined"]
Team = Literal["billing", "hardware", "software", "logistics"]
Tag = Literal["account", "app", "delivery", "device", "invoice", "security"]

PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high", "urgent")
TEAMS: tuple[Team, ...] = ("billing", "hardware", "software", "logistics")
SUBJECTS: tuple[tuple[str, tuple[Tag, ...]], ...] = (
    ("Login loop on the tablet app", ("app", "account")),
    ("Wrong tax on the spring invoice", ("invoice",)),
    ("Parcel stuck at the depot", ("delivery",)),
    ("Charger gets too hot", ("device",)),
    ("Password email never arrives", ("account",)),
    ("Charged twice for one order", ("invoice",)),
    ("Cracked screen out of the box", ("device", "delivery")),
    ("Suspicious login from abroad", ("security", "account")),
    ("Export button does nothing", ("app",)),
    ("Missing cable in the starter kit", ("delivery", "device")),
    ("Request for a yearly plan", ("invoice", "account")),
    ("Notifications arrive hours late", ("app",)),
    ("Courier left the box in the rain", ("delivery",)),
    ("Speaker crackles at low volume", ("device",)),
    ("Locked out after a phone change", ("account", "security")),
    ("Coupon rejected at checkout", ("invoice", "app")),
    ("Map view freezes on zoom", ("app",)),
    ("Battery drains overnight", ("device",)),
    ("Unsubscribe link is broken", ("account",)),
    ("Refund still not received", ("invoice",)),
    ("Delivery to the old address", ("delivery", "account")),
    ("Dark mode hides the menu", ("app",)),
    ("Fingerprint reader stopped working", ("device", "security")),
    ("Receipt shows another company name", ("invoice",)),
    ("Half of the order is missing", ("delivery",)),
    ("Calendar sync drops events", ("app",)),
    ("Hinge squeaks since the update kit", ("device",)),
    ("Two accounts under one email", ("account",)),
    ("Phishing message in our name", ("security",)),
    ("Cannot cancel the free trial", ("account", "invoice")),
)
REMARKS = (
    "The customer sent a photo.",
    "It started last week.",
    "It happens every time.",
    "We asked for the serial number.",
    "The customer prefers email.",
    "A restart did not help.",
    "The order was a gift.",
    "It worked before the update.",
)
AT_ONCE = 5
AGAIN_DAYS = 30


class Contact(BaseModel):
    """How a customer can be reached."""

    model_config = ConfigDict(extra="forbid")

    email: str
    phone: str | None = None


class Ticket(Thing):
    id: str
    subject: str
    customer: str
    email: str | None
    phone: str | None
    status: Status
    priority: Priority
    tags: list[Tag]
    agent: str | None
    opened_on: dt.date
    resolved_on: dt.date | None
    resolution: Resolution | None
    merged_into: str | None
    comments: list[str]
    internal_notes: list[str]


class Agent(Thing):
    id: str
    name: str
    team: Team
    on_duty: bool
    away: bool
    open_tickets: int
    most_tickets: int


class Comment(Thing):
    id: str
    ticket_id: str
    subject: str
    text: str
    internal: bool
    date: dt.date


class Support(World):
    """A company's help desk, as its staff uses it: tickets, comments and agents."""

    title = "Help Desk"
    category = "support"

    def populate(self) -> None:
        self.state |= {"agents": {}, "tickets": {}, "comments": {}}
        names = self._people(9)
        self.rng.shuffle(names)
        for number, name in enumerate(names):
            agent = {
                "id": self.new_id("agents", "agt", name),
                "name": name,
                "team": TEAMS[number % len(TEAMS)],
                "on_duty": number == 0,
                "away": number == 1,
                "most_tickets": 25 if number == 0 else self.rng.randint(4, 9),
            }
            self.put("agents", agent)

        customers = self._people(9)
        subjects = self.rng.sample(SUBJECTS, 29)
        for number, (subject, tags) in enumerate(subjects):
            status = "new" if number < 5 else "open" if number < 18 else "resolved"
            opened = self.clock - dt.timedelta(days=self.rng.randint(1, 25))
            resolved_on = None
            if status == "resolved":
                resolved_on = self.clock - dt.timedelta(days=self.rng.choice((0, 1, 3, 6, 9, 14, 21, 45)))
                opened = resolved_on - dt.timedelta(days=self.rng.randint(1, 9))
            # Two tickets each, so that there is something to merge.
            customer = customers[number // 2 % len(customers)]
            made = self._add(subject, customer, self.rng.choice(PRIORITIES), sorted(tags), None, opened)
            changes: dict[str, Any] = {"status": status}
            if status != "new":
                agents = self.rows("agents")
                idle = [one for one in agents if not self._load(one["id"])]
                roomy = [one for one in agents if self._load(one["id"]) < one["most_tickets"]]
                changes["agent_id"] = self.rng.choice(idle or roomy)["id"]
            if resolved_on is not None:
                changes["resolved_on"] = resolved_on.isoformat()
                changes["resolution"] = self.rng.choice(("fixed", "answered", "refunded", "declined"))
            self.put("tickets", made | changes)
            for text in self.rng.sample(REMARKS, self.rng.randint(0, 2)):
                self._comment(made["id"], text, self.rng.random() < 0.4, opened)
        # One agent has no room left.
        busy = [one for one in self.rows("agents") if not one["on_duty"] and not one["away"]]
        full = max(busy, key=lambda one: (self._load(one["id"]), one["id"]))
        self.put("agents", full | {"most_tickets": self._load(full["id"])})

    def _people(self, number: int) -> list[str]:
        """Full names without titles, each once."""
        return sorted({f"{self.fake.first_name()} {self.fake.last_name()}" for _ in range(number)})

    @tool(resource="tickets")
    def search_tickets(
        self,
        query: str | None = None,
        status: Literal["new", "open"] | None = None,
        priority: Priority | None = None,
        tags: list[Tag] | None = None,
        agent_id: str | None = None,
        limit: int = 20,
    ) -> list[Ticket]:
        """Search the tickets that are not resolved yet. The oldest come first.

        Args:
            query: Words from the subject or the customer's name.
            status: Only tickets in this state: new ones have no agent, open ones have.
            priority: Only tickets of this priority.
            tags: Only tickets with all of these tags.
            agent_id: Only tickets of this agent, by the id from list_agents.
            limit: How many to list at most, from 1 to 20.
        """
        self._check_limit(limit)
        if agent_id is not None:
            self.one("agents", agent_id)
        found = [
            record
            for record in self.rows("tickets")
            if record["status"] in ("new", "open")
            and status in (None, record["status"])
            and priority in (None, record["priority"])
            and agent_id in (None, record["agent_id"])
            and set(tags or ()) <= set(record["tags"])
            and self._matches(record, query)
        ]
        found.sort(key=lambda one: (one["opened_on"], one["id"]))
        return [self._shown(record) for record in found[:limit]]

    @tool(resource="tickets")
    def search_archive(
        self, query: str | None = None, resolution: Resolution | None = None, limit: int = 10
    ) -> list[Ticket]:
        """Search the resolved tickets. The latest resolved come first.

        Args:
            query: Words from the subject or the customer's name.
            resolution: Only tickets that were resolved like this.
            limit: How many to list at most, from 1 to 20.
        """
        self._check_limit(limit)
        found = [
            record
            for record in self.rows("tickets")
            if record["status"] == "resolved"
            and resolution in (None, record["resolution"])
            and self._matches(record, query)
        ]
        found.sort(key=lambda one: str(one["resolved_on"]), reverse=True)
        return [self._shown(record) for record in found[:limit]]

    @tool(resource="agents")
    def list_agents(self, team: Team | None = None, available_only: bool = False) -> list[Agent]:
        """List the agents who work on tickets, in order of name.

        Args:
            team: Only agents of this team.
            available_only: Only agents who are here and have room for another ticket.
        """
        found = [
            Agent(**record, open_tickets=self._load(record["id"]))
            for record in self.rows("agents")
            if team in (None, record["team"])
        ]
        free = [one for one in found if not one.away and one.open_tickets < one.most_tickets]
        return sorted(free if available_only else found, key=lambda one: (one.name, one.id))

    @tool(resource="new_tickets")
    def open_ticket(
        self,
        subject: str,
        customer: str,
        priority: Priority = "normal",
        tags: list[Tag] | None = None,
        contact: Contact | None = None,
    ) -> Ticket:
        """Open a new ticket for a customer. A customer can have at most five that are not resolved.

        Args:
            subject: What it is about, in a few words.
            customer: The customer's full name.
            priority: How pressing it is.
            tags: What it has to do with.
            contact: How the customer can be reached about it.
        """
        theirs = [
            one
            for one in self.rows("tickets")
            if one["customer"].casefold() == customer.casefold() and one["status"] in ("new", "open")
        ]
        if any(one["subject"].casefold() == subject.casefold() for one in theirs):
            raise Refused(f"{customer} has a ticket with this subject already.")
        if len(theirs) >= AT_ONCE:
            raise OverLimit(f"{customer} has {AT_ONCE} tickets that are not resolved yet.")
        made = self._add(subject, customer, priority, sorted(set(tags or ())), contact, self.clock)
        return self._shown(made)

    @tool(resource="comments")
    def add_comment(self, ticket_id: str, text: str, internal: bool = False) -> Comment:
        """Comment on a ticket that is not resolved yet.

        Args:
            ticket_id: The ticket's id, from search_tickets.
            text: What to write.
            internal: Whether only agents may read it; otherwise the customer gets it too.
        """
        record = self._live(ticket_id)
        made = self._comment(ticket_id, text, internal, self.clock)
        return Comment(**made, subject=record["subject"])

    @tool(resource="assignments")
    def assign_ticket(self, ticket_id: str, agent_id: str | None = None) -> Ticket:
        """Assign a ticket to an agent, in place of any other. A new ticket becomes open.

        An agent who is away or has no room for another ticket cannot get one.

        Args:
            ticket_id: The ticket's id, from search_tickets.
            agent_id: The agent's id, from list_agents; the agent on duty unless given.
        """
        record = self._live(ticket_id)
        agents = self.rows("agents")
        agent = (
            self.one("agents", agent_id)
            if agent_id is not None
            else next(one for one in agents if one["on_duty"])
        )
        if record["agent_id"] == agent["id"]:
            raise Refused(f"{agent['name']} has this ticket already.")
        if agent["away"]:
            raise Refused(f"{agent['name']} is away.")
        if self._load(agent["id"]) >= agent["most_tickets"]:
            raise OverLimit(f"{agent['name']} has no room for another ticket.")
        return self._shown(self.put("tickets", record | {"agent_id": agent["id"], "status": "open"}))

    @tool(resource="priorities")
    def change_priority(self, ticket_id: str, priority: Priority) -> Ticket:
        """Change the priority of a ticket that is not resolved yet.

        Args:
            ticket_id: The ticket's id, from search_tickets.
            priority: The new priority.
        """
        record = self._live(ticket_id)
        if record["priority"] == priority:
            raise Refused(f"The ticket has {priority} priority already.")
        return self._shown(self.put("tickets", record | {"priority": priority}))

    @tool(resource="resolutions")
    def resolve_ticket(self, ticket_id: str, resolution: Resolution) -> Ticket:
        """Resolve an open ticket. A new one has to be assigned first.

        Args:
            ticket_id: The ticket's id, from search_tickets.
            resolution: How it was resolved.
        """
        record = self._live(ticket_id)
        if record["status"] == "new":
            raise Refused("The ticket is new; assign it to an agent first.")
        done = {"status": "resolved", "resolution": resolution, "resolved_on": self.clock.isoformat()}
        return self._shown(self.put("tickets", record | done))

    @tool(resource="resolutions")
    def reopen_ticket(self, ticket_id: str, reason: str) -> Ticket:
        """Reopen a ticket that was resolved in the last 30 days. The reason becomes an internal note.

        Args:
            ticket_id: The ticket's id, from search_archive.
            reason: Why it has to be worked on again.
        """
        record = self.one("tickets", ticket_id)
        if record["status"] != "resolved":
            raise Refused("Only a resolved ticket can be reopened.")
        if record["resolved_on"] < (self.clock - dt.timedelta(days=AGAIN_DAYS)).isoformat():
            raise Refused(f"It was resolved more than {AGAIN_DAYS} days ago; open a new ticket.")
        self._comment(ticket_id, reason, True, self.clock)
        again = {"status": "open", "resolution": None, "resolved_on": None}
        return self._shown(self.put("tickets", record | again))

    @tool(resource="duplicates")
    def merge_ticket(self, ticket_id: str, into_ticket_id: str | None = None) -> Ticket:
        """Merge a duplicate ticket into another one, which gets its comments and the higher priority.

        Neither may be resolved. Merging cannot be undone.

        Args:
            ticket_id: The id of the duplicate, from search_tickets.
            into_ticket_id: The id of the ticket that stays, from search_tickets; the same customer's oldest
                other ticket that is not resolved unless given.
        """
        record = self._live(ticket_id)
        target = self._live(into_ticket_id) if into_ticket_id is not None else self._older(record)
        if target["id"] == record["id"]:
            raise Refused("A ticket cannot be merged into itself.")
        for comment in self.rows("comments"):
            if comment["ticket_id"] == ticket_id:
                self.put("comments", comment | {"ticket_id": target["id"]})
        self.put("tickets", record | {"status": "merged", "merged_into": target["id"]})
        higher = max(record["priority"], target["priority"], key=PRIORITIES.index)
        return self._shown(self.put("tickets", target | {"priority": higher}))

    def _live(self, ticket_id: str) -> dict[str, Any]:
        record = self.one("tickets", ticket_id)
        if record["status"] == "resolved":
            raise Refused("The ticket is resolved; reopen it first.")
        if record["status"] == "merged":
            raise Refused("The ticket was merged into another one.")
        return record

    def _older(self, record: dict[str, Any]) -> dict[str, Any]:
        others = [
            one
            for one in self.rows("tickets")
            if one["customer"] == record["customer"]
            and one["status"] in ("new", "open")
            and one["id"] != record["id"]
        ]
        if not others:
            raise Refused(f"{record['customer']} has no other ticket that is not resolved.")
        return min(others, key=lambda one: (one["opened_on"], one["id"]))

    def _matches(self, record: dict[str, Any], query: str | None) -> bool:
        text = f"{record['subject']} {record['customer']}".casefold()
        return query is None or query.casefold() in text

    def _check_limit(self, limit: int) -> None:
        if not 1 <= limit <= 20:
            raise OverLimit("Between 1 and 20 tickets can be listed.")

    def _load(self, agent_id: str) -> int:
        return sum(
            one["agent_id"] == agent_id and one["status"] == "open" for one in self.state["tickets"].values()
        )

    def _add(
        self,
        subject: str,
        customer: str,
        priority: str,
        tags: list[Tag],
        contact: Contact | None,
        opened: dt.date,
    ) -> dict[str, Any]:
        record = {
            "id": self.new_id("tickets", "tkt", subject, customer, opened.isoformat()),
            "subject": subject,
            "customer": customer,
            "email": contact.email if contact else None,
            "phone": contact.phone if contact else None,
            "status": "new",
            "priority": priority,
            "tags": tags,
            "agent_id": None,
            "opened_on": opened.isoformat(),
            "resolved_on": None,
            "resolution": None,
            "merged_into": None,
        }
        return self.put("tickets", record)

    def _comment(self, ticket_id: str, text: str, internal: bool, day: dt.date) -> dict[str, Any]:
        record = {
            "id": self.new_id("comments", "cmt", ticket_id, text, internal, day.isoformat()),
            "ticket_id": ticket_id,
            "text": text,
            "internal": internal,
            "date": day.isoformat(),
        }
        return self.put("comments", record)

    def _shown(self, record: dict[str, Any]) -> Ticket:
        agent = self.one("agents", record["agent_id"])["name"] if record["agent_id"] else None
        told = [one for one in self.rows("comments") if one["ticket_id"] == record["id"]]
        told.sort(key=lambda one: (one["date"], one["id"]))
        return Ticket(
            **{name: value for name, value in record.items() if name != "agent_id"},
            agent=agent,
            comments=[one["text"] for one in told if not one["internal"]],
            internal_notes=[one["text"] for one in told if one["internal"]],
        )
