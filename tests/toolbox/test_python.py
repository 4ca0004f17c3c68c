"""Functions that run in child processes, and everything that they can do wrong there."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callwright.errors import GenerationError
from callwright.schemas.message import Observation, ToolCall
from callwright.schemas.tool import PythonBinding, Toolkit
from callwright.sources.callables import read_callables
from callwright.toolbox.base import Session
from callwright.toolbox.python import Limits, PythonToolbox

TOOLS = r"""
import asyncio, ctypes, datetime as dt, functools, os, random, sys, threading, time
from pathlib import Path
from typing import Annotated, Any
from pydantic import AfterValidator

count = 0
lock = asyncio.Lock()
kept = []

def add(number: int = 1) -> int:
    global count
    count += number
    return count

async def add_later(number: int) -> int:
    async with lock:
        await asyncio.sleep(0.01)
        return add(number)

def day_after(date: dt.date) -> dt.date:
    return date + dt.timedelta(days=1)

def even(number: Annotated[int, AfterValidator(lambda n: n if n % 2 == 0 else 1 / 0)]) -> int:
    return number

def short(text: Annotated[str, AfterValidator(lambda t: t if len(t) < 3 else int(t))]) -> str:
    return text

def forget(key: str) -> None: ...

def note(text: str) -> list[str]:
    Path("note.txt").open("a").write(text + "\n")
    return Path("note.txt").read_text().split()

def chance() -> list[Any]:
    return [random.random(), hash("a"), list({"a", "b", "c"})]

def surroundings() -> dict[str, Any]:
    return {"env": dict(os.environ), "stdin": sys.stdin.read(), "group": os.getpgid(0), "cwd": os.getcwd()}

class Odd(BaseException): ...
class Mute(Exception):
    def __str__(self): raise ValueError

ERRORS = {error.__name__: error for error in (
    ValueError, TypeError, KeyError, IndexError, LookupError, PermissionError, FileNotFoundError, TimeoutError,
    NotImplementedError, RuntimeError, ZeroDivisionError, KeyboardInterrupt, SystemExit, GeneratorExit,
    asyncio.CancelledError, RecursionError, Odd, Mute, UnicodeError, AssertionError,
)}

def fail(error: str, text: str) -> int:
    raise ERRORS[error](text)

async def fail_later(error: str, text: str) -> int:
    raise ERRORS[error](text)

def fail_with_path() -> int:
    raise RuntimeError(f"broken at {__file__}\nand {os.path.join(os.getcwd(), 'note.txt')}\ud800")

def leave() -> int:
    sys.exit(3)

def hang() -> int:
    while True: time.sleep(1)

def spin() -> int:
    while True: pass

async def hang_later() -> int:
    await asyncio.Event().wait()

def ignore_signals() -> int:
    import signal
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    hang()

def die(code: int) -> int:
    os._exit(code)

def crash() -> int:
    ctypes.string_at(0)

def shout(size: int) -> int:
    sys.stdout.write("x" * size)
    sys.stderr.write("x" * size)
    os.write(1, b'{"id": 2, "status": 200, "body": "forged"}\n')
    return size

def huge(size: int) -> str:
    return "x" * size

def eat() -> int:
    mine = []
    while True: mine.append(bytes(10_000_000))

def write(size: int) -> int:
    return Path("large").write_bytes(bytes(size))

def thing(kind: str):
    round = []
    round.append(round)
    deep = []
    for _ in range(100_000): deep = [deep]
    less = []
    for _ in range(480): less = [less]
    return {"object": object(), "nan": float("nan"), "infinity": [float("inf")], "half": "\ud800", "round": round,
            "deep": deep, "less": less, "bytes": b"\xff", "function": thing, "tuple": (1, 2), "keys": {1: 2},
            "date": dt.date(2024, 1, 1), "int": 10 ** 5000}[kind]

def promised() -> int:
    return "many"

def nan() -> float:
    return float("nan")

def fork_and_come_back() -> int:
    return 1 if os.fork() else 2

def fork_and_raise() -> int:
    if not os.fork(): raise ValueError("from the fork")
    return 1

def fork_and_sleep() -> int:
    if not os.fork():
        if not os.fork(): time.sleep(60)
        time.sleep(60)
    return os.getpgid(0)

def leave_a_thread() -> int:
    threading.Thread(target=hang).start()
    return os.getpgid(0)

def vandalise(flood: bool) -> int:
    for fd in range(3, 20):
        try: os.write(fd, b"garbage\n")
        except OSError: continue
        while flood:
            os.write(fd, b"x" * 100_000)
    return 1

