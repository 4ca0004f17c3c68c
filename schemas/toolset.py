"""A toolset: the toolkits that were invented together, and what became of every seed."""

from __future__ import annotations

from callwright.schemas.base import Record


class Accepted(Record):
    """An invented API that holds."""

    name: str
    """The toolkit's name."""
    title: str
    category: str
    file: str
    """Its OpenAPI document, in the toolset's folder."""
    functions: int
    rounds: int
    """How often its document was continued or sent back."""


class Rejected(Record):
    """A seed of which no API was made."""

    title: str
    category: str
    stage: str
    """Where it ended: draw, introduction, functions, specification or repair."""
    code: str
    message: str
    rounds: int = 0


class StageCost(Record):
    """What one stage was answered, earlier sittings included."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Toolset(Record):
    """What stands in `toolset.yaml`."""

    teacher: str
    """`offline-rules`, or engine and model."""
    seed: int
    requested: int
    accepted: tuple[Accepted, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    unfinished: tuple[str, ...] = ()
    """Seeds that the endpoint failed on; the same command goes on with them."""
    coverage: dict[str, dict[str, int]] = {}
    """Category -> capability -> functions."""
    trees: dict[str, dict[str, int]] = {}
    """Level of the trees that functions were drawn from -> value -> functions; empty where none were."""
    stages: dict[str, StageCost] = {}
    """Purpose -> what it cost."""

    @property
    def reasons(self) -> dict[str, int]:
        """Code of a rejection -> how many, the most frequent first."""
        codes = [one.code for one in self.rejected]
        return dict(
            sorted(((code, codes.count(code)) for code in set(codes)), key=lambda one: (-one[1], one[0]))
        )
