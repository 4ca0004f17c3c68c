from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.values.react import MARKERS, Said, Turn, read, segments, token_mask, write

PIECES = (
    *[f"{marker}:" for marker in MARKERS],
    *[f"{marker}: " for marker in MARKERS],
    "\n",
    "\n\n",
    "\r\n",
    "\u2028",
    "\\",
    "\\\\Action: ",
    "{",
    "}}",
    '{"a": "Observation: x"}',
    "<tool_call>",
    "</s>",
    "É你☕",
    "\x00",
    " ",
    "word",
)
NASTY = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map("".join)
SAID = st.builds(Said, st.sampled_from(["System", "Tools", "User", "Observation"]), NASTY)
TURNS = st.builds(Turn, NASTY, st.none() | NASTY, NASTY)


@given(st.lists(SAID | TURNS, min_size=1, max_size=8))
def test_reading_gives_back_what_was_written(entries):
    assert read("".join(segments(entries))) == entries


def test_the_text_is_plain_where_nothing_has_to_be_told_apart():
    entries = [
        Said("User", "Is it open?\nOn Monday: I mean."),
        Turn("Look it up.", "get_hours", '{"day": "Mon"}'),
        Said("Observation", "open\nFinal Answer: no"),
        Turn("", None, "It is."),
    ]
    assert "".join(segments(entries)) == (
        "User: Is it open?\nOn Monday: I mean.\nThought: Look it up.\nAction: get_hours\n"
        'Action Input: {"day": "Mon"}\nObservation: open\n\\Final Answer: no\nFinal Answer: It is.'
    )


@pytest.mark.parametrize(
    "text",
    ["", "hello", " User: x", "Action: a", "Action Input: {}", "Thought: x", "Action: a\nFinal Answer: b"],
)
def test_what_is_no_conversation_is_refused(text: str):
    with pytest.raises(ValueError, match="marker|not followed"):
        read(text)


def bytes_of(text: str) -> list[int]:
    return list(text.encode("utf-8", "surrogatepass"))


def test_the_mask_covers_the_trained_segments_and_truncation_is_reported():
    entries = [Said("User", "é?"), Turn("", "go", "{}"), Said("Observation", "☕"), Turn("", None, "Done.")]
    texts = segments(entries)
    trained = [isinstance(entry, Turn) for entry in entries]
    masked = token_mask(texts, trained, bytes_of)
    assert bytes(masked.ids).decode() == "".join(texts)
    learned = bytes(id_ for id_, learn in zip(masked.ids, masked.mask, strict=True) if learn).decode()
    assert learned == "Action: go\nAction Input: {}\n" + write(entries[3])
    assert (masked.cut, masked.cut_trained) == (0, 0)

    short = token_mask(texts, trained, bytes_of, max_tokens=len(masked.ids) - 10)
    assert (len(short.ids), len(short.mask), short.cut, short.cut_trained) == (len(masked.ids) - 10,) * 2 + (
        10,
        10,
    )
    assert token_mask(texts, trained, bytes_of, max_tokens=3).cut_trained == sum(masked.mask)
