"""`build`, `init` and `preview`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import yaml

from callwright.cli.planning import compared, show_plan
from callwright.cli.talk import conversation, progress_shown, say, show_json
from callwright.engine.build import Built
from callwright.engine.build import build as engine_build
from callwright.engine.costs import plan_of
from callwright.engine.exports import export_all, export_folders
from callwright.engine.preview import preview as engine_preview
from callwright.engine.recipes import check_recipe, load_recipe, write_recipe
from callwright.engine.starting import recipe_for, rewriting_recipe, starting_recipe
from callwright.engine.workshop import Workshop
from callwright.errors import UsageError
from callwright.schemas.recipe import Recipe
from callwright.settings import data_folder, exports_folder

_TOLD = 5
"""Refusals that a build tells of; `tools check` tells of all."""


def build(
    recipe: Path | None,
    tools: str | None,
    rows: int,
    sets: list[str],
    data: Path | None,
    out: Path | None,
    no_prefect: bool,
    replay: bool,
    as_json: bool,
    method: str = "toolalpaca",
    plan: bool = False,
    join: bool = False,
) -> None:
    if plan and replay:
        raise UsageError("--plan says what will be asked, and --replay asks nothing; give one of them")
    workshop = _workshop(recipe, tools, rows, sets, method, write=not plan)
    if plan:
        show_plan(plan_of(workshop, data_folder(data)), as_json)
        return
    _build(workshop, data, out, no_prefect, replay, as_json, join=join)


def rewrite(
    method: str,
    source: str,
    name: str | None,
    rows: int | None,
    sets: list[str],
    tools_in: Path | None,
    data: Path | None,
    out: Path | None,
    no_prefect: bool,
    as_json: bool,
) -> None:
    """Build a new dataset of a version's rows by a method that rewrites."""
    recipe = rewriting_recipe(method, source, data_folder(data), name, rows, tools_in, sets)
    workshop = Workshop.of(recipe, Path())
    _write(recipe)
    _build(workshop, data, out, no_prefect, False, as_json)


def _build(
    workshop: Workshop,
    data: Path | None,
    out: Path | None,
    no_prefect: bool,
    replay: bool,
    as_json: bool,
    *,
    join: bool = False,
) -> None:
    _tell_refusals(workshop)
    folder = data_folder(data)
    exports = out or exports_folder(folder)
    built = _run(workshop, folder, exports, no_prefect, replay, join)
    version = built.version
    folders = export_folders(version, exports)
    if not built.elsewhere:
        export_all(folder, version, exports)
    if replay:
        say(
            f"every row was made anew from the ledger, and no model was asked: {version.name} {version.id[:12]}"
        )
    elif built.elsewhere:
        say(f"another worker of this run has made {version.name} of it, and exports its views")
    elif not built.made:
        say(f"nothing changed since {version.name}: no version was made and no model was asked")
    elif version.statistics.planned:
        say(compared(version.statistics))
    if as_json:
        body = version.model_dump(mode="json") | {
            "name": version.name,
            "made": built.made,
            "asked": built.asked,
        }
        show_json(body | {"exports": [str(one) for one in folders]})
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in version.statistics.by_kind.items())
    print(f"{version.name}: {version.statistics.rows} rows ({kinds})")
    for note in version.statistics.notes:
        say(note)
    for one in folders:
        print(f"{one.name}: {one}")
    load = f"from datasets import load_dataset; print(load_dataset('{folders[0]}'))"
    say(f'load it with: {_python()} -c "{load}"')


def _python() -> str:
    """The interpreter that has our libraries, as short as it can be said from here."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _tell_refusals(workshop: Workshop) -> None:
    for refusal in workshop.refusals[:_TOLD]:
        say(f"left out: {refusal.where}: {refusal.code}: {refusal.message}")
    if len(workshop.refusals) > _TOLD:
        say(f"left out: {len(workshop.refusals) - _TOLD} more; `callwright tools check SRC` lists them all")


def _workshop(
    recipe: Path | None, tools: str | None, rows: int, sets: list[str], method: str, *, write: bool
) -> Workshop:
    if (recipe is None) == (tools is None):
        raise UsageError("give either a recipe or --tools SRC; `callwright init` writes a starting recipe")
    if recipe is not None:
        return Workshop.of(load_recipe(recipe, sets), recipe.parent)
    assert tools is not None
    found, notes = recipe_for(tools, rows, sets, method)
    for note in notes:
        say(note)
    workshop = Workshop.of(found, Path())
    if write:
        _write(found)
    return workshop


def _write(recipe: Recipe) -> None:
    written = Path(f"{recipe.dataset}.recipe.yaml")
    write_recipe(recipe, written)
    say(f"the recipe of this build: {written}")


def _run(
    workshop: Workshop, folder: Path, exports: Path, no_prefect: bool, replay: bool, join: bool
) -> Built:
    with progress_shown() as listener:
        if no_prefect:
            return asyncio.run(engine_build(workshop, folder, on_change=listener, replay=replay, join=join))
        from callwright.flows.settings import prefer_quiet_prefect

        prefer_quiet_prefect(folder)
        from callwright.flows.build import build_under_prefect

        return build_under_prefect(workshop, folder, listener, replay=replay, join=join, exports=exports)


def init(path: Path, tools: str | None) -> None:
    if path.exists():
        raise UsageError(f"{path} exists already; name another file")
    text = starting_recipe(tools, path.parent)
    check_recipe(yaml.safe_load(text), str(path), text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(path)
    say(f"look at some rows with: callwright preview {path}")


def preview(recipe: Path, rows: int, sets: list[str], data: Path | None, as_json: bool) -> None:
    workshop = Workshop.of(load_recipe(recipe, sets), recipe.parent)
    results = asyncio.run(engine_preview(workshop, data_folder(data), rows))
    if as_json:
        show_json([result.model_dump(mode="json") for result in results])
        return
    for result in results:
        ruling = "accepted" if result.accepted else f"dropped: {result.gate} {result.code}: {result.message}"
        print(f"{result.kind} {result.attempt}: {ruling}")
        if result.trajectory:
            print(conversation(result.trajectory["messages"]))
        print()
