"""What a function does, in one word, for the table of coverage: read off its method, its name and its answer."""

from __future__ import annotations

from typing import Literal, get_args

from callwright.generators.toolalpaca.toolsets.rules import answers_with_list
from callwright.schemas.tool import OpenAPIBinding, Tool
from callwright.values.spoken import humanise

Capability = Literal["search", "get", "create", "update", "delete", "compute", "generate", "act"]
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)

_VERBS: dict[Capability, str] = {
    "search": "search find list browse filter discover query",
    "create": "create add book reserve register schedule submit subscribe upload post order save",
    "update": "update edit change rename modify replace move",
    "delete": "delete remove cancel unsubscribe revoke",
    "compute": "calculate compute convert compare estimate check validate verify translate detect analyze analyse "
    "classify score summarize extract count parse lookup resolve measure rate encode decode scan predict",
    "generate": "generate render draw random suggest recommend pick roll shuffle make produce compose",
}
_BY_VERB = {word: capability for capability, text in _VERBS.items() for word in text.split()}
_BY_METHOD: dict[str, Capability] = {"PUT": "update", "PATCH": "update", "DELETE": "delete", "POST": "act"}


def capability(tool: Tool) -> Capability:
    """The one thing that a tool does; `act` for what fits no other word, such as starting a job."""
    method = tool.binding.method if isinstance(tool.binding, OpenAPIBinding) else "GET"
    if method == "DELETE":
        return "delete"
    words = humanise(tool.name).split()
    named = _BY_VERB.get(words[0]) if words else None
    if "random" in words:
        return "generate"
    if named and not (named == "search" and method == "POST" and not answers_with_list(tool)):
        return named
    if method in _BY_METHOD:
        return "create" if method == "POST" and tool.reply.status == 201 else _BY_METHOD[method]
    return "search" if answers_with_list(tool) else "get"
