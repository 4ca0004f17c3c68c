"""Every parser of what strangers write: it gives a value, or an error of ours in one line; never anything else.

The fast suite gives each `FEW` inputs, `make test-slow` gives each `MANY`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from foreign import data, json_bytes, lines, texts, values
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mcp.types import CallToolResult
from pydantic import ValidationError

from callwright import documents
from callwright.engine.recipes import load_recipe
from callwright.errors import CallwrightError, ReplyError
from callwright.leaks.reading import read_items as read_benchmark
from callwright.lint.linting import lint
from callwright.llm import hermes
from callwright.llm.base import Request
from callwright.llm.batch import _answers
from callwright.llm.endpoint import Reply, retry_after_s
from callwright.llm.journal import Journal
from callwright.llm.pressure import reading_of
from callwright.llm.replies import parse_reply
from callwright.llm.wire import (
    BrokenReply,
    answer_logprobs,
    card_of,
    completion_of,
    prompt_logprobs_of,
    prompt_tokens_of,
)
from callwright.schemas.message import Observation
from callwright.schemas.tool import McpBinding, OpenAPIBinding, Tool, Toolkit
from callwright.scoring import asktoact, dag, ste, toolalpaca
from callwright.scoring.calls import read_answer
from callwright.settings import shipped_folder
from callwright.sources import load_toolkit
from callwright.sources.headers import NOTHING
from callwright.sources.mcp import toolkit_of
from callwright.sources.openapi import read_openapi
from callwright.sources.phrases import load_phrases
from callwright.sources.python_child import _answer as answer_of_child
from callwright.sources.tool_list import read_tool_list
from callwright.sources.toolset import read_toolset
from callwright.toolbox.http import HttpToolbox
from callwright.toolbox.mcp import _answer as answer_of_mcp
from callwright.values import react

FEW, MANY = 15, 1_000
DATA = Path(__file__).parents[1] / "data"

SCHEMA = {"type": "object", "properties": {"day": {"type": "string", "format": "date"}}, "required": ["day"]}
TOOL = {"name": "book_seat", "description": "Book a seat.", "parameters": SCHEMA}
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "book_seat", "arguments": '{"day": "2026-01-05"}'},
}
CHAT = [
    {"role": "system", "content": "Today is 2026-01-05."},
    {"role": "user", "content": "Book a seat for 2026-01-05."},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "name": "book_seat", "content": '{"seat": 5}'},
    {"role": "assistant", "content": "You have seat 5."},
]
ROW = {"id": "r1", "messages": CHAT, "tools": [{"type": "function", "function": TOOL}]}
HERMES = (
    "<think>\nWell.\n</think>\nSure.\n<tool_call>\n"
    '{"name": "book_seat", "arguments": {"day": "2026-01-05"}}\n</tool_call>'
)
REACT = (
    "System: Help.\nTools: []\nUser: Book.\nThought: I book.\nAction: book_seat\n"
    'Action Input: {"day": "2026-01-05"}\nObservation: {"seat": 5}\nFinal Answer: Seat 5.'
)
OTHER_ROWS = [
    {"conversations": [{"from": "human", "value": "Book."}, {"from": "gpt", "value": HERMES}], "tools": "[]"},
    {"segments": [REACT], "trainable": [True]},
    {"prompt": "Book.", "completion": HERMES},
    {
        "input": {"messages": CHAT[:2], "tools": [TOOL]},
        "preferred_output": CHAT[4:],
        "non_preferred_output": [],
    },
    {"query": "Book.", "answers": [{"name": "book_seat", "arguments": {"day": "x"}}], "tools": [TOOL]},
    {"question": [[CHAT[1]]], "function": [TOOL], "ground_truth": [{"book_seat": {"day": ["2026-01-05"]}}]},
    {"conversation": [{"who": "user", "text": "Book."}, {"who": "call", "text": "f {}"}], "verdicts": []},
]
COMPLETION = {
    "choices": [
        {
            "message": {"role": "assistant", "content": "Yes.", "tool_calls": [CALL]},
            "finish_reason": "tool_calls",
            "logprobs": {"content": [{"token": "Y", "logprob": -0.5}]},
        }
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    "prompt_logprobs": [None, {"5": {"logprob": -1.0, "decoded_token": "a"}}, {"6": {"logprob": -2.0}}],
    "tokens": [1, 5, 6],
    "data": [{"id": "toy", "root": "toy"}],
    "error": {"message": "No.", "type": "error"},
}
ASKED = Request(
    purpose="fuzz", messages=({"role": "user", "content": "Book."},), tools=({"type": "function"},)
)
SMALL_API = {
    "openapi": "3.0.3",
    "info": {"title": "Seats", "license": {"name": "MIT"}},
    "servers": [{"url": "https://api.example.com/v1"}],
    "components": {
        "schemas": {"Seat": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Seat"}}}}
    },
    "paths": {
        "/seats/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "post": {
                "operationId": "bookSeat",
                "summary": "Book a seat.",
                "requestBody": {"content": {"application/json": {"schema": SCHEMA}}},
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Seat"},
                                "example": {"next": None},
                            }
                        },
                    }
                },
            },
        }
    },
}
OTHER_SPELLINGS = [
    {"name": "a.b", "input_schema": {"type": "object", "properties": {"x": {"enum": [1, "two", None]}}}},
    {"name": "flat", "parameters": {"city": {"type": "str, optional", "description": "A city."}}},
    {"name": "c", "inputSchema": {"$defs": {"X": {"type": ["null", "string"]}}, "$ref": "#/$defs/X"}},
]
_SHEET = yaml.safe_load((shipped_folder() / "seeds" / "library.phrases.yaml").read_text(encoding="utf-8"))
SHEET = _SHEET | {"tools": dict(list(_SHEET["tools"].items())[:2])}
RECIPE = {
    "dataset": "museum",
    "size": 20,
    "seed": 7,
    "tools": [
        {"openapi": "museum.yaml", "toolbox": "http", "hosts": ["api.example.com"]},
        {"world": "travel"},
    ],
    "models": {"teacher": {"engine": "openai", "base_url": "http://127.0.0.1:8000/v1", "model": "toy"}},
    "methods": {"toolalpaca": {"max_steps": 3}, "asktoact": {"from": ["toolalpaca"], "error_share": 0.3}},
    "mix": {"single": 0.5, "no_call": 0.5},
    "splits": {"test": 0.1},
    "views": ["trl", "openai"],
    "budget": {"tokens": 5000},
    "schedule": "0 2 * * *",
    "leaks": ["benchmarks/*.jsonl"],
}
SPANS = {
    "id": "r1",
    "clock": "2026-01-05",
    "tools": [{"type": "function", "function": TOOL}],
    "intents": [{"value": "2026-01-05", "slots": [{"tool": "book_seat", "argument": "day"}]}],
    "messages": CHAT,
    "predicted": CHAT[2:],
}
STE = {
    "id": "1",
    "gold": [{"name": "book_seat", "arguments": {"day": "2026-01-05"}}],
    "predicted": 'Action: book_seat\nAction Input: {"day": "2026-01-05"}',
    "tools": [{"type": "function", "function": TOOL}],
}
COMPARED = {
    "id": "1",
    "runs": ["solved", "unsolved"],
    "against": {"ours": "solved", "theirs": "unsure", "ours_first": "ours", "theirs_first": "theirs"},
}
RULED = {"id": 1, "verdict": "## Results\nProcess Correctness: Yes\nFinal Response Correctness: No"}


@pytest.fixture(scope="module")
def kit() -> Toolkit:
    return load_toolkit(shipped_folder() / "seeds" / "library.yaml", phrases=None)[0]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(folder)


class Fuzz:
    """A parser, what it is fed, and the errors that it may raise."""

    def __init__(
        self,
        inputs: st.SearchStrategy[Any],
        parse: Callable[[Any, Path, Toolkit], Any],
        *errors: type[BaseException],
    ) -> None:
        self.inputs = inputs
        self.parse = parse
        self.errors = errors or (CallwrightError,)


def _file(suffix: str, read: Callable[[Path], Any]) -> Callable[[bytes, Path, Toolkit], None]:
    def parse(given: bytes, place: Path, kit: Toolkit) -> None:
        path = place / f"given{suffix}"
        path.write_bytes(given)
        read(path)

    return parse


def _sound(toolkit: Toolkit) -> None:
    """A toolkit that was read can be written, named and shown."""
    toolkit.model_dump_json()
    assert toolkit.id
    for tool in toolkit.tools:
        json.dumps(tool.wire(), allow_nan=False).encode()


def _toolset(path: Path) -> None:
    path.rename(path.with_name("toolset.yaml"))
    read_toolset(path.parent)


def _journal(path: Path) -> None:
    with Journal(path) as journal:
        for entry in journal:
            journal.get(entry["key"])


def _replies(given: bytes, place: Path, kit: Toolkit) -> None:
    """All that is read of one server's replies."""
    Reply(500, given).message()
    for read in (prompt_tokens_of, lambda data: completion_of(data, ASKED)):
        with contextlib.suppress(BrokenReply, ReplyError):
            read(given)
    with contextlib.suppress(KeyError):
        card_of(given, "toy")
    listed = prompt_logprobs_of(given)
    if listed is not None:
        answer_logprobs(listed, [1, 5])


