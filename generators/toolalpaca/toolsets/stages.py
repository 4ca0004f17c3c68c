"""T1 to T5: one seed becomes an introduction, functions, an OpenAPI document that holds, and a server's address."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from callwright.errors import GenerationError, ReplyError
from callwright.generators.toolalpaca.prompts import TOOLSETS
from callwright.generators.toolalpaca.toolsets.documents import declines, examine, joined, without_thought
from callwright.generators.toolalpaca.toolsets.rules import Problem, operations
from callwright.generators.toolalpaca.toolsets.seeds import Seed
from callwright.generators.toolalpaca.toolsets.trees import listing_problems, worded
from callwright.llm.base import Completion, Model, Request, Sampling
from callwright.llm.replies import ask
from callwright.schemas.base import Record
from callwright.schemas.tool import NAME_PATTERN, Leaves, Tool, Toolkit
from callwright.sources.openapi import LEAVES

ROUNDS = 5
"""How often a document is continued or sent back (the reference code reruns up to 5 times)."""

TEMPERATURES = {"introduction": 1.0, "functions": 0.3, "specification": 0.3, "repair": 0.3}
"""Stage -> sampling temperature, as in the reference code."""

prompt = TOOLSETS.template

_INTRODUCTION_TOKENS = 700
"""Room for 220 words with a margin; an introduction that fills it goes round in circles."""

_TEXT = {"type": "string", "minLength": 1}
FUNCTIONS_REPLY: dict[str, Any] = {
    "type": "object",
    "required": ["functions"],
    "additionalProperties": False,
    "properties": {
        "functions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "description", "inputs", "output"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "pattern": "^[a-z][A-Za-z0-9]{1,63}$"},
                    "description": _TEXT,
                    "inputs": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["name", "type", "required", "description"],
                            "additionalProperties": False,
                            "properties": {
                                "name": _TEXT,
                                "type": {
                                    "enum": ["string", "integer", "number", "boolean", "array", "object"]
                                },
                                "required": {"type": "boolean"},
                                "description": _TEXT,
                            },
                        },
                    },
                    "output": _TEXT,
                },
            },
        }
    },
}


class Introduction(Record):
    """T1: what a service is, in prose."""

    seed: Seed
    text: str
    calls: tuple[str, ...] = ()
    """Keys of the ledger's entries that it was made from."""


class Invention(Record):
    """A whole API, made from one seed."""

    seed: Seed
    introduction: str
    functions: tuple[dict[str, Any], ...]
    """T2: name, description, inputs and output of each function."""
    document: dict[str, Any]
    """T3 to T5: an OpenAPI document that is valid, imports whole and keeps the rules."""
    tools: tuple[Tool, ...]
    """What the importer makes of it."""
    rounds: int
    """How often it was continued or sent back."""
    calls: tuple[str, ...] = ()


class RejectedError(GenerationError):
    """No API can be made of a seed; `stage` is where it ended."""

    def __init__(self, stage: str, code: str, message: str, rounds: int = 0) -> None:
        super().__init__(code, message)
        self.stage = stage
        self.message = " ".join(message.split())
        self.rounds = rounds


