"""The view `bfcl`: single turns as the Berkeley Function Calling Leaderboard has them, and the answers it accepts.

What its checker cannot tell apart or has no name for has no place here; see `ast_checker.py` in ShishirPatil/gorilla.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.schemas.base import Record
from callwright.schemas.message import ToolCall
from callwright.schemas.tool import Tool
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.contract import line_faults
from callwright.views.folder import Manifest
from callwright.views.lines import Lines, export_lines
from callwright.views.rows import Row, ToolTexts, arguments_of, checked, checked_json, checked_line
from callwright.views.turns import REASONS, NoPlaceError, asked_of

ABOUT = """
Single turns as the Berkeley Function Calling Leaderboard has them: `simple_python`, `multiple`, `parallel`,
`parallel_multiple` and `irrelevance` hold questions and functions, `possible_answer_…` what is accepted for each
argument. The runner wants `parallel/test.jsonl` as `BFCL_v4_parallel.json`, and `possible_answer_parallel/test.jsonl`
under the same name in `possible_answer/`. `ids` names the row of each line. Read the files with a JSON reader: a table
would merge the schemas of different functions.
"""
ANSWERS = "possible_answer_"
IDS = "ids"
CATEGORIES = ("simple_python", "multiple", "parallel", "parallel_multiple", "irrelevance")
_TYPES = {
    "string": "string",
    "integer": "integer",
    "number": "float",
    "boolean": "boolean",
    "array": "array",
    "object": "dict",
}
_OPEN = ("anyOf", "oneOf", "allOf", "$ref", "if", "not", "patternProperties", "prefixItems")
OPTIONAL = ""
"""Stands among accepted values where an argument may be left out."""


class Options(Record):
    pass


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """
    tools = ToolTexts(function_of)

    def write(lines: Lines) -> None:
        numbers: Counter[tuple[str, str]] = Counter()
        for row, made in checked(store, version, lambda row: (row, _made(row, tools, lines.dropped))):
            if made:
                category, question, answer = made
                name = f'{{"id": "{category}_{numbers[category, row.split]}", '
                numbers[category, row.split] += 1
                lines.add(row.split, name + question[1:], category)
                lines.add(row.split, f'{name}"row": "{row.id}", "kind": "{row.kind}"}}', IDS)
                if answer:
                    lines.add(row.split, name + answer[1:], f"{ANSWERS}{category}")

    return export_lines(version, folder, "bfcl", options, ABOUT, write, reasons=REASONS, overwrite=overwrite)


def _made(row: Row, tools: ToolTexts, dropped: Counter[str]) -> tuple[str, str, str] | None:
    """The category, the question and the accepted answer, both as JSON text of objects without an id."""
    try:
        request, calls = asked_of(row, dropped)
        functions = tools.of(row.tools)
        answers = [{call.name: _accepted(row, call)} for call in calls]
    except NoPlaceError as reason:
        dropped[str(reason)] += 1
        return None
    system = [{"role": "system", "content": row.system}] if row.system else []
    question = [[*system, {"role": "user", "content": request}]]
    text = checked_line({"question": question}, {"function": f"[{', '.join(functions)}]"})
    return _category(row, calls), text, checked_json({"ground_truth": answers}) if calls else ""


def _category(row: Row, calls: Sequence[ToolCall]) -> str:
    if not calls:
        return "irrelevance"
    several = len(row.tools) > 1
    if len(calls) > 1:
        return "parallel_multiple" if several else "parallel"
    return "multiple" if several else "simple_python"


def function_of(tool: Tool) -> dict[str, Any]:
    """The tool with the leaderboard's names of types.

    Raises:
        NoPlaceError: A parameter has no type, or several.
    """
    parameters = {**_typed(tool.parameters), "required": list(tool.required)}
    return {"name": tool.name, "description": tool.description, "parameters": parameters}


def _typed(schema: Any) -> dict[str, Any]:
    kind = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(kind, str) or kind not in _TYPES or any(word in schema for word in _OPEN):
        raise NoPlaceError("type_not_told")
    typed = {**schema, "type": _TYPES[kind]}
    if kind == "object":
        typed["properties"] = {name: _typed(one) for name, one in _fields(schema).items()}
        if isinstance(schema.get("additionalProperties"), dict):
            typed["additionalProperties"] = _typed(schema["additionalProperties"])
    if kind == "array":
        typed["items"] = _typed(schema.get("items"))
    return typed


