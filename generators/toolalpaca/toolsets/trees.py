"""Tools drawn from two trees (Zhang et al. 2025, LoopTool, section 3): what a tool is about, and what it looks like.

A toolkit is one sub-topic of the context tree, with all of its functions; each function draws a path through the
constraint tree of its own. Both trees stand in `trees.yaml`. What a document makes of the drawn constraints is checked:

wrong_functions         not the drawn functions, one for each     wrong_name_style    a name in another style
wrong_parameter_count   more or fewer parameters                  wrong_output        another form of answer
wrong_parameter_types   a type that was not drawn, or none that   wrong_description   described in another style
                        was
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from callwright.errors import UsageError
from callwright.generators.toolalpaca.toolsets.rules import Problem, answers_with_list, operations, resolved
from callwright.generators.toolalpaca.toolsets.seeds import Seed
from callwright.schemas.base import digest
from callwright.schemas.tool import Leaves, Tool
from callwright.values.makers import json_type

Path = tuple[str, ...]

BRIEF_WORDS = 12
"""Words of a brief description, at the most."""
_STYLES = {
    "camelCase": re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+"),
    "snake_case": re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+"),
    "PascalCase": re.compile(r"[A-Z][a-z0-9]*(?:[A-Z][a-z0-9]*)+"),
    "kebab-case": re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+"),
}
_SENTENCE = re.compile(r"[^\s].*?(?:[.!?]+[\"')\]]*(?=\s|$)|$)")
_SHORT = re.compile(r"\b((?i:e\.g|i\.e|etc|approx|incl|max|min|no|vs))\.(?=\s+[a-z\d])")
"""Full stops that end no sentence."""
_COUNTS = {"none": (0, 0), "one_to_three": (1, 3), "four_or_more": (4, 64)}
_COUNTED = {"none": "none", "one_to_three": "one to three", "four_or_more": "four or more"}
_SIMPLE = ("string", "number", "boolean")
_ANSWERS = {
    "object": "one object, without a list of objects in it",
    "list": "a bare array",
    "page": "an object with one list of objects in it, and what is said of the list, such as how long it is",
}
_DESCRIBED = {
    "brief": f"one sentence of {BRIEF_WORDS} words at the most",
    "explained": "two to four sentences: what it does, and when one would use it",
    "exemplified": 'two sentences or more, one of which begins with "For example"',
}


@cache
def trees() -> dict[str, Any]:
    """The two trees: `context` and `constraints`."""
    text = (files("callwright.generators.toolalpaca.toolsets") / "trees.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@cache
def leaves(tree: str) -> tuple[Path, ...]:
    """Every path from the root of a tree to a leaf."""
    return tuple(_paths(trees()[tree]))


def _paths(tree: Any) -> Iterator[Path]:
    if isinstance(tree, Mapping):
        for name, child in tree.items():
            yield from ((name, *path) for path in _paths(child))
    elif isinstance(tree, list):
        yield from ((name,) for name in tree)
    else:
        yield ()


def pair(rng: random.Random) -> Leaves:
    """A leaf of each tree, drawn independently: every pair is as likely as any other."""
    context, constraints = leaves("context"), leaves("constraints")
    return Leaves(
        context=context[rng.randrange(len(context))],
        constraints=constraints[rng.randrange(len(constraints))],
    )


def toolkit(rng: random.Random) -> Seed:
    """The seed of one API: the sub-topic of a drawn pair, with constraints of its own for each other function."""
    first = pair(rng)
    domain, topic, _ = first.context
    drawn = [
        first
        if (domain, topic, function) == first.context
        else Leaves(context=(domain, topic, function), constraints=pair(rng).constraints)
        for function in trees()["context"][domain][topic]
    ]
    functions = "; ".join(one.context[-1] for one in drawn)
    return Seed(
        name=f"{topic[0].upper()}{topic[1:]} service",
        description=f"{topic}, in the field of {domain}: {functions}",
        link="",
        category=f"{domain[0].upper()}{domain[1:]}",
        functions=tuple(drawn),
    )


def draw_toolkits(count: int, seed: int) -> tuple[Seed, ...]:
    """So many seeds, each of another sub-topic; a larger draw begins with a smaller one.

    Raises:
        UsageError: There are fewer sub-topics.
    """
    topics = {path[:2] for path in leaves("context")}
    if count > len(topics):
        raise UsageError(f"the context tree has {len(topics)} sub-topics, not {count}; ask for fewer with -n")
    found: dict[Path, Seed] = {}
    number = 0
    while len(found) < count:
        one = toolkit(random.Random(digest([seed, "trees", number])))
        found.setdefault(one.functions[0].context[:2], one)
        number += 1
    return tuple(found.values())


class Constraints(NamedTuple):
    """A path through the constraint tree, by its levels."""

    naming: str
    parameters: str
    """How many: `none`, `one_to_three` or `four_or_more`."""
    type: str
    """`string`, `number`, `boolean`, `array` or `object`; empty where there are no parameters."""
    answer: str
    described: str

    @classmethod
    def of(cls, path: Sequence[str]) -> Constraints:
        naming, parameters, *types, answer, described = path
        return cls(naming, parameters, types[-1] if types else "", answer, described)

    @property
    def simple(self) -> bool:
        return self.type in _SIMPLE


def worded(drawn: Sequence[Leaves]) -> str:
    """The drawn functions as a teacher reads them."""
    return "\n".join(f"{number}. {_worded(one)}" for number, one in enumerate(drawn, 1))


def _worded(one: Leaves) -> str:
    wanted = Constraints.of(one.constraints)
    types = ""
    if wanted.simple:
        types = f", all of simple types, at least one of them a {wanted.type}"
    elif wanted.type:
        types = f", at least one of them an {wanted.type}"
    lines = (
        one.context[-1],
        f"name: {wanted.naming}, two words or more",
        f"parameters: {_COUNTED[wanted.parameters]}{types}",
        f"answer: {_ANSWERS[wanted.answer]}",
        f"description: {_DESCRIBED[wanted.described]}",
    )
    return "\n   - ".join(lines)


def listing_problems(listed: Sequence[Mapping[str, Any]], drawn: Sequence[Leaves]) -> list[Problem]:
    """What a list of functions does not keep; its i-th function is the i-th that was drawn."""
    if len(listed) != len(drawn):
        told = f"{len(listed)} functions are listed; list exactly the {len(drawn)} that are numbered, in their order"
        return [Problem("wrong_functions", told)]
    found: list[Problem] = []
    for one, leaf in zip(listed, drawn, strict=True):
        wanted = Constraints.of(leaf.constraints)
        found += _named(one["name"], wanted)
        found += _parameters(one["name"], [given["type"] for given in one["inputs"]], wanted)
        found += _described(one["name"], one["description"], wanted)
    return found


def problems(
    document: Mapping[str, Any], tools: Iterable[Tool], drawn: Mapping[str, Leaves]
) -> list[Problem]:
    """What a document does not keep of what was drawn.

    Args:
        document: The OpenAPI document.
        tools: What the importer made of it.
        drawn: Function -> its leaves.
    """
    said = {name: str(operation.get("description") or "") for name, _, _, operation in operations(document)}
    found: list[Problem] = []
    for tool in tools:
        if tool.name not in drawn:
            continue
        wanted = Constraints.of(drawn[tool.name].constraints)
        root = tool.parameters.get("$defs", {})
        types = [_type(resolved(one, root)) for one in tool.properties.values()]
        found += _named(tool.name, wanted)
        found += _parameters(tool.name, types, wanted)
        found += _answered(tool, wanted)
        found += _described(tool.name, said.get(tool.name, ""), wanted)
    return found


def _type(schema: Mapping[str, Any]) -> str:
    """The one type of a schema; empty where it has several. A closed choice may leave it to its values."""
    kind = json_type(schema)
    if kind is None and "type" not in schema and all(isinstance(one, str) for one in schema.get("enum", [0])):
        return "string"
    return kind or ""


def _named(name: str, wanted: Constraints) -> Iterator[Problem]:
    if not _STYLES[wanted.naming].fullmatch(name):
        yield Problem("wrong_name_style", f"{name} is no name of two words or more in {wanted.naming}")


def _parameters(name: str, types: Sequence[str], wanted: Constraints) -> Iterator[Problem]:
    least, most = _COUNTS[wanted.parameters]
    if not least <= len(types) <= most:
        yield Problem(
            "wrong_parameter_count",
            f"{name} has {len(types)} parameters; asked for: {_COUNTED[wanted.parameters]}",
        )
    if not types or not wanted.type:
        return
    plain = ["number" if one == "integer" else one for one in types]
    odd = [one or "several types" for one in plain if wanted.simple and one not in _SIMPLE]
    if odd:
        yield Problem(
            "wrong_parameter_types", f"{name}: a parameter is {odd[0]}; simple types alone were asked for"
        )
    elif wanted.type not in plain:
        yield Problem("wrong_parameter_types", f"{name}: no parameter is of the type {wanted.type}")


def _answered(tool: Tool, wanted: Constraints) -> Iterator[Problem]:
    if not tool.returns:
        return  # `undocumented_reply` says so
    kind = json_type(resolved(tool.returns, tool.returns.get("$defs", {})))
    holds = answers_with_list(tool)
    answer = "list" if kind == "array" else "page" if kind == "object" and holds else str(kind)
    if answer != wanted.answer:
        yield Problem("wrong_output", f"{tool.name} does not answer as asked for: {_ANSWERS[wanted.answer]}")


def _described(name: str, text: str, wanted: Constraints) -> Iterator[Problem]:
    sentences = _SENTENCE.findall(_SHORT.sub(r"\1", " ".join(text.split())))
    count = sum(bool(one.strip()) for one in sentences)
    words = len(text.split())
    kept = {
        "brief": count == 1 and words <= BRIEF_WORDS,
        "explained": 2 <= count <= 4,
        "exemplified": count > 1 and any(one.strip().startswith("For example") for one in sentences),
    }[wanted.described]
    if not kept:
        yield Problem(
            "wrong_description", f"{name} is not described as asked for: {_DESCRIBED[wanted.described]}"
        )


def covered(tools: Iterable[Tool]) -> dict[str, dict[str, int]]:
    """Level of a tree -> value -> functions, every value of the trees included; `leaves` says how many were drawn."""
    drawn = [tool.leaves for tool in tools if tool.leaves]
    if not drawn:
        return {}
    found: dict[str, dict[str, int]] = {
        "domain": _counted((one.context[0] for one in drawn), leaves("context"), 0)
    }
    every = [Constraints.of(path) for path in leaves("constraints")]
    ours = [Constraints.of(one.constraints) for one in drawn]
    for level in Constraints._fields:
        counts = Counter(getattr(one, level) or "none" for one in ours)
        values = dict.fromkeys(getattr(one, level) or "none" for one in every)
        found[level] = {value: counts[value] for value in values}
    found["leaves"] = {
        "context": len({one.context for one in drawn}),
        "context in all": len(leaves("context")),
        "constraints": len({one.constraints for one in drawn}),
        "constraints in all": len(leaves("constraints")),
    }
    return found


def _counted(values: Iterable[str], paths: Sequence[Path], level: int) -> dict[str, int]:
    counts = Counter(values)
    return {value: counts[value] for value in dict.fromkeys(path[level] for path in paths)}
