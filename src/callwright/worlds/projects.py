"""Project tracking: projects, tasks that move along a board, comments, milestones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import cycle
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import NotFound, OverLimit, Refused, Thing, World, tool

ProjectStatus = Literal["active", "on_hold", "finished"]
Status = Literal["todo", "in_progress", "blocked", "in_review", "done"]
Priority = Literal["low", "normal", "high", "urgent"]
Label = Literal["design", "research", "writing", "testing", "legal", "data"]
Limit = Annotated[int, Field(ge=1, le=25)]

LABELS: tuple[Label, ...] = ("design", "research", "writing", "testing", "legal", "data")
MOVES: dict[str, tuple[Status, ...]] = {
    "todo": ("in_progress", "blocked"),
    "in_progress": ("todo", "blocked", "in_review"),
    "blocked": ("todo", "in_progress"),
    "in_review": ("in_progress", "blocked", "done"),
    "done": ("in_progress",),
}
MOST_TASKS = 5
MOST_DAYS = 60
MOST_HOURS = 80.0
MOST_LETTERS = 500

TEAM = (
    "Adaeze Thornbury",
    "Bastian Okoro",
    "Camille Rasmussen",
    "Dario Featherstone",
    "Elif Marchbanks",
    "Farid Lindqvist",
    "Greta Sandoval",
    "Hana Whitcombe",
    "Ivo Castellane",
    "Josephine Adeyinka",
    "Kenji Hollister",
    "Leona Vardy",
    "Mateo Winterbourne",
    "Nadia Ferncliff",
    "Otto Balakrishnan",
    "Priya Stellwagen",
    "Quentin Abara",
    "Rosalie Nakamoto",
    "Soren Bellweather",
    "Thandi Crosswell",
    "Ulrich Penrose",
    "Vera Montclair",
    "Wesley Achebe",
    "Zofia Larkspur",
)
PROJECT_NAMES = (
    "Atlas Website",
    "Beacon Newsletter",
    "Birchwood Office Move",
    "Bluebell Mobile App",
    "Cobalt Data Cleanup",
    "Compass Onboarding",
    "Driftwood Rebrand",
    "Ember Product Launch",
    "Finch Help Center",
    "Garnet Billing Upgrade",
    "Harvest Customer Survey",
    "Indigo Trade Show",
    "Juniper Training Program",
    "Kite Partner Portal",
    "Lantern Annual Report",
    "Meadow Donor Campaign",
    "Nimbus Server Migration",
    "Orchard Online Store",
    "Pebble Podcast",
    "Quill Style Guide",
    "Raven Security Audit",
    "Sycamore Summer Festival",
    "Tidewater Booking System",
    "Walnut Warehouse Refit",
)
TASK_TITLES = (
    "Archive the old customer records",
    "Book a photographer",
    "Check the color contrast",
    "Choose a printing company",
    "Clean up the mailing list",
    "Collect quotes from suppliers",
    "Compare hosting plans",
    "Draft the press release",
    "Fix the broken search box",
    "Gather feedback from the pilot group",
    "Interview five customers",
    "Label the storage shelves",
    "Map out the sign-up steps",
    "Measure the page load times",
    "Order the new badges",
    "Plan the volunteer schedule",
    "Prepare the budget summary",
    "Proofread the user manual",
    "Record the welcome video",
    "Redraw the floor plan",
    "Renew the domain names",
    "Replace the outdated screenshots",
    "Review the insurance policy",
    "Rewrite the frequently asked questions",
    "Schedule the safety inspection",
    "Set up the shared inbox",
    "Sketch the landing page",
    "Sort the survey answers",
    "Summarize the interview notes",
    "Test the checkout form",
    "Translate the booking confirmation",
    "Tune the spam filter",
    "Update the emergency contacts",
    "Verify the backup copies",
    "Write alt text for the photos",
    "Write the release notes",
)
MILESTONE_NAMES = (
    "All contracts signed",
    "Beta version out",
    "Budget approved",
    "Content frozen",
    "Design signed off",
    "Dress rehearsal",
    "Final walkthrough",
    "First paying customer",
    "First prototype",
    "Full test run passed",
    "Kickoff workshop",
    "Last data import",
    "Opening day",
    "Pilot finished",
    "Posters delivered",
    "Public announcement",
    "Research wrapped up",
    "Security check passed",
    "Staff trained",
    "Suppliers chosen",
    "Switch to the new system",
    "Translations complete",
    "User testing done",
    "Venue confirmed",
)
REMARKS = (
    "I left my notes in the shared folder.",
    "The first version looks good to me.",
    "We are still waiting for an answer from legal.",
    "Let's talk about this in the weekly meeting.",
    "The numbers need another look.",
    "Half of this is finished.",
    "The supplier promised to call back.",
    "Please keep the old version for now.",
)


class Estimate(Thing):
    """How much work a task is."""

    hours: float
    confidence: Literal["rough", "fair", "firm"] = "rough"


class Project(Thing):
    id: str
    name: str
    lead: str
    status: ProjectStatus
    open_tasks: int


class Task(Thing):
    id: str
    title: str
    project: str
    status: Status
    priority: Priority
    assignee: str | None
    due_date: dt.date | None
    labels: list[Label]
    estimate: Estimate | None
    comments: list[str]


class Milestone(Thing):
    id: str
    name: str
    project: str
    date: dt.date
    reached: bool


class Deleted(Thing):
    id: str
    title: str
    project: str


class Projects(World):
    """A project tracker for one team: a board of tasks for each project, with comments and milestones."""

    title = "Project Board"
    category = "project management"

    def populate(self) -> None:
        self.state = {"projects": {}, "tasks": {}, "comments": {}, "milestones": {}}
        titles = iter(self.rng.sample(TASK_TITLES, len(TASK_TITLES)))
        milestones = iter(self.rng.sample(MILESTONE_NAMES, len(MILESTONE_NAMES)))
        # In turn, so that most of the team has something to do.
        people = cycle(self.rng.sample(TEAM, len(TEAM)))
        for number, name in enumerate(self.rng.sample(PROJECT_NAMES, 8)):
            status = ("on_hold", "finished")[number] if number < 2 else "active"
            project = {
                "id": self.new_id("projects", "prj", name),
                "name": name,
                "lead": f"{self.fake.first_name()} {self.fake.last_name()}",
                "status": status,
            }
            self.put("projects", project)
            for _ in range(self.rng.randint(2, 4)):
                self._add_seeded_task(project, next(titles), people)
            ended = status == "finished"
            begun = ended or self.rng.random() < 0.4
            days = self.rng.randint(-60, -20) if begun else self.rng.randint(3, 20)
            self._add_milestone(project, next(milestones), days, begun)
            days = self.rng.randint(-15, -2) if ended else self.rng.randint(25, 60)
            self._add_milestone(project, next(milestones), days, ended)

    def _add_seeded_task(self, project: dict[str, Any], title: str, people: Iterator[str]) -> None:
        usual = ("todo", "todo", "in_progress", "in_progress", "in_progress", "blocked", "in_review")
        status = "done" if project["status"] == "finished" else self.rng.choice(usual)
        due = self.clock + dt.timedelta(days=self.rng.randint(1, 40))
        idle = status == "todo" and self.rng.random() < 0.5
        task = self._add_task(
            project,
            title,
            due if self.rng.random() < 0.85 else None,
            self.rng.choice(("low", "normal", "normal", "high", "urgent")),
            None if idle else next(people),
            sorted(self.rng.sample(LABELS, self.rng.randint(0, 2))),
            None,
        )
        self.put("tasks", task | {"status": status})
        for remark in self.rng.sample(REMARKS, self.rng.choice((0, 0, 1, 2))):
            self._add_comment(task["id"], remark)

    def _add_milestone(self, project: dict[str, Any], name: str, days: int, reached: bool) -> None:
        milestone = {
            "id": self.new_id("milestones", "mil", project["id"], name),
            "name": name,
            "project_id": project["id"],
            "date": (self.clock + dt.timedelta(days=days)).isoformat(),
            "reached": reached,
        }
        self.put("milestones", milestone)

    @tool(resource="projects")
    def list_projects(self, status: ProjectStatus = "active", limit: Limit = 10) -> list[Project]:
        """List projects by name.

        Args:
            status: Which projects to list.
            limit: How many projects to list at most.
        """
        found = [
            Project(**one, open_tasks=len(self._open(one["id"])))
            for one in self.rows("projects")
            if one["status"] == status
        ]
        return sorted(found, key=lambda one: one.name)[:limit]

    @tool(resource="tasks")
    def list_tasks(
        self,
        project_id: str | None = None,
        status: Status | None = None,
        assignee: str | None = None,
        priority: Priority | None = None,
        due_by: dt.date | None = None,
        limit: Limit = 20,
    ) -> list[Task]:
        """List tasks with their comments. They come in order of due date, those without one last.

        Args:
            project_id: Only tasks of this project, by its id from list_projects.
            status: Only tasks with this status; every task that is not done unless given.
            assignee: Only tasks of this member of the team, by full name.
            priority: Only tasks of this priority.
            due_by: Only tasks that are due on this day or before.
            limit: How many tasks to list at most.
        """
        if project_id is not None:
            self.one("projects", project_id)
        if assignee is not None:
            self._check_member(assignee)
        found = [
            self._task(one)
            for one in self.rows("tasks")
            if project_id in (None, one["project_id"])
            and (one["status"] == status if status else one["status"] != "done")
            and assignee in (None, one["assignee"])
            and priority in (None, one["priority"])
            and (due_by is None or (one["due_date"] or "9999") <= due_by.isoformat())
        ]
        return sorted(found, key=lambda one: (one.due_date or dt.date.max, one.title, one.id))[:limit]

    @tool(resource="tasks")
    def create_task(
        self,
        project_id: str,
        title: str,
        due_date: dt.date | None = None,
        priority: Priority = "normal",
        assignee: str | None = None,
        labels: list[Label] | None = None,
        estimate: Estimate | None = None,
    ) -> Task:
        """Create a task in an active project. It starts as to do.

        Args:
            project_id: The project's id, from list_projects.
            title: What is to be done; no other open task of the project has this title.
            due_date: When it is due, not in the past.
            priority: How much it matters.
            assignee: Who does it, by full name; nobody has more than 5 open tasks.
            labels: What kind of work it is.
            estimate: How many hours of work it is, up to 80, and how sure that is.
        """
        project = self.one("projects", project_id)
        if project["status"] != "active":
            raise Refused(f"The project {project['name']} is not active.")
        if not title.strip():
            raise Refused("A task needs a title.")
        if any(one["title"].casefold() == title.strip().casefold() for one in self._open(project_id)):
            raise Refused(f"The project {project['name']} has an open task of that title.")
        if due_date is not None and due_date < self.clock:
            raise Refused("A task cannot be due in the past.")
        if estimate is not None and not 0 < estimate.hours <= MOST_HOURS:
            raise OverLimit(f"An estimate is above 0 and at most {MOST_HOURS:.0f} hours.")
        if assignee is not None:
            self._check_load(assignee)
        return self._task(
            self._add_task(
                project, title.strip(), due_date, priority, assignee, sorted(set(labels or [])), estimate
            )
        )

    @tool(resource="tasks")
    def assign_task(self, task_id: str, assignee: str) -> Task:
        """Assign an open task to a member of the team, in place of anyone else.

        Args:
            task_id: The task's id, from list_tasks.
            assignee: Who does it, by full name; nobody has more than 5 open tasks.
        """
        task = self._unfinished(task_id)
        if task["assignee"] == assignee:
            raise Refused(f"{assignee} has the task already.")
        self._check_load(assignee)
        return self._task(self.put("tasks", task | {"assignee": assignee}))

    @tool(resource="tasks")
    def move_task(self, task_id: str, status: Status) -> Task:
        """Move a task to another status. Work needs somebody assigned, and only reviewed work gets done.

        Args:
            task_id: The task's id, from list_tasks.
            status: The new status. To do goes to in progress or blocked; in progress to to do, blocked or in
                review; blocked to to do or in progress; in review to in progress, blocked or done; done back to
                in progress.
        """
        task = self.one("tasks", task_id)
        if status == task["status"]:
            raise Refused(f"The task is {status} already.")
        if status not in MOVES[task["status"]]:
            raise Refused(f"A task cannot go from {task['status']} to {status}.")
        if status == "in_progress":
            if task["assignee"] is None:
                raise Refused("Nobody is assigned to the task.")
            if task["status"] == "done":
                self._check_load(task["assignee"])
        return self._task(self.put("tasks", task | {"status": status}))

    @tool(resource="tasks")
    def postpone_task(self, task_id: str, days: int) -> Task:
        """Push back the due date of an open task.

        Args:
            task_id: The task's id, from list_tasks.
            days: By how many days, from 1 to 60.
        """
        task = self._unfinished(task_id)
        if not 1 <= days <= MOST_DAYS:
            raise OverLimit(f"A task is postponed by 1 to {MOST_DAYS} days.")
        if task["due_date"] is None:
            raise Refused("The task has no due date.")
        # A decade is more than anyone plans ahead, and keeps dates within the calendar.
        due = dt.date.fromisoformat(task["due_date"])
        if (due - self.clock).days > 3650:
            raise OverLimit("The task is due in the far future already.")
        return self._task(self.put("tasks", task | {"due_date": (due + dt.timedelta(days=days)).isoformat()}))

    @tool(resource="tasks")
    def delete_task(self, task_id: str) -> Deleted:
        """Delete a task and its comments. A task that is in review or done stays.

        Args:
            task_id: The task's id, from list_tasks.
        """
        task = self.one("tasks", task_id)
        if task["status"] in ("in_review", "done"):
            raise Refused("A task that is in review or done cannot be deleted.")
        self.remove("tasks", task_id)
        for comment in self.rows("comments"):
            if comment["task_id"] == task_id:
                self.remove("comments", comment["id"])
        return Deleted(id=task_id, title=task["title"], project=self._project_name(task))

    @tool(resource="comments")
    def add_comment(self, task_id: str, text: str) -> Task:
        """Add a comment to a task.

        Args:
            task_id: The task's id, from list_tasks.
            text: What to say, at most 500 characters.
        """
        task = self.one("tasks", task_id)
        if not text.strip():
            raise Refused("A comment says something.")
        if len(text) > MOST_LETTERS:
            raise OverLimit(f"A comment has at most {MOST_LETTERS} characters.")
        self._add_comment(task_id, text.strip())
        return self._task(task)

    @tool(resource="milestones")
    def list_milestones(
        self, project_id: str | None = None, include_reached: bool = False, limit: Limit = 20
    ) -> list[Milestone]:
        """List milestones in order of date.

        Args:
            project_id: Only milestones of this project, by its id from list_projects.
            include_reached: Whether to list those that are reached as well.
            limit: How many milestones to list at most.
        """
        if project_id is not None:
            self.one("projects", project_id)
        found = [
            self._milestone(one)
            for one in self.rows("milestones")
            if project_id in (None, one["project_id"]) and (include_reached or not one["reached"])
        ]
        return sorted(found, key=lambda one: (one.date, one.name))[:limit]

    @tool(resource="milestones")
    def reach_milestone(self, milestone_id: str) -> Milestone:
        """Mark a milestone as reached, once every earlier milestone of its project is.

        Args:
            milestone_id: The milestone's id, from list_milestones.
        """
        milestone = self.one("milestones", milestone_id)
        if milestone["reached"]:
            raise Refused("The milestone is reached already.")
        for other in self.rows("milestones"):
            if (
                other["project_id"] == milestone["project_id"]
                and not other["reached"]
                and other["date"] < milestone["date"]
            ):
                raise Refused(f"The earlier milestone {other['name']} is not reached yet.")
        return self._milestone(self.put("milestones", milestone | {"reached": True}))

    def _add_task(
        self,
        project: dict[str, Any],
        title: str,
        due_date: dt.date | None,
        priority: str,
        assignee: str | None,
        labels: list[Label],
        estimate: Estimate | None,
    ) -> dict[str, Any]:
        facts = {
            "title": title,
            "project_id": project["id"],
            "priority": priority,
            "assignee": assignee,
            "due_date": due_date.isoformat() if due_date else None,
            "labels": labels,
            "estimate": estimate.model_dump() if estimate else None,
        }
        identity = self.new_id("tasks", "tsk", facts)
        return self.put("tasks", {"id": identity, "status": "todo", **facts})

    def _add_comment(self, task_id: str, text: str) -> None:
        facts = {"task_id": task_id, "text": text, "date": self.clock.isoformat()}
        self.put("comments", {"id": self.new_id("comments", "com", facts), **facts})

    def _task(self, record: dict[str, Any]) -> Task:
        shown = {name: value for name, value in record.items() if name != "project_id"}
        # By text: they are all of one day, and an order by arrival would depend on the calls between.
        comments = sorted(one["text"] for one in self.rows("comments") if one["task_id"] == record["id"])
        return Task(**shown, project=self._project_name(record), comments=comments)

    def _milestone(self, record: dict[str, Any]) -> Milestone:
        shown = {name: value for name, value in record.items() if name != "project_id"}
        return Milestone(**shown, project=self._project_name(record))

    def _project_name(self, record: dict[str, Any]) -> str:
        name: str = self.one("projects", record["project_id"])["name"]
        return name

    def _open(self, project_id: str) -> list[dict[str, Any]]:
        return [
            one for one in self.rows("tasks") if one["project_id"] == project_id and one["status"] != "done"
        ]

    def _unfinished(self, task_id: str) -> dict[str, Any]:
        task = self.one("tasks", task_id)
        if task["status"] == "done":
            raise Refused("The task is done.")
        return task

    def _check_member(self, name: str) -> None:
        if name not in TEAM:
            raise NotFound(f"There is nobody called {name} on the team.")

    def _load(self, name: str) -> int:
        return sum(one["assignee"] == name and one["status"] != "done" for one in self.rows("tasks"))

    def _check_load(self, name: str) -> None:
        self._check_member(name)
        if self._load(name) >= MOST_TASKS:
            raise OverLimit(f"{name} has {MOST_TASKS} open tasks already.")
