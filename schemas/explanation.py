"""Why a row is what it is and where it is: its lineage, what was ruled on it, and what it cost."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from callwright.schemas.base import Record
from callwright.schemas.probe import Probe
from callwright.schemas.tool import Leaves
from callwright.schemas.verdict import Verdict
from callwright.schemas.version import SourceSummary, Spent


class Relative(Record):
    """A task or a conversation that a row comes from, or that came of it."""

    id: str
    what: Literal["task", "conversation"]
    step: str
    """How one came of the other: `rollout`, `rewrite`, or the method that rewrote a task."""
    method: str = ""
    """Empty where the store holds it no more."""


class Offered(Record):
    """A tool of a row."""

    id: str
    name: str
    toolkit: str
    calls: int = 0
    withheld: bool = False
    """Whether it would have served the request and was not offered on purpose."""
    leaves: Leaves | None = None
    """What it was drawn from, where it was invented from two trees."""


class Place(Record):
    """A version that holds a row."""

    version: str
    split: str
    reason: str = ""
    tags: tuple[str, ...] = ()


class Refused(Record):
    """A version that a row is not in, and why."""

    version: str
    gate: str
    code: str
    message: str = ""


class Explanation(Record):
    """All that the store knows of one row."""

    id: str
    kind: str = ""
    task: str = ""
    root: str = ""
    """Id of the task where its lineage begins; its split hangs on it."""
    method: str = ""
    attempt: int = 0
    toolkit: str = ""
    clock: dt.date | None = None
    request: str = ""
    """The first thing the user says."""
    teacher: str = ""
    prompts: dict[str, str] = {}
    """Purpose -> digest of the prompt."""
    document: SourceSummary | None = None
    """Where the toolkit comes from; None where no version tells."""
    tools: tuple[Offered, ...] = ()
    ancestors: tuple[Relative, ...] = ()
    """Nearest first."""
    descendants: tuple[Relative, ...] = ()
    """Rows that were rewritten from it."""
    verdicts: tuple[Verdict, ...] = ()
    probes: tuple[Probe, ...] = ()
    versions: tuple[Place, ...] = ()
    drops: tuple[Refused, ...] = ()
    spent: dict[str, Spent] = {}
    """Purpose -> the model calls that wrote its turns."""
    beside: dict[str, Spent] = {}
    """Purpose -> other calls that the same model answered under its attempt's name: the request, the server's part."""
    forgotten: int = 0
    """Model calls that it was made from and that the ledger holds no more."""
    stored: bool = True
    """False when only the fact that it was dropped is left: `dataset gc` took the conversation."""
