"""What a server's 400 means: one question that cannot be answered, or a server that was started the wrong way."""

from __future__ import annotations

import re

from callwright.errors import ModelError, ReplyError

REFUSED = frozenset({400, 413, 422})
"""Statuses that speak of the one request alone."""

_CONTEXT = re.compile(
    r"context[ _-]?(length|size|window)|model length|max_model_len|max_new_tokens|too many tokens",
    re.IGNORECASE,
)
_NO_CALLS = re.compile(r"enable-auto-tool-choice|tool-call-parser", re.IGNORECASE)


def overflows(said: str) -> bool:
    """Whether the server says that the request is longer than the model's context."""
    return bool(_CONTEXT.search(said))


def refusal(status: int, said: str, where: str) -> ReplyError | ModelError:
    """The error for what a server said with one of `REFUSED`; `where` names the server or the command."""
    if overflows(said):
        return ReplyError("context_overflow", f"the request does not fit into the model's context: {said}")
    if _NO_CALLS.search(said):
        return ModelError(
            f"{where} takes no tool calls ({said}): start it with its tool-call parser "
            "(vLLM: --enable-auto-tool-choice --tool-call-parser NAME)"
        )
    return ReplyError("request_refused", f"HTTP {status}: {said}")
