from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.engine.results import Result, read_results, write_results
from callwright.engine.selection import MOST_ATTEMPTS, Cell, cells, help_out, take_chains
from callwright.engine.shards import SHARD_SIZE, Shard
from callwright.errors import StoreError
from callwright.schemas.recipe import Recipe
from callwright.schemas.task import KINDS

Attempt = tuple[bool, int]
"""Whether it is accepted, and what it says: equal numbers are duplicates."""

FATES = st.lists(st.tuples(st.booleans(), st.integers(0, 400)), min_size=1, max_size=60)


def cell(quota: int, surplus: float = 1.0) -> Cell:
    return Cell("toolalpaca", "single", quota, surplus)


def result(attempt: int, accepted: bool = True, says: int | None = None) -> Result:
    return Result(
        method="toolalpaca",
        kind="single",
        attempt=attempt,
        accepted=accepted,
        gate="" if accepted else "L1",
        code="" if accepted else "ungrounded_argument",
        signature=str(attempt if says is None else says),
        trajectory_id=f"row{attempt}",
    )


def fate(fates: list[Attempt], attempt: int) -> Attempt:
    """What becomes of an attempt: the list over and over, each round saying other things."""
    accepted, says = fates[attempt % len(fates)]
    return accepted, says + 1000 * (attempt // len(fates))


def fill(filled: Cell, fates: list[Attempt]) -> list[Shard]:
    """Rounds until the cell is full or given up, as the engine runs them; returns all shards."""
    run: list[Shard] = []
    while shards := filled.next_shards():
        for shard in shards:
            filled.take(
                result(attempt, *fate(fates, attempt))
                for attempt in range(shard.first, shard.first + shard.count)
            )
        run += shards
    return run


@given(FATES, st.integers(1, 300))
def test_the_lowest_numbered_accepted_attempts_are_chosen(fates: list[Attempt], quota: int):
    filled = cell(quota)
    fill(filled, fates)
    wanted, said = [], set()
    for attempt in range(filled.attempts):
        accepted, says = fate(fates, attempt)
        if accepted and says not in said and len(wanted) < quota:
            said.add(says)
            wanted.append(f"row{attempt}")
    assert filled.chosen == wanted


@given(FATES, st.integers(1, 300), st.floats(1.0, 4.0))
def test_how_many_attempts_a_cell_starts_with_does_not_change_its_rows(
    fates: list[Attempt], quota: int, surplus: float
):
    one, other = cell(quota), cell(quota, surplus)
    fill(one, fates)
    fill(other, fates)
    if not one.missing and not other.missing:
        assert one.chosen == other.chosen


@given(FATES, st.integers(1, 300), st.floats(1.0, 4.0))
def test_shards_cover_the_attempts_once_and_in_order(fates: list[Attempt], quota: int, surplus: float):
    filled = cell(quota, surplus)
    shards = fill(filled, fates)
    assert shards[0].first == 0
    assert all(left.first + left.count == right.first for left, right in pairwise(shards))
    assert shards[-1].first + shards[-1].count == filled.attempts <= MOST_ATTEMPTS * quota + 20
    assert all(1 <= shard.count <= SHARD_SIZE for shard in shards)
    assert len({shard.name for shard in shards}) == len(shards)


@given(FATES, st.integers(1, 100))
def test_every_attempt_is_a_row_or_a_drop(fates: list[Attempt], quota: int):
    filled = cell(quota)
    fill(filled, fates)
    assert len(filled.chosen) + len(filled.drops) == filled.attempts
    assert len({drop.attempt for drop in filled.drops}) == len(filled.drops)
    assert filled.missing >= 0


def test_a_surplus_is_kept_as_over_quota():
    filled = cell(2)
    filled.take(map(result, range(5)))
    assert filled.chosen == ["row0", "row1"]
    assert [(drop.gate, drop.code, drop.trajectory) for drop in filled.drops] == [
        ("selection", "over_quota", f"row{attempt}") for attempt in (2, 3, 4)
    ]


def test_a_duplicate_is_dropped_for_the_earlier_one():
    filled = cell(5)
    filled.take([result(0, says=1), result(1, says=2), result(2, says=1)])
    assert filled.chosen == ["row0", "row1"]
    assert [(drop.attempt, drop.gate, drop.code) for drop in filled.drops] == [
        (2, "duplicates", "same_conversation")
    ]


def test_a_cell_that_never_succeeds_is_given_up_early():
    filled = cell(50)
    fill(filled, [(False, 0)])
    assert filled.attempts == 150
    assert filled.shortfall() == (
        f"single: 50 of 50 rows missing after {filled.attempts} attempts; "
        f"drops: L1 ungrounded_argument ({filled.attempts})"
    )


SHARES = st.lists(st.integers(0, 1000), min_size=len(KINDS), max_size=len(KINDS)).filter(any)


@given(SHARES, st.integers(1, 20_000))
def test_the_quotas_are_the_mix_by_largest_remainder(parts: list[int], size: int):
    shares = {kind: part / sum(parts) for kind, part in zip(KINDS, parts, strict=True)}
    quotas = recipe(shares, size).quotas()
    exact = {kind: share * size for kind, share in shares.items()}
    assert sum(quotas.values()) == size
    assert all(abs(quotas.get(kind, 0) - exact[kind]) < 1 + 1e-6 for kind in KINDS)
    assert all(quotas.values())
    up = [exact[kind] % 1 for kind in KINDS if quotas.get(kind, 0) > exact[kind] + 1e-6]
    down = [exact[kind] % 1 for kind in KINDS if quotas.get(kind, 0) < exact[kind] - 1e-6]
    assert not up or not down or min(up) >= max(down) - 1e-6


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        (1, {"single": 1}),
        (7, {"single": 3, "multi_step": 2, "clarification": 1, "no_call": 1}),
        (101, {"single": 46, "multi_step": 25, "clarification": 20, "no_call": 10}),
    ],
)
def test_odd_sizes_are_met_exactly(size: int, wanted: dict[str, int]):
    mix = {"single": 0.45, "multi_step": 0.25, "clarification": 0.2, "no_call": 0.1}
    assert recipe(mix, size).quotas() == wanted


