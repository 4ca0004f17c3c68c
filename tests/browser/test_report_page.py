"""A click through a report in headless Chromium: every picture is there, and the page does what it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from builders import RECIPE, call, commit, task, tool, trajectory, verdict
from chromium import Tab, chromium
from pictured import ABSTAINED, CHAIN, GROUNDED, HOSTILE, KIT, STATISTICS

from callwright.report import write_report
from callwright.schemas.version import Spent
from callwright.store import Store

PICTURES = Path(os.environ["CALLWRIGHT_PICTURES"]) if "CALLWRIGHT_PICTURES" in os.environ else None
"""Where screenshots are left for a person to look at."""

MANY = [
    trajectory(
        task(f"Show me event {n} in {place}.", attempt=10 + n, tools=[tool()]), [call(event_id=f"e{n}")]
    )
    for n, place in enumerate(["Oslo", "Rome", "Lima", "Bern", "Cairo", "Quito"])
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions beside each other; a row in both says what a page must not run."""
    place = tmp_path_factory.mktemp("page")
    spent = {"toolalpaca.assistant": Spent(requests=9, prompt_tokens=700, completion_tokens=80)}
    counted = STATISTICS.model_copy(update={"by_purpose": spent, "by_kind": {"single": 4}})
    with Store.open(place, write=True) as store:
        rows = [CHAIN, ABSTAINED, *MANY[:4]]
        first = store.commit(commit(*rows, toolkits=[KIT], statistics=counted, verdicts=[GROUNDED]))
        rows = [CHAIN, ABSTAINED, *MANY[2:]]
        judged = [verdict(one) for one in rows if one is not CHAIN]
        changed = {"recipe": RECIPE | {"seed": 3}, "recipe_digest": "r2", "verdicts": judged}
        second = store.commit(commit(*rows, toolkits=[KIT], statistics=counted, **changed))
        write_report(store, second, place / "report.html", first)
    return place / "report.html"


async def look(tab: Tab, name: str, selector: str = "body") -> None:
    """A screenshot of a part that shows something: one of a single colour would be a few hundred bytes."""
    content = await tab.picture(selector)
    if PICTURES:
        (PICTURES / f"report-{name}.png").write_bytes(content)
    assert len(content) > 3_000, name


async def rows_shown(tab: Tab) -> int:
    return int(await tab.run("document.querySelectorAll('#list li').length"))


async def test_a_click_through(page: Path):
    async with chromium() as tab:
        await tab.open(page)
        assert await tab.run("document.title") == "museum@2 and museum@1 · callwright report"
        assert tab.asked_for == [page.as_uri()]

        # Every picture has marks; none is empty.
        drawn = await tab.run(
            "Object.fromEntries([...document.querySelectorAll('[data-figure]')].map(e => [e.dataset.figure,"
            " e.querySelectorAll('svg rect, svg circle, td.cell, dd').length]))"
        )
        wanted = "facts funnel coverage evidence calls lengths map cost history changes".split()
        assert sorted(drawn) == sorted(wanted) and all(drawn.values()), drawn
        for section in ("funnel", "coverage", "shape", "map", "cost", "changes"):
            await look(tab, section, f"#{section}")

        # A filter, then a conversation: its graph, its verdicts, its masked words.
        assert await rows_shown(tab) == 6
        await tab.choose("#filter-kind", "multi_step")
        assert await rows_shown(tab) == 1
        await tab.click("#list button")
        assert (
            await tab.run("document.querySelector('#conversation mark').firstChild.textContent") == "wrong."
        )
        assert await tab.run("document.querySelectorAll('.dag g.call rect, .dag g.user rect').length") == 3
        edges = "[...document.querySelectorAll('.dag path.user, .dag path.answer')].map(e => e.getAttribute('class'))"
        assert await tab.run(edges) == ["user", "answer"]
        assert "grounding" in await tab.run("document.getElementById('conversation').innerText")
        await look(tab, "conversation", "#rows")

        # The row that says what must not be run is text like any other.
        await tab.choose("#filter-kind", "no_call")
        said = await tab.run("document.querySelector('#conversation .user .said').textContent")
        assert said.startswith(HOSTILE[:70])
        assert (
            await tab.run("document.querySelectorAll('#conversation img, #conversation script').length") == 0
        )

        # The other version, then both.
        await tab.choose("#filter-kind", "")
        await tab.click('[data-show="1"]')
        assert await tab.run("document.querySelector('[aria-pressed=true]').textContent") == "museum@1"
        assert await rows_shown(tab) == 6
        await tab.click('[data-show="both"]')
        assert await rows_shown(tab) == 8
        assert await tab.run("document.querySelectorAll('#funnel svg').length") == 2
        await tab.choose("#filter-change", "removed")
        assert await rows_shown(tab) == 2
        await look(tab, "both")
        assert tab.complaints == []


async def test_a_point_of_the_map_opens_its_conversation(page: Path):
    async with chromium() as tab:
        await tab.open(page)
        closed = await tab.run("report.pictures[0].points.findIndex(one => one.row !== state.open)")
        wanted = await tab.run(f"report.pictures[0].points[{closed}].row")
        await tab.click(f"#map circle:nth-of-type({closed + 1})")
        assert await tab.run("state.open") == wanted
        assert tab.complaints == []
