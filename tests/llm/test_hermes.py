from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.errors import ReplyError
from callwright.llm import hermes
from callwright.schemas.message import ToolCall

BOOK = '{"name": "book", "arguments": {"day": "2026-03-01", "at": [1, 2.50]}}'


def calls_in(text: str) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in hermes.read(text)[1]]


@pytest.mark.parametrize(
    ("text", "said", "names"),
    [
        ("It opens at nine.", "It opens at nine.", []),
        (f"<tool_call>\n{BOOK}\n</tool_call>", "", ["book"]),
        (f"<tool_call>{BOOK}</tool_call>", "", ["book"]),
        (f"I'll book.\n\n<tool_call>{BOOK}</tool_call>\n", "I'll book.", ["book"]),
        (f"<tool_call>{BOOK}</tool_call>\n<tool_call>{BOOK}</tool_call>", "", ["book", "book"]),
        (f"One.<tool_call>{BOOK}</tool_call>Two.<tool_call>{BOOK}</tool_call>", "One.\nTwo.", ["book"] * 2),
        ('<tool_call>{"arguments": {}, "name": "now"}</tool_call>', "", ["now"]),
        (f"<think>A <tool_call>{BOOK}</tool_call> perhaps</think>No.", "No.", []),
        (f"<think>{{</think><tool_call>{BOOK}</tool_call>", "", ["book"]),
        ('<tool_call>{"name": "say", "arguments": {"text": "</tool_call>"}}</tool_call>', "", ["say"]),
    ],
)
def test_words_and_calls_are_told_apart(text: str, said: str, names: list[str]):
    words, calls = hermes.read(text)
    assert (words, [call.name for call in calls]) == (said, names)


def test_argument_text_stays_as_it_was_written():
    assert calls_in(f"<tool_call>\n{BOOK}</tool_call>") == [
        ("book", '{"day": "2026-03-01", "at": [1, 2.50]}')
    ]


def test_calls_are_numbered():
    text = f"<tool_call>{BOOK}</tool_call>" * 2
    assert [call.id for call in hermes.read(text)[1]] == ["call_1", "call_2"]


@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>{BOOK}",
        f"{BOOK}</tool_call>",
        f"<tool_call {BOOK}</tool_call>",
        f"<tool_call>{BOOK}</tool_cal>",
        "<tool_call></tool_call>",
        "<tool_call>book</tool_call>",
        "<tool_call>[]</tool_call>",
        '<tool_call>{"name": "book"}</tool_call>',
        '<tool_call>{"arguments": {}}</tool_call>',
        '<tool_call>{"name": 1, "arguments": {}}</tool_call>',
        '<tool_call>{"name": "a", "name": "b", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "a", "arguments": {}, "id": 1}</tool_call>',
        '<tool_call>{"name": "a", "arguments": {"x": NaN}}</tool_call>',
        '<tool_call>{"name": "a", "arguments": {}} and more</tool_call>',
        '<tool_call>{"name": "\\ud800", "arguments": {}}</tool_call>',
        "<tool_call>" + '{"name": "a", "arguments": ' + "[" * 100_000 + "</tool_call>",
        "<think>and so on",
        BOOK,
        f"```json\n{BOOK}\n```",
        "[TOOL_CALLS] book",
        "<function=book>",
    ],
)
def test_what_looks_like_a_call_and_is_none_never_passes_as_words(text: str):
    with pytest.raises(ReplyError, match="^raw_call_text: "):
        hermes.read(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)
tool_calls = st.builds(
    lambda name, arguments, spaced: (
        name,
        json.dumps(arguments, ensure_ascii=False, indent=spaced),
    ),
    st.text(min_size=1, max_size=20),
    st.dictionaries(st.text(), json_values, max_size=3),
    st.sampled_from([None, 1]),
)
words = st.text().map(str.strip).filter(lambda text: not any(mark in text for mark in "<[{"))


@given(words, st.lists(tool_calls, max_size=3))
def test_what_was_written_is_read_back(said: str, made: list[tuple[str, Any]]):
    calls = tuple(
        ToolCall(id=f"call_{number}", name=name, arguments=arguments)
        for number, (name, arguments) in enumerate(made, start=1)
    )
    assert hermes.read(hermes.write(said, calls)) == (said, calls)


PIECES = (
    "<tool_call>",
    "</tool_call>",
    "<think>",
    "</think>",
    "\n",
    BOOK,
    '{"name": "a", "arguments":',
    "{",
    "}",
    '"',
)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join))
def test_any_text_is_read_or_refused(text: str):
    try:
        said, calls = hermes.read(text)
    except ReplyError as error:
        assert error.code == "raw_call_text"
    else:
        assert "<tool_call>" not in said
        assert all(json.loads(call.arguments) is not Ellipsis for call in calls)
