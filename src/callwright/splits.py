"""Which split a row belongs to: decided once, by its root task and by the tools that it shows.

A root's split hangs on nothing but its id, so relatives never part, and neither other rows nor the seed matter. Whole
tools are held out as well: a row that offers or calls one of them is in `unseen_tools`, and so is all that descends
from it. What earlier versions assigned holds for ever, whatever the shares are now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from callwright.schemas.base import digest
from callwright.schemas.recipe import Splits
from callwright.schemas.version import Split

ToolKey = tuple[str, str]
"""A tool's toolkit and name: another wording of its document leaves it the same tool."""

_RESOLUTION = 16**13
"""52 bits: the largest count of steps in [0, 1) that a float holds exactly, in whole hexadecimal digits."""


def split_of(root_id: str, test_share: float, validation_share: float = 0.0) -> Split:
    """`test` for about `test_share` of all root tasks, `validation` for about `validation_share`, else `train`.

    Raising the share of test moves rows to test only.

    Raises:
        ValueError: A share is not in [0, 1].
    """
    for name, share in (("test_share", test_share), ("validation_share", validation_share)):
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"{name}: {share!r} is not between 0 and 1")
    place = _place(f"split:{root_id}")
    if place < test_share:
        return "test"
    return "validation" if place < test_share + validation_share else "train"


def held_out(
    tools: Iterable[ToolKey],
    share: float,
    *,
    held: Collection[ToolKey] = (),
    shown: Collection[ToolKey] = (),
) -> frozenset[ToolKey]:
    """The tools that no row to train on may show.

    About `share` of the new tools by their hash, and at least one where there are two tools or more and none was held
    out before.

    Args:
        tools: All tools.
        share: 0 holds none out but those that are already.
        held: Tools that earlier versions held out: they stay so.
        shown: Tools that rows of other splits had in earlier versions: they can no longer be held out.
    """
    known = set(tools)
    kept = known & set(held)
    new = sorted(known - set(shown) - kept, key=lambda one: (_place(f"tool:{one[0]}:{one[1]}"), one))
    if share <= 0.0:
        return frozenset(kept)
    chosen = {one for one in new if _place(f"tool:{one[0]}:{one[1]}") < share}
    if not chosen and not kept and new and len(known) > 1:
        chosen = {new[0]}
    return frozenset(kept | chosen)


@dataclass
class Assignment:
    """The splits of a dataset's roots; remembers what it assigned."""

    shares: Splits
    held: frozenset[ToolKey] = frozenset()
    known: Mapping[str, Split] = field(default_factory=dict)
    """Root -> the split that an earlier version gave it."""
    _given: dict[str, Split] = field(default_factory=dict)

    def fits(self, root: str, shows: Iterable[ToolKey]) -> bool:
        """Whether a row has a split: not where it shows a held-out tool while its root is in another split already."""
        given = self._of(root)
        return given in (None, "unseen_tools") or self.held.isdisjoint(shows)

    def assign(self, root: str, shows: Iterable[ToolKey]) -> Split:
        """The split of a row that fits.

        Args:
            root: Id of its root task.
            shows: The tools that it offers or calls.
        """
        given = self._of(root)
        if given is None:
            unseen = not self.held.isdisjoint(shows)
            given = "unseen_tools" if unseen else split_of(root, self.shares.test, self.shares.validation)
            self._given[root] = given
        return given

    def _of(self, root: str) -> Split | None:
        return self.known.get(root) or self._given.get(root)


def _place(text: str) -> float:
    return int(digest(text)[:13], 16) / _RESOLUTION
