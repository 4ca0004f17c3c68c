"""What a round taught about its rows: which the student fails on, which are wrong themselves, which it is unsure of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from callwright.schemas.base import Record
from callwright.schemas.probe import Comparison, Probe


class Finding(Record):
    """What became of one row: one of `failed`, `corrected`, `right`, or a reason to leave it out."""

    row: str
    outcome: str
    perplexity: float | None = None
    """Of the answer that it was least sure of."""
    both_right: bool = False
    """Whether some answer differs from the label and is as good."""
    corrected: str | None = None
    """The row with the student's answer in the label's place."""


def findings(
    rows: Iterable[str],
    probes: Sequence[Probe],
    comparisons: Sequence[Comparison],
    corrected: Mapping[str, str],
    *,
    refuted: Collection[str] = (),
) -> list[Finding]:
    """One finding for each row.

    Args:
        rows: Those that were probed.
        probes: All of their decisions.
        comparisons: The rulings where a student's answer differs.
        corrected: Row -> the row that takes its place.
        refuted: Rows whose label is known to be wrong, whatever the student says.
    """
    ruled: defaultdict[str, list[Comparison]] = defaultdict(list)
    for one in comparisons:
        ruled[one.trajectory].append(one)
    unsure: defaultdict[str, list[float]] = defaultdict(list)
    for probe in probes:
        if probe.perplexity is not None:
            unsure[probe.trajectory].append(probe.perplexity)
    return [
        Finding(
            row=row,
            outcome=_outcome(row, ruled[row], corrected, row in refuted),
            perplexity=max(unsure[row], default=None),
            both_right=any(one.ruling == "both_right" for one in ruled[row]),
            corrected=corrected.get(row),
        )
        for row in rows
    ]


def _outcome(row: str, ruled: Sequence[Comparison], corrected: Mapping[str, str], refuted: bool) -> str:
    if refuted and row in corrected:
        return "corrected"
    # One decision that nobody can vouch for is enough: the row is trained on whole.
    for against in ("both_wrong", "undecided"):
        if any(one.ruling == against for one in ruled):
            return against
    if any(one.ruling == "label_wrong" for one in ruled):
        return "corrected" if row in corrected else "label_wrong"
    if refuted:
        return "label_wrong"
    if any(one.ruling == "prediction_wrong" for one in ruled):
        return "failed"
    return "right"
