"""Teachers that misbehave in every way: each conversation that this costs is a counted drop, and the build goes on."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import loopback as lb
import pytest
from checker import problems
from teacher import ASKS, museum_teacher, purpose
from workshops import museum

from callwright.engine.build import Built, build
from callwright.engine.exports import export_view

Bad = Callable[[lb.Body], lb.Answer | None]
"""What is said instead of a good answer; None where nothing is wrong with this one."""


def always(role: str, answer: lb.Answer) -> Bad:
    return lambda body: answer if purpose(body) == role else None


def once(role: str, answer: lb.Answer) -> Bad:
    """Wrong, and right when it is asked again."""
    return lambda body: answer if purpose(body) == role and "discarded" not in system(body) else None


def invented(body: lb.Body) -> lb.Answer | None:
    """The first call is of a tool that nobody offers."""
    opening = purpose(body) == "assistant" and not results(body)
    return lb.call_reply("findEverything", "{}") if opening else None


def broken(body: lb.Body) -> lb.Answer | None:
    """The first call, of a tool that is not the right one, has broken arguments, though it is asked for twice."""
    if purpose(body) != "assistant" or results(body):
        return None
    said = body["messages"][1]["content"].lower()
    offered = [tool["function"]["name"] for tool in body["tools"]]
    wrong = next(name for name in offered if ASKS[name].lower() not in said)
    return lb.call_reply(wrong, '{"startDate": ')


def calls(arguments: Callable[[int], lb.Body]) -> Bad:
    """The assistant calls the same tool over and over; the number of earlier calls decides with what."""

    def answer(body: lb.Body) -> lb.Answer | None:
        if purpose(body) != "assistant":
            return None
        tool = body["tools"][0]["function"]["name"]
        return lb.call_reply(tool, json.dumps(arguments(len(results(body)))))

    return answer


def fails(body: lb.Body) -> lb.Answer | None:
    """Every call of the API fails, and the assistant says so."""
    if purpose(body) == "server":
        return lb.json_reply({"status": 500, "body": {"error": "The database is gone."}})
    return lb.text_reply("That did not work.") if purpose(body) == "assistant" and results(body) else None


def system(body: lb.Body) -> str:
    return str(body["messages"][0]["content"])


def results(body: lb.Body) -> list[lb.Body]:
    return [message for message in body["messages"] if message["role"] == "tool"]


MISSHAPEN = lb.json_reply({"status": 200, "body": {"surprise": True}})

TABLE: dict[str, tuple[Bad, str]] = {
    "instruction in prose": (always("instruction", lb.text_reply("Gladly!")), "unparsable_reply"),
    "empty list of instructions": (always("instruction", lb.json_reply([])), "reply_schema"),
    "instruction cut off": (
        always("instruction", lb.text_reply('{"request": "I', finish_reason="length")),
        "truncated_reply",
    ),
    "prose": (always("assistant", lb.text_reply("I would look at the calendar for that.")), "never_called"),
    "refusal": (always("assistant", lb.text_reply("I am sorry, I cannot help with that.")), "never_called"),
    "question upon question": (always("assistant", lb.text_reply("Which one do you mean?")), "only_asked"),
    "nothing": (always("assistant", lb.text_reply("")), "void_turn"),
    "cut off": (always("assistant", lb.text_reply("The museum", finish_reason="length")), "truncated_end"),
    "the same call": (calls(lambda made: {}), "looping_calls"),
    "call upon call": (calls(lambda made: {"limit": made + 1}), "too_many_steps"),
    "call as text": (always("assistant", lb.RAW_CALL), "raw_call_text"),
    "invented tool": (invented, "unknown_tool"),
    "broken arguments": (broken, "unparsable_arguments"),
    "overflow": (always("assistant", lb.CONTEXT_OVERFLOW), "context_overflow"),
    "every call fails": (fails, "ends_in_error"),
    "server of another shape": (always("server", MISSHAPEN), "invalid_observation"),
    "server in prose": (always("server", lb.text_reply("OK")), "unparsable_reply"),
    "silent user": (always("user", lb.json_reply({"asked": True, "reply": ""})), "silent_user"),
    "call as text, once": (once("assistant", lb.RAW_CALL), ""),
    "broken arguments, once": (lambda body: None if "discarded" in system(body) else broken(body), ""),
    "nothing, once": (once("assistant", lb.text_reply("")), ""),
}
"""What a teacher does in one conversation, and the code under which it is dropped; none where it is mended."""

ONLY_CLARIFICATION = {"silent user", "question upon question"}


class Misbehaving:
    """The museum's teacher; two of three conversations about one call go wrong, each in the next way."""

    def __init__(self) -> None:
        self.met: Counter[str] = Counter()
        self._bad: Bad | None = None
        self._turn: Iterator[int] = itertools.count()
        self._waiting: list[str] = []

    def __call__(self, body: lb.Body) -> lb.Answer:
        asked_again = "Your answer cannot be used" in body["messages"][-1]["content"]
        if purpose(body) == "instruction" and not asked_again:
            self._begin(body)
        return (self._bad and self._bad(body)) or museum_teacher(body)

    def _begin(self, body: lb.Body) -> None:
        self._bad = None
        wish = body["messages"][1]["content"]
        forgets = "forgets to mention" in wish
        if not (forgets or "One call of" in wish) or next(self._turn) % 3 == 0:
            return
        self._waiting = self._waiting or list(TABLE)
        name = next((one for one in self._waiting if (one in ONLY_CLARIFICATION) == forgets), None)
        if name:
            self._waiting.remove(name)
            self.met[name] += 1
            self._bad = TABLE[name][0]


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Misbehaving, Built, Path]:
    """One build, one conversation at a time, so that the server knows whose turn it is."""
    data, teacher = tmp_path_factory.mktemp("spoilt"), Misbehaving()

    async def built() -> Built:
        async with lb.Loopback(teacher) as server:
            return await build(museum(server.base_url, size=40, in_flight=1), data)

    return teacher, asyncio.run(built()), data


@pytest.mark.parametrize("name", TABLE)
def test_a_conversation_that_goes_wrong_is_dropped_under_its_reason(
    spoilt: tuple[Misbehaving, Built, Path], name: str
):
    teacher, built, _ = spoilt
    drops = {drop.code: drop.count for drop in built.version.statistics.drops}
    _, code = TABLE[name]
    assert teacher.met[name] >= 1
    if code:
        assert drops[code] >= sum(teacher.met[other] for other, (_, same) in TABLE.items() if same == code)


def test_the_build_goes_on_and_no_bad_row_is_in_it(spoilt: tuple[Misbehaving, Built, Path], tmp_path: Path):
    _, built, data = spoilt
    assert built.version.statistics.by_kind == museum(size=40).recipe.quotas()
    export_view(data, "museum", "trl", tmp_path / "out")
    assert problems(tmp_path / "out") == []
