"""Faults to plant into good rows. Nothing of the judges is used: each fault is wrong by how it was made."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from callwright.schemas.message import AssistantMessage, Message, ToolCall, ToolMessage, UserMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.tool import Tool

Fault = Callable[[Trajectory, random.Random], Trajectory | None]
"""A row with one thing wrong, or None where the row has no place for it."""

_SYLLABLES = "bra ven dor quil mos tek lun far zib pog wex jul".split(" ")
_MONTHS = "January February March April May June July August September October November December".split(" ")


def _text(row: Trajectory) -> str:
    """Everything that stands in a row, later things too: what is not in here is visible nowhere."""
    parts = [message.content for message in row.messages]
    parts += [call.arguments for call in row.tool_calls]
    return "\n".join(parts)


def _unseen(row: Trajectory, draw: Callable[[], str]) -> str:
    text = _text(row).lower()
    while True:
        value = draw()
        if value.lower() not in text:
            return value


def _word(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(3)).title()


def _number(row: Trajectory, rng: random.Random, low: int, high: int) -> int | None:
    """A number that no digits and no words of the row spell."""
    text = _text(row).lower()
    spelt = "zero one two three four five six seven eight nine ten eleven twelve".split(" ")
    seen = {int(one) for one in re.findall(r"\d+", text)}
    seen |= {one for one, word in enumerate(spelt) if word in text}
    free = [one for one in range(low, high + 1) if one not in seen]
    return rng.choice(free) if free else None


def _date(row: Trajectory, rng: random.Random) -> dt.date:
    """A date far from today that nothing in the row names."""
    text = _text(row)
    while True:
        date = row.task.clock + dt.timedelta(days=rng.randint(120, 330))
        month = _MONTHS[date.month - 1]
        if not re.search(rf"-{date:%m-%d}\b|\b{month} {date.day}\b|\b{date.day} {month}\b", text):
            return date


def _with_messages(row: Trajectory, messages: Sequence[Message]) -> Trajectory:
    return row.model_copy(update={"messages": tuple(messages)})


def _with_call(row: Trajectory, old: ToolCall, new: ToolCall) -> Trajectory:
    """The row with one call replaced, its result still under it."""
    messages: list[Message] = []
    for message in row.messages:
        if isinstance(message, AssistantMessage) and old in message.tool_calls:
            calls = tuple(new if call == old else call for call in message.tool_calls)
            message = message.model_copy(update={"tool_calls": calls})
        elif isinstance(message, ToolMessage) and message.tool_call_id == old.id:
            message = message.model_copy(update={"tool_call_id": new.id, "name": new.name})
        messages.append(message)
    return _with_messages(row, messages)


def _with_answer(row: Trajectory, text: str) -> Trajectory:
    last = row.messages[-1]
    return _with_messages(row, [*row.messages[:-1], last.model_copy(update={"content": text})])


def _tool(row: Trajectory, call: ToolCall) -> Tool:
    return next(tool for tool in row.task.tools if tool.name == call.name)


def _argument(
    row: Trajectory, rng: random.Random, fits: Callable[[str, Any, Mapping[str, Any]], bool]
) -> tuple[ToolCall, str, Any, Mapping[str, Any]] | None:
    """A call with an argument that fits, the argument's value and schema."""
    found = []
    for call in row.tool_calls:
        schemas = _tool(row, call).properties
        for name, value in json.loads(call.arguments).items():
            if fits(name, value, schemas[name]):
                found.append((call, name, value, schemas[name]))
    return rng.choice(found) if found else None


def _set(row: Trajectory, call: ToolCall, changes: Mapping[str, Any], drop: str = "") -> Trajectory:
    arguments = {name: value for name, value in json.loads(call.arguments).items() if name != drop}
    text = json.dumps({**arguments, **changes}, ensure_ascii=False)
    return _with_call(row, call, call.model_copy(update={"arguments": text}))


def _call(row: Trajectory, rng: random.Random) -> ToolCall | None:
    return rng.choice(row.tool_calls) if row.tool_calls else None


