"""Prefect's settings where the user has none: no analytics, patience at start, its home in the data folder.

Must run before Prefect is imported, so this module does not import it.
"""

from __future__ import annotations

import os
from pathlib import Path

from callwright.errors import StoreError


def prefer_quiet_prefect(data: Path, *, logs: bool = False) -> None:
    """Set what the environment leaves open. The first call wins.

    Args:
        data: Folder of the store and the runs.
        logs: Whether Prefect's log is wanted, on stderr and in its own interface.
    """
    home = (data / "prefect").absolute()
    if "PREFECT_HOME" not in os.environ:
        # Without the folder Prefect's server cannot open its database, and says nothing until it times out.
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{home}: cannot be made ({error.strerror}); choose another folder with --data"
            ) from None
    for name, value in (
        ("PREFECT_HOME", str(home)),
        ("PREFECT_SERVER_ANALYTICS_ENABLED", "false"),
        ("DO_NOT_TRACK", "1"),
        ("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120"),
        # A build that fails or is stopped is told of once, by whoever started it; when that was a schedule, by the log.
        ("PREFECT_LOGGING_LEVEL", "INFO" if logs else "CRITICAL"),
        ("PREFECT_LOGGING_SERVER_LEVEL", "CRITICAL"),
        ("PREFECT_LOGGING_TO_API_ENABLED", str(logs).lower()),
    ):
        os.environ.setdefault(name, value)
