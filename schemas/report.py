"""What a report shows: numbers for its pictures, and some conversations with all that is known of them."""

from __future__ import annotations

from callwright.schemas.base import Record
from callwright.schemas.difference import Difference
from callwright.schemas.task import Kind
from callwright.schemas.version import SourceSummary, Spent, Split


class Gate(Record):
    """What one gate left of the attempts."""

    name: str
    dropped: dict[str, int]
    """Reason code -> attempts, most frequent first."""
    left: int


class ToolUse(Record):
    """How often one tool is called, and with what."""

    toolkit: str
    name: str
    by_kind: dict[str, int] = {}
    """Kind -> rows that call it; for `no_call`, rows from which it was withheld on purpose."""
    calls: int = 0
    parameters: dict[str, int] = {}
    """Each documented parameter -> calls that give it, in documented order."""
    required: tuple[str, ...] = ()


class Lengths(Record):
    """Length -> rows."""

    request_words: dict[int, int] = {}
    answer_words: dict[int, int] = {}
    messages: dict[int, int] = {}
    characters: dict[int, int] = {}
    """Characters of all messages, rounded down to full hundreds."""


class Point(Record):
    """A request on the map."""

    row: str
    x: float
    y: float
    request: str
    """Its first characters."""
    toolkit: str
    kind: Kind
    method: str


class Milestone(Record):
    """One version of the dataset's history, as its build counted it."""

    version: str
    rows: int
    by_reason: dict[str, int] = {}
    by_kind: dict[str, int] = {}
    tokens: int = 0


class Picture(Record):
    """One version in numbers."""

    version: str
    id: str
    made_at: str
    teacher: str
    student: str
    rows: int
    attempts: int
    """Rows and drops together: whatever the gates were given."""
    by_split: dict[str, int]
    by_method: dict[str, int]
    by_reason: dict[str, int]
    gates: tuple[Gate, ...]
    tools: tuple[ToolUse, ...]
    lengths: Lengths
    calls_per_turn: dict[int, int]
    """Calls in a turn -> turns with calls."""
    calls_per_row: dict[int, int]
    evidence: dict[str, dict[str, int]]
    """Highest rung that a row passed -> kind -> rows."""
    spent: dict[str, Spent]
    """Purpose of model calls -> what they came to."""
    points: tuple[Point, ...]
    sources: tuple[SourceSummary, ...]
    recovered: int


class Part(Record):
    """A stretch of text; with a label, one that a method marked: `error` gives no loss."""

    text: str
    label: str = ""


class ShownCall(Record):
    id: str
    name: str
    arguments: str


class ShownMessage(Record):
    role: str
    parts: tuple[Part, ...]
    calls: tuple[ShownCall, ...] = ()
    answers: str = ""
    """For a tool's answer, the id of the call."""
    name: str = ""
    status: int = 200
    trust: str = ""
    cut: bool = False
    train: bool = True
    weight: float = 1.0
    reasoning: str = ""


class Node(Record):
    """A person's turn or a call, in the graph of a conversation."""

    id: str
    what: str
    """`user` or `call`."""
    label: str
    detail: str
    rank: int
    """Column: turns from left to right; calls of one turn share theirs."""
    failed: bool = False


class Origin(Record):
    """Where a value of a call was found, as L1's evidence has it."""

    source: str
    target: str
    path: str
    derivation: str
    text: str


class ShownVerdict(Record):
    rung: str
    judge: str
    outcome: str
    code: str
    message: str
    step: int | None


class ShownNote(Record):
    step: int
    label: str
    body: str
    """JSON text."""


class Lineage(Record):
    """Where a row comes from."""

    task: str
    root: str
    source: str | None
    """The row that it was made of."""
    teacher: str
    prompts: dict[str, str]
    ledger: int
    """Model calls that it was made from."""
    seed: str
    attempt: int
    clock: str
    hidden: str
    """JSON text; empty where the user kept nothing back."""
    notes: tuple[ShownNote, ...]


class Place(Record):
    """A row's place in one of the shown versions."""

    version: str
    split: Split
    reason: str


class Conversation(Record):
    """One row with all that is known of it."""

    id: str
    kind: Kind
    method: str
    toolkit: str
    request: str
    places: tuple[Place, ...]
    evidence: str
    messages: tuple[ShownMessage, ...]
    called: tuple[str, ...]
    offered: tuple[str, ...]
    """Ids of the offered tools."""
    withheld: str | None
    nodes: tuple[Node, ...]
    origins: tuple[Origin, ...]
    constants: dict[str, int]
    """Derivation that needs no message (`default`) -> values of calls."""
    verdicts: tuple[ShownVerdict, ...]
    lineage: Lineage


class ToolDocument(Record):
    """A tool as a model sees it."""

    name: str
    toolkit: str
    description: str
    parameters: str
    """JSON text."""


class Report(Record):
    """Everything on the page."""

    made_with: str
    pictures: tuple[Picture, ...]
    """The version, and the one that it is compared with."""
    history: tuple[Milestone, ...]
    difference: Difference | None
    """From the other version to this one."""
    explained: float
    """Share of the requests' variance that the two axes of the map have."""
    conversations: tuple[Conversation, ...]
    total: int
    """Rows of all shown versions, each row once: the conversations are drawn from these."""
    kept_back: int
    """Conversations that were drawn and are not shown, for they hold what looks like a secret."""
    tools: dict[str, ToolDocument]
    """Tools of the conversations, by id."""
