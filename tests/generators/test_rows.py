"""The demo's rows as a user gets them, read by a checker that knows nothing of the judges."""

import json
import re
import shutil
from collections import Counter, defaultdict

import checker
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made import DEMO, codes, demo, documented, make_rows

import callwright
from callwright.engine.exports import export_view
from callwright.generators.planning.scenario import Plan
from callwright.schemas.phrases import REGISTERS

KINDS = {"single": 128, "multi_step": 80, "clarification": 64, "no_call": 48}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    version = callwright.build(DEMO, data=data)
    export_view(data, version.name, "trl", data / "out")
    return data / "out"


@pytest.fixture(scope="module")
def many():
    """1,200 rows in the shares of the demo, made without a store."""
    return make_rows(demo(), {"single": 480, "multi_step": 300, "clarification": 240, "no_call": 180})


def test_the_independent_checker_finds_no_problem_in_the_demo(exported):
    assert checker.problems(exported) == []


def test_the_mix_is_exact(exported):
    assert checker.mix(exported) == KINDS


# What the checker is worth: faults planted into the files themselves.


def first_call(messages):
    return next(message["tool_calls"][0]["function"] for message in messages if message.get("tool_calls"))


def rename(row):
    first_call(row["messages"])["name"] = "doSomething"


def misquote(row):
    function = first_call(row["messages"])
    function["arguments"] = {**function["arguments"], "limit": 29}


def invent(row):
    function = first_call(row["messages"])
    function["arguments"] = {**function["arguments"], "color": "red"}


def postpone(row):
    row["messages"][0]["content"] = "Today is Monday, January 5, 2099."


def swallow(row):
    row["messages"] = [message for message in row["messages"] if message["role"] != "tool"]


def shorten(row):
    row["messages"] = row["messages"][:-1]


def mute(row):
    row["messages"][-1]["content"] = ""


def hide(row):
    row["tools"] = row["tools"][:2]


def mislabel(row):
    row["kind"] = "clarification"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (rename, "is not offered"),
        (misquote, "limit=29 stands nowhere"),
        (invent, "unknown ['color']"),
        (postpone, "stands nowhere"),
        (swallow, "are answered by"),
        (shorten, "the roles are"),
        (mute, "an empty assistant turn"),
        (hide, "2 tools"),
        (mislabel, "the kind is clarification"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_checker_sees_a_fault_in_the_files(exported, tmp_path, fault, words):
    folder = tmp_path / "out"
    shutil.copytree(exported, folder)
    path = next(folder.glob("typed/train-*.parquet"))
    rows = checker.read_file(path)
    wanted = [row for row in rows if row["kind"] == "single" and "startDate" in json.dumps(row["messages"])]
    faulty = next(row for row in wanted if "startDate" in first_call(row["messages"])["arguments"])
    fault(faulty)
    packed = [
        {**row, **{key: [json.dumps(one) for one in row[key]] for key in ("messages", "tools")}}
        for row in (faulty, *rows[:20])
    ]
    pq.write_table(pa.Table.from_pylist(packed), path)
    assert any(words in problem for problem in checker.problems(folder))


# What people say and are told.


def spoken(rows):
    """(role, text) of every user and assistant turn."""
    for row in rows:
        for message in row["messages"]:
            if message["role"] in ("user", "assistant") and message.get("content"):
                yield message["role"], message["content"]


SLIPS = {
    "snake case": r"(?<![\w@./-])[a-z]+(?:_[a-z]+)+\b",
    "camel case": r"(?<![\w@./-])[a-z]+[A-Z][A-Za-z]*\b",
    "JSON": r"[{}\[\]]|\"\w+\":|\bnull\b",
    "a placeholder": r"(?i)\bstring\b(?! quartet)|\blorem\b|\bfoo\b|\bN/A\b|(?-i:\bNone\b(?! of))|\bTODO\b",
    "a doubled word": r"(?i)\b(\w+) \1\b",
    "a before a vowel": r"(?i)\ba (?!uni|use|eu|one\b|once\b|UK|US)(?=[aeiou]\w)",
    "an before a consonant": r"(?i)\ban (?!hour|honest|heir|honou?r|MRI|SMS)(?=[b-df-hj-np-tv-z]\w)",
    "doubled punctuation": r"[,;:]{2}|\.\.(?!\.)|[!?]{2}|[.,] [.,]|,\.|\?\.|!\.",
    "a space before a stop": r" [,.;!?](?:\s|$)",
    "doubled spaces": r"  ",
    "an ISO date": r"\b\d{4}-\d\d-\d\d\b",
    "a 24-hour time": r"\b(?:1[3-9]|2[0-3]):\d\d\b",
    "no capital": r"^[a-z]",
    "no end": r"[^.!?\"]$",
}


@pytest.mark.parametrize("slip", SLIPS)
def test_nothing_that_is_said_has_this_slip(exported, slip):
    found = [text for _, text in spoken(checker.read(exported, "typed")) if re.search(SLIPS[slip], text)]
    assert found == []


def test_mail_goes_to_reserved_domains_and_ids_are_never_said_by_a_user(exported):
    for role, text in spoken(checker.read(exported, "typed")):
        for domain in re.findall(r"@([\w.-]+\w)", text):
            assert domain in ("example.com", "example.org", "example.net")
        if role == "user":
            assert not re.search(r"\b[0-9a-f]{8}-[0-9a-f]{4}|\b(?:bk|hd|ln|ev)-\d", text)


# How much requests vary, with values slotted out.

MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
WEEKDAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
MASKS = (
    (r'"[^"]*"', "~"),
    (r"\S+@\S+[a-z]", "~"),
    (rf"(?:(?:this )?{WEEKDAY},? )?(?:{MONTH} \d+(?:st|nd|rd|th)?|\d+ {MONTH})(?:,? \d{{4}})?", "~"),
    (rf"\b(?:this {WEEKDAY}|tomorrow)\b", "~"),
    (r"\$?\d[\d,.]*\b", "~"),
)


def skeleton(row):
    """The request without its values: what is left is the wording."""
    plan = Plan.model_validate(row.task.plan)
    values = [value for one in plan.served for value in (*one.arguments.values(), *one.names.values())]
    words = {str(one) for value in values for one in (value if isinstance(value, list) else [value])}
    words |= {word.replace("_", " ") for word in words}
    text = row.task.instruction
    for word in sorted(words, key=len, reverse=True):
        if len(word) > 2:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "~", text, flags=re.I)
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    text = re.sub(r"~(?:(?:,| and|, and) ~)+", "~", text)
    kits = [kit for kit in demo().toolkits if kit.name == plan.scenario.toolkit]
    for context in kits[0].phrases.contexts:  # chatter is no other wording
        text = text.replace(context, "")
    return text.strip()


