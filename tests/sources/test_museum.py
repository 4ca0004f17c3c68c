"""The museum's file, tool by tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from callwright.schemas.tool import OpenAPIBinding, Place, Reply, Tool
from callwright.sources import load_toolkit
from sources.checks import assert_sound

DATA = Path(__file__).parents[1] / "data"

ARGUMENTS = {
    "getMuseumHours": (["startDate", "page", "limit"], []),
    "listSpecialEvents": (["startDate", "endDate", "page", "limit"], []),
    "createSpecialEvent": (
        ["name", "location", "eventDescription", "dates", "price"],
        ["name", "location", "eventDescription", "dates", "price"],
    ),
    "getSpecialEvent": (["eventId"], ["eventId"]),
    "updateSpecialEvent": (
        ["eventId", "name", "location", "eventDescription", "dates", "price"],
        ["eventId"],
    ),
    "deleteSpecialEvent": (["eventId"], ["eventId"]),
    "buyMuseumTickets": (["email", "ticketDate", "ticketType", "eventId"], ["ticketType", "ticketDate"]),
    "getTicketCode": (["ticketId"], ["ticketId"]),
}


@pytest.fixture(scope="module")
def tools() -> dict[str, Tool]:
    toolkit, refusals = load_toolkit(DATA / "museum.yaml")
    assert refusals == ()
    assert_sound(toolkit.tools)
    return {tool.name: tool for tool in toolkit.tools}


def test_the_toolkit_carries_title_licence_and_file_name() -> None:
    toolkit, _ = load_toolkit(DATA / "museum.yaml")
    assert (toolkit.name, toolkit.title) == ("redocly-museum-api", "Redocly Museum API")
    assert (toolkit.licence, toolkit.origin) == ("MIT", "museum.yaml")
    assert load_toolkit(DATA / "museum.yaml", name="museum")[0].name == "museum"


def test_eight_operations_become_eight_tools_with_exactly_their_arguments(tools: dict[str, Tool]) -> None:
    assert tools.keys() == ARGUMENTS.keys()
    for name, (arguments, required) in ARGUMENTS.items():
        assert list(tools[name].properties) == arguments
        assert sorted(tools[name].required) == sorted(required)


def test_ids_that_the_server_makes_are_no_arguments(tools: dict[str, Tool]) -> None:
    assert "eventId" not in tools["createSpecialEvent"].properties
    assert "ticketId" not in tools["buyMuseumTickets"].properties
    assert "eventId" in tools["buyMuseumTickets"].properties


def test_a_property_is_written_out_with_its_own_description(tools: dict[str, Tool]) -> None:
    assert tools["buyMuseumTickets"].properties["ticketDate"] == {
        "type": "string",
        "format": "date",
        "description": "Date when this ticket can be used for museum entry.",
        "examples": ["2023-10-29"],
    }
    assert tools["getMuseumHours"].properties["limit"] == {
        "type": "integer",
        "default": 10,
        "maximum": 30,
        "description": "Number of days per page.",
        "examples": [15],
    }


def test_answers_keep_status_media_type_and_examples(tools: dict[str, Tool]) -> None:
    assert tools["deleteSpecialEvent"].reply == Reply(status=204, media_type=None)
    assert tools["deleteSpecialEvent"].returns is None
    assert tools["getTicketCode"].reply == Reply(status=200, media_type="image/png")
    assert tools["getTicketCode"].returns is None
    bought = tools["buyMuseumTickets"]
    assert (bought.reply.status, bought.reply.media_type) == (201, "application/json")
    assert [example["ticketType"] for example in bought.reply.examples] == ["general", "event"]
    assert bought.returns is not None
    assert bought.returns["required"] == ["ticketType", "ticketDate", "message", "confirmationCode"]


def test_a_time_of_day_in_an_example_stays_text(tools: dict[str, Tool]) -> None:
    returns = tools["getMuseumHours"].returns
    assert returns is not None
    assert returns["items"]["properties"]["timeClose"]["examples"] == ["18:00"]


def test_documented_requests_become_argument_objects(tools: dict[str, Tool]) -> None:
    assert [sorted(example) for example in tools["buyMuseumTickets"].examples] == [
        ["email", "ticketDate", "ticketType"],
        ["email", "eventId", "ticketDate", "ticketType"],
    ]
    assert tools["updateSpecialEvent"].examples == (
        {"eventId": "dad4bce8-f5cb-4078-a211-995864315e39", "location": "On the beach.", "price": 15},
    )
    assert tools["listSpecialEvents"].examples == ()


def test_resources_group_what_looks_alike(tools: dict[str, Tool]) -> None:
    assert {name: tool.resource for name, tool in tools.items()} == {
        "getMuseumHours": "museum-hours",
        "listSpecialEvents": "special-events",
        "createSpecialEvent": "special-events",
        "getSpecialEvent": "special-events",
        "updateSpecialEvent": "special-events",
        "deleteSpecialEvent": "special-events",
        "buyMuseumTickets": "tickets",
        "getTicketCode": "tickets",
    }


def test_the_binding_says_where_each_argument_goes(tools: dict[str, Tool]) -> None:
    assert tools["updateSpecialEvent"].binding == OpenAPIBinding(
        method="PATCH",
        path="/special-events/{eventId}",
        server="https://redocly.com/_mock/docs/openapi/museum-api",
        content_type="application/json",
        places={
            "eventId": Place(location="path", name="eventId"),
            "name": Place(location="body", name="name"),
            "location": Place(location="body", name="location"),
            "eventDescription": Place(location="body", name="eventDescription"),
            "dates": Place(location="body", name="dates"),
            "price": Place(location="body", name="price"),
        },
    )


def test_every_pokeapi_operation_imports() -> None:
    toolkit, refusals = load_toolkit(DATA / "pokeapi.yaml")
    assert len(toolkit.tools) == 100
    assert refusals == ()
    assert_sound(toolkit.tools)
    assert {tool.name: tool.resource for tool in toolkit.tools}["berry_retrieve"] == "berry"
    # None of these answers is so large that it was left open.
    assert all(
        "$defs" not in (tool.returns or {}) or tool.name == "evolution_chain_retrieve"
        for tool in toolkit.tools
    )
