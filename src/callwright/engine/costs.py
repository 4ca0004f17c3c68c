"""What a recipe will ask, in requests, tokens and money: reckoned from its quotas, or from what was asked before.

The newest version's ledger tells what a row costs with these tools and this model; without one, a method's usual number
of requests for an attempt does, and the sizes of prompts and tools, at four characters a token.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from callwright.engine.loop.plan import seeds_of
from callwright.engine.rewriting import with_origins
from callwright.engine.sharing import journals
from callwright.engine.workshop import Workshop
from callwright.generators.ste.paraphrasing import count_for
from callwright.schemas.cost import CostPlan, Estimate
from callwright.schemas.recipe import OfflineModel, Price, Recipe, Ste
from callwright.schemas.version import Spent, Statistics, Version
from callwright.store import Store
from callwright.toolbox.routed import SIMULATED, box_of

SURPLUS = 1.2
"""Attempts to start with for each wanted row where a language model writes."""
JUDGED = frozenset({"ste.filter", "asktoact.review", "looptool.compare"})
"""Purposes that the judge is asked for, if the recipe has one."""
STUDENT = "looptool.student"
_SERVER = "toolbox.server"

_TURNS: Mapping[str, int] = {"single": 2, "multi_step": 3, "parallel": 2, "clarification": 3, "no_call": 1}
_CALLS: Mapping[str, int] = {"single": 1, "multi_step": 2, "parallel": 2, "clarification": 1, "no_call": 0}
_AGREEING = 2.5
"""Samples of a turn that has to agree with itself: two, and often a third."""
_GOOD = 0.6
"""Share of trials, and of rows to be rewritten, that go on to the next step."""
_WAIT_S = 60.0

Count = tuple[str, float, float, float]
"""Purpose, requests, prompt tokens and completion tokens of one of them."""


def plan_of(workshop: Workshop, data: Path) -> CostPlan:
    """What building a recipe will cost; nothing is asked and nothing is written.

    Raises:
        StoreError: There is no version that the recipe starts from, or the store cannot be read.
    """
    workshop = with_origins(seeds_of(workshop), data)
    recipe = workshop.recipe
    versions = _versions(data, recipe.dataset)
    for one in versions:
        if one.recipe_digest == workshop.digest:
            return CostPlan(dataset=recipe.dataset, rows=recipe.size, known=one.name)
    run = data / "runs" / f"{recipe.dataset}-{workshop.digest[:12]}"
    return CostPlan(
        dataset=recipe.dataset,
        rows=recipe.size,
        answered=sum(map(lines_of, journals(run))),
        estimates=_with_ledger(recipe, tuple(_reckoned(workshop)), versions[-1:]),
    )


def usd_of(recipe: Recipe, by_purpose: Mapping[str, Spent]) -> float | None:
    """What was asked, in money; None where no model has a price."""
    told = [
        _usd(recipe, purpose, one.prompt_tokens, one.completion_tokens) for purpose, one in by_purpose.items()
    ]
    priced = [one for one in told if one is not None]
    return sum(priced) if priced else None


@dataclass(frozen=True)
class Sizes:
    """Tokens of a recipe's tools."""

    tool: float
    """Of one tool, on average."""
    kit: float
    """Of a toolkit's tools together, on average."""
    offered: float
    """Of the tools that a row offers, on average."""

    @classmethod
    def of(cls, workshop: Workshop) -> Sizes:
        sizes = [len(json.dumps(tool.wire())) / 4 for tool in workshop.tools.values()] or [0.0]
        tool, method = sum(sizes) / len(sizes), workshop.recipe.methods.toolalpaca
        kit = sum(sizes) / max(1, len(workshop.toolkits))
        offered = sum(method.offered) / 2 if method else 5
        return cls(tool, kit, tool * min(offered, len(sizes)))


