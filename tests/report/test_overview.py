"""A version on one page, and its funnel."""

from __future__ import annotations

import asyncio
from pathlib import Path

from workshops import demo

from callwright.engine.build import build
from callwright.report.overview import funnel, overview
from callwright.store import Store


def test_the_page_says_what_there_is_and_what_changed(tmp_path: Path):
    first = asyncio.run(build(demo(), tmp_path)).version
    second = asyncio.run(build(demo("size=70"), tmp_path)).version
    with Store.open(tmp_path, write=False) as store:
        changed = store.diff(first, second)
    page = overview(second, changed)
    assert page.startswith("# demo@2\n\n70 rows of ")
    assert "## Since demo@1" in page and "| size | `60` | `70` |" in page
    assert f"{changed.added.rows} rows came, {changed.removed.rows} went, {changed.kept.rows} stayed." in page
    assert "## Since" not in overview(first, None)


def test_the_funnel_begins_with_all_attempts_and_ends_with_the_rows(tmp_path: Path):
    version = asyncio.run(build(demo("size=140", "mix={single: 1.0}"), tmp_path)).version
    rows = funnel(version)
    assert rows, "nothing was dropped, so nothing was tested"
    assert all(row["in"] - row["dropped"] == row["left"] for row in rows)
    assert [row["in"] for row in rows[1:]] == [row["left"] for row in rows[:-1]]
    assert rows[-1]["left"] == version.statistics.rows == 140


def test_a_bar_in_a_reason_breaks_no_table(tmp_path: Path):
    version = asyncio.run(build(demo(), tmp_path)).version
    spent = {"one|two": next(iter(version.statistics.by_purpose.values()))}
    told = version.model_copy(
        update={"statistics": version.statistics.model_copy(update={"by_purpose": spent})}
    )
    assert "| one\\|two | " in overview(told, None)