def _is_id(name: str, value: Any, schema: Mapping[str, Any]) -> bool:
    return name.endswith("Id") and isinstance(value, str)


# L0: calls and their arguments


def unknown_tool(row, rng):
    call = _call(row, rng)
    return call and _with_call(row, call, call.model_copy(update={"name": call.name + _word(rng)}))


def bad_enum(row, rng):
    found = _argument(row, rng, lambda name, value, schema: "enum" in schema)
    return found and _set(row, found[0], {found[1]: _word(rng).lower()})


def wrong_type(row, rng):
    found = _argument(row, rng, lambda name, value, schema: "type" in schema)
    return found and _set(row, found[0], {found[1]: {"value": found[2]}})


def missing_required(row, rng):
    found = _argument(row, rng, lambda name, value, schema: True)
    if not found or found[1] not in _tool(row, found[0]).required:
        return None
    return _set(row, found[0], {}, drop=found[1])


def unknown_argument(row, rng):
    call = _call(row, rng)
    return call and _set(row, call, {_word(rng): rng.choice((True, 3, "yes"))})


def unparsable_json(row, rng):
    call = _call(row, rng)
    if not call:
        return None
    broken = rng.choice(
        (call.arguments[:-1], call.arguments + "}", "arguments: " + call.arguments, "{'a': 1}", "")
    )
    return _with_call(row, call, call.model_copy(update={"arguments": broken}))


def unpaired_call(row, rng):
    call = _call(row, rng)
    if not call:
        return None
    kept = [m for m in row.messages if not (isinstance(m, ToolMessage) and m.tool_call_id == call.id)]
    return _with_messages(row, kept)


def unpaired_result(row, rng):
    places = [index for index, message in enumerate(row.messages) if isinstance(message, ToolMessage)]
    if not places:
        return None
    index = rng.choice(places)
    stray = row.messages[index].model_copy(update={"tool_call_id": "zz" + _word(rng)[:7]})
    return _with_messages(row, [*row.messages[:index], stray, *row.messages[index + 1 :]])


def observation_against_schema(row, rng):
    places = [
        index
        for index, message in enumerate(row.messages)
        if isinstance(message, ToolMessage)
        and message.observation.succeeded
        and next(tool for tool in row.task.tools if tool.name == message.name).returns
    ]
    if not places:
        return None
    index = rng.choice(places)
    message = row.messages[index]
    body = json.loads(message.content)
    entry = rng.choice(body) if isinstance(body, list) and body else body
    if not isinstance(entry, dict):
        return None
    name = rng.choice(sorted(entry))
    entry[name] = {"unexpected": entry[name]}
    observation = message.observation.model_copy(update={"content": json.dumps(body)})
    changed = message.model_copy(update={"observation": observation})
    return _with_messages(row, [*row.messages[:index], changed, *row.messages[index + 1 :]])


# L1: where values came from


def ungrounded_string(row, rng):
    free = lambda name, value, schema: (  # noqa: E731
        isinstance(value, str) and not {"enum", "format", "pattern"} & set(schema) and not name.endswith("Id")
    )
    found = _argument(row, rng, free)
    if not found:
        return None
    made = _unseen(row, lambda: " ".join(_word(rng) for _ in range(rng.randint(1, 3))))
    return _set(row, found[0], {found[1]: made})


def ungrounded_number(row, rng):
    numeric = lambda name, value, schema: (  # noqa: E731
        isinstance(value, int | float) and not isinstance(value, bool)
    )
    found = _argument(row, rng, numeric)
    if not found:
        return None
    low, high = int(found[3].get("minimum", 1)), int(found[3].get("maximum", 500))
    made = _number(row, rng, max(low, 2), high)
    if made is None or made == found[3].get("default"):
        return None
    return _set(row, found[0], {found[1]: made})


