"""Headers that carry credentials: their values come from the environment, and are taken out of what comes back."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from callwright.errors import UsageError

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
OURS = frozenset(
    "accept accept-encoding connection content-encoding content-length content-type cookie expect host keep-alive "
    "proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split()
)
"""Headers, in lower case, that say how a message is framed or routed: no argument sets them."""
NOTHING = re.compile(r"(?!)")
"""What `secrets_in` gives where there are none."""
_SHORTEST_SECRET = 6
"""Characters. A shorter value is a placeholder, and a word of ordinary answers."""


class Credentials:
    """Headers that a recipe names, each with the environment variable that holds its value."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """
        Raises:
            UsageError: A name is none of a header that can be set.
        """
        self._variables = {_checked(name): variable for name, variable in variables.items()}

    def read(self) -> dict[str, str]:
        """Header -> its value, as the environment has it now.

        Raises:
            UsageError: A variable is not set, or holds what no header can.
        """
        found = {}
        for header, variable in self._variables.items():
            value = os.environ.get(variable, "").strip()
            if not value:
                raise UsageError(
                    f"the header {header} takes its value from the environment variable {variable}, which is not "
                    "set; set it, or take the header out of the recipe"
                )
            if not (value.isascii() and value.isprintable()):
                raise UsageError(
                    f"the environment variable {variable} has characters that the header {header} cannot hold; "
                    "set it again"
                )
            found[header] = value
        return found


def secrets_in(values: Iterable[str]) -> re.Pattern[str]:
    """What must not come back: values, the token in `Bearer TOKEN`, and how both stand in an address."""
    found = [piece for value in values for piece in (value, *value.split()[1:])]
    found += [quote(piece, safe="") for piece in found]
    longest_first = sorted({one for one in found if len(one) >= _SHORTEST_SECRET}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if longest_first else NOTHING


def redacted(value: Any, secrets: re.Pattern[str]) -> Any:
    """The value without secrets: some servers repeat a request's headers in their answers."""
    if isinstance(value, str):
        return secrets.sub("[redacted]", value)
    if isinstance(value, list):
        return [redacted(one, secrets) for one in value]
    if isinstance(value, dict):
        return {redacted(key, secrets): redacted(one, secrets) for key, one in value.items()}
    return value


def _checked(name: str) -> str:
    if not HEADER_NAME.fullmatch(name) or (name.lower() in OURS and name.lower() != "cookie"):
        raise UsageError(f"headers: {name!r} is no header that can be set; write one such as Authorization")
    return name
