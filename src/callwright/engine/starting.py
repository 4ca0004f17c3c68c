"""A first recipe: written out for `init`, made up on the spot for `build --tools`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from callwright.engine.recipes import apply_overrides, check_recipe
from callwright.engine.tools import read_sources, source_of
from callwright.engine.workshop import Workshop
from callwright.errors import UsageError
from callwright.generators.planning.derive import with_sheet
from callwright.generators.planning.walks import possible
from callwright.schemas.recipe import ANY, SOURCE_METHODS, Recipe, ToolSource
from callwright.schemas.task import Kind
from callwright.schemas.tool import Refusal, Toolkit
from callwright.settings import shipped_folder
from callwright.sources.naming import slug
from callwright.store import Store

_SHARES: dict[Kind, float] = {
    "single": 0.35,
    "multi_step": 0.25,
    "parallel": 0.15,
    "clarification": 0.15,
    "no_call": 0.1,
}


def recipe_for(
    tools: str, rows: int, overrides: Sequence[str] = (), method: str = "toolalpaca"
) -> tuple[Recipe, list[str]]:
    """A recipe for a source of tools, with the kinds that its tools allow, and what is worth telling about it.

    Raises:
        SourceError: It cannot be read.
        UsageError: An override is wrong, there is no such method, or no kind of row can be made.
    """
    if method not in SOURCE_METHODS:
        raise UsageError(f"{method} is no source method; there are: {', '.join(SOURCE_METHODS)}")
    source = source_of(tools)
    toolkits = [toolkit for toolkit, _ in read_sources(source, Path())]
    given = source.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    body: dict[str, Any] = {"dataset": _dataset(source, toolkits), "size": rows, "tools": [given]}
    if method == "ste":
        body |= {"methods": {"ste": {}}, "mix": "any"}
    apply_overrides(body, overrides)
    if method == "ste":
        return _explored(body, sum(len(kit.tools) for kit in toolkits), tools)
    recipe = check_recipe(body, tools)
    if "mix" in body or recipe.models.teacher.engine != "offline":
        return recipe, []
    kits = Workshop.of(recipe, Path()).toolkits
    mix = _mix(kits)
    if not mix:
        raise UsageError(
            f"{tools}: the offline teacher can serve none of its tools; `callwright tools check {tools}` says why. "
            "Write a phrase sheet, or name a model: --set models.teacher='{engine: openai, base_url: ..., model: ...}'"
        )
    body["mix"] = mix
    left = [kind for kind in _SHARES if kind not in mix]
    notes = [f"no tool allows rows of the kind {kind}; its share goes to the other kinds" for kind in left]
    return check_recipe(body, tools), notes


def _explored(body: dict[str, Any], chains: int, tools: str) -> tuple[Recipe, list[str]]:
    """A recipe of trials, about as many as the rows need where nothing else was asked for."""
    asked = check_recipe(body, tools)
    assert asked.methods.ste is not None
    each = math.ceil(asked.size / max(chains, 1))
    fitting = {
        "episodes": min(asked.methods.ste.episodes, math.ceil(each / asked.methods.ste.trials)),
        "paraphrases": min(asked.methods.ste.paraphrases, 2 * each),
    }
    given = body["methods"]["ste"]
    chosen = {key: count for key, count in fitting.items() if key not in given}
    body["methods"] = {"ste": chosen | given}
    told = ", ".join(f"{key}: {count}" for key, count in chosen.items())
    note = (
        f"as much trial and error as {asked.size} rows take: {told}; --set methods.ste.episodes=15 for more"
    )
    return check_recipe(body, tools), [note] if chosen else []


def rewriting_recipe(
    method: str,
    source: str,
    data: Path,
    name: str | None = None,
    rows: int | None = None,
    tools_in: Path | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """A recipe that rewrites the rows of a version by one method, whatever kinds they become.

    Args:
        method: The method's key among a recipe's methods.
        source: The version, such as `museum@3`; the recipe names it by its number.
        data: The folder of the store.
        name: Name of the new dataset.
        rows: Rows at the most; as many as the source allows unless given.
        tools_in: The folder that the paths in the version's recipe are relative to; the one that it was built with,
            as the store remembers it, unless given.
        overrides: `key.path=value` of the new recipe.

    Raises:
        StoreError: There is no such version.
        UsageError: An override is wrong.
    """
    with Store.open(data, write=False) as store:
        version = store.version(source)
        made = f"{version.dataset}-{version.recipe_digest[:12]}"
        bases = [run.body.get("base", ".") for run in store.runs(version.dataset) if run.id == made]
    base = tools_in or Path(bases[-1] if bases else ".")
    body: dict[str, Any] = {
        "dataset": name or f"{version.dataset}-{method}",
        # Each row is rewritten once, and may stand beside its rewriting.
        "size": rows or 2 * max(version.statistics.rows, 1),
        "seed": version.recipe.get("seed", 0),
        "tools": [_placed(one, base) for one in version.recipe["tools"]],
        "models": version.recipe["models"],
        "methods": {method: {"from": version.name}},
        "mix": ANY,
        "accept": version.recipe["accept"],
        "splits": version.recipe["splits"],
    }
    apply_overrides(body, overrides)
    return check_recipe(body, f"run {method} --from {source}")


def _placed(source: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """A tool source of a recipe, its files where they lie."""
    files = {
        key: str((base / source[key]).absolute())
        for key in ("openapi", "json", "toolset", "phrases")
        if key in source
    }
    if ".py" in source.get("python", ""):
        files["python"] = str((base / source["python"]).absolute())
    return {**source, **files}


def _mix(kits: Sequence[Toolkit]) -> dict[Kind, float]:
    """Shares, in hundredths, of the kinds that the offline teacher can make with these tools; of none, nothing."""
    allowed = {kind: share for kind, share in _SHARES.items() if possible(kits, kind)}
    if not allowed:
        return {}
    total = sum(allowed.values())
    mix = {kind: round(share / total, 2) for kind, share in allowed.items()}
    first = next(iter(mix))
    mix[first] = round(mix[first] + 1 - sum(mix.values()), 2)
    return mix


def starting_recipe(tools: str | None, folder: Path) -> str:
    """The text of a commented recipe; on the shipped museum unless a source of tools is named.

    Args:
        tools: A file, a folder, an MCP server, a module or `world:NAME`, as on the command line.
        folder: Where the recipe will lie. Tools in it are named from there, so that both can move together.

    Raises:
        SourceError: The tools cannot be read.
        UsageError: They do not exist.
    """
    source = source_of(str(shipped_folder() / "seeds" / "museum.yaml") if tools is None else tools)
    toolkits = [toolkit for toolkit, _ in read_sources(source, Path())]
    mix = _mix([with_sheet(toolkit)[0] for toolkit in toolkits]) or _SHARES
    [(kind, place)] = source.model_dump(by_alias=True, exclude_unset=True).items()
    if kind in ("openapi", "json", "toolset") or (kind == "python" and ".py" in place):
        path = Path(place).absolute()
        place = str(path.relative_to(folder.absolute()) if path.is_relative_to(folder.absolute()) else path)
    return _STARTING.format(
        dataset=Path(place).stem
        if kind in ("openapi", "json") and _NAME.fullmatch(Path(place).stem)
        else _dataset(source, toolkits),
        kind=kind,
        # Whoever writes the recipe sees it, and can take it out.
        allowed=", allow_rules: true"
        if any(kit.teacher.startswith("offline-rules") for kit in toolkits)
        else "",
        tools=json.dumps(place, ensure_ascii=False),  # which is YAML, whatever a command line has in it
        mix=", ".join(f"{name}: {share:g}" for name, share in mix.items()),
    )


def _dataset(source: ToolSource, toolkits: Sequence[Toolkit]) -> str:
    name = slug(Path(source.toolset).absolute().name) if source.toolset else toolkits[0].name
    return name.lower().strip("-_")[:60] or "dataset"


_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

_STARTING = """\
# A recipe describes one dataset. Build it with: callwright build THIS_FILE
dataset: {dataset}
size: 200                       # accepted rows in all
seed: 7                         # another seed, other rows

tools:
  - {{{kind}: {tools}{allowed}}}

models:
  teacher: {{engine: offline}}    # rules: right, but not as varied as people
  # teacher: {{engine: openai, base_url: "http://localhost:8000/v1", model: Qwen/Qwen3-32B, in_flight: 64}}

methods:
  toolalpaca: {{max_steps: 5}}

# Shares of the accepted rows, adding up to 1.
mix: {{{mix}}}

accept: {{rung: L1}}              # every call valid (L0) and every value traceable (L1)
splits: {{test: 0.1}}
views: [trl]
"""


def served(toolkit: Toolkit) -> tuple[dict[str, list[Kind]], tuple[Refusal, ...]]:
    """Tool -> kinds of rows that the offline teacher makes with it, and why it makes none with others."""
    whole, refusals = with_sheet(toolkit)
    by_kind = {kind: {name for _, name in possible([whole], kind)} for kind in _SHARES}
    table = {tool.name: [kind for kind in _SHARES if tool.name in by_kind[kind]] for tool in toolkit.tools}
    return table, refusals
