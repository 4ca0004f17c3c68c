"""Who may build: only a worker with the code that its schedule was made with.

Code decides rows, so two workers of different versions would make two datasets of one recipe, each other night.
"""

from __future__ import annotations

from callwright import __version__
from callwright.engine.workshop import code_digest
from callwright.errors import UsageError


def ours() -> str:
    """Version and digest of the code that decides rows: `0.1.0+1a2b3c4d5e6f`."""
    return f"{__version__}+{code_digest()[:12]}"


def step() -> dict[str, str]:
    """A step for `prefect.yaml`: `{{ ID.version }}` is the version that deploys."""
    return {"version": ours()}


def refuse_other(wanted: str | None) -> None:
    """Refuse to build where the schedule was made with other code; None where nobody said which.

    Raises:
        UsageError: Ours is another.
    """
    if wanted is not None and wanted != ours():
        raise UsageError(
            f"this worker runs callwright {ours()}, its schedule was made with {wanted}: install that version here, or "
            "make the schedule anew with this one (restart `callwright serve`, or `prefect deploy --all`)"
        )
