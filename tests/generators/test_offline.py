"""What the offline teacher says of worlds: lists, joints, follow-ups, slips."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from made import codes, make_rows

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop
from callwright.generators.planning.scenario import Plan, varying
from callwright.generators.planning.walks import scenarios
from callwright.generators.planning.wording import frames
from callwright.schemas.phrases import REGISTERS
from callwright.toolbox.rehearsal import Rehearsal


def workshop(*names):
    tools = [{"world": name} for name in names]
    body = {"dataset": "x", "size": 10, "tools": tools, "mix": {"single": 1.0}}
    return Workshop.of(check_recipe(body, "x"), Path())


@cache
def world_rows(*names, **counts):
    return make_rows(workshop(*names), counts)


@cache
def kit(name):
    (found,) = workshop(name).toolkits
    return found


def goals(row):
    return row.task.plan["scenario"]["goals"]


def test_a_list_does_not_repeat_what_was_asked_for():
    rows = world_rows("restaurant", "projects", single=60, multi_step=60)
    asked = [row for row in rows if goals(row)[-1]["tool"] == "list_tasks" and not row.task.plan["refusal"]]
    asked = [row for row in asked if Plan.model_validate(row.task.plan).served[-1].names]
    assert asked
    for row in asked:
        (project,) = Plan.model_validate(row.task.plan).served[-1].names.values()
        assert row.messages[-1].content.count(project) < 2


def test_success_is_announced_once_in_a_message():
    rows = world_rows("smart_home", "shop", multi_step=40, parallel=60)
    texts = [row.messages[-1].content for row in rows]
    openers = [re.findall(r"\b(?:Done|All set|That's taken care of)[.!]", text) for text in texts]
    assert any(openers)
    assert all(len(found) < 2 for found in openers)


def test_a_list_tells_what_is_true_after_the_other_calls():
    """A deleted contact would still be listed beside the word that it is gone."""
    checked = 0
    for row in world_rows("contacts", "bank", parallel=120):
        toolkit, calls = kit(row.task.toolkit), row.task.intended
        answers = [json.loads(one.content) for one in row.messages if one.role == "tool"]
        for index in {one["call"] for one in row.task.plan["served"]}:
            if calls[index].changes or not any(call.changes for call in calls):
                continue
            rehearsal = Rehearsal(toolkit, row.task.seed, row.task.clock)
            for call in (*calls[:index], *calls[index + 1 :], calls[index]):
                _, body = rehearsal.call(toolkit.tool(call.name), call.arguments)
            assert body == answers[index]
            checked += 1
    assert checked > 5


def test_a_follow_up_may_be_about_the_thing_that_was_looked_up_before():
    found = scenarios(kit("weather"), "multi_step")["get_daily_forecast"]
    pairs = [one.goals for one in found if len(one.goals) > 1]
    assert pairs
    assert {(first.tool, second.follows) for first, second in pairs} == {("get_current_conditions", True)}


def test_a_follow_up_waits_for_what_was_asked_before_it():
    rows = [row for row in world_rows("weather", "maps", multi_step=60) if goals(row)[-1]["follows"]]
    assert {row.task.toolkit for row in rows} == {"weather", "maps"}
    assert {row.kind for row in rows} == {"multi_step"}


def test_a_follow_up_shares_no_argument_that_could_be_meant_for_both():
    for name in ("weather", "files", "contacts"):
        for listed in scenarios(kit(name), "multi_step").values():
            for first, *second in (one.goals for one in listed):
                if second and second[0].follows:
                    said = {part.partition("=")[0] for part in first.combination}
                    later = {part.partition("=")[0] for part in second[0].combination}
                    assert not [one for one in said & later if not one.endswith("_id")]


def test_the_same_for_another_value_says_which_argument_is_meant():
    units, maps, files = (kit(name) for name in ("units", "maps", "files"))
    length, route, rename = (
        units.tool("convert_length"),
        maps.tool("get_route"),
        files.tool("rename_file"),
    )
    assert varying(length, ("value", "source_unit", "target_unit"), units.phrases) == []
    assert varying(route, ("origin", "destination"), maps.phrases) == []
    assert varying(rename, ("file_id", "new_name"), files.phrases) == []


def test_the_same_once_more_carries_the_article_of_its_sheet():
    rows = world_rows("travel", parallel=60)
    again = [
        row for row in rows if goals(row)[-1]["again"] and goals(row)[-1]["tool"] == "cancel_train_booking"
    ]
    assert again
    for row in again:
        train = row.task.plan["served"][-1]["names"]["booking_id"]
        assert f"the {train}" in row.task.instruction


def test_a_year_by_mistake_is_a_year_that_people_name():
    rows = world_rows("statistics", multi_step=30)
    refused = [row.task.plan["refusal"] for row in rows if row.task.plan["refusal"]]
    years = [one["arguments"][one["argument"]] for one in refused if "year" in one["argument"]]
    assert [year for year in years if year > 1000]
    assert all(year < 2100 for year in years)


@pytest.mark.parametrize("register", REGISTERS)
def test_each_register_has_a_dozen_joints(register):
    assert len(set(frames()["joints"][register])) >= 12


@pytest.mark.parametrize("kind", ["again", "once_more", "regrets"])
def test_no_joint_is_heard_too_often(kind):
    assert len(set(frames()[kind])) >= 12


def test_the_rest_of_a_list_of_recent_days_is_counted_and_the_judges_agree():
    rows = [row for row in world_rows("units", single=60) if row.tool_calls[-1].name == "get_rate_history"]
    assert any(" more." in row.messages[-1].content for row in rows)
    for row in rows:
        assert codes(workshop("units").judges(), row) == []
