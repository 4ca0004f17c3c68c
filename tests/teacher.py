"""A decent language-model teacher for the museum's tools, played from the rendered prompts alone.

It knows a purpose by its prompt file, words its requests, recovers a call's arguments from what the user said,
plays the museum's server from a fixed calendar of events, and answers with what the results show.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import re
import uuid
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import loopback as lb

Body = dict[str, Any]

MONTHS = "January February March April May June July August September October November December".split()
NUMBERS = {"twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40}
NAMES = tuple(
    f"{first} of {last}"
    for first in ("Night", "Voices", "Tales", "Colours", "Maps", "Gardens")
    for last in ("the Harbour", "Old Paris", "the Silk Road", "the Desert", "Winter")
)
PLACES = ("West Hall", "North Gallery", "Rose Court", "Glass Pavilion")
ABOUT = ("a guided walk by candle light", "an evening with readings", "a workshop for families")
PEOPLE = ("ada", "noor", "mateo", "ingrid", "tomasz", "wanjiru")

ASKS = {
    "getMuseumHours": "I would like to know your opening hours",
    "listSpecialEvents": "please tell me which special events are on",
    "createSpecialEvent": "please announce a new special event",
    "getSpecialEvent": "please tell me all about one special event",
    "updateSpecialEvent": "one special event has to be moved",
    "deleteSpecialEvent": "one special event has to be cancelled",
    "buyMuseumTickets": "I want to buy one ticket to the museum",
    "getTicketCode": "I need the scannable code of my ticket",
}
NEEDS = {
    "getMuseumHours": ("startDate",),
    "listSpecialEvents": ("startDate", "endDate"),
    "createSpecialEvent": ("name", "location", "eventDescription", "dates", "price"),
    "getSpecialEvent": ("eventId",),
    "updateSpecialEvent": ("eventId", "location"),
    "deleteSpecialEvent": ("eventId",),
    "buyMuseumTickets": ("ticketType", "ticketDate", "email"),
    "getTicketCode": ("ticketId",),
}
CLAUSES = {
    "startDate": "starting on {date}",
    "endDate": "up to {later}",
    "name": 'under the name "{name}"',
    "location": "in the {place}",
    "eventDescription": "described as {about}",
    "dates": "held on {date}",
    "price": "for {number} dollars",
    "eventId": "the one with the reference {uuid}",
    "ticketType": "with general entry",
    "ticketDate": "valid on {date}",
    "email": "and confirmed to {person}@example.com",
    "ticketId": "the ticket numbered {uuid}",
}
_DATE = r"(?P<month>[A-Z][a-z]+) (?P<day>\d+), (?P<year>\d{4})"
_UUID = r"(?P<text>[0-9a-f]{8}-[0-9a-f-]{27})"
SAID = {
    "startDate": rf"starting on {_DATE}",
    "endDate": rf"up to {_DATE}",
    "name": r'under the name "(?P<text>[^"]+)"',
    "location": r"in the (?P<text>[A-Z]\w+ [A-Z]\w+)",
    "eventDescription": rf"described as (?P<text>{'|'.join(ABOUT)})",
    "dates": rf"held on {_DATE}",
    "price": r"for (?P<text>\w+) dollars",
    "eventId": rf"reference {_UUID}",
    "ticketType": r"with (?P<text>general) entry",
    "ticketDate": rf"valid on {_DATE}",
    "email": r"confirmed to (?P<text>\w+@example\.com)",
    "ticketId": rf"numbered {_UUID}",
}
QUESTIONS = {
    "startDate": "From which day on?",
    "endDate": "Until which day?",
    "name": "What is it called?",
    "location": "Where does it take place?",
    "eventDescription": "How would you describe it?",
    "dates": "When is it held?",
    "price": "What does a ticket cost?",
    "eventId": "Which event do you mean?",
    "ticketType": "Which kind of ticket?",
    "ticketDate": "For which day?",
    "email": "Where should the confirmation go?",
    "ticketId": "Which ticket is it?",
}
SORRY = "I am sorry, nothing that I have here can do that."


def museum_teacher(body: Body) -> lb.Answer:
    """The answer of a teacher that does its work well."""
    system = body["messages"][0]["content"]
    for opening, answer in _ROLES.items():
        if opening in system:
            return answer(body, _chance(body))
    raise AssertionError(f"a prompt that nobody knows: {system[:80]!r}")


def purpose(body: Body) -> str:
    """Which of the four prompts a request was rendered from."""
    system = body["messages"][0]["content"]
    return next(answer.__name__ for opening, answer in _ROLES.items() if opening in system)


def _chance(body: Body) -> random.Random:
    return random.Random(sha256(json.dumps(body, sort_keys=True).encode()).hexdigest())


# The person


def instruction(body: Body, rng: random.Random) -> lb.Answer:
    wish = body["messages"][1]["content"]
    tool = next(name for name in ASKS if re.search(rf"\b{name}\b", wish))
    clauses = {name: _worded(CLAUSES[name], rng) for name in NEEDS[tool]}
    details = ""
    if "forgets to mention" in wish:
        details = clauses.pop(rng.choice([name for name in clauses if name != "ticketType"]))
    elif "at least two calls" in wish:
        clauses.pop("eventId", None)
        clauses.pop("ticketId", None)
        ending = "you will find it in the calendar of events"
        return _request(f"{ASKS[tool]}, {_listed(clauses)}; it is {_event(rng)['name']}, {ending}.", "", rng)
    return _request(f"{ASKS[tool]}, {_listed(clauses)}.", details, rng)


def _request(text: str, details: str, rng: random.Random) -> lb.Answer:
    opening = rng.choice(("Hello,", "Good morning,", "Hi there,", "Excuse me,", "A question:"))
    text = text.replace(", .", ".").replace(", ;", ";")
    return lb.json_reply({"request": f"{opening} {text}", "details": details})


def _listed(clauses: Mapping[str, str]) -> str:
    return ", ".join(clauses.values())


def _worded(clause: str, rng: random.Random) -> str:
    day = dt.date(2027, 1, 1) + dt.timedelta(days=rng.randrange(300))
    return clause.format(
        date=_in_words(day),
        later=_in_words(day + dt.timedelta(days=400)),
        name=rng.choice(NAMES) + rng.choice(("", " by Night", " for Children", " Revisited")),
        place=rng.choice(PLACES),
        about=rng.choice(ABOUT),
        number=rng.choice(list(NUMBERS)),
        uuid=_uuid(rng.random()),
        person=rng.choice(PEOPLE),
    )


def _in_words(day: dt.date) -> str:
    return f"{MONTHS[day.month - 1]} {day.day}, {day.year}"


def user(body: Body, rng: random.Random) -> lb.Answer:
    system = body["messages"][0]["content"]
    details = re.search(r"have not said yet: (.*)", system)
    assert details is not None
    asked = body["messages"][-1]["content"].splitlines()[-1].endswith("?")
    return lb.json_reply({"asked": asked, "reply": f"Oh, {details[1].strip()}." if asked else ""})


# The assistant


def assistant(body: Body, rng: random.Random) -> lb.Answer:
    messages = body["messages"][1:]
    said = " ".join(message["content"] for message in messages if message["role"] == "user")
    results = [json.loads(message["content"]) for message in messages if message["role"] == "tool"]
    calls = [message["tool_calls"][0]["function"]["name"] for message in messages if "tool_calls" in message]
    offered = {tool["function"]["name"] for tool in body["tools"]}
    tool = next(name for name, words in ASKS.items() if words.lower() in said.lower())
    if tool in calls:
        return lb.text_reply(_told(tool, results[-1]))
    if tool not in offered:
        return lb.text_reply(SORRY)
    arguments = {name: _heard(name, said) for name in NEEDS[tool]}
    if "calendar of events" in said:
        if not calls and "listSpecialEvents" in offered and tool != "listSpecialEvents":
            return _call("listSpecialEvents", {})
        event = _found(results, said)
        arguments |= {"eventId": event["eventId"]} if event and "eventId" in arguments else {}
    for name, value in arguments.items():
        if value is None:
            return lb.text_reply(QUESTIONS[name])
    return _call(tool, arguments)


def _call(tool: str, arguments: Body) -> lb.Answer:
    return lb.call_reply(tool, json.dumps(arguments))


def _heard(name: str, said: str) -> Any:
    match = re.search(SAID[name], said)
    if match is None:
        return None
    found = match.groupdict()
    if "month" in found:
        day = dt.date(int(found["year"]), MONTHS.index(found["month"]) + 1, int(found["day"])).isoformat()
        return [day] if name == "dates" else day
    return NUMBERS[found["text"]] if name == "price" else found["text"]


def _found(results: list[Any], said: str) -> Body | None:
    events = [event for result in results if isinstance(result, list) for event in result]
    return next((event for event in events if event["name"] in said), None)


def _told(tool: str, result: Any) -> str:
    if tool == "getMuseumHours":
        return f"On that day we open at {result[0]['timeOpen']} and close at {result[0]['timeClose']}."
    if tool == "listSpecialEvents":
        return f"There are {len(result)} events: {', '.join(event['name'] for event in result)}."
    if tool == "buyMuseumTickets":
        return f"Your ticket is booked; the confirmation code is {result['confirmationCode']}."
    if tool in ("createSpecialEvent", "getSpecialEvent", "updateSpecialEvent"):
        return f"The event {result['name']} takes place in the {result['location']}."
    return "The event was cancelled." if tool == "deleteSpecialEvent" else "Here is the code of your ticket."


# The server


def server(body: Body, rng: random.Random) -> lb.Answer:
    request = json.loads(body["messages"][-1]["content"])
    return lb.json_reply(_served(request["operation"], request["arguments"], rng))


def _served(operation: str, given: Body, rng: random.Random) -> Body:
    if operation == "getMuseumHours":
        first = dt.date.fromisoformat(given["startDate"])
        days = [(first + dt.timedelta(days=ahead)).isoformat() for ahead in range(3)]
        return _ok([{"date": day, "timeOpen": "09:00", "timeClose": "18:00"} for day in days])
    if operation == "listSpecialEvents":
        on = [given["startDate"]] if "startDate" in given else ["2027-05-02"]
        chosen = rng.sample(range(len(NAMES)), 3) if given else range(len(NAMES))
        return _ok([_numbered(number) | {"dates": on} for number in chosen])
    if operation == "createSpecialEvent":
        return _ok(given | {"eventId": _uuid(given["name"])}, 201)
    if operation in ("getSpecialEvent", "updateSpecialEvent"):
        known = {event["eventId"]: event for event in map(_numbered, range(len(NAMES)))}
        event = known.get(given["eventId"], _numbered(rng.randrange(len(NAMES))))
        return _ok(event | given)
    if operation == "buyMuseumTickets":
        ticket = {key: given[key] for key in ("ticketType", "ticketDate")}
        code = f"ticket-{rng.randrange(10**6):06d}-{rng.choice('abcdef')}"
        sold = {"ticketId": _uuid(code), "message": "Museum general entry ticket purchased"}
        return _ok(ticket | sold | {"confirmationCode": code}, 201)
    return {"status": 204, "body": None} if operation == "deleteSpecialEvent" else _ok(None)


def _ok(body: Any, status: int = 200) -> Body:
    return {"status": status, "body": body}


def _event(rng: random.Random) -> Body:
    return _numbered(rng.randrange(len(NAMES)))


def _numbered(number: int) -> Body:
    return {
        "eventId": _uuid(number),
        "name": NAMES[number],
        "location": PLACES[number % len(PLACES)],
        "eventDescription": ABOUT[number % len(ABOUT)],
        "dates": ["2027-05-02", "2027-05-09"],
        "price": 12 + number,
    }


def _uuid(seed: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"museum {seed}"))


_ROLES: Mapping[str, Callable[[Body, random.Random], lb.Answer]] = {
    "You write what real people type": instruction,
    "Call a tool as soon as you have": assistant,
    "You are the person who wrote": user,
    "You play the server of an API": server,
}


def with_faults(responder: lb.Responder, *, every: int = 7) -> lb.Responder:
    """The same teacher on a bad day: each `every`-th request meets trouble of the next sort."""
    troubles = (
        lb.too_many(),
        lb.error_reply(500, "out of memory"),
        lb.Reset(),
        lb.TRUNCATED_JSON,
        lb.CutOff(),
    )
    seen = 0

    def respond(body: Body) -> lb.Answer:
        nonlocal seen
        seen += 1
        if seen % every == 0:
            return troubles[seen // every % len(troubles)]
        number = int(sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:8], 16)
        asked_again = "Your answer cannot be used" in body["messages"][-1]["content"]
        if purpose(body) == "instruction" and number % 5 == 0 and not asked_again:
            return lb.text_reply("Gladly! I would like to hear your opening hours.")
        return lb.RAW_CALL if purpose(body) == "assistant" and number % 12 == 0 else responder(body)

    return respond
