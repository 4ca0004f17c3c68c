"""What a report shows, and that nothing in a row can become more than text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from builders import commit, drop, task, trajectory
from command import callwright
from pictured import ABSTAINED, CHAIN, GROUNDED, HOSTILE, KIT, STATISTICS, reported

from callwright.report import ReportError, write_report
from callwright.report.conversations import draw
from callwright.report.mapping import plane
from callwright.report.page import render
from callwright.schemas.report import Report
from callwright.schemas.version import Member
from callwright.store import Store


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    place = tmp_path_factory.mktemp("report")
    return reported(place, CHAIN, ABSTAINED, statistics=STATISTICS, verdicts=[GROUNDED], drops=[drop()])


class Scripts(HTMLParser):
    """The page as a browser takes it apart: elements, and the text of each script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[tuple[str, str]] = []
        self.policy = ""
        self._type: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.handlers += [name for name in given if name.startswith("on") or name in ("src", "srcset")]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        self._type = (given.get("type") or "") if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._type is not None:
            self.scripts.append((self._type, data))
            self._type = None


def test_what_a_row_says_stays_text(report: Report):
    read = Scripts(render(report))
    data = [json.loads(text) for kind, text in read.scripts if kind == "application/json"]
    assert [one["request"] for one in data[0]["conversations"] if one["kind"] == "no_call"] == [
        " ".join(HOSTILE.split())
    ]
    assert "img" not in read.tags and not read.handlers
    digests = {
        "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for kind, text in read.scripts
        if not kind
    }
    assert len(digests) == 6 and digests == set(re.findall(r"sha256-[^']+", read.policy))
    assert "default-src 'none'" in read.policy and "unsafe-inline" not in read.policy.split("style-src")[0]


def test_names_and_recipes_are_escaped_too(tmp_path: Path):
    evil = {"dataset": "museum", "note": HOSTILE, "tools": [{"openapi": "/home/me/museum.yaml"}]}
    page = render(reported(tmp_path, CHAIN, second=[CHAIN], recipe=evil))
    assert "alert(1)" in page and "<script>alert" not in page and "/home/me" not in page


