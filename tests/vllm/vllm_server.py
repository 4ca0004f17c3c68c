"""A real vLLM server on the loopback, on the CPU, with a small real model; made by `make vllm-env`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
MODEL = ROOT / ".venv-vllm" / "smollm2"
STARTS_WITHIN_S = 400.0
NAME = "smollm2"


@dataclass(frozen=True)
class Server:
    root: str

    @property
    def base_url(self) -> str:
        return f"{self.root}/v1"

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer to a request that our own client does not send."""
        data = json.dumps({"model": NAME, **body}).encode()
        request = urllib.request.Request(self.root + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as reply:
            return json.load(reply)

    def metric(self, name: str) -> float:
        """The sum of a Prometheus metric over its labels."""
        with urllib.request.urlopen(f"{self.root}/metrics", timeout=20) as reply:
            lines = reply.read().decode().splitlines()
        found = [line for line in lines if line.startswith((f"{name}{{", f"{name} "))]
        assert found, f"no metric {name}"
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def environment() -> dict[str, str]:
    quiet = {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
    }
    return {**os.environ, **quiet}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    assert PYTHON.exists() and MODEL.exists(), "run `make vllm-env` first"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(PYTHON),
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += ["--model", str(MODEL), "--served-model-name", NAME, "--max-model-len", "4096"]
    command += [
        "--dtype",
        "float32",
        "--enforce-eager",
        "--enable-auto-tool-choice",
        "--tool-call-parser",
        "hermes",
    ]
    # Without it only the envelope of a demanded call is constrained, and its arguments are free text.
    command += ["--tool-strict-level", "parameter"]
    command += ["--chat-template", str(ROOT / "src" / "callwright" / "llm" / "hermes.jinja")]
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env=environment(), start_new_session=True
        )
        try:
            found = Server(f"http://127.0.0.1:{port}")
            _wait(found, process, log)
            yield found
        finally:
            process.terminate()
            process.wait(60)


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{server.root}/health", timeout=2):
                return
        except OSError:
            assert process.poll() is None, log.read_text()[-3000:]
            time.sleep(1)
    raise AssertionError(f"vLLM was not up within {STARTS_WITHIN_S:g} s: {log.read_text()[-3000:]}")
