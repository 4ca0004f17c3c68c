"""`lint`: what is wrong with a dataset, as a table and examples or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from callwright.cli.talk import say, show_json, show_table
from callwright.errors import FindingsError, UsageError, printable
from callwright.lint import Report, lint
from callwright.lint.codes import SEVERITIES, Severity


def lint_(path: Path, against: Sequence[Path], fail_on: str, as_json: bool) -> None:
    """Print what is found.

    Raises:
        FindingsError: Something is as bad as `fail_on`, or worse.
        UsageError: `fail_on` is no severity, or there is nothing that can be read.
    """
    worst: tuple[Severity, ...] = get_args(Severity)
    if fail_on not in worst:
        raise UsageError(f"unknown severity {fail_on}; there are: {', '.join(worst)}")
    limit = worst[worst.index(fail_on)]
    report = lint(path, against)
    if as_json:
        show_json(report.model_dump(mode="json"))
    else:
        _show(report)
    if report.at_least(limit):
        counts = ", ".join(_counted(report.count(one), one) for one in SEVERITIES if report.count(one))
        raise FindingsError(f"{path}: {counts}; --fail-on {limit}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _show(report: Report) -> None:
    formats = ", ".join(f"{name} {count}" for name, count in report.formats.items()) or "none"
    kinds = ", ".join(f"{name} {count}" for name, count in report.kinds.items()) or "none"
    print(f"rows     {report.rows} in {_counted(report.files, 'file')}, {report.calls} calls")
    print(f"formats  {formats}")
    print(f"kinds    {kinds}")
    for name in report.skipped:
        say(f"{name}: no rows in it, passed over")
    if not report.findings:
        print("nothing found")
        return
    print()
    rows = [
        [one.severity, one.code, one.count, one.rows or "", f"{100 * one.share:.2f} %" if one.rows else ""]
        for one in report.findings
    ]
    show_table(("severity", "code", "found", "rows", "share"), rows)
    for one in report.findings:
        print(f"\n{one.code}: {one.meaning}")
        for example in one.examples:
            print(printable(f"  {example.place}  {example.message}"))