def _score(module: Any) -> Callable[[Path], Any]:
    return lambda path: module.score(module.read_items(path))


def _parquet(row: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row, row]), sink)
    return sink.getvalue()


def _mcp_answer(given: Any, place: Path, kit: Toolkit) -> None:
    tool = Tool(**TOOL, returns=SCHEMA, binding=McpBinding(server="x", tool="book_seat"))
    observation = answer_of_mcp(tool, CallToolResult.model_validate(given), NOTHING)
    assert isinstance(observation, Observation)
    observation.model_dump_json()


MCP_ANSWER = {
    "content": [
        {"type": "text", "text": '{"seat": 5}'},
        {"type": "image", "data": "aGk=", "mimeType": "image/png"},
        {"type": "resource", "resource": {"uri": "file:///x", "text": "hi"}},
        {"type": "resource_link", "uri": "file:///y", "name": "y"},
    ],
    "structuredContent": {"day": "2026-01-05"},
    "isError": False,
}
METRICS = (
    'vllm:num_requests_waiting{model="a"} 1.0\nvllm:num_requests_running 2\nvllm:num_preemptions_total 0\n'
)
YAML_API = yaml.safe_dump(SMALL_API)
BOMBS = "a: &a [x]\nb: &b {<<: [*c, *c]}\n- - - -\n? [a]\n: !!binary aGk=\n!!python/object:x {}\n'\\ud800'\n"

