"""What the next round is made of: quotas of error seeds, expansions, unsure successes and new seeds.

Zhang et al. 2025 (LoopTool), section 3 and table 3. The paper does not say which successes are unsure enough; its
counts look like a filler that keeps rounds at one size, so they are a quota here, filled from the top.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from callwright.schemas.base import Record, canonical_json
from callwright.schemas.loop import Loop
from callwright.schemas.portions import portions
from callwright.schemas.probe import Reason
from callwright.schemas.task import Kind

Bucket = Literal["error_seed", "expansion", "high_perplexity", "seed"]
"""The parts of a round that have quotas; corrected rows are error seeds."""

BUCKETS: tuple[Bucket, ...] = get_args(Bucket)
FILLERS: tuple[Bucket, ...] = ("high_perplexity", "seed", "expansion", "error_seed")
"""Which rows take the places of a bucket that is short, the first first."""
GIVE_WAY: tuple[Bucket, ...] = ("high_perplexity", "seed", "expansion")
"""Which rows give way where the share of rows without calls must change, the first first."""


class Candidate(Record):
    """A row that may be in the round."""

    trajectory: str
    root: str
    kind: Kind
    reason: Reason
    perplexity: float | None = None
    """Of the student's greedy answers; None where it does not tell, which ranks last."""
    both_right: bool = False
    """Whether the student's answer differs from the label and is as good."""
    parents: tuple[str, ...] = ()
    """Rows that it was made of; the failure comes first."""
    first_round: int = 0
    """The round that it was first in; 0 for none yet."""
    failed_rounds: int = 0
    """Rounds after which the student failed on it, this one included."""


class Left(Record):
    """A row that is not in the round."""

    trajectory: str
    kind: Kind
    reason: Reason
    code: str
    """`mastered`, `both_right`, `retired`, `over_quota`, `same_conversation`, or a reason from outside, such as
    `undecided`, `both_wrong`, `label_wrong`."""
    message: str = ""


class Assembly(Record):
    """One round's rows."""

    round: int
    rows: tuple[Candidate, ...]
    """By bucket, the most wanted of each first."""
    drops: tuple[Left, ...] = ()
    """Seeds that are not drawn yet are none."""
    drawn: tuple[str, ...] = ()
    """New seeds among the rows, in the order of the pool."""
    wanted: dict[Bucket, int]
    got: dict[Reason, int]
    notes: tuple[str, ...] = ()
    """What was short and what was done about it, in words."""


def assemble(
    loop: Loop,
    round_: int,
    candidates: Iterable[Candidate],
    pool: Sequence[Candidate],
    outside: Iterable[Left] = (),
) -> Assembly:
    """Put a round together. The order of candidates and drops does not matter.

    Args:
        loop: Its size, schedule, bands and switches.
        round_: Counted from 1.
        candidates: Error seeds, expansions, and rows that the student gets right (`high_perplexity`).
        pool: Seeds that no round has drawn yet, in the order in which they are drawn.
        outside: Rows that were ruled out before; a candidate of the same name is not taken either.

    Raises:
        ValueError: A seed is among the candidates, or something else in the pool.
    """
    candidates = list(candidates)
    if any(row.reason == "seed" for row in candidates) or any(row.reason != "seed" for row in pool):
        raise ValueError("new seeds, and nothing else, come from the pool")
    wanted = _quotas(loop, round_)
    ruled_out = sorted(outside, key=_content)
    fit, drops = _fit(loop, candidates, {one.trajectory for one in ruled_out})
    taken = {one.trajectory for one in fit} | {one.trajectory for one in [*ruled_out, *drops]}
    seeds = list({one.trajectory: one for one in pool if one.trajectory not in taken}.values())
    buckets = _buckets(fit, seeds)
    notes = _fill(buckets, wanted) + _keep_in_band(buckets, loop.no_call)
    left = [_surplus(row) for name in BUCKETS if name != "seed" for row in buckets[name].left]
    rows = tuple(row for name in BUCKETS for row in buckets[name].chosen)
    return Assembly(
        round=round_,
        rows=rows,
        drops=(*ruled_out, *drops, *sorted(left, key=lambda one: one.trajectory)),
        drawn=tuple(row.trajectory for row in buckets["seed"].chosen),
        wanted=wanted,
        got={reason: n for reason, n in _by_reason(rows).items() if n},
        notes=tuple(notes),
    )


