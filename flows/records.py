"""What a run leaves on Prefect's server: its funnel, a page on the version, a link to the export, and an event."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect.artifacts import acreate_link_artifact, acreate_markdown_artifact, acreate_table_artifact
from prefect.events import emit_event
from prefect.logging import get_run_logger

from callwright.engine.build import Built
from callwright.report.overview import funnel, overview
from callwright.schemas.version import Version
from callwright.store import Store

MADE = "callwright.version.created"
"""Name of the event; automations wait for it."""

_WAIT_S = 30.0


async def record(built: Built, data: Path, folders: Sequence[Path]) -> None:
    """Tell the server what the current flow run came to. A server that fails to listen fails no build.

    Args:
        built: What was made, or found.
        data: Folder of the store.
        folders: The exports, one for each view.
    """
    if built.made:
        emit_event(MADE, resource=_resource(built.version), payload=_payload(built))
    try:
        await _leave_artifacts(built.version, data, folders)
    except Exception as error:
        # Whatever it is, the version is in the store, and the next run could not make it again.
        get_run_logger().warning("the artifacts of %s were not kept: %s", built.version.name, error)


async def _leave_artifacts(version: Version, data: Path, folders: Sequence[Path]) -> None:
    with Store.open(data, write=False, wait_s=_WAIT_S) as store:
        before = store.version(f"{version.dataset}@{version.number - 1}") if version.number > 1 else None
        changed = store.diff(before, version) if before else None
    name = version.dataset.replace("_", "-")
    await acreate_table_artifact(
        funnel(version), key=f"{name}-funnel", description=f"What each gate left of {version.name}"
    )
    await acreate_markdown_artifact(
        overview(version, changed), key=f"{name}-report", description=version.name
    )
    for folder in folders:
        await acreate_link_artifact(
            folder.absolute().as_uri(),
            link_text=f"{version.name}/{folder.name}",
            key=f"{name}-export-{folder.name}",
            description=f"{version.name} in the view {folder.name}",
        )


def _resource(version: Version) -> dict[str, str]:
    return {
        "prefect.resource.id": f"callwright.dataset.{version.dataset}",
        "prefect.resource.name": version.name,
    }


def _payload(built: Built) -> dict[str, object]:
    version = built.version
    return {
        "version": version.name,
        "id": version.id,
        "parent": version.parent,
        "rows": version.statistics.rows,
        "by_kind": version.statistics.by_kind,
        "asked": built.asked,
    }
