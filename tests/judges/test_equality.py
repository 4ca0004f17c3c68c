from pathlib import Path

from made import codes, make_rows

from callwright.engine.recipes import check_recipe
from callwright.engine.workshop import Workshop


def free_times():
    """A clinic's workshop, and rows in which somebody asks for a doctor's free times."""
    body = {"dataset": "x", "size": 10, "tools": [{"world": "health"}], "mix": {"single": 1.0}}
    workshop = Workshop.of(check_recipe(body, "x"), Path())
    rows = make_rows(workshop, {"multi_step": 50})
    found = [row for row in rows if row.tool_calls[-1].name == "find_free_times"]
    return workshop.judges(), [row for row in found if row.messages[-2].content != "[]"]


def test_times_count_as_told_in_the_words_that_people_use():
    """The server says 13:00, the assistant 1 pm."""
    judges, rows = free_times()
    assert any(" pm" in row.messages[-1].content for row in rows)
    for row in rows:
        assert codes(judges, row) == []


def test_an_answer_without_any_of_the_times_does_not_tell_the_result():
    judges, rows = free_times()
    mute = rows[0].messages[-1].model_copy(update={"content": "I looked it up for you."})
    row = rows[0].model_copy(update={"messages": (*rows[0].messages[:-1], mute)})
    assert "result_not_told" in codes(judges, row)