@dataclass
class _Rows:
    """One bucket: what could be chosen, and what was, the most wanted first."""

    left: list[Candidate]
    chosen: list[Candidate] = field(default_factory=list)

    def take(self, count: int) -> int:
        """Choose so many more; returns how many there were."""
        taken, self.left = self.left[:count], self.left[count:]
        self.chosen += taken
        return len(taken)


_Buckets = Mapping[Bucket, _Rows]


def _quotas(loop: Loop, round_: int) -> dict[Bucket, int]:
    shares: dict[Bucket, float] = loop.composition(round_).model_dump()  # type: ignore[assignment]
    return portions({name: shares[name] for name in BUCKETS}, loop.rows)


def _fit(
    loop: Loop, candidates: Iterable[Candidate], ruled_out: set[str]
) -> tuple[list[Candidate], list[Left]]:
    """The candidates that may be in the round, each conversation once, and those that may not."""
    fit: list[Candidate] = []
    drops: list[Left] = []
    seen: set[str] = set(ruled_out)
    for one in sorted(candidates, key=lambda row: (BUCKETS.index(_bucket(row)), _content(row))):
        if one.trajectory in ruled_out:
            continue
        if one.trajectory in seen:
            drops.append(_left(one, "same_conversation", "another row of the round says and calls the same"))
            continue
        seen.add(one.trajectory)
        if _bucket(one) == "error_seed" and one.failed_rounds >= loop.expand.retire:
            drops.append(_left(one, "retired", f"the student failed on it in {one.failed_rounds} rounds"))
        elif one.both_right and not loop.verify.keep_both_right:
            drops.append(
                _left(one, "both_right", "the student's answer differs from the label and is as good")
            )
        else:
            fit.append(one)
    return fit, drops


def _buckets(fit: Iterable[Candidate], seeds: Sequence[Candidate]) -> _Buckets:
    sorted_out: dict[Bucket, list[Candidate]] = {name: [] for name in BUCKETS}
    for row in fit:
        sorted_out[_bucket(row)].append(row)
    # What failed less often is nearer to being learned.
    sorted_out["error_seed"].sort(key=lambda row: (row.failed_rounds, row.trajectory))
    sorted_out["expansion"] = _taking_turns(sorted_out["expansion"])
    sorted_out["high_perplexity"].sort(key=lambda row: (-(row.perplexity or 0.0), row.trajectory))
    sorted_out["seed"] = list(seeds)
    return {name: _Rows(rows) for name, rows in sorted_out.items()}


def _taking_turns(variants: Iterable[Candidate]) -> list[Candidate]:
    """No failure's second variant stands before another failure's first."""
    turns: Counter[str] = Counter()
    placed = []
    for row in sorted(variants, key=lambda row: row.trajectory):
        parent = row.parents[0] if row.parents else row.root
        placed.append((turns[parent], parent, row))
        turns[parent] += 1
    return [row for _, _, row in sorted(placed, key=lambda one: one[:2])]


def _fill(buckets: _Buckets, wanted: Mapping[Bucket, int]) -> list[str]:
    """Choose by quotas, then fill what is short; what was done, in words."""
    missing = {name: count - buckets[name].take(count) for name, count in wanted.items()}
    notes = []
    for name, count in missing.items():
        if not count:
            continue
        still, filled = count, []
        for filler in FILLERS:
            taken = buckets[filler].take(still)
            still -= taken
            filled += [f"{taken} {filler}"] if taken else []
        what = f"{name}: {count} of {wanted[name]} rows are missing; "
        what += f"{' and '.join(filled)} in their place" if filled else "nothing is left to take their place"
        notes.append(what + (f", and {still} places stay empty" if filled and still else ""))
    size, rows = sum(wanted.values()), sum(len(one.chosen) for one in buckets.values())
    if rows < size:
        notes.append(f"the round is smaller: {rows} of {size} rows")
    return notes


