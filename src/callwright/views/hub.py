"""Upload an export to the Hugging Face Hub, or to another hub with its API (`HF_ENDPOINT`)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils.tqdm import disable_progress_bars

from callwright.errors import UsageError
from callwright.schemas.base import Record
from callwright.values.secrets import find_secret
from callwright.views.folder import MANIFEST, Manifest, is_whole, read_manifest
from callwright.views.rows import ViewError

TOKEN = "HF_TOKEN"
"""The environment variable with the token; a token never stands in a recipe or on a command line."""
_KIND = "dataset"
# Whichever HTTP library this huggingface_hub is built on, its errors have this base.
_HTTP_ERROR: type[BaseException] = HfHubHTTPError.__bases__[0]
_BINARY = (".parquet",)


class Pushed(Record):
    """Where a version is on a hub."""

    version: str
    id: str
    repo: str
    tag: str
    url: str
    uploaded: bool
    """False when that very version was there under its tag already."""


def push(folder: Path, repo: str, tag: str, *, private: bool = True) -> Pushed:
    """Upload an exported folder as the newest state of a repository, and tag it.

    Args:
        folder: A whole export. Files of an earlier version that it does not have are deleted in the repository.
        repo: `USER/NAME`; made when it is not there.
        tag: The version's name in the repository.
        private: Whether a new repository is private.

    Raises:
        UsageError: There is no token, or `repo` is no name of a repository.
        ViewError: The folder is no whole export or holds what looks like a secret, the tag stands for another version,
            or the hub refuses.
    """
    manifest = read_manifest(folder)
    if manifest is None or not is_whole(folder, manifest):
        raise ViewError(f"{folder}: holds no whole export; export it anew")
    _refuse_secrets(folder)
    token = os.environ.get(TOKEN)
    if not token:
        raise UsageError(f"a hub wants to know who uploads: set {TOKEN} to a token that may write to {repo}")
    if repo.count("/") != 1:
        raise UsageError(f"{repo!r} names no repository; write --repo USER/NAME")
    disable_progress_bars()
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token)
    with _explained(repo):
        api.create_repo(repo, repo_type=_KIND, private=private, exist_ok=True)
        told = {"version": manifest.version, "id": manifest.id, "repo": repo, "tag": tag}
        url = f"{api.endpoint}/datasets/{repo}/tree/{tag}"
        if any(one.name == tag for one in api.list_repo_refs(repo, repo_type=_KIND).tags):
            _refuse_another(api, repo, tag, manifest)
            return Pushed(**told, url=url, uploaded=False)
        done = api.upload_folder(
            repo_id=repo,
            repo_type=_KIND,
            folder_path=folder,
            delete_patterns="*",
            commit_message=f"{manifest.version} ({manifest.id})",
        )
        api.create_tag(repo, repo_type=_KIND, tag=tag, revision=done.oid)
    return Pushed(**told, url=url, uploaded=True)


def _refuse_secrets(folder: Path) -> None:
    """Rows are looked at when they are exported; this is about pages, and about files that were added since."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in _BINARY:
            continue
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                secret = find_secret(line)
                if secret:
                    raise ViewError(
                        f"{path}:{number}: holds what looks like a secret ({secret}); nothing was uploaded"
                    )


def _refuse_another(api: HfApi, repo: str, tag: str, manifest: Manifest) -> None:
    with tempfile.TemporaryDirectory() as place:
        api.hf_hub_download(repo, MANIFEST, repo_type=_KIND, revision=tag, local_dir=place)
        there = read_manifest(Path(place))
    if there is None or (there.id, there.view) != (manifest.id, manifest.view):
        what = f"{there.version}, {there.id[:12]}, view {there.view}" if there else "something else"
        raise ViewError(
            f"{repo}: its tag {tag} is {what}, not {manifest.version}, {manifest.id[:12]}, view {manifest.view}; "
            "push to another repository"
        )


@contextmanager
def _explained(repo: str) -> Iterator[None]:
    """What a hub says against it, in one line."""
    try:
        yield
    except HFValidationError as error:
        raise UsageError(f"{repo}: no name of a repository ({_first_line(error)})") from None
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        said = (error.server_message or _first_line(error)).strip().rstrip(".")
        raise ViewError(f"{repo}: the hub refuses with HTTP {status} ({said}); {_advice(status)}") from None
    except ValueError as error:
        raise ViewError(f"{repo}: the hub does not take it ({_first_line(error)})") from None
    except Exception as error:
        if not isinstance(error, _HTTP_ERROR | OSError):
            raise
        raise ViewError(
            f"{repo}: the hub cannot be reached ({_first_line(error)}); look at HF_ENDPOINT and the network"
        ) from None


def _advice(status: int) -> str:
    if status in (401, 403):
        return f"set {TOKEN} to a token that may write to it"
    if status == 404:
        return "make sure that the user or organisation exists"
    if status == 409:
        return "somebody else changed it at the same time; push again"
    return "push again later; what was uploaded is not uploaded twice"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
