"""What holds for every imported tool, whatever its file said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from callwright.schemas.tool import NAME_PATTERN, Tool
from callwright.sources.keywords import references
from callwright.sources.merging import DROPPED
from callwright.values.validation import validator


def assert_sound(tools: Iterable[Tool]) -> None:
    names = [tool.name for tool in tools]
    assert len(names) == len(set(names))
    for tool in tools:
        assert re.fullmatch(NAME_PATTERN, tool.name)
        assert tool.parameters["type"] == "object"
        assert set(tool.required) <= tool.properties.keys()
        assert_self_contained(tool.parameters)
        if tool.returns is not None:
            assert_self_contained(tool.returns)
        if tool.binding is not None:
            assert tool.binding.places.keys() == tool.properties.keys()
        for example in tool.examples:
            assert validator(tool.parameters).is_valid(example)


def assert_self_contained(schema: dict[str, Any]) -> None:
    """It compiles, which fails on what is no 2020-12, and refers to its own definitions only."""
    validator(schema)
    definitions = schema.get("$defs", {})
    for reference in references(schema):
        assert reference.removeprefix("#/$defs/") in definitions
    assert DROPPED not in str(schema)