def focus(row):
    """The tool that a row turns on."""
    return row.task.plan["scenario"]["goals"][-1]["tool"]


def arguments_of(row):
    return row.task.plan["served"][-1]["arguments"]


def test_requests_for_a_tool_have_many_skeletons_and_none_crowds_the_rest(many):
    by_tool = defaultdict(Counter)
    for row in many:
        by_tool[focus(row)][skeleton(row)] += 1
    for tool, found in by_tool.items():
        total = sum(found.values())
        if total >= 30:
            common, count = found.most_common(1)[0]
            assert len(found) >= 12, tool
            assert count <= 0.1 * total, (tool, common, count, total)


def test_the_order_of_facts_varies(many):
    orders = Counter()
    for row in many:
        text, clue = row.task.instruction, arguments_of(row).get("price")
        if focus(row) == "createSpecialEvent" and row.kind == "single":
            orders[text.index(f"${clue}") < text.index(arguments_of(row)["name"])] += 1
    assert min(orders[True], orders[False]) >= 5


def test_every_register_is_heard(many):
    asks = {
        kit.name: {
            (name, register): [re.split(r"\{[\w.]+\}", one)[0] for one in lines]
            for name, phrases in kit.phrases.tools.items()
            for register, lines in phrases.asks.items()
        }
        for kit in demo().toolkits
    }
    heard = Counter()
    for row in many:
        plan = row.task.plan["scenario"]
        for (name, register), openings in asks[plan["toolkit"]].items():
            if name == plan["goals"][0]["tool"]:
                heard[register] += any(
                    len(one) > 8 and one.split("{")[0] in row.task.instruction for one in openings
                )
    assert all(heard[register] > 0.1 * len(many) for register in REGISTERS), heard


def test_some_requests_bring_up_what_is_no_part_of_them(many):
    contexts = [one for kit in demo().toolkits for one in kit.phrases.contexts]
    chatty = sum(any(one in row.task.instruction for one in contexts) for row in many)
    assert 0.1 < chatty / len(many) < 0.5


def test_the_right_tool_stands_anywhere_among_the_offered_ones(many):
    places = Counter()
    for row in many:
        names = [tool.name for tool in row.task.tools]
        assert 3 <= len(names) <= 8
        if row.tool_calls:
            places[names.index(row.tool_calls[-1].name)] += 1
    assert len(places) == 8
    assert places[0] < 0.35 * sum(places.values())


def test_one_set_of_words_answers_no_more_than_its_share(many):
    answers = Counter(re.sub(r"\S*\d\S*", "~", row.messages[-1].content) for row in many)
    assert answers.most_common(1)[0][1] < 0.02 * len(many)


@pytest.mark.parametrize("name", ["museum.yaml", "pokeapi.yaml"])
def test_rows_from_documentation_alone_are_correct(name):
    workshop = documented(name)
    kinds = {"single": 100} if name.startswith("poke") else dict.fromkeys(KINDS, 25)
    for row in make_rows(workshop, kinds):
        assert codes(workshop.judges(), row) == []
