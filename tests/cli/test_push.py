"""Versions on a hub: real HTTP to a stand-in on the loopback, once by the real command."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from builders import commit, task, trajectory
from command import ended, started
from hub import Hub

from callwright.engine.pushing import push_version
from callwright.errors import CallwrightError, UsageError
from callwright.store import Store
from callwright.views.hub import Pushed, push
from callwright.views.rows import ViewError

FIRST = trajectory(task("Show me event e1."))
SECOND = trajectory(task("None?", attempt=1), [])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """`museum@1` with a test split, and `museum@2` without one."""
    with Store.open(tmp_path, write=True) as store:
        store.commit(commit(FIRST, test=[SECOND]))
        store.commit(commit(FIRST, SECOND, recipe_digest="r2"))
    return tmp_path


async def pushed(hub: Hub, data: Path, name: str, monkeypatch: pytest.MonkeyPatch, **env: str) -> Pushed:
    for variable, value in (hub.environment | env).items():
        monkeypatch.setenv(variable, value)
    return await asyncio.to_thread(push_version, data, name, "me/tools")


async def test_the_command_uploads_a_version_with_its_number_as_tag(data: Path):
    async with Hub() as hub:
        command = ("push", "museum@1", "--repo", "me/tools", "--data", data, "--json")
        env = hub.environment | {"HF_HOME": str(data / "hf")}
        code, out, err = await ended(await started(*command, cwd=data, **env))
        assert code == 0, err
        body = json.loads(out)
        assert (body["version"], body["tag"], body["uploaded"]) == ("museum@1", "v1", True)
        assert hub.repositories["me/tools"].private
        assert json.loads(hub.repositories["me/tools"].files("v1")["manifest.json"])["id"] == body["id"]
        assert hub.cards and "license: " in hub.cards[0]  # the hub's own validator saw the card


async def test_a_version_is_uploaded_once_and_the_next_one_replaces_its_files(
    data: Path, monkeypatch: pytest.MonkeyPatch
):
    async with Hub() as hub:
        assert (await pushed(hub, data, "museum@1", monkeypatch)).uploaded
        repository = hub.repositories["me/tools"]
        first = repository.files("v1")
        assert {path.split("-")[0] for path in first if path.endswith("parquet")} == {
            "typed/train", "typed/test", "portable/train", "portable/test"
        }  # fmt: skip
        assert not (await pushed(hub, data, "museum@1", monkeypatch)).uploaded
        assert len(repository.commits) == 2
        assert (await pushed(hub, data, "museum", monkeypatch)).tag == "v2"
        assert set(repository.tags) == {"v1", "v2"}
        assert not any(
            "test" in path for path in repository.files("v2")
        )  # what the newer one has not is gone
        assert repository.files("v1") == first


async def test_a_tag_of_another_version_is_never_replaced(
    data: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    other = tmp_path_factory.mktemp("other")
    with Store.open(other, write=True) as store:
        store.commit(commit(SECOND))
    async with Hub() as hub:
        await pushed(hub, data, "museum@1", monkeypatch)
        with pytest.raises(
            ViewError, match=r"me/tools: its tag v1 is museum@1, .* push to another repository"
        ):
            await pushed(hub, other, "museum@1", monkeypatch)
        assert len(hub.repositories["me/tools"].commits) == 2


@pytest.mark.parametrize(
    ("step", "status", "words"),
    [
        ("create", 401, r"HTTP 401 \(no create today\); set HF_TOKEN to a token that may write"),
        ("create", 403, r"HTTP 403 \(no create today\); set HF_TOKEN to a token that may write"),
        ("create", 500, r"HTTP 500 \(no create today\); push again later"),
        (
            "commit",
            409,
            r"HTTP 409 \(no commit today\); somebody else changed it at the same time; push again",
        ),
        ("tag", 409, r"HTTP 409 \(no tag today\); somebody else"),
    ],
)
async def test_a_hub_that_refuses_is_one_line(
    data: Path, monkeypatch: pytest.MonkeyPatch, step: str, status: int, words: str
):
    async with Hub({step: status}) as hub:
        with pytest.raises(ViewError, match=words) as caught:
            await pushed(hub, data, "museum@1", monkeypatch)
    assert "\n" not in str(caught.value)


async def test_a_hub_that_is_not_there_is_one_line(data: Path, monkeypatch: pytest.MonkeyPatch):
    async with Hub() as hub:
        with pytest.raises(ViewError, match="me/tools: the hub cannot be reached") as caught:
            await pushed(hub, data, "museum@1", monkeypatch, HF_ENDPOINT="http://127.0.0.1:9")
    assert "\n" not in str(caught.value)


async def test_nothing_leaves_the_house_without_a_token_or_with_a_secret(
    data: Path, monkeypatch: pytest.MonkeyPatch
):
    async with Hub() as hub:
        with pytest.raises(UsageError, match="set HF_TOKEN"):
            await pushed(hub, data, "museum@1", monkeypatch, HF_TOKEN="")
        leaky = trajectory(task("My key is ghp_" + "a1" * 18))
        with Store.open(data, write=True) as store:
            store.commit(commit(leaky, recipe_digest="r3"))
        with pytest.raises(CallwrightError, match=r"secret 1"):
            await pushed(hub, data, "museum@3", monkeypatch)
        monkeypatch.setenv("HF_TOKEN", "hf_testing")
        with pytest.raises(ViewError, match="holds no whole export"):
            push(data, "me/tools", "v1")
        assert hub.steps == []
