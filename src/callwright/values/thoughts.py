"""Thoughts that a server passed on as text."""

from __future__ import annotations


def spoken(text: str) -> str:
    """What an answer says to the user: without thoughts that a server passed on as text.

    A chat template may have opened the thought itself, so that only its end is there.
    """
    return text.rpartition("</think>")[2].partition("<think>")[0].strip()