def _keep_in_band(buckets: _Buckets, band: tuple[float, float]) -> list[str]:
    """Bring the share of rows without calls into the band, at the same number of rows; what was done, in words."""
    rows = [row for one in buckets.values() for row in one.chosen]
    without = sum(map(_is_no_call, rows))
    least, most = math.ceil(band[0] * len(rows) - 1e-9), math.floor(band[1] * len(rows) + 1e-9)
    if without < least:
        changed = _exchange(buckets, least - without, _is_no_call)
        now, how, others = without + changed.total(), "below", "with calls"
    elif without > max(least, most):
        changed = _exchange(buckets, without - max(least, most), lambda row: not _is_no_call(row))
        now, how, others = without - changed.total(), "above", "without calls"
    else:
        return []
    told = f"no_call: {without} of {len(rows)} rows are {how} {_percent(band[0])} to {_percent(band[1])}"
    if changed:
        pairs = ", ".join(
            f"{n} {out} for {into}" if out != into else f"{n} {out}"
            for (out, into), n in sorted(changed.items())
        )
        gone = f"{changed.total()} row{'s' if changed.total() > 1 else ''}"
        told += f"; {gone} {others} gave way ({pairs}): now {now}"
    if not least <= now <= max(least, most):
        told += "; there are no more rows to exchange"
    return [told]


def _exchange(
    buckets: _Buckets, count: int, enters: Callable[[Candidate], bool]
) -> Counter[tuple[Bucket, Bucket]]:
    """Put rows that may enter in the place of rows that may not, so many at the most.

    A row gives way to one of its own bucket; only when no bucket has such a pair any more, to one of another.

    Returns:
        (Bucket that gave way, bucket of what entered) -> exchanges.
    """
    done: Counter[tuple[Bucket, Bucket]] = Counter()
    pairs = [(name, name) for name in GIVE_WAY]
    pairs += [(out, into) for out in GIVE_WAY for into in FILLERS if into != out]
    # What enters was less wanted than all that was chosen of its bucket, so both lists stay in order.
    for out, into in pairs:
        leaving = [row for row in reversed(buckets[out].chosen) if not enters(row)]
        entering = [row for row in buckets[into].left if enters(row)]
        swaps = min(count - done.total(), len(leaving), len(entering))
        if not swaps:
            continue
        gone, new = leaving[:swaps], entering[:swaps]
        _move(buckets[out].chosen, buckets[out].left, gone)
        _move(buckets[into].left, buckets[into].chosen, new)
        done[out, into] = swaps
    return done


def _move(source: list[Candidate], target: list[Candidate], rows: Sequence[Candidate]) -> None:
    names = {row.trajectory for row in rows}
    source[:] = [row for row in source if row.trajectory not in names]
    target += rows


def _surplus(row: Candidate) -> Left:
    if row.reason == "high_perplexity":
        return _left(row, "mastered", "the student gets it right, and is less sure of others")
    return _left(row, "over_quota")


def _left(row: Candidate, code: str, message: str = "") -> Left:
    return Left(trajectory=row.trajectory, kind=row.kind, reason=row.reason, code=code, message=message)


def _bucket(row: Candidate) -> Bucket:
    return "error_seed" if row.reason == "corrected" else row.reason


def _by_reason(rows: Iterable[Candidate]) -> dict[Reason, int]:
    counts = Counter(row.reason for row in rows)
    return {reason: counts[reason] for reason in get_args(Reason)}


def _is_no_call(row: Candidate) -> bool:
    return row.kind == "no_call"


def _content(record: Record) -> str:
    return canonical_json(record.model_dump(mode="json"))


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
