"""How a run stands: counted as attempts finish, written to `status.json`, told to whoever listens."""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STATUS_NAME = "status.json"
EVERY_S = 0.5
"""Seconds between two writings of the status, at the least."""


@dataclass
class Progress:
    """A run's state in numbers. `on_change` is called after each writing."""

    dataset: str
    wanted: int
    folder: Path
    on_change: Callable[[Progress], None] | None = None
    state: str = "running"
    attempts: int = 0
    accepted: int = 0
    drops: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    remembered: int = 0
    """Questions answered from the journal or the store."""
    tokens: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    """What went wrong with requests and was overcome, earlier sittings included."""
    message: str = ""
    file: str = STATUS_NAME
    """Where it is written: workers that share a run have one each."""
    started_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    _written_s: float = 0.0

    def attempts_ended(self, gate: str, code: str, count: int) -> None:
        """Count attempts that ended alike; without a code they were accepted."""
        self.attempts += count
        if code:
            self.drops[f"{gate} {code}"] += count
        else:
            self.accepted += count

    def tell(self, *, now: bool = False) -> None:
        """Write the status, at most twice a second unless `now`."""
        if not now and time.monotonic() - self._written_s < EVERY_S:
            return
        self._written_s = time.monotonic()
        # A full disk ends the run where an answer would be lost, not where a look at it is.
        with suppress(OSError):
            temporary = self.folder / f"{self.file}.part"
            temporary.write_text(json.dumps(self.report(), indent=1), encoding="utf-8")
            temporary.replace(self.folder / self.file)
        if self.on_change:
            self.on_change(self)

    def report(self) -> dict[str, Any]:
        """The state as JSON values."""
        elapsed_s = (dt.datetime.now(dt.UTC) - self.started_at).total_seconds()
        return {
            "dataset": self.dataset,
            "run": self.folder.name,
            "state": self.state,
            "message": self.message,
            "pid": os.getpid(),
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "updated_at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "elapsed_s": round(elapsed_s, 1),
            "wanted": self.wanted,
            "accepted": self.accepted,
            "attempts": self.attempts,
            "drops": dict(self.drops.most_common(12)),
            "requests": self.requests,
            "remembered": self.remembered,
            "tokens": self.tokens,
            "troubles": dict(sorted(self.troubles.items())),
        }


def earlier_troubles(folder: Path) -> Counter[str]:
    """What a run's earlier sittings had counted when they last wrote their status."""
    try:
        status = json.loads((folder / STATUS_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Counter()
    return Counter(status.get("troubles", {}))


def read_statuses(data: Path) -> list[dict[str, Any]]:
    """The status of every run of a data folder, newest first. A run whose process is gone is `interrupted`."""
    found = []
    for path in (data / "runs").glob("*/status*.json"):
        try:
            status = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if status["state"] == "running" and not _alive(status["pid"]):
            status["state"] = "interrupted"
        found.append(status)
    return sorted(found, key=lambda status: str(status["updated_at"]), reverse=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
