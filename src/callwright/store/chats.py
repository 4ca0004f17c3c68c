"""What chat trainers are given of a row, as text: written and checked once, when a version is committed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter

from callwright.schemas.base import digest
from callwright.schemas.message import WRONG, AssistantMessage, Message, ToolMessage
from callwright.schemas.task import teacher_name
from callwright.schemas.tool import Tool
from callwright.values.exact import RowError, checked_json, plain
from callwright.values.secrets import PATTERNS

RULES = digest(["1", PATTERNS])[:8]
"""Names what a text was written and checked by: with another secret to look for, texts are made anew."""
_MESSAGES: TypeAdapter[tuple[Message, ...]] = TypeAdapter(tuple[Message, ...])
# A number that is no whole one, or a whole one of more than 64 bits; an address or a version is taken for one, too.
_NUMBER = re.compile(r"\d[.eE]|\d{19}")


class ChatTexts:
    """Conversations as rows of the table `chats`.

    Args:
        find: The tool of an id, None where there is none.
    """

    def __init__(self, find: Callable[[str], Tool | None]) -> None:
        self._find = find
        self._tools: dict[str, str | RowError | None] = {}

    def row(self, id_: str, body: Mapping[str, Any], task: Mapping[str, Any]) -> dict[str, Any] | None:
        """The row of a conversation's record and its task's; None where a tool is missing."""
        tools = [self._tool(one) for one in task["tools"]]
        if None in tools:
            return None
        messages = _MESSAGES.validate_python(body["messages"])
        turns = [one for one in messages if isinstance(one, AssistantMessage)]
        provenance = body["provenance"]
        row: dict[str, Any] = {
            "id": id_,
            "rules": RULES,
            "messages": [],
            "tools": list(task["tools"]),
            "code": "",
            "message": "",
            "toolkit": task["toolkit"],
            "teacher": teacher_name(provenance["teacher"]),
            "prompts": [f"{purpose} {prompt}" for purpose, prompt in sorted(provenance["prompts"].items())],
            "trusts": [one.observation.trust for one in messages if isinstance(one, ToolMessage)],
            "masked": sum(not one.train for one in turns),
            "wrong": any(span.label == WRONG for one in turns for span in one.spans),
            "numbers": any(_NUMBER.search(call.arguments) for one in turns for call in one.tool_calls),
        }
        try:
            for tool in tools:
                if isinstance(tool, RowError):
                    raise tool
            row["messages"] = [checked_json(plain(message)) for message in messages]
        except RowError as error:
            told = str(error).encode("utf-8", "backslashreplace").decode()
            row |= {"code": error.code, "message": told}
        return row

    def _tool(self, id_: str) -> str | RowError | None:
        if id_ not in self._tools:
            tool = self._find(id_)
            self._tools[id_] = tool_text(tool) if tool else None
        return self._tools[id_]


def tool_text(tool: Tool) -> str | RowError:
    """The tool as JSON text in OpenAI's chat format, or why it cannot be written."""
    try:
        return checked_json(tool.wire())
    except RowError as error:
        return RowError(error.code, f"tool {tool.name}: {error}")
