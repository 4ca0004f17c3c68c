"""A chain of trials: what is asked in which order and with which memories, and everything a teacher can do wrong."""

import asyncio
import json

import pytest
from explorer import CHAIN, answer, exploration, explored, explorer, measured, units

from callwright.errors import ModelError, ReplyError
from callwright.llm.scripted import Scripted, call, reply, say

PARTS = ("Part 1", "Part 2", "Part 3")
LISTED = "have been tried already"


def contents(request):
    return [str(message.get("content", "")) for message in request.messages]


def purposes(model, *wanted):
    return [request for request in model.requests if request.purpose.removeprefix("ste.") in wanted]


def imagined(model):
    return purposes(model, "imagine")


async def test_two_episodes_of_two_trials_are_asked_in_the_published_order():
    model = explorer()
    await explored(model, episodes=2, trials=2)
    asked = [request.purpose for request in model.requests if request.purpose != "ste.filter"]
    assert asked == ["ste.imagine", "ste.act", "ste.act", "ste.reflect"] * 4


async def test_long_term_memory_is_in_every_request_to_imagine_but_the_first_and_nowhere_else():
    model = explorer()
    await explored(model, episodes=2, trials=2)
    for number, request in enumerate(imagined(model)):
        assert (LISTED in contents(request)[-1]) is (number > 0)
        lines = [
            line for line in contents(request)[-1].splitlines() if line.startswith("- ") and "solved)" in line
        ]
        assert len(lines) == number
    for request in model.requests:
        before = contents(request)[:-1] if request.purpose == "ste.imagine" else contents(request)
        assert not any(LISTED in text for text in before)


async def test_short_term_memory_holds_the_trials_of_its_episode_and_of_no_other():
    model = explorer()
    await explored(model, episodes=2, trials=2)
    first, second, third, fourth = (
        [[text.startswith(part) for text in contents(request)].count(True) for part in PARTS]
        for request in imagined(model)
    )
    assert first == third == [1, 0, 0]
    assert second == fourth == [2, 1, 1]
    earlier = json.loads(contents(imagined(model)[1])[2])["request"]
    assert not any(earlier in text for text in contents(imagined(model)[3])[:-1])
    assert earlier in contents(imagined(model)[3])[-1]


async def test_each_tool_has_a_memory_of_its_own():
    model = Scripted(
        lambda request: say("I cannot do that.") if request.purpose == "ste.act" else _any(request)
    )
    chains = exploration(model, episodes=1, trials=2)
    for chain in (CHAIN, "units.convert_weight"):
        await chains.explore(chain)
    assert [LISTED in contents(request)[-1] for request in imagined(model)] == [False, True, False, True]


def _any(request):
    return reply(
        {"request": "Which?"} if request.purpose == "ste.imagine" else {"reason": "", "solved": False}
    )


async def test_fifteen_episodes_of_four_trials_leave_sixty_lines_and_ask_three_to_seven_questions_each():
    model = explorer()
    found = await explored(model)
    assert len(found) == 60
    last = contents(imagined(model)[-1])[-1]
    assert len([line for line in last.splitlines() if line.endswith("solved)")]) == 59
    per_trial = [0] * 60
    for request in purposes(model, "imagine", "act", "reflect"):
        per_trial[request.sample] += 1
    assert all(3 <= count <= 7 for count in per_trial)
    assert sum(per_trial) == 240


async def test_no_more_calls_are_made_than_a_trial_has():
    again = call("convert_length", {"value": 1, "source_unit": "feet", "target_unit": "miles"})
    model = Scripted(lambda request: again if request.purpose == "ste.act" else answer(request))
    (one,) = await explored(model, episodes=1, trials=1)
    assert len(purposes(model, "act")) == 5
    assert len(list(one.trajectory.observations())) == 4
    assert (one.gate, one.code) == ("generation", "repeated_call")
    # In the memory every call has a result, or the next question could not be asked.
    shown = purposes(model, "reflect")[0].messages
    ids = [made["id"] for message in shown for made in message.get("tool_calls", ())]
    assert ids == [message["tool_call_id"] for message in shown if message["role"] == "tool"]


async def test_identical_questions_of_different_trials_are_different_samples():
    model = explorer()
    await explored(model, episodes=2, trials=2, long_term_memory=False, short_term_memory=False)
    assert [request.sample for request in imagined(model)] == [0, 1, 2, 3]
    assert len({tuple(contents(request)) for request in imagined(model)}) == 1


