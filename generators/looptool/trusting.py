"""What a judge's word is worth: it rules on pairs with a known answer, and may replace labels only where that mends
more than it breaks.

Of the decisions that the judge is asked about, a share e has a wrong label. It says `label_wrong` of a share s of
those (sensitivity), and of a share f of the others (false alarms), so of r = e s + (1 - e) f of all. Pairs with a
known answer give s and f; r is seen; e = (r - f) / (s - f) follows (Rogan and Gladen 1978). Replacing mends e s and
breaks (1 - e) f. Each number is taken at the end of its 95 % interval at which replacing does worst: the lowest r, the
highest f, and the highest s, for where a judge finds more of the wrong labels, fewer of them are behind the same r.

What this cannot see: mistakes that are harder to tell than the planted ones, and how the judge rules on two right
answers. A label that it calls wrong there is replaced by one as good; it counts as mended all the same.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from callwright.generators.conversing import together
from callwright.generators.looptool.comparing import Comparer
from callwright.generators.looptool.decisions import Decision
from callwright.generators.looptool.verifying import Verified
from callwright.schemas.base import Record, digest
from callwright.schemas.message import AssistantMessage
from callwright.values.intervals import wilson
from callwright.values.mutations import mutated


class Worth(Record):
    """How a judge ruled on pairs of a right answer and a wrong one.

    Both orders of a pair are always asked, so it is the same question whichever of the two is the label: each pair says
    what the judge would have done with a wrong label, and what with a right one.
    """

    pairs: int = 0
    right: int = 0
    """Pairs of which it called the wrong answer wrong: with that as the label, it would have been found."""
    alarms: int = 0
    """Pairs of which it called the right answer wrong: with that as the label, it would have been lost."""

    @property
    def sensitivity(self) -> tuple[float, float]:
        """Interval of the share of wrong labels that it finds."""
        return wilson(self.right, self.pairs)

    @property
    def false_alarms(self) -> tuple[float, float]:
        """Interval of the share of right labels that it calls wrong."""
        return wilson(self.alarms, self.pairs)


class Trust(Record):
    """Whether a judge's word may replace labels in a round, and why."""

    trusted: bool
    message: str
    worth: Worth
    asked: int = 0
    """Decisions that the judge was asked about."""
    label_wrong: int = 0
    """Of these, those of which it says that the label is wrong."""
    wrong_labels: float | None = None
    """Estimated share of wrong labels among these decisions; None where the judge cannot tell them apart."""


class Planted(Record):
    """A turn of a row that is right, and the same with a mistake."""

    right: AssistantMessage
    wrong: AssistantMessage
    mistake: str
    """Kind of the mutation."""


def planted(decisions: Sequence[Decision], count: int, seed: int) -> list[tuple[Decision, Planted]]:
    """So many pairs with a known answer, or as many as the decisions give, in the order of a seeded draw.

    Args:
        decisions: Decisions whose labels are right.
    """
    found: list[tuple[Decision, Planted]] = []
    drawn = sorted(decisions, key=lambda one: digest([seed, one.name]))
    for decision in drawn:
        if len(found) == count:
            break
        label = decision.label
        rng = random.Random(digest([seed, decision.name, "planted"]))
        mistaken = mutated(decision.tools, label.tool_calls, rng)
        if mistaken and mistaken[1]:
            words = label.content if label.tool_calls else ""
            wrong = AssistantMessage(content=words, tool_calls=mistaken[1])
            found.append((decision, Planted(right=label, wrong=wrong, mistake=mistaken[0])))
    return found


async def worth(comparer: Comparer, pairs: Sequence[tuple[Decision, Planted]]) -> Worth:
    """What a judge makes of pairs with a known answer, by 2 x `votes` questions for each.

    Raises:
        ModelError: The endpoint failed for good.
    """
    ballots = await together(comparer.compare(decision, one.right, one.wrong) for decision, one in pairs)
    rulings = [ballot.ruling for ballot in ballots]
    return Worth(
        pairs=len(pairs),
        right=rulings.count("prediction_wrong"),
        alarms=rulings.count("label_wrong"),
    )


def trust(worth: Worth, asked: int, label_wrong: int) -> Trust:
    """Whether a judge that says `label_wrong` of so many decisions may replace their labels."""

    def told(trusted: bool, message: str, share: float | None = None) -> Trust:
        return Trust(
            trusted=trusted,
            message=message,
            worth=worth,
            asked=asked,
            label_wrong=label_wrong,
            wrong_labels=share,
        )

    if not worth.pairs:
        return told(False, "no pair with a known answer was planted, so nobody knows what the judge is worth")
    low, high = worth.sensitivity
    false = worth.false_alarms[1]
    if low <= false:
        return told(False, f"on {worth.pairs} planted pairs the judge is not reliably better than a coin")
    s, f, r = worth.right / worth.pairs, worth.alarms / worth.pairs, label_wrong / max(asked, 1)
    share = _share(r, s, f)
    least = _share(wilson(label_wrong, asked)[0], high, false)
    mends, breaks = least * high, (1 - least) * false
    numbers = (
        f"{label_wrong} of {asked} labels called wrong; {worth.right} of {worth.pairs} planted mistakes found, "
        f"{worth.alarms} right ones called wrong; at worst, {mends:.1%} of the labels mended and {breaks:.1%} broken"
    )
    if mends <= breaks:
        return told(False, f"replacing might break more labels than it mends ({numbers})", share)
    return told(True, f"replacing mends more labels than it breaks ({numbers})", share)


def settled(verified: Sequence[Verified], worth: Worth) -> tuple[list[Verified], Trust]:
    """The rulings of a round, with the judge's `label_wrong` undone where its word is not good enough."""
    voted = [one.voted for one in verified if one.judge]
    found = trust(worth, len(voted), voted.count("label_wrong"))
    if found.trusted:
        return list(verified), found
    return [_undone(one, found.message) for one in verified], found


def _undone(one: Verified, reason: str) -> Verified:
    comparison = one.comparison
    if not one.judge or comparison.ruling != "label_wrong":
        return one
    undecided = comparison.model_copy(update={"ruling": "undecided", "message": f"untrusted_judge: {reason}"})
    return Verified(comparison=undecided, judge=one.judge, voted=one.voted)


def _share(r: float, s: float, f: float) -> float:
    """Share of wrong labels behind a share r of alarms."""
    return min(max((r - f) / (s - f), 0.0), 1.0)
