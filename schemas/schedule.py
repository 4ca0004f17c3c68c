"""When a recipe is built by itself."""

from __future__ import annotations

import re
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import field_validator, model_validator

from callwright.schemas.base import Record

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Schedule(Record):
    """Exactly one of `cron` and `interval`; a text in place of the mapping is a cron line.

    Which moments a cron line means, `flows.schedules` asks Prefect.
    """

    cron: str | None = None
    """Five fields, such as `0 2 * * *`."""
    interval: str | None = None
    """A number with its unit: `90s`, `30m`, `6h` or `1d`."""
    timezone: str = "UTC"
    """Name of a time zone (`Europe/Berlin`) that the cron line is meant in."""
    catch_up: Literal["once", "none"] = "once"
    """What becomes of moments at which nobody could run: one build makes up for all of them, or they are left out."""

    @field_validator("interval")
    @classmethod
    def _interval_is_some_time(cls, given: str | None) -> str | None:
        if given is not None and not _seconds(given):
            raise ValueError("must be a number with its unit, such as 90s, 30m, 6h or 1d")
        return given

    @field_validator("timezone")
    @classmethod
    def _timezone_is_known(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (KeyError, OSError, ValueError):
            raise ValueError("is no time zone; UTC and Europe/Berlin are") from None
        return given

    @model_validator(mode="before")
    @classmethod
    def _text_is_cron(cls, given: Any) -> Any:
        return {"cron": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_of_both(self) -> Schedule:
        if (self.cron is None) == (self.interval is None):
            raise ValueError("a schedule has either cron or interval")
        return self

    @property
    def interval_s(self) -> int:
        """Seconds between two builds; 0 for a cron line."""
        return _seconds(self.interval or "")


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    return int(match[1]) * _UNITS[match[2]] if match else 0
