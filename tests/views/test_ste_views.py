from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from builders import call, commit, task, tool, trajectory

from callwright.errors import UsageError
from callwright.schemas.message import AssistantMessage, Observation, SystemMessage, ToolMessage, UserMessage
from callwright.schemas.task import Trajectory
from callwright.schemas.version import Version
from callwright.scoring.calls import read_answer
from callwright.store import Store
from callwright.views import review, ste_icl, ste_rehearsal, ste_sft
from callwright.views.folder import read_manifest
from callwright.views.rehearsal import deal, rehearsed
from callwright.views.rows import ViewError

SEARCH = tool("find_trains", "Find trains to a city.", city={"type": "string"})
BOOK = tool("book_seat", "Book a seat on a train.", train={"type": "string"})


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path / "data", write=True) as opened:
        yield opened


def made(store: Store, *rows: Trajectory, **changes: Any) -> Version:
    return store.commit(commit(*rows, **changes))


def lines(folder: Path, split: str = "train", config: str = "default") -> list[dict[str, Any]]:
    text = (folder / config / f"{split}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def one(request: str, city: str = "Oslo", tools: Any = (SEARCH, BOOK), **changes: Any) -> Trajectory:
    return trajectory(task(request, tools=tools, **changes), [call(tools[0].name, city=city)])


def whole(request: str) -> Trajectory:
    """With a system message, words beside the call, and a turn that is not to be trained on."""
    said = call("find_trains", city='Zoë\'s "Ort"\nAction: x')
    return trajectory(
        task(request, tools=[SEARCH]),
        messages=[
            SystemMessage(content="Today is Monday, January 5, 2026."),
            UserMessage(content=request),
            AssistantMessage(content="Let me look.", tool_calls=(said,)),
            ToolMessage(tool_call_id=said.id, name=said.name, observation=Observation(content='["T1"]')),
            AssistantMessage(content="There is T1."),
        ],
    )


def steps(count: int) -> Trajectory:
    """So many turns with a call each."""
    request = f"Trains for {count}?"
    said = [call("find_trains", f"c{index}", city=f"City {index}") for index in range(count)]
    messages: list[Any] = [UserMessage(content=request)]
    for each in said:
        messages.append(AssistantMessage(tool_calls=(each,)))
        messages.append(
            ToolMessage(tool_call_id=each.id, name=each.name, observation=Observation(content="[]"))
        )
    return trajectory(
        task(request, tools=[SEARCH]), messages=[*messages, AssistantMessage(content="None, sorry.")]
    )


PARALLEL = trajectory(
    task("Oslo and Bergen?", tools=[SEARCH]),
    [call("find_trains", "c1", city="Oslo"), call("find_trains", "c2", city="Bergen")],
)
NO_CALL = trajectory(task("What is love?", kind="no_call"), [])


def test_a_row_gives_two_turns_with_names_as_tokens_and_no_documentation(store: Store, tmp_path: Path):
    row = whole("Trains?")
    manifest = ste_sft.export(store, made(store, row), tmp_path / "out", ste_sft.Options())
    first, second = lines(tmp_path / "out")
    said = 'Action: <tool_find_trains>\nAction Input: {"city": "Zoë\'s \\"Ort\\"\\nAction: x"}'
    assert first["completion"] == [{"role": "assistant", "content": said}]
    assert [message["role"] for message in first["prompt"]] == ["system", "user"]
    assert second["prompt"] == [
        *first["prompt"],
        first["completion"][0],
        {"role": "user", "content": 'Observation: ["T1"]'},
    ]
    assert second["completion"] == [{"role": "assistant", "content": "Final Answer: There is T1."}]
    assert [(each["id"], each["turn"], each["tool"]) for each in (first, second)] == [
        (row.id, "call", "find_trains"),
        (row.id, "answer", "find_trains"),
    ]
    system = first["prompt"][0]["content"]
    assert system.startswith("Today is Monday") and "<tool_find_trains>" in system
    assert SEARCH.description not in system
    assert json.loads((tmp_path / "out" / "special_tokens.json").read_text()) == ["<tool_find_trains>"]
    assert manifest.dropped == {"text_beside_a_call": 1}
    # What the view writes is what the scorer reads.
    assert read_answer(said).calls[0].arguments == {"city": 'Zoë\'s "Ort"\nAction: x'}


def test_documents_and_plain_names_on_demand(store: Store, tmp_path: Path):
    options = ste_sft.Options(documents=True, special_tokens=False)
    ste_sft.export(store, made(store, whole("Trains?")), tmp_path / "out", options)
    first, _ = lines(tmp_path / "out")
    system = first["prompt"][0]["content"]
    assert json.dumps(SEARCH.wire()["function"]) in system
    assert first["completion"][0]["content"].startswith("Action: find_trains\n")
    assert not (tmp_path / "out" / "special_tokens.json").exists()


def test_what_has_no_place_is_counted_and_told(store: Store, tmp_path: Path):
    asked = trajectory(
        task("A train?", tools=[SEARCH]),
        messages=[
            UserMessage(content="A train?"),
            AssistantMessage(content="Where to?"),
            *one("Oslo.").messages,
        ],
    )
    muted = trajectory(
        task("Quiet?", tools=[SEARCH]),
        messages=[
            message.model_copy(update={"train": False})
            if message.role == "assistant" and message.content
            else message
            for message in one("Quiet?").messages
        ],
    )
    cut = trajectory(task("Cut?", tools=[SEARCH]), messages=one("Cut?").messages[:-1])
    version = made(store, one("Trains?"), steps(2), PARALLEL, NO_CALL, asked, muted, cut)
    manifest = ste_sft.export(store, version, tmp_path / "out", ste_sft.Options())
    assert manifest.dropped == {
        "no_call": 1,
        "several_calls": 1,
        "several_turns": 1,
        "several_user_turns": 1,
        "unanswered": 1,
        "untrained_turn": 1,
    }
    assert manifest.rows == {"default": {"train": 3}}
    page = (tmp_path / "out" / "README.md").read_text()
    assert "| several_turns | 1 | rows with calls in several turns" in page


def test_all_turns_keep_conversations_of_several(store: Store, tmp_path: Path):
    options = ste_sft.Options(all_turns=True)
    manifest = ste_sft.export(store, made(store, steps(3), PARALLEL, NO_CALL), tmp_path / "out", options)
    turns = lines(tmp_path / "out")
    assert Counter(each["turn"] for each in turns) == {"call": 3, "answer": 2}
    longest = max(turns, key=lambda each: len(each["prompt"]))
    assert [message["role"] for message in longest["prompt"]] == ["system", "user"] + [
        "assistant",
        "user",
    ] * 3
    assert manifest.dropped == {"several_calls": 1}


def shelf_rows() -> tuple[list[Trajectory], list[Trajectory]]:
    """Train and test rows over 20 tools of one toolkit."""
    tools = [tool(f"tool_{n:02}", f"Does thing number {n}.", city={"type": "string"}) for n in range(20)]
    train = [
        one(f"Do thing {n} in {city}.", city, (tools[n], tools[(n + 1) % 20]), attempt=n)
        for n in range(20)
        for city in ("Oslo", "Bergen")
    ]
    return train, [one("Do thing 7 in Paris.", "Paris", (tools[7], tools[3]), attempt=99)]


def test_the_oracle_holds_the_right_tool_and_demonstrations_come_by_likeness(store: Store, tmp_path: Path):
    train, test = shelf_rows()
    ste_icl.export(store, made(store, *train, test=test), tmp_path / "out", ste_icl.Options())
    [line] = lines(tmp_path / "out", "test")
    names = [each["function"]["name"] for each in json.loads(line["tools"])]
    assert len(names) == 15 and "tool_07" in names and names == sorted(names)
    similarities = [each["similarity"] for each in line["demonstrations"]]
    assert len(similarities) == 8 and similarities == sorted(similarities, reverse=True)
    assert {each["query"] for each in line["demonstrations"][:2]} == {
        "Do thing 7 in Oslo.",
        "Do thing 7 in Bergen.",
    }
    assert line["gold"] == [{"name": "tool_07", "arguments": '{"city": "Paris"}'}]
    system, user = (message["content"] for message in line["prompt"])
    assert user == "Do thing 7 in Paris."
    assert system.count("User Query:") == 8 and system.count("\n---\n") == 7
    assert "Date: 2026-01-05 (Monday)\nUser Query: Do thing 7 in" in system
    places = [system.index(each["query"]) for each in line["demonstrations"]]
    assert places == sorted(places)


def test_neither_the_request_itself_nor_a_relative_nor_a_double_is_shown(store: Store, tmp_path: Path):
    seed = one("A train to Oslo, please.", attempt=1)
    related = one("I need a train to Oslo, please.", attempt=2, parent=seed.task.id)
    same = one("a train to  OSLO, please.", attempt=3)
    double = [one("Trains to Bergen?", city, attempt=4) for city in ("Bergen", "BERGEN")]
    far = one("Seats?", attempt=6)
    version = made(store, related, same, far, *double, test=[seed])
    manifest = ste_icl.export(store, version, tmp_path / "out", ste_icl.Options())
    [line] = lines(tmp_path / "out", "test")
    assert sorted(each["query"] for each in line["demonstrations"]) == ["Seats?", "Trains to Bergen?"]
    # The first of a double by id, and equally similar ones by id, whatever came first into the store.
    bergen = next(each["id"] for each in line["demonstrations"] if "Bergen" in each["query"])
    assert bergen == min(row.id for row in double)
    assert manifest.dropped == {"few_demonstrations": 1, "same_request": 1}


def test_both_tools_of_a_test_with_two_are_in_the_documentation(store: Store, tmp_path: Path):
    both = trajectory(
        task("Find one and book it.", tools=[SEARCH, BOOK], kind="parallel"),
        [call("find_trains", "c1", city="Oslo"), call("book_seat", "c2", train="T1")],
    )
    options = ste_icl.Options(documents=1, demonstrations=0)
    ste_icl.export(store, made(store, one("Trains?"), test=[both]), tmp_path / "out", options)
    [line] = lines(tmp_path / "out", "test")
    assert [each["function"]["name"] for each in json.loads(line["tools"])] == ["book_seat", "find_trains"]
    assert len(line["gold"]) == 2 and line["demonstrations"] == []


def test_a_version_without_a_fitting_test_row_is_refused_and_says_why(store: Store, tmp_path: Path):
    version = made(store, one("Trains?"), test=[NO_CALL])
    with pytest.raises(ViewError, match=r"no row fits the view ste-icl \(few|no row fits .*no_call 1"):
        ste_icl.export(store, version, tmp_path / "out", ste_icl.Options())
    assert not (tmp_path / "out").exists()


def rehearsal_rows(tools: int = 6, each: int = 20) -> tuple[list[Trajectory], list[Trajectory]]:
    kinds = [tool(f"tool_{n}", city={"type": "string"}) for n in range(tools)]
    rows = [
        one(f"Tool {n}, city {index}.", f"C{index}", (kinds[n],), attempt=100 * n + index)
        for n in range(tools)
        for index in range(each)
    ]
    return rows, [one(f"Test of {n}.", "T", (kinds[n],), attempt=9000 + n) for n in range(tools)]


def test_a_round_is_its_batch_and_a_tenth_of_each_earlier_tool_and_the_general_set(
    store: Store, tmp_path: Path
):
    rows, tests = rehearsal_rows()
    general = tmp_path / "general.jsonl"
    general.write_text(
        '{"prompt": [{"role": "user", "content": "Hello."}], "completion": [{"role": "assistant", "content": "Hi!"}]}\n'
        '\n{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]}\n'
    )
    options = ste_rehearsal.Options(batches=3, general=str(general), seed=5)
    version, out = made(store, *rows, test=tests), tmp_path / "out"
    manifest = ste_rehearsal.export(store, version, out, options)
    batches = json.loads((out / "batches.json").read_text())
    assert [len(batch) for batch in batches] == [2, 2, 2]
    assert sorted(sum(batches, [])) == [f"museum/tool_{n}" for n in range(6)]
    for number in (1, 2, 3):
        turns = lines(out, "train", f"round_{number}")
        assert Counter(each["turn"] for each in turns)["general"] == 2
        found = Counter(f"museum/{each['tool']}" for each in turns if each["turn"] == "call")
        expected = dict.fromkeys(batches[number - 1], 20) | {
            name: 2 for batch in batches[: number - 1] for name in batch
        }
        assert found == expected
        tested = {f"museum/{each['tool']}" for each in lines(out, "test", f"round_{number}")}
        assert tested == set(batches[number - 1])
    assert manifest.options["general"] == "general.jsonl"

    again = ste_rehearsal.export(store, version, tmp_path / "again", options)
    assert again.files == manifest.files
    other = options.model_copy(update={"seed": 6})
    assert ste_rehearsal.export(store, version, tmp_path / "other", other).files != manifest.files


def test_rehearsal_draws_anew_each_round_and_never_nothing():
    rows = [f"row{number}" for number in range(100)]
    drawn = [rehearsed(rows, 0.1, 0, round_) for round_ in (2, 3)]
    assert [len(one) for one in drawn] == [10, 10] and drawn[0] != drawn[1]
    assert rehearsed(rows[::-1], 0.1, 0, 2) == drawn[0]
    assert len(rehearsed(rows[:3], 0.1, 0, 2)) == 1
    assert len(rehearsed(rows[:25], 0.1, 0, 2)) == 3
    assert rehearsed(rows, 0.0, 0, 2) == set()


def test_tools_are_dealt_evenly_and_by_the_seed():
    tools = [("kit", f"tool_{number}") for number in range(50)]
    dealt = deal(tools, 4, 0)
    assert sorted(map(len, dealt)) == [12, 12, 13, 13]
    assert sorted(sum(dealt, [])) == sorted(tools)
    assert deal(tools[::-1], 4, 0) == dealt != deal(tools, 4, 1)
    with pytest.raises(ValueError, match="50 tools do not make 51 batches"):
        deal(tools, 51, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "general.jsonl:1: is no prompt"),
        ('{"messages": [{"role": "user", "content": "Hello."}]}', "general.jsonl:1: is no prompt"),
        ('\n{"prompt": [], "completion": []}', "general.jsonl:2: is no prompt"),
        ("[1]", "general.jsonl:1: is no prompt"),
        ("\n", "general.jsonl: is empty"),
        (None, "general.jsonl: no such file"),
    ],
)
def test_a_general_set_that_cannot_be_used_names_its_line(
    store: Store, tmp_path: Path, text: str | None, words: str
):
    general = tmp_path / "general.jsonl"
    if text is not None:
        general.write_text(text)
    options = ste_rehearsal.Options(batches=1, general=str(general))
    with pytest.raises(UsageError, match=words):
        ste_rehearsal.export(store, made(store, one("Trains?")), tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_more_batches_than_tools_and_secrets_in_the_general_set_are_refused(store: Store, tmp_path: Path):
    version = made(store, one("Trains?"))
    with pytest.raises(UsageError, match="batches=4: 1 tools do not make 4 batches"):
        ste_rehearsal.export(store, version, tmp_path / "out", ste_rehearsal.Options())
    general = tmp_path / "general.jsonl"
    said = [
        {"role": "user", "content": "Key?"},
        {"role": "assistant", "content": "sk-abcdefghij0123456789xyz"},
    ]
    general.write_text(json.dumps({"messages": said}))
    with pytest.raises(ViewError, match=r"general.jsonl:1: .*secret"):
        ste_rehearsal.export(
            store, version, tmp_path / "out", ste_rehearsal.Options(batches=1, general=str(general))
        )


def test_review_shows_test_rows_alone_with_verdicts_and_two_empty_columns(store: Store, tmp_path: Path):
    nasty = one("<script>alert('x')</script> & \"quotes\"", "</section>")
    version = made(store, one("Trains?"), test=[nasty])
    review.export(store, version, tmp_path / "out", review.Options())
    [line] = lines(tmp_path / "out", "test")
    assert (line["ok"], line["note"], line["query"]) == ("", "", nasty.task.instruction)
    assert [each["who"] for each in line["conversation"]] == ["user", "call", "result", "assistant"]
    assert [(each["rung"], each["outcome"]) for each in line["verdicts"]] == [("L1", "pass")]
    page = (tmp_path / "out" / "review.html").read_text()
    assert page.count("<section") == 1 and page.count("</section>") == 1
    assert page.count("<script>") == 1 and "&lt;script&gt;alert" in page
    assert "http://" not in page and "https://" not in page and " src=" not in page


def test_a_bad_row_refuses_every_view(store: Store, tmp_path: Path):
    bad = one("My key is sk-abcdefghij0123456789xyz, is it?")
    version = made(store, one("Trains?"), test=[bad])
    for module in (ste_sft, ste_icl, review):
        with pytest.raises(ViewError, match=r"1 rows must not be exported \(secret 1\)"):
            module.export(store, version, tmp_path / "out", module.Options())
    assert not (tmp_path / "out").exists()


def test_the_same_rows_have_the_same_bytes_and_other_options_are_another_export(tmp_path: Path):
    train, test = shelf_rows()
    found = []
    for name, ordered in (("a", train), ("b", train[::-1])):
        with Store.open(tmp_path / name, write=True) as store:
            version = made(store, *ordered, test=test)
            for module in (ste_sft, ste_icl, review):
                place = tmp_path / name / module.__name__
                module.export(store, version, place, module.Options())
                found.append({path.name: path.read_bytes() for path in place.rglob("*.*")})
            with pytest.raises(ViewError, match="holds another export"):
                ste_sft.export(
                    store, version, tmp_path / name / ste_sft.__name__, ste_sft.Options(documents=True)
                )
            kept = read_manifest(tmp_path / name / ste_sft.__name__)
            assert kept is not None and kept.options["documents"] is False
    assert found[:3] == found[3:]
