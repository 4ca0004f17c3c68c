"""Servers that fail in every way that servers do: the build completes or stops cleanly, and every fault is counted."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import loopback as lb
import pytest
from checker import problems
from command import ended, started
from teacher import museum_teacher, purpose
from workshops import museum, museum_recipe, written

from callwright.engine.build import Built, build
from callwright.engine.exports import export_view
from callwright.engine.progress import read_statuses
from callwright.store import Store

FAULTS: dict[str, lb.Answer] = {
    "retry_429": lb.too_many("0.05"),
    "retry_5xx": lb.error_reply(500, "CUDA error"),
    "retry_connection": lb.Reset(),
    "retry_timeout": lb.Hang(),
    "slow": lb.Drip({}),
    "truncated": lb.TRUNCATED_JSON,
    "malformed": lb.MALFORMED_JSON,
    "html": lb.HTML_200,
    "retry_empty_choices": lb.EMPTY_CHOICES,
    "raw_call_text": lb.RAW_CALL,
}
"""What happens to a request, by what it is counted under; a slow answer is none of these."""


class BadDay:
    """Each question meets its fault the first time it is asked, a tenth of them each; raw calls stay raw."""

    def __init__(self) -> None:
        self.met: Counter[str] = Counter()
        self._seen: set[str] = set()

    def __call__(self, body: lb.Body) -> lb.Answer:
        name = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        fault = list(FAULTS)[int(name[:8], 16) % len(FAULTS)]
        if fault == "raw_call_text":
            if purpose(body) == "assistant":
                self.met[fault] += 1
                return lb.RAW_CALL
            return museum_teacher(body)
        if name in self._seen:
            return museum_teacher(body)
        self._seen.add(name)
        self.met[fault] += 1
        if fault == "slow":
            reply = museum_teacher(body)
            assert isinstance(reply, dict)
            return lb.Drip(reply, pieces=4, pause_s=0.02)
        return FAULTS[fault]


@pytest.fixture(scope="module")
def bad_day(tmp_path_factory: pytest.TempPathFactory) -> tuple[BadDay, Built, Path]:
    """A build over such a server, whose client waits two seconds for an answer."""
    data, day = tmp_path_factory.mktemp("bad"), BadDay()

    async def built() -> Built:
        async with lb.Loopback(day) as server:
            workshop = museum(server.base_url, size=24, in_flight=16, timeout_s=2.0, retries=8)
            return await build(workshop, data)

    return day, asyncio.run(built()), data


def test_a_build_on_a_bad_day_keeps_its_mix_and_no_wrong_row(
    bad_day: tuple[BadDay, Built, Path], tmp_path: Path
):
    day, built, data = bad_day
    assert set(day.met) == set(FAULTS)
    assert built.version.statistics.by_kind == museum(size=24).recipe.quotas()
    export_view(data, "museum", "trl", tmp_path / "out")
    assert problems(tmp_path / "out") == []


def test_every_fault_is_counted_in_the_status_and_in_the_statistics(bad_day: tuple[BadDay, Built, Path]):
    day, built, data = bad_day
    statistics = built.version.statistics
    counted = Counter(statistics.troubles)
    for fault in ("retry_429", "retry_5xx", "retry_connection", "retry_empty_choices"):
        assert counted[fault] == day.met[fault], fault
    assert counted["retry_broken_body"] == sum(day.met[one] for one in ("truncated", "malformed", "html"))
    # A machine that is busy may let a healthy answer be late as well.
    assert counted["retry_timeout"] >= day.met["retry_timeout"]
    drops = {drop.code: drop.count for drop in statistics.drops}
    # Each is asked once more; what is text again costs the conversation.
    assert statistics.by_purpose["toolalpaca.assistant"].refused == day.met["raw_call_text"]
    assert 1 <= drops["raw_call_text"] < day.met["raw_call_text"]
    [status] = read_statuses(data)
    assert status["troubles"] == statistics.troubles
    assert status["drops"]["generation raw_call_text"] == drops["raw_call_text"]


def test_a_wrong_tool_parser_is_named_in_each_drop(bad_day: tuple[BadDay, Built, Path]):
    _, built, data = bad_day
    with Store.open(data, write=False) as store:
        told = [drop.message for drop in store.drops(built.version) if drop.code == "raw_call_text"]
    assert told and all("--enable-auto-tool-choice --tool-call-parser NAME" in message for message in told)


async def run(server: lb.Loopback, folder: Path, *changes: str, **teacher: Any) -> tuple[int, str, str]:
    """The command line's exit code, last line of stderr, and stdout."""
    recipe = written(museum_recipe(server.base_url, size=12, **teacher), folder / "museum.yaml")
    command = ("build", recipe, "--no-prefect", "--json", "--data", "data", *changes)
    code, out, err = await ended(await started(*command, cwd=folder))
    assert "Traceback" not in err, err
    told = ("museum: ", "callwright: ", "load it", "requests ")
    assert all(line.startswith(told) for line in err.splitlines()), err
    return code, err.splitlines()[-1], out


