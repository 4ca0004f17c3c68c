"""The memory of callwright: one DuckDB file of content-addressed rows that are never rewritten."""

from callwright.store.rows import Commit, TaskRow, TrajectoryRow
from callwright.store.store import Store

__all__ = ["Commit", "Store", "TaskRow", "TrajectoryRow"]
