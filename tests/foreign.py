"""Bytes and values as strangers send them: what is right in form with something wrong in it, and plain noise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

# Half characters, invisible ones and the marks that parsers look for are drawn more often than chance would.
TEXT = st.text(
    st.one_of(
        st.characters(codec=None, exclude_categories=()),
        st.sampled_from("\ud800\udfff\u0000\u200b\u202e\ufeff{}[]\"'\\:,<>/-&*!|#%@\n\t 0aé"),
    ),
    max_size=24,
)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**400, 1e308, 5e-324, float("nan"), float("inf"), -0.0]),
    st.floats(),
)


def _deep(levels: int) -> Any:
    value: Any = 0
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def junk(words: list[str]) -> st.SearchStrategy[Any]:
    """Any JSON value, NaN and half characters among them; keys and texts are often words that mean something."""
    keys = st.one_of(st.sampled_from(words), TEXT)
    leaves = st.one_of(st.none(), st.booleans(), NUMBERS, keys)
    values = st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=6,
    )
    return st.one_of(values, st.sampled_from([50, 190, 210, 400]).map(_deep))


def _places(value: Any) -> Iterator[tuple[Any, ...]]:
    yield ()
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in entries:
        for rest in _places(child):
            yield (key, *rest)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, child in value.items():
            yield str(key)
            yield from _words(child)
    elif isinstance(value, list):
        for child in value:
            yield from _words(child)


def _changed(value: Any, changes: list[tuple[tuple[Any, ...], str, Any]]) -> Any:
    holder = [deepcopy(value)]
    for place, change, new in changes:
        node: Any = holder
        *parents, last = (0, *place)
        try:
            for key in parents:
                node = node[key]
            if change == "drop":
                del node[last]
            elif change == "rename" and isinstance(node, dict) and isinstance(new, str):
                node[new] = node.pop(last)
            elif change == "wrap":
                node[last] = [node[last]]
            elif change == "text":
                node[last] = json.dumps(node[last])
            else:
                node[last] = new
        except (LookupError, TypeError):
            continue  # an earlier change took the place away
    return holder[0] if holder else None


def values(*seeds: Any) -> st.SearchStrategy[Any]:
    """A seed with up to three changes, or any JSON value at all."""

    def of(seed: Any) -> st.SearchStrategy[Any]:
        words = sorted(set(_words(seed))) or ["name"]
        change = st.tuples(
            st.sampled_from(sorted(_places(seed), key=str)),
            st.sampled_from(["set", "set", "set", "drop", "rename", "wrap", "text"]),
            junk(words),
        )
        changed = st.lists(change, min_size=1, max_size=3).map(lambda changes: _changed(seed, changes))
        return st.one_of(changed, changed, changed, junk(words))

    return st.one_of(*map(of, seeds))


def texts(*seeds: str) -> st.SearchStrategy[str]:
    """A seed that was cut and pasted at up to four places, or any text."""

    def cut(arguments: tuple[str, list[tuple[float, float, str]]]) -> str:
        text, cuts = arguments
        for first, second, new in cuts:
            start, end = sorted((int(first * len(text)), int(second * len(text))))
            # Mostly short: what is left is still of a form that somebody reads.
            text = text[:start] + new + text[min(end, start + 8) :]
        return text

    share = st.floats(0, 1, exclude_max=True)
    marks = sorted({word for seed in seeds for word in seed.split()})[:60]
    pasted = st.one_of(TEXT, st.sampled_from(marks), st.sampled_from(seeds), st.just("[" * 3_000))
    whole = st.tuples(st.sampled_from(seeds), st.lists(st.tuples(share, share, pasted), max_size=4)).map(cut)
    return st.one_of(whole, whole, TEXT)


def data(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """As `texts`, for bytes that need not be text."""
    latin = [seed.decode("latin-1") for seed in seeds]
    encoded = texts(*latin).map(lambda text: text.encode("latin-1", "replace"))
    return st.one_of(encoded, encoded, st.binary(max_size=64))


def json_bytes(*seeds: Any) -> st.SearchStrategy[bytes]:
    """A value of `values` as JSON text, now and then damaged."""
    written = values(*seeds).map(_written)
    return st.one_of(written, written, data(*(json.dumps(seed).encode() for seed in seeds)))


def lines(*seeds: Any) -> st.SearchStrategy[bytes]:
    """JSON lines of such values."""
    return st.lists(json_bytes(*seeds), min_size=1, max_size=3).map(b"\n".join)


def _written(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except RecursionError:
        return b"[" * 100_000
