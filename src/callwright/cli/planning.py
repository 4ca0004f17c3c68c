"""`--plan`: what a run will cost, and afterwards how far that was off."""

from __future__ import annotations

from callwright.cli.talk import say, show_json, show_table
from callwright.schemas.cost import CostPlan
from callwright.schemas.version import Statistics


def show_plan(plan: CostPlan, as_json: bool) -> None:
    if as_json:
        sums = {
            name: getattr(plan, name) for name in ("requests", "prompt_tokens", "completion_tokens", "usd")
        }
        show_json(plan.model_dump(mode="json") | sums)
        return
    if plan.known:
        say(f"nothing changed since {plan.known}: nothing would be asked")
        return
    header = ("stage", "purpose", "requests", "read", "written", "USD", "from")
    lines = [
        [
            one.stage,
            one.purpose,
            one.requests,
            one.prompt_tokens,
            one.completion_tokens,
            _usd(one.usd),
            one.basis,
        ]
        for one in plan.estimates
    ]
    total = ["all", "", plan.requests, plan.prompt_tokens, plan.completion_tokens, _usd(plan.usd), ""]
    show_table(header, [*lines, total])
    if plan.answered:
        say(f"an unfinished run holds {plan.answered} answers, which are not asked for again")
    say("nothing was asked; read and written are tokens, and all numbers are estimates")


def compared(counts: Statistics) -> str:
    """What a version was expected to cost, what it did, and the difference; empty where there was no plan."""
    plan = counts.planned
    if plan is None:
        return ""
    told = [
        f"{name} {was:,} planned, {now:,} used{_off(was, now)}"
        for name, was, now in (
            ("requests", plan.requests, counts.requests),
            (
                "tokens",
                plan.prompt_tokens + plan.completion_tokens,
                counts.prompt_tokens + counts.completion_tokens,
            ),
        )
    ]
    if plan.usd is not None and counts.usd is not None:
        told.append(f"USD {plan.usd:.4f} planned, {counts.usd:.4f} used{_off(plan.usd, counts.usd)}")
    return "; ".join(told)


def _off(planned: float, used: float) -> str:
    return f" ({(used - planned) / planned:+.0%})" if planned else ""


def _usd(usd: float | None) -> str:
    return "" if usd is None else f"{usd:.4f}"
