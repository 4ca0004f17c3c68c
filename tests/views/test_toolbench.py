from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import call, conversation, task, trajectory
from made import demo_rows
from reacts import NASTY, exported, nasty

from callwright.errors import UsageError
from callwright.schemas.message import ToolCall
from callwright.values.react import Said, Turn, read
from callwright.views import toolbench
from callwright.views.rows import ViewError


def test_the_text_gives_back_the_conversation_byte_for_byte(tmp_path: Path):
    row = nasty()
    [line], manifest = exported(tmp_path, row)
    system, tools, *rest = read("".join(line["segments"]))
    assert isinstance(system, Said) and system.marker == "System"
    assert tools == Said("Tools", json.dumps(row.task.tools[0].wire()))
    assert rest == [
        Said("User", NASTY),
        Turn(f"{NASTY}\n{NASTY}", "post", ' {"body":\n  ' + json.dumps(NASTY) + "\n}"),
        Said("Observation", NASTY),
        Turn("", "post", "{}"),
        Said("Observation", ""),
        Turn("Done.", None, NASTY),
    ]
    assert line["trainable"] == [False, False, False, True, False, False, False, True]
    assert manifest.dropped == {"untrained_turn": 1}


def test_the_assistants_turns_of_real_rows_are_trained_and_nothing_else(tmp_path: Path):
    rows = {row.id: row for row in demo_rows(3)}
    lines, manifest = exported(tmp_path, *rows.values())
    assert manifest.rows == {"default": {"train": len(rows)}} and manifest.dropped == {}
    for line in lines:
        learned = [text for text, train in zip(line["segments"], line["trainable"], strict=True) if train]
        turns = list(rows[line["id"]].turns())
        assert [text.split(":")[0] for text in learned] == [
            "Action" if turn.tool_calls else "Final Answer" for turn in turns
        ]
        assert "\\" not in line["segments"][0]


def test_turns_with_several_calls_are_left_out_and_counted_or_written_in_a_row(tmp_path: Path):
    calls = [call("get_event", "c1", event_id="a"), call("get_event", "c2", event_id="b")]
    both = trajectory(task("Both?"), messages=conversation("Both?", calls))
    _, manifest = exported(tmp_path / "one", both, trajectory())
    assert manifest.dropped == {"several_calls": 1} and manifest.rows == {"default": {"train": 1}}
    page = (tmp_path / "one" / "out" / "README.md").read_text()
    assert "| several_calls | 1 | rows with several calls in one turn" in page
    [line], _ = exported(tmp_path / "two", both, options=toolbench.Options(serial=True))
    markers = [text.split(":")[0] for text in line["segments"][3:]]
    assert markers == ["Action", "Observation", "Action", "Observation", "Final Answer"]


def test_arguments_that_are_no_object_refuse_the_view(tmp_path: Path):
    bad = trajectory(task("Raw?"), [ToolCall(id="c1", name="get_event", arguments="[1]")])
    with pytest.raises(ViewError, match="arguments_not_json 1"):
        exported(tmp_path, bad)


def test_a_tokenizer_that_cannot_be_used_is_one_line(tmp_path: Path):
    with pytest.raises(UsageError, match=r"tokenizer=gone.json(: is no| needs the package)"):
        exported(tmp_path, nasty(), options=toolbench.Options(tokenizer="gone.json"))
