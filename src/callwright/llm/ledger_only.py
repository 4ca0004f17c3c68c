"""A model that must not be asked: whatever reaches it is a question that the ledger holds no answer to."""

from __future__ import annotations

from collections import Counter

from callwright.errors import StoreError
from callwright.llm.base import Completion, Model, Request


class LedgerOnly:
    """Stands in for a teacher behind `Journaled`, with the teacher's name, when a version is replayed."""

    def __init__(self, teacher: Model) -> None:
        self.id = teacher.id
        self.reads_variables = teacher.reads_variables
        self.stats: Counter[str] = Counter()

    async def complete(self, request: Request) -> Completion:
        """
        Raises:
            StoreError: Always.
        """
        raise StoreError(
            f"replay: the ledger holds no answer of {self.id} to {request.purpose} of attempt {request.item}; "
            "name the data folder of the first build with --data, or build without --replay to ask the model"
        )

    async def close(self) -> None:
        pass
