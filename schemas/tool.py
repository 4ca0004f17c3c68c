"""Tools and toolkits: what a model may call, and how the call reaches its server."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.schemas.base import Record, digest
from callwright.schemas.phrases import PhraseSheet

Location = Literal["path", "query", "header", "cookie", "body"]
Style = Literal["form", "simple", "label", "matrix", "spaceDelimited", "pipeDelimited", "deepObject", "json"]
"""OpenAPI's words for how a value is written; `json`, ours, is what it says with `content: application/json`."""

NAME_PATTERN = r"^[a-zA-Z0-9_-]{1,64}$"


def _default_style(location: Location) -> Style:
    return "simple" if location in ("path", "header") else "form"


class Place(Record):
    """Where one argument goes in an HTTP request."""

    location: Location
    name: str
    """The name on the wire; the argument's own name may carry a suffix after a collision."""
    style: Style = Field(default_factory=lambda place: _default_style(place["location"]))
    """How a value is written; says nothing about a field of a JSON body."""
    explode: bool = Field(default_factory=lambda place: bool(place["style"] == "form"))
    """Whether each entry of a list or an object is written on its own."""
    allow_reserved: bool = False
    """Whether characters such as `/` and `:` stand in a query as they are."""


class OpenAPIBinding(Record):
    type: Literal["openapi"] = "openapi"
    method: str
    path: str
    server: str | None = None
    places: dict[str, Place] = {}
    """Argument name -> where it goes."""
    content_type: str | None = None
    """Media type of the request body; None without a body."""
    live: str | None = None
    """The toolkit through whose HTTP toolbox calls really go out; None when the server is simulated."""
    whole_body: bool = False
    """Whether the one argument placed in the body is all of it, and not one of its fields."""


class PythonBinding(Record):
    type: Literal["python"] = "python"
    module: str
    """A module's name, or the path of a Python file."""
    function: str


class McpBinding(Record):
    type: Literal["mcp"] = "mcp"
    server: str
    """The URL of a streamable HTTP server, or the command line of one that speaks over stdio."""
    tool: str
    """The tool's name on the server."""


class WorldBinding(Record):
    type: Literal["world"] = "world"
    world: str
    function: str


Binding = Annotated[OpenAPIBinding | PythonBinding | McpBinding | WorldBinding, Field(discriminator="type")]


class Reply(Record):
    """What the documentation says about a successful answer."""

    status: int = 200
    media_type: str | None = "application/json"
    """None when the answer has no body."""
    examples: tuple[Any, ...] = ()
    """Documented bodies, as they stand in the documentation."""


class Leaves(Record):
    """What an invented tool was drawn from: a path through each of two trees (Zhang et al. 2025, LoopTool)."""

    context: tuple[str, ...]
    """Domain, sub-topic, and what the function does."""
    constraints: tuple[str, ...]
    """Style of its name, how many parameters of which types, form of its answer, style of its description."""


UNNAMED = ("binding", "leaves")
"""Fields that a tool's id does not name."""


class Tool(Record):
    """One callable function."""

    name: str = Field(pattern=NAME_PATTERN)
    description: str
    parameters: dict[str, Any]
    """A self-contained JSON Schema 2020-12 object."""
    returns: dict[str, Any] | None = None
    """JSON Schema of the body of a successful answer, or None when the documentation has none."""
    summary: str = ""
    """The documentation's one-line title, empty where it has none."""
    resource: str = ""
    """What the tool acts on ("special-events"), so that look-alikes are never offered as a wrong choice."""
    reply: Reply = Reply()
    examples: tuple[dict[str, Any], ...] = ()
    """Documented argument objects: the only proof of which optional arguments go together."""
    binding: Binding | None = None
    """How a call reaches its server. Never exported."""
    leaves: Leaves | None = None
    """What it was drawn from, where it was invented so. Never exported."""

    @cached_property
    def id(self) -> str:
        """Digest of all that decides what a model sees and what is answered; binding and leaves are not in it."""
        return digest(self.model_dump(mode="json", exclude=set(UNNAMED)))

    @property
    def pin(self) -> str:
        """16 hexadecimal digits that name what a model is told about the tool: name, description and schemas."""
        return digest([self.name, self.description, self.parameters, self.returns])[:16]

    @property
    def properties(self) -> dict[str, dict[str, Any]]:
        """Argument name -> its schema, in documented order."""
        found: dict[str, dict[str, Any]] = self.parameters.get("properties", {})
        return found

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.parameters.get("required", ()))

    def wire(self) -> dict[str, Any]:
        """The tool as OpenAI-style chat requests and exported rows carry it."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": self.parameters,
            },
        }


class Toolkit(Record):
    """Tools that belong together: one API, one MCP server, one module."""

    name: str = Field(pattern=NAME_PATTERN)
    title: str
    description: str = ""
    category: str = "other"
    origin: str = ""
    """Where the tools came from: a file's name, never a path of somebody's machine."""
    licence: str | None = None
    teacher: str = ""
    """Who invented the documentation; empty where it describes something that exists."""
    tools: tuple[Tool, ...]
    phrases: PhraseSheet | None = None
    """Natural wordings for the offline teacher; None when only the documentation is there."""

    @cached_property
    def id(self) -> str:
        """Digest of the tools and their phrase sheet."""
        sheet = self.phrases.model_dump(mode="json") if self.phrases else None
        return digest([self.name, [tool.id for tool in self.tools], sheet])

    def tool(self, name: str) -> Tool:
        """The tool of that name.

        Raises:
            KeyError: There is none.
        """
        for tool in self.tools:
            if tool.name == name:
                return tool
        raise KeyError(name)


class Refusal(Record):
    """Something in a source that was left out, and why."""

    code: str
    where: str
    """File, path and method, or file and tool."""
    message: str
