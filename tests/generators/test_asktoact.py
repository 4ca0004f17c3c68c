"""AskToAct's masking and dialogues, over rows that were really made."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from builders import call, conversation, task, tool
from dialogues import dialogues, explored, source_rows, worlds
from made import codes

from callwright.generators.asktoact.intents import Intent, inventory, is_said, problem
from callwright.generators.asktoact.ledger import PATIENCE
from callwright.generators.asktoact.masking import choose
from callwright.generators.asktoact.offline import without_words
from callwright.schemas.message import AssistantMessage, Observation, SystemMessage, ToolMessage, UserMessage
from callwright.schemas.task import Provenance, Task, Trajectory
from callwright.values.mentions import MONTHS, contains, fold

SMALL = "zero one two three four five six seven eight nine ten eleven twelve".split()


def conversation_of(given: Task, *calls: Any, observed: tuple[str, ...] = ()) -> Trajectory:
    """Each call in a turn of its own, answered by the texts in their order."""
    messages: list[Any] = [
        SystemMessage(content="Today is January 5, 2026."),
        UserMessage(content=given.instruction),
    ]
    for number, one in enumerate(calls):
        answer = observed[number] if number < len(observed) else '{"ok": true}'
        messages += [
            AssistantMessage(tool_calls=(one,)),
            ToolMessage(tool_call_id=one.id, name=one.name, observation=Observation(content=answer)),
        ]
    messages.append(AssistantMessage(content="Done."))
    return Trajectory(task=given, messages=tuple(messages), provenance=Provenance(teacher="offline-rules"))


TEXT = {"type": "string"}
BOOK = tool("book", "Book a trip.", city=TEXT, day={"type": "string", "format": "date"})


def found(request: str, *calls: Any, tools: Any = (BOOK,), observed: tuple[str, ...] = ()):
    return inventory(conversation_of(task(request, tools=tools), *calls, observed=observed), {})


def test_what_the_request_says_and_a_tool_requires_can_be_masked():
    made = found("A trip to Lima on March 14, please.", call("book", city="Lima", day="2026-03-14"))
    assert [(one.value, one.said, one.needed) for one in made.maskable] == [
        ("Lima", "Lima", True),
        ("2026-03-14", "March 14", True),
    ]
    assert not made.refused


def optional(**properties: Any):
    return tool("find", "Find.", **properties).model_copy(
        update={"parameters": {"type": "object", "properties": properties, "required": []}}
    )


@pytest.mark.parametrize(
    ("code", "request_", "calls", "tools", "observed"),
    [
        ("default", "Ten in Lima.", [call("f", n=10)], [tool("f", n={"type": "integer", "default": 10})], ()),
        ("optional", "Ones in Lima.", [call("find", city="Lima")], [optional(city=TEXT)], ()),
        ("unmentioned", "A trip, please.", [call("book", city="Lima", day="2026-03-14")], [BOOK], ()),
        (
            "produced",
            "Cancel the trip to Lima.",
            [call("list", id="c1"), call("cancel", id="c2", city="Lima")],
            [tool("list", x=TEXT), tool("cancel", city=TEXT)],
            ('[{"city": "Lima"}]',),
        ),
        ("too_short", "Plan B, please.", [call("f", n="B")], [tool("f", n=TEXT)], ()),
        ("too_short", "For 3 nights.", [call("f", n=3)], [tool("f", n={"type": "integer"})], ()),
        (
            "boolean",
            "Express delivery.",
            [call("f", express_delivery=True)],
            [tool("f", express_delivery={})],
            (),
        ),
        ("unmentioned", "Nothing.", [call("f", n="")], [tool("f", n=TEXT)], ()),
        (
            "occurs_elsewhere",
            "From Lima to Cusco, and I love Lima.",
            [call("f", start="Lima", end="Cusco")],
            [tool("f", start=TEXT, end=TEXT)],
            (),
        ),
        (
            "part_of_kept",
            'The note "Lima again" for the trip to Lima.',
            [call("f", note="Lima again", city="Lima")],
            [tool("f", note=TEXT, city=TEXT)],
            (),
        ),
    ],
)
def test_what_cannot_be_masked_is_refused_and_counted(code, request_, calls, tools, observed):
    made = found(request_, *calls, tools=tools, observed=observed)
    assert made.refused[code] > 0
    assert code not in ("default", "optional", "produced") or not made.maskable


def test_a_value_that_feeds_two_calls_is_one_intent():
    tools = [tool("ride", "A ride.", address=TEXT), tool("food", "Food.", address=TEXT)]
    request = "Noodles to 12 Elm Street, and a cab there from 12 Elm Street."
    twice = found(
        request,
        call("food", address="12 Elm Street"),
        call("ride", id="c2", address="12 Elm Street"),
        tools=tools,
    )
    assert twice.refused == {"occurs_elsewhere": 2}
    request = "Noodles to 12 Elm Street, and a cab from there."
    once = found(
        request,
        call("food", address="12 Elm Street"),
        call("ride", id="c2", address="12 Elm Street"),
        tools=tools,
    )
    assert [len(one.slots) for one in once.maskable] == [2]


@pytest.mark.parametrize(
    ("request_", "city"),
    [
        ("Book a table in São Paulo.", "São Paulo"),
        ("預訂 東京 的旅館", "東京"),
        ("Забронируй отель в Москва.", "Москва"),
    ],
)
def test_other_scripts_can_be_masked(request_, city):
    made = found(request_, call("f", city=city), tools=[tool("f", city=TEXT)])
    assert [one.value for one in made.maskable] == [city]


def test_may_the_verb_is_no_month():
    made = found("I may come on May 3.", call("f", day="2026-05-03"), tools=[tool("f", day=TEXT)])
    assert [one.said for one in made.maskable] == ["May 3"]


@pytest.mark.parametrize(
    ("text", "said", "human", "left"),
    [
        ("A table for March 14, please.", "March 14", "date", "A table, please."),
        ("I want to fly from Lima to Cusco.", "Lima", "origin", "I want to fly to Cusco."),
        ("Play Blue Hour.", "Blue Hour", "song", "Play a song."),
        ('Read "Blue Hour" to me.', "Blue Hour", "article", "Read an article to me."),
    ],
)
def test_words_are_cut_so_that_a_person_could_have_written_the_rest(text, said, human, left):
    assert without_words(text, said, human) == left


def test_the_most_important_are_chosen_and_one_at_the_least():
    intents = list(found("A trip to Lima on March 14.", call("book", city="Lima", day="2026-03-14")).maskable)
    first, second = (one.id for one in intents)
    for seed in range(20):
        chosen = choose(intents, {first: 3, second: 5}, 2, random.Random(seed))
        assert chosen[-1].id == second
    assert choose(intents, {first: 1, second: 2}, 2, random.Random(0)) == []
    assert choose(intents, {first: 5, second: 5}, 1, random.Random(0), {second})[0].id == second


def variants(value: Any) -> Iterator[str]:
    """How else people write a value; made by other means than the code that reads them."""
    for one in value if isinstance(value, list) else [value]:
        text = str(one)
        yield from (text, text.replace("_", " "), text.replace("-", " "))
        if isinstance(one, int) and 0 <= one <= 12:
            yield SMALL[one]
        if isinstance(one, int | float):
            yield from (f"{one:,}", f"{one:.2f}", f"${one}")
        try:
            day = dt.date.fromisoformat(text[:10])
        except ValueError:
            continue
        month = MONTHS[day.month - 1]
        for name in (month, month[:3]):
            for number in (f"{day.day}", f"{day.day}st", f"{day.day}nd", f"{day.day}rd", f"{day.day}th"):
                yield from (f"{name} {number}", f"{number} {name}", f"{number} of {name}")
        yield f"{day.month}/{day.day}/{day.year}"


def test_nothing_that_was_removed_can_be_read_and_everything_else_still_stands():
    checked = 0
    for row, one in dialogues():
        made = one.trajectory
        assert made is not None
        if one.part == "control":
            continue
        request = fold(made.task.instruction)
        masked = [Intent.model_validate(each) for each in made.task.hidden["intents"]]
        for each in masked:
            for text in (*variants(each.value), each.said):
                assert not contains(request, fold(text)), (made.task.instruction, text)
        kept = inventory(row, worlds().synonyms)
        for each in (*kept.maskable, *kept.kept):
            if each.id not in {other.id for other in masked}:
                # A date or a number may stand there in other words; names and titles stay as they are.
                literal = contains(request, fold(each.said))
                assert literal or is_said(each, made.task.instruction, made, worlds().synonyms)
        checked += len(masked)
    assert checked > 30


def filled(made: Trajectory) -> list[dict[str, Any]]:
    """The right calls with each masked argument taken out, and put in again from the goal."""
    calls = [json.loads(each.arguments) for each in made.tool_calls]
    for each in made.task.hidden["intents"]:
        for slot in each["slots"]:
            del calls[slot["call"]][slot["argument"]]
    for each in made.task.hidden["intents"]:
        for slot in each["slots"]:
            calls[slot["call"]][slot["argument"]] = each["value"]
    return calls


def test_filling_the_answers_back_gives_the_calls_as_they_were():
    for row, one in dialogues():
        assert one.trajectory is not None
        before = [json.loads(each.arguments) for each in row.tool_calls]
        if one.part != "control":
            assert filled(one.trajectory) == before
        assert [each.name for each in one.trajectory.tool_calls] == [each.name for each in row.tool_calls]


def test_each_intent_is_asked_for_once_and_answered_within_the_patience_of_a_style():
    styles: Counter[str] = Counter()
    for _, one in dialogues():
        made = one.trajectory
        assert made is not None
        users = [step for step, each in enumerate(made.messages) if isinstance(each, UserMessage)]
        if one.part == "control":
            assert len(users) == 1
            assert not any(
                "?" in each.content
                for each in made.turns()
                if not each.tool_calls and each is not made.messages[-1]
            )
            continue
        ids = [each["id"] for each in made.task.hidden["intents"]]
        asks = [note for note in made.notes if note.label == "question"]
        answers = [note for note in made.notes if note.label == "answer"]
        assert [id_ for note in asks if not note.body["again"] for id_ in note.body["asks"]] == ids
        assert len(users) - 1 == len(asks) == len(answers)
        given = [id_ for note in answers for id_ in note.body["gives"]]
        assert sorted(given) == sorted(ids)
        for id_ in ids:
            first = next(place for place, note in enumerate(asks) if id_ in note.body["asks"])
            told = next(place for place, note in enumerate(answers) if id_ in note.body["gives"])
            assert told - first < PATIENCE[made.task.hidden["style"]]
        assert made.notes[-1].body.get("ledger", {"open": []})["open"] == [] or one.part != "clean"
        styles[made.task.hidden["style"]] += 1
    assert set(styles) == set(PATIENCE)


def test_a_user_never_says_what_nobody_asked_for():
    for _, one in dialogues():
        made = one.trajectory
        assert made is not None
        asked: set[str] = set()
        for step, message in enumerate(made.messages[:-1]):
            note = next((each for each in made.notes if each.step == step and each.label == "question"), None)
            asked |= set(note.body["asks"]) if note else set()
            if isinstance(message, UserMessage) and step > 1:
                unasked = [each for each in made.task.hidden["intents"] if each["id"] not in asked]
                for each in unasked:
                    assert not any(
                        contains(fold(message.content), fold(text)) for text in variants(each["value"])
                    )


def test_who_corrects_himself_says_a_wrong_value_that_no_call_gets():
    slips = 0
    for _, one in dialogues():
        made = one.trajectory
        assert made is not None
        for note in made.notes:
            for words in note.body.get("wrong", {}).values():
                slips += 1
                assert contains(fold(made.messages[note.step].content), fold(words))
                assert not any(contains(fold(each.arguments), fold(words)) for each in made.tool_calls)
    assert slips > 2


def test_every_row_passes_the_ladder_and_its_calls_replay():
    judges = worlds().judges()
    for _, one in dialogues()[::3]:
        assert one.trajectory is not None
        assert codes(judges, one.trajectory) == []


def test_several_questions_may_be_put_at_once():
    made = explored(source_rows()[:60], worlds(), questions_at_once=3, error_share=0.0, confirm_share=0.0)
    grouped = [
        note
        for one in made
        if one.trajectory
        for note in one.trajectory.notes
        if note.label == "question" and len(note.body["asks"]) > 1
    ]
    assert grouped


def test_the_same_seed_makes_the_same_rows_and_another_seed_others():
    rows = source_rows()[:40]
    once, again = (explored(rows, worlds()) for _ in range(2))
    assert [one.model_dump() for one in once] == [one.model_dump() for one in again]
    other = explored(rows, worlds(), seed=4)
    assert [one.model_dump() for one in once] != [one.model_dump() for one in other]


def test_only_conversations_with_one_request_and_calls_are_sources():
    given = task("A trip to Lima.")
    two = conversation("A trip.", [])
    row = Trajectory(
        task=given, messages=(SystemMessage(content="x"), *two), provenance=Provenance(teacher="t")
    )
    assert problem(row) == "no_call"
    chat = (*row.messages, UserMessage(content="And now?"), AssistantMessage(content="Now."))
    assert problem(row.model_copy(update={"messages": chat})) == "not_one_request"
