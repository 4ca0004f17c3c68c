"""T1 to T5: the stages in their order (F1), their prompts, the repair of documents, and bad teachers."""

import json

import pytest
from inventor import RECIPES, good, inventor, spoilt
from test_prompts import check

from callwright.errors import ReplyError
from callwright.generators.toolalpaca.toolsets.documentation import reference_fields
from callwright.generators.toolalpaca.toolsets.stages import RejectedError, Stages
from callwright.llm.scripted import Scripted, reply, say

PURPOSES = ["toolalpaca.introduction", "toolalpaca.functions", "toolalpaca.specification"]
FIELDS = (
    "Name Description Link Category Introduction Functions Documentation NLDocumentation Function_Description "
    "Function_Projection"
)


async def invented(model, seed=RECIPES):
    stages = Stages(model)
    return await stages.invent(await stages.introduce(seed))


async def rejected(model):
    with pytest.raises(RejectedError) as caught:
        await invented(model)
    return caught.value


async def test_one_seed_yields_every_field_in_three_calls_that_build_on_each_other():
    model = Scripted(good)
    made = await invented(model)
    assert [request.purpose for request in model.requests] == PURPOSES
    assert [request.sampling.temperature for request in model.requests] == [1.0, 0.3, 0.3]
    _, functions, specification = (request.messages[-1]["content"] for request in model.requests)
    assert made.introduction in functions
    assert all(one["name"] in specification for one in made.functions)
    told = reference_fields(made)
    assert list(told) == FIELDS.split()
    names = [one["name"] for one in made.functions]
    assert list(told["Function_Projection"]) == names
    assert list(told["Function_Description"]) == [*names, "components"]
    assert json.loads(told["Documentation"]) == made.document
    assert all(name in told["NLDocumentation"] and name in told["Functions"] for name in names)


async def test_a_server_is_added_where_the_document_names_none():
    assert (await invented(Scripted(good))).document["servers"] == [{"url": RECIPES.link}]
    own = [{"url": "https://own.example.com"}]
    kept = Scripted(inventor(specification=spoilt(lambda body: body.update(servers=own))))
    assert (await invented(kept)).document["servers"] == own


async def test_the_prompts_of_the_stages():
    drop = spoilt(lambda body: body["paths"].popitem())
    model = Scripted(inventor(specification=drop))
    await invented(model)
    introduction, functions, specification, repair = model.requests
    check("toolset-introduction", introduction)
    check("toolset-functions", functions)
    check("toolset-specification", specification)
    check("toolset-repair", repair)


async def test_a_bad_document_goes_back_with_what_was_found_and_comes_back_mended():
    def unlisted(body):
        body["paths"]["/extra"] = {
            "get": {"operationId": "eraseAll", "responses": {"200": {"description": "Done"}}}
        }

    model = Scripted(inventor(specification=spoilt(unlisted)))
    made = await invented(model)
    *before, bad, told = model.requests[-1].messages
    assert before == list(model.requests[-2].messages)
    assert "eraseAll" in bad["content"]
    assert "invented_function: the operation eraseAll" in told["content"]
    assert made.rounds == 1
    assert "eraseAll" not in json.dumps(made.document)


async def test_a_document_that_was_cut_off_is_continued_and_joined():
    whole = {}

    def half(request):
        whole["text"] = good(request).text
        return say(whole["text"][:900], finish_reason="length")

    def rest(request):
        assert request.messages[-2]["content"] == whole["text"][:900]
        return say(whole["text"][900:])

    model = Scripted(inventor(specification=half, repair=rest))
    made = await invented(model)
    assert made.rounds == 1
    assert made.document["paths"] == json.loads(whole["text"])["paths"]
    assert "cut off" in model.requests[-1].messages[-1]["content"]


def drop_a_path(body):
    body["paths"].popitem()


def strange_type(body):
    next(iter(body["paths"].values()))["get"]["parameters"][0]["schema"] = {"type": "word"}


SORRY = say("I'm sorry, but I can't help with that.")
TALK = say("Let me think about which functions such a service could have.")
BROKEN = ReplyError("context_overflow", "too long")


@pytest.mark.parametrize(
    ("faults", "stage", "code", "asked"),
    [
        # prose, refusals and silence
        ({"functions": lambda _: TALK}, "functions", "unparsable_reply", 3),
        ({"specification": lambda _: TALK, "repair": lambda _: TALK}, "repair", "unparsable_reply", 8),
        ({"introduction": lambda _: SORRY}, "introduction", "refused_reply", 1),
        ({"specification": lambda _: SORRY, "repair": lambda _: SORRY}, "repair", "refused_reply", 8),
        ({"introduction": lambda _: say(" ")}, "introduction", "empty_reply", 1),
        # an empty list, or one function twice
        ({"functions": lambda _: reply({"functions": []})}, "functions", "no_functions", 3),
        # going round in circles, without an end or with the same document
        (
            {"introduction": lambda _: say("la " * 300, finish_reason="length")},
            "introduction",
            "truncated_reply",
            1,
        ),
        (
            dict.fromkeys(("specification", "repair"), lambda _: say('{"a": [1, ', finish_reason="length")),
            "repair",
            "truncated_reply",
            8,
        ),
        (dict.fromkeys(("specification", "repair"), spoilt(drop_a_path)), "repair", "missing_function", 8),
        (dict.fromkeys(("specification", "repair"), spoilt(strange_type)), "repair", "invalid_openapi", 8),
        # the endpoint refuses this one question
        ({"specification": lambda _: BROKEN}, "specification", "context_overflow", 3),
    ],
)
async def test_a_bad_teacher_is_a_rejection_with_a_reason(faults, stage, code, asked):
    if "functions" in faults and code == "no_functions":
        faults = {**faults, "repair": faults["functions"]}
        asked = 3
    model = Scripted(inventor(**faults))
    error = await rejected(model)
    assert (error.stage, error.code, len(model.requests)) == (stage, code, asked)


async def test_functions_that_are_listed_twice_are_asked_for_once_more():
    def twice(request):
        listed = json.loads(good(request).text)["functions"]
        return reply({"functions": [*listed, {**listed[0], "name": listed[0]["name"]}]})

    model = Scripted(inventor(functions=twice))
    assert len((await invented(model)).functions) == 4
    assert "listed more than once" in model.requests[2].messages[-1]["content"]
    assert (await rejected(Scripted(inventor(functions=twice, repair=twice)))).code == "duplicate_function"


async def test_an_introduction_that_fills_its_room_keeps_its_whole_sentences():
    text = "<think>Recipes, then.</think>It knows recipes. People search them by cuisine. Then they"
    model = Scripted(inventor(introduction=lambda _: say(text, finish_reason="length")))
    introduction = await Stages(model).introduce(RECIPES)
    assert introduction.text == "It knows recipes. People search them by cuisine."
