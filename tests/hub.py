"""A stand-in for the Hugging Face Hub: real HTTP on the loopback, repositories in memory, and every way to refuse."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "hf_testing"


@dataclass
class Repository:
    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"0" * 40: {}})
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def newest(self) -> str:
        return list(self.commits)[-1]

    def files(self, revision: str) -> dict[str, bytes]:
        return self.commits[self.tags.get(revision, self.newest if revision == "main" else revision)]


class Hub:
    """`async with Hub() as hub:` then run with `hub.environment`."""

    def __init__(self, refuse: dict[str, int] | None = None) -> None:
        """`refuse`: step (create, refs, commit, tag) -> HTTP status that it is answered with."""
        self.repositories: dict[str, Repository] = {}
        self.refuse = refuse or {}
        self.cards: list[str] = []
        """Pages that were checked by the hub's validator."""
        self.steps: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        address = f"http://127.0.0.1:{self.port}"
        return {
            "HF_ENDPOINT": address,
            "HF_TOKEN": TOKEN,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    async def __aenter__(self) -> Hub:
        app = web.Application(client_max_size=2**28)
        base = "/api/datasets/{user}/{name}"
        app.router.add_post("/api/repos/create", self._create)
        app.router.add_post("/api/validate-yaml", self._validate)
        app.router.add_get(base, self._info)
        app.router.add_get(f"{base}/refs", self._refs)
        app.router.add_get(base + "/revision/{revision}", self._info)
        app.router.add_get(base + "/tree/{revision}", self._tree)
        app.router.add_post(base + "/preupload/{revision}", self._preupload)
        app.router.add_post(base + "/commit/{revision}", self._commit)
        app.router.add_post(base + "/tag/{revision}", self._tag)
        app.router.add_get("/datasets/{user}/{name}/resolve/{revision}/{path:.+}", self._resolve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    def _allowed(self, request: web.Request, step: str) -> None:
        self.steps.append(step)
        status = (
            401 if request.headers.get("Authorization") != f"Bearer {TOKEN}" else self.refuse.get(step, 200)
        )
        if status != 200:
            text = json.dumps({"error": f"no {step} today"})
            headers = {"X-Error-Message": f"no {step} today"}
            error = type("Refusal", (web.HTTPException,), {"status_code": status})
            raise error(text=text, content_type="application/json", headers=headers)

    def _repository(self, request: web.Request) -> Repository:
        return self.repositories[f"{request.match_info['user']}/{request.match_info['name']}"]

    async def _create(self, request: web.Request) -> web.Response:
        self._allowed(request, "create")
        body = await request.json()
        name = f"{body.get('organization') or 'me'}/{body['name']}"
        address = {"url": f"http://127.0.0.1:{self.port}/datasets/{name}"}
        if name in self.repositories:
            return web.json_response(
                {"error": "You already created this dataset repo", **address}, status=409
            )
        self.repositories[name] = Repository(
            private=body.get("private") or body.get("visibility") == "private"
        )
        return web.json_response(address)

    async def _validate(self, request: web.Request) -> web.Response:
        self.cards.append((await request.json())["content"])
        return web.json_response({"errors": [], "warnings": []})

    async def _info(self, request: web.Request) -> web.Response:
        repository = self._repository(request)
        name = f"{request.match_info['user']}/{request.match_info['name']}"
        return web.json_response({"id": name, "sha": repository.newest, "siblings": [], "tags": []})

    async def _refs(self, request: web.Request) -> web.Response:
        self._allowed(request, "refs")
        repository = self._repository(request)
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.newest}
        tags = [
            {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": oid}
            for tag, oid in repository.tags.items()
        ]
        return web.json_response({"branches": [main], "tags": tags, "converts": []})

    async def _tree(self, request: web.Request) -> web.Response:
        files = self._repository(request).files(request.match_info["revision"])
        return web.json_response(
            [
                {"type": "file", "path": path, "size": len(body), "oid": _git(body)}
                for path, body in files.items()
            ]
        )

    async def _preupload(self, request: web.Request) -> web.Response:
        asked = await request.json()
        files = [
            {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
            for one in asked["files"]
        ]
        return web.json_response({"files": files})

    async def _commit(self, request: web.Request) -> web.Response:
        self._allowed(request, "commit")
        repository = self._repository(request)
        files = dict(repository.files("main"))
        for line in (await request.text()).splitlines():
            one: dict[str, Any] = json.loads(line)
            if one["key"] == "file":
                files[one["value"]["path"]] = base64.b64decode(one["value"]["content"])
            elif one["key"] == "deletedFile":
                del files[one["value"]["path"]]
        oid = f"{len(repository.commits):040x}"
        repository.commits[oid] = files
        address = f"http://127.0.0.1:{self.port}/datasets/me/x/commit/{oid}"
        return web.json_response({"commitUrl": address, "commitOid": oid})

    async def _tag(self, request: web.Request) -> web.Response:
        self._allowed(request, "tag")
        repository = self._repository(request)
        repository.tags[(await request.json())["tag"]] = request.match_info["revision"]
        return web.json_response({})

    async def _resolve(self, request: web.Request) -> web.Response:
        repository, revision = self._repository(request), request.match_info["revision"]
        body = repository.files(revision)[request.match_info["path"]]
        headers = {
            "ETag": f'"{_git(body)}"',
            "X-Repo-Commit": repository.tags.get(revision, repository.newest),
        }
        return web.Response(body=body, headers=headers)


def _git(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()
