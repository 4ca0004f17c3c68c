"""The rows of a file or a folder, one at a time, whatever is wrong with some of them."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from callwright.documents import DocumentError, parquet_rows, parse, read_text
from callwright.errors import UsageError
from callwright.lint.codes import Finding
from callwright.values.canonical import parse_json

SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet")
MAX_LINE = 64 * 1024 * 1024
"""Bytes of one row at the most."""
_BATCH = 128
"""Rows of a Parquet file that are in memory at a time."""
_CHUNK = 1 << 20
_HEADER = re.compile(r"---\n(.*?\n)---\n", re.DOTALL)
_SPACE = b" \t\r\n"
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(")?|[\[\]{},]', re.DOTALL)
"""What decides where an entry of a list ends."""


@dataclass
class Entry:
    """One row as it stands in its file."""

    place: str
    value: Any
    """None where it cannot be read."""
    size: int = 0
    """Characters, about."""
    problems: list[Finding] = field(default_factory=list)


def files_of(path: Path) -> list[Path]:
    """The file itself, or the data files of a folder and of the folders in it.

    Raises:
        UsageError: There is no such thing, or a folder has no data files.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UsageError(f"{path}: no such file or folder")
    found = sorted(
        one
        for one in path.rglob("*")
        if one.suffix.lower() in SUFFIXES
        and one.is_file()
        and not any(part.startswith(".") for part in one.relative_to(path).parts)
    )
    if not found:
        raise UsageError(f"{path}: holds no data files ({', '.join(SUFFIXES)})")
    return found


def tables_of(folder: Path) -> list[str]:
    """Patterns of the files that the dataset cards in a folder, and in those below it, declare as configs of their own
    (ids, a corpus, answers), and not as the one that is loaded when none is named.
    """
    return [
        (card.parent.relative_to(folder) / pattern).as_posix()
        for card in sorted(folder.rglob("README.md"))
        for pattern in _declared(card)
    ]


def _declared(card: Path) -> list[str]:
    try:
        header = _HEADER.match(read_text(card))
        body = parse(header[1], str(card)) if header else {}
        configs = [one for one in body["configs"] if not one.get("default")]
        return [str(one["path"]) for config in configs for one in config["data_files"]]
    except (AttributeError, DocumentError, KeyError, TypeError):
        return []  # no card that declares anything


