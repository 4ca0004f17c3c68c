"""A request that is not sent, or an answer that is of no use: what is observed instead of an answer."""

from __future__ import annotations


class Refused(Exception):
    """`code` is the stable reason; `status` is what a gateway in our place would answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