async def test_a_wrong_key_stops_the_build_with_one_line(tmp_path: Path):
    async with lb.Loopback(museum_teacher, key="right") as server:
        code, last, out = await run(server, tmp_path, api_key_env="NO_SUCH_KEY")
    assert (code, out) == (4, "")
    assert "answers HTTP 401" in last and last.endswith(
        "set NO_SUCH_KEY to a key that may use the model 'toy'"
    )


async def test_a_wrong_model_stops_the_build_with_one_line(tmp_path: Path):
    async with lb.Loopback(museum_teacher, models=["llama"]) as server:
        code, last, out = await run(server, tmp_path)
    assert (code, out) == (4, "")
    assert last.endswith("it has no model 'toy'; it offers: llama")


async def test_a_server_that_knows_no_schemas_gets_them_in_words_and_the_rows_are_right(tmp_path: Path):
    async with lb.Loopback(lb.without_schemas(in_words)) as server:
        code, last, out = await run(server, tmp_path)
    assert code == 0, last
    assert json.loads(out)["statistics"]["troubles"] == {"fallback_response_format": 1}
    [folder] = json.loads(out)["exports"]
    assert problems(tmp_path / folder) == []


def in_words(body: lb.Body) -> lb.Answer:
    """The museum's teacher, which reads past the schema that is stated in words."""
    messages = list(body["messages"])
    text = messages[-1]["content"].split("\n\nAnswer with one JSON value")[0]
    return museum_teacher(body | {"messages": [*messages[:-1], messages[-1] | {"content": text}]})


async def test_conversations_that_outgrow_the_context_are_counted_drops(tmp_path: Path):
    overflowed = 0

    def small(body: lb.Body) -> lb.Answer:
        """Every other conversation is too long for this server once it has two answers of tools in it."""
        nonlocal overflowed
        if len(body["messages"]) <= 4 or len(body["messages"][1]["content"]) % 2:
            return museum_teacher(body)
        overflowed += 1
        return lb.CONTEXT_OVERFLOW

    async with lb.Loopback(small) as server:
        mix = "mix={single: 0.5, multi_step: 0.5}"
        code, last, out = await run(server, tmp_path, "--set", mix, "--set", "size=12")
    assert code == 0, last
    drops = {drop["code"]: drop["count"] for drop in json.loads(out)["statistics"]["drops"]}
    assert drops["context_overflow"] == overflowed >= 1


@pytest.mark.parametrize(
    ("answer", "code", "advice"),
    [
        (lb.CONTEXT_OVERFLOW, "context_overflow", "maximum context length is 4096 tokens"),
        (lb.RAW_CALL, "raw_call_text", "--enable-auto-tool-choice --tool-call-parser NAME"),
    ],
    ids=["context too small", "wrong tool parser"],
)
async def test_a_server_that_no_conversation_gets_through_is_told_with_its_reason(
    tmp_path: Path, answer: lb.Answer, code: str, advice: str
):
    def respond(body: lb.Body) -> lb.Answer:
        return answer if purpose(body) == "assistant" else museum_teacher(body)

    async with lb.Loopback(respond) as server:
        returned, last, out = await run(server, tmp_path, "--set", "mix={single: 1.0}", "--set", "size=4")
        count = server.count
        assert (returned, out) == (3, "")
        assert "single: 4 of 4 rows missing" in last and f"generation {code} (" in last and advice in last
        # The same command says the same and asks for nothing; a mended server is asked by another recipe.
        assert await run(server, tmp_path, "--set", "mix={single: 1.0}", "--set", "size=4") == (
            returned,
            last,
            "",
        )
        assert server.count == count
        server.responder = museum_teacher
        returned, last, out = await run(server, tmp_path, "--set", "mix={single: 1.0}", "--set", "size=5")
    assert returned == 0, last
    assert code not in {drop["code"] for drop in json.loads(out)["statistics"]["drops"]}
