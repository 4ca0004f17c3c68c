"""A model that is asked in rounds: questions go into a file, a command answers them into another file.

The files have the form of OpenAI's batches, which vLLM's `run_batch` reads and writes. A round begins when every
conversation under way waits for an answer.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shlex
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callwright.errors import ModelError, ReplyError, StoreError
from callwright.llm.base import Completion, Request, request_key
from callwright.llm.refusals import REFUSED, refusal
from callwright.llm.wire import BrokenReply, body_of, completion_of, excerpt
from callwright.schemas.base import digest
from callwright.schemas.recipe import BatchModel

logger = logging.getLogger(__name__)

_POLL_S = 0.2
_GRACE_S = 10.0


@dataclass(frozen=True)
class _Answer:
    """One line of an output file."""

    status: int
    body: Any
    said: str
    file: Path

    @property
    def settled(self) -> bool:
        """Whether asking again would not change it; any other status is a failure of the command."""
        return self.status == 200 or self.status in REFUSED


class BatchChat:
    """One model behind a command. Nobody asks the same question twice at once: `Journaled` stands before it.

    `stats` counts `rounds`, `requests` (lines handed to the command) and `answered` (lines that came back).

    The files of a round are named by the digest of its questions. Each line of an output counts by itself, so a run
    that was killed reads back whatever was answered, also by a command that outlived it: the command inherits a lock,
    and nothing is asked while somebody holds it.
    """

    reads_variables = False

    def __init__(self, config: BatchModel, folder: Path, *, settle_s: float = 0.25) -> None:
        """`folder` is for the files; a round begins when no question has come for `settle_s` seconds."""
        self.id = f"batch:{config.model}"
        self.stats: Counter[str] = Counter()
        self._config = config
        self._folder = folder
        self._settle_s = settle_s
        self._enough = min(config.max_batch, config.in_flight)
        self._arrivals = 0
        self._waiting: dict[str, tuple[bytes, asyncio.Future[_Answer]]] = {}
        self._answers: dict[str, _Answer] = {}
        """What was answered and not handed out yet."""
        self._worker: asyncio.Task[None] | None = None
        self._lock = -1

    async def complete(self, request: Request) -> Completion:
        """Answer one request, with the next round.

        Raises:
            ModelError: The command cannot be started, failed, or left the question unanswered.
            ReplyError: `context_overflow`, `request_refused`, `raw_call_text` or `malformed_reply`; it
                concerns this request only.
            StoreError: The round's files cannot be written.
        """
        key = request_key(self, request)
        assert key not in self._waiting, "the same question twice at once"
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._waiting[key] = body_of(request, self._config.model), answer
        self._arrivals += 1
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        try:
            return _completion(await answer, request)
        finally:
            self._waiting.pop(key, None)

    async def close(self) -> None:
        """End the command, if it runs; what it has answered by then is read back by the next run."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def _work(self) -> None:
        """Rounds until nobody waits."""
        try:
            if self._lock < 0:
                self._lock = await self._alone()
                for output in self._folder.glob("*.output.jsonl"):
                    self._read(output)
            self._hand_out()
            while self._waiting:
                await self._gathered()
                await self._round()
        except Exception as error:
            for _, answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(error)
            self._waiting.clear()

    async def _alone(self) -> int:
        """The lock, once no command that an earlier run left behind holds it any more."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"{self._folder}: cannot be written ({error.strerror})") from error
        told = False
        try:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return lock
                except BlockingIOError:
                    if not told:
                        pid = os.pread(lock, 32, 0).decode(errors="replace").strip()
                        logger.warning(
                            "a stopped run has left its command behind (process %s); waiting for its answers",
                            pid,
                        )
                        told = True
                    await asyncio.sleep(_POLL_S)
        except BaseException:
            os.close(lock)
            raise

    async def _gathered(self) -> None:
        """Until there are enough questions, or no more of them come."""
        seen = -1
        while len(self._waiting) < self._enough and seen != self._arrivals:
            seen = self._arrivals
            await asyncio.sleep(self._settle_s)
            self._hand_out()

    async def _round(self) -> None:
        bodies = {key: body for key, (body, _) in list(self._waiting.items())[: self._config.max_batch]}
        if not bodies:
            return
        needed = {answer.file for answer in self._answers.values()}
        # All that these were good for has been in the journal since before this round.
        spent = [file for file in self._folder.glob("*.output.jsonl") if file not in needed]
        name = digest(sorted(bodies))[:16]
        output = self._folder / f"{name}.output.jsonl"
        code = await self._run(name, bodies, output)
        failed = self._read(output)
        self.stats.update(rounds=1, answered=sum(key in self._answers for key in bodies))
        missing = [key for key in bodies if key not in self._answers]
        if not code:
            self._hand_out()
        if code or missing:
            raise self._failure(name, code, len(missing), len(bodies), failed)
        for file in spent:
            if file != output:
                for kind in ("input.jsonl", "output.jsonl", "log"):
                    file.with_name(f"{file.name.removesuffix('output.jsonl')}{kind}").unlink(missing_ok=True)

    async def _run(self, name: str, bodies: Mapping[str, bytes], output: Path) -> int:
        """The command's exit code."""
        asked = self._folder / f"{name}.input.jsonl"
        self.stats["requests"] += len(bodies)
        try:
            with asked.open("wb") as file:
                file.writelines(_lines(bodies))
            output.unlink(missing_ok=True)
            log = (self._folder / f"{name}.log").open("wb")
        except OSError as error:
            raise StoreError(
                f"{asked}: cannot be written ({error.strerror}); make room and run again"
            ) from error
        places = {"{input}": str(asked.absolute()), "{output}": str(output.absolute())}
        command = [_filled(part, places) for part in shlex.split(self._config.command)]
        with log:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(self._lock,),
                    # A group of its own, so that all of its processes can be ended.
                    start_new_session=True,
                )
            except OSError as error:
                raise ModelError(
                    f"{command[0]} cannot be started ({error.strerror}); correct models.teacher.command in the recipe"
                ) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(process.pid).encode(), 0)
        try:
            return await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise

    def _read(self, output: Path) -> list[str]:
        """Takes the answers of a file in; returns what it says about questions that were not answered for good."""
        failed = []
        try:
            lines = output.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{output}: cannot be read ({error.strerror})") from error
        for key, answer in _answers(lines, output):
            if answer.settled:
                self._answers[key] = answer
            else:
                failed.append(f"HTTP {answer.status} ({answer.said})")
        return failed

    def _hand_out(self) -> None:
        for key in [key for key in self._waiting if key in self._answers]:
            _, waiting = self._waiting.pop(key)
            if not waiting.done():
                waiting.set_result(self._answers.pop(key))

    def _failure(self, name: str, code: int, missing: int, asked: int, failed: list[str]) -> ModelError:
        log = self._folder / f"{name}.log"
        if code:
            said = excerpt(b"".join(log.read_bytes().splitlines()[-1:]))
            what = f"the command of the batch ended with exit code {code}, its last words: {said or 'none'}"
        else:
            what = f"the command of the batch left {missing} of {asked} questions unanswered"
            what += f", the first: {failed[0]}" if failed else ""
        return ModelError(f"{what}; see {log}, and run again to go on where it stopped")


