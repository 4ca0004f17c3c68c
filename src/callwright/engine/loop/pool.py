"""Where a loop's rows come from: the pool that new seeds are drawn from, and the rows that measure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from callwright.engine.build import COMMIT_WAIT_S, Runner, build
from callwright.engine.gates.leaking import refuse_leaks
from callwright.engine.loop.plan import Plan
from callwright.engine.results import Result, read_results, write_results
from callwright.errors import UsageError
from callwright.schemas.version import SPLITS, Version
from callwright.store import Store


def with_origin(plan: Plan, data: Path) -> Plan:
    """The plan that knows which version `loop.seeds` names.

    Raises:
        StoreError: There is no such version.
    """
    if plan.settings.seeds is None:
        return plan
    with Store.open(data, write=False, wait_s=COMMIT_WAIT_S) as store:
        return replace(plan, origin=store.version(plan.settings.seeds))


async def pool_file(
    plan: Plan, data: Path, folder: Path, runner: Runner, tell: Callable[[str], None]
) -> Path:
    """The file of the seeds; their version is made, or found when it is there.

    Raises:
        UsageError: The version that `loop.seeds` names has a tool that the loop does not train on.
        LeakError: One of its rows repeats what the recipe protects.
    """
    path = folder / "pool.jsonl"
    if path.exists():
        return path
    version = plan.origin
    if version is None:
        tell(f"{plan.seeds.recipe.dataset}: {plan.seeds.recipe.size} rows")
        version = (await build(plan.seeds, data, runner=runner)).version
    with Store.open(data, write=False, wait_s=COMMIT_WAIT_S) as store:
        _check_tools(plan, store, version)
        copied = path.with_name("pool.unchecked.jsonl") if plan.origin else path
        copy_version(store, version, copied, ("train",))
        if plan.origin:
            # It may have been made before a file was protected.
            refuse_leaks(plan.seeds, lambda: read_results(copied), folder, store.roots_of)
            copied.replace(path)
    return path


async def held_out_file(
    plan: Plan, data: Path, folder: Path, runner: Runner, tell: Callable[[str], None]
) -> Path:
    """The file of the rows over held-out tools, of all splits: nobody trains on them."""
    path = folder / "heldout.jsonl"
    if path.exists():
        return path
    tell(f"{plan.held_out.recipe.dataset}: {plan.held_out.recipe.size} rows")
    version = (await build(plan.held_out, data, runner=runner)).version
    with Store.open(data, write=False, wait_s=COMMIT_WAIT_S) as store:
        copy_version(store, version, path, SPLITS)
    return path


def _check_tools(plan: Plan, store: Store, version: Version) -> None:
    """Held-out tools must not be seen, and calls of unknown ones cannot be executed again."""
    used: set[str] = set()
    for _, _, task in store.rows(version):
        used.update(task["tools"], [task["withheld"]] if task["withheld"] else [])
    other = used - plan.seeds.tools.keys()
    if not other:
        return
    held = sorted(plan.held_out.tools[one].name for one in other & plan.held_out.tools.keys())
    if held:
        raise UsageError(
            f"loop.seeds: {version.name} has rows with the tool {held[0]}, which loop.held_out.toolkits holds out; "
            "name a version without it, or hold other toolkits out"
        )
    name = sorted(one.name for one in store.tools(other).values())[0]
    raise UsageError(
        f"loop.seeds: {version.name} has rows with the tool {name}, which the recipe's tools do not have, or not as it "
        "was then; add its toolkit to `tools`, or build the seeds anew"
    )


def copy_version(store: Store, version: Version, path: Path, splits: Collection[str]) -> None:
    """A version's rows of some splits as a file of results, verdicts included."""
    found = []
    for member, trajectory, task in store.rows(version):
        if member.split in splits:
            found.append(
                Result(
                    method=member.method,
                    kind=member.kind,
                    attempt=task["attempt"],
                    accepted=True,
                    root=task["parent"] or trajectory["task"],
                    task_id=trajectory["task"],
                    task=task,
                    trajectory_id=member.trajectory,
                    trajectory=trajectory,
                    row_kind=member.kind,
                    verdicts=store.verdicts(member.trajectory),
                )
            )
    write_results(path, found)
