"""A phrase sheet that names what is not there is refused with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from callwright.errors import SourceError
from callwright.schemas.tool import Toolkit
from callwright.sources import load_phrases, load_toolkit

MUSEUM = Path(__file__).parents[1] / "data" / "museum.yaml"

SHEET = """\
noun: the museum
contexts: ["I am in a hurry."]
fields:
  eventId: {lookup: {tool: listSpecialEvents, by: name}}
  price: {say: "{value} dollars", values: [5, 10]}
  getMuseumHours.limit: {values: [3]}
tools:
  getSpecialEvent:
    does: look up an event
    combinations:
      - [eventId]
    asks:
      plain: ["Tell me about {eventId}."]
    details:
      eventId: ["It is {eventId}."]
    follows:
      createSpecialEvent: [And show it to me.]
    answers: ["It costs {reply.price}."]
  listSpecialEvents:
    does: list events
    asks:
      terse: [Events?]
    answers: ["{count} events: {items}"]
    item: "{name} in the {location}"
  buyMuseumTickets:
    does: buy tickets
    combinations:
      - [ticketType=general, ticketDate]
    asks:
      plain: ["A ticket for {ticketDate}."]
    answers: [Done.]
"""


@pytest.fixture(scope="module")
def museum() -> Toolkit:
    return load_toolkit(MUSEUM)[0]


def write(folder: Path, text: str) -> Path:
    path = folder / "museum.phrases.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_sheet_is_read(tmp_path: Path, museum: Toolkit) -> None:
    sheet = load_phrases(write(tmp_path, SHEET), museum)
    assert sheet.tools["buyMuseumTickets"].combinations == (("ticketType=general", "ticketDate"),)


def test_a_text_argument_may_be_authored(tmp_path: Path, museum: Toolkit) -> None:
    sheet = load_phrases(write(tmp_path, SHEET.replace("eventId: {", "eventId: {authored: true, ")), museum)
    assert sheet.fields["eventId"].authored
    assert not sheet.fields["price"].authored


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  getSpecialEvent:", "  getSpecialEvents:", "line 8: tools.getSpecialEvents: there is no tool"),
        ("  getSpecialEvent:", "  getSpecialEvents:", "did you mean getSpecialEvent?"),
        (
            "about {eventId}",
            "about {eventID}",
            "line 13: tools.getSpecialEvent.asks.plain.0: there is no slot",
        ),
        ("about {eventId}", "about {eventID}", "did you mean eventId?"),
        ("about {eventId}", "about {eventId", "braces do not match"),
        ("about {eventId}", "about {eventId!r}", "a slot is a name in braces"),
        ("about {eventId}", "about {}", "a slot is a name in braces"),
        (
            '      eventId: ["It',
            '      event: ["It',
            "line 15: tools.getSpecialEvent.details.event: there is no argument",
        ),
        ("      createSpecialEvent:", "      makeSpecialEvent:", "no tool named makeSpecialEvent"),
        ("      - [eventId]", "      - [id]", "there is no argument named id"),
        (
            "[ticketType=general, ticketDate]",
            "[ticketType=general]",
            "lacks ticketDate, which buyMuseumTickets requires",
        ),
        (
            "ticketType=general",
            "ticketType=annual",
            "line 28: tools.buyMuseumTickets.combinations.0.0: ticketType cannot be annual",
        ),
        (
            "tool: listSpecialEvents",
            "tool: listEvents",
            "line 4: fields.eventId.lookup.tool: there is no tool",
        ),
        ("by: name", "by: title", "no field in the answer of listSpecialEvents named title"),
        ("{value} dollars", "{price} dollars", "line 5: fields.price.say: there is no slot named price"),
        ("  price: {say", "  prize: {say", "no argument or answer field named prize; did you mean price?"),
        ("  getMuseumHours.limit:", "  getMuseumHour.limit:", "no tool named getMuseumHour"),
        (
            "  getMuseumHours.limit:",
            "  getMuseumHours.limits:",
            "argument or answer field of getMuseumHours named limits",
        ),
        (
            "{values: [3]}",
            "{values: [3], authored: true}",
            "line 6: fields.getMuseumHours.limit.authored: getMuseumHours.limit is no text argument",
        ),
        ("  price: {say", "  price: {authored: true, say", "price is no text argument; remove `authored`"),
        ("  eventId: {", "  eventId: {authored: yes please, ", "line 4: fields.eventId.authored"),
        ("I am in a hurry.", "I want {eventId}.", "line 2: contexts.0: there is no slot"),
        ("in the {location}", "in the {room}", "tools.listSpecialEvents.item: there is no slot named room"),
        ("    does: list events", "    do: list events", "no such key; did you mean does?"),
        ("    does: list events\n", "", "tools.listSpecialEvents.does: Field required"),
        ("      terse: [Events?]", "      terse: []", "at least one wording is needed"),
        ("      terse: [Events?]", "      rude: [Events?]", "line 22: tools.listSpecialEvents.asks"),
        (SHEET, "- a list", "no phrase sheet"),
        (SHEET, "noun: [", "not YAML"),
    ],
)
def test_a_mistake_is_named_with_line_and_key(
    tmp_path: Path, museum: Toolkit, old: str, new: str, told: str
) -> None:
    assert old in SHEET
    with pytest.raises(SourceError) as caught:
        load_phrases(write(tmp_path, SHEET.replace(old, new, 1)), museum)
    assert told in str(caught.value)
    assert "museum.phrases.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)
