"""An export's folder: complete or not there at all, and never put over something else by accident."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from callwright.schemas.base import Record
from callwright.schemas.version import Version
from callwright.views.rows import ViewError

MANIFEST = "manifest.json"


class ExportedFile(Record):
    sha256: str
    bytes: int


class Manifest(Record):
    """What an export holds: enough to check it, and nothing that changes from one export to the next."""

    version: str
    id: str
    view: str
    rows: dict[str, dict[str, int]]
    """Config -> split -> rows."""
    left_out: dict[str, int] = {}
    """Config -> rows that its format cannot hold exactly; `mistakes`: rows that no config has, because something in
    them must not be learned; see the view `spans`."""
    dropped: dict[str, int] = {}
    """Reason -> how often the view had no place for something; the view's page says what each reason counts."""
    options: dict[str, Any] = {}
    """The view's options, every default written out."""
    files: dict[str, ExportedFile] = {}


def described(version: Version, options: Mapping[str, Any]) -> str:
    """What tells an export from every other one: version, id, and the options that are not at their defaults.

    `datasets` caches a local folder by the header of its page alone: without this in it, a folder would go on giving
    the rows that an earlier export had put there.
    """
    return " ".join(
        [version.name, version.id, *(f"{name}={value}" for name, value in sorted(options.items()))]
    )


@contextmanager
def fresh_folder(target: Path) -> Iterator[Path]:
    """An empty sibling of `target` to write into; gone afterwards, unless it was moved into place."""
    working = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.rmtree(working, ignore_errors=True)
        working.mkdir(parents=True)
        yield working
    except OSError as error:
        raise ViewError(
            f"{target}: cannot be written ({error.strerror or error}); make room or choose another folder"
        ) from error
    finally:
        shutil.rmtree(working, ignore_errors=True)


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest with the digest of every file beside it."""
    sealed = manifest.model_copy(update={"files": _files(folder)})
    (folder / MANIFEST).write_text(sealed.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return sealed


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of an export, None when the folder holds none that can be read."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def is_whole(folder: Path, manifest: Manifest) -> bool:
    """Whether the folder holds what its manifest says, byte for byte, and nothing else."""
    return _files(folder) == manifest.files


def place(working: Path, target: Path, manifest: Manifest, *, overwrite: bool) -> None:
    """Move a finished export to where it belongs. The same export already there is left as it is.

    Raises:
        ViewError: Something else is there: another export without `overwrite`, or files that are not ours.
    """
    if _occupied(target):
        found = read_manifest(target)
        if found == manifest and is_whole(target, manifest):
            return
        _refuse(target, found, manifest, overwrite=overwrite)
        _swap(working, target)
    else:
        working.replace(target)


def _refuse(target: Path, found: Manifest | None, manifest: Manifest, *, overwrite: bool) -> None:
    if found is None:
        raise ViewError(f"{target}: holds something that is no export; choose another folder")
    strangers = sorted(_files(target).keys() - found.files.keys()) if target.is_dir() else []
    if strangers:
        raise ViewError(
            f"{target}: holds files that callwright did not write (first: {strangers[0]}); choose another folder"
        )
    if not overwrite:
        raise ViewError(
            f"{target}: holds another export ({found.version}, {found.id[:12]}; new is {manifest.version}, "
            f"{manifest.id[:12]}); choose another folder, or overwrite it"
        )


def _swap(working: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    target.rename(old)
    working.rename(target)
    shutil.rmtree(old)


def _occupied(target: Path) -> bool:
    return target.is_file() or (target.is_dir() and any(target.iterdir()))


def _files(folder: Path) -> dict[str, ExportedFile]:
    return {
        path.relative_to(folder).as_posix(): ExportedFile(sha256=_sha256(path), bytes=path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
