"""T0: the directory of public APIs as a table of seeds, and a draw from it that is balanced over the categories."""

from __future__ import annotations

import csv
import html
import io
import random
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from callwright.documents import read_text
from callwright.errors import UsageError
from callwright.schemas.base import Record, digest
from callwright.schemas.tool import Leaves
from callwright.settings import shipped_folder

_COLUMNS = ("name", "description", "link", "category", "auth", "https", "cors")
_ROW = re.compile(r"\|\s*\[(?P<name>[^\]]+)\]\(\s*(?P<link>\S+?)\s*\)\s*\|(?P<rest>.*)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_PICTURE = re.compile(r"[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F]")


class Seed(Record):
    """One line of the directory."""

    name: str
    description: str
    link: str
    category: str
    auth: str = ""
    https: str = ""
    cors: str = ""
    functions: tuple[Leaves, ...] = ()
    """Its functions, where they are drawn from trees and not the teacher's to choose."""


def shipped_table() -> Path:
    """The table that comes with the package."""
    return shipped_folder() / "seeds" / "public_apis.tsv"


def parse_directory(markdown: str) -> list[Seed]:
    """The entries of public-apis' README: the rows of the tables under its `###` headings after the index."""
    seeds: list[Seed] = []
    category = ""
    for line in markdown.partition("## Index")[2].splitlines():
        if line.startswith("#"):
            category = line.removeprefix("### ").strip() if line.startswith("### ") else ""
            continue
        row = _ROW.match(line)
        if not row or not category:
            continue
        cells = [_plain(cell) for cell in row["rest"].split("|")]
        if len(cells) < 4 or not cells[0]:
            continue
        seeds.append(
            Seed(
                name=_plain(row["name"]),
                description=cells[0].rstrip(". "),
                link=_without_campaign(row["link"]),
                category=category,
                auth=cells[1].strip("`"),
                https=cells[2],
                cors=cells[3],
            )
        )
    return seeds


def _plain(cell: str) -> str:
    text = _PICTURE.sub("", _LINK.sub(r"\1", html.unescape(cell)))
    return " ".join(text.split())


def _without_campaign(link: str) -> str:
    parts = urlsplit(link)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if not name.startswith("utm_")]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def rewrite_table(readme: Path, table: Path, exclusions: Path) -> int:
    """Make the table of seeds anew from the directory's README; how many entries it has."""
    barred = _barred(exclusions)
    seeds = [seed for seed in parse_directory(read_text(readme)) if not _is_barred(seed, barred)]
    seeds.sort(key=lambda seed: (seed.category, seed.name, seed.link))
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    writer.writerow(_COLUMNS)
    writer.writerows([getattr(seed, column) for column in _COLUMNS] for seed in seeds)
    table.write_text(text.getvalue(), encoding="utf-8")
    return len(seeds)


def read_table(path: Path | None = None) -> list[Seed]:
    """The seeds of a table; the shipped one unless given.

    Entries of the exclusion list, such as the APIs of benchmarks, are left out of any table.

    Raises:
        DocumentError: The file cannot be read.
        UsageError: It is no such table.
    """
    path = path or shipped_table()
    lines = (line.split("\t") for line in read_text(path).splitlines())
    header = next(lines, [])
    if not {"name", "description"} <= set(header) <= set(_COLUMNS):
        raise UsageError(
            f"{path}: a table of seeds has tab-separated columns name, description, link, category "
            f"(and auth, https, cors); this one has {', '.join(header) or 'none'}"
        )
    barred = _barred(shipped_folder() / "seeds" / "excluded_apis.tsv")
    seeds: list[Seed] = []
    for number, cells in enumerate(lines, 2):
        row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        if not row.get("name") or not row.get("description"):
            raise UsageError(f"{path}:{number}: a seed needs a name and a description")
        seed = Seed(**{"link": "", "category": "Other", **row})
        try:
            if not _is_barred(seed, barred):
                seeds.append(seed)
        except ValueError:
            raise UsageError(
                f"{path}:{number}: the link {seed.link} is no address; correct it or leave it empty"
            ) from None
    return seeds


def draw(
    seeds: Sequence[Seed],
    count: int,
    seed: int,
    categories: Sequence[str] = (),
    *,
    first: Sequence[str] = (),
) -> tuple[Seed, ...]:
    """So many seeds, one of each category in turn, until none is left; a larger draw begins with a smaller one.

    Args:
        categories: The categories to draw from; all unless given.
        first: Categories that have their turn before the others.

    Raises:
        UsageError: A category does not exist or may not be drawn from, or there are too few seeds.
    """
    by_category: dict[str, list[Seed]] = {}
    for one in seeds:
        by_category.setdefault(one.category, []).append(one)
    wanted = _wanted(categories, by_category)
    beyond = [name for name in first if name not in wanted]
    if beyond:
        raise UsageError(f"the category {beyond[0]} is required, but none of those to draw from; add it")
    for name in wanted:
        random.Random(digest([seed, name])).shuffle(by_category[name])
    random.Random(digest([seed, "categories"])).shuffle(wanted)
    wanted.sort(key=lambda name: name not in first)
    found: list[Seed] = []
    while len(found) < count:
        row = [by_category[name].pop() for name in wanted if by_category[name]]
        if not row:
            raise UsageError(f"there are {len(found)} seeds to draw from, not {count}; ask for fewer with -n")
        found += row
    return tuple(found[:count])


def _wanted(categories: Sequence[str], known: Iterable[str]) -> list[str]:
    by_word = {name.lower(): name for name in sorted(known)}
    if not categories:
        return list(by_word.values())
    unknown = [name for name in categories if name.lower() not in by_word]
    if unknown:
        raise UsageError(f"no seeds of the category {unknown[0]}; there are: {', '.join(by_word.values())}")
    return list(dict.fromkeys(by_word[name.lower()] for name in categories))


class _Barred(NamedTuple):
    """The exclusion list: words of names and descriptions, and hosts of addresses."""

    words: re.Pattern[str]
    hosts: frozenset[str]


def _barred(path: Path) -> _Barred:
    """Reads the list: a pattern that is a word or a host, and the benchmark or other reason, for readers."""
    given = [line.split("\t")[0] for line in read_text(path).splitlines()[1:] if line.strip()]
    words = re.compile(rf"\b(?:{'|'.join(given)})\b", re.IGNORECASE)
    return _Barred(words, frozenset(one.replace("\\", "") for one in given))


def _is_barred(seed: Seed, barred: _Barred) -> bool:
    parts = (urlsplit(seed.link).hostname or "").split(".")
    hosts = {".".join(parts[index:]) for index in range(len(parts))}
    return bool(barred.words.search(f"{seed.name}\n{seed.description}") or hosts & barred.hosts)
