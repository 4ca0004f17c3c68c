"""The view `verl`: parquet for reinforcement learning with verl, and the reward function that it loads.

verl reads the files with pandas or `datasets` and parses no JSON but its own, so what differs from tool to tool is
text; `ground_truth` is what the reward function is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from callwright.schemas.base import Record
from callwright.schemas.version import SPLITS, Version
from callwright.store import Store
from callwright.views.decisions import (
    REWARD,
    Decision,
    Options,
    Said,
    decisions,
    prompt_faults,
    reward_fault,
    reward_source,
    truth_faults,
    truth_of,
)
from callwright.views.folder import Manifest
from callwright.views.lines import DEFAULT, export_files
from callwright.views.parquet import SplitWriter, Together
from callwright.views.rows import Row, ToolTexts, checked, checked_json
from callwright.views.turns import REASONS

ABOUT = """
Rows for verl: one for each turn of the assistant's in which it has to decide. `prompt` is plain text (tools in the
system message, calls between `<tool_call>` tags), `reward_model.ground_truth` the right calls and the schemas of the
offered tools as JSON text. `reward.py` measures answers; it needs the standard library alone:

```yaml
custom_reward_function:
  path: path/to/this/folder/reward.py
  name: compute_score
  reward_kwargs: {reward: match}   # or calls, arguments, names, format
```
"""
_TEXT = pa.string()
_SCHEMA = pa.schema(
    [
        ("data_source", _TEXT),
        ("prompt", pa.list_(pa.struct([("role", _TEXT), ("content", _TEXT)]))),
        ("ability", _TEXT),
        ("reward_model", pa.struct([("style", _TEXT), ("ground_truth", _TEXT)])),
        (
            "extra_info",
            pa.struct(
                [
                    ("split", _TEXT),
                    ("index", pa.int64()),
                    ("id", _TEXT),
                    ("turn", pa.int64()),
                    ("kind", _TEXT),
                    ("method", _TEXT),
                    ("toolkit", _TEXT),
                    ("evidence", _TEXT),
                    ("calls", pa.int64()),
                    ("need_tools_kwargs", pa.bool_()),
                ]
            ),
        ),
    ]
)


class _Files(Together):
    """The parquet files of each split."""

    files = "{split}-*.parquet"
    left_out: Mapping[str, int] = {}

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.dropped: Counter[str] = Counter()
        self._writers = {
            str(split): self._stack.enter_context(SplitWriter(folder / DEFAULT, split, _SCHEMA))
            for split in SPLITS
        }

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        counts = {split: writer.count for split, writer in self._writers.items() if writer.count}
        return {DEFAULT: counts} if counts else {}

    def add(self, split: str, row: dict[str, Any], size: int) -> None:
        """Append a row of about `size` bytes; its index is its place in the split."""
        writer = self._writers[split]
        row["extra_info"]["index"] = writer.count
        writer.add(row, size)


def export(
    store: Store, version: Version, folder: Path, options: Options, *, overwrite: bool = False
) -> Manifest:
    """Write the view; the folder appears whole or not at all, and has the same bytes every time.

    Raises:
        ViewError: A row must not be exported, no row fits, or something else is in the place.
    """
    tools = ToolTexts(lambda tool: tool.wire()["function"])
    schemas = ToolTexts(lambda tool: tool.parameters)

    def write(written: _Files) -> None:
        (written.folder / REWARD).write_text(reward_source(), encoding="utf-8")

        def made(row: Row) -> tuple[str, list[tuple[dict[str, Any], int]]]:
            found = decisions(row, tools, options, written.dropped)
            return row.split, [_row(version, row, one, schemas) for one in found]

        for split, rows in checked(store, version, made):
            for row, size in rows:
                written.add(split, row, size)

    return export_files(
        version, folder, "verl", options, ABOUT, _Files, write, reasons=REASONS, overwrite=overwrite
    )


def _row(version: Version, row: Row, decision: Decision, schemas: ToolTexts) -> tuple[dict[str, Any], int]:
    truth = truth_of(row, decision, schemas)
    size = len(checked_json(decision.prompt)) + len(truth)
    told = {**row.labels, "split": str(row.split), "turn": decision.turn, "evidence": row.evidence}
    return {
        "data_source": f"callwright/{version.dataset}",
        "prompt": decision.prompt,
        "ability": "tool_use",
        "reward_model": {"style": "rule", "ground_truth": truth},
        "extra_info": {**told, "calls": len(decision.calls), "need_tools_kwargs": False},
    }, size


class _Reward(Record):
    style: Literal["rule"]
    ground_truth: str


class _Extra(Record):
    split: str
    index: int
    id: str
    turn: int
    kind: str
    method: str
    toolkit: str
    evidence: str
    calls: int
    need_tools_kwargs: Literal[False]


class _Row(Record):
    data_source: str
    prompt: list[Said]
    ability: str
    reward_model: _Reward
    extra_info: _Extra


def validate(folder: Path) -> list[str]:
    """What breaks the contract of an export of this view, file and row by row."""
    found = list(reward_fault(folder))
    paths = sorted(folder.glob(f"{DEFAULT}/*.parquet"))
    for path in paths:
        for number, row in enumerate(pq.read_table(path).to_pylist()):
            where = f"{path.relative_to(folder)} row {number}"
            found += [f"{where}: {fault}" for fault in _faults(row)]
    return found if paths else [*found, f"{folder}: holds no parquet file"]


def _faults(body: dict[str, Any]) -> Iterator[str]:
    try:
        row = _Row.model_validate(body, strict=True)
    except ValidationError as error:
        yield from (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return
    yield from prompt_faults(row.prompt)
    yield from truth_faults(row.reward_model.ground_truth)
