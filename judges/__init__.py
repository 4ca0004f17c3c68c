"""Trajectory in, verdicts out. Checks cost nothing and run first; models last."""

from callwright.judges.abstention import Abstention
from callwright.judges.base import Judge
from callwright.judges.calls import Calls
from callwright.judges.equality import Equality
from callwright.judges.grounding import Grounded
from callwright.judges.hygiene import Hygiene
from callwright.judges.pairing import Pairing
from callwright.judges.prose import Prose
from callwright.judges.replay import Replay
from callwright.toolbox.base import Toolbox
from callwright.values.derivations import Synonyms


def checks(synonyms: Synonyms, max_calls: int, elsewhere: Toolbox) -> tuple[Judge, ...]:
    """The exact judges, in the order in which they run; `elsewhere` is what calls are executed on again."""
    return (
        Hygiene(max_calls),
        Calls(),
        Pairing(),
        Abstention(),
        Grounded(synonyms),
        Prose(),
        Replay(elsewhere),
        Equality(),
    )
