import pytest

from callwright.errors import ModelError
from callwright.llm.offline import Offline
from callwright.llm.scripted import Scripted, call, say
from llm.builders import question


async def test_a_question_goes_to_the_answerer_of_its_purpose():
    model = Offline(
        {"test.question": lambda asked: say(f"hello {asked.variables['name']}")}, "0123456789abcdef"
    )
    assert (await model.complete(question(variables={"name": "Ada"}))).text == "hello Ada"
    assert model.id == "offline-rules:0123456789ab"
    assert model.reads_variables
    await model.close()


async def test_a_purpose_that_no_rule_knows_is_named_with_those_known():
    model = Offline({"b.x": lambda _: say(""), "a.x": lambda _: say("")}, "d")
    with pytest.raises(ModelError, match=r"cannot answer 'test.question' \(they know: a.x, b.x\)"):
        await model.complete(question())


async def test_a_script_is_played_in_turn_and_ends():
    model = Scripted([call("lookup", {"a": 1}), ModelError("down")])
    assert (await model.complete(question())).tool_calls[0].arguments == '{"a": 1}'
    with pytest.raises(ModelError, match="down"):
        await model.complete(question())
    with pytest.raises(ModelError, match="ended after 2 lines"):
        await model.complete(question("third"))
    assert model.requests[2].messages[1]["content"] == "third"
    await model.close()
    assert model.closed


async def test_a_script_can_be_a_function():
    model = Scripted(lambda asked: say(asked.purpose))
    assert (await model.complete(question())).text == "test.question"