class Stages:
    """Asks a teacher, stage by stage. Within one API each question waits for the answer before it."""

    def __init__(self, model: Model, max_tokens: int = 4096) -> None:
        """`max_tokens` is the most of one completion; a document that needs more is continued."""
        self._model = model
        self._max_tokens = max_tokens

    async def introduce(self, seed: Seed) -> Introduction:
        """T1.

        Raises:
            RejectedError: `refused_reply`, `empty_reply` or `truncated_reply`, or why the answer cannot be used.
            ModelError: The endpoint failed.
        """
        request = self._request("introduction", seed, told(seed), {})
        answer = await _asked(self._model, request, "introduction")
        text = without_thought(answer.text).strip()
        if answer.finish_reason == "length":
            # What is whole of it is of use; a model that goes round in circles never ends a sentence.
            text = "".join(re.findall(r"[^.!?]*[.!?](?=\s)", text)).strip()
            if not text:
                raise RejectedError(
                    "introduction", "truncated_reply", "it never came to the end of a sentence"
                )
        if not text:
            raise RejectedError("introduction", "empty_reply", "the model said nothing")
        if declines(text):
            raise RejectedError("introduction", "refused_reply", f"the model declines: {text[:80]!r}")
        return Introduction(seed=seed, text=text, calls=(answer.key,))

    async def invent(self, introduction: Introduction) -> Invention:
        """T2 to T5.

        Raises:
            RejectedError: With the stage, and the code of what could not be mended.
            ModelError: The endpoint failed.
        """
        seed = introduction.seed
        listed = await self._functions(introduction)
        functions: list[dict[str, Any]] = listed.parsed["functions"]
        names = [one["name"] for one in functions]
        drawn = dict(zip(names, seed.functions, strict=True)) if seed.functions else {}
        repair = _Repair(self._model, seed, drawn)
        document, toolkit = await repair.document(
            self._request(
                "specification",
                seed,
                f"{told(seed)}\nFunctions:\n{json.dumps(functions, ensure_ascii=False, indent=1)}",
                {"introduction": introduction.text, "functions": functions},
            ),
            names,
        )
        return Invention(
            seed=seed,
            introduction=introduction.text,
            functions=tuple(functions),
            document=_served(_marked(document, drawn), seed),
            tools=tuple(
                tool.model_copy(update={"leaves": drawn[tool.name]}) if tool.name in drawn else tool
                for tool in toolkit.tools
            ),
            rounds=repair.rounds,
            calls=(*introduction.calls, listed.key, *repair.calls),
        )

    async def _functions(self, introduction: Introduction) -> Completion:
        """T2."""
        seed = introduction.seed
        request = self._request(
            "functions",
            seed,
            f"{told(seed)}\nOverview:\n{introduction.text}",
            {"introduction": introduction.text},
        ).model_copy(update={"reply_schema": _any_name() if seed.functions else FUNCTIONS_REPLY})
        answer = await _asked(self._model, request, "functions")
        problems = _listing_problems(answer.parsed, seed)
        if problems and not self._model.reads_variables:
            answer = await _asked(self._model, _sent_back(request, answer.text, problems, 1), "functions", 1)
            problems = _listing_problems(answer.parsed, seed)
        if problems:
            raise RejectedError("functions", *problems[0])
        return answer

    def _request(self, stage: str, seed: Seed, said: str, variables: Mapping[str, Any]) -> Request:
        return Request(
            purpose=f"toolalpaca.{stage}",
            messages=(
                {"role": "system", "content": prompt(stage).template},
                {"role": "user", "content": said},
            ),
            variables={"seed": seed.model_dump(mode="json"), **variables},
            sampling=Sampling(
                temperature=TEMPERATURES[stage],
                max_tokens=min(self._max_tokens, _INTRODUCTION_TOKENS)
                if stage == "introduction"
                else self._max_tokens,
            ),
            item=f"toolset/{seed.name}",
        )


