"""The simulated learner: skills grow with the rows that need them. No model is trained; loops are rehearsed with it.

Its parameters stand for what is known of fine-tuning, and were set before any ablation was run:

- a row that the student gets wrong teaches the most; one that it gets right with ease hardly anything, one that it is
  unsure of something in between (the loss is what is learnt from): `GAIN_RIGHT`, `GAIN_UNSURE`;
- what is left to learn gets less: a step is a share of what is missing (`RATE`);
- a wrong label takes away the same share of what is there that a right one adds of what is missing;
- a skill that is not rehearsed falls back towards the beginner's (`FORGET`); a handful of rows keep it (`REHEARSED`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq

from callwright.errors import TrainingError
from callwright.llm.learner import Skills, read_skills, unit
from callwright.schemas.recipe import SimulatedModel, Student
from callwright.training.base import Job
from callwright.values.facets import facet

RATE = 0.03
"""Share of what is missing that one surprising row teaches: about thirty rows take a skill from nothing to 0.6."""
GAIN_RIGHT, GAIN_UNSURE = 0.05, 0.25
FORGET = 0.1
REHEARSED = 5
"""Rows of a facet in a round that keep it from being forgotten."""


class SimulatedTrainer:
    """Reads the view `trl`, writes `skills.json`."""

    async def train(self, job: Job) -> Student:
        assert isinstance(job.student, SimulatedModel)
        skills = read_skills(job.student, job.out)
        learnt = _learnt(skills, list(_rows(job)))
        path = job.out.resolve() / "skills.json"
        path.write_text(learnt.model_dump_json(), encoding="utf-8")
        return job.student.model_copy(update={"skills": str(path)})


def _learnt(skills: Skills, rows: Sequence[tuple[str, list[dict[str, Any]]]]) -> Skills:
    now = dict(skills.skill)
    seen: Counter[str] = Counter()
    # The order of a training is drawn by chance, and is the same whatever order the rows came in.
    for row, messages in sorted(rows, key=lambda one: unit(skills.seed, "order", one[0])):
        for step, name in _facets(messages):
            decision = f"{row}/{step}"
            level = now.get(name, skills.beginner(name))
            seen[name] += 1
            if decision in skills.truth:
                level -= RATE * level
            else:
                level += RATE * (1 - level) * _surprise(skills, decision, level)
            now[name] = level
    for name, level in now.items():
        missing = 1 - min(1.0, seen[name] / REHEARSED)
        now[name] = level - FORGET * missing * max(0.0, level - skills.beginner(name))
    return skills.model_copy(update={"skill": now})


def _surprise(skills: Skills, decision: str, level: float) -> float:
    drawn = unit(skills.seed, decision, 0)
    return 1.0 if drawn >= level else GAIN_RIGHT + GAIN_UNSURE * (drawn / level)


def _facets(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    """The decisions of a conversation, with their facets."""
    for step, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        after_call = messages[step - 1]["role"] == "tool"
        if message.get("tool_calls") or not after_call:
            asks = step + 1 < len(messages) and messages[step + 1]["role"] == "user"
            later = any(one["role"] == "tool" for one in messages[:step])
            yield step, facet(message, asks=asks and not message.get("tool_calls"), later=later)


def _rows(job: Job) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    files = sorted((job.data / "portable").glob("train*.parquet"))
    if not files:
        raise TrainingError(f"{job.data}: holds no rows to train on")
    for file in files:
        for one in pq.read_table(file, columns=["id", "messages"]).to_pylist():
            yield one["id"], json.loads(one["messages"])
