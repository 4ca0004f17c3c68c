from typing import Any

import pytest

from callwright.errors import ReplyError
from callwright.llm.base import Completion
from callwright.llm.replies import ask, parse_reply
from callwright.llm.scripted import Scripted, reply, say
from llm.builders import SCHEMA, question

ASKED = question(reply_schema=SCHEMA, sample=3)


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 1}',
        '  {"n": 1}\n',
        '```json\n{"n": 1}\n```',
        '```\n{"n": 1}\n```\nHope this helps {really}!',
        'Sure, as [asked]: {"n": 1} and {"n": 2}',
        '<think>maybe {"n": 7}?</think>\n{"n": 1}',
        'maybe {"n": 7}?</think>{"n": 1}',
        'the set {x} is {"n": 1}',
    ],
)
def test_the_first_value_is_found_whatever_stands_around_it(text: str):
    assert parse_reply(text, SCHEMA) == {"n": 1}


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ('"yes"', {"type": "string"}, "yes"),
        ('```json\n"see [1]"\n```', {"type": "string"}, "see [1]"),
        ("12", {"type": "integer"}, 12),
        ("The list: [1, 2]", {"type": "array"}, [1, 2]),
        ("[]", {"type": "array"}, []),
        ('{"a": "</think> {"}', {"type": "object"}, {"a": "</think> {"}),
    ],
)
def test_values_that_are_no_objects_are_found_too(text: str, schema: dict[str, Any], value: Any):
    assert parse_reply(text, schema) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot.",
        '{"n": 1',
        "{'n': 1}",
        '{"n": 1, "n": 2}',
        '{"n": NaN}',
        '{"n": "\\ud800"}',
        '{"broken": {"n": 1}, oops}',
        '[{"n": 1}, {"n":',
        "[" * 100_000,
    ],
)
def test_a_broken_value_is_refused_and_nothing_is_picked_out_of_it(text: str):
    with pytest.raises(ReplyError) as caught:
        parse_reply(text, {})
    assert caught.value.code == "unparsable_reply"


def test_a_value_that_breaks_the_schema_is_refused_with_the_place():
    with pytest.raises(ReplyError, match='at /n: "x" is not of type "integer"') as caught:
        parse_reply('{"n": "x"}', SCHEMA)
    assert caught.value.code == "reply_schema"


async def test_a_good_answer_is_asked_for_once():
    model = Scripted([reply({"n": 1})])
    assert (await ask(model, ASKED)).parsed == {"n": 1}
    assert model.requests == [ASKED]


async def test_free_text_is_not_looked_into():
    assert (await ask(Scripted([say("{")]), question())).text == "{"


async def test_a_bad_answer_is_asked_for_once_more_with_what_was_wrong():
    model = Scripted([say('{"n": "x"}'), reply({"n": 2})])
    assert (await ask(model, ASKED)).parsed == {"n": 2}
    again = model.requests[1]
    assert again.messages[:2] == ASKED.messages
    assert again.messages[2] == {"role": "assistant", "content": '{"n": "x"}'}
    assert "at /n" in again.messages[3]["content"]
    assert (again.sample, again.sampling, again.reply_schema) == (3, ASKED.sampling, SCHEMA)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (say("no"), "unparsable_reply"),
        (reply({"n": "x"}), "reply_schema"),
        (say('{"n": 1', finish_reason="length"), "truncated_reply"),
        (say('{"n": 1}', finish_reason="length"), "truncated_reply"),
    ],
)
async def test_two_bad_answers_are_an_error(bad: Completion, code: str):
    model = Scripted([bad, bad])
    with pytest.raises(ReplyError) as caught:
        await ask(model, ASKED)
    assert caught.value.code == code
    assert len(model.requests) == 2


async def test_rules_are_not_asked_twice():
    model = Scripted([say("no")], reads_variables=True)
    with pytest.raises(ReplyError, match="unparsable_reply"):
        await ask(model, ASKED)


async def test_a_value_that_rules_give_directly_is_checked_as_well():
    assert (await ask(Scripted([Completion(parsed={"n": 1})]), ASKED)).parsed == {"n": 1}
    with pytest.raises(ReplyError, match="reply_schema"):
        await ask(Scripted([Completion(parsed={"n": "x"})], reads_variables=True), ASKED)