def _fields(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of each field. Where null is the default, it says no more than leaving the field out, and goes."""
    required = schema.get("required", ())
    return {
        name: one if name in required else _without_null(one)
        for name, one in schema.get("properties", {}).items()
    }


def _without_null(schema: Any) -> Any:
    branches = schema.get("anyOf") if isinstance(schema, dict) else None
    if not branches or schema.get("default", OPTIONAL) is not None or {"type": "null"} not in branches:
        return schema
    rest = {word: value for word, value in schema.items() if word not in ("anyOf", "default")}
    others = [one for one in branches if one != {"type": "null"}]
    return {**others[0], **rest} if len(others) == 1 and rest.keys() <= {"title", "description"} else schema


def _accepted(row: Row, call: ToolCall) -> dict[str, Any]:
    [tool] = [one for one in row.tools if one.name == call.name]
    given = arguments_of(call.arguments, call.id)
    if not given.keys() <= tool.properties.keys():
        raise NoPlaceError("type_not_told")
    return _object(given, tool.parameters)


def _object(given: Mapping[str, Any], schema: Mapping[str, Any], depth: int = 0) -> dict[str, list[Any]]:
    """Accepted values of each field; one at its default, or left at it, may be left out."""
    fields = _fields(schema)
    required = schema.get("required", ())
    accepted: dict[str, list[Any]] = {}
    for name, one in fields.items():
        default = one.get("default")
        if name in given or (name not in required and default not in (None, OPTIONAL)):
            value = given.get(name, default)
            spare = name not in required and json.dumps(value) == json.dumps(default)
            accepted[name] = [_value(value, one, depth), *([OPTIONAL] if spare else [])]
    accepted |= {name: [_value(value, {}, depth)] for name, value in given.items() if name not in fields}
    return accepted


def _value(value: Any, schema: Mapping[str, Any], depth: int) -> Any:
    """The value as it stands among those accepted. The checker looks into objects, but into none of their own."""
    if value is None or value == OPTIONAL:
        raise NoPlaceError("no_such_value")
    if depth:
        return value
    if isinstance(value, dict):
        return _object(value, schema, depth + 1)
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return [_object(one, schema.get("items", {}), depth + 1) for one in value]
    return value


class _Message(Record):
    role: Literal["system", "user"]
    content: str = Field(min_length=1)


class _Parameters(Record, extra="allow"):
    type: Literal["dict"]
    properties: dict[str, dict[str, Any]]
    required: tuple[str, ...]


class _Function(Record):
    name: str = Field(min_length=1)
    description: str
    parameters: _Parameters


class _Question(Record):
    id: str
    question: tuple[tuple[_Message, ...]]
    function: Annotated[tuple[_Function, ...], Field(min_length=1)]


class _Answer(Record):
    id: str
    ground_truth: Annotated[tuple[dict[str, dict[str, list[Any]]], ...], Field(min_length=1)]


class _Id(Record):
    id: str
    row: str
    kind: str


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view, file and line by line."""
    found = []
    for category in CATEGORIES:
        if (folder / category).is_dir():
            found += line_faults(folder, _Question, _question_faults, f"{category}/*.jsonl")
        if (folder / f"{ANSWERS}{category}").is_dir():
            found += line_faults(folder, _Answer, lambda _: (), f"{ANSWERS}{category}/*.jsonl")
    found += line_faults(folder, _Id, lambda _: (), f"{IDS}/*.jsonl")
    return found or [fault for category in CATEGORIES for fault in _pair_faults(folder, category)]


def _question_faults(line: _Question) -> Iterator[str]:
    for one in line.function:
        for name, schema in one.parameters.properties.items():
            if schema.get("type") not in _TYPES.values():
                yield f"function: {one.name}: {name} has the type {schema.get('type')!r}"
        for name in one.parameters.required:
            if name not in one.parameters.properties:
                yield f"function: {one.name} requires {name}, which it does not describe"


def _pair_faults(folder: Path, category: str) -> Iterator[str]:
    """What is accepted, and cannot be, by the functions of the question."""
    for path in sorted((folder / category).glob("*.jsonl")):
        beside = folder / f"{ANSWERS}{category}" / path.name
        questions = _lines(path, _Question)
        answers = _lines(beside, _Answer) if beside.is_file() else []
        where = f"{beside.relative_to(folder)}"
        expected = [] if category == "irrelevance" else [one.id for one in questions]
        if [one.id for one in answers] != expected:
            yield f"{where}: does not answer the questions one by one"
            continue
        for number, (question, answer) in enumerate(zip(questions, answers, strict=False), 1):
            yield from (f"{where}:{number}: {fault}" for fault in _answer_faults(question, answer))


def _answer_faults(question: _Question, answer: _Answer) -> Iterator[str]:
    functions = {one.name: one.parameters for one in question.function}
    for call in answer.ground_truth:
        for name, accepted in call.items():
            if name not in functions:
                yield f"{name} is not offered"
                continue
            for one in functions[name].required:
                if one not in accepted:
                    yield f"{name} lacks {one}"
            for one, values in accepted.items():
                if one not in functions[name].properties:
                    yield f"{name} has no parameter {one}"
                if not [value for value in values if value != OPTIONAL]:
                    yield f"{name}: {one} has no accepted value"


def _lines(path: Path, form: Any) -> list[Any]:
    with path.open(encoding="utf-8") as file:
        return [form.model_validate_json(line) for line in file]