def entries_of(path: Path, name: str) -> Iterator[Entry]:
    """The rows of one file, read as what its first bytes say it is.

    Args:
        path: The file.
        name: What it is called in places.

    Raises:
        UsageError: It cannot be opened, or is a broken Parquet file.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start == b"PAR1":
                yield from _parquet(path, name)
            elif _first_byte(file) == b"[":
                yield from _array(file, name)
            elif path.suffix.lower() == ".json" and not _first_line_is_whole(file):
                yield from _document(file, name)
            else:
                yield from _lines(file, name)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from None


def _first_byte(file: BinaryIO) -> bytes:
    """The first byte that is neither space nor byte-order mark; the file stands at its beginning again."""
    found = b""
    while not found and (chunk := file.read(4096)):
        found = chunk.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE)[:1]
    file.seek(0)
    return found


def _first_line_is_whole(file: BinaryIO) -> bool:
    """Whether a file that is called `.json` holds JSON lines; it stands at its beginning again."""
    line = file.readline(MAX_LINE)
    file.seek(0)
    return bool(line.strip()) and _parsed(line, "")[0].value is not None


def _lines(file: BinaryIO, name: str) -> Iterator[Entry]:
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(_CHUNK)) and not rest.endswith(b"\n"):
                pass
            told = f"longer than {MAX_LINE // 2**20} MiB"
            yield Entry(f"{name}:{number}", None, len(line), [Finding("line_too_long", told)])
        elif line.strip(_SPACE):
            yield from _parsed(line, f"{name}:{number}")


def _parsed(line: bytes, place: str) -> list[Entry]:
    """The value of one line, in a list of one."""
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        told = f"byte {error.start + 1} is no UTF-8"
        return [Entry(place, None, len(line), [Finding("not_utf8", told)])]
    try:
        return [Entry(place, parse_json(text), len(text))]
    except ValueError as error:
        strict = str(error)
    try:  # what other readers take is looked at further, once it is said
        value = json.loads(text, parse_constant=str, parse_float=_finite)
        return [Entry(place, value, len(text), [Finding("not_strict_json", strict)])]
    except (ValueError, RecursionError):
        return [Entry(place, None, len(text), [Finding("not_json", strict)])]


def _finite(text: str) -> float | str:
    """The number, or its text where no number that JSON has comes near it."""
    number = float(text)
    return number if math.isfinite(number) else text


def _document(file: BinaryIO, name: str) -> Iterator[Entry]:
    """A file that is one JSON value: a row by itself."""
    text = file.read(MAX_LINE + 1)
    if len(text) > MAX_LINE:
        told = f"one JSON value of more than {MAX_LINE // 2**20} MiB"
        yield Entry(f"{name}:1", None, len(text), [Finding("line_too_long", told)])
    else:
        yield from _parsed(text, f"{name}:1") if text.strip(_SPACE) else ()


def _array(file: BinaryIO, name: str) -> Iterator[Entry]:
    """The entries of a JSON list, without ever holding more than one of them and a chunk."""
    reader = _Stream(file)
    reader.take(b"[")
    while (first := reader.peek()) not in (b"]", b""):
        line = reader.line
        text = reader.element()
        if text is None:
            told = "the list breaks off, or an entry of it is too long"
            yield Entry(f"{name}:{line}", None, 0, [Finding("not_json", told)])
            return
        yield from _parsed(text, f"{name}:{line}")
        reader.take(b",")
    if not first:
        yield Entry(f"{name}:{reader.line}", None, 0, [Finding("not_json", "the list does not end")])


class _Stream:
    """Bytes of a JSON list, cut at the commas between its entries."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._buffer = file.read(_CHUNK).removeprefix(b"\xef\xbb\xbf")
        self._at = 0
        self.line = 1

    def peek(self) -> bytes:
        """The next byte that is no space; empty at the end."""
        while True:
            while self._at < len(self._buffer):
                byte = self._buffer[self._at : self._at + 1]
                if byte not in (b" ", b"\t", b"\r", b"\n"):
                    return byte
                self.line += byte == b"\n"
                self._at += 1
            if not self._more():
                return b""

    def take(self, byte: bytes) -> None:
        """Pass over a byte, if it is the next one."""
        if self.peek() == byte:
            self._at += 1

    def element(self) -> bytes | None:
        """The text of the next entry; None where it does not end or is too long."""
        depth, scanned = 0, self._at
        while True:
            for token in _TOKEN.finditer(self._buffer, scanned):
                scanned = token.end()
                if token[0][:1] == b'"':
                    if token[1] is None:  # the text goes on beyond the buffer
                        scanned = token.start()
                        break
                elif token[0] in (b"[", b"{"):
                    depth += 1
                elif depth and token[0] != b",":
                    depth -= 1
                elif not depth and token[0] != b"}":
                    return self._cut(token.start())
            else:
                scanned = len(self._buffer)
            scanned -= self._at
            if scanned > MAX_LINE or not self._more():
                return None

    def _cut(self, end: int) -> bytes:
        text = self._buffer[self._at : end]
        self.line += text.count(b"\n")
        self._at = end
        return text

    def _more(self) -> bool:
        """Drop what was passed over and read on."""
        chunk = self._file.read(_CHUNK)
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return bool(chunk)


def _parquet(path: Path, name: str) -> Iterator[Entry]:
    try:
        for number, row in enumerate(parquet_rows(path, _BATCH), 1):
            yield _cleaned(row, f"{name}:{number}")
    except DocumentError as error:
        raise UsageError(str(error)) from None


def _cleaned(row: Any, place: str) -> Entry:
    """A row of Arrow's values as one of JSON's."""
    strange: list[str] = []
    value = _json_value(row, strange)
    size = len(json.dumps(value, ensure_ascii=False))
    found = [Finding("not_json_value", strange[0])] if strange else []
    return Entry(place, value, size, found)


def _json_value(value: Any, strange: list[str]) -> Any:
    if isinstance(value, dict):
        return {str(key): _json_value(child, strange) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(child, strange) for child in value]
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, dt.date | dt.time | dt.datetime):
        strange.append(f"{value.isoformat()} is a {type(value).__name__}, not text")
        return value.isoformat()
    strange.append(f"a value of type {type(value).__name__}")
    return str(value)
