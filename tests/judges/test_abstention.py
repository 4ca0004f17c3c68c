import builders as b
from made import verdicts

from callwright.judges.abstention import Abstention

EVENTS = b.tool("list_events").model_copy(update={"resource": "special-events"})
BOOKS = b.tool("list_books").model_copy(update={"resource": "books"})
DELETE = b.tool("delete_event").model_copy(update={"resource": "events"})


def ruled(offered, withheld, calls=()):
    (verdict,) = verdicts([Abstention()], b.trajectory(b.task(tools=offered, withheld=withheld), calls))
    return verdict


def test_no_call_is_right_when_nothing_offered_fits():
    verdict = ruled([BOOKS], DELETE)
    assert verdict.outcome == "pass"
    assert verdict.evidence == ({"nothing_fits": "delete_event", "resource": "events"},)


def test_a_row_with_a_call_is_no_business_of_this_judge():
    assert ruled([BOOKS], None, [b.call("list_books", event_id="e1")]).outcome == "pass"


def test_no_call_is_wrong_beside_a_tool_of_the_same_resource():
    assert ruled([BOOKS, EVENTS], DELETE).code == "something_fits"


def test_a_call_is_wrong_when_the_right_tool_was_withheld():
    verdict = ruled([BOOKS], DELETE, [b.call("list_books", event_id="e1")])
    assert (verdict.outcome, verdict.code) == ("fail", "called_without_need")


def test_no_call_without_a_withheld_tool_is_left_to_a_model():
    verdict = ruled([BOOKS], None)
    assert (verdict.outcome, verdict.code) == ("undecided", "no_judge_model")
