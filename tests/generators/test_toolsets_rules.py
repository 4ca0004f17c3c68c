"""T4: documents that are valid and still break a rule (B5), and what a function is counted as."""

import json
from typing import Any

import pytest

from callwright.generators.toolalpaca.toolsets.capability import capability
from callwright.generators.toolalpaca.toolsets.documents import examine, joined
from callwright.sources.openapi import read_openapi

Body = dict[str, Any]


def text(name: str = "id") -> Body:
    return {
        "type": "object",
        "required": [name],
        "properties": {name: {"type": "string"}, "name": {"type": "string"}},
    }


def answers(schema: Body | None, kind: str = "application/json", status: str = "200") -> Body:
    content = {"content": {kind: {"schema": schema}}} if schema else {}
    return {status: {"description": "Fine", **content}}


def operation(name: str, *parameters: Body, schema: Body | None = None, **more: Any) -> Body:
    body = {
        "operationId": name,
        "summary": name,
        "parameters": list(parameters),
        "responses": answers(schema or text()),
    }
    return {**body, **more}


def given(name: str, place: str = "query", **schema: Any) -> Body:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": "string", **schema}}


def listed(name: str = "id") -> Body:
    return {
        "type": "object",
        "properties": {"trails": {"type": "array", "items": text(name)}, "total": {"type": "integer"}},
    }


def api(**paths: Body) -> Body:
    return {
        "openapi": "3.0.3",
        "info": {"title": "Trailmark", "version": "1"},
        "paths": {path.replace("__", "/").replace("_id", "/{trailId}"): item for path, item in paths.items()},
    }


SEARCH = {"get": operation("searchTrails", given("region"), schema=listed())}
DETAILS = {"get": operation("getTrail", given("trailId", "path"))}
GOOD = api(__trails=SEARCH, __trails_id=DETAILS)


def codes(document: Body, *functions: str) -> list[str]:
    names = functions or [one["operationId"] for item in document["paths"].values() for one in item.values()]
    return [problem.code for problem in examine(json.dumps(document), names, "Trailmark").problems]


def test_a_good_document_has_no_problem():
    assert codes(GOOD) == []


def with_search(**changes: Any) -> Body:
    return api(__trails={"get": {**SEARCH["get"], **changes}}, __trails_id=DETAILS)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (api(__trails_id=DETAILS), "unobtainable_id"),
        (with_search(responses=answers(text("title"))), "unobtainable_id"),
        (with_search(parameters=[]), "unbounded_list"),
        (with_search(responses=answers(None)), "undocumented_reply"),
        (with_search(responses=answers(listed(), "application/xml")), "not_text"),
        (with_search(operationId="getTrail"), "invalid_openapi"),
        (with_search(operationId="gettrail"), "duplicate_function"),
        (with_search(responses=answers({"$ref": "https://example.com/a.json"})), "remote_reference"),
        (with_search(responses=answers({"$ref": "#/components/schemas/Nowhere"})), "invalid_openapi"),
        ({**GOOD, "openapi": "2.0"}, "invalid_openapi"),
        ({**GOOD, "paths": {}}, "invalid_openapi"),
        (api(__trails=SEARCH, __trails_id={"get": operation("getTrail")}), "invalid_openapi"),
    ],
)
def test_a_document_that_breaks_a_rule_says_which(document, code):
    assert code in codes(document)


def test_ids_may_come_from_a_chain_of_answers():
    huts = {"get": operation("listHuts", given("trailId"), schema={"type": "array", "items": text("hutId")})}
    hut = {"get": operation("getHut", given("hutId"))}
    huts["get"]["parameters"][0]["required"] = hut["get"]["parameters"][0]["required"] = True
    assert codes(api(__trails=SEARCH, __huts=huts, __hut=hut)) == []
    assert "unobtainable_id" in codes(api(__huts=huts, __hut=hut))


def test_operations_that_were_not_listed_and_functions_without_one():
    assert codes(GOOD, "searchTrails", "rateTrail") == ["invented_function", "missing_function"]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("Here is what I would do: begin with the trails.", "unparsable_reply"),
        ('{"openapi": "3.0.3", "info": ', "unparsable_reply"),
        ("I'm sorry, but I can't help with that.", "refused_reply"),
        ("[1, 2]", "reply_schema"),
        ("", "unparsable_reply"),
        (json.dumps({**GOOD, "paths": []}), "invalid_openapi"),
        (json.dumps({**GOOD, "info": None}), "invalid_openapi"),
    ],
)
def test_a_reply_without_a_document_says_what_it_is(reply, code):
    assert [problem.code for problem in examine(reply, (), "Trailmark").problems] == [code]


@pytest.mark.parametrize(
    "wrap", ["{0}", "```json\n{0}\n```", "Here it is:\n{0}\nGood luck!", "<think>hm</think>{0}"]
)
def test_a_document_is_found_in_what_stands_around_it(wrap):
    reply = wrap.replace("{0}", json.dumps(GOOD))
    assert examine(reply, ("searchTrails", "getTrail"), "Trailmark").problems == ()


WHOLE = json.dumps(GOOD)
CUT = len(WHOLE) // 2


@pytest.mark.parametrize(
    "rest",
    [
        WHOLE[CUT:],
        "\n" + WHOLE[CUT:],
        WHOLE[CUT - 30 :],
        f"```json\n{WHOLE[CUT:]}```",
        f"<think>Where was I?</think>\n{WHOLE[CUT:]}",
        WHOLE,
    ],
)
def test_a_document_that_was_cut_off_is_joined_with_its_continuation(rest):
    assert json.loads(joined(WHOLE[:CUT], rest)) == GOOD


def test_a_function_is_counted_by_what_it_does():
    made = {"post": operation("addTrail", schema=text(), responses=answers(text(), status="201"))}
    body = {"application/json": {"schema": text("name")}}
    made["post"]["requestBody"] = {"content": body}
    changed = {
        "put": operation("changeTrail", given("trailId", "path")),
        "delete": operation("dropTrail", given("trailId", "path")),
        "post": operation("startTrail", given("trailId", "path")),
    }
    document = api(__trails={**SEARCH, **made}, __trails_id={**DETAILS, **changed})
    document["paths"]["/random"] = {"get": operation("getRandomTrail")}
    document["paths"]["/distance"] = {"get": operation("calculateDistance", given("from"))}
    toolkit, _ = read_openapi(document, "trails.yaml")
    assert {tool.name: capability(tool) for tool in toolkit.tools} == {
        "searchTrails": "search",
        "addTrail": "create",
        "getTrail": "get",
        "changeTrail": "update",
        "dropTrail": "delete",
        "startTrail": "act",
        "getRandomTrail": "generate",
        "calculateDistance": "compute",
    }