def _reckoned(workshop: Workshop) -> Iterator[Estimate]:
    """Estimates from the recipe alone."""
    recipe, sizes = workshop.recipe, Sizes.of(workshop)
    served = sum(box_of(tool) == SIMULATED for tool in workshop.tools.values()) / max(1, len(workshop.tools))
    rules = isinstance(recipe.models.teacher, OfflineModel)
    rows = _rows(recipe)
    for method in recipe.methods.names:
        counts: Iterable[Count] = ()
        if method == "toolalpaca":
            counts = _toolalpaca(recipe, sizes, served, 1.0 if rules else SURPLUS)
        elif method == "ste" and recipe.methods.ste:
            counts = _ste(recipe.methods.ste, len(workshop.tools), sizes, served, rules=rules)
        else:
            origin, sources = workshop.origins.get(method), recipe.methods.from_methods.get(method, ())
            count = origin.statistics.rows if origin else sum(rows[name] for name in sources)
            make = _asktoact if method == "asktoact" else _dag
            counts = make(count, sizes, served, rules)
        yield from estimates_of(recipe, method, counts)


def estimates_of(recipe: Recipe, stage: str, counts: Iterable[Count]) -> Iterator[Estimate]:
    """The estimates of what a stage asks, but for purposes that it does not ask for."""
    for purpose, requests, prompt, completion in counts:
        asked = math.ceil(requests)
        if asked:
            yield _estimate(recipe, stage, purpose, asked, asked * prompt, asked * completion)


def _estimate(
    recipe: Recipe, stage: str, purpose: str, requests: int, prompt: float, completion: float
) -> Estimate:
    asks_rules = isinstance(model_of(recipe, purpose), OfflineModel)
    tokens = (0, 0) if asks_rules else (round(prompt), round(completion))
    return Estimate(
        stage=stage,
        purpose=purpose,
        requests=requests,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        usd=_usd(recipe, purpose, *tokens),
    )


def _toolalpaca(recipe: Recipe, sizes: Sizes, served: float, surplus: float) -> Iterator[Count]:
    method = recipe.methods.toolalpaca
    assert method is not None
    attempts = {
        kind: math.ceil(count * surplus)
        for (name, kind), count in recipe.shares().items()
        if name == "toolalpaca"
    }
    turns = sum(count * _TURNS.get(kind, 2) for kind, count in attempts.items())
    calls = sum(count * _CALLS.get(kind, 1) for kind, count in attempts.items())
    again = _AGREEING if method.agreement else 1.0
    yield "toolalpaca.instruction", sum(attempts.values()), 600 + sizes.kit, 80
    yield "toolalpaca.assistant", turns * again, 600 + sizes.offered, 60
    yield "toolalpaca.user", attempts.get("clarification", 0), 500, 40
    yield _SERVER, calls * served, 700 + 2 * sizes.tool, 150


def _ste(ste: Ste, tools: int, sizes: Sizes, served: float, *, rules: bool) -> Iterator[Count]:
    trials = ste.episodes * ste.trials
    told = 400 + sizes.tool + (200 * ste.trials if ste.short_term_memory else 0)
    good = max(1, round(_GOOD * trials))
    yield "ste.imagine", tools * trials, told + 250, 60
    yield "ste.act", tools * trials * 2, told + 250, 60
    yield "ste.reflect", tools * trials * ste.reflection, told + 400, 60
    yield "ste.filter", tools * good * ste.votes, 600 + sizes.tool, 80
    yield "ste.paraphrase", tools * good * count_for(good, ste.paraphrases) * bool(ste.paraphrases), 400, 50
    yield _SERVER, tools * trials * served, 700 + 2 * sizes.tool, 150


def _asktoact(rows: int, sizes: Sizes, served: float, rules: bool) -> Iterator[Count]:
    masked = rows * _GOOD
    yield "asktoact.importance", masked, 500 + sizes.tool, 60
    yield "asktoact.rewrite", masked * 1.2, 500, 60
    yield "asktoact.question", masked * 1.5, 500, 30
    yield "asktoact.user", masked * 1.5, 500, 30
    yield "asktoact.slip", masked * 0.35, 600, 60
    yield "asktoact.review", 0 if rules else masked, 600, 60


