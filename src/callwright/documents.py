"""Read YAML, JSON and Parquet that strangers wrote: safe types only, bounded size, depth and aliases, known lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from callwright.errors import CallwrightError

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 200
MAX_NODES = 5_000_000
"""Values in a document once its aliases are expanded: what a YAML bomb multiplies."""
MAX_MERGED = 100_000
"""Entries that the merge keys (`<<`) of a document copy, all together."""
MAX_COLUMN_BYTES = 2**30
"""Of one column of one row group of a Parquet file, unpacked: what a packed column of zeros multiplies."""
MAX_INTEGER_BITS = 14_000
"""Of a whole number: just what Python writes and reads as text."""


class DocumentError(CallwrightError):
    """A file cannot be read as YAML or JSON; the message names the file and, where known, the line."""


class _Loader(yaml.CSafeLoader):  # type: ignore[misc,unused-ignore]
    """PyYAML's C loader with the plain values of YAML 1.2, which is what OpenAPI files are written in.

    A date stays text (`2024-01-01` as a `datetime.date` is no JSON value), `18:00` is not the number 1080,
    and `on`, `off`, `yes` and `no` are words. What cannot be measured once the value is there is held here: libyaml
    composes by recursion in C, which ends the process where Python would raise, and merge keys copy what they name.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._depth = 0
        self._merged = 0

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Called for each node that is composed; there are no path resolvers that it would have to serve."""
        self._depth += 1
        if self._depth > MAX_DEPTH + 1:
            raise yaml.YAMLError(f"nested more than {MAX_DEPTH} levels deep, refused")

    def ascend_resolver(self) -> None:
        self._depth -= 1

    def flatten_mapping(self, node: Any) -> None:
        before = len(node.value)
        super().flatten_mapping(node)
        self._merged += max(len(node.value) - before, 0)
        if self._merged > MAX_MERGED:
            raise yaml.YAMLError(f"its merge keys copy over {MAX_MERGED:,} entries (a bomb?), refused")


_OLD_ONLY = {
    "tag:yaml.org,2002:timestamp": re.compile(""),
    "tag:yaml.org,2002:bool": re.compile("(?i:yes|no|on|off)$"),
    "tag:yaml.org,2002:int": re.compile(".*:"),
    "tag:yaml.org,2002:float": re.compile(".*:"),
}
"""What YAML 1.1 reads as a timestamp, boolean or number and YAML 1.2 as text."""


def _newer(tag: str, pattern: re.Pattern[str]) -> re.Pattern[str]:
    """A resolver's pattern without the texts that are only text today."""
    old = _OLD_ONLY.get(tag)
    return re.compile(f"(?!{old.pattern})(?:{pattern.pattern})", pattern.flags) if old else pattern


_Loader.yaml_implicit_resolvers = {
    first: [(tag, _newer(tag, pattern)) for tag, pattern in resolvers]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def read_text(path: Path) -> str:
    """The text of a UTF-8 file of at most 64 MiB.

    Raises:
        DocumentError: No such file, a folder, not readable, too large, or not UTF-8.
    """
    try:
        if path.is_dir():
            raise DocumentError(f"{path}: is a folder, a file was expected")
        # A pipe or a device does not tell its size, so what counts is what comes.
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise DocumentError(f"{path}: larger than {MAX_BYTES // 2**20} MiB, refused")
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise DocumentError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read ({error.strerror})") from None


def load(path: Path) -> Any:
    """The value of a YAML or JSON file, made of JSON types only.

    Raises:
        DocumentError: See `read_text`; or the text is no YAML or JSON, too deep, or a bomb.
    """
    return parse(read_text(path), str(path))


def parse(text: str, where: str) -> Any:
    """The value of a YAML or JSON text; `where` names it in errors."""
    value = _parse_json(text, where) if text.lstrip()[:1] in ("{", "[") else _parse_yaml(text, where)
    _measure(value, where)
    return value


def _parse_json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise DocumentError(f"{where}: nested too deeply") from None
    except ValueError as error:
        try:  # flow-style YAML opens with a brace too
            return _parse_yaml(text, where)
        except DocumentError:
            raise DocumentError(f"{where}: not JSON: {error}") from None


def _parse_yaml(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" line {mark.line + 1}" if mark else ""
        raise DocumentError(f"{where}:{line} not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DocumentError(f"{where}: not YAML: {reason}") from None
    except RecursionError:
        raise DocumentError(f"{where}: nested too deeply") from None


def _measure(value: Any, where: str) -> None:
    """Count what the document would be with every alias written out; aliases share objects, so sizes are kept."""
    sizes: dict[int, int] = {}
    pending: set[int] = set()

    def size(node: Any, depth: int) -> int:
        if not isinstance(node, dict | list):
            _check_scalar(node, where)
            return 1
        if depth > MAX_DEPTH:
            raise DocumentError(f"{where}: nested more than {MAX_DEPTH} levels deep, refused")
        known = sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in pending:
            raise DocumentError(f"{where}: an alias refers to itself, refused")
        pending.add(id(node))
        children = node.values() if isinstance(node, dict) else node
        if isinstance(node, dict):
            for key in node:
                _check_scalar(key, where)
        total = 1 + sum(size(child, depth + 1) for child in children)
        pending.discard(id(node))
        sizes[id(node)] = total
        if total > MAX_NODES:
            raise DocumentError(
                f"{where}: its aliases expand to over {MAX_NODES:,} values (a bomb?), refused"
            )
        return total

    size(value, 0)


def _check_scalar(value: Any, where: str) -> None:
    """Tags such as `!!binary` make values that JSON does not have."""
    if value is not None and not isinstance(value, str | int | float):
        raise DocumentError(f"{where}: holds a {type(value).__name__}, which JSON does not have")
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise DocumentError(f"{where}: holds a whole number of over {MAX_INTEGER_BITS:,} bits, refused")


def parquet_rows(path: Path, at_once: int) -> Iterator[Any]:
    """The rows of a Parquet file, `at_once` of them in memory at a time.

    Raises:
        DocumentError: It is none, or unpacks to more than can be held; the message names the last row that was read.
        OSError: It cannot be opened.
    """
    import pyarrow as pa  # it takes longer to import than most commands take
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            _refuse_packed_bomb(path, file.metadata)
            for batch in file.iter_batches(at_once):
                for row in batch.to_pylist():
                    number += 1
                    yield row
    except (pa.ArrowException, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        # Arrow words its errors in several lines, and some of them are the system's by their class.
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DocumentError(f"{path}: cannot be read as Parquet after row {number} ({reason})") from None


def _refuse_packed_bomb(path: Path, described: Any) -> None:
    for group in range(described.num_row_groups):
        for column in range(described.num_columns):
            chunk = described.row_group(group).column(column)
            if chunk.total_uncompressed_size > MAX_COLUMN_BYTES:
                raise DocumentError(
                    f"{path}: its column {chunk.path_in_schema} unpacks to {chunk.total_uncompressed_size:,} bytes in "
                    f"one row group, and at most {MAX_COLUMN_BYTES:,} are read; write it in smaller row groups"
                )


def line_of(text: str, keys: tuple[str | int, ...]) -> int | None:
    """The line, from 1, of a key path in a YAML text, or of its nearest parent; None for no YAML."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return None
    line = None
    for key in keys:
        step = _child(node, key)
        if step is None:
            break
        mark, node = step
        line = mark.line + 1
    return line


def _child(node: Any, key: str | int) -> tuple[yaml.Mark, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark, node.value[key]
    return None
