"""The memory of callwright: one DuckDB file of content-addressed rows that are never rewritten."""

from callwright.store.chats import tool_text
from callwright.store.opening import FILE_NAME, look
from callwright.store.query import Answer
from callwright.store.rows import Commit, TaskRow, TrajectoryRow
from callwright.store.store import Store, query

__all__ = ["FILE_NAME", "Answer", "Commit", "Store", "TaskRow", "TrajectoryRow", "look", "query", "tool_text"]
