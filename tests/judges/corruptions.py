"""Corrupted copies of executed rows, each consistent up to the rung that has to find it out.

Nothing of the judges is used. Calls that are moved, taken out or added are executed again in the row's own world, so
that what comes back, and the state that is left, is what would really have come.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import faults

from callwright.schemas.message import AssistantMessage, Message, Observation, ToolCall, ToolMessage
from callwright.schemas.task import IntendedCall, Trajectory
from callwright.schemas.tool import Tool, WorldBinding
from callwright.schemas.verdict import Rung
from callwright.toolbox.base import checked_arguments, observed
from callwright.toolbox.world import state_of
from callwright.values.validation import errors
from callwright.worlds import world_class
from callwright.worlds.base import World

Corruption = Callable[[Trajectory, random.Random], Trajectory | None]
"""A row with one thing wrong, or None where the row has no place for it."""

_MONTHS = "January February March April May June July August September October November December".split(" ")
_WORDS = (
    "amber barge cedar dune ember fjord grove heron inlet juniper kiln lagoon marble nutmeg osprey".split()
)


# Executing again


class Run:
    """The worlds of a row, as they were when it began."""

    def __init__(self, row: Trajectory) -> None:
        self._task = row.task
        self.worlds: dict[str, World] = {}

    def call(self, call: ToolCall) -> Observation:
        checked = checked_arguments(call, self._task.tools, "executed")
        if isinstance(checked, Observation):
            return checked
        tool, arguments = checked
        return observed(*self.world(tool).call(_binding(tool).function, arguments), "executed")

    def world(self, tool: Tool) -> World:
        name = _binding(tool).world
        return self.worlds.setdefault(name, world_class(name)(self._task.seed, self._task.clock))

    @property
    def state(self) -> str | None:
        return state_of(self.worlds)


def executed(row: Trajectory, messages: Sequence[Message]) -> Trajectory | None:
    """The row with other messages and what their calls really give; None where one of its own calls now fails."""
    run = Run(row)
    made: list[Message] = []
    calls: dict[str, ToolCall] = {}
    for message in messages:
        if isinstance(message, AssistantMessage):
            calls |= {call.id: call for call in message.tool_calls}
        if isinstance(message, ToolMessage):
            found = run.call(calls[message.tool_call_id])
            if found.succeeded is not message.observation.succeeded:
                return None
            message = message.model_copy(update={"observation": found})
        made.append(message)
    return row.model_copy(update={"messages": tuple(made), "state": run.state})


def _binding(tool: Tool) -> WorldBinding:
    assert isinstance(tool.binding, WorldBinding)
    return tool.binding


# What a row says


def _tool(row: Trajectory, name: str) -> Tool:
    return next(tool for tool in row.task.tools if tool.name == name)


def _said_after(row: Trajectory, step: int) -> str:
    """What the assistant says and hands over after a message, folded."""
    turns = [message for message in row.messages[step:] if isinstance(message, AssistantMessage)]
    words = [turn.content for turn in turns] + [call.arguments for turn in turns for call in turn.tool_calls]
    return _folded("\n".join(words))


def _text(row: Trajectory) -> str:
    return "\n".join([*(m.content for m in row.messages), *(call.arguments for call in row.tool_calls)])


def _folded(text: str) -> str:
    return re.sub(r"[\s_]+", " ", text).casefold()


def _number_words(value: float) -> set[str]:
    small = "zero one two three four five six seven eight nine ten eleven twelve".split(" ")
    words = {f"{value:g}", f"{value:,.0f}", f"{value:.2f}", f"{value:,.2f}", f"{abs(value):g}"}
    return words | ({small[int(value)]} if value in range(13) else set())


def spoken(leaf: Any) -> set[str]:
    """How people may say a value, folded; the ways in which it would stand in a sentence."""
    if isinstance(leaf, bool) or leaf is None:
        return set()
    if isinstance(leaf, int | float):
        return _number_words(float(leaf))
    said = {_folded(leaf)}
    if date := re.match(r"(\d{4})-(\d\d)-(\d\d)", leaf):
        month, day = _MONTHS[int(date[2]) - 1].casefold(), int(date[3])
        said |= {date[0], f"{month} {day}", f"{day} {month}", "today", "tomorrow", "day", "week"}
    if time := re.search(r"(\d\d):(\d\d)", leaf):
        hour = int(time[1]) % 12 or 12
        said |= {time[0], f"{hour}:{time[2]}", f"{hour} am", f"{hour} pm", "noon", "midnight"}
    return said | (
        {part for part in re.split(r"\W+", _folded(leaf)) if len(part) > 3} if " " in leaf else set()
    )


def _says(text: str, leaf: Any) -> bool:
    return any(words and re.search(rf"(?<!\w){re.escape(words)}", text) for words in spoken(leaf))


# L0 and L1


def unknown_tool(row: Trajectory, rng: random.Random) -> Trajectory | None:
    return faults.unknown_tool(row, rng)


def bad_enum(row: Trajectory, rng: random.Random) -> Trajectory | None:
    return faults.bad_enum(row, rng)


def ungrounded_value(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """An argument that fits its schema, that the world takes, and that nobody ever said."""
    for call in rng.sample(row.tool_calls, len(row.tool_calls)):
        arguments = json.loads(call.arguments)
        for name in rng.sample(sorted(arguments), len(arguments)):
            value = _unheard(row, name, arguments[name], _tool(row, call.name), rng)
            if value is None:
                continue
            text = json.dumps({**arguments, name: value})
            other = call.model_copy(update={"arguments": text})
            made = executed(row, _with_call(row.messages, call, other))
            if made:
                return made
    return None


_OWN_WORDS = frozenset(("body", "comment", "content", "description", "message", "note", "notes", "text"))
"""Text that an assistant may compose itself: nobody has to have said it. Its facts are another matter."""


def _unheard(row: Trajectory, name: str, old: Any, tool: Tool, rng: random.Random) -> Any:
    if name in _OWN_WORDS:
        return None
    schema = tool.properties[name]
    text = _folded(_text(row))
    for _ in range(20):
        value: Any = None
        if isinstance(old, bool):
            return None  # both of its values are always at hand
        if isinstance(old, int | float):
            value = type(old)(rng.randint(2, 400))
        elif isinstance(old, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", old):
            value = (row.task.clock + dt.timedelta(days=rng.randint(-90, 300))).isoformat()
        elif isinstance(old, str) and "enum" in schema:
            value = rng.choice(schema["enum"])
        elif isinstance(old, str) and re.fullmatch(r"[a-z]+-[0-9a-f]{8}", old):
            alike = [key for key in _ids(row) if key.split("-")[0] == old.split("-")[0]]
            value = rng.choice(alike) if alike else None
        elif isinstance(old, str) and not re.search(r"[\d@]", old):
            value = " ".join(rng.sample(_WORDS, 2))
        if value is None or value == schema.get("default") or _says(text, value):
            continue
        if not any(True for _ in errors(tool.parameters["properties"][name], value)):
            return value
    return None


def _ids(row: Trajectory) -> list[str]:
    """Ids of things that really exist in the row's world, most of which nobody mentioned."""
    run = Run(row)
    for call in row.tool_calls:
        run.world(_tool(row, call.name))
    return sorted(key for world in run.worlds.values() for table in world.state.values() for key in table)


