"""A version on one page, and its funnel."""

from __future__ import annotations

import asyncio

import pytest
from workshops import demo

from callwright.engine.build import build
from callwright.report.overview import funnel, overview
from callwright.schemas.difference import Difference
from callwright.schemas.version import DropCount, Spent, Version
from callwright.store import Store

Two = tuple[Version, Version, Difference]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Two:
    """Two versions, and how they differ."""
    data = tmp_path_factory.mktemp("data")
    sets = ("mix={single: 1.0}", "tools=[{openapi: ../seeds/museum.yaml}]")
    first, second = (asyncio.run(build(demo(f"size={size}", *sets), data)).version for size in (8, 10))
    with Store.open(data, write=False) as store:
        return first, second, store.diff(first, second)


def test_the_page_says_what_there_is_and_what_changed(two: Two):
    first, second, changed = two
    page = overview(second, changed)
    assert page.startswith("# demo@2\n\n10 rows of ")
    assert "## Since demo@1" in page and "| size | `8` | `10` |" in page
    assert f"{changed.added.rows} rows came, {changed.removed.rows} went, {changed.kept.rows} stayed." in page
    assert "## Since" not in overview(first, None)


def with_drops(version: Version, **drops: int) -> Version:
    counts = tuple(DropCount(gate=gate, code="some_reason", count=count) for gate, count in drops.items())
    return version.model_copy(update={"statistics": version.statistics.model_copy(update={"drops": counts})})


def test_the_funnel_begins_with_all_attempts_and_ends_with_the_rows(two: Two):
    rows = funnel(with_drops(two[0], selection=2, L1=3, generation=4))
    assert [(row["gate"], row["in"], row["dropped"], row["left"]) for row in rows] == [
        ("generation", 17, 4, 13),
        ("L1", 13, 3, 10),
        ("selection", 10, 2, 8),
    ]
    assert rows[0]["reasons"] == "some_reason 4"


def test_a_bar_in_a_name_breaks_no_table(two: Two):
    counts = two[0].statistics.model_copy(update={"by_purpose": {"one|two": Spent(requests=3)}})
    page = overview(two[0].model_copy(update={"statistics": counts}), None)
    assert "| one\\|two | 3 | 0 | 0 | 0 |" in page


def test_addresses_of_endpoints_stay_out(two: Two):
    changed = two[2].model_copy(
        update={
            "recipe": {
                "models.teacher.base_url": ("http://a.internal", "http://b.internal"),
                "seed": (1, 2),
            }
        }
    )
    page = overview(two[1], changed)
    assert "| seed | `1` | `2` |" in page and "internal" not in page
