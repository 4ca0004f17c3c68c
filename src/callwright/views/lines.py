"""Exports with a page that says what is in them, and views that are JSON lines: one file for each config and split."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path, PurePath
from string import Template
from types import TracebackType
from typing import IO, Any, Protocol, Self, TypeVar

from callwright.schemas.base import Record
from callwright.schemas.recipe import ViewName
from callwright.schemas.version import Version
from callwright.store import Store
from callwright.views.card import CARD_NAME, licence, table, yaml_text
from callwright.views.folder import Manifest, described, fresh_folder, place, seal
from callwright.views.rows import Row, ViewError, checked

DEFAULT = "default"
"""The config of a view that has but one: `load_dataset(folder)` needs no name for it."""
INEXACT = "rows with a number that its readers would change; the other config has them"
_TEMPLATE = Template((files("callwright.views") / "lines.md").read_text(encoding="utf-8"))
_PATHS = {"general", "tokenizer"}
"""Options that are files: their names are shown, never a folder of somebody's machine."""


class Written(Protocol):
    """What a view has written: `Lines`, or `Tables`."""

    folder: Path
    dropped: Counter[str]
    """Reason -> how often the view had no place for something."""
    files: str
    """Pattern of the files of a split, below the folder of its config."""

    @property
    def rows(self) -> Mapping[str, Mapping[str, int]]:
        """Config -> split -> rows."""

    @property
    def left_out(self) -> Mapping[str, int]:
        """Config -> rows that it cannot hold exactly."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


W = TypeVar("W", bound=Written)


class Lines:
    """The files of one export, opened when their first line comes."""

    files = "{split}.jsonl"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, dict[str, int]] = {}
        """Config -> split -> lines."""
        self.left_out: Mapping[str, int] = {}
        self.dropped: Counter[str] = Counter()
        """Reason -> how often the view had no place for something."""
        self._files: dict[tuple[str, str], IO[str]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the files; what was written can be read."""
        self._stack.close()

    def add_rows(self, store: Store, version: Version, text: Callable[[Row], str]) -> None:
        """Append each row's line, as `text` writes it; an empty text is none.

        Raises:
            ViewError: A row must not be exported.
        """
        for split, line in checked(store, version, lambda row: (row.split, text(row))):
            if line:
                self.add(split, line)

    def add(self, split: str, text: str, config: str = DEFAULT) -> None:
        """Append one line of checked JSON text."""
        if (config, split) not in self._files:
            path = self.folder / config / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w", encoding="utf-8", newline="\n")
            self._files[config, split] = self._stack.enter_context(file)
        self._files[config, split].write(f"{text}\n")
        splits = self.rows.setdefault(config, {})
        splits[split] = splits.get(split, 0) + 1


def export_lines(
    version: Version,
    folder: Path,
    view: ViewName,
    options: Record,
    about: str,
    write: Callable[[Lines], None],
    *,
    reasons: Mapping[str, str],
    overwrite: bool,
) -> Manifest:
    """`export_files` of a view of JSON lines."""
    return export_files(
        version, folder, view, options, about, Lines, write, reasons=reasons, overwrite=overwrite
    )


def export_files(
    version: Version,
    folder: Path,
    view: ViewName,
    options: Record,
    about: str,
    make: Callable[[Path], W],
    write: Callable[[W], None],
    *,
    reasons: Mapping[str, str],
    overwrite: bool,
) -> Manifest:
    """Write a view with its page; the folder appears whole or not at all, and has the same bytes every time.

    Args:
        version: What the rows are of.
        folder: Where it goes.
        view: The view's name.
        options: The view's options.
        about: What the view is, for its page.
        make: Opens the files below a folder.
        write: Adds all rows, and counts what is dropped.
        reasons: Reason -> what it means, for its page.
        overwrite: Whether another export in that place may be replaced.

    Raises:
        ViewError: A row must not be exported, no row fits the view, or something else is in the place.
    """
    target = folder.expanduser().resolve()
    with fresh_folder(target) as working:
        with make(working) as written:
            write(written)
        dropped = {code: count for code, count in sorted(written.dropped.items()) if count}
        if not written.rows:
            told = ", ".join(f"{reason} {count}" for reason, count in dropped.items()) or "it is empty"
            raise ViewError(f"{version.name}: no row fits the view {view} ({told}); nothing was written")
        manifest = Manifest(
            version=version.name,
            id=version.id,
            view=view,
            rows={
                config: dict(sorted(splits.items(), reverse=True))
                for config, splits in sorted(written.rows.items())
            },
            left_out=dict(written.left_out),
            dropped=dropped,
            options=_shown(options),
        )
        chosen = {name: manifest.options[name] for name in options.model_dump(exclude_defaults=True)}
        description = described(version, chosen)
        page = _page(version, manifest, about, reasons, written.files, description)
        (working / CARD_NAME).write_text(page, encoding="utf-8")
        sealed = seal(working, manifest)
        place(working, target, sealed, overwrite=overwrite)
    return sealed


def _shown(options: Record) -> dict[str, Any]:
    body = options.model_dump(mode="json")
    return {name: PurePath(value).name if name in _PATHS and value else value for name, value in body.items()}


def _page(
    version: Version,
    manifest: Manifest,
    about: str,
    reasons: Mapping[str, str],
    pattern: str,
    description: str,
) -> str:
    configs: list[dict[str, Any]] = [
        {
            "config_name": config,
            "description": description,
            "data_files": [
                {"split": split, "path": f"{config}/{pattern.format(split=split)}"} for split in splits
            ],
        }
        for config, splits in manifest.rows.items()
    ]
    for config in configs:
        if config["config_name"] == "typed":
            config["default"] = True
    counts = [
        (config, split, count) for config, splits in manifest.rows.items() for split, count in splits.items()
    ]
    dropped = [(code, count, reasons[code]) for code, count in manifest.dropped.items()]
    dropped += [(f"not in `{config}`", count, INEXACT) for config, count in manifest.left_out.items()]
    return _TEMPLATE.substitute(
        header=yaml_text({**licence(version.statistics), "language": ["en"], "configs": configs}).strip(),
        view=manifest.view,
        version=version.name,
        id=version.id,
        about=about.strip(),
        rows=table(("config", "split", "rows"), counts),
        dropped=table(("reason", "count", "what it means"), dropped) if dropped else "Nothing was dropped.",
        options=table(
            ("option", "value"), [(name, json.dumps(one)) for name, one in manifest.options.items()]
        )
        if manifest.options
        else "It has none.",
    )
