"""Trajectory in, verdicts out. Checks cost nothing and run first; models last."""

from collections.abc import Set

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


def checks(
    synonyms: Synonyms, authored: Set[tuple[str, str]], max_calls: int, elsewhere: Toolbox
) -> tuple[Judge, ...]:
    """The exact judges, in the order in which they run.

    Args:
        synonyms: Words that phrase sheets declare for values.
        authored: (tool, argument) pairs whose text is the assistant's own, as phrase sheets say.
        max_calls: The most calls that a conversation may have.
        elsewhere: What calls are executed on again.
    """
    return (
        Hygiene(max_calls),
        Calls(),
        Pairing(),
        Abstention(),
        Grounded(synonyms, authored),
        Prose(),
        Replay(elsewhere),
        Equality(),
    )