def _with_call(messages: Sequence[Message], old: ToolCall, new: ToolCall) -> list[Message]:
    return [
        message.model_copy(
            update={"tool_calls": tuple(new if call is old else call for call in message.tool_calls)}
        )
        if isinstance(message, AssistantMessage)
        else message
        for message in messages
    ]


def swapped_calls(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """A call is made before the one whose answer holds the id that it takes."""
    rounds = list(_rounds(row))
    for (start, middle), (_, end) in zip(rounds, rounds[1:], strict=False):
        second = row.messages[middle]
        assert isinstance(second, AssistantMessage)
        before = "\n".join(message.content for message in row.messages[:start])
        needed = [
            value
            for call in second.tool_calls
            for value in json.loads(call.arguments).values()
            if isinstance(value, str) and re.fullmatch(r"\w+-[0-9a-f]{8}", value) and value not in before
        ]
        if needed:
            messages = (*row.messages[:start], *row.messages[middle:end], *row.messages[start:middle])
            made = executed(row, (*messages, *row.messages[end:]))
            if made:
                return made
    return None


def _rounds(row: Trajectory) -> Iterator[tuple[int, int]]:
    """Start and end of each turn with calls together with its results; a user may come between two of them."""
    for start, message in enumerate(row.messages):
        if isinstance(message, AssistantMessage) and message.tool_calls:
            yield start, start + 1 + len(message.tool_calls)


# L2


def tampered_observation(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """One value of an answer is another of its kind, which the documented shape allows and nobody speaks of."""
    places = [
        (step, path, leaf)
        for step, message in enumerate(row.messages)
        if isinstance(message, ToolMessage) and message.observation.succeeded
        for path, leaf in _leaves(json.loads(message.content), ())
    ]
    for step, path, leaf in rng.sample(places, len(places)):
        message = row.messages[step]
        assert isinstance(message, ToolMessage)
        body = json.loads(message.content)
        column = [
            one
            for other, one in _leaves(body, ())
            if [part for part in other if isinstance(part, str)] == [p for p in path if isinstance(p, str)]
        ]
        value = _another(row, leaf, column, rng)
        said = _said_after(row, step)
        total = sum(one for one in column if isinstance(one, int | float))
        if value is None or any(_says(said, one) for one in (leaf, value, total)):
            continue
        _put(body, path, value)
        if any(True for _ in errors(_tool(row, message.name).returns or {}, body)):
            continue
        return _with_content(row, step, json.dumps(body, ensure_ascii=False))
    return None


def _leaves(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    if not isinstance(value, dict | list):
        yield path, value
    for key, child in children:
        yield from _leaves(child, (*path, key))


def _put(body: Any, path: tuple[str | int, ...], value: Any) -> None:
    for key in path[:-1]:
        body = body[key]
    body[path[-1]] = value


def _another(row: Trajectory, leaf: Any, column: Sequence[Any], rng: random.Random) -> Any:
    """A value that could as well have stood there."""
    if isinstance(leaf, bool):
        return not leaf
    if isinstance(leaf, int | float):
        return leaf + rng.choice((1, 2, 10))
    if not isinstance(leaf, str):
        return None
    if re.fullmatch(r"\d{4}-\d\d-\d\d", leaf):
        return (dt.date.fromisoformat(leaf) + dt.timedelta(days=rng.randint(1, 20))).isoformat()
    if re.fullmatch(r"[a-z]+-[0-9a-f]{8}", leaf):
        return leaf[:-8] + f"{rng.getrandbits(32):08x}"
    others = sorted({one for one in column if isinstance(one, str) and one != leaf})
    return rng.choice(others) if others else None


def _with_content(row: Trajectory, step: int, content: str) -> Trajectory:
    message = row.messages[step]
    assert isinstance(message, ToolMessage)
    observation = message.observation.model_copy(update={"content": content})
    messages = list(row.messages)
    messages[step] = message.model_copy(update={"observation": observation})
    return row.model_copy(update={"messages": tuple(messages)})


def stale_answer(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """Someone looks again after a change, and is answered as before it."""
    calls = {call.id: call for call in row.tool_calls}
    for changed in reversed([call for call in row.task.intended if call.changes]):
        now, then = Run(row), Run(row)
        for message in row.observations():
            call = calls[message.tool_call_id]
            now.call(call)
            if not _is(call, changed):
                then.call(call)
        for look in _looks(row):
            before = now.state
            fresh, stale = now.call(look), then.call(look)
            if now.state != before:
                break
            if fresh.succeeded and stale.succeeded and fresh != stale:
                seen = ToolMessage(tool_call_id=look.id, name=look.name, observation=stale)
                asked = AssistantMessage(tool_calls=(look,))
                return row.model_copy(
                    update={"messages": (*row.messages[:-1], asked, seen, row.messages[-1])}
                )
    return None


def _looks(row: Trajectory) -> Iterator[ToolCall]:
    """Calls that were not made and that take nothing, or nothing but what an earlier call took."""
    made = [(call.name, json.loads(call.arguments)) for call in row.tool_calls]
    if len(list(_rounds(row))) > 4:
        return
    for tool in row.task.tools:
        known = {
            name: arguments[name] for name in tool.required for _, arguments in made if name in arguments
        }
        own = row.task.toolkit == _binding(tool).world
        if own and len(known) == len(tool.required) and (tool.name, known) not in made:
            yield ToolCall(id="call_again", name=tool.name, arguments=json.dumps(known))


def _is(call: ToolCall, intended: IntendedCall) -> bool:
    return call.name == intended.name and json.loads(call.arguments) == intended.arguments


def stale_state(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """The state on record is the one from before the last call that changed it."""
    calls = {call.id: call for call in row.tool_calls}
    run = Run(row)
    for call in row.tool_calls:
        run.world(_tool(row, call.name))
    states = [run.state]
    for message in row.observations():
        run.call(calls[message.tool_call_id])
        states.append(run.state)
    assert states[-1] == row.state
    before = [state for state in states if state != row.state]
    return row.model_copy(update={"state": before[-1]}) if before else None


def stale(row: Trajectory, rng: random.Random) -> Trajectory | None:
    ways = rng.sample((stale_answer, stale_state), 2)
    return ways[0](row, rng) or ways[1](row, rng)


def state_and_goal_forged(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """The plan is made to agree with a state that the calls do not leave."""
    made = stale_state(row, rng)
    return made and made.model_copy(update={"task": row.task.model_copy(update={"goal": made.state})})


# L3

_UNITS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # What stands before the number, what after it, and what may be written instead.
    ("", "minutes?", ("hours", "seconds")),
    ("", "hours?", ("minutes", "days")),
    ("", "seconds?", ("minutes",)),
    ("", "days?", ("weeks", "hours")),
    ("", "nights?", ("weeks",)),
    ("", "weeks?", ("days", "months")),
    ("", "months?", ("weeks", "years")),
    ("", "km", ("miles",)),
    ("", "km/h", ("mph", "m/s")),
    ("", "kilometers?", ("miles", "meters")),
    ("", "miles?", ("kilometers", "yards")),
    ("", "nautical miles?", ("kilometers",)),
    ("", "meters?", ("feet", "kilometers")),
    ("", "(?:feet|foot)", ("meters", "inches")),
    ("", "inch(?:es)?", ("centimeters",)),
    ("", "grams?", ("ounces", "kilograms")),
    ("", "kilograms?", ("pounds", "grams")),
    ("", "pounds?", ("kilograms",)),
    ("", "ounces?", ("grams",)),
    ("", "cups?", ("liters", "pints")),
    ("", "gallons?", ("liters",)),
    ("", "liters?", ("gallons",)),
    ("", "(?:MB|megabytes?)", ("GB", "KB")),
    ("", "(?:degrees? |° ?)?Fahrenheit", ("degrees Celsius",)),
    ("", "(?:degrees? |° ?)?Celsius", ("degrees Fahrenheit",)),
    ("", "°F", ("°C",)),
    ("", "°C", ("°F",)),
    (r"\$", "", ("€", "£")),
)


def unit_mismatch(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """A number of the answer in another unit than the one that was computed."""
    answer = row.messages[-1].content
    text = _text(row).casefold()
    found = []
    for sign, unit, others in _UNITS:
        pattern = rf"{sign}(?<![\d.,\w-])(\d[\d,]*(?:\.\d+)?)" + (
            rf"( ?-?){unit}(?![\w/])" if unit else "(?!\\w)"
        )
        for match in re.finditer(pattern, answer):
            if float(match[1].replace(",", "")) == 0 and "elsius" not in unit and "ahrenheit" not in unit:
                continue  # no minutes are no hours
            for other in others:
                words = f"{other}{match[1]}" if sign else f"{match[1]} {other}"
                if words.casefold() not in text:
                    found.append((match.span(), words))
    if not found:
        return None
    (start, end), words = rng.choice(found)
    return faults._with_answer(row, answer[:start] + words + answer[end:])


def missing_call(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """One thing that was asked for is not done, and nothing is said of it."""
    wanted = [call for call in row.task.intended if not call.means]
    if len(row.tool_calls) < 2 or not wanted:
        return None
    for intended in rng.sample(wanted, len(wanted)):
        made = _without(row, intended)
        if made:
            return made
    return None


def _without(row: Trajectory, intended: IntendedCall) -> Trajectory | None:
    gone = next((call for call in row.tool_calls if _is(call, intended)), None)
    if gone is None:
        return None
    messages: list[Message] = []
    for message in row.messages:
        if isinstance(message, AssistantMessage) and gone in message.tool_calls:
            left = tuple(call for call in message.tool_calls if call is not gone)
            message = message.model_copy(update={"tool_calls": left})
            if not left:
                continue
        if not (isinstance(message, ToolMessage) and message.tool_call_id == gone.id):
            messages.append(message)
    made = executed(row, messages)
    results = list(made.observations()) if made else []
    if not made or not results or not results[-1].observation.succeeded:
        return None
    left = [leaf for message in results for _, leaf in _leaves(json.loads(message.content), ())]
    own = next(message for message in row.observations() if message.tool_call_id == gone.id)
    only = [leaf for _, leaf in _leaves(json.loads(own.content), ()) if leaf not in left]
    seen = _folded("\n".join(message.content for message in made.messages[:-1]))
    kept = [
        sentence
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z\"“])", row.messages[-1].content)
        if not any(_says(_folded(sentence), leaf) for leaf in only) and _supported(sentence, seen)
    ]
    return faults._with_answer(made, " ".join(kept) or "All set.")


def _supported(sentence: str, seen: str) -> bool:
    """Whether every number, name and quotation of a sentence stands in what is left of the row."""
    quoted = re.findall(r"[\"“]([^\"”]+)[\"”]", sentence)
    names = re.findall(r"(?<=[a-z,] )[A-Z]\w+", sentence)
    return all(_folded(one) in seen for one in (*quoted, *names, *re.findall(r"\d[\d.,]*\d|\d", sentence)))


def changed_twice(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """What was asked for once is done twice."""
    return _beside(row, rng, lambda call: [json.loads(call.arguments)])


def extra_change(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """The same is done to another thing as well, whose id an answer showed."""

    def others(call: ToolCall) -> Iterator[dict[str, Any]]:
        arguments = json.loads(call.arguments)
        for name, value in arguments.items():
            if isinstance(value, str) and re.fullmatch(r"[a-z]+-[0-9a-f]{8}", value):
                step = next(i for i, m in enumerate(row.messages) if call in getattr(m, "tool_calls", ()))
                before = "\n".join(message.content for message in row.messages[:step])
                shown = re.findall(rf"{value.split('-')[0]}-[0-9a-f]{{8}}", before)
                yield from ({**arguments, name: one} for one in sorted({*shown} - {value}))

    return _beside(row, rng, others)


def detour(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """It is first done in another way, with an argument left out, and the end is the same by luck."""

    def less(call: ToolCall) -> Iterator[dict[str, Any]]:
        arguments, tool = json.loads(call.arguments), _tool(row, call.name)
        for name in arguments:
            if name not in tool.required:
                yield {other: value for other, value in arguments.items() if other != name}

    made = _beside(row, rng, less, first=True)
    return made if made and made.state == row.state else None


def _beside(
    row: Trajectory,
    rng: random.Random,
    others: Callable[[ToolCall], Iterable[dict[str, Any]]],
    first: bool = False,
) -> Trajectory | None:
    """The row with one more call beside one that changes something; it is answered otherwise than any before."""
    changing = [one for one in row.task.intended if one.changes]
    for call in row.tool_calls:
        if not any(_is(call, one) for one in changing):
            continue
        for arguments in others(call):
            more = ToolCall(id="call_more", name=call.name, arguments=json.dumps(arguments))
            made = executed(row, _with_calls(row.messages, call, (more, call) if first else (call, more)))
            if made and len({message.content for message in made.observations()}) == len(made.tool_calls):
                return made
    return None


def _with_calls(messages: Sequence[Message], old: ToolCall, new: Sequence[ToolCall]) -> list[Message]:
    """Messages with some calls in place of one, each with a result to be found out."""
    made: list[Message] = []
    for message in messages:
        if isinstance(message, AssistantMessage) and old in message.tool_calls:
            calls = [one for call in message.tool_calls for one in (new if call is old else (call,))]
            message = message.model_copy(update={"tool_calls": tuple(calls)})
        if isinstance(message, ToolMessage) and message.tool_call_id == old.id:
            made += [message.model_copy(update={"tool_call_id": call.id, "name": call.name}) for call in new]
        else:
            made.append(message)
    return made


def _only_read(row: Trajectory) -> tuple[IntendedCall, Any] | None:
    """The one thing that was asked for where that is to read something, and what came back."""
    wanted = [call for call in row.task.intended if not call.means]
    if len(wanted) != 1 or wanted[0].changes:
        return None
    calls = {call.id: call for call in row.tool_calls}
    found = [
        json.loads(message.content)
        for message in row.observations()
        if _is(calls[message.tool_call_id], wanted[0])
    ]
    return (wanted[0], found[0]) if found else None


def denied_result(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """Entries were found, and the answer, in the user's own words, says that there are none."""
    read = _only_read(row)
    if not read or not isinstance(read[1], list) or not read[1]:
        return None
    words = [value for value in read[0].arguments.values() if isinstance(value, str) and value in _text(row)]
    words = [word for word in words if not re.search(r"\d|_", word)]
    of_that = f" for {words[0]}" if words else " of that kind"
    said = (
        f"I couldn't find anything{of_that}.",
        f"There are no entries{of_that}, I'm afraid.",
        f"I looked, but nothing came up{of_that}.",
        f"Sorry, no results{of_that}.",
        f"I don't see any{of_that}.",
    )
    return faults._with_answer(row, rng.choice(said))


def nothing_told_as_something(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """Nothing was found, and the answer says that there was."""
    read = _only_read(row)
    if not read or read[1] != []:
        return None
    said = ("Yes, there are some of that kind.", "I found what you asked for.", "Several of them came up.")
    return faults._with_answer(row, rng.choice(said))


def miscounted(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """A long list is told in part, and the rest of it is one more than it is."""
    answer = row.messages[-1].content
    found = re.search(r"(?<=and )(\d+)(?= more\.)", answer)
    read = _only_read(row)
    if not found or not read or not isinstance(read[1], list):
        return None
    names = [value for entry in read[1] for value in entry.values() if isinstance(value, str)]
    if sum(names.count(name) == 1 and name in answer for name in names) < 4:
        return None  # without names of their own, nobody can count them
    return faults._with_answer(row, f"{answer[: found.start()]}{int(found[0]) + 1}{answer[found.end() :]}")


def other_number(row: Trajectory, rng: random.Random) -> Trajectory | None:
    """Instead of the number that was computed, the answer tells one that was given."""
    read = _only_read(row)
    if not read or not isinstance(read[1], dict):
        return None
    answer = row.messages[-1].content
    spelt = re.findall(r"\d[\d.]*\d|\d", row.task.instruction)
    given = [v for v in read[0].arguments.values() if isinstance(v, int | float) and f"{v:.12g}" in spelt]
    new = [
        value for _, value in _leaves(read[1], ()) if isinstance(value, int | float) and value not in given
    ]
    # Where the number of the request is the one that came back, nothing would become wrong.
    given = [value for value in given if not re.search(rf"(?<![\d.]){value:.12g}(?![\d.])", answer)]
    if len(new) != 1 or not given or f"{new[0]:.12g}" not in answer:
        return None
    return faults._with_answer(row, answer.replace(f"{new[0]:.12g}", f"{given[0]:.12g}"))


CORRUPTIONS: tuple[tuple[Corruption, Rung, str], ...] = (
    (unknown_tool, "L0", "calls"),
    (bad_enum, "L0", "calls"),
    (ungrounded_value, "L1", "grounding"),
    (swapped_calls, "L1", "grounding"),
    (tampered_observation, "L2", "replay"),
    (stale, "L2", "replay"),
    (unit_mismatch, "L3", "equality"),
    (missing_call, "L3", "equality"),
)
"""What is planted, the rung that has to find it out, and the judge."""

FURTHER: tuple[tuple[Corruption, Rung, str], ...] = (
    (state_and_goal_forged, "L2", "replay"),
    (changed_twice, "L3", "equality"),
    (extra_change, "L3", "equality"),
    (detour, "L3", "equality"),
    (denied_result, "L3", "equality"),
    (nothing_told_as_something, "L3", "equality"),
    (miscounted, "L3", "equality"),
    (other_number, "L3", "equality"),
)
"""What an expert would try next; rarer places, so as many as a thousand rows have."""