def _dag(rows: int, sizes: Sizes, served: float, rules: bool) -> Iterator[Count]:
    yield "dag.request", rows / 2, 600, 80
    yield "dag.answer", rows / 2, 800, 100
    yield "dag.thought", rows / 4, 600, 60
    yield "dag.order", 0 if rules else rows / 4, 800, 60
    yield _SERVER, rows * served, 700 + 2 * sizes.tool, 150


def _with_ledger(
    recipe: Recipe, estimates: tuple[Estimate, ...], newest: Iterable[Version]
) -> tuple[Estimate, ...]:
    """The estimates, with those of methods that the newest version has taken from what it had asked."""
    found = list(estimates)
    for version in newest:
        counts, before = version.statistics, _recipe_of(version)
        if before is None or not counts.by_purpose or _name(before) != _name(recipe):
            continue
        stages = [
            name
            for name in recipe.methods.names
            if counts.by_method.get(name) and _same(name, before, recipe)
        ]
        grown = {name: _grown(name, before, recipe, counts) for name in stages}
        # One server plays for all methods, so its requests are told once, and only where all methods are known.
        whole = set(stages) == set(recipe.methods.names)
        share = recipe.size / max(1, counts.rows) if len(stages) != 1 else grown[stages[0]]
        found = [one for one in found if one.stage not in stages or (one.purpose == _SERVER and not whole)]
        for purpose, spent in counts.by_purpose.items():
            stage = purpose.partition(".")[0]
            factor = share if purpose == _SERVER and whole else grown.get(stage)
            if factor is not None:
                asked = math.ceil(spent.requests * factor)
                prompt, completion = spent.prompt_tokens * factor, spent.completion_tokens * factor
                told = _estimate(recipe, stage, purpose, asked, prompt, completion)
                found.append(told.model_copy(update={"basis": "ledger"}))
    return tuple(found)


def _grown(method: str, before: Recipe, now: Recipe, counts: Statistics) -> float:
    """How much more a method has to ask than it did: by its trials, or by its rows."""
    old, new = before.methods.ste, now.methods.ste
    if method == "ste" and old and new:
        return new.episodes * new.trials / (old.episodes * old.trials)
    return _rows(now)[method] / counts.by_method[method]


def _same(method: str, before: Recipe, now: Recipe) -> bool:
    """Whether what a method asks for a row is the same but for how much of it there is."""
    free = {"rows", "episodes", "trials", "from_"}
    old, new = getattr(before.methods, method), getattr(now.methods, method)
    return bool(old and new) and old.model_dump(exclude=free) == new.model_dump(exclude=free)


def _rows(recipe: Recipe) -> dict[str, int]:
    """Method -> rows that it shall make."""
    found = dict.fromkeys(recipe.methods.names, 0)
    for (method, _), count in recipe.shares().items():
        found[method] += count
    return found


def _recipe_of(version: Version) -> Recipe | None:
    """None for a recipe that this callwright cannot read any more."""
    try:
        return Recipe.model_validate(version.recipe)
    except ValueError:
        return None


def _name(recipe: Recipe) -> tuple[str, str]:
    return recipe.models.teacher.engine, getattr(recipe.models.teacher, "model", "")


def model_of(recipe: Recipe, purpose: str) -> object:
    """The model that is asked for a purpose."""
    models = recipe.models
    if purpose == STUDENT:
        return models.student
    return (models.judge or models.teacher) if purpose in JUDGED else models.teacher


def _usd(recipe: Recipe, purpose: str, prompt: int, completion: int) -> float | None:
    price: Price | None = getattr(model_of(recipe, purpose), "price", None)
    return (prompt * price.prompt + completion * price.completion) / 1e6 if price else None


def _versions(data: Path, dataset: str) -> tuple[Version, ...]:
    if not (data / "callwright.duckdb").exists():
        return ()
    with Store.open(data, write=False, wait_s=_WAIT_S) as store:
        return tuple(one for one in store.versions() if one.dataset == dataset)


def lines_of(path: Path) -> int:
    """Whole lines of a file; 0 where there is none."""
    try:
        with path.open("rb") as file:
            return sum(line.endswith(b"\n") for line in file)
    except OSError:
        return 0
