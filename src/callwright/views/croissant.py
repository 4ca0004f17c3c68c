"""Croissant metadata of an export: what its files and columns are, for dataset search and for loaders.

MLCommons Croissant 1.0, written by hand: it is one JSON-LD document, and the reference library brings rdflib, scipy and
pandas. A test reads the document with that library where it is installed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callwright.schemas.version import Version
from callwright.views.card import licence

CROISSANT_NAME = "croissant.json"
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_COLUMNS = {
    "id": "Digest of the conversation and its tools.",
    "messages": "The chat messages, JSON text.",
    "tools": "The offered tools, JSON text; null where none was offered.",
    "kind": "What the row teaches.",
    "method": "The method that made it.",
    "toolkit": "The API or module that its tools belong to.",
    "teacher": "Who wrote the words.",
    "evidence": "The highest rung of evidence that it passed.",
}
_CONFIG = "portable"
_LICENCE_URL = "https://spdx.org/licenses/{}.html"


def croissant(version: Version, folder: Path, rows: Mapping[str, Mapping[str, int]]) -> str:
    """The document of an export of the view `trl`; it describes the config that any Parquet reader understands.

    Args:
        version: What the rows are of.
        folder: Where the files are; they are named by their digests.
        rows: Config -> split -> rows.
    """
    stated = licence(version.statistics)["license"]
    files = sorted((folder / _CONFIG).glob("*.parquet"))
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": version.dataset,
        "description": f"{sum(rows[_CONFIG].values())} conversations in which an assistant uses tools, made and "
        f"checked by callwright ({version.name}, {version.id}).",
        "license": stated if stated in ("other", "unknown") else _LICENCE_URL.format(stated),
        "url": f"https://huggingface.co/datasets/{version.dataset}",
        "version": f"{version.number}.0.0",
        "distribution": [_file(path, folder) for path in files],
        "recordSet": [_records(path) for path in files],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _file(path: Path, folder: Path) -> dict[str, Any]:
    name = path.relative_to(folder).as_posix()
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": "application/x-parquet",
        "sha256": sha256,
    }


def _records(path: Path) -> dict[str, Any]:
    """The records of one file; a split of several files is several sets."""
    return {
        "@type": "cr:RecordSet",
        "@id": path.stem,
        "name": path.stem,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{path.stem}/{column}",
                "name": column,
                "description": text,
                "dataType": "sc:Text",
                "source": {"fileObject": {"@id": f"{_CONFIG}/{path.name}"}, "extract": {"column": column}},
            }
            for column, text in _COLUMNS.items()
        ],
    }