def test_a_kind_without_a_share_has_no_cell():
    assert [one.kind for one in cells(recipe({"no_call": 1.0, "single": 0.0}, 3), 1.2)] == ["no_call"]


def recipe(mix: dict[str, float], size: int) -> Recipe:
    return Recipe.model_validate({"dataset": "d", "size": size, "tools": [{"json": "x.json"}], "mix": mix})


# Two source methods


def both(mix: dict[str, float], size: int, **rows: int) -> Recipe:
    methods = {name: {"rows": rows[name]} if name in rows else {} for name in ("toolalpaca", "ste")}
    body = {"dataset": "d", "size": size, "tools": [{"json": "x.json"}], "mix": mix, "methods": methods}
    return Recipe.model_validate(body)


def test_a_kind_is_shared_evenly_between_those_that_make_it():
    shares = both({"single": 0.5, "parallel": 0.3, "no_call": 0.2}, 30).shares()
    assert shares == {
        ("toolalpaca", "single"): 8,
        ("toolalpaca", "parallel"): 5,
        ("toolalpaca", "no_call"): 6,
        ("ste", "single"): 7,
        ("ste", "parallel"): 4,
    }


def test_a_method_that_is_capped_keeps_its_kinds_in_proportion_and_the_other_takes_the_rest():
    shares = both({"single": 0.6, "multi_step": 0.4}, 100, ste=10).shares()
    assert shares == {
        ("toolalpaca", "single"): 54,
        ("toolalpaca", "multi_step"): 36,
        ("ste", "single"): 6,
        ("ste", "multi_step"): 4,
    }


@given(SHARES, st.integers(1, 500), st.integers(1, 500), st.integers(1, 500))
def test_every_wanted_row_is_somebodys_and_no_cap_is_broken(
    parts: list[int], size: int, toolalpaca: int, ste: int
):
    mix = {kind: part / sum(parts) for kind, part in zip(KINDS, parts, strict=True)}
    try:
        made = both(mix, size, toolalpaca=toolalpaca, ste=ste)
    except ValueError:
        return
    shares = made.shares()
    for kind, count in made.quotas().items():
        assert sum(n for (_, one), n in shares.items() if one == kind) == count
    for name, cap in {"toolalpaca": toolalpaca, "ste": ste}.items():
        assert sum(n for (method, _), n in shares.items() if method == name) <= cap
    assert min(shares.values(), default=0) >= 0


