"""Descriptions as plain sentences: markup taken off, cut at a word."""

from __future__ import annotations

import html
import re

MAX_CHARACTERS = 1000
_READ = 20_000
"""Characters looked at; nobody's summary is longer, and patterns stay quick."""

_TAGS = (
    "a|b|blockquote|br|center|code|dd|details|div|dl|dt|em|h[1-6]|hr|i|img|kbd|li|ol|p|pre|s|small|span|"
    "strong|sub|summary|sup|table|tbody|td|th|thead|tr|tt|u|ul"
)


def describe(summary: str, description: str) -> str:
    """One description out of a title and a text, without saying the same thing twice."""
    title, text = plain_text(summary), plain_text(description)
    if not title or _bare(text).startswith(_bare(title)):
        return shortened(text or title)
    if not text or _bare(title).startswith(_bare(text)):
        return shortened(title)
    stop = "" if title.endswith((".", "!", "?", ":")) else "."
    return shortened(f"{title}{stop} {text}")


def plain_text(text: str) -> str:
    """The text without HTML tags and Markdown's marks; code stays as it is written."""
    text = text[:_READ]
    text = re.sub(r"<!--.*?(-->|$)", " ", text, flags=re.DOTALL)
    text = re.sub(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>", " ", text, flags=re.IGNORECASE)
    text = re.sub(r"!\[[^\[\]]*\]\([^()\s]*\)", " ", text)
    text = re.sub(r"\[([^\[\]]+)\]\([^()\s]*\)", r"\1", text)
    text = re.sub(r"^\s{0,3}(?:#{1,6}|>|```\w*)\s*", "", text, flags=re.MULTILINE)
    text = re.sub(r"(\*\*|__)(?=\S)([^*_]+)(?<=\S)\1", r"\2", text)
    text = html.unescape(text)
    return re.sub(r"\s+", " ", text).strip()


def shortened(text: str) -> str:
    """The text, cut at a word when it is longer than a description should be."""
    if len(text) <= MAX_CHARACTERS:
        return text
    cut = text[: MAX_CHARACTERS - 1]
    return f"{cut.rsplit(' ', 1)[0].rstrip(' ,;:')}…"


def _bare(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()