async def test_tools_and_system_message_stay_the_same_and_only_acting_may_call():
    model = explorer()
    await explored(model, episodes=2, trials=2)
    asked = purposes(model, "imagine", "act", "reflect")
    assert len({json.dumps([request.messages[0], request.tools]) for request in asked}) == 1
    assert {request.tool_choice for request in purposes(model, "act")} == {"auto"}
    assert {request.tool_choice for request in purposes(model, "imagine", "reflect")} == {"none"}


@pytest.mark.parametrize(
    ("switch", "lower"),
    [
        ("short_term_memory", ("positive",)),
        ("long_term_memory", ("distinct", "coverage")),
        ("reflection", ("positive",)),
        ("execution_feedback", ("positive", "coverage")),
    ],
)
async def test_each_switch_removes_the_text_that_it_is_named_after(switch, lower):
    full = measured(await explored(explorer(), examples="full"))
    cut = measured(await explored(explorer(), examples="full", **{switch: False}))
    assert full["distinct"] == 1.0
    assert full["repeated"] == 0.0
    for name in lower:
        assert cut[name] < full[name] - 0.1, name
    assert (cut["repeated"] > 0.5) is (switch == "long_term_memory")


async def test_without_reflection_nobody_is_asked_and_no_line_has_a_flag():
    model = explorer()
    await explored(model, episodes=1, trials=3, reflection=False)
    assert not purposes(model, "reflect")
    assert "solved)" not in contents(imagined(model)[-1])[-1]


async def test_without_feedback_results_are_in_the_row_and_not_in_view():
    model = explorer()
    (one,) = await explored(model, episodes=1, trials=1, execution_feedback=False)
    assert "not shown" in contents(purposes(model, "act")[-1])[-1]
    assert "not shown" not in [turn.content for turn in one.trajectory.observations()][0]


CALLS = {
    "not JSON": ("{", "not valid JSON"),
    "a list": ('[{"value": 1}]', "must be one JSON object"),
    "a fence": ('```json\n{"value": 1}\n```', "not valid JSON"),
    "text after it": ('{"value": 1} please', "not valid JSON"),
    "missing": ('{"value": 1}', "required"),
    "wrong type": ('{"value": "ten", "source_unit": "feet", "target_unit": "miles"}', "value"),
    "nested": ('{"value": {"a": {"b": 1}}, "source_unit": "feet", "target_unit": "miles"}', "value"),
    "braces in a string": ('{"value": 1, "source_unit": "}{", "target_unit": "miles"}', "source_unit"),
    "unknown argument": (
        '{"value": 1, "source_unit": "feet", "target_unit": "miles", "x": {}}',
        "Unknown parameters: x",
    ),
}


@pytest.mark.parametrize("case", CALLS)
async def test_a_malformed_call_is_told_what_is_wrong_and_the_trial_goes_on(case):
    raw, complaint = CALLS[case]
    good = call("convert_length", {"value": 3, "source_unit": "feet", "target_unit": "inches"})
    acts = iter([call("convert_length", raw), good, say("That is 36 inches.")])
    model = Scripted(lambda request: next(acts) if request.purpose == "ste.act" else answer(request))
    whole, *_ = await explored(model, episodes=1, trials=1)
    first, second = whole.trajectory.observations()
    assert first.observation.status == 400
    assert complaint in first.content
    assert second.observation.succeeded
    assert not whole.code


async def test_an_invented_tool_is_told_which_there_are_and_a_call_with_words_is_a_call():
    both = call("measure_it", {}).model_copy(update={"text": "That is 36 inches."})
    acts = iter([both, say("That is 36 inches.")])
    model = Scripted(lambda request: next(acts) if request.purpose == "ste.act" else answer(request))
    (one,) = await explored(model, episodes=1, trials=1, examples="full")
    (refusal,) = one.trajectory.observations()
    assert refusal.observation.status == 404
    assert "convert_length" in refusal.content


def acts(completion):
    """Whatever is asked in a trial, this is the assistant's turn."""
    return lambda request: completion if request.purpose == "ste.act" else answer(request)


def says(purpose, line):
    return lambda request: line if request.purpose == purpose else answer(request)


