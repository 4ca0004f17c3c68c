"""Pairs of a better and a worse turn in the same place, from what there is: nothing is made up to be wrong.

    mistake    a mistake that an assistant takes back (AskToAct): what it says when it is right, and its mistaken words
    student    what a row does, and what the student of a loop answered there, when execution ruled the answer wrong
    attempt    what a row does, and what another attempt at the same task did there, when L2 or L3 refuted that attempt

The better side is a turn of a row that passed the evidence that is asked for. The worse side is wrong where the pair
says so: a refuted attempt is used only if the fault lies in the very turn in which the two part.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from callwright.schemas.message import RIGHT, WRONG, AssistantMessage, Message, ToolMessage
from callwright.schemas.probe import Prediction, Probe
from callwright.schemas.verdict import RUNGS, Rung, Verdict
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.values.thoughts import spoken
from callwright.views.chat import plain
from callwright.views.loss import wrong_spans
from callwright.views.rows import Row, RowError, checked_json

Source = Literal["mistake", "student", "attempt"]

_MESSAGES: TypeAdapter[tuple[Message, ...]] = TypeAdapter(tuple[Message, ...])
_COMPARED = "looptool.compare"
"""The judge that rules on a label and a student's answer."""


@dataclass(frozen=True)
class Pair:
    row: Row
    step: int
    """Index of the turn in the row; what stands before it is the prompt."""
    chosen: AssistantMessage
    rejected: AssistantMessage
    source: Source
    why: str
    """What is wrong with the rejected one: the kind of mistake, or the code of the verdict."""

    @property
    def prompt(self) -> tuple[Message, ...]:
        return self.row.messages[: self.step]


class Preferences:
    """Finds the pairs of a version's rows; `dropped` counts those that are not good enough."""

    def __init__(self, store: Store, version: Version, least: Rung, dropped: Counter[str]) -> None:
        self._store = store
        self._least = RUNGS.index(least)
        self._dropped = dropped
        self._attempts = _attempts(store, version)
        self._wrong = _wrong_answers(store, version)

    def of(self, row: Row) -> list[Pair]:
        """The pairs of a row, in the order of its turns, each pair of answers once."""
        found = [*_mistakes(row), *self._students(row), *self._refuted(row)]
        unique = {(one.step, one.rejected.content, _calls(one.rejected)): one for one in reversed(found)}
        pairs = sorted(unique.values(), key=lambda one: (one.step, one.source, one.rejected.content))
        if pairs and (row.evidence not in RUNGS or RUNGS.index(row.evidence) < self._least):
            self._dropped["unproven"] += len(pairs)
            return []
        return pairs

    def _students(self, row: Row) -> Iterator[Pair]:
        probes = self._wrong.get(row.id, ())
        verdicts = self._store.verdicts(row.id) if probes else ()
        for probe in probes:
            chosen = _turn(row.messages, probe.step)
            if chosen is None or not chosen.train or wrong_spans(chosen):
                continue
            if not _proven_wrong(probe, verdicts):
                self._dropped["not_proven_wrong"] += 1
                continue
            rejected = _answer(probe.greedy)
            if rejected is None:
                self._dropped["unusable_answer"] += 1
                continue
            yield Pair(row, probe.step, chosen, rejected, "student", "prediction_wrong")

    def _refuted(self, row: Row) -> Iterator[Pair]:
        for id_, messages in self._attempts.get(row.task, ()):
            step = _parting(row.messages, messages)
            chosen, rejected = _turn(row.messages, step), _turn(messages, step)
            if chosen is None or rejected is None or not chosen.train or wrong_spans(chosen):
                self._dropped["no_common_turn"] += 1
                continue
            why = _fault(self._store.verdicts(id_), messages, step)
            if not why or not _usable(rejected):
                self._dropped["fault_elsewhere"] += 1
                continue
            yield Pair(row, step, chosen, _bare(rejected), "attempt", why)


def _mistakes(row: Row) -> Iterator[Pair]:
    for step, message in enumerate(row.messages):
        if not isinstance(message, AssistantMessage) or not message.train:
            continue
        wrong = wrong_spans(message)
        right = _without(message)
        if wrong and (right.content or right.tool_calls):
            said = " ".join(message.content[span.start : span.end].strip() for span in wrong)
            why = str(row.hidden.get("part") or "mistake")
            yield Pair(row, step, right, AssistantMessage(content=said), "mistake", why)


