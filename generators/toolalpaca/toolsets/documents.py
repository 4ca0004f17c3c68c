"""T4: a document that a model wrote is parsed, validated, imported and held against the rules; all problems are told.

unparsable_reply    the reply holds no JSON document             truncated_reply   it never came to an end
refused_reply       the model declines instead                   remote_reference  a `$ref` leaves the document
invalid_openapi     the validator or the importer says no        other codes       the importer's, and those of `rules`
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from callwright.errors import ReplyError, SourceError
from callwright.generators.toolalpaca.toolsets import rules, trees
from callwright.generators.toolalpaca.toolsets.rules import Problem
from callwright.llm.replies import parse_reply
from callwright.schemas.tool import Leaves, Toolkit
from callwright.sources.openapi import read_openapi

_OBJECT = {"type": "object"}
_TOLD = 8
"""Problems that are told at a time; one often causes the next."""
_CHARACTERS = 240
"""Of one message of the validator, which may quote half of the document."""
_OVERLAP = range(400, 11, -1)
"""Characters of a continuation that may repeat the end of what it continues."""
_DECLINES = re.compile(
    r"\W*(?:i['’]?m (?:really |very )?sorry|i am sorry|sorry,|i can(?:not|['’]t)\b|i am unable|i['’]m unable|i won['’]t"
    r"|unfortunately, i\b|as an ai\b)",
    re.IGNORECASE,
)


class Examined(NamedTuple):
    """A document with its toolkit, or the problems that it has."""

    document: dict[str, Any] | None
    toolkit: Toolkit | None
    problems: tuple[Problem, ...]


def declines(text: str) -> bool:
    """Whether a reply begins like a refusal to help."""
    return bool(_DECLINES.match(text))


def without_thought(text: str) -> str:
    """A reply without the reasoning that some models write before it."""
    return text.rpartition("</think>")[2].lstrip() if "</think>" in text else text


def examine(
    text: str, functions: Sequence[str], origin: str, drawn: Mapping[str, Leaves] | None = None
) -> Examined:
    """The document in a reply, checked against everything that can be checked.

    Args:
        text: The model's reply.
        functions: The names that its operations must have.
        origin: A name of the document, for messages.
        drawn: Function -> the leaves that it was drawn from, where they were.
    """
    try:
        document: dict[str, Any] = parse_reply(text, _OBJECT)
    except ReplyError as error:
        code = "refused_reply" if declines(text) else error.code
        return Examined(None, None, (Problem(code, error.message),))
    problems = tuple(islice(_invalid(document), _TOLD))
    if problems:
        return Examined(document, None, problems)
    try:
        toolkit, refusals = read_openapi(document, origin)
    except SourceError as error:
        return Examined(document, None, (Problem("invalid_openapi", str(error)),))
    told = [Problem(one.code, f"{one.where.removeprefix(f'{origin}: ')}: {one.message}") for one in refusals]
    told += rules.problems(document, toolkit, functions)
    told += trees.problems(document, toolkit.tools, drawn or {})
    return Examined(document, toolkit, tuple(told[:_TOLD]))


def joined(part: str, continuation: str) -> str:
    """A reply that was cut off, with what its continuation adds.

    A continuation that begins anew stands for itself, and one that repeats the end of the part is joined once.
    """
    rest = re.sub(r"^\s*```(?:json)?\n", "", without_thought(continuation)).removesuffix("```")
    if re.match(r'\s*\{\s*"openapi"', rest):
        return rest
    whole = part.rstrip("\n") + rest.lstrip("\n")
    if _parses(whole):
        return whole
    for length in _OVERLAP:
        if len(rest) >= length and part.endswith(rest[:length]):
            return part + rest[length:]
    return whole


def _parses(text: str) -> bool:
    try:
        parse_reply(text, _OBJECT)
    except ReplyError:
        return False
    return True


def _invalid(document: Mapping[str, Any]) -> Iterator[Problem]:
    remote = next((one for one in _references(document) if not one.startswith("#/")), None)
    if remote is not None:
        # The validator would fetch it: nothing that a model wrote opens a connection or a file.
        yield Problem(
            "remote_reference", f"$ref {remote!r} leaves the document; put it under components.schemas"
        )
        return
    version = str(document.get("openapi", ""))
    if not re.fullmatch(r"3\.[01]\.\d+", version):
        yield Problem("invalid_openapi", f"`openapi` is {version!r}, expected 3.0.3")
        return
    # The library takes half a second to import.
    from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

    checker = OpenAPIV30SpecValidator if version.startswith("3.0") else OpenAPIV31SpecValidator
    try:
        for error in checker(dict(document)).iter_errors():
            place = "/".join(map(str, error.absolute_path))
            yield Problem("invalid_openapi", f"at /{place}: {_shortened(error.message)}")
    except Exception as error:  # noqa: BLE001 - the validator trips over documents that are odd enough
        yield Problem(
            "invalid_openapi", f"it cannot be validated: {_shortened(f'{type(error).__name__}: {error}')}"
        )


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, child in value.items():
            if name == "$ref" and isinstance(child, str):
                yield child
            else:
                yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)


def _shortened(text: str) -> str:
    line = " ".join(text.partition("\n\nFailed validating")[0].split())
    return line if len(line) <= _CHARACTERS else f"{line[:_CHARACTERS]}..."
