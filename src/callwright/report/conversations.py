"""Conversations to browse: a fair draw of a version's rows, each with its verdicts, graph, lineage and masked spans."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from pydantic import TypeAdapter

from callwright.report.texts import first_words, pretty, request_of
from callwright.schemas.message import AssistantMessage, Message, ToolMessage, UserMessage
from callwright.schemas.report import (
    Conversation,
    Lineage,
    Node,
    Origin,
    Part,
    Place,
    ShownCall,
    ShownMessage,
    ShownNote,
    ShownVerdict,
)
from callwright.schemas.task import teacher_name
from callwright.schemas.tool import Tool
from callwright.schemas.verdict import RUNGS, Verdict, highest_rung
from callwright.schemas.version import Member

_MESSAGES: TypeAdapter[tuple[Message, ...]] = TypeAdapter(tuple[Message, ...])
_REQUEST, _LABEL = 200, 60


def draw(members: Iterable[Member], other: Container[str], count: int) -> list[str]:
    """Ids of rows: kinds, methods and reasons take turns, and so do rows that the other version has and has not.

    Within each, the rows with the smallest ids: the same rows every time.
    """
    cells: defaultdict[tuple[str, str, str, bool], list[str]] = defaultdict(list)
    for one in members:
        cell = cells[(one.kind, one.method, one.reason, one.trajectory in other)]
        if len(cell) < count:
            cell.append(one.trajectory)
    turns = zip_longest(*(cells[key] for key in sorted(cells)))
    return [id for turn in turns for id in turn if id is not None][:count]


def conversation(
    trajectory: Mapping[str, Any],
    task: Mapping[str, Any],
    members: Mapping[str, Member],
    verdicts: Sequence[Verdict],
    withheld: Tool | None,
) -> Conversation:
    """One row as the page shows it.

    Args:
        trajectory: Record of the conversation.
        task: Record of its task.
        members: Name of each shown version that has the row -> its place there.
        verdicts: All that judges said of it.
        withheld: The tool that was not offered on purpose.
    """
    messages = _MESSAGES.validate_python(trajectory["messages"])
    member = next(iter(members.values()))
    evidence = [one for verdict in verdicts if verdict.judge == "grounding" for one in verdict.evidence]
    nodes = tuple(_nodes(messages))
    return Conversation(
        id=member.trajectory,
        kind=member.kind,
        method=member.method,
        toolkit=task["toolkit"],
        request=first_words(request_of(trajectory["messages"]), _REQUEST),
        places=tuple(
            Place(version=name, split=one.split, reason=one.reason) for name, one in members.items()
        ),
        evidence=highest_rung(verdicts) or "none",
        messages=tuple(map(_shown, messages)),
        called=tuple(dict.fromkeys(call.name for call in _calls(messages))),
        offered=tuple(task["tools"]),
        withheld=withheld.name if withheld else None,
        nodes=nodes,
        origins=tuple(_origins(messages, evidence)),
        constants=dict(sorted(Counter(one["derivation"] for one in evidence if _constant(one)).items())),
        verdicts=tuple(
            ShownVerdict(**{name: getattr(one, name) for name in ShownVerdict.model_fields})
            for one in sorted(verdicts, key=lambda one: RUNGS.index(one.rung))
        ),
        lineage=_lineage(trajectory, task),
    )


def _lineage(trajectory: Mapping[str, Any], task: Mapping[str, Any]) -> Lineage:
    made = trajectory["provenance"]
    return Lineage(
        task=trajectory["task"],
        root=task["parent"] or trajectory["task"],
        source=made.get("source"),
        teacher=teacher_name(made["teacher"]),
        prompts=made["prompts"],
        ledger=len(made["calls"]),
        seed=str(task["seed"]),
        attempt=task["attempt"],
        clock=task["clock"],
        hidden=pretty(task["hidden"]) if task["hidden"] else "",
        notes=tuple(
            ShownNote(step=one["step"], label=one["label"], body=pretty(one["body"]))
            for one in trajectory.get("notes", ())
        ),
    )


def _calls(messages: Sequence[Message]) -> Iterator[Any]:
    return (call for one in messages if isinstance(one, AssistantMessage) for call in one.tool_calls)


def _shown(message: Message) -> ShownMessage:
    if isinstance(message, ToolMessage):
        seen = message.observation
        return ShownMessage(
            role="tool",
            parts=(Part(text=seen.content),),
            answers=message.tool_call_id,
            name=message.name,
            status=seen.status,
            trust=seen.trust,
            cut=seen.cut,
        )
    if isinstance(message, AssistantMessage):
        return ShownMessage(
            role="assistant",
            parts=tuple(_parts(message)),
            calls=tuple(
                ShownCall(id=call.id, name=call.name, arguments=call.arguments) for call in message.tool_calls
            ),
            train=message.train,
            weight=message.weight,
            reasoning=message.reasoning or "",
        )
    return ShownMessage(role=message.role, parts=(Part(text=message.content),))


def _parts(message: AssistantMessage) -> Iterator[Part]:
    """The content, cut where marked spans begin and end."""
    text, at = message.content, 0
    for span in sorted(message.spans, key=lambda one: (one.start, one.end)):
        if span.start < at or span.end <= span.start:
            continue
        if at < span.start:
            yield Part(text=text[at : span.start])
        yield Part(text=text[span.start : span.end], label=span.label)
        at = span.end
    if at < len(text):
        yield Part(text=text[at:])


def _nodes(messages: Sequence[Message]) -> Iterator[Node]:
    """A person's turns and the calls; whatever can be the source of a value, or needs one."""
    answers = {one.tool_call_id: one for one in messages if isinstance(one, ToolMessage)}
    rank = -1
    for index, message in enumerate(messages):
        if isinstance(message, UserMessage):
            rank += 1
            words = first_words(message.content, _LABEL)
            yield Node(id=f"m{index}", what="user", label="user", detail=words, rank=rank)
        elif isinstance(message, AssistantMessage) and message.tool_calls:
            rank += 1
            for call in message.tool_calls:
                answer = answers.get(call.id)
                yield Node(
                    id=call.id,
                    what="call",
                    label=call.name,
                    detail=first_words(call.arguments, _LABEL),
                    rank=rank,
                    failed=answer is not None and not answer.observation.succeeded,
                )


def _constant(evidence: Mapping[str, Any]) -> bool:
    return evidence.get("source") is None and "derivation" in evidence


def _origins(messages: Sequence[Message], evidence: Iterable[Mapping[str, Any]]) -> Iterator[Origin]:
    known = {call.id for call in _calls(messages)}
    for one in evidence:
        source = one.get("source")
        if source is None or one.get("call") not in known or not 0 <= source < len(messages):
            continue
        found = messages[source]
        if isinstance(found, ToolMessage | UserMessage):
            yield Origin(
                source=found.tool_call_id if isinstance(found, ToolMessage) else f"m{source}",
                target=one["call"],
                path=one["path"],
                derivation=one["derivation"],
                text=first_words(one.get("text", ""), _LABEL),
            )