def _without(message: AssistantMessage) -> AssistantMessage:
    """The turn as it is when nothing is mistaken and nothing taken back."""
    text = message.content
    for span in sorted(message.spans, key=lambda one: one.start, reverse=True):
        if span.label in (WRONG, RIGHT):
            text = text[: span.start] + text[span.end :]
    return message.model_copy(update={"content": text.strip(), "spans": ()})


def _attempts(store: Store, version: Version) -> Mapping[str, list[tuple[str, tuple[Message, ...]]]]:
    """Task -> refuted attempts at it, by id with their messages."""
    found: dict[str, list[tuple[str, tuple[Message, ...]]]] = defaultdict(list)
    for id_, record in store.refuted(version):
        found[record["task"]].append((id_, _MESSAGES.validate_python(record["messages"])))
    return found


def _wrong_answers(store: Store, version: Version) -> Mapping[str, list[Probe]]:
    """Row -> probes of the version's own student that are not correct."""
    found: dict[str, list[Probe]] = defaultdict(list)
    student = version.statistics.student
    for probe in store.probes(student) if student else ():
        if not probe.correct:
            found[probe.trajectory].append(probe)
    return found


def _proven_wrong(probe: Probe, verdicts: Sequence[Verdict]) -> bool:
    """Whether execution ruled the answer wrong, and no other ruling on that decision says otherwise."""
    rulings = {
        (one.rung, _ruling(one)) for one in verdicts if one.judge == _COMPARED and one.step == probe.step
    }
    return rulings == {("L3", "prediction_wrong")}


def _ruling(verdict: Verdict) -> Any:
    return verdict.evidence[0].get("ruling") if verdict.evidence else None


def _answer(prediction: Prediction) -> AssistantMessage | None:
    """A student's answer as a turn; None for one that nobody can act on."""
    if prediction.outcome not in ("calls", "words"):
        return None
    made = AssistantMessage(content=spoken(prediction.text), tool_calls=prediction.tool_calls)
    return made if _usable(made) else None


def _usable(message: AssistantMessage) -> bool:
    """Whether a turn says or calls something, and can be written as it is."""
    try:
        checked_json(plain(message))
    except RowError:
        return False
    return bool(message.content or message.tool_calls)


def _bare(message: AssistantMessage) -> AssistantMessage:
    return AssistantMessage(content=message.content, tool_calls=message.tool_calls)


def _turn(messages: Sequence[Message], step: int) -> AssistantMessage | None:
    message = messages[step] if 0 <= step < len(messages) else None
    return message if isinstance(message, AssistantMessage) else None


def _calls(message: AssistantMessage) -> tuple[tuple[str, str], ...]:
    return tuple((one.name, one.arguments) for one in message.tool_calls)


def _parting(one: Sequence[Message], other: Sequence[Message]) -> int:
    """The index of the first message in which two conversations differ; -1 where one only goes on after the other.

    Ids of calls are names: calls that differ in them alone are the same.
    """
    for step, (left, right) in enumerate(zip(one, other, strict=False)):
        if _seen(left) != _seen(right):
            return step
    return -1


def _seen(message: Message) -> Any:
    if isinstance(message, AssistantMessage):
        return message.content, _calls(message)
    return message.role, message.content


def _fault(verdicts: Sequence[Verdict], messages: Sequence[Message], step: int) -> str:
    """The code of the verdict that finds the fault in one turn; empty where it may lie elsewhere.

    It lies there if a verdict names the turn, or the result of a call that the turn should not have made; or if this is
    the last turn, all before being as in the row that passed.
    """
    last = max(place for place, one in enumerate(messages) if isinstance(one, AssistantMessage))
    turn = messages[step]
    made = {one.id for one in turn.tool_calls} if isinstance(turn, AssistantMessage) else set[str]()
    for verdict in verdicts:
        if verdict.outcome != "fail" or verdict.rung not in ("L2", "L3") or verdict.judge == "replay":
            continue  # replay blames the tools or the record, never a turn
        named = messages[verdict.step] if verdict.step is not None else None
        answers = isinstance(named, ToolMessage) and named.tool_call_id in made
        if verdict.step == step or (answers and verdict.code == "extra_call") or step == last:
            return verdict.code
    return ""