def test_texts_are_never_set_as_html():
    folder = Path(__file__).resolve().parents[2] / "src" / "callwright" / "report"
    ours = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.js"))
    assert "textContent" in ours
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.html\(|eval\(|Function\(", ours
    )


def test_the_funnel_ends_with_the_rows(report: Report):
    [picture] = report.pictures
    assert (picture.attempts, picture.rows) == (6, 2)
    assert [(gate.name, gate.dropped, gate.left) for gate in picture.gates] == [
        ("L1", {"b": 1}, 5),
        ("selection", {"over_quota": 3}, 2),
    ]


def test_coverage_tells_parameters_that_are_never_given_and_tools_that_were_withheld(report: Report):
    read, listed = report.pictures[0].tools
    assert (read.name, read.by_kind, read.calls) == ("get_event", {"multi_step": 1}, 1)
    assert read.parameters == {"event_id": 1, "detail": 0}
    assert (listed.by_kind, listed.calls) == ({"multi_step": 1, "no_call": 1}, 1)


def test_shape(report: Report):
    [picture] = report.pictures
    assert picture.calls_per_turn == {1: 2} and picture.calls_per_row == {0: 1, 2: 1}
    assert picture.lengths.messages == {2: 1, 6: 1}
    assert picture.evidence == {"none": {"no_call": 1}, "L1": {"multi_step": 1}}


def test_a_value_is_drawn_from_the_answer_that_it_stands_in(report: Report):
    [chain] = [one for one in report.conversations if one.kind == "multi_step"]
    assert [(node.id, node.what, node.rank, node.failed) for node in chain.nodes] == [
        ("m0", "user", 0, False),
        ("a", "call", 1, False),
        ("b", "call", 2, True),
    ]
    assert [(one.source, one.target, one.path) for one in chain.origins] == [
        ("m0", "a", "/room"),
        ("a", "b", "/event_id"),
    ]
    assert chain.constants == {"default": 1}


def test_masked_spans_are_cut_out_by_characters(report: Report):
    [chain] = [one for one in report.conversations if one.kind == "multi_step"]
    assert [(part.text, part.label) for part in chain.messages[-1].parts] == [
        ("😀 ", ""),
        ("wrong.", "error"),
        (" It is gone.", ""),
    ]


def test_a_row_with_a_secret_is_kept_back(tmp_path: Path):
    secret = "sk-" + "a1" * 20
    found = reported(tmp_path, CHAIN, trajectory(task(f"Use {secret}.", attempt=3)))
    assert (len(found.conversations), found.kept_back, found.total) == (1, 1, 2)
    assert secret not in render(found)


def test_two_versions_and_which_rows_each_has(tmp_path: Path):
    new = trajectory(task("Show me event e9.", attempt=9))
    found = reported(tmp_path, CHAIN, ABSTAINED, second=[CHAIN, new])
    assert [one.version for one in found.pictures] == ["museum@2", "museum@1"]
    assert found.difference is not None
    assert [getattr(found.difference, name).rows for name in ("added", "removed", "kept")] == [1, 1, 1]
    places = {one.id: [place.version for place in one.places] for one in found.conversations}
    assert places == {
        CHAIN.id: ["museum@2", "museum@1"],
        new.id: ["museum@2"],
        ABSTAINED.id: ["museum@1"],
    }
    assert [one.version for one in found.history] == ["museum@1", "museum@2"]
    assert found.total == 3


def _members(kind: Any, first: int, count: int) -> list[Member]:
    return [
        Member(trajectory=f"{at:04}", split="train", kind=kind, method="m")
        for at in range(first, first + count)
    ]


def test_rare_rows_are_drawn_among_many():
    many, few = _members("single", 0, 100), _members("no_call", 500, 2)
    assert draw([*many, *few], (), 6) == ["0500", "0000", "0501", "0001", "0002", "0003"]
    assert draw(many, {"0099"}, 3) == ["0000", "0099", "0001"]


def test_requests_that_are_alike_are_near_on_the_map():
    texts = [f"Book a table for {n} at the Heron" for n in "234"] + [
        f"Weather in {n}?" for n in ("Oslo", "Rome")
    ]
    places, explained = plane(texts)
    assert max(x for x, _ in places[:3]) < min(x for x, _ in places[3:]) or max(
        x for x, _ in places[3:]
    ) < min(x for x, _ in places[:3])
    assert 0.3 < explained <= 1
    assert plane(["the same"] * 4)[0] == [(0.0, 0.0)] * 4 and plane([]) == ([], 0.0)


def test_the_file_has_the_same_bytes_and_nothing_else_is_overwritten(tmp_path: Path):
    with Store.open(tmp_path / "data", write=True) as store:
        version = store.commit(commit(CHAIN, ABSTAINED, toolkits=[KIT]))
        path = tmp_path / "new" / "report.html"
        write_report(store, version, path)
        first = path.read_bytes()
        write_report(store, version, path)
        path.write_text("mine", encoding="utf-8")
        with pytest.raises(ReportError, match="holds something else; .*--overwrite"):
            write_report(store, version, path)
        write_report(store, version, path, overwrite=True)
        with pytest.raises(ReportError, match="is a folder"):
            write_report(store, version, path.parent)
    assert path.read_bytes() == first and list(path.parent.iterdir()) == [path]


def test_the_command(tmp_path: Path):
    with Store.open(tmp_path, write=True) as store:
        store.commit(commit(CHAIN, toolkits=[KIT]))
    out = tmp_path / "r.html"
    done = callwright("report", "museum", "--out", out, "--data", tmp_path, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["file"] == str(out) and out.read_text().startswith("<!doctype html>")
    same = callwright(
        "report", "museum", "--against", "museum@1", "--out", out, "--data", tmp_path, cwd=tmp_path
    )
    assert same.returncode == 2
    assert "museum@1 cannot be shown beside itself" in same.stderr
