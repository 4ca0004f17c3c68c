"""Rows whose chat texts the store holds go to parquet as tables; none of them passes through Python."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from callwright.schemas.version import Version
from callwright.store import Store, tool_text
from callwright.views.chat import Tally
from callwright.views.tables import Tables, reads_back

_COUNTED = ("split", "kind", "toolkit", "teacher", "evidence")
_TAKEN = 1_000
"""Rows that are copied at once: few enough to stay in the processor's cache."""


def copy_chats(store: Store, version: Version, tables: Tables, tally: Tally, mistakes: str) -> None:
    """Write the rows of a version that `Store.has_chats` to columns `id`, `messages`, `tools` and labels.

    Args:
        store: Where they are.
        version: Whose rows.
        tables: Where they go.
        tally: Counts them.
        mistakes: Under what the tally leaves out rows with something that must not be learned.
    """
    tools = _Tools(store)
    for page in store.chats(version):
        # Sorted here, by number alone: DuckDB would sort the texts along.
        order = pc.sort_indices(page["ordinal"])
        too_much = pc.or_(page["wrong"], pc.greater(page["masked"], 0)).take(order)
        tally.left_out += Counter({mistakes: pc.sum(too_much).as_py()})
        order = order.filter(pc.invert(too_much))
        _count(page.drop_columns(["messages", "tools"]).take(order), tally)
        splits = page["split"].take(order)
        for split in pc.unique(splits).to_pylist():
            here = order.filter(pc.equal(splits, split))
            for start in range(0, len(here), _TAKEN):
                rows = page.take(here.slice(start, _TAKEN))
                offered, held = tools.of(rows["tools"].combine_chunks())
                written = rows.set_column(rows.schema.get_field_index("tools"), "tools", offered)
                tables.add_table(split, written.select(tables.columns), pc.and_(held, _read_back(rows)))


def _read_back(rows: pa.Table) -> pa.BooleanArray:
    """Whether the messages of each row are read back; only a call can hold a number that is not."""
    doubtful = rows["numbers"].combine_chunks()
    texts = rows["messages"].filter(doubtful).to_pylist()
    found = [all(reads_back(one) for one in row or () if '"tool_calls": [' in one) for row in texts]
    return pc.replace_with_mask(pc.invert(doubtful), doubtful, pa.array(found, pa.bool_()))


def _count(rows: pa.Table, tally: Tally) -> None:
    for found in rows.group_by(_COUNTED).aggregate([([], "count_all")]).to_pylist():
        count = found["count_all"]
        tally.rows[found["kind"], found["split"]] += count
        tally.toolkits[found["toolkit"], found["split"]] += count
        tally.teachers[found["teacher"]] += count
        tally.evidence[found["evidence"]] += count
    for prompt, count in _values(rows["prompts"]):
        purpose, _, digest = prompt.rpartition(" ")
        tally.prompts[purpose, digest] += count
    for trust, count in _values(rows["trusts"]):
        tally.trusts[trust] += count


def _values(lists: pa.ChunkedArray) -> list[tuple[str, int]]:
    found = pc.value_counts(pc.list_flatten(lists))
    return [(one["values"], one["counts"]) for one in found.to_pylist()]


class _Tools:
    """The texts of tools: few tools serve many rows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids = pa.array([], pa.string())
        self._texts = pa.array([], pa.string())
        self._exact = pa.array([], pa.bool_())

    def of(self, offered: pa.ListArray) -> tuple[pa.ListArray, pa.BooleanArray]:
        """Lists of texts for lists of ids, null for null; and whether all texts of each are read back."""
        ids = offered.flatten()
        self._learn(pc.unique(ids))
        places = pc.index_in(ids, value_set=self._ids)
        # Offsets anew: those of a slice count from the beginning of what it was cut out of.
        sizes = pc.fill_null(pc.list_value_length(offered), 0)
        ends = pc.cumulative_sum(sizes)
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
        texts = pa.ListArray.from_arrays(offsets, self._texts.take(places), mask=offered.is_null())
        if pc.all(self._exact, min_count=0).as_py():
            return texts, pa.repeat(pa.scalar(True), len(offered))
        changed = pc.list_parent_indices(texts).filter(pc.invert(self._exact.take(places)))
        rows = pa.array(range(len(offered)), changed.type)
        return texts, pc.invert(pc.is_in(rows, value_set=changed))

    def _learn(self, ids: pa.StringArray) -> None:
        new = ids.filter(pc.invert(pc.is_in(ids, value_set=self._ids)))
        if not len(new):
            return
        tools = self._store.tools(new.to_pylist())
        texts = [tool_text(tools[one]) for one in new.to_pylist()]
        self._ids = pa.concat_arrays([self._ids, new])
        self._texts = pa.concat_arrays([self._texts, pa.array(texts, pa.string())])
        exact = pa.array([reads_back(str(one)) for one in texts], pa.bool_())
        self._exact = pa.concat_arrays([self._exact, exact])
