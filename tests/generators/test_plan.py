import datetime as dt
import json
import random
import re

import pytest
from made import CLOSED, demo, demo_rows, make_rows

from callwright.errors import GenerationError
from callwright.generators.planning.plan import Planner, list_in, ordered
from callwright.generators.planning.scenario import Goal, Plan, Scenario, is_opaque
from callwright.generators.planning.walks import scenarios
from callwright.schemas.phrases import Field_, Lookup, PhraseSheet, ToolPhrases
from callwright.schemas.tool import Reply, Tool, Toolkit
from callwright.toolbox.rehearsal import Rehearsal

CLOCK = dt.date(2026, 3, 10)
MUSEUM, LIBRARY = demo().toolkits
IDS = r"\b[0-9a-f]{8}-[0-9a-f]{4}|\b(?:bk|hd|ln|ev)-\d{6}"


def takes(tool, /, **properties):
    """A tool that requires these arguments."""
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return Tool(name=tool, description=tool, parameters=parameters)


def planned(toolkit, tool, combination, seed=1, **scenario):
    return Planner(toolkit, seed, CLOCK, random.Random(seed)).plan(
        Scenario(toolkit=toolkit.name, goals=(Goal(tool=tool, combination=combination),), **scenario), 0
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_range_is_in_order_and_never_empty(seed):
    arguments = planned(MUSEUM, "listSpecialEvents", ("startDate", "endDate"), seed).served[0].arguments
    assert CLOCK.isoformat() < arguments["startDate"] < arguments["endDate"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"startDate": "2026-03-09", "endDate": "2026-03-01"}, ("2026-03-01", "2026-03-09")),
        ({"startDate": "2026-03-09", "endDate": "2026-03-09"}, ("2026-03-09", "2026-03-12")),
        ({"minPrice": 30, "maxPrice": 10}, (10, 30)),
        ({"price_min": 30, "price_max": 10}, (10, 30)),
        ({"from": "2026-03-09", "to": "2026-03-01"}, ("2026-03-01", "2026-03-09")),
        ({"since": 5, "until": 2}, (2, 5)),
        ({"start": 5, "limit": 2}, (5, 2)),
    ],
)
def test_the_ends_of_a_range_are_put_in_order(given, expected):
    assert tuple(ordered(given).values()) == expected


@pytest.mark.parametrize("seed", range(20))
def test_a_ticket_is_for_a_day_on_which_the_event_takes_place(seed):
    combination = ("ticketType=event", "ticketDate", "eventId")
    plan = planned(MUSEUM, "buyMuseumTickets", combination, seed)
    served = plan.served[0]
    listed = Rehearsal(MUSEUM, seed, CLOCK).call(MUSEUM.tool("listSpecialEvents"), plan.calls[0].arguments)
    event = next(one for one in listed[1] if one["eventId"] == served.arguments["eventId"])
    assert served.arguments["ticketDate"] in event["dates"]
    assert served.names == {"eventId": event["name"]}
    assert [call.name for call in plan.calls] == ["listSpecialEvents", "buyMuseumTickets"]


def test_arguments_go_together_only_as_the_sheet_says():
    allowed = {
        (kit.name, name): {tuple(part.split("=")[0] for part in one) for one in phrases.combinations}
        for kit in demo().toolkits
        for name, phrases in kit.phrases.tools.items()
    }
    for row in demo_rows(60):
        plan = Plan.model_validate(row.task.plan)
        key = (plan.scenario.toolkit, plan.scenario.tool)
        given = set(plan.served[-1].arguments)
        assert any(given == set(one) for one in allowed[key] or {()}), given


def test_an_opaque_id_never_stands_in_what_the_user_says():
    for row in demo_rows(60):
        for message in row.messages:
            if message.role == "user":
                assert not re.search(IDS, message.content)


def test_an_opaque_id_comes_from_an_earlier_observation():
    for row in demo_rows(60):
        seen = ""
        for message in row.messages:
            for call in getattr(message, "tool_calls", ()):
                for name, value in json.loads(call.arguments).items():
                    if name.endswith("Id"):
                        assert value in seen
            if message.role == "tool":
                seen += message.content


