"""An OpenAPI 3 file becomes a toolkit: one tool for each operation that can be called with JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from callwright.errors import SourceError
from callwright.schemas.base import canonical_json
from callwright.schemas.tool import Leaves, OpenAPIBinding, Refusal, Tool, Toolkit
from callwright.sources.arguments import Body, combine, valid_examples
from callwright.sources.bodies import Generated, is_own_id, read_body
from callwright.sources.closing import Closer
from callwright.sources.dialect import Dialect
from callwright.sources.keywords import Schema
from callwright.sources.naming import collections, legal, operation_name, resource_of_path, slug, unique
from callwright.sources.parameters import read_parameters
from callwright.sources.problems import Unusable, mapping, reason_of, sequence, shown
from callwright.sources.prose import describe, plain_text, shortened
from callwright.sources.replies import read_reply
from callwright.sources.vetting import vet
from callwright.values.validation import SchemaError, validator

LEAVES = "x-callwright-leaves"
"""Key of an operation that was drawn from two trees: its leaves."""
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def read_openapi(
    document: Any, origin: str, *, name: str | None = None
) -> tuple[Toolkit, tuple[Refusal, ...]]:
    """The toolkit of a parsed OpenAPI 3.0 or 3.1 document, and what had to be left out.

    Args:
        document: The parsed file.
        origin: The file's name, for messages and for the toolkit's record.
        name: The toolkit's name; made of the title unless given.

    Raises:
        SourceError: It is no OpenAPI 3 document, or has no operations.
    """
    version = _checked_version(document, origin)
    try:
        return _Walk(document, origin, version).toolkit(name)
    except Unusable as error:
        raise SourceError(f"{origin}: {error}") from None


def _checked_version(document: Any, origin: str) -> str:
    if not isinstance(document, dict):
        raise SourceError(
            f"{origin}: {shown(document)} is no OpenAPI document; expected a mapping with `openapi`"
        )
    if "swagger" in document:
        raise SourceError(
            f"{origin}: Swagger {document['swagger']} is not read; convert the file to OpenAPI 3 first, "
            "for example at https://converter.swagger.io"
        )
    version = str(document.get("openapi", ""))
    if not version.startswith("3."):
        found = f"`openapi:` {shown(version)}" if version else "no `openapi` key"
        raise SourceError(f"{origin}: has {found}; expected an OpenAPI 3.0 or 3.1 document")
    return version


class _Walk:
    """One pass over a document."""

    def __init__(self, document: dict[Any, Any], origin: str, version: str) -> None:
        self._document = document
        self._origin = origin
        self._sent = Dialect(document, version=version, left_out="readOnly")
        self._received = Dialect(document, version=version, left_out="writeOnly")
        self._close_sent = Closer(self._sent)
        self._close_received = Closer(self._received)
        self._paths = {str(k): v for k, v in mapping(document.get("paths"), "paths").items()}
        self._heads = collections(self._paths)
        self._secrets = _secrets(document, self._sent)

    def toolkit(self, name: str | None) -> tuple[Toolkit, tuple[Refusal, ...]]:
        info = mapping(self._document.get("info"), "info")
        tools: dict[str, Tool] = {}
        refusals: list[Refusal] = []
        for where, result in self._operations(tools):
            if isinstance(result, Tool):
                tools[result.name] = result
            else:
                code, message = reason_of(result)
                refusals.append(Refusal(code=code, where=f"{self._origin}: {where}", message=message))
        if not tools and not refusals:
            raise SourceError(f"{self._origin}: has no operations under `paths`, so there is no tool to make")
        title = _text(info.get("title")) or self._origin
        kit = Toolkit(
            name=slug(name or title) or "toolkit",
            title=title,
            description=shortened(plain_text(_text(info.get("description")))),
            origin=self._origin,
            licence=_licence(info.get("license")),
            tools=tuple(tools.values()),
            **_invented(self._document),
        )
        return kit, tuple(refusals)

    def _operations(self, taken: dict[str, Tool]) -> Iterator[tuple[str, Tool | Exception]]:
        """Every operation as a tool, or as the reason why it is none."""
        for path, node in self._paths.items():
            if path.startswith("x-"):
                continue
            try:
                item = self._sent.follow(node, "the path")
            except Unusable as error:
                yield f"* {path}", error
                continue
            for method in item:
                if method in METHODS:
                    yield f"{method.upper()} {path}", self._attempt(path, method, item, taken)

    def _attempt(
        self, path: str, method: str, item: dict[Any, Any], taken: dict[str, Tool]
    ) -> Tool | Exception:
        try:
            return self._tool(path, method, item, taken)
        except (Unusable, SchemaError, RecursionError) as error:
            return error

    def _tool(self, path: str, method: str, item: dict[Any, Any], taken: dict[str, Tool]) -> Tool:
        operation = mapping(item[method], "the operation")
        summary = plain_text(_text(operation.get("summary")))
        resource = resource_of_path(path, self._heads)
        reply, answer = read_reply(self._received, operation.get("responses"))
        returns = self._returned(answer)
        parameters = read_parameters(
            self._sent, item.get("parameters"), operation.get("parameters"), self._secrets
        )
        _check_path(path, {each.place.name for each in parameters if each.place.location == "path"})
        body = self._body(
            operation, Generated(resource, _creates(method, path, resource, reply.status, returns))
        )
        inputs = combine(parameters, body)
        schema = _checked(self._close_sent.close(inputs.schema))
        tool = Tool(
            name=unique(_operation_name(operation, method, path), taken),
            description=describe(summary, _text(operation.get("description"))) or f"{method.upper()} {path}",
            parameters=schema,
            returns=returns,
            summary=summary,
            resource=resource,
            reply=reply,
            examples=valid_examples(schema, inputs.documented),
            binding=OpenAPIBinding(
                method=method.upper(),
                path=path,
                server=self._server(operation, item),
                places=inputs.places,
                content_type=inputs.content_type,
                whole_body=inputs.whole_body,
            ),
            leaves=_leaves(operation),
        )
        vet(operation.get("description"), tool.wire(), tool.returns, tool.reply.examples)
        return _plain_json(tool)

    def _body(self, operation: dict[Any, Any], generated: Generated) -> Body | None:
        node = operation.get("requestBody")
        return None if node is None else read_body(self._sent, node, generated)

    def _returned(self, answer: Schema | None) -> dict[str, Any] | None:
        if answer is None:
            return None
        closed = self._close_received.close(answer, cut=True)
        return _checked({} if closed is True else {"not": {}} if closed is False else closed)

    def _server(self, operation: dict[Any, Any], item: dict[Any, Any]) -> str | None:
        for holder in (operation, item, self._document):
            servers = sequence(holder.get("servers"), "servers")
            if servers:
                return _server_url(mapping(servers[0], "a server"))
        return None


def _check_path(path: str, filled: set[str]) -> None:
    missing = sorted(set(re.findall(r"\{([^{}]+)\}", path)) - filled)
    if missing:
        raise Unusable("undeclared_parameter", f"the path's {{{missing[0]}}} is not among the parameters")


def _checked(schema: Schema) -> dict[str, Any]:
    """The finished schema, once it is known to compile."""
    assert isinstance(schema, dict)
    validator(schema)
    return schema


def _plain_json(tool: Tool) -> Tool:
    """The tool, once its examples are known to be JSON, as its schemas are: YAML has NaN, bytes and sets too."""
    try:
        canonical_json([tool.reply.examples, tool.examples])
        tool.model_dump_json()  # which goes less deep
    except (TypeError, ValueError) as error:
        raise Unusable(
            "invalid_value", f"an example holds what JSON does not have, or is nested too deeply: {error}"
        ) from None
    return tool


def _operation_name(operation: dict[Any, Any], method: str, path: str) -> str:
    given = _text(operation.get("operationId"))
    return legal(given or operation_name(method, path), operation_name(method, ""))


def _creates(method: str, path: str, resource: str, status: int, returns: dict[str, Any] | None) -> bool:
    """Whether an operation makes a new thing: it posts to a collection and says so, or answers with its id."""
    if method != "post" or path.rstrip("/").endswith("}"):
        return False
    answered = returns.get("properties", {}) if returns else {}
    return status == 201 or any(is_own_id(name, resource) for name in answered)


def _secrets(document: dict[Any, Any], dialect: Dialect) -> frozenset[tuple[str, str]]:
    """Location and lower-case name of every parameter that carries an API key."""
    components = mapping(document.get("components"), "components")
    schemes = mapping(components.get("securitySchemes"), "securitySchemes")
    followed = (dialect.follow(each, "a security scheme") for each in schemes.values())
    return frozenset(
        (str(each.get("in")), str(each.get("name")).lower()) for each in followed if "name" in each
    )


def _server_url(server: dict[Any, Any]) -> str:
    """The server's address with every variable at its default."""
    variables = mapping(server.get("variables"), "variables")
    url = _text(server.get("url"))
    for name, variable in variables.items():
        url = url.replace(f"{{{name}}}", str(mapping(variable, "a variable").get("default", "")))
    return url.rstrip("/")


def _invented(document: dict[Any, Any]) -> dict[str, str]:
    """What a document that was invented says of itself under `x-callwright`: who wrote it, and its category."""
    told = document.get("x-callwright")
    fields = (
        {name: _text(told.get(name)) for name in ("teacher", "category")} if isinstance(told, dict) else {}
    )
    return {name: text for name, text in fields.items() if text}


def _leaves(operation: Mapping[Any, Any]) -> Leaves | None:
    """What an invented operation was drawn from; None where it does not say, or not so that it can be read."""
    try:
        return Leaves.model_validate(operation[LEAVES])
    except (KeyError, ValidationError):
        return None


def _licence(node: Any) -> str | None:
    licence = node if isinstance(node, dict) else {}
    return _text(licence.get("identifier")) or _text(licence.get("name")) or None


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