def explored(
    attempt: int, kind: str = "single", accepted: bool = True, arguments: str = '{"a": 1}'
) -> Result:
    call = {"name": "x", "arguments": arguments}
    changes = {
        "method": "ste",
        "kind": kind,
        "trajectory": {"messages": [{"role": "assistant", "tool_calls": [call]}]},
    }
    return result(attempt, accepted).model_copy(update=changes)


def test_the_trials_of_chains_go_to_the_cell_of_what_they_came_to_lowest_numbers_first():
    recipe = both({"single": 0.5, "parallel": 0.5}, 8)
    filled = cells(recipe, 1.0)
    kinds = ["single", "single", "no_call", "multi_step", "parallel", "single"]
    take_chains(filled, [explored(attempt, kind) for attempt, kind in reversed(list(enumerate(kinds)))])
    mine = {cell.kind: cell for cell in filled if cell.method == "ste"}
    assert set(mine) == set(KINDS)
    assert mine["single"].chosen == ["row0", "row1"]
    assert mine["parallel"].chosen == ["row4"]
    drops = [drop for cell in mine.values() for drop in cell.drops]
    assert {(drop.attempt, drop.kind, drop.code) for drop in drops} == {
        (2, "no_call", "over_quota"),
        (3, "multi_step", "over_quota"),
        (5, "single", "over_quota"),
    }
    assert sum(cell.attempts for cell in mine.values()) == len(kinds)
    assert not any(cell.next_shards() for cell in mine.values())


@pytest.mark.parametrize(("cap", "helped"), [(None, 2), (5, 1)])
def test_what_chains_fall_short_of_the_other_method_makes_as_far_as_it_may(cap: int | None, helped: int):
    recipe = both({"single": 1.0}, 8, **({"toolalpaca": cap} if cap else {}))
    filled = cells(recipe, 1.0)
    take_chains(filled, [explored(0), explored(1)])
    help_out(recipe, filled, ["ste"])
    toolalpaca, ste = (next(cell for cell in filled if cell.method == name) for name in ("toolalpaca", "ste"))
    assert toolalpaca.quota == 4 + helped
    assert ste.missing == 2 - helped
    if ste.missing:
        assert ste.shortfall().startswith("ste single: 1 of 3 rows missing after 2 attempts")
        assert "more episodes or more tools make more, and mix: any takes every kind" in ste.shortfall()


def test_rows_whose_calls_have_no_arguments_are_capped_and_counted():
    filled = Cell("ste", "any", 10, explored=True, most_empty=0.2)
    filled.take(explored(attempt, arguments="{}") for attempt in range(5))
    filled.take(explored(attempt) for attempt in range(5, 20))
    assert filled.chosen == ["row0", "row1", *(f"row{attempt}" for attempt in range(5, 13))]
    counts = {drop.code for drop in filled.drops if drop.attempt < 5}
    assert counts == {"empty_arguments"}


def test_any_takes_whatever_comes():
    recipe = Recipe.model_validate(
        {"dataset": "d", "size": 3, "tools": [{"json": "x.json"}], "mix": "any", "methods": {"ste": {}}}
    )
    (filled,) = cells(recipe, 1.0)
    take_chains([filled], [explored(1, "parallel"), explored(0), explored(2, "multi_step")])
    assert filled.chosen == ["row0", "row1", "row2"]


def test_a_shard_file_appears_whole_and_reads_back(tmp_path: Path):
    path = tmp_path / "shards" / "one.jsonl"
    results = [result(0), result(1, accepted=False)]
    write_results(path, results)
    assert list(read_results(path)) == results
    assert list(path.parent.iterdir()) == [path]


def test_a_shard_that_cannot_be_written_says_what_to_do(tmp_path: Path):
    (tmp_path / "one.part").mkdir()
    with pytest.raises(StoreError, match=r"cannot be written .*free some space and run again"):
        write_results(tmp_path / "one.jsonl", [result(0)])
