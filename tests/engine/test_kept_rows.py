"""Kept rows, read anew from the store and the export: arguments, where they come from, what servers answered."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import checker
import jsonschema_rs
import loopback as lb
import pytest
from teacher import museum_teacher
from workshops import demo, museum

from callwright.engine.build import build
from callwright.engine.exports import export_view
from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.settings import shipped_folder
from callwright.store import Store

Row = dict[str, Any]
RECIPES = shipped_folder() / "recipes"


class Corpus:
    """A version's rows with the tools' documented answers, and its export."""

    def __init__(self, workshop: Workshop, data: Path) -> None:
        built = asyncio.run(self._built(workshop, data))
        self.export = data / "out"
        export_view(data, built.version.name, "trl", self.export)
        with Store.open(data, write=False) as store:
            self.rows: list[Row] = [body for _, body, _ in store.rows(built.version)]
        self.returns = {
            tool.name: tool.returns
            for kit in workshop.toolkits
            for tool in kit.tools
            if tool.returns is not None
        }

    async def _built(self, workshop: Workshop, data: Path) -> Any:
        if workshop.recipe.models.teacher.engine == "offline":
            return await build(workshop, data)
        async with lb.Loopback(museum_teacher) as server:
            return await build(museum(server.base_url, size=60), data)

    def problems(self, rows: list[Row] | None = None) -> Iterator[str]:
        for row in self.rows if rows is None else rows:
            yield from self._answers(row)
            yield from ids_from_nowhere(row)

    def _answers(self, row: Row) -> Iterator[str]:
        """Answers of success that have not the documented shape."""
        for name, observation in observations(row):
            if name in self.returns and 200 <= observation["status"] < 300 and not observation["cut"]:
                validator = jsonschema_rs.Draft202012Validator(self.returns[name])
                for error in validator.iter_errors(json.loads(observation["content"])):
                    yield f"{name} answered: {error.message}"


def observations(row: Row) -> Iterator[tuple[str, Row]]:
    for message in row["messages"]:
        if message["role"] == "tool":
            yield message["name"], message["observation"]


OPAQUE = re.compile(r"[a-z]{2,6}-\d{3,}|[a-z]{2,6}-[0-9a-f]{6,}|[0-9a-f]{8}-[0-9a-f-]{27}|\d{6,}")


def ids_from_nowhere(row: Row) -> Iterator[str]:
    """Id-like arguments that neither the user nor an earlier answer holds letter by letter."""
    seen = ""
    for message in row["messages"]:
        for call in message.get("tool_calls", ()):
            for name, value in json.loads(call["arguments"]).items():
                named = re.search(r"(^|_)ids?$|Ids?$", name) is not None
                for one in value if isinstance(value, list) else [value]:
                    if (named or OPAQUE.fullmatch(str(one))) and str(one) not in seen:
                        yield f"{call['name']}: {name}={one} comes from nowhere"
        if message["role"] in ("user", "tool"):
            seen += message.get("content") or message["observation"]["content"]


WORKSHOPS = {
    "worlds": lambda: Workshop.of(load_recipe(RECIPES / "worlds.yaml", ("size=60",)), RECIPES),
    "museum by rules": lambda: demo("size=60"),
    "museum by a model": lambda: museum(size=60),
}


@pytest.fixture(scope="module", params=WORKSHOPS)
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus(WORKSHOPS[request.param](), tmp_path_factory.mktemp("corpus"))


def test_every_argument_is_valid_and_comes_from_somewhere(corpus: Corpus):
    assert len(corpus.rows) == 60
    assert checker.problems(corpus.export) == []


def test_every_answer_has_its_documented_shape_and_every_id_was_seen_before(corpus: Corpus):
    statuses = Counter(
        observation["status"] // 100 for row in corpus.rows for _, observation in observations(row)
    )
    checked = sum(name in corpus.returns for row in corpus.rows for name, _ in observations(row))
    assert statuses[2] > 50 and checked > 50
    assert list(corpus.problems()) == []


def test_planted_faults_are_found(corpus: Corpus):
    """What the check is worth: an id and an answer changed in each row that has one."""
    strange, misshapen = 0, 0
    for row in corpus.rows:
        for message in row["messages"]:
            for call in message.get("tool_calls", ()):
                arguments = json.loads(call["arguments"])
                for name in [one for one in arguments if re.search(r"(_id|Id)$", one)]:
                    changed = json.dumps({**arguments, name: f"{arguments[name]}9"})
                    assert list(corpus.problems([planted(row, call, changed)]))
                    strange += 1
        for name, observation in observations(row):
            if name in corpus.returns and 200 <= observation["status"] < 300 and not observation["cut"]:
                broken = copy.deepcopy(row)
                next(one for _, one in observations(broken) if one == observation)["content"] = "17.5"
                assert any("answered" in problem for problem in corpus.problems([broken]))
                misshapen += 1
    assert strange >= 5 and misshapen > 50


def planted(row: Row, call: Row, arguments: str) -> Row:
    """The row with other arguments in that call."""
    broken = copy.deepcopy(row)
    for message in broken["messages"]:
        for one in message.get("tool_calls", ()):
            if one["id"] == call["id"]:
                one["arguments"] = arguments
    return broken
