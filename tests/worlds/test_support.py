"""The help desk's own rules: states of tickets, room of agents, merging."""

from __future__ import annotations

import datetime as dt
from typing import Any

from callwright.worlds.support import Support

CLOCK = dt.date(2026, 3, 10)


def answer(world: Support, name: str, **arguments: Any) -> Any:
    status, body = world.call(name, arguments)
    assert status == 200, body
    return body


def opened(world: Support, subject: str = "Lid will not close", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = answer(world, "open_ticket", subject=subject, customer="Dana Whitfield", **more)
    return made


def test_a_ticket_goes_from_new_to_open_to_resolved_and_back() -> None:
    world = Support(5, CLOCK)
    ticket = opened(world, tags=["device", "app"], contact={"email": "dana@example.com"})
    assert (ticket["status"], ticket["tags"], ticket["agent"]) == ("new", ["app", "device"], None)
    key = {"ticket_id": ticket["id"]}
    assert world.call("resolve_ticket", {**key, "resolution": "fixed"})[0] == 409
    assert world.call("reopen_ticket", {**key, "reason": "It is back"})[0] == 409
    assert answer(world, "assign_ticket", **key)["status"] == "open"
    done = answer(world, "resolve_ticket", **key, resolution="fixed")
    assert (done["status"], done["resolved_on"]) == ("resolved", "2026-03-10")
    for name, more in (("add_comment", {"text": "x"}), ("change_priority", {"priority": "urgent"})):
        assert world.call(name, {**key, **more})[0] == 409
    assert ticket["id"] in {one["id"] for one in answer(world, "search_archive")}
    again = answer(world, "reopen_ticket", **key, reason="It is back")
    assert (again["status"], again["resolution"], again["internal_notes"]) == ("open", None, ["It is back"])


def test_an_old_case_is_not_reopened() -> None:
    world = Support(5, CLOCK)
    ticket = answer(world, "search_archive")[0]
    world.state["tickets"][ticket["id"]]["resolved_on"] = "2026-02-07"
    assert world.call("reopen_ticket", {"ticket_id": ticket["id"], "reason": "It is back"})[0] == 409


def test_an_agent_needs_to_be_here_and_to_have_room() -> None:
    world = Support(5, CLOCK)
    ticket = opened(world)["id"]
    agents = answer(world, "list_agents")
    away = next(one for one in agents if one["away"])
    full = next(one for one in agents if not one["away"] and one["open_tickets"] == one["most_tickets"])
    free = answer(world, "list_agents", available_only=True)
    assert free and not {away["id"], full["id"]} & {one["id"] for one in free}
    assert world.call("assign_ticket", {"ticket_id": ticket, "agent_id": away["id"]})[0] == 409
    assert world.call("assign_ticket", {"ticket_id": ticket, "agent_id": full["id"]})[0] == 422
    assert (
        answer(world, "assign_ticket", ticket_id=ticket, agent_id=free[0]["id"])["agent"] == free[0]["name"]
    )
    assert world.call("assign_ticket", {"ticket_id": ticket, "agent_id": free[0]["id"]})[0] == 409


def test_a_customer_has_at_most_five_tickets_and_none_twice() -> None:
    world = Support(5, CLOCK)
    for number in range(5):
        opened(world, f"Trouble {number}")
    again = {"subject": "trouble 0", "customer": "dana whitfield"}
    assert world.call("open_ticket", again)[0] == 409
    assert world.call("open_ticket", {**again, "subject": "One more"})[0] == 422


def test_merging_moves_comments_and_keeps_the_higher_priority() -> None:
    world = Support(5, CLOCK)
    first = opened(world, "Lid will not close", priority="low")
    second = opened(world, "Lid is broken", priority="high")
    answer(world, "add_comment", ticket_id=second["id"], text="For all")
    answer(world, "add_comment", ticket_id=second["id"], text="For us", internal=True)
    assert world.call("merge_ticket", {"ticket_id": first["id"], "into_ticket_id": first["id"]})[0] == 409
    stays = answer(world, "merge_ticket", ticket_id=second["id"])
    assert (stays["id"], stays["priority"]) == (first["id"], "high")
    assert (stays["comments"], stays["internal_notes"]) == (["For all"], ["For us"])
    assert world.call("add_comment", {"ticket_id": second["id"], "text": "x"})[0] == 409
    assert world.call("merge_ticket", {"ticket_id": first["id"]})[0] == 409


def test_a_priority_has_to_change() -> None:
    world = Support(5, CLOCK)
    ticket = opened(world)["id"]
    assert world.call("change_priority", {"ticket_id": ticket, "priority": "normal"})[0] == 409
    assert answer(world, "change_priority", ticket_id=ticket, priority="urgent")["priority"] == "urgent"


def test_a_search_keeps_to_its_filters() -> None:
    world = Support(5, CLOCK)
    found = answer(world, "search_tickets", status="open", limit=3)
    assert len(found) == 3 and all(one["status"] == "open" and one["agent"] for one in found)
    agent = next(one for one in answer(world, "list_agents") if one["open_tickets"])
    assert len(answer(world, "search_tickets", agent_id=agent["id"])) == agent["open_tickets"]
    assert world.call("search_tickets", {"limit": 21})[0] == 422
    assert world.call("search_tickets", {"agent_id": "agt-none"})[0] == 404
