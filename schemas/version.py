"""A dataset's version: an immutable set of rows, and the reasons for every row that is not in it."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, get_args

from callwright.schemas.base import Record
from callwright.schemas.cost import CostPlan
from callwright.schemas.probe import Reason
from callwright.schemas.task import Kind

Split = Literal["train", "validation", "test", "unseen_tools"]
SPLITS: tuple[Split, ...] = get_args(Split)
"""In the order in which they are told and written."""


class Member(Record):
    """One row of a version."""

    trajectory: str
    split: Split
    kind: Kind
    method: str
    reason: Reason | Literal[""] = ""
    """Why it is in a round of a loop; empty outside of loops. Not part of the version's id."""


class Drop(Record):
    """One attempt that did not become a row."""

    method: str
    kind: Kind
    attempt: int
    gate: str
    """Where it was dropped: generation, hygiene, L0, L1, duplicates, selection."""
    code: str
    message: str = ""
    trajectory: str | None = None
    """None when the attempt produced no conversation."""


class DropCount(Record):
    """How many attempts one gate dropped for one reason."""

    gate: str
    code: str
    count: int


class SourceSummary(Record):
    """A toolkit that rows were made from, as a dataset card names it."""

    name: str
    title: str = ""
    licence: str | None = None
    origin: str = ""
    teacher: str = ""
    """Who invented it, if it was invented."""
    tools: int = 0


class Spent(Record):
    """What a run asked for one purpose, its earlier sittings included."""

    requests: int = 0
    refused: int = 0
    """Answers that could not be used, such as a call written as text."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Corpus(Record):
    """The shape of a version's rows: what tells a broad corpus from a narrow one."""

    tools: int = 0
    """Tools that are called in some row."""
    by_category: dict[str, int] = {}
    """Category of the toolkit -> rows."""
    functions_per_toolkit: float = 0.0
    """Tools of a toolkit, called or not, on average over the toolkits with rows."""
    by_calls: dict[int, int] = {}
    """Calls in a row -> rows."""
    by_steps: dict[int, int] = {}
    """Turns with calls in a row -> rows."""
    calls: int = 0
    empty_arguments: int = 0
    """Calls without arguments: for these, being right is choosing the tool."""
    request_words: float = 0.0
    """Words of a first request, on average."""
    answer_words: float = 0.0
    """Words of a last answer, on average."""
    same_requests: int = 0
    """Rows whose first request, wording folded, is that of another row too."""
    compared_requests: int = 0
    """Rows whose first request was compared with all others, chosen by digest."""
    near_requests: int = 0
    """Those with another row's request at a cosine of 0.9 or more (character n-grams), exact ones included."""

    @property
    def several_calls(self) -> int:
        """Rows with two calls or more."""
        return sum(rows for calls, rows in self.by_calls.items() if calls > 1)


class ToolCoverage(Record):
    """How a tool is used in a version."""

    toolkit: str
    tool: str
    calls: int = 0
    distinct: int = 0
    """Calls with different arguments."""
    by_kind: dict[str, int] = {}
    """Kind -> rows that call it."""
    by_parameter: dict[str, int] = {}
    """Parameter -> calls that give it; 0 for one that none gives."""


class Prior(Record):
    """An argument that can be guessed: of its few values, one is far more common than the others."""

    toolkit: str
    tool: str
    argument: str
    value: str
    """The commonest value, as JSON text."""
    count: int
    of: int
    """Calls that give the argument one of its values."""
    options: int
    """Values that it can have."""


class Coverage(Record):
    """How much of its tools a version uses, and how evenly."""

    tools: tuple[ToolCoverage, ...] = ()
    """Every tool, called or not."""
    by_capability: dict[str, int] = {}
    """What a tool does (search, get, create, ...) -> calls."""
    priors: tuple[Prior, ...] = ()


