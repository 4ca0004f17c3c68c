"""Versions on a hub: real HTTP to a stand-in on the loopback, by the real command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import RECIPE, commit, task, trajectory
from command import ended, started
from hub import Hub

from callwright.store import Store

FIRST = trajectory(task("Show me event e1."))
SECOND = trajectory(task("None?", attempt=1), [])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """`museum@1` with a test split, and `museum@2` without one."""
    with Store.open(tmp_path, write=True) as store:
        store.commit(commit(FIRST, test=[SECOND]))
        store.commit(commit(FIRST, SECOND, recipe_digest="r2"))
    return tmp_path


async def pushed(hub: Hub, data: Path, name: str, *more: str, **env: str) -> tuple[int, str, str]:
    command = ("push", name, "--repo", "me/tools", "--data", data, *more)
    return await ended(
        await started(*command, cwd=data, **(hub.environment | {"HF_HOME": str(data / "hf")} | env))
    )


async def test_a_version_is_uploaded_once_with_its_number_as_tag(data: Path):
    async with Hub() as hub:
        code, out, err = await pushed(hub, data, "museum@1", "--json")
        assert code == 0, err
        body = json.loads(out)
        assert (body["version"], body["tag"], body["uploaded"]) == ("museum@1", "v1", True)
        repository = hub.repositories["me/tools"]
        assert repository.private
        first = repository.files("v1")
        assert json.loads(first["manifest.json"])["id"] == body["id"]
        assert {path.split("-")[0] for path in first if path.endswith("parquet")} == {
            "typed/train", "typed/test", "portable/train", "portable/test"
        }  # fmt: skip
        assert hub.cards and "license: " in hub.cards[0]  # the hub's own validator saw the card

        code, out, err = await pushed(hub, data, "museum@1")
        assert code == 0 and "me/tools has museum@1 already, as v1; nothing was uploaded" in err
        assert len(repository.commits) == 2

        code, _, err = await pushed(hub, data, "museum")
        assert code == 0, err
        assert set(repository.tags) == {"v1", "v2"}
        assert not any(
            "test" in path for path in repository.files("v2")
        )  # what the newer one has not is gone
        assert repository.files("v1") == first


async def test_a_tag_of_another_version_is_never_replaced(
    data: Path, tmp_path_factory: pytest.TempPathFactory
):
    other = tmp_path_factory.mktemp("other")
    with Store.open(other, write=True) as store:
        store.commit(commit(SECOND))
    async with Hub() as hub:
        assert (await pushed(hub, data, "museum@1"))[0] == 0
        code, out, err = await pushed(hub, other, "museum@1")
        assert (code, out) == (1, "")
        assert err.startswith("callwright: me/tools: its tag v1 is museum@1, ") and err.count("\n") == 1
        assert len(hub.repositories["me/tools"].commits) == 2


@pytest.mark.parametrize(
    ("step", "status", "words"),
    [
        ("create", 401, "HTTP 401 (no create today); set HF_TOKEN to a token that may write"),
        ("create", 403, "HTTP 403 (no create today); set HF_TOKEN to a token that may write"),
        ("create", 500, "HTTP 500 (no create today); push again later"),
        ("commit", 409, "HTTP 409 (no commit today); somebody else changed it at the same time; push again"),
        ("tag", 409, "HTTP 409 (no tag today); somebody else"),
    ],
)
async def test_a_hub_that_refuses_is_one_line(data: Path, step: str, status: int, words: str):
    async with Hub({step: status}) as hub:
        code, out, err = await pushed(hub, data, "museum@1")
    assert (code, out) == (1, "")
    assert words in err and err.count("\n") == 1, err


async def test_a_hub_that_is_not_there_is_one_line(data: Path):
    async with Hub() as hub:
        code, out, err = await pushed(hub, data, "museum@1", HF_ENDPOINT="http://127.0.0.1:9")
    assert (code, out) == (1, "")
    assert "me/tools: the hub cannot be reached" in err and err.count("\n") == 1, err


async def test_nothing_leaves_the_house_without_a_token_or_with_a_secret(data: Path):
    async with Hub() as hub:
        code, _, err = await pushed(hub, data, "museum@1", HF_TOKEN="")
        assert code == 2 and "set HF_TOKEN" in err
        leaky = trajectory(task("My key is ghp_" + "a1" * 18))
        with Store.open(data, write=True) as store:
            store.commit(commit(leaky, recipe_digest="r3"))
            store.commit(commit(FIRST, recipe_digest="r4", recipe=RECIPE | {"note": "hf_" + "a1" * 17}))
        for name, words in (
            ("museum@3", "(secret 1)"),
            ("museum@4", "card would hold what looks like a secret"),
        ):
            code, _, err = await pushed(hub, data, name)
            assert code == 1 and words in err, err
        assert hub.steps == []
