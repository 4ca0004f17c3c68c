"""The report of a round: its numbers from probes and comparisons, and a text that people read."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, get_args

from callwright.schemas.probe import Band, Comparison, Failure, Probe, Reason, Ruling
from callwright.schemas.round import (
    Decider,
    Gap,
    HeldOutScore,
    ProbeCounts,
    ProbeTable,
    Proportion,
    RoundReport,
)
from callwright.schemas.task import KINDS, Kind
from callwright.schemas.version import Spent
from callwright.values.intervals import bootstrap, wilson

# Numbers


def proportion(hits: int, of: int) -> Proportion:
    """So many of so many, with its interval."""
    low, high = wilson(hits, of)
    return Proportion(hits=hits, of=of, low=low, high=high)


def probe_table(probes: Iterable[Probe], kinds: Mapping[str, Kind]) -> ProbeTable:
    """What a student does at decisions, by the kind of the row.

    Args:
        probes: Of one student.
        kinds: Conversation -> its kind.
    """
    by_kind: defaultdict[Kind, list[Probe]] = defaultdict(list)
    for probe in probes:
        by_kind[kinds[probe.trajectory]].append(probe)
    everything = [probe for one in by_kind.values() for probe in one]
    return ProbeTable(
        all=_counts(everything), kinds={kind: _counts(by_kind[kind]) for kind in KINDS if kind in by_kind}
    )


def _counts(probes: Sequence[Probe]) -> ProbeCounts:
    logs = [math.log(one.perplexity) for one in probes if one.perplexity is not None]
    bands = Counter(one.band for one in probes if one.band)
    return ProbeCounts(
        right=proportion(sum(one.correct for one in probes), len(probes)),
        unusable=sum(one.greedy.outcome not in ("calls", "words") for one in probes),
        bands={band: bands[band] for band in get_args(Band) if bands},
        perplexity=math.exp(fmean(logs)) if logs else None,
    )


def held_out_score(probes: Sequence[Probe], calls: Mapping[str, bool]) -> HeldOutScore:
    """What a student does with tools that no round has seen. An answer of no use counts against it everywhere.

    Args:
        probes: Of one student, on held-out rows.
        calls: Decision -> whether calling is right there.
    """
    calling = [one for one in probes if calls[one.decision]]
    talking = [one for one in probes if not calls[one.decision]]
    return HeldOutScore(
        exact=proportion(sum(one.correct for one in calling), len(calling)),
        relevance=proportion(sum(one.greedy.outcome == "calls" for one in calling), len(calling)),
        irrelevance=proportion(sum(one.greedy.outcome == "words" for one in talking), len(talking)),
    )


def gap(
    loop: Iterable[Probe], control: Iterable[Probe], calls: Mapping[str, bool], seed: int = 0
) -> Gap | None:
    """What the loop brings over the control, where calling is right; None where both were asked about nothing.

    Decisions of one row are alike, so rows are what is resampled.
    """
    theirs = {one.decision: one.correct for one in control}
    by_row: defaultdict[str, list[int]] = defaultdict(list)
    for one in sorted(loop, key=lambda probe: (probe.trajectory, probe.step)):
        if calls[one.decision] and one.decision in theirs:
            by_row[one.trajectory].append(one.correct - theirs[one.decision])
    if not by_row:
        return None
    # Scaled so that the mean over rows is the difference over decisions.
    scale = len(by_row) / sum(map(len, by_row.values()))
    values = [scale * sum(row) for row in by_row.values()]
    low, high = bootstrap(values, seed)
    return Gap(difference=fmean(values), low=low, high=high, rows=len(values))


def verdict_matrix(comparisons: Iterable[Comparison]) -> dict[Ruling, dict[Decider, int]]:
    """Ruling -> what decided it -> decisions."""
    counts = Counter((one.ruling, one.by) for one in comparisons)
    rulings: tuple[Ruling, ...] = get_args(Ruling)
    deciders: tuple[Decider, ...] = get_args(Decider)
    return {
        ruling: {by: counts[ruling, by] for by in deciders if counts[ruling, by]}
        for ruling in rulings
        if any(counts[ruling, by] for by in deciders)
    }


def failure_counts(comparisons: Iterable[Comparison]) -> dict[Failure, int]:
    """How the student fails -> decisions where it was the one that was wrong."""
    counts = Counter(one.failure for one in comparisons if one.ruling == "prediction_wrong")
    return {failure: counts[failure] for failure in get_args(Failure) if counts[failure]}


# Words


def markdown(report: RoundReport) -> str:
    """The report as Markdown that reads well as plain text, too."""
    parts = [
        f"# Round {report.round}: {report.version}",
        _headline(report),
        f"- student before: `{report.student_before}`\n- student after: `{report.student_after}`",
        *_section("## Tools that no round has seen", _held_out(report)),
        *_section("## What the round was made of", _composition(report)),
        *_section("## The same, by kind of row", _probes(report)),
        *_section("## Rows of the round before, and what its student makes of them", _rows_probed(report)),
        *_section("## Who was wrong", _rulings(report)),
        *_section("## Variants of failures", _expansion(report)),
        *_section("## Safeguards", _safeguards(report)),
        *_section("## Cost", _cost(report)),
    ]
    return "\n\n".join(parts) + "\n"


def summary(reports: Sequence[RoundReport]) -> str:
    """Accuracy by round on tools that no round has seen; round 0 is the student as it came."""
    if not reports:
        return "no rounds yet\n"
    first = reports[0]
    control = any(one.control for one in reports)
    header = ["round", "version", "rows", "exact calls", "relevance", "irrelevance"]
    header += ["control", "loop minus control"] if control else []
    lines = [_line(first.round - 1, "as it came" if first.round == 1 else "", 0, first.held_out_before)]
    lines += [_line(one.round, one.version, _size(one), one.held_out_after) for one in reports]
    if control:
        lines[0] += ["", ""]
        for line, one in zip(lines[1:], reports, strict=True):
            line += [_told(one.control.exact) if one.control else "", _points(one.gap) if one.gap else ""]
    return _table(header, lines, words=("version",)) + "\n"


def _line(round_: int, version: str, rows: int, score: HeldOutScore) -> list[Any]:
    shares = [score.exact, score.relevance, score.irrelevance]
    return [round_, version, rows or "", *map(_told, shares)]


def _headline(report: RoundReport) -> str:
    before, after = report.held_out_before.exact, report.held_out_after.exact
    if after.value is None or before.value is None:
        return "Nothing was asked about held-out tools, so what the round was good for is not known."
    change = f"{_signed(after.value - before.value)} points" if after.value != before.value else "no change"
    text = (
        f"With tools that no round has seen, the student makes exactly the right calls in {_percent(after.value)} of "
        f"the turns that need them ({_percent(before.value)} before, {change})."
    )
    if report.gap:
        sure = report.gap.low > 0 or report.gap.high < 0
        side = "ahead of" if report.gap.difference > 0 else "behind"
        text += f" It is {abs(100 * report.gap.difference):.1f} points {side} the control"
        text += "." if sure else ", which may be chance."
    return f"{text} Brackets hold 95 % intervals."


def _held_out(report: RoundReport) -> list[str]:
    scores = [report.held_out_before, report.held_out_after] + ([report.control] if report.control else [])
    names = {
        "exact": "exact: the right calls and no others",
        "relevance": "relevance: calls where calling is right",
        "irrelevance": "irrelevance: words where no call is right",
    }
    rows = []
    for name, title in names.items():
        shares: list[Proportion] = [getattr(score, name) for score in scores]
        if any(share.of for share in shares):
            rows.append([title, shares[0].of, *map(_told, shares)])
    header = ["", "decisions", "before", "after"] + (["control"] if report.control else [])
    parts = [_table(header, rows, words=("",))] if rows else []
    if report.gap:
        parts.append(
            f"Loop minus control: {_points(report.gap)} points of exact calls, bootstrap over {report.gap.rows} rows."
        )
    if report.necessity:
        total = sum(report.necessity.values())
        rows = [[name, count, _percent(count / total)] for name, count in report.necessity.items()]
        parts.append("How much the tools are needed, by whole runs with and without them:")
        parts.append(_table(["the tools are", "tasks", "share"], rows, words=("the tools are",)))
    return parts


_TITLES: Mapping[str, tuple[Reason, ...]] = {
    "error_seed": ("error_seed", "corrected"),
    "expansion": ("expansion",),
    "high_perplexity": ("high_perplexity",),
    "seed": ("seed",),
}


def _composition(report: RoundReport) -> list[str]:
    size, corrected = _size(report), report.got.get("corrected", 0)
    rows = []
    for bucket, reasons in _TITLES.items():
        wanted, got = report.wanted.get(bucket, 0), sum(report.got.get(reason, 0) for reason in reasons)
        if not wanted and not got:
            continue
        name = f"{bucket}, {corrected} corrected" if bucket == "error_seed" and corrected else bucket
        rows.append([name, wanted, got, _percent(got / size) if size else ""])
    rows.append(["together", sum(report.wanted.values()), size, ""])
    parts = [_table(["rows", "wanted", "got", "share"], rows, words=("rows",))]
    parts.append(f"Kinds: {_list(report.kinds)}." if report.kinds else "")
    parts.append("\n".join(f"- {note}" for note in report.notes))
    parts.append(f"Not in the round: {_list(report.drops)}." if report.drops else "")
    return parts


def _rows_probed(report: RoundReport) -> list[str]:
    return _probe_tables(report.probe_rows, None) if report.probe_rows else []


def _probes(report: RoundReport) -> list[str]:
    return _probe_tables(report.probe_before, report.probe_after)


def _probe_tables(before: ProbeTable | None, after: ProbeTable | None) -> list[str]:
    sides = [side for side in (before, after) if side]
    if not sides:
        return []
    kinds = [kind for kind in KINDS if any(kind in side.kinds for side in sides)]
    lines = []
    for kind in [*kinds, "all"]:
        pair = [
            (side.all if kind == "all" else side.kinds.get(kind)) if side else None  # type: ignore[call-overload]
            for side in (before, after)
        ]
        shown = next(one for one in pair if one)
        lines.append(
            [
                kind,
                shown.right.of,
                *(_told(one.right) if one else "" for one in pair),
                *(one.unusable if one else "" for one in pair),
                *(f"{one.perplexity:.2f}" if one and one.perplexity else "" for one in pair),
            ]
        )
    header = ["kind", "decisions", "right before", "right after", "no use before", "no use after"]
    header += ["perplexity before", "perplexity after"]
    keep = [place for place in range(len(header)) if place < 2 or any(line[place] != "" for line in lines)]
    table = _table(
        [header[place] for place in keep],
        [[line[place] for place in keep] for line in lines],
        words=("kind",),
    )
    bands = [
        f"Bands {when}: {_list(side.all.bands)}."
        for when, side in (("before", before), ("after", after))
        if side and side.all.bands
    ]
    return [table, *bands]


def _rulings(report: RoundReport) -> list[str]:
    deciders: tuple[Decider, ...] = get_args(Decider)
    matrix = report.verdicts
    used = [by for by in deciders if any(by in row for row in matrix.values())]
    rows = [[ruling, *(row.get(by, 0) for by in used), sum(row.values())] for ruling, row in matrix.items()]
    parts = [_table(["ruling", *(f"by {by}" for by in used), "all"], rows, words=("ruling",)) if rows else ""]
    if matrix:
        parts.append(
            f"{_many(report.replaced, 'label was', 'labels were')} replaced by the student's answer."
        )
    if report.failures:
        total = sum(report.failures.values())
        shares = [[name, count, _percent(count / total)] for name, count in report.failures.items()]
        parts.append(_table(["failure", "decisions", "share"], shares, words=("failure",)))
    if report.judge:
        numbers = "; ".join(f"{name} {value:g}" for name, value in report.judge.numbers.items())
        told = report.judge.text + (f" ({numbers})" if numbers and report.judge.text else numbers)
        parts.append(f"The judge: {told}")
    return parts


def _expansion(report: RoundReport) -> list[str]:
    if not report.expansion:
        return []
    tries = next(iter(report.expansion.values()))
    rows = [
        [stage, count, _percent(count / tries) if tries else ""] for stage, count in report.expansion.items()
    ]
    return [_table(["stage", "variants", "of the first"], rows, words=("stage",))]


def _safeguards(report: RoundReport) -> list[str]:
    parts = []
    if report.remembered:
        kept = report.remembered
        parts.append(
            f"- Forgetting: {kept.hits} of {kept.of} rows of earlier rounds that it had mastered are still right, "
            f"{_told(kept)}."
        )
    found = f" ({_list(report.overlap)})" if report.overlap else ""
    parts.append(
        f"- Overlap: {_many(sum(report.overlap.values()), 'new row is', 'new rows are')} like one of the "
        f"{report.protected:,} held-out rows and benchmark items{found}."
    )
    return ["\n".join(parts)]


def _cost(report: RoundReport) -> list[str]:
    cost = report.cost
    rows = [
        [what, asked, bound]
        for what, asked, bound in (
            ("probe requests", cost.probe_requests, cost.probe_bound),
            ("judge calls", cost.judge_calls, cost.judge_bound),
        )
        if bound
    ]
    parts = [_table(["", "made", "at the most"], rows, words=("",)) if rows else ""]
    if cost.roles:
        parts.append(
            _table(
                ["role", "requests", "of no use", "tokens read", "tokens written"],
                [[role, *_spent(spent)] for role, spent in cost.roles.items()],
                words=("role",),
            )
        )
    if report.seconds:
        total = sum(report.seconds.values())
        times = [
            [stage, _time(s), _percent(s / total) if total else ""] for stage, s in report.seconds.items()
        ]
        parts.append(
            _table(["stage", "time", "share"], [*times, ["together", _time(total), ""]], words=("stage",))
        )
    return parts


def _spent(spent: Spent) -> list[Any]:
    return [spent.requests, spent.refused, spent.prompt_tokens, spent.completion_tokens]


def _section(title: str, parts: Iterable[str]) -> list[str]:
    """A section with what it holds, or nothing."""
    held = [part for part in parts if part]
    return [title, *held] if held else []


def _size(report: RoundReport) -> int:
    return sum(report.got.values())


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]], words: Sequence[str] = ()) -> str:
    """A Markdown table with aligned columns; those named in `words` to the left, numbers to the right."""
    cells = [list(header), *[[_cell(cell) for cell in row] for row in rows]]
    widths = [max(3, *(len(line[place]) for line in cells)) for place in range(len(header))]
    left = [name in words for name in header]
    lines = [
        "| "
        + " | ".join(
            cell.ljust(width) if to_left else cell.rjust(width)
            for cell, width, to_left in zip(line, widths, left, strict=True)
        )
        + " |"
        for line in cells
    ]
    marks = [
        "-" * width if to_left else "-" * (width - 1) + ":"
        for width, to_left in zip(widths, left, strict=True)
    ]
    return "\n".join([lines[0], f"| {' | '.join(marks)} |", *lines[1:]])


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _told(share: Proportion) -> str:
    if share.value is None:
        return "-"
    return f"{_percent(share.value)} ({100 * share.low:.0f} to {100 * share.high:.0f})"


def _points(found: Gap) -> str:
    return f"{_signed(found.difference)} ({_signed(found.low)} to {_signed(found.high)})"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"


def _list(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
