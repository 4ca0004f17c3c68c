"""Every reason code that the code gives, read off its syntax tree: for the page that explains them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src" / "callwright"
ROOMS = (
    "generators",
    "judges",
    "engine",
    "leaks",
    "llm",
    "sources",
    "toolbox",
    "training",
    "views",
    "values",
)
SAYERS = {
    **dict.fromkeys(
        ("BrokenReply", "Fault", "GenerationError", "Leak", "NoPlaceError", "Problem", "ReplyError"), 0
    ),
    **dict.fromkeys(("RowError", "SignatureError", "Twin", "Unusable", "fail", "undecided"), 0),
    **dict.fromkeys(("Refused", "RejectedError", "_left", "dropped", "refuse"), 1),
    **dict.fromkeys(("_refused", "_reject", "_verdict"), 2),
}
"""What takes a code -> the place of the code among its arguments."""
_NOT_CODES = {"seed", "optional", "repeated"}
"""A row's place in a round, and why an argument is not masked (`docs/methods/asktoact.md`)."""
_PATTERNS = {"_FALLBACK", "_MARKUP", "_LOOP"}
"""What `judges/hygiene.py` pairs with a code."""
_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*_?")
_RETURNED = {"problem"}
"""Functions that return a code alone."""


def reason_codes() -> dict[str, set[str]]:
    """Code -> the rooms that give it. One that is put together ends with `*`."""
    found: dict[str, set[str]] = {"interrupted_call": {"errors"}}
    for room in ROOMS:
        for path in sorted((SRC / room).rglob("*.py")):
            for code in _codes(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(code, set()).add(room)
    return {code: rooms for code, rooms in found.items() if code not in _NOT_CODES}


def _codes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            place = SAYERS.get(name)
            if place is not None and len(node.args) > place:
                yield from _texts(node.args[place])
            for keyword in node.keywords:
                if keyword.arg == "code":
                    yield from _texts(keyword.value)
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
            first, second = node.elts
            if _is_message(second):
                yield from _texts(first)
            elif isinstance(first, ast.Name) and first.id in _PATTERNS:
                yield from _texts(second)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "code":
                    yield from _texts(value)
        elif isinstance(node, ast.Assign) and _is_for_codes(node.targets[0]):
            given = node.value.values if isinstance(node.value, ast.Dict) else [node.value]
            for value in given:
                yield from _texts(value)
        elif isinstance(node, ast.FunctionDef) and node.name in _RETURNED:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from _texts(inner.value)


def _texts(node: ast.AST) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        return [f"{node.values[0].value}*"] if _CODE.fullmatch(str(node.values[0].value)) else []
    return [node.value] if isinstance(node, ast.Constant) and _is_code(node.value) else []


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _is_message(node: ast.AST) -> bool:
    """Whether it is a sentence."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(one, ast.Constant) and " " in str(one.value) for one in node.values)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def _is_for_codes(target: ast.AST) -> bool:
    return isinstance(target, ast.Name) and target.id in ("code", "CODES", "HIDDEN", "INSTRUCTIONS")


if __name__ == "__main__":
    for code, rooms in sorted(reason_codes().items(), key=lambda one: (sorted(one[1]), one[0])):
        print(code, ", ".join(sorted(rooms)))
