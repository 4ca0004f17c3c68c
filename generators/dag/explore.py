"""Blocks of verified conversations, rewritten: in rounds where calls are independent, joined where one is alone.

Zhu et al. 2025 (DTA-Llama): serial search paths become DAGs, and their levels rounds of parallel calls.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from callwright.errors import GenerationError, ReplyError
from callwright.generators.base import Explored, Rows
from callwright.generators.conversing import together
from callwright.generators.dag.advice import Advice
from callwright.generators.dag.convert import SERIAL, Conversion, Converter
from callwright.generators.dag.dependencies import Dependencies
from callwright.generators.dag.joining import Joiner
from callwright.generators.dag.prose import Prose
from callwright.llm.base import Model, Sampling
from callwright.schemas.recipe import Dag
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Toolkit
from callwright.toolbox.base import Toolbox
from callwright.values.derivations import Synonyms

_PLACES = 2
"""Attempts of one source row: it is converted, and it may be the first of a joined one."""


class Rewriter:
    """Goes through the blocks of a method's source rows."""

    method = "dag"

    def __init__(
        self,
        model: Model,
        toolbox: Toolbox,
        toolkits: Sequence[Toolkit],
        settings: Dag,
        rows: Rows,
        *,
        synonyms: Synonyms,
        authored: Collection[tuple[str, str]],
        sampling: Sampling,
    ) -> None:
        """
        Args:
            model: Words what changes; a language model is also asked for order where nothing else tells.
            toolbox: What runs the calls of joined requests.
            toolkits: The tools.
            settings: The method's part of the recipe.
            rows: The conversations to rewrite.
            synonyms: Words that phrase sheets declare for values.
            authored: (Tool, argument) whose text is declared to be the assistant's own.
            sampling: How the model is sampled.
        """
        self._rows = rows
        self._settings = settings
        greedy = sampling.model_copy(update={"temperature": 0.0})
        adviser = None if model.reads_variables else Advice(model, greedy)
        self._converter = Converter(
            Dependencies(synonyms, authored, adviser),
            Prose(model, sampling, settings.thoughts),
            settings.orders,
        )
        self._joiner = Joiner(model, toolbox, toolkits, sampling, self.method)

    def chains(self) -> tuple[str, ...]:
        return tuple(f"{number:05d}" for number in range(len(self._rows)))

    async def explore(self, chain: str, episodes: int | None = None) -> list[Explored]:
        """What became of each row of a block, and of those that were joined."""
        rows = self._rows.block(int(chain))[:episodes]
        converted = await together(self._converted(chain, place, row) for place, row in enumerate(rows))
        joined = await together(
            self._joined(chain, group, rows)
            for group in (self._joiner.groups(rows) if self._settings.join else ())
        )
        parallel = sum(one.trajectory is not None for one in joined)
        made = [*self._with_serial(rows, converted, parallel), *joined]
        return sorted(made, key=lambda one: one.attempt)

    async def multiply(self, chain: str, accepted: Sequence[Trajectory]) -> list[Explored]:
        """None: whatever can be made of a row is made in `explore`."""
        return []

    async def _converted(self, chain: str, place: int, row: Trajectory) -> tuple[int, Conversion]:
        number = self._number(chain, place * _PLACES)
        made = await self._converter.of(row, f"{self.method}/{chain}/{place}")
        return number, made

    async def _joined(self, chain: str, group: tuple[int, ...], rows: Sequence[Trajectory]) -> Explored:
        number = self._number(chain, group[0] * _PLACES + 1)
        item = f"{self.method}/{chain}/joined/{group[0]}"
        try:
            serial = await self._joiner.join([rows[place] for place in group], number, item)
        except (GenerationError, ReplyError) as error:
            return _refused(number, error.code, str(error).removeprefix(f"{error.code}: "))
        made = await self._converter.of(serial, item)
        return self._explored(rows[group[0]], number, made)

    def _with_serial(
        self, rows: Sequence[Trajectory], converted: Sequence[tuple[int, Conversion]], parallel: int
    ) -> list[Explored]:
        """The conversions, and of the rows that hold nothing parallel as many as the recipe's share allows."""
        share = self._settings.serial
        parallel += sum(made.row is not None for _, made in converted)
        room = round(parallel * share / (1 - share)) if share < 1 else len(rows)
        found = []
        for row, (number, made) in zip(rows, converted, strict=True):
            if made.code in SERIAL and room:
                room -= 1
                found.append(self._as_it_was(row, number, made))
            else:
                found.append(self._explored(row, number, made))
        return found

    def _explored(self, source: Trajectory, number: int, made: Conversion) -> Explored:
        if made.row is None:
            return _refused(number, made.code, made.message)
        return Explored(
            attempt=number,
            trajectory=self._ours(made.row, source, number),
            verdicts=(made.verdict(),),
        )

    def _as_it_was(self, source: Trajectory, number: int, made: Conversion) -> Explored:
        """A conversation whose calls need each other, so that a model does not learn to make all calls at once."""
        return Explored(
            attempt=number, trajectory=self._ours(source, source, number), verdicts=(made.verdict(),)
        )

    def _ours(self, row: Trajectory, source: Trajectory, number: int) -> Trajectory:
        task = row.task.model_copy(
            update={
                "method": self.method,
                "kind": row.kind,
                "attempt": number,
                "parent": source.task.root,
            }
        )
        made_by = row.provenance.model_copy(update={"source": source.id})
        return row.model_copy(update={"task": task, "provenance": made_by})

    def _number(self, chain: str, place: int) -> int:
        """Blocks take turns, place by place."""
        return place * len(self._rows) + int(chain)


def _refused(number: int, code: str, message: str) -> Explored:
    return Explored(attempt=number, gate="generation", code=code, message=message)
