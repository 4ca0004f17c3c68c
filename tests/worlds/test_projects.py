"""The project board's own rules."""

from __future__ import annotations

import datetime as dt
from typing import Any

from callwright.worlds.projects import MOST_TASKS, TEAM, Projects

CLOCK = dt.date(2026, 3, 10)


def board() -> Projects:
    return Projects(5, CLOCK)


def body(world: Projects, name: str, **arguments: Any) -> Any:
    status, answer = world.call(name, arguments)
    assert status == 200, answer
    return answer


def status(world: Projects, name: str, **arguments: Any) -> int:
    return world.call(name, arguments)[0]


def new_task(world: Projects, **arguments: Any) -> Any:
    project = body(world, "list_projects")[0]["id"]
    return body(world, "create_task", project_id=project, title="Water the plants", **arguments)


def idle_member(world: Projects) -> str:
    busy = {one["assignee"] for one in body(world, "list_tasks", limit=25)}
    return next(name for name in TEAM if name not in busy)


def test_a_task_moves_along_the_board_only() -> None:
    world = board()
    task = new_task(world)["id"]
    assert status(world, "move_task", task_id=task, status="done") == 409
    assert status(world, "move_task", task_id=task, status="in_progress") == 409  # nobody does it
    body(world, "assign_task", task_id=task, assignee=idle_member(world))
    for step in ("in_progress", "in_review", "done"):
        assert body(world, "move_task", task_id=task, status=step)["status"] == step
    assert status(world, "move_task", task_id=task, status="todo") == 409
    assert status(world, "assign_task", task_id=task, assignee=TEAM[0]) == 409
    assert task in {one["id"] for one in body(world, "list_tasks", status="done")}


def test_tasks_are_for_the_team_and_nobody_gets_too_many() -> None:
    world = board()
    member, project = idle_member(world), body(world, "list_projects")[0]["id"]
    assert status(world, "list_tasks", assignee="Dana Whitfield") == 404
    for number in range(MOST_TASKS):
        body(world, "create_task", project_id=project, title=f"Step {'ABCDE'[number]}", assignee=member)
    assert len(body(world, "list_tasks", assignee=member)) == MOST_TASKS
    task = new_task(world)["id"]
    assert status(world, "assign_task", task_id=task, assignee=member) == 422
    assert status(world, "assign_task", task_id=task, assignee="Dana Whitfield") == 404


def test_a_task_is_created_once_in_an_active_project() -> None:
    world = board()
    made = new_task(world, labels=["data", "data"], estimate={"hours": 6})
    assert made["labels"] == ["data"] and made["estimate"] == {"hours": 6.0, "confidence": "rough"}
    active = body(world, "list_projects")[0]["id"]
    held = body(world, "list_projects", status="on_hold")[0]["id"]
    assert status(world, "create_task", project_id=active, title="water the plants ") == 409
    assert status(world, "create_task", project_id=held, title="Water the plants") == 409
    assert status(world, "create_task", project_id=active, title="Nap", due_date="2026-03-09") == 409
    assert status(world, "create_task", project_id=active, title="Nap", estimate={"hours": 90}) == 422


def test_a_due_date_is_pushed_back_where_there_is_one() -> None:
    world = board()
    task = new_task(world, due_date="2026-03-20")["id"]
    assert body(world, "postpone_task", task_id=task, days=14)["due_date"] == "2026-04-03"
    assert status(world, "postpone_task", task_id=task, days=61) == 422
    assert not any(one["id"] == task for one in body(world, "list_tasks", due_by="2026-04-02", limit=25))
    body(world, "delete_task", task_id=task)
    assert status(world, "postpone_task", task_id=new_task(world)["id"], days=3) == 409


def test_a_deleted_task_takes_its_comments_along() -> None:
    world = board()
    before = world.state_hash()
    task = new_task(world)["id"]
    body(world, "add_comment", task_id=task, text="Twice a week is enough.")
    assert body(world, "add_comment", task_id=task, text="Ask Vera.")["comments"] == [
        "Ask Vera.",
        "Twice a week is enough.",
    ]
    assert status(world, "add_comment", task_id=task, text="x" * 501) == 422
    body(world, "delete_task", task_id=task)
    assert world.state_hash() == before
    assert status(world, "add_comment", task_id=task, text="Too late.") == 404


def test_reviewed_work_is_not_deleted() -> None:
    world = board()
    reviewed = body(world, "list_tasks", status="in_review")[0]["id"]
    assert status(world, "delete_task", task_id=reviewed) == 409


def test_milestones_are_reached_in_order() -> None:
    world = board()
    unreached = {
        one["id"]: body(world, "list_milestones", project_id=one["id"])
        for one in body(world, "list_projects")
    }
    project, (first, second) = next((key, both) for key, both in unreached.items() if len(both) == 2)
    assert status(world, "reach_milestone", milestone_id=second["id"]) == 409
    assert body(world, "reach_milestone", milestone_id=first["id"])["reached"]
    assert status(world, "reach_milestone", milestone_id=first["id"]) == 409
    assert body(world, "list_milestones", project_id=project) == [second]
    assert len(body(world, "list_milestones", project_id=project, include_reached=True)) == 2
