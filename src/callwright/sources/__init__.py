"""Files of tools become toolkits: OpenAPI documents and JSON lists of functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from callwright import documents
from callwright.errors import SourceError
from callwright.schemas.tool import Refusal, Toolkit
from callwright.sources.openapi import read_openapi
from callwright.sources.phrases import load_phrases
from callwright.sources.problems import shown
from callwright.sources.tool_list import read_tool_list

Kind = Literal["openapi", "json"]

__all__ = ["Kind", "load_phrases", "load_toolkit"]


def load_toolkit(
    path: Path, *, kind: Kind | None = None, phrases: Path | None = None, name: str | None = None
) -> tuple[Toolkit, tuple[Refusal, ...]]:
    """The toolkit of a file, and what had to be left out of it.

    Args:
        path: An OpenAPI 3 document (YAML or JSON), or a JSON list of functions.
        kind: What the file is; found out unless given.
        phrases: The phrase sheet; `STEM.phrases.yaml` beside the file, if there is one, unless given.
        name: The toolkit's name; made of the document's title unless given.

    Raises:
        SourceError: The file, or the phrase sheet, cannot be used.
    """
    try:
        document = documents.load(path)
    except documents.DocumentError as error:
        raise SourceError(str(error)) from None
    read = read_openapi if (kind or _kind_of(document, path.name)) == "openapi" else read_tool_list
    toolkit, refusals = read(document, path.name, name=name)
    sheet = phrases or path.with_name(f"{path.stem}.phrases.yaml")
    if phrases is None and not sheet.is_file():
        return toolkit, refusals
    return toolkit.model_copy(update={"phrases": load_phrases(sheet, toolkit)}), refusals


def _kind_of(document: Any, origin: str) -> Kind:
    if isinstance(document, list) or (isinstance(document, dict) and "tools" in document):
        return "json"
    if isinstance(document, dict) and ("openapi" in document or "swagger" in document):
        return "openapi"
    found = "an empty file" if document is None else shown(document)
    raise SourceError(
        f"{origin}: {found} is no file of tools; expected an OpenAPI 3 document (`openapi: 3.1.0`) "
        "or a JSON list of functions"
    )