class Rounds(Record):
    """What making calls in rounds came to, over the rows of the DAG method."""

    rows: int = 0
    parallel: int = 0
    """Rows in which some round has several calls; the others are serial and kept so that a model sees both."""
    proven: int = 0
    """Rows of which other orders were executed, or whose one order was."""
    orders: int = 0
    """Orders that were executed for them, all together."""
    by_rounds: dict[int, int] = {}
    """Rounds in a row -> rows."""
    calls: int = 0
    turns_before: int = 0
    """Turns with calls that the sources had."""
    edges: int = 0
    ambiguous: int = 0
    """Edges for values that several answers hold."""
    by_reason: dict[str, int] = {}
    """Why one call waits for another -> edges."""
    left_out: int = 0
    """Calls of the sources that were mistakes or repeats."""
    cut: int = 0
    """Answers of calls that are shown cut to size."""
    characters_before: int = 0
    """Characters that a model reads and writes in the parallel rows, were they serial; about four make a token."""
    characters: int = 0
    """The same as they are: each turn reads all that stands before it."""

    @property
    def in_all(self) -> int:
        """Rounds, over all rows."""
        return sum(rounds * rows for rounds, rows in self.by_rounds.items())


class Statistics(Record):
    """What a build counted; the engine fills it, cards and reports read it."""

    rows: int = 0
    by_kind: dict[str, int] = {}
    by_split: dict[str, int] = {}
    by_method: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    """Why rows are in a round of a loop -> rows; empty outside of loops."""
    by_toolkit: dict[str, int] = {}
    by_tool: dict[str, int] = {}
    """Tool -> calls in accepted rows."""
    by_rung: dict[str, int] = {}
    """Highest rung that a row passed -> accepted rows."""
    recovered: int = 0
    """Accepted rows in which a call failed and the right next move followed."""
    mended: dict[str, int] = {}
    """Action and reason (`trim padding`) -> how often it was done to accepted rows before they were judged."""
    attempts: int = 0
    drops: tuple[DropCount, ...] = ()
    troubles: dict[str, int] = {}
    """What went wrong with requests and was overcome (`retry_429`), as often as it was counted."""
    teacher: str = ""
    student: str = ""
    """Id of the student that a round was made for; empty outside of loops."""
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float | None = None
    """What was asked, by the prices of the recipe; None where no model has one."""
    planned: CostPlan | None = None
    """What the run was expected to cost when it began."""
    by_purpose: dict[str, Spent] = {}
    """Purpose of model calls (`toolalpaca.assistant`) -> what they came to; the sums stand above."""
    sources: tuple[SourceSummary, ...] = ()
    rounds: Rounds = Rounds()
    corpus: Corpus = Corpus()
    coverage: Coverage = Coverage()
    likeness: str = ""
    """What near duplicates were looked for with, and from which likeness on: `minhash and ngrams at 0.9`."""
    held_out: tuple[tuple[str, str], ...] = ()
    """(Toolkit, tool) that only rows of `unseen_tools` show."""
    notes: tuple[str, ...] = ()
    """What whoever uses the version should know, one line each, such as a split that stayed empty."""


class Version(Record):
    """`name@number`, with all that its members came from."""

    dataset: str
    number: int
    id: str
    """Digest of the members with their splits and of the recipe digest."""
    parent: str | None
    recipe_digest: str
    recipe: dict[str, Any]
    """The resolved recipe, as it was built."""
    created_at: dt.datetime
    statistics: Statistics = Statistics()

    @property
    def name(self) -> str:
        return f"{self.dataset}@{self.number}"


class Run(Record):
    """One attempt to build a dataset, finished or not."""

    id: str
    dataset: str
    recipe_digest: str
    state: Literal["running", "done", "stopped", "failed"]
    started_at: dt.datetime
    finished_at: dt.datetime | None = None
    body: dict[str, Any] = {}


class LedgerEntry(Record):
    """One finished model call."""

    key: str
    purpose: str
    model: str
    item: str
    """Identity of the attempt that asked."""
    request: dict[str, Any]
    response: dict[str, Any]
    prompt_tokens: int
    completion_tokens: int
