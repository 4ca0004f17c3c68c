"""Credentials that must not leave the house, known by their shape."""

from __future__ import annotations

import re
import shlex
from urllib.parse import parse_qsl, urlsplit

# Each needs a long tail with a digit in it, so that documentation (`Bearer <token>`) is no secret.
_TAIL = r"(?=[\w.~+/=-]*\d)"
PATTERNS = {
    "authorization_header": rf"\b(?:Bearer|Basic)\s+{_TAIL}[\w.~+/-]{{20,}}=*",
    "openai_key": rf"\bsk-{_TAIL}[\w-]{{20,}}",
    "hugging_face_token": rf"\bhf_{_TAIL}[A-Za-z0-9]{{30,}}",
    "aws_access_key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "github_token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{40,})",
    "google_api_key": r"\bAIza[\w-]{35}",
    "slack_token": r"\bxox[abeprs]-[\w-]{10,}",
    "private_key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
}
REDACTED = "[redacted]"
"""What stands in a secret's place. A row that holds it is dropped, as one of a fallback path."""
_ANY = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in PATTERNS.items()))
# Of a key in several lines, the lines go too; in JSON a line break is an escape.
_WHOLE = re.compile(
    rf"{PATTERNS['private_key']}(?:[^\"]*?-----END (?:[A-Z]+ )*PRIVATE KEY-----|(?:\\+[nr]|[\sA-Za-z0-9+/=])*)"
    f"|{_ANY.pattern}"
)
# Each match holds one of these, which are found twenty times as fast; nearly no text does.
_MARKS = (
    *("Bearer", "Basic", "sk-", "hf_", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    *("AIza", "xox", "-----BEGIN"),
)

_NAMED = re.compile(
    r"-*(?:\w[\w.-]*[_.-])?(?:api[_-]?key|(?:access|auth|bearer)[_-]?token|token|secret|password)",
    re.IGNORECASE,
)
_SHAPED = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w.~+=-]{16,}")
PASSWORD = re.compile(r"[A-Za-z][\w+.-]*://[^/\s:@?#]*:[^/\s@?#]+@")
"""An address with a password in it."""


def find_secret(text: str) -> str | None:
    """The name of the first pattern that the text matches; the secret itself is never repeated."""
    if not any(mark in text for mark in _MARKS):
        return None
    found = _ANY.search(text)
    return found.lastgroup if found else None


def find_credential(command: str) -> str | None:
    """What a server's URL or command line hands over a secret as: a pattern's name, a parameter or an option.

    A parameter of a query is told by its name alone. The value of an option must have the shape of a secret besides: at
    least 16 characters with letters and digits, no path.
    """
    if found := find_secret(command):
        return found
    try:
        words = shlex.split(command)
        for word in words:
            if "://" not in word:
                continue
            if PASSWORD.search(word):
                return "a password"
            for name, value in parse_qsl(urlsplit(word).query):
                if value and _NAMED.fullmatch(name):
                    return name
    except ValueError:
        return None  # whoever splits it says why
    pairs = [word.partition("=")[::2] for word in words]
    pairs += [(word, after) for word, after in zip(words, words[1:], strict=False) if word.startswith("-")]
    return next((name for name, value in pairs if _NAMED.fullmatch(name) and _SHAPED.fullmatch(value)), None)


def redact(text: str) -> str:
    """The text with a mark in place of each secret; JSON stays JSON."""
    return _WHOLE.sub(REDACTED, text) if find_secret(text) else text
