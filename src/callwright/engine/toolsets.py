"""Invent toolkits from seeds: all APIs side by side, each in its own order, into a folder that recipes can name.

NAME.openapi.yaml   an API, with its provenance under `x-callwright`
toolalpaca.jsonl    the same APIs with the fields of the reference's files
toolset.yaml        what became of every seed, coverage, calls and tokens; written last
journal.jsonl       what the teacher answered: a run that was killed goes on from there
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from callwright.engine.workshop import code_digest
from callwright.errors import ModelError, ShortfallError, StoreError, UsageError
from callwright.generators.toolalpaca.prompts import TOOLSETS
from callwright.generators.toolalpaca.toolsets import offline
from callwright.generators.toolalpaca.toolsets.capability import CAPABILITIES, capability
from callwright.generators.toolalpaca.toolsets.documentation import reference_fields
from callwright.generators.toolalpaca.toolsets.likeness import Likeness
from callwright.generators.toolalpaca.toolsets.seeds import Seed, draw, read_table
from callwright.generators.toolalpaca.toolsets.stages import (
    Introduction,
    Invention,
    RejectedError,
    Stages,
)
from callwright.generators.toolalpaca.toolsets.trees import covered, draw_toolkits
from callwright.llm.base import Model
from callwright.llm.journal import Journal
from callwright.llm.journaled import Journaled
from callwright.llm.offline import Offline
from callwright.schemas.base import digest
from callwright.schemas.task import teacher_name
from callwright.schemas.toolset import Accepted, Rejected, StageCost, Toolset
from callwright.sources.naming import slug
from callwright.sources.toolset import TOOLSET_NAME

_FAILURES = 5
"""Failures of the endpoint one after the other, after which no further API is begun."""

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Order:
    """What is to be invented."""

    out: Path
    count: int
    """Seeds to draw; those that are rejected are not replaced."""
    seed: int = 0
    seeds: Path | None = None
    """A table of seeds; the shipped one unless given."""
    categories: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    """`category` or `category:capability`: cells of the coverage that must not be empty."""
    trees: bool = False
    """Whether what is invented is drawn from the context tree and the constraint tree, and not from seeds."""


def rules() -> Model:
    """The offline teacher of toolset construction."""
    return Offline(offline.answers(), code_digest())


async def invent(
    order: Order,
    teacher: Model,
    *,
    in_flight: int = 1,
    max_tokens: int = 4096,
    on_change: Callable[[int, int], None] = lambda done, wanted: None,
) -> Toolset:
    """Invent the toolkits of an order and write their folder. A run that was cut short is continued.

    Raises:
        UsageError: The order cannot be met: no such category or capability, too few seeds, trees for rules.
        ModelError: The endpoint failed on some seeds; what was made is written, and the same command goes on.
        ShortfallError: A required cell of the coverage is empty; the folder is written.
        StoreError: The folder cannot be used.
    """
    if order.trees:
        cells, drawn = [], _of_trees(order, teacher)
    else:
        seeds = read_table(order.seeds)
        cells = [_cell(text, seeds) for text in order.required]
        first = [category for category, _ in cells]
        drawn = draw(seeds, order.count, order.seed, order.categories, first=first)
    try:
        order.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{order.out}: cannot be made ({error.strerror}); choose another --out") from None
    with Journal(order.out / "journal.jsonl") as journal:
        model = Journaled(teacher, journal)
        try:
            made = await _Run(Stages(model, max_tokens), in_flight, on_change).made(drawn)
        finally:
            await model.close()
        toolset = _written(order, made, teacher, journal)
    if toolset.unfinished:
        raise ModelError(
            f"{len(toolset.unfinished)} of {len(drawn)} APIs are not finished, such as {toolset.unfinished[0]}: "
            f"{made.trouble}; run the same command again to continue"
        )
    for category, wanted in cells:
        if not _filled(toolset.coverage, category, wanted):
            cell = f"{category}:{wanted}" if wanted else category
            raise ShortfallError(
                f"{order.out}: the required cell {cell} of the coverage is empty; draw more seeds with -n, "
                f"or another sample with --seed"
            )
    return toolset


def _of_trees(order: Order, teacher: Model) -> tuple[Seed, ...]:
    if teacher.reads_variables:
        raise UsageError(
            "--trees: rules invent what they know, and nothing that is drawn; name a model with --model"
        )
    if order.seeds or order.categories or order.required:
        raise UsageError(
            "--trees: what is drawn comes from the trees; leave out --seeds, --categories and --require"
        )
    return draw_toolkits(order.count, order.seed)


class _Made:
    """What became of the seeds, in the order in which they were drawn."""

    def __init__(self) -> None:
        self.inventions: list[Invention] = []
        self.rejected: list[Rejected] = []
        self.unfinished: list[str] = []
        self.trouble = ""


class _Run:
    """One pass over the seeds: introductions first, so that nothing is spent on two of a kind."""

    def __init__(self, stages: Stages, in_flight: int, on_change: Callable[[int, int], None]) -> None:
        self._stages = stages
        self._gate = asyncio.Semaphore(in_flight)
        self._on_change = on_change
        self._failures = 0
        self._made = _Made()

    async def made(self, seeds: Sequence[Seed]) -> _Made:
        named = self._apart_by_name(seeds)
        introductions = self._apart_by_text(
            await self._each(named, self._stages.introduce, named, "introduction")
        )
        total = len(introductions)
        self._on_change(0, total)
        done = 0

        async def invented(introduction: Introduction) -> Invention:
            nonlocal done
            try:
                return await self._stages.invent(introduction)
            finally:
                done += 1
                self._on_change(done, total)

        found = await self._each([one.seed for one in introductions], invented, introductions, "functions")
        self._made.inventions = found
        self._made.rejected.sort(key=lambda one: [seed.name for seed in seeds].index(one.title))
        return self._made

    async def _each(
        self,
        seeds: Sequence[Seed],
        work: Callable[[Given], Awaitable[Made]],
        given: Sequence[Given],
        stage: str,
    ) -> list[Made]:
        """The work on all of them side by side; what came of it, in order, without what was rejected."""

        async def one(seed: Seed, item: Given) -> Made | None:
            async with self._gate:
                return await self._tried(seed, work, item)

        tasks = [asyncio.create_task(one(seed, item)) for seed, item in zip(seeds, given, strict=True)]
        try:
            results = await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        return [result for result in results if result is not None]

    async def _tried(self, seed: Seed, work: Callable[[Given], Awaitable[Made]], item: Given) -> Made | None:
        if self._failures >= _FAILURES:
            self._made.unfinished.append(seed.name)
            return None
        try:
            result = await work(item)
        except RejectedError as error:
            self._reject(seed, error.stage, error.code, error.message, error.rounds)
            result = None
        except ModelError as error:
            self._failures += 1
            self._made.unfinished.append(seed.name)
            self._made.trouble = str(error)
            return None
        self._failures = 0
        return result

    def _reject(self, seed: Seed, stage: str, code: str, message: str, rounds: int = 0) -> None:
        self._made.rejected.append(
            Rejected(
                title=seed.name,
                category=seed.category,
                stage=stage,
                code=code,
                message=message,
                rounds=rounds,
            )
        )

    def _apart_by_name(self, seeds: Sequence[Seed]) -> list[Seed]:
        taken: dict[str, Seed] = {}
        for seed in seeds:
            name = slug(seed.name)
            if not name:
                self._reject(seed, "draw", "unusable_name", "no Latin letter is in its name")
            elif name in taken:
                self._reject(seed, "draw", "duplicate_name", f"another toolkit is called {name}")
            else:
                taken[name] = seed
        return list(taken.values())

    def _apart_by_text(self, introductions: Sequence[Introduction]) -> list[Introduction]:
        likeness, kept = Likeness(), []
        for one in introductions:
            twin = likeness.twin(one.seed.name, one.text)
            if twin is None:
                kept.append(one)
            else:
                self._reject(
                    one.seed, "introduction", "duplicate_introduction", f"it says the same as that of {twin}"
                )
        return kept


# The folder


def _written(order: Order, made: _Made, teacher: Model, journal: Journal) -> Toolset:
    accepted: list[Accepted] = []
    coverage: dict[str, dict[str, int]] = {}
    lines: list[str] = []
    for invention in made.inventions:
        name = slug(invention.seed.name)
        file = f"{name}.openapi.yaml"
        document = _labelled(invention, teacher)
        if teacher.reads_variables:
            _write(order.out / f"{name}.openapi.phrases.yaml", _yaml(offline.phrases(invention.seed)))
        _write(order.out / file, _yaml(document))
        _cover(coverage, invention)
        lines.append(json.dumps(reference_fields(invention), ensure_ascii=False))
        accepted.append(
            Accepted(
                name=name,
                title=invention.seed.name,
                category=invention.seed.category,
                file=file,
                functions=len(invention.tools),
                rounds=invention.rounds,
            )
        )
    _write(order.out / "toolalpaca.jsonl", "".join(f"{line}\n" for line in lines))
    toolset = Toolset(
        teacher=teacher_name(teacher.id),
        seed=order.seed,
        requested=order.count,
        accepted=tuple(accepted),
        rejected=tuple(made.rejected),
        unfinished=tuple(sorted(made.unfinished)),
        coverage={category: _in_order(row) for category, row in sorted(coverage.items())},
        trees=covered(tool for invention in made.inventions for tool in invention.tools),
        stages=_costs(journal),
    )
    _write(order.out / TOOLSET_NAME, _yaml(toolset.model_dump(mode="json")))
    return toolset


def _labelled(invention: Invention, teacher: Model) -> dict[str, Any]:
    """The document with its provenance, after its title."""
    document = invention.document
    provenance = {
        "teacher": teacher_name(teacher.id),
        "category": invention.seed.category,
        "seed": invention.seed.model_dump(mode="json", exclude={"functions"}),
        "introduction": invention.introduction,
        "prompts": TOOLSETS.digests(),
        "calls": list(invention.calls),
        "rounds": invention.rounds,
    }
    first = {"openapi": document["openapi"], "info": document["info"], "x-callwright": provenance}
    return {**first, **{key: value for key, value in document.items() if key not in first}}


def _cover(coverage: dict[str, dict[str, int]], invention: Invention) -> None:
    row = coverage.setdefault(invention.seed.category, {})
    for tool in invention.tools:
        row[capability(tool)] = row.get(capability(tool), 0) + 1


def _in_order(row: Mapping[str, int]) -> dict[str, int]:
    return {name: row[name] for name in CAPABILITIES if name in row}


def _costs(journal: Journal) -> dict[str, StageCost]:
    costs: dict[str, StageCost] = {}
    for entry in journal:
        before = costs.get(entry["purpose"], StageCost())
        costs[entry["purpose"]] = StageCost(
            calls=before.calls + 1,
            prompt_tokens=before.prompt_tokens + entry["prompt_tokens"],
            completion_tokens=before.completion_tokens + entry["completion_tokens"],
        )
    return dict(sorted(costs.items()))


def _cell(text: str, seeds: Sequence[Seed]) -> tuple[str, str]:
    """A required cell: the category as it is written in the seeds, and a capability or nothing."""
    category, wanted = (part.strip() for part in text.partition(":")[::2])
    known = {seed.category.lower(): seed.category for seed in seeds}
    if category.lower() not in known:
        raise UsageError(
            f"--require {text}: no seeds of the category {category}; there are: {', '.join(sorted(known.values()))}"
        )
    if wanted and wanted not in CAPABILITIES:
        raise UsageError(f"--require {text}: no capability {wanted}; there are: {', '.join(CAPABILITIES)}")
    return known[category.lower()], wanted


def _filled(coverage: Mapping[str, Mapping[str, int]], category: str, wanted: str) -> bool:
    row = coverage.get(category, {})
    return row.get(wanted, 0) > 0 if wanted else bool(row)


def _yaml(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


class _Dumper(yaml.CSafeDumper):  # type: ignore[misc,unused-ignore]
    """Values that stand in two places are written twice: an alias would hide what a document says."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_list(value))


def _write(path: Path, text: str) -> None:
    """The whole file or none of it."""
    part = path.with_name(f".{path.name}.{digest(str(os.getpid()))[:6]}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from None
