"""A mailbox: messages in folders, labels and flags, mail that waits for its day."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Shelf = Literal["inbox", "work", "family", "travel", "receipts", "archive", "spam"]
"""Folders that people put messages into."""
Folder = Literal[
    "inbox", "work", "family", "travel", "receipts", "archive", "spam", "sent", "scheduled", "trash"
]
Label = Literal["urgent", "personal", "finance", "events", "home", "later"]
Limit = Annotated[int, Field(ge=1, le=50)]

MOST_RECIPIENTS = 10
MOST_LABELS = 4
LARGEST_ATTACHMENT_MB = 25.0

# Subject, text. Some of them, from made-up people.
LETTERS = (
    (
        "Keys for the lake cabin",
        "The keys are with the neighbor in the green house. Please close the shutters when you leave.",
    ),
    (
        "Carpool for the science fair",
        "I can take three kids on {day}. Could you bring them home in the evening?",
    ),
    ("Grandpa's harmonica", "I found it in the attic and it still plays. Would you like to have it?"),
    (
        "Notes from the budget meeting",
        "Travel stays as it is and printing gets less. We meet again on {day} to settle the rest.",
    ),
    (
        "Draft of the mural proposal",
        "This is my first try. The city wants to see it by {day}, so please be blunt.",
    ),
    ("Soup swap at our place", "Come over on {day} with a pot of your best soup. We have plenty of bowls."),
    (
        "Photos from the ridge hike",
        "I picked the best ones. The fog over the valley came out better than I hoped.",
    ),
    ("Question about the spare room", "Is it free from {day} on? My cousin would stay for about a week."),
    ("Your umbrella is still here", "It stands by our door. I can drop it off at your office on {day}."),
    (
        "Plan for the garden fence",
        "I measured it again and we need more boards. The lumber yard can deliver on {day}.",
    ),
    (
        "Choir rehearsal moved",
        "The hall has a leak, so we sing at the school on {day}. Bring the blue folder.",
    ),
    (
        "Feedback on your cover letter",
        "It's strong, but the second paragraph is too long. I marked what I would cut.",
    ),
    (
        "Birthday surprise for Odette",
        "She suspects nothing. We hide in the kitchen on {day}, so please park around the corner.",
    ),
    (
        "Route for the canoe trip",
        "We start at the old mill and camp by the second bridge. High water is forecast until {day}.",
    ),
    (
        "Handover for the Pinewood account",
        "The client likes short calls. Their contract is up for renewal on {day}.",
    ),
    (
        "Volunteers for the food stall",
        "We still need two people on {day}. You would be cutting bread and handing out lemonade.",
    ),
    (
        "Recipe for plum dumplings",
        "The secret is to roast the crumbs slowly. Don't skip the pinch of salt in the sugar.",
    ),
    (
        "Old piano looking for a home",
        "It's free to anyone who can carry it down two flights of stairs. I move out on {day}.",
    ),
    (
        "Agenda for the tenants' meeting",
        "First the broken elevator, then the bicycle room. We meet in the lobby on {day}.",
    ),
    (
        "Babysitting while we are away",
        "Could you look after the twins on {day}? They go to bed early and love card games.",
    ),
    (
        "Slides for the harbor workshop",
        "I moved the map to the front. Please check the numbers before {day}.",
    ),
    ("Lost scarf at the theater", "I asked at the coat check and they have a red one. Is yours striped?"),
    (
        "Potluck list for the block party",
        "So far we have four salads and no dessert. Please tell me by {day} what you will bring.",
    ),
    (
        "Interview for the podcast",
        "I would love to have you on the show. We record on {day} and it takes about an hour.",
    ),
    (
        "Bike repair in the courtyard",
        "I'm setting up the stand on {day}. Bring the squeaky one and some rags.",
    ),
    (
        "Ideas for the school newsletter",
        "I thought of a page with jokes from the lower grades. Send me yours before {day}.",
    ),
)
# Subject, sender, text, whether the sender takes replies. All of them: people can ask for these senders.
NOTICES = (
    (
        "Your bookcase is on its way",
        "Fernhill Furniture",
        "The delivery comes on {day}. Our drivers call before they arrive.",
        True,
    ),
    (
        "Estimate for the gutter repair",
        "Copperline Roofing",
        "We can clean and mend the gutters on {day}. Invoices are due within two weeks.",
        True,
    ),
    (
        "Time for your checkup",
        "Larkspur Dental",
        "Your last cleaning was a while ago. We have free appointments on {day}.",
        True,
    ),
    (
        "Booking for the sleeper cabin",
        "Marlow Night Trains",
        "Your train tickets are valid on {day}. Breakfast is served in the cabin.",
        True,
    ),
    (
        "Your electricity statement",
        "Brightwater Power",
        "The amount is collected on {day}. You can send us meter readings at any time.",
        False,
    ),
    (
        "Catalog for the new season",
        "Thistle and Loam",
        "Our seeds are here, with eleven kinds of beans. Orders placed before {day} ship for free.",
        True,
    ),
    (
        "Money back for the blue kettle",
        "Kettle and Crane",
        "We received your return. Refunds reach your account by {day}.",
        True,
    ),
    (
        "Overdue reminder",
        "Dovecote Library",
        "Two library books are late. You can renew them until {day} without a fee.",
        False,
    ),
    (
        "Seats for the puppet opera",
        "Little Lantern Theater",
        "Your tickets for {day} are at the box office. The doors open half an hour before the show.",
        False,
    ),
    (
        "Room reserved at the coast",
        "Heron Inn",
        "We look forward to your stay on {day}. Parking is behind the house.",
        True,
    ),
    (
        "Changes to your gym membership",
        "Anvil Street Gym",
        "The pool closes for repairs on {day}. You can pause your plan until it opens again.",
        True,
    ),
    (
        "Parcel left with a neighbor",
        "Swiftpaw Couriers",
        "Nobody opened the door. Parcels that nobody collects go back on {day}.",
        False,
    ),
)
# Subject, text. Some of them, from the owner of the mailbox.
OWN = (
    ("Apology for the noise", "The drilling is over now. Please come by for a cup of coffee."),
    ("Offer for the rowing machine", "It has hardly been used. You can pick it up on {day}."),
    ("Thanks for the plum jam", "It was gone in two days. The children asked for more."),
    ("Deposit for the studio", "I sent it this morning. We would like to start painting on {day}."),
    ("Parking spot behind the bakery", "Is it still for rent? I would need it from {day} on."),
    ("Our new address", "We are moving on {day}. The phone number stays the same."),
    ("Application for the garden plot", "I would love to grow beans and squash. I can start on {day}."),
    ("Guest list for the housewarming", "This is who said yes so far. The party is on {day}."),
)


class Attachment(Thing):
    name: str = Field(description="The file's name.")
    size_mb: float = Field(description="Its size in megabytes, above 0.")


class MessageInfo(Thing):
    id: str
    subject: str
    sender: str
    date: dt.date
    folder: Folder
    labels: list[Label]
    unread: bool
    flagged: bool


class Message(MessageInfo):
    sender_address: str
    to: list[str]
    cc: list[str]
    body: str
    attachment: Attachment | None
    remind_on: dt.date | None
    takes_replies: bool


class Deletion(Thing):
    id: str
    subject: str
    permanently: bool


class Mail(World):
    """A personal mailbox with folders, labels and flags."""

    title = "Pigeonhole Mail"
    category = "email"

    def populate(self) -> None:
        name, address = self._person()
        self.state["owner"] = {"me": {"id": "me", "name": name, "address": address}}
        self.state["messages"] = {}
        shelves: tuple[Folder, ...] = ("inbox", "work", "family", "travel", "receipts", "archive", "trash")
        for subject, body in self.rng.sample(LETTERS, 14):
            name, address = self._person()
            cc = [self._person()[1] for _ in range(self.rng.choice((0, 0, 0, 1, 2)))]
            (shelf,) = self.rng.choices(shelves, (9, 2, 2, 0, 0, 2, 2))
            self._arrive(subject, name, address, body, shelf, True, cc)
        for subject, name, body, takes_replies in NOTICES:
            slug = "-".join(name.lower().split())
            address = f"{slug if takes_replies else 'no-reply.' + slug}@example.com"
            (shelf,) = self.rng.choices(shelves, (8, 0, 0, 1, 2, 1, 0))
            self._arrive(subject, name, address, body, shelf, takes_replies, [])
        for subject, body in self.rng.sample(OWN, 4):
            record = self._letter([self._person()[1]], [], subject, self._dated(body), "sent")
            day = self.clock - dt.timedelta(days=self.rng.randint(1, 30))
            self.put("messages", record | {"date": day.isoformat()})

    def _person(self) -> tuple[str, str]:
        """A name, and an address that goes with it."""
        first, last = self.fake.first_name(), self.fake.last_name()
        return f"{first} {last}", f"{first}.{last}@example.{self.rng.choice(('com', 'org', 'net'))}".lower()

    def _dated(self, text: str) -> str:
        day = self.clock + dt.timedelta(days=self.rng.randint(2, 40))
        return text.format(day=f"{day:%B} {day.day}")

    def _arrive(
        self,
        subject: str,
        sender: str,
        address: str,
        body: str,
        folder: Folder,
        takes_replies: bool,
        cc: list[str],
    ) -> None:
        labels: tuple[Label, ...] = ("urgent", "personal", "finance", "events", "home", "later")
        to = [self.one("owner", "me")["address"]]
        kept = folder != "trash"
        record = self._letter(to, cc, subject, self._dated(body), folder) | {
            "sender": sender,
            "sender_address": address,
            "date": (self.clock - dt.timedelta(days=self.rng.randint(0, 45))).isoformat(),
            "labels": [self.rng.choice(labels)] if self.rng.random() < 0.4 else [],
            "unread": self.rng.random() < 0.4,
            "flagged": self.rng.random() < 0.15 and kept,
            "takes_replies": takes_replies,
        }
        self.put("messages", record)

    @tool(resource="messages")
    def search_messages(
        self,
        query: str | None = None,
        folder: Folder | None = None,
        sender: str | None = None,
        label: Label | None = None,
        since: dt.date | None = None,
        unread_only: bool = False,
        flagged_only: bool = False,
        limit: Limit = 20,
    ) -> list[MessageInfo]:
        """Search the messages of the mailbox. The newest come first, without their text.

        Args:
            query: Words that the subject, the text or the sender's name must contain.
            folder: Only messages in this folder; all but the trash unless given.
            sender: Only messages from this sender, by name or address.
            label: Only messages with this label.
            since: Only messages of this day or later.
            unread_only: Whether to leave out messages that were read.
            flagged_only: Whether to leave out messages without a flag.
            limit: How many messages to list at most, from 1 to 50.
        """
        found = [
            record
            for record in self.rows("messages")
            if (record["folder"] == folder if folder else record["folder"] != "trash")
            and (query is None or _matches(record, query))
            and (
                sender is None
                or sender.casefold() in f"{record['sender']} {record['sender_address']}".casefold()
            )
            and (label is None or label in record["labels"])
            and (since is None or record["date"] >= since.isoformat())
            and (record["unread"] or not unread_only)
            and (record["flagged"] or not flagged_only)
        ]
        found.sort(key=lambda record: (record["date"], record["id"]), reverse=True)
        return [
            MessageInfo(**{name: record[name] for name in MessageInfo.model_fields})
            for record in found[:limit]
        ]

    @tool(resource="messages")
    def read_message(self, message_id: str) -> Message:
        """Open a message with its whole text. It counts as read from then on.

        Args:
            message_id: The message's id, from search_messages.
        """
        return self._store(self.one("messages", message_id) | {"unread": False})

    @tool(resource="outgoing messages")
    def send_message(
        self,
        to: list[str],
        subject: str,
        body: str,
        cc: list[str] | None = None,
        send_on: dt.date | None = None,
        attachment: Attachment | None = None,
    ) -> Message:
        """Send a new message, now or on a later day. Until that day it waits in the folder "scheduled".

        Args:
            to: The recipients' addresses; with those in copy, at most 10.
            subject: The subject line.
            body: The text of the message.
            cc: Addresses of people who get a copy.
            send_on: A later day on which to send it; at once unless given.
            attachment: A file to attach, up to 25 MB.
        """
        if not subject.strip() or not body.strip():
            raise Refused("A message needs a subject and a text.")
        if send_on and send_on <= self.clock:
            raise Refused("The day on which to send a message must be after today.")
        if attachment and not 0 < attachment.size_mb <= LARGEST_ATTACHMENT_MB:
            raise OverLimit(f"An attachment can have up to {LARGEST_ATTACHMENT_MB:g} MB.")
        self._check_addresses([*to, *(cc or ())])
        record = self._letter(to, cc or [], subject, body, "scheduled" if send_on else "sent")
        record["date"] = (send_on or self.clock).isoformat()
        record["attachment"] = attachment.model_dump(mode="json") if attachment else None
        return self._store(record)

    @tool(resource="messages")
    def reply_to_message(self, message_id: str, body: str, reply_all: bool = False) -> Message:
        """Reply to a message. The reply to one of your own goes to its recipients.

        Args:
            message_id: The message's id, from search_messages.
            body: The text of the reply.
            reply_all: Whether everybody else who got the message gets the reply as well.
        """
        record = self._delivered(message_id)
        if not record["takes_replies"]:
            raise Refused(f"{record['sender']} does not take replies to this message.")
        if not body.strip():
            raise Refused("A reply needs a text.")
        me = self.one("owner", "me")["address"]
        own = record["sender_address"] == me
        others = [one for one in [*record["to"], *record["cc"]] if one not in (me, record["sender_address"])]
        to = record["to"] if own else [record["sender_address"]]
        cc = [one for one in others if one not in to] if reply_all else []
        return self._store(self._letter(to, cc, _prefixed("Re", record["subject"]), body, "sent"))

    @tool(resource="messages")
    def forward_message(self, message_id: str, to: list[str], note: str | None = None) -> Message:
        """Forward a message with its attachment to other people.

        Args:
            message_id: The message's id, from search_messages.
            to: The recipients' addresses, at most 10.
            note: A few words of your own, put above the message.
        """
        record = self._delivered(message_id)
        self._check_addresses(to)
        body = f"{note}\n\n{record['body']}" if note else record["body"]
        sent = self._letter(to, [], _prefixed("Fwd", record["subject"]), body, "sent")
        return self._store(sent | {"attachment": record["attachment"]})

    @tool(resource="messages")
    def move_message(self, message_id: str, folder: Shelf) -> Message:
        """Move a message to another folder. This also takes a message out of the trash.

        Args:
            message_id: The message's id, from search_messages.
            folder: The folder to put it into.
        """
        record = self.one("messages", message_id)
        if record["folder"] == "scheduled":
            raise Refused("The message is still to be sent and stays where it is.")
        if record["folder"] == folder:
            raise Refused(f"The message is in the folder {folder} already.")
        return self._store(record | {"folder": folder})

    @tool(resource="messages")
    def label_message(self, message_id: str, labels: list[Label]) -> Message:
        """Put labels on a message, besides those it has. A message can have 4 labels at most.

        Args:
            message_id: The message's id, from search_messages.
            labels: The labels to add.
        """
        record = self._kept(message_id)
        union = sorted({*record["labels"], *labels})
        if len(union) == len(record["labels"]):
            raise Refused("The message has all of these labels already.")
        if len(union) > MOST_LABELS:
            raise OverLimit(f"A message can have {MOST_LABELS} labels at most.")
        return self._store(record | {"labels": union})

    @tool(resource="messages")
    def flag_message(self, message_id: str, remind_on: dt.date | None = None) -> Message:
        """Flag a message, with a reminder if wanted. Flagging it again sets another reminder or none.

        Args:
            message_id: The message's id, from search_messages.
            remind_on: The day on which to be reminded of it, after today.
        """
        record = self._kept(message_id)
        if remind_on and remind_on <= self.clock:
            raise Refused("The day of a reminder must be after today.")
        day = remind_on.isoformat() if remind_on else None
        if record["flagged"] and record["remind_on"] == day:
            raise Refused("The message is flagged like that already.")
        return self._store(record | {"flagged": True, "remind_on": day})

    @tool(resource="messages")
    def delete_message(self, message_id: str, permanently: bool = False) -> Deletion:
        """Delete a message. It goes to the trash, or for good if wanted; a scheduled one is not sent.

        Args:
            message_id: The message's id, from search_messages.
            permanently: Whether to delete it for good.
        """
        record = self.one("messages", message_id)
        if permanently:
            self.remove("messages", message_id)
        elif record["folder"] == "trash":
            raise Refused("The message is in the trash already.")
        else:
            self._store(record | {"folder": "trash", "flagged": False, "remind_on": None})
        return Deletion(id=message_id, subject=record["subject"], permanently=permanently)

    def _letter(
        self, to: Sequence[str], cc: Sequence[str], subject: str, body: str, folder: Folder
    ) -> dict[str, Any]:
        """The record of a message that the owner writes today."""
        me = self.one("owner", "me")
        return {
            "id": self.new_id("messages", "msg", subject, body, folder, list(to), list(cc)),
            "subject": subject,
            "sender": me["name"],
            "sender_address": me["address"],
            "to": list(to),
            "cc": list(cc),
            "date": self.clock.isoformat(),
            "folder": folder,
            "labels": [],
            "unread": False,
            "flagged": False,
            "remind_on": None,
            "body": body,
            "attachment": None,
            "takes_replies": True,
        }

    def _store(self, record: dict[str, Any]) -> Message:
        return Message(**self.put("messages", record))

    def _kept(self, message_id: str) -> dict[str, Any]:
        record = self.one("messages", message_id)
        if record["folder"] == "trash":
            raise Refused("The message is in the trash. Move it to a folder first.")
        return record

    def _delivered(self, message_id: str) -> dict[str, Any]:
        record = self._kept(message_id)
        if record["folder"] == "scheduled":
            raise Refused("The message is still to be sent.")
        return record

    def _check_addresses(self, addresses: Sequence[str]) -> None:
        if not addresses:
            raise Refused("A message needs a recipient.")
        for address in addresses:
            if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address):
                raise Refused(f"{address!r} is no e-mail address.")
        if len(set(addresses)) > MOST_RECIPIENTS:
            raise OverLimit(f"A message can go to {MOST_RECIPIENTS} people at most.")


def _matches(record: dict[str, Any], query: str) -> bool:
    text = f"{record['subject']} {record['body']} {record['sender']}".casefold()
    return all(word in text for word in query.casefold().split())


def _prefixed(prefix: str, subject: str) -> str:
    return subject if subject.startswith(f"{prefix}: ") else f"{prefix}: {subject}"