def test_rows_become_the_kind_that_was_aimed_at():
    for row in demo_rows(60):
        assert row.kind == row.task.kind
        assert (row.task.withheld is not None) == (row.kind == "no_call")


def test_what_was_planned_is_what_is_called():
    for row in demo_rows(60):
        made = [(call.name, json.loads(call.arguments)) for call in row.tool_calls]
        assert made == [(one.name, one.arguments) for one in row.task.intended]


@pytest.mark.parametrize("kind", CLOSED)
def test_the_same_attempt_is_the_same_row(kind):
    first, second = (make_rows(demo(), {kind: 3}) for _ in range(2))
    assert [row.id for row in first] == [row.id for row in second]
    assert [row.task.id for row in first] == [row.task.id for row in second]


def test_scenarios_of_a_kind_need_what_the_kind_needs():
    assert "getSpecialEvent" not in scenarios(MUSEUM, "single")
    assert "getTicketCode" in scenarios(MUSEUM, "multi_step")
    assert all(one.goals[-1].follows for one in scenarios(MUSEUM, "multi_step")["getTicketCode"])
    assert all(one.missing for listed in scenarios(MUSEUM, "clarification").values() for one in listed)
    assert scenarios(MUSEUM.model_copy(update={"phrases": None}), "single") == {}


@pytest.mark.parametrize(
    ("name", "schema", "opaque"),
    [
        ("id", {"type": "string"}, True),
        ("eventId", {"type": "string"}, True),
        ("event_id", {"type": "integer"}, True),
        ("uuid", {"type": "string"}, True),
        ("thing", {"type": "string", "format": "uuid"}, True),
        ("valid", {"type": "boolean"}, False),
        ("paid", {"type": "boolean"}, False),
        ("regionId", {"type": "string", "enum": ["north", "south"]}, False),
        ("name", {"type": "string"}, False),
    ],
)
def test_an_id_that_nobody_knows_is_opaque(name, schema, opaque):
    assert is_opaque(takes("get", **{name: schema}), name) is opaque


def test_a_rename_never_gives_a_thing_the_name_that_it_has():
    row = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
        "required": ["id", "name"],
    }
    lister = Tool(
        name="list_pets",
        description="List pets.",
        parameters={"type": "object", "properties": {}},
        returns={"type": "array", "items": row},
        resource="pets",
        reply=Reply(examples=([{"id": "p-11", "name": "Rex"}, {"id": "p-12", "name": "Tom"}],)),
    )
    changer = takes("rename_pet", id={"type": "string"}, name={"type": "string"})
    changer = changer.model_copy(update={"resource": "pets", "returns": row})
    words = ToolPhrases(
        does="rename a pet",
        asks={"plain": ("Rename {id} to {name}.",)},
        answers=("Done.",),
        combinations=(("id", "name"),),
    )
    sheet = PhraseSheet(
        noun="x",
        fields={
            "rename_pet.id": Field_(lookup=Lookup(tool="list_pets", by="name", field="id")),
            "name": Field_(values=("Rex", "Tom")),
        },
        tools={"rename_pet": words},
    )
    toolkit = Toolkit(name="pets", title="Pets", tools=(lister, changer), phrases=sheet)
    for seed in range(12):
        served = planned(toolkit, "rename_pet", ("id", "name"), seed).served[0]
        assert served.names["id"] != served.arguments["name"]


def test_an_argument_that_nothing_gives_a_value_for_is_refused():
    tool = takes("get", mood={"type": "string"})
    words = ToolPhrases(does="get it", asks={"plain": ("Get {mood}.",)}, answers=("Done.",))
    toolkit = Toolkit(
        name="kit", title="Kit", tools=(tool,), phrases=PhraseSheet(noun="x", tools={"get": words})
    )
    with pytest.raises(GenerationError) as caught:
        planned(toolkit, "get", ("mood",))
    assert caught.value.code == "offline_no_value"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ([1, 2], [1, 2]),
        ({"count": 1, "results": [{"a": 1}]}, [{"a": 1}]),
        ({"dates": ["2026-03-14"]}, None),
        ({"a": [{}], "b": [{}]}, None),
        (None, None),
    ],
)
def test_the_list_in_an_answer_is_the_only_list_of_things(body, found):
    assert list_in(body) == found