def ungrounded_date(row, rng):
    dated = lambda name, value, schema: bool(  # noqa: E731
        re.fullmatch(r"\d{4}-\d\d-\d\d", value[0] if isinstance(value, list) else str(value))
    )
    found = _argument(row, rng, dated)
    if not found:
        return None
    made = _date(row, rng).isoformat()
    return _set(row, found[0], {found[1]: [*found[2][:-1], made] if isinstance(found[2], list) else made})


def ungrounded_id(row, rng):
    found = _argument(row, rng, _is_id)
    if not found:
        return None

    def draw():
        return re.sub(r"\d", lambda _: str(rng.randint(0, 9)), found[2])

    return _set(row, found[0], {found[1]: _unseen(row, draw)})


def id_from_the_future(row, rng):
    """An id of the right look that the call itself will bring about, or a later one: not yet to be known."""
    found = _argument(row, rng, _is_id)
    if not found:
        return None
    call, name, value, _ = found
    place = next(
        i for i, m in enumerate(row.messages) if isinstance(m, AssistantMessage) and call in m.tool_calls
    )
    before = "\n".join(message.content for message in row.messages[:place])
    after = "\n".join(m.content for m in row.messages[place:] if isinstance(m, ToolMessage))
    shape = re.sub(r"\\?[0-9a-f]", "[0-9a-f]", re.escape(value)) if len(value) == 36 else re.escape(value)
    later = [one for one in re.findall(shape, after) if one not in before and one != value]
    return _set(row, call, {name: later[0]}) if later else None


def something_fits(row, rng):
    if row.tool_calls or row.task.withheld is None:
        return None
    tools = [*row.task.tools]
    tools.insert(rng.randint(0, len(tools)), row.task.withheld)
    return row.model_copy(update={"task": row.task.model_copy(update={"tools": tuple(tools)})})


def unsupported_number(row, rng):
    made = _number(row, rng, 1000, 9999)
    return _with_answer(row, f"{row.messages[-1].content} That makes {made} in all.")


def unsupported_day(row, rng):
    made = _number(row, rng, 4, 20)
    return made and _with_answer(row, f"{row.messages[-1].content} It ends on the {made}th.")


def unsupported_phone(row, rng):
    made = _unseen(row, lambda: f"{rng.randint(200, 999)}-{rng.randint(200, 999)}-{rng.randint(1000, 9999)}")
    return _with_answer(row, f"{row.messages[-1].content} Call {made}.")


def unsupported_date(row, rng):
    date = _date(row, rng)
    said = rng.choice(
        (f"{_MONTHS[date.month - 1]} {date.day}", date.isoformat(), f"{date.day} {_MONTHS[date.month - 1]}")
    )
    return _with_answer(row, f"{row.messages[-1].content} It ends on {said}.")


def unsupported_time(row, rng):
    hour = rng.choice((1, 2, 3, 4, 5))
    said = _unseen(
        row,
        lambda: rng.choice((f"{hour}:{rng.choice((11, 17, 23, 47))} am", f"0{hour}:{rng.randint(31, 59)}")),
    )
    return _with_answer(row, f"{row.messages[-1].content} Be there at {said}.")


def unsupported_id(row, rng):
    made = _unseen(row, lambda: f"{rng.choice(('tk', 'ref', 'QX'))}-{rng.randint(10000, 99999)}")
    return _with_answer(row, f"{row.messages[-1].content} Your reference is {made}.")


def unsupported_name(row, rng):
    made = _unseen(row, lambda: f"{_word(rng)} {_word(rng)}")
    return _with_answer(row, f'{row.messages[-1].content} Ask for "{made}".')


def unsupported_address(row, rng):
    made = _unseen(row, lambda: f"{_word(rng).lower()}@example.com")
    return _with_answer(row, f"{row.messages[-1].content} Write to {made}.")


# hygiene: conversations that are no conversations


def void_turn(row, rng):
    return _with_answer(row, rng.choice(("", " ", "\n")))