PARSERS: dict[str, Fuzz] = {
    "yaml and json": Fuzz(
        texts(YAML_API, BOMBS, json.dumps(SMALL_API)), lambda text, _, __: documents.parse(text, "x")
    ),
    "openapi": Fuzz(values(SMALL_API), lambda given, _, __: _sound(read_openapi(given, "x")[0])),
    "openapi files": Fuzz(
        data(YAML_API.encode(), (DATA / "torture-3.1.yaml").read_bytes()),
        _file(".yaml", lambda path: _sound(load_toolkit(path)[0])),
    ),
    "tool lists": Fuzz(
        values([TOOL, *OTHER_SPELLINGS]), lambda given, _, __: _sound(read_tool_list(given, "x")[0])
    ),
    "tool list files": Fuzz(
        json_bytes([TOOL, *OTHER_SPELLINGS]), _file(".json", lambda path: _sound(load_toolkit(path)[0]))
    ),
    "mcp listings": Fuzz(
        values([{"name": "book", "title": None, "description": "Book.", "inputSchema": SCHEMA}]),
        lambda given, _, __: _sound(toolkit_of(given, "python server.py")[0]),
    ),
    "mcp answers": Fuzz(values(MCP_ANSWER), _mcp_answer, ValidationError),
    "python answers": Fuzz(
        json_bytes({"id": 1, "status": 200, "body": {"x": 1}}),
        lambda given, _, __: answer_of_child(given, 1),
        ValueError,
    ),
    "phrase sheets": Fuzz(
        json_bytes(SHEET),
        lambda given, place, kit: _file(".yaml", lambda path: load_phrases(path, kit))(given, place, kit),
    ),
    "toolsets": Fuzz(
        json_bytes({"teacher": "x", "seed": 1, "requested": 2, "accepted": []}), _file(".yaml", _toolset)
    ),
    "recipes": Fuzz(json_bytes(RECIPE), _file(".yaml", load_recipe)),
    "recipe texts": Fuzz(data(yaml.safe_dump(RECIPE).encode()), _file(".yaml", load_recipe)),
    "overrides": Fuzz(
        texts("size=50", "models.teacher.engine=offline", "views=[trl]", "tools.0.world=x"),
        lambda text, _, __: load_recipe(shipped_folder() / "recipes" / "demo.yaml", (text,)),
    ),
    "lint": Fuzz(lines(ROW, *OTHER_ROWS), _file(".jsonl", lint)),
    "lint lists": Fuzz(json_bytes([ROW, ROW], OTHER_ROWS), _file(".json", lint)),
    "lint parquet": Fuzz(
        data(_parquet({"messages": CHAT, "tools": json.dumps([TOOL])})), _file(".parquet", lint)
    ),
    "leaks": Fuzz(lines(ROW, *OTHER_ROWS), _file(".jsonl", lambda path: list(read_benchmark(path)))),
    "leaks parquet": Fuzz(
        data(_parquet({"question": "Book a seat.", "function": [TOOL]})),
        _file(".parquet", lambda path: list(read_benchmark(path))),
    ),
    "scores of asktoact": Fuzz(lines(SPANS), _file(".jsonl", _score(asktoact))),
    "scores of ste": Fuzz(lines(STE), _file(".jsonl", _score(ste))),
    "scores of dag": Fuzz(lines(COMPARED), _file(".jsonl", _score(dag))),
    "scores of toolalpaca": Fuzz(
        st.one_of(lines(RULED), json_bytes({"api": [RULED], "statistics": {}})),
        _file(".json", lambda path: toolalpaca.score(toolalpaca.read_verdicts(path))),
    ),
    "answers": Fuzz(
        st.one_of(texts(HERMES, REACT), values(CHAT[2])), lambda given, _, __: read_answer(given)
    ),
    "replies": Fuzz(json_bytes(COMPLETION), _replies, BrokenReply),
    "values in replies": Fuzz(
        texts('{"day": "2026-01-05"}', '```json\n{"day": 5}\n```', "<think>x</think> Here: [1]"),
        lambda text, _, __: parse_reply(text, SCHEMA),
        ReplyError,
    ),
    "batch outputs": Fuzz(
        lines({"custom_id": "k", "response": {"status_code": 200, "body": COMPLETION}, "error": None}),
        lambda given, place, _: list(_answers(given.splitlines(), place)),
    ),
    "retry-after": Fuzz(
        texts("120", "Wed, 21 Oct 2026 07:28:00 GMT", "1e999", "-5"), lambda text, _, __: retry_after_s(text)
    ),
    "metrics": Fuzz(texts(METRICS), lambda text, _, __: reading_of(text)),
    "hermes": Fuzz(texts(HERMES), lambda text, _, __: hermes.read(text), ReplyError),
    "react": Fuzz(texts(REACT), lambda text, _, __: react.read(text), ValueError),
    "journals": Fuzz(lines({"key": "k1", "response": {"text": "Yes."}}), _file(".journal", _journal)),
}


