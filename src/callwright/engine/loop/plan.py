"""A loop's three recipes: its own, that of its seeds, and that of the tools which no round ever sees."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from callwright.engine.workshop import SPEED_AND_PLACE, Workshop
from callwright.errors import UsageError
from callwright.schemas.base import digest
from callwright.schemas.loop import Loop
from callwright.schemas.recipe import Student
from callwright.schemas.version import Version

_NOT_DECIDING: dict[str, Any] = {"max_fall": True, "replay": True, "training": {"timeout_s"}}
"""What a loop's rows do not depend on."""


@dataclass(frozen=True)
class Plan:
    """A recipe with a loop, its tools read, and nothing started."""

    workshop: Workshop
    settings: Loop
    student: Student
    seeds: Workshop
    """Makes the pool that new rows are drawn from."""
    held_out: Workshop
    """Makes the tasks that measure: over toolkits that the pool does not have."""
    origin: Version | None = None
    """The version that `loop.seeds` names; `engine.loop.pool` finds it in a store."""

    @classmethod
    def of(cls, workshop: Workshop) -> Plan:
        """
        Raises:
            UsageError: The recipe has no loop, holds out toolkits that it does not have, or all of them, or rewrites a
                version, whose tools may be among those.
        """
        recipe = workshop.recipe
        if recipe.loop is None or recipe.models.student is None:
            raise UsageError(
                f"{recipe.dataset}: the recipe has no loop; add `loop:` and `models.student:` to it, see "
                "docs/methods/looptool.md"
            )
        held = set(recipe.loop.held_out.toolkits)
        names = [kit.name for kit in workshop.toolkits]
        unknown = sorted(held - set(names))
        if unknown:
            raise UsageError(
                f"loop.held_out.toolkits: there is no toolkit {unknown[0]}; there are: {', '.join(names)}"
            )
        if held == set(names):
            raise UsageError("loop.held_out.toolkits: holds all toolkits out; leave some to train on")
        for method, version in recipe.methods.from_versions.items():
            raise UsageError(
                f"methods.{method}.from: a loop cannot rewrite {version}, for its tools may be held out; name methods "
                "of this recipe, such as [toolalpaca], or let loop.seeds name a version"
            )
        return cls(
            workshop,
            recipe.loop,
            recipe.models.student,
            _part(workshop, "seeds", set(names) - held, recipe.size),
            _part(workshop, "heldout", held, recipe.loop.held_out.rows),
        )

    @property
    def name(self) -> str:
        return self.workshop.recipe.dataset

    @property
    def digest(self) -> str:
        """Names all that decides the rows of the rounds, but for how many rounds there are."""
        assert (self.origin is None) == (self.settings.seeds is None), "not yet looked up in a store"
        settings = self.settings.model_dump(mode="json", exclude=_NOT_DECIDING)
        settings["seeds"] = self.origin.id if self.origin else None
        student = self.student.model_dump(mode="json", exclude=SPEED_AND_PLACE)
        return digest([self.seeds.digest, self.held_out.digest, settings, student])


def seeds_of(workshop: Workshop) -> Workshop:
    """What `callwright build` makes of a recipe: its rows, or the seeds of its loop, without the toolkits held out."""
    return Plan.of(workshop).seeds if workshop.recipe.loop else workshop


def _part(workshop: Workshop, name: str, toolkits: Collection[str], rows: int) -> Workshop:
    """The workshop of some toolkits alone, without a loop."""
    kept = [
        (source, kit)
        for source, kit in zip(workshop.sources, workshop.toolkits, strict=True)
        if kit.name in toolkits
    ]
    recipe = workshop.recipe
    changes: dict[str, Any] = {
        "dataset": f"{recipe.dataset}-{name}",
        "size": rows,
        "tools": tuple(source for source, _ in kept),
        "models": recipe.models.model_copy(update={"student": None}),
        "loop": None,
    }
    return replace(
        workshop,
        recipe=recipe.model_copy(update=changes),
        sources=tuple(source for source, _ in kept),
        toolkits=tuple(kit for _, kit in kept),
        refusals=(),
    )
