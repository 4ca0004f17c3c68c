"""What a trainer learns: no character of a mistake, every character of what puts it right, wherever a text is cut."""

from __future__ import annotations

import json
import random
import re
from functools import cache
from pathlib import Path

import pytest
from builders import commit, task, trajectory
from dialogues import dialogues
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.schemas.message import AssistantMessage, Message, Span, SystemMessage, UserMessage
from callwright.schemas.task import Trajectory
from callwright.store import Store
from callwright.views import loss, spans, trl
from callwright.views.chatml import rendered
from callwright.views.rows import ViewError


@cache
def rows() -> list[Trajectory]:
    return [
        one.trajectory for _, one in dialogues() if one.trajectory and one.trajectory.task.hidden.get("part")
    ]


def tokens(text: str, rng: random.Random) -> list[tuple[int, int]]:
    """Offsets of pieces that run over word borders and line ends, as those of a real tokenizer may."""
    cuts = sorted({0, len(text), *(rng.randrange(len(text) + 1) for _ in range(len(text) // 3))})
    return list(zip(cuts, cuts[1:], strict=False))


def words(text: str) -> list[tuple[int, int]]:
    """Offsets of words with the space before them, of marks, and of line ends."""
    return [match.span() for match in re.finditer(r" ?\w+| ?[^\w\s]|\s", text)]


@settings(max_examples=40, deadline=None)
@given(st.deferred(lambda: st.sampled_from(rows())), st.randoms(use_true_random=False))
def test_no_cut_and_no_tokenizer_lets_a_mistake_be_learned(row, rng):
    chat = rendered(row.messages, row.task.tools)
    wrong = {place for start, end in chat.wrong for place in range(start, end)}
    for offsets in (tokens(chat.text, rng), words(chat.text)):
        found = loss.labels(range(len(offsets)), offsets, chat.learned, chat.wrong)
        for cut in {0, len(found), rng.randrange(len(found) + 1)}:
            learned = {
                place
                for (start, end), label in zip(offsets[:cut], found[:cut], strict=True)
                if label != loss.IGNORED
                for place in range(start, end)
            }
            assert not learned & wrong


def test_every_character_of_a_correction_is_learned():
    seen = 0
    for row in rows():
        chat = rendered(row.messages, row.task.tools)
        offsets = words(chat.text)
        found = loss.labels(range(len(offsets)), offsets, chat.learned, chat.wrong)
        learned = "".join(
            chat.text[start:end]
            for (start, end), label in zip(offsets, found, strict=True)
            if label != loss.IGNORED
        )
        for message in row.turns():
            for span in message.spans:
                text = message.content[span.start : span.end]
                assert (text in learned) == (span.label != "error")
                seen += span.label == "correction"
    assert seen > 5


def test_the_text_of_a_shorter_chat_is_where_the_longer_one_begins():
    row = rows()[0]
    whole = rendered(row.messages, row.task.tools).text
    for count in range(1, len(row.messages)):
        assert whole.startswith(rendered(row.messages[:count], row.task.tools).text)


def slipped(
    text: str = "Which day? Wait, you said Monday. Which room?", wrong: str = "Which day?", **more: object
):
    start = text.index(wrong)
    span = Span(start=start, end=start + len(wrong), label="error")
    return AssistantMessage(content=text, spans=(span,), **more)  # type: ignore[arg-type]


def test_the_forms_that_trainers_understand():
    message = slipped()
    assert loss.detail(message) == [
        {"begin_offset": 0, "end_offset": 9, "train": False},
        {"begin_offset": 10, "end_offset": 44, "train": True},
    ]
    assert loss.marked(message) == "<SOE>Which day?<EOE> Wait, you said Monday. Which room?"
    assert loss.learned(message)
    assert not loss.learned(slipped("Which day?"))
    assert loss.detail(AssistantMessage(content="Right.")) == []
    with pytest.raises(ValueError, match="mark"):
        loss.marked(AssistantMessage(content="a <SOE> b"))


def test_mistakes_are_found_in_a_chat_that_another_template_rendered():
    messages: list[Message] = [
        SystemMessage(content="Be good."),
        UserMessage(content="Which day? That is what I ask."),
        slipped(),
    ]
    text = "".join(f"[{one.role}] {one.content}\n" for one in messages)
    [(start, end)] = loss.wrong_ranges(text, messages)
    assert text[start:end] == "Which day?"
    assert start > text.index("[assistant]")
    with pytest.raises(ValueError, match="template"):
        loss.wrong_ranges(text.upper(), messages)


def exported(folder: Path, *messages: Message, **options: object):
    row = trajectory(task(), messages=(SystemMessage(content="s"), UserMessage(content="u"), *messages))
    with Store.open(folder / "store", write=True) as store:
        version = store.commit(commit(row))
        spans.export(store, version, folder / "out", spans.Options.model_validate(options))
        lines = (folder / "out" / "default" / "train.jsonl").read_text().splitlines()
        try:
            trl.export(store, version, folder / "trl")
        except ViewError:
            return json.loads(lines[0]), None
        return json.loads(lines[0]), trl


def test_the_view_carries_ranges_or_marks_and_trl_leaves_the_row_out(tmp_path: Path):
    body, chat = exported(tmp_path, slipped())
    assert chat is None
    assert body["messages"][2]["train"] is True
    assert body["messages"][2]["train_detail"][0]["train"] is False
    assert body["spans"] == [{"message": 2, "start": 0, "end": 10, "label": "error"}]
    marked, _ = exported(tmp_path / "marks", slipped(), form="markers")
    assert marked["messages"][2]["content"].startswith("<SOE>Which day?<EOE>")


def test_a_message_that_is_a_mistake_and_nothing_else_has_no_weight(tmp_path: Path):
    whole = (slipped("Which day?"), UserMessage(content="I said so."), AssistantMessage(content="Right."))
    body, _ = exported(tmp_path, *whole)
    assert [one.get("train") for one in body["messages"]] == [None, None, False, None, True]
    assert body["messages"][2]["weight"] == 0.0