OVERFLOW = ReplyError("request_refused", "HTTP 400: maximum context length is 4096 tokens")
FAULTS = {
    "prose instead of JSON": (
        says("ste.imagine", say("Gladly! How far is it?")),
        "generation",
        "unparsable_reply",
    ),
    "an empty list": (says("ste.imagine", reply([])), "generation", "reply_schema"),
    "an empty request": (says("ste.imagine", reply({"request": ""})), "generation", "reply_schema"),
    "a refusal": (acts(say("I'm sorry, I can't help with that.")), "generation", "no_call"),
    "silence": (acts(say(" ")), "generation", "silent_answer"),
    "an answer that is cut off": (acts(say("That is", finish_reason="length")), "generation", "cut_off"),
    "more than the context holds": (says("ste.act", OVERFLOW), "generation", "request_refused"),
    "prose for a verdict": (
        says("ste.reflect", say("Yes. No. of results: 1")),
        "generation",
        "unparsable_reply",
    ),
    "a verdict as text": (
        says("ste.reflect", reply({"reason": "fine", "solved": "Now it works"})),
        "generation",
        "reply_schema",
    ),
    "a filter that cannot be read": (says("ste.filter", say("1) Yes 2) Yes")), "filter", "unparsable_reply"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_a_teacher_does_wrong_is_a_counted_reason(fault):
    line, gate, code = FAULTS[fault]
    found = await explored(Scripted(line), episodes=2, trials=2)
    assert len(found) == 4
    wrong = [(one.gate, one.code) for one in found if one.code != "unsolved"]
    assert set(wrong) == {(gate, code)}


async def test_a_trial_that_broke_off_is_forgotten_by_the_episode_and_kept_by_the_list():
    model = Scripted(
        lambda request: OVERFLOW if request.purpose == "ste.act" and request.sample == 0 else answer(request)
    )
    await explored(model, episodes=1, trials=2)
    second = contents(imagined(model)[1])
    assert len(second) == 2
    assert "(not solved)" in second[-1]


async def test_an_api_whose_every_call_fails_is_explored_to_its_end():
    wrong = {"value": 1, "source_unit": "elbows", "target_unit": "feet"}
    made = iter(range(1000))
    script = lambda request: (  # noqa: E731
        (call("convert_length", wrong) if next(made) % 2 == 0 else say("It is no use."))
        if request.purpose == "ste.act"
        else answer(request)
    )
    found = await explored(Scripted(script), episodes=2, trials=2)
    assert {one.code for one in found} == {"unsolved"}
    assert all(one.trajectory for one in found)


async def test_an_endpoint_that_dies_stops_the_chain():
    lines = iter(range(9))
    model = Scripted(lambda request: answer(request) if next(lines, None) is not None else ModelError("gone"))
    with pytest.raises(ModelError, match="gone"):
        await explored(model, episodes=2, trials=2)


async def test_what_is_learnt_stays_true_and_every_trial_begins_anew():
    found = await explored(explorer(), episodes=2, trials=2)
    tasks = [one.trajectory.task for one in found if one.trajectory]
    assert len({(task.seed, task.clock, tuple(tool.name for tool in task.tools)) for task in tasks}) == 1
    assert len({one.trajectory.tool_calls[0].id for one in found if one.trajectory.task.parent is None}) == 4


async def test_a_row_keeps_its_kind_and_knows_all_that_it_was_made_from():
    script = lambda request: answer(request).model_copy(  # noqa: E731
        update={"key": f"{request.purpose} {request.sample}"}
    )
    found = await explored(Scripted(script), episodes=1, trials=2)
    row = found[1].trajectory
    assert row.provenance.calls == ("ste.imagine 1", "ste.act 1", "ste.act 1", "ste.reflect 1")
    assert set(row.provenance.prompts) >= {"ste.imagine_first", "ste.act_next", "ste.filter"}
    assert row.kind == row.task.kind == "single"
    assert "Part " not in json.dumps([message.model_dump() for message in row.messages])


class Ledger(Scripted):
    """Each answer takes a second; keeps who asked in which order, and how many were under way at the most."""

    under_way = most = 0

    def __init__(self, script):
        super().__init__(script, latency_s=1.0)
        self.order = {}

    async def complete(self, request):
        self.order.setdefault(request.item.rsplit("/", 1)[0], []).append(request.sample)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await super().complete(request)
        finally:
            self.under_way -= 1


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes when nothing else can happen."""

    now = 0.0

    def time(self):
        return self.now

    def _run_once(self):
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


def test_all_tools_take_as_long_as_the_longest_chain_and_each_is_strictly_in_order():
    fails = {"ste.act": say("No."), "ste.imagine": reply({"request": "Which?"})}
    model = Ledger(lambda request: fails.get(request.purpose) or reply({"reason": "", "solved": False}))
    chains = exploration(model, episodes=2, trials=2)
    names = chains.chains()

    async def together():
        await asyncio.gather(*(chains.explore(name) for name in names))
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        took_s = runner.run(together())
    longest = max(len(asked) for asked in model.order.values())
    assert longest <= took_s <= 1.2 * longest
    assert model.most == len(names) == len(units().tools)
    assert all(asked == sorted(asked) for asked in model.order.values())