class _Repair:
    """T3 and T4: one document, until it holds or its rounds are used up."""

    def __init__(self, model: Model, seed: Seed, drawn: Mapping[str, Leaves]) -> None:
        """`drawn`: function -> the leaves that it was drawn from, where they were."""
        self._model = model
        self._seed = seed
        self._drawn = drawn
        self.rounds = 0
        self.calls: list[str] = []

    async def document(self, request: Request, functions: Sequence[str]) -> tuple[dict[str, Any], Toolkit]:
        """The document that holds, and what the importer makes of it.

        Raises:
            RejectedError: It does not after all rounds.
            ModelError: The endpoint failed.
        """
        asked = request
        while True:
            text, truncated = await self._whole(asked)
            if truncated:
                problems: tuple[Problem, ...] = (
                    Problem("truncated_reply", "the document does not come to an end; say it more briefly"),
                )
            else:
                examined = examine(text, functions, self._seed.name, self._drawn)
                problems = examined.problems
                if not problems and examined.document is not None and examined.toolkit is not None:
                    return examined.document, examined.toolkit
            if self.rounds == ROUNDS or self._model.reads_variables:
                stage = "repair" if self.rounds else "specification"
                raise RejectedError(stage, problems[0].code, problems[0].message, self.rounds)
            self.rounds += 1
            asked = _sent_back(request, text, problems, self.rounds)

    def _next(self, request: Request, text: str, said: str) -> Request:
        self.rounds += 1
        return _answered(request, text, said, self.rounds)

    async def _whole(self, request: Request) -> tuple[str, bool]:
        """A reply with its continuations joined to it, and whether it is still cut off.

        No reply schema goes along: half a document satisfies none, and it is what has to be continued.
        """
        answer = await _asked(self._model, request, "repair" if self.rounds else "specification", self.rounds)
        self.calls.append(answer.key)
        text = answer.text
        while answer.finish_reason == "length" and self.rounds < ROUNDS and text.strip():
            going_on = self._next(request, text, prompt("continuation").template)
            answer = await _asked(self._model, going_on, "repair", self.rounds)
            self.calls.append(answer.key)
            text = joined(text, answer.text)
        return text, answer.finish_reason == "length"


def _listing_problems(parsed: Mapping[str, Any], seed: Seed) -> list[Problem]:
    names = Counter(one["name"].casefold() for one in parsed["functions"])
    if not names:
        return [Problem("no_functions", "the list of functions is empty")]
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice:
        return [Problem("duplicate_function", f"{twice} is listed more than once")]
    return listing_problems(parsed["functions"], seed.functions) if seed.functions else []


def _any_name() -> dict[str, Any]:
    """The reply schema where the style of names is drawn."""
    found = copy.deepcopy(FUNCTIONS_REPLY)
    found["properties"]["functions"]["items"]["properties"]["name"]["pattern"] = NAME_PATTERN
    return found


def _marked(document: dict[str, Any], drawn: Mapping[str, Leaves]) -> dict[str, Any]:
    """The document with each operation's leaves beside it: that is where the importer finds them."""
    for name, _, _, operation in operations(document):
        if name in drawn and isinstance(operation, dict):
            operation[LEAVES] = drawn[name].model_dump(mode="json")
    return document


def _sent_back(request: Request, text: str, problems: Sequence[Problem], number: int) -> Request:
    """The question once more: the bad answer goes back with everything that was found."""
    listed = "\n".join(f"- {problem.code}: {problem.message}" for problem in problems)
    return _answered(request, text, prompt("repair").substitute(problems=listed), number)


def _answered(request: Request, text: str, said: str, number: int) -> Request:
    """A question that goes on after an answer; a model that answers the same is asked anew all the same."""
    messages = ({"role": "assistant", "content": text}, {"role": "user", "content": said})
    return request.model_copy(
        update={
            "purpose": "toolalpaca.repair",
            "messages": (*request.messages, *messages),
            "sampling": request.sampling.model_copy(update={"temperature": TEMPERATURES["repair"]}),
            "sample": number,
        }
    )


async def _asked(model: Model, request: Request, stage: str, rounds: int = 0) -> Completion:
    try:
        return await ask(model, request)
    except ReplyError as error:
        raise RejectedError(stage, error.code, error.message, rounds) from error


def told(seed: Seed) -> str:
    """A seed as the teacher reads it."""
    said = prompt("seed").substitute(
        name=seed.name, category=seed.category, description=seed.description, link=seed.link or "not known"
    )
    if not seed.functions:
        return said
    functions = prompt("trees").substitute(count=len(seed.functions), functions=worded(seed.functions))
    return f"{said}\n\n{functions}\n"


def _served(document: Mapping[str, Any], seed: Seed) -> dict[str, Any]:
    """T5: the document under the seed's own name, with the seed's address where it names no server."""
    served = {**document, "info": {**document["info"], "title": seed.name}}
    if not served.get("servers") and seed.link:
        served["servers"] = [{"url": seed.link}]
    return served
