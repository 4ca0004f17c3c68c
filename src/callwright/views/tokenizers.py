"""Tokenizers that a view is given by a file; the package is no dependency, and is imported late."""

from __future__ import annotations

from typing import Any

from callwright.errors import UsageError


def load_tokenizer(path: str) -> Any:
    """The tokenizer of a `tokenizer.json`.

    Raises:
        UsageError: The package is not there, or the file is no tokenizer.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise UsageError(
            f"tokenizer={path} needs the package tokenizers ({error}); run: pip install 'callwright[embed]'"
        ) from None
    try:
        return Tokenizer.from_file(path)
    except Exception as error:  # the library raises nothing more particular
        raise UsageError(f"tokenizer={path}: is no tokenizer.json that can be read ({error})") from None
