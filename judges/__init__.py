"""Trajectory in, verdicts out. Checks cost nothing and run first; models last."""

from callwright.judges.abstention import Abstention
from callwright.judges.base import Judge
from callwright.judges.calls import Calls
from callwright.judges.grounding import Grounded
from callwright.judges.hygiene import Hygiene
from callwright.judges.pairing import Pairing
from callwright.judges.prose import Prose
from callwright.values.derivations import Synonyms


def checks(synonyms: Synonyms, max_calls: int) -> tuple[Judge, ...]:
    """The exact judges, in the order in which they run."""
    return (Hygiene(max_calls), Calls(), Pairing(), Abstention(), Grounded(synonyms), Prose())
