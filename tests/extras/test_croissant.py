"""The reference library reads the Croissant file that an export carries."""

from __future__ import annotations

from pathlib import Path

import mlcroissant
import pyarrow.parquet as pq
import pytest
from builders import commit, task, trajectory

from callwright.store import Store
from callwright.views import trl


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's own, of what it builds on
def test_the_reference_library_reads_the_croissant(tmp_path: Path):
    with Store.open(tmp_path / "data", write=True) as store:
        version = store.commit(commit(trajectory(), test=[trajectory(task("None?"), [])]))
        trl.export(store, version, tmp_path / "out")
    dataset = mlcroissant.Dataset(jsonld=str(tmp_path / "out" / "croissant.json"))
    assert not dataset.metadata.issues.errors
    rows = list(dataset.records("train-00000-of-00001"))
    columns = pq.read_schema(tmp_path / "out" / "portable" / "train-00000-of-00001.parquet").names
    assert [set(row) for row in rows] == [{f"train-00000-of-00001/{name}" for name in columns}]
