"""`score`: numbers for a file of predictions or verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from callwright.cli.talk import show_json, show_table
from callwright.errors import UsageError
from callwright.scoring import asktoact, dag, ste, toolalpaca

METRICS = ("ste", "toolalpaca", "asktoact", "dag")
_PARTS = ("with_arguments", "without_arguments", "everything")
_COLUMNS = ("wellformed", "api_match", "correct", "correct_typed")


def score(path: Path, metric: str, as_json: bool) -> None:
    if metric == "ste":
        _show_ste(ste.score(ste.read_items(path)), as_json)
    elif metric == "toolalpaca":
        _show_toolalpaca(toolalpaca.score(toolalpaca.read_verdicts(path)), as_json)
    elif metric == "asktoact":
        _show_asktoact(asktoact.score(asktoact.read_items(path)), as_json)
    elif metric == "dag":
        _show_dag(dag.score(dag.read_items(path)), as_json)
    else:
        raise UsageError(f"unknown metric {metric}; there are: {', '.join(METRICS)}")


def _show_ste(found: ste.SteScore, as_json: bool) -> None:
    if as_json:
        show_json({"metric": "ste"} | _with_shares(found.model_dump(mode="json")))
        return
    rows = []
    for part in _PARTS:
        group: ste.Group = getattr(found, part)
        rows.append([part.replace("_", " "), group.items, *(_said(getattr(group, one)) for one in _COLUMNS)])
    show_table(("items", "n", *(one.replace("_", " ") for one in _COLUMNS)), rows)
    problems = ", ".join(f"{code} {count}" for code, count in found.problems.items())
    print(f"not wellformed: {problems or 'none'}")


def _show_toolalpaca(found: toolalpaca.ToolAlpacaScore, as_json: bool) -> None:
    if as_json:
        show_json({"metric": "toolalpaca"} | _with_shares(found.model_dump(mode="json")))
        return
    rows: list[list[Any]] = [
        ["procedure", *found.process.values(), _said(found.procedure_accuracy)],
        ["response", *found.response.values(), _said(found.response_accuracy)],
        ["overall", "", "", "", _said(found.overall_accuracy)],
    ]
    show_table(("metric", *toolalpaca.RULINGS, "accuracy"), rows)
    print(f"{found.items} items, {found.errors} without a solution, {found.unreadable} rulings unreadable")


def _show_asktoact(found: asktoact.AskToActScore, as_json: bool) -> None:
    if as_json:
        show_json({"metric": "asktoact"} | _with_shares(found.model_dump(mode="json")))
        return
    columns = ("recovery", "efficiency", "asked_needlessly", "tools", "parameters", "solved")
    groups = {"everything": found.everything}
    groups |= {f"{count} missing": group for count, group in found.by_missing.items()}
    groups |= {f"{count} tools": group for count, group in found.by_tools.items()}
    rows = [
        [name, group.items, *(_said(getattr(group, one)) for one in columns)]
        for name, group in groups.items()
    ]
    show_table(("items", "n", *(one.replace("_", " ") for one in columns)), rows)


def _show_dag(found: dag.DagScore, as_json: bool) -> None:
    if as_json:
        show_json({"metric": "dag"} | found.model_dump(mode="json"))
        return
    rates = {"passed": found.passed.rate} | ({"won": found.won.rate} if found.won else {})
    rows = [
        [name, one.of, f"{100 * one.value:.1f}", f"{100 * one.low:.1f} to {100 * one.high:.1f}"]
        for name, one in rates.items()
    ]
    show_table(("metric", "n", "%", "95 % interval"), rows)
    print(", ".join(f"{name} {count}" for name, count in found.passed.counts.items()))
    if found.won:
        won = found.won
        print(f"{won.wins} won, {won.losses} lost, {won.ties} ties, {won.swayed} of them by the order alone")


def _said(ratio: ste.Ratio) -> str:
    return f"{100 * ratio.count / ratio.of:.1f} ({ratio.count}/{ratio.of})" if ratio.of else "-"


def _with_shares(value: Any) -> Any:
    """The record with each ratio's share beside its counts."""
    if not isinstance(value, dict):
        return value
    if set(value) == {"count", "of"}:
        return value | {"share": value["count"] / value["of"] if value["of"] else None}
    return {name: _with_shares(one) for name, one in value.items()}