def _completion(answer: _Answer, request: Request) -> Completion:
    if answer.status != 200:
        raise refusal(answer.status, answer.said, "models.teacher.command")
    try:
        return completion_of(json.dumps(answer.body).encode(), request)
    except BrokenReply as error:
        raise ReplyError("malformed_reply", str(error)) from error


def _lines(bodies: Mapping[str, bytes]) -> Iterator[bytes]:
    for key in sorted(bodies):
        head = json.dumps({"custom_id": key, "method": "POST", "url": "/v1/chat/completions"}).encode()
        yield head[:-1] + b', "body": ' + bodies[key] + b"}\n"


def _answers(lines: list[bytes], file: Path) -> Iterator[tuple[str, _Answer]]:
    """What can be read; a line that was torn or is none of ours is passed over, and its question left unanswered."""
    for line in lines:
        try:
            given = json.loads(line)
            response = given.get("response") or {}
            status = int(response.get("status_code") or (500 if given.get("error") else 200))
            said = _said(given.get("error") or response.get("body"))
            yield str(given["custom_id"]), _Answer(status, response.get("body"), said, file)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue


def _said(error: Any) -> str:
    """The message of an error, in whichever of the forms that are in use."""
    while isinstance(error, dict):
        error = error.get("error") or error.get("message") or json.dumps(error)
    return excerpt(str(error).encode(), 400)


def _filled(part: str, places: Mapping[str, str]) -> str:
    for mark, place in places.items():
        part = part.replace(mark, place)
    return part


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _GRACE_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
