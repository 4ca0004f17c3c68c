import builders as b
import pytest
from made import documented

from callwright.errors import GenerationError
from callwright.generators.planning.derive import argument_words, derive, verb_phrase, with_sheet
from callwright.generators.planning.walks import scenarios
from callwright.schemas.phrases import PhraseSheet
from callwright.schemas.tool import Tool, Toolkit

THING = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": "string"},
        "days": {"type": "array", "items": {"type": "string", "format": "date"}},
    },
    "required": ["id", "name", "days"],
}
DONE = {"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"]}


def made(summary="List all things", required=(), returns=None, name="do_it", resource="things", **properties):
    return Tool(
        name=name,
        description=summary,
        summary=summary,
        parameters={"type": "object", "properties": properties, "required": list(required or properties)},
        returns=returns,
        resource=resource,
    )


def refusal(tool, *others):
    _, refusals = with_sheet(Toolkit(name="kit", title="Kit", origin="kit.yaml", tools=(tool, *others)))
    return {one.where.split(": ")[1]: one.code for one in refusals}.get(tool.name)


LISTER = made(name="list_things", returns={"type": "array", "items": THING})


@pytest.mark.parametrize(
    ("code", "tool"),
    [
        ("offline_no_wording", made("Things")),
        ("offline_no_wording", made("Things that there are")),
        ("offline_no_wording", made("GET /things/{id}")),
        ("offline_no_wording", made("Get a very long title that goes on and on and never ends")),
        ("offline_no_wording", made("Get the user_name")),
        ("offline_no_value", made("Show a thing", mood={"type": "string"})),
        ("offline_no_value", made("Show a thing", orderId={"type": "string"}, resource="orders")),
        (
            "offline_no_value",
            made(
                "Show a thing",
                returns={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
            ),
        ),
        ("offline_nested", made("Save a thing", thing={"type": "object", "properties": {}})),
        ("offline_nested", made("Save a thing", things={"type": "array", "items": {"type": "object"}})),
        (None, made("Save a thing", day={"type": "string", "format": "date"}, returns=DONE)),
        (None, made("Show a thing", id={"type": "string"}, returns=THING, resource="things")),
        (
            None,
            made("Delete a thing", returns=None).model_copy(
                update={"reply": b.tool().reply.model_copy(update={"status": 204, "media_type": None})}
            ),
        ),
    ],
)
def test_what_the_rules_cannot_serve_is_refused_with_a_code(code, tool):
    assert refusal(tool, LISTER) == code


@pytest.mark.parametrize(
    ("summary", "phrase"),
    [
        ("Get museum hours", "get museum hours"),
        ("Get special event", "get a special event"),
        ("Gets an item.", "get an item"),
        ("List users", "list users"),
        ("Retrieve user profile", "retrieve a user profile"),
        ("Check weather", "check weather"),
        ("Create API key", "create an API key"),
    ],
)
def test_a_title_becomes_a_verb_phrase(summary, phrase):
    assert verb_phrase(made(summary)) == phrase


def test_optional_arguments_stand_alone_unless_an_example_combines_them():
    tool = made(
        "List things",
        required=["day"],
        returns={"type": "array", "items": THING},
        day={"type": "string", "format": "date"},
        limit={"type": "integer"},
        page={"type": "integer"},
        mood={"type": "string"},
    )
    assert derive(tool, PhraseSheet(noun="x")).combinations == (("day",), ("day", "limit"), ("day", "page"))
    shown = tool.model_copy(update={"examples": ({"day": "2026-01-01", "limit": 3, "page": 2},)})
    assert derive(shown, PhraseSheet(noun="x")).combinations[-1] == ("day", "limit", "page")


def test_an_update_always_changes_something():
    properties = {"id": {"type": "string"}, "count": {"type": "integer"}}
    tool = made("Update a thing", required=["id"], returns=THING, name="update_thing", **properties)
    toolkit, _ = with_sheet(Toolkit(name="kit", title="Kit", tools=(LISTER, tool)))
    assert toolkit.phrases.tools["update_thing"].combinations == (("id", "count"),)


def test_an_id_is_found_by_name_and_never_spoken_of():
    tool = made("Show a thing", id={"type": "string"}, returns=THING, name="show_thing")
    toolkit, _ = with_sheet(Toolkit(name="kit", title="Kit", tools=(LISTER, tool)))
    lookup = toolkit.phrases.fields["show_thing.id"].lookup
    assert (lookup.tool, lookup.by, lookup.field) == ("list_things", "name", None)
    phrases = toolkit.phrases.tools["show_thing"]
    assert not any(" id" in line for line in (*phrases.details["id"], *phrases.questions["id"]))
    assert list(scenarios(toolkit, "multi_step")) == ["show_thing"]


def test_a_list_of_days_does_not_make_a_thing_a_list():
    one = derive(made("Show a thing", returns=THING), PhraseSheet(noun="x"))
    many = derive(LISTER, PhraseSheet(noun="x"))
    assert any("{facts}" in line for line in one.answers)
    assert all("{items}" in line for line in many.answers)
    assert many.item == "{name}"


@pytest.mark.parametrize(
    ("name", "schema", "words"),
    [
        ("startDate", {}, "start date"),
        ("q", {}, "search term"),
        ("to", {"format": "date"}, "end date"),
        ("to", {}, "recipient"),
    ],
)
def test_an_argument_is_called_by_a_noun(name, schema, words):
    assert argument_words(name, schema) == words


def test_a_sheet_that_was_given_is_kept():
    toolkit, _ = with_sheet(Toolkit(name="kit", title="Kit", tools=(LISTER,)))
    again, refusals = with_sheet(toolkit)
    assert again == toolkit
    assert refusals == ()


@pytest.mark.parametrize("name", ["museum.yaml", "pokeapi.yaml"])
def test_every_tool_of_a_real_file_is_worded_or_refused_with_a_code(name):
    workshop = documented(name)
    (toolkit,) = workshop.toolkits
    refused = {one.where.rsplit(": ", 1)[1]: one.code for one in workshop.refusals}
    assert set(refused.values()) <= {"offline_no_wording", "offline_no_value", "offline_nested"}
    assert set(refused) | set(toolkit.phrases.tools) == {tool.name for tool in toolkit.tools}
    assert not set(refused) & set(toolkit.phrases.tools)


def test_a_title_without_words_raises_with_its_code():
    with pytest.raises(GenerationError) as caught:
        verb_phrase(made("", name="x"))
    assert caught.value.code == "offline_no_wording"