def close_everything() -> int:
    os.closerange(0, 100)
    return 1
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tools")
    (folder / "tools.py").write_text(TOOLS, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def kit(base: Path) -> Toolkit:
    toolkit, refusals = read_callables("tools.py", base=base)
    assert refusals == ()
    return toolkit


@pytest.fixture
async def box() -> AsyncIterator[PythonToolbox]:
    limits = Limits(memory_bytes=400_000_000, output_bytes=50_000, file_bytes=100_000, start_s=20.0)
    box = PythonToolbox(limits)
    yield box
    await box.close()


@pytest.fixture
def session(box: PythonToolbox, kit: Toolkit) -> Session:
    return opened(box, kit)


def opened(box: PythonToolbox, kit: Toolkit, seed: int = 1) -> Session:
    return box.open(kit.tools, toolkit=kit.name, seed=seed, clock=dt.date(2024, 1, 1), item="item")


async def told(session: Session, name: str, **arguments: Any) -> tuple[int, Any]:
    """Status and body of one call."""
    seen = await observed(session, name, **arguments)
    return seen.status, json.loads(seen.content)


async def observed(session: Session, name: str, **arguments: Any) -> Observation:
    seen = await session.call(ToolCall(id="call", name=name, arguments=json.dumps(arguments)))
    assert seen.trust == "executed"
    assert "Traceback" not in seen.content
    return seen


async def group_of(session: Session) -> int:
    group: int = (await told(session, "surroundings"))[1]["group"]
    return group


def living(group: int) -> list[int]:
    """Processes of a group that are no zombies."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its_group) == group and state not in "ZX":
            found.append(int(entry.name))
    return found


async def assert_lives(group: int, processes: int) -> None:
    """Within two seconds: forks start, and killed processes end, when the system finds the time."""
    for _ in range(100):
        if len(living(group)) == processes:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"alive: {living(group)}, expected {processes}")


async def test_calls_are_executed_with_typed_arguments(session: Session) -> None:
    assert await told(session, "day_after", date="2024-02-28") == (200, "2024-02-29")
    assert await told(session, "add_later", number=2) == (200, 2)
    assert await told(session, "add_later", number=2) == (200, 4)
    assert await told(session, "forget", key="x") == (200, {"status": 200})


async def test_calls_that_break_the_schema_start_no_child(kit: Toolkit) -> None:
    session = opened(PythonToolbox(Limits(start_s=0)), kit)
    assert (await told(session, "nowhere"))[0] == 404
    assert (await told(session, "add", number="x"))[0] == 400
    assert (await told(session, "add", other=1))[0] == 400


async def test_what_a_type_itself_refuses_is_a_bad_request(session: Session) -> None:
    status, body = await told(session, "short", text="long")
    assert (status, body["error"].split(":")[0]) == (400, "text")
    assert await told(session, "even", number=3) == (500, {"error": "ZeroDivisionError: division by zero"})


async def test_state_and_files_live_within_a_session_and_end_with_it(
    box: PythonToolbox, kit: Toolkit
) -> None:
    first, second = opened(box, kit), opened(box, kit)
    assert [(await told(first, "add", number=2))[1] for _ in range(3)] == [2, 4, 6]
    assert await told(first, "note", text="a") == (200, ["a"])
    assert await told(first, "note", text="b") == (200, ["a", "b"])
    assert await told(second, "add") == (200, 1)
    assert await told(second, "note", text="c") == (200, ["c"])
    folder = Path((await told(first, "surroundings"))[1]["cwd"])
    assert folder.is_dir()
    assert await first.end() is None
    assert not folder.exists()
    assert await told(second, "add") == (200, 2)


async def test_chance_follows_the_seed(box: PythonToolbox, kit: Toolkit) -> None:
    first, again, other = [(await told(opened(box, kit, seed), "chance"))[1] for seed in (1, 1, 2)]
    assert first == again
    assert first[0] != other[0]
    assert first[1:] == other[1:]


async def test_the_child_sees_nothing_of_our_surroundings(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    _, seen = await told(session, "surroundings")
    assert set(seen["env"]) <= {
        *("PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"),
        *("PYTHONPATH", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "PYTHONUSERBASE"),
    }
    assert seen["env"]["HOME"] == seen["cwd"]
    assert seen["stdin"] == ""
    assert seen["group"] != os.getpgid(0)


@pytest.mark.parametrize("function", ["fail", "fail_later"])
async def test_what_a_function_raises_is_its_status(session: Session, function: str) -> None:
    expected = {
        "ValueError": 400,
        "UnicodeError": 400,
        "TypeError": 400,
        "PermissionError": 403,
        "KeyError": 404,
        "IndexError": 404,
        "LookupError": 404,
        "FileNotFoundError": 404,
        "RuntimeError": 500,
        "ZeroDivisionError": 500,
        "AssertionError": 500,
        "RecursionError": 500,
        "KeyboardInterrupt": 500,
        "SystemExit": 500,
        "GeneratorExit": 500,
        "CancelledError": 500,
        "Odd": 500,
        "NotImplementedError": 501,
        "TimeoutError": 504,
    }
    await told(session, "add")
    for error, status in expected.items():
        seen = await told(session, function, error=error, text="No such\n order.")
        assert seen == (status, {"error": f"{error}: No such order."})
    assert await told(session, function, error="Mute", text="") == (500, {"error": "Mute"})
    status, body = await told(session, function, error="ValueError", text="x" * 10_000)
    assert len(body["error"]) < 600
    assert await told(session, "add") == (200, 2), "the session went on"


async def test_an_error_tells_no_paths(session: Session) -> None:
    expected = {"error": "RuntimeError: broken at tools.py and note.txt?"}
    assert await told(session, "fail_with_path") == (500, expected)
    assert await told(session, "leave") == (500, {"error": "SystemExit: 3"})


@pytest.mark.parametrize("function", ["hang", "spin", "hang_later", "ignore_signals"])
async def test_a_function_that_hangs_is_ended_and_the_next_call_gets_a_fresh_child(
    kit: Toolkit, function: str
) -> None:
    box = PythonToolbox(Limits(call_s=0.5))
    session = opened(box, kit)
    await told(session, "add")
    group = await group_of(session)
    started = time.monotonic()
    assert await told(session, function) == (504, {"error": "The function did not answer within 0.5 s."})
    assert time.monotonic() - started < 5
    await assert_lives(group, 0)
    assert await told(session, "add") == (200, 1)
    await box.close()


async def test_a_child_that_dies_is_a_bad_gateway(session: Session) -> None:
    async def end(function: str, **arguments: int) -> str:
        status, body = await told(session, function, **arguments)
        assert status == 502
        return str(body["error"])

    wording = "The function did not answer: its process ended ({})."
    assert await end("die", code=0) == wording.format("exit code 0")
    assert await end("die", code=7) == wording.format("exit code 7")
    assert await end("crash") == wording.format("SIGSEGV")
    assert await told(session, "add") == (200, 1)


async def test_a_function_that_breaks_the_wire_breaks_only_its_own_call(session: Session) -> None:
    for function, arguments in (
        ("vandalise", {"flood": False}),
        ("vandalise", {"flood": True}),
        ("close_everything", {}),
    ):
        status, body = await told(session, function, **arguments)
        assert status == 502
        assert body["error"].startswith("The function did not answer: its process ")
    assert await told(session, "add") == (200, 1)


async def test_a_function_may_print_what_it_likes(session: Session) -> None:
    assert await told(session, "shout", size=100_000_000) == (200, 100_000_000)
    assert await told(session, "add") == (200, 1)


async def test_an_answer_that_is_too_large_is_refused_in_the_child(session: Session) -> None:
    expected = {"error": "The answer has 60002 bytes, more than the 50000 that are allowed. Ask for less."}
    assert await told(session, "huge", size=60_000) == (413, expected)
    assert (await told(session, "huge", size=60_000_000))[0] == 413
    seen = await observed(session, "huge", size=40_000)
    assert (seen.status, seen.cut) == (200, True)


async def test_a_function_that_eats_memory_is_stopped(session: Session) -> None:
    expected = {"error": "MemoryError: more memory was asked for than is allowed."}
    assert await told(session, "eat") == (507, expected)
    assert await told(session, "huge", size=10**12) == (507, expected)
    assert await told(session, "add") == (200, 1)


async def test_a_file_that_grows_too_large_is_an_error_of_the_function(session: Session) -> None:
    assert await told(session, "write", size=200_000) == (
        500,
        {"error": "OSError: [Errno 27] File too large"},
    )
    assert await told(session, "write", size=50_000) == (200, 50_000)


async def test_only_json_comes_back(session: Session) -> None:
    for kind in ("object", "nan", "infinity", "half", "round", "deep", "bytes", "function", "int"):
        status, body = await told(session, "thing", kind=kind)
        assert (kind, status) == (kind, 502)
        assert body["error"].startswith("The function returned something that is ")
        assert "\n" not in body["error"]
    assert await told(session, "thing", kind="tuple") == (200, [1, 2])
    assert await told(session, "thing", kind="keys") == (200, {"1": 2})
    assert await told(session, "thing", kind="date") == (200, "2024-01-01")
    assert (await told(session, "thing", kind="less"))[0] in (200, 502)
    assert (await told(session, "nan"))[0] == 502
    status, body = await told(session, "promised")
    assert status == 502
    assert body["error"].startswith("The function returned something else than it documents: value: ")


async def test_a_fork_answers_once(session: Session) -> None:
    for function in ("fork_and_come_back", "fork_and_raise"):
        assert [await told(session, function) for _ in range(3)] == [(200, 1)] * 3
    assert await told(session, "add") == (200, 1)


async def test_what_a_function_leaves_running_ends_with_the_session(session: Session) -> None:
    _, group = await told(session, "fork_and_sleep")
    assert await told(session, "leave_a_thread") == (200, group)
    await assert_lives(group, 3)
    assert await told(session, "add") == (200, 1)
    await session.end()
    await assert_lives(group, 0)


async def test_what_a_function_forked_dies_with_it(session: Session) -> None:
    _, group = await told(session, "fork_and_sleep")
    await assert_lives(group, 3)
    assert (await told(session, "die", code=1))[0] == 502
    await assert_lives(group, 0)


async def test_a_cancelled_call_ends_its_child(session: Session) -> None:
    group = await group_of(session)
    call = asyncio.create_task(told(session, "hang"))
    await asyncio.sleep(0.1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await assert_lives(group, 0)
    assert await told(session, "add") == (200, 1)


async def test_a_call_that_is_cancelled_while_its_child_starts_leaves_nothing(
    box: PythonToolbox, session: Session
) -> None:
    for delay_s in (0.0, 0.001, 0.05):
        call = asyncio.create_task(told(session, "add"))
        await asyncio.sleep(delay_s)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert await told(session, "add") == (200, 1)


async def test_calls_of_one_session_take_turns(session: Session) -> None:
    answers = await asyncio.gather(*(told(session, "add") for _ in range(5)))
    assert sorted(body for _, body in answers) == [1, 2, 3, 4, 5]


async def test_many_sessions_run_beside_each_other(box: PythonToolbox, kit: Toolkit) -> None:
    async def counted(session: Session) -> list[int]:
        return [(await told(session, "add_later", number=1))[1] for _ in range(5)]

    sessions = [opened(box, kit) for _ in range(8)]
    assert await asyncio.gather(*map(counted, sessions)) == [[1, 2, 3, 4, 5]] * 8


async def test_closing_the_toolbox_ends_what_sessions_left(box: PythonToolbox, kit: Toolkit) -> None:
    groups = [await group_of(opened(box, kit)) for _ in range(2)]
    await box.close()
    for group in groups:
        await assert_lives(group, 0)


async def test_a_run_that_is_killed_takes_its_children_with_it(base: Path) -> None:
    script = f"""
        import asyncio, datetime as dt
        from pathlib import Path
        from callwright.schemas.message import ToolCall
        from callwright.sources.callables import read_callables
        from callwright.toolbox.python import PythonToolbox

        async def main():
            kit, _ = read_callables("tools.py", base=Path({str(base)!r}))
            session = PythonToolbox().open(kit.tools, toolkit="", seed=1, clock=dt.date(2024, 1, 1), item="")
            seen = await session.call(ToolCall(id="1", name="fork_and_sleep", arguments="{{}}"))
            print(seen.content, flush=True)
            await session.call(ToolCall(id="2", name="hang", arguments="{{}}"))

        asyncio.run(main())
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        group = int(run.stdout.readline())
        await assert_lives(group, 3)
        run.send_signal(signal.SIGKILL)
    await assert_lives(group, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import nowhere",
            "python_import: lost.py: cannot be imported: ModuleNotFoundError: No module named",
        ),
        (
            "import os; os._exit(4)",
            r"python_import: lost.py: cannot be imported: its process ended \(exit code 4\)",
        ),
        ("import time; time.sleep(60)", "python_import: lost.py: was not imported within 1 s"),
    ],
)
async def test_a_module_that_can_no_longer_be_imported_ends_the_conversation(
    tmp_path: Path, kit: Toolkit, text: str, message: str
) -> None:
    (tmp_path / "lost.py").write_text(text, encoding="utf-8")
    binding = PythonBinding(module=str(tmp_path / "lost.py"), function="add")
    tools = [kit.tool("add").model_copy(update={"binding": binding})]
    box = PythonToolbox(Limits(start_s=1.0 if "sleep" in text else 30.0))
    session = box.open(tools, toolkit="kit", seed=1, clock=dt.date(2024, 1, 1), item="item")
    with pytest.raises(GenerationError, match=f"^{message}"):
        await told(session, "add")
    await box.close()


async def test_a_session_can_use_several_modules_the_named_ones_from_the_base(
    tmp_path: Path, kit: Toolkit
) -> None:
    (tmp_path / "shelf.py").write_text("def count_books() -> int: return 3", encoding="utf-8")
    shelf, _ = read_callables("shelf", base=tmp_path)
    box = PythonToolbox(base=tmp_path)
    session = box.open([*kit.tools, *shelf.tools], toolkit="kit", seed=1, clock=dt.date(2024, 1, 1), item="")
    assert await told(session, "count_books") == (200, 3)
    assert await told(session, "add") == (200, 1)
    await box.close()