def times(inputs: int) -> settings:
    return settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )


def fuzz(name: str, inputs: int, place: Path, kit: Toolkit) -> None:
    target = PARSERS[name]

    @times(inputs)
    @given(target.inputs)
    def run(given_input: Any) -> None:
        try:
            target.parse(given_input, place, kit)
        except target.errors as error:
            if isinstance(error, CallwrightError):
                told = str(error)
                told.encode()
                assert told and len(told.splitlines()) == 1, told

    run()


@pytest.mark.parametrize("name", PARSERS)
def test_no_input_gets_anything_but_a_value_or_an_error_of_ours(name: str, place: Path, kit: Toolkit) -> None:
    fuzz(name, FEW, place, kit)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_many_inputs_get_nothing_but_a_value_or_an_error_of_ours(
    name: str, place: Path, kit: Toolkit
) -> None:
    fuzz(name, MANY, place, kit)


REPLIES = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"seat": 5}',
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=latin-1\r\n\r\nClosed for repairs \xe9",
    b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnone\r\n0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: application/json\r\n\r\n\x1f\x8b\x08\x00",
)


def fuzz_http(inputs: int) -> None:
    """Raw bytes in place of an API's reply: each becomes an observation."""
    reply = b""
    binding = OpenAPIBinding(method="get", path="/seat")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        writer.close()

    with asyncio.Runner() as runner:
        server = runner.run(asyncio.start_server(answer, "127.0.0.1", 0))
        port = server.sockets[0].getsockname()[1]
        toolbox = HttpToolbox(
            [f"127.0.0.1:{port}"],
            servers={"desk": f"http://127.0.0.1:{port}"},
            allow_private=True,
            call_s=2.0,
            max_bytes=100_000,
        )

        @times(inputs)
        @given(data(*REPLIES))
        def run(given_bytes: bytes) -> None:
            nonlocal reply
            reply = given_bytes
            observation = runner.run(toolbox.send(binding, {}, "desk"))
            assert observation.trust == "real" and 100 <= observation.status <= 999
            observation.model_dump_json().encode()

        try:
            run()
        finally:
            runner.run(toolbox.close())
            server.close()
            runner.run(server.wait_closed())


def test_any_bytes_in_place_of_a_reply_are_an_observation() -> None:
    fuzz_http(FEW)


@pytest.mark.slow
def test_many_bytes_in_place_of_a_reply_are_an_observation() -> None:
    fuzz_http(MANY)