def repeated_call(row, rng):
    places = [i for i, m in enumerate(row.messages) if isinstance(m, AssistantMessage) and m.tool_calls]
    if not places:
        return None
    index = rng.choice(places)
    turn, result = row.messages[index : index + 2]
    call = turn.tool_calls[0].model_copy(update={"id": "again" + turn.tool_calls[0].id[:4]})
    again = [
        turn.model_copy(update={"tool_calls": (call,)}),
        result.model_copy(update={"tool_call_id": call.id}),
    ]
    return _with_messages(row, [*row.messages[: index + 2], *again, *row.messages[index + 2 :]])


def no_answer(row, rng):
    return _with_messages(row, row.messages[:-1]) if row.tool_calls else None


def cut_off(row, rng):
    words = row.messages[-1].content.split()
    return _with_answer(
        row, " ".join(words[: len(words) // 2]) + rng.choice((" the", " and", ",", " with a"))
    )


def step_limit(row, rng):
    return row.model_copy(update={"stopped": "step_limit"})


def loop(row, rng):
    return row.model_copy(update={"stopped": "loop"})


def turn_cut_off(row, rng):
    return row.model_copy(update={"stopped": "length"})


def user_twice(row, rng):
    return _with_messages(row, [*row.messages[:2], UserMessage(content="Hello?"), *row.messages[2:]])


def fallback_text(row, rng):
    text = rng.choice(
        (
            "Lorem ipsum dolor.",
            "As an AI model I can't.",
            "Dear [Your Name],",
            "{{answer}}",
            "TODO: write",
            "xxxx",
        )
    )
    return _with_answer(row, f"{row.messages[-1].content} {text}.")


def raw_call_text(row, rng):
    text = rng.choice(
        ('<tool_call>{"name": "go"}</tool_call>', "[TOOL_CALLS] go", "<|tool_call|>", "<function=go>")
    )
    return _with_answer(row, f"{text} {row.messages[-1].content}")


def leaked_reasoning(row, rng):
    text = rng.choice(("<think>That is easy.", "That is easy.</think>"))
    return _with_answer(row, f"{text} {row.messages[-1].content}")


FAULTS: tuple[tuple[Fault, str, str], ...] = (
    (unknown_tool, "L0", "unknown_tool"),
    (bad_enum, "L0", "invalid_arguments"),
    (wrong_type, "L0", "invalid_arguments"),
    (missing_required, "L0", "invalid_arguments"),
    (unknown_argument, "L0", "unknown_argument"),
    (unparsable_json, "L0", "unparsable_arguments"),
    (unpaired_call, "L0", "unpaired_call"),
    (unpaired_result, "L0", "unpaired_result"),
    (observation_against_schema, "L0", "observation_schema"),
    (ungrounded_string, "L1", "ungrounded_argument"),
    (ungrounded_number, "L1", "ungrounded_argument"),
    (ungrounded_date, "L1", "ungrounded_argument"),
    (ungrounded_id, "L1", "ungrounded_argument"),
    (id_from_the_future, "L1", "ungrounded_argument"),
    (something_fits, "L1", "something_fits"),
    (unsupported_number, "L1", "unsupported_number"),
    (unsupported_day, "L1", "unsupported_number"),
    (unsupported_phone, "L1", "unsupported_number"),
    (unsupported_date, "L1", "unsupported_date"),
    (unsupported_time, "L1", "unsupported_time"),
    (unsupported_id, "L1", "unsupported_id"),
    (unsupported_name, "L1", "unsupported_name"),
    (unsupported_address, "L1", "unsupported_address"),
    (void_turn, "hygiene", "void_turn"),
    (repeated_call, "hygiene", "repeated_call"),
    (no_answer, "hygiene", "truncated_end"),
    (cut_off, "hygiene", "truncated_end"),
    (turn_cut_off, "hygiene", "truncated_end"),
    (step_limit, "hygiene", "too_many_steps"),
    (loop, "hygiene", "looping_calls"),
    (user_twice, "hygiene", "wrong_order"),
    (fallback_text, "hygiene", "fallback_text"),
    (raw_call_text, "hygiene", "raw_call_text"),
    (leaked_reasoning, "hygiene", "leaked_reasoning"),
)
"""A fault, the rung that must see it, and the reason that it must give."""
