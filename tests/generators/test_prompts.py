"""The prompts as a model gets them. After a wanted change, delete a golden file and run the test twice."""

from pathlib import Path

import pytest
from made import CLOSED, demo
from test_episodes import ASK, SERVED, answers, given, played

from callwright.generators.base import Slot
from callwright.generators.toolalpaca.instructions import Instructions
from callwright.llm.base import Sampling
from callwright.llm.scripted import Scripted, reply, say

GOLDEN = Path(__file__).parent / "golden"


def check(name, request):
    """Compare what is sent with the golden file; a missing file is written, and the test fails."""
    text = (
        "\n\n".join(f"## {one['role']}\n\n{one.get('content', '')}" for one in request.messages).rstrip()
        + "\n"
    )
    path = GOLDEN / f"{name}.md"
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path.name} was missing and has been written; read it")
    assert text == path.read_text(encoding="utf-8")
    assert "${" not in text
    assert "$toolkit" not in text


@pytest.mark.parametrize("kind", CLOSED)
async def test_the_prompt_for_a_request(kind):
    model = Scripted(lambda request: reply({"request": "Which?", "details": ""}))
    slot = Slot(method="toolalpaca", kind=kind, attempt=0, seed=7)
    await Instructions(model, demo().toolkits, Sampling()).task(slot)
    check(f"instruction-{kind}", model.requests[0])


async def test_the_prompts_of_a_conversation():
    task = given("When is it open?", kind="clarification", hidden={"details": "it is about March 14"})
    _, model = await played(
        task, say("Which day?"), answers("March 14."), ASK, SERVED, say("From 9 am to 5 pm.")
    )
    _, user, assistant, server, _ = model.requests
    check("user", user)
    check("assistant", assistant)
    check("server", server)
