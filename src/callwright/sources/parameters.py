"""The parameters of an operation, without those that carry credentials."""

from __future__ import annotations

from typing import Any, cast

from callwright.schemas.tool import Location
from callwright.sources.arguments import Argument
from callwright.sources.dialect import Dialect
from callwright.sources.media import documented_values, explained, schema_examples
from callwright.sources.placing import place_of
from callwright.sources.problems import Unusable, mapping, sequence, shown

_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})
"""OpenAPI says that parameters of these names shall be ignored."""

_CREDENTIALS = frozenset(
    "access_token api-key api_key apikey authorization cookie proxy-authorization x-access-token x-api-key "
    "x-auth-token".split()
)
"""Names that carry credentials where the document forgot to call them a security scheme."""


def read_parameters(
    dialect: Dialect, shared: Any, own: Any, secrets: frozenset[tuple[str, str]]
) -> list[Argument]:
    """The parameters of an operation; its own ones win over those of its path."""
    found: dict[tuple[str, str], dict[Any, Any]] = {}
    for each in [*sequence(shared, "parameters"), *sequence(own, "parameters")]:
        parameter = dialect.follow(each, "a parameter")
        found[_identity(parameter)] = parameter
    return [_argument(dialect, each) for key, each in found.items() if not _is_secret(key, secrets)]


def _identity(parameter: dict[Any, Any]) -> tuple[str, str]:
    location, name = parameter.get("in"), parameter.get("name")
    if location not in ("path", "query", "header", "cookie") or not isinstance(name, str):
        raise Unusable(
            "invalid_parameter",
            f"a parameter is named {shown(name)} in {shown(location)}; OpenAPI 3 has no such",
        )
    return location, name


def _is_secret(key: tuple[str, str], secrets: frozenset[tuple[str, str]]) -> bool:
    location, name = key[0], key[1].lower()
    if location == "path":
        return False
    if location == "header" and name in _IGNORED_HEADERS:
        return True
    return (location, name) in secrets or name in _CREDENTIALS


def _argument(dialect: Dialect, parameter: dict[Any, Any]) -> Argument:
    location, name = _identity(parameter)
    content = mapping(parameter.get("content"), "content")
    holder = mapping(next(iter(content.values()), None), "a media type") if content else parameter
    schema = dialect.translate(holder.get("schema"))
    examples = documented_values(dialect, holder) or documented_values(dialect, parameter)
    schema = explained(schema, parameter, list(examples.values()))
    inherited = schema_examples(dialect, schema)
    place = place_of(cast(Location, location), name, parameter, media_type=next(iter(content), None))
    required = location == "path" or parameter.get("required") is True
    return Argument(place, schema, required, examples or ({"": inherited[0]} if inherited else {}))
