"""Python modules as toolkits; each is imported in a real child process."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from pathlib import Path

import pytest

from callwright.errors import SourceError
from callwright.schemas.tool import PythonBinding, Toolkit
from callwright.sources.callables import read_callables
from callwright.sources.python_child import Limits
from sources.checks import assert_self_contained

ORDERS = '''
    """The order desk."""
    import datetime as dt
    from json import dumps
    from helper_of_orders import PREFIX

    def list_orders(status: str = "open") -> list[str]:
        """List the orders. Newest first.

        Args:
            status: Which ones.
        """
        return [PREFIX + status]

    async def get_order(order_id: str) -> dict[str, int]: ...
    def cancelOrder(order_id: str) -> None: ...
    def _hidden() -> None: ...
    def untyped(x): ...
    def variadic(*x: int): ...
    def odd(x: "Nowhere") -> int: ...
    def infinite(x: float = float("nan")) -> int: ...
    def pattern(x: "Word") -> int: ...
    from typing import Annotated
    from pydantic import Field
    Word = Annotated[str, Field(json_schema_extra={"pattern": "("})]
    class Client:
        def __call__(self) -> int: ...
    client = Client()
'''


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tools")
    write(folder, "desk/orders.py", ORDERS)
    write(folder, "desk/helper_of_orders.py", "PREFIX = 'order-'")
    return folder


def test_the_public_functions_of_a_file_become_tools(base: Path) -> None:
    toolkit, refusals = read_callables("desk/orders.py", base=base)
    assert (toolkit.name, toolkit.title, toolkit.description) == ("orders", "Orders", "The order desk.")
    assert [(tool.name, tool.resource) for tool in toolkit.tools] == [
        ("list_orders", "orders"),
        ("get_order", "order"),
        ("cancelOrder", "order"),
    ]
    first, second, third = toolkit.tools
    assert first.summary == "List the orders"
    assert first.properties["status"]["description"] == "Which ones."
    assert first.returns == {"type": "array", "items": {"type": "string"}}
    assert second.description == ""
    assert (third.returns, third.reply.media_type) == (None, None)
    assert first.binding == PythonBinding(module=str(base / "desk" / "orders.py"), function="list_orders")
    for tool in toolkit.tools:
        assert_self_contained(tool.parameters)
    assert [(refusal.where, refusal.code) for refusal in refusals] == [
        ("orders.py: untyped", "untyped_parameter"),
        ("orders.py: variadic", "unnamed_parameter"),
        ("orders.py: odd", "unsupported_type"),
        ("orders.py: infinite", "invalid_value"),
        ("orders.py: pattern", "invalid_schema"),
    ]


def test_nothing_but_the_binding_tells_of_this_machine(base: Path, tmp_path: Path) -> None:
    toolkit, _ = read_callables("desk/orders.py", base=base)
    write(tmp_path, "orders.py", ORDERS)
    write(tmp_path, "helper_of_orders.py", "PREFIX = ''")
    elsewhere, _ = read_callables("orders.py", base=tmp_path)
    assert toolkit.id == elsewhere.id
    assert toolkit.origin == elsewhere.origin == "orders.py"
    unbound = [tool.model_copy(update={"binding": None}) for tool in toolkit.tools]
    assert str(base) not in str(toolkit.model_copy(update={"tools": tuple(unbound)}))


async def test_one_function_can_be_read_by_name_even_within_a_running_loop(base: Path) -> None:
    toolkit, refusals = read_callables("desk/orders.py:get_order", name="Desk", base=base)
    assert (toolkit.name, [tool.name for tool in toolkit.tools]) == ("desk", ["get_order"])
    assert refusals == ()


def test_a_module_by_name_is_looked_up_in_the_base_first(tmp_path: Path) -> None:
    write(tmp_path, "faker/__init__.py", "from faker.inner import ping")
    write(tmp_path, "faker/inner.py", "def ping() -> str: return 'pong'")
    toolkit, _ = read_callables("faker.inner:ping", base=tmp_path)
    assert (toolkit.name, toolkit.origin) == ("inner", "faker.inner")
    assert toolkit.tools[0].binding == PythonBinding(module="faker.inner", function="ping")
    imported, _ = read_callables("faker:ping", base=tmp_path)
    assert [tool.name for tool in imported.tools] == ["ping"]


def test_a_file_called_like_a_library_module_is_no_library_module(tmp_path: Path) -> None:
    write(tmp_path, "email.py", "import smtplib\ndef send_mail(to: str) -> None: ...")
    toolkit, _ = read_callables("email.py", base=tmp_path)
    assert [tool.name for tool in toolkit.tools] == ["send_mail"]


def test_the_module_is_never_imported_in_our_process(base: Path) -> None:
    read_callables("desk/orders.py", base=base)
    assert "orders" not in sys.modules
    assert "helper_of_orders" not in sys.modules


NOISE = """
    import os, sys, threading, time
    print("hello" * 100_000, flush=True)
    os.write(1, b'{"id": 1, "status": 200, "body": null}')
    print(sys.stdin.read())
    threading.Thread(target=time.sleep, args=(60,)).start()
    def act() -> int: ...
"""


def test_a_module_that_prints_reads_and_leaves_a_thread_is_read_all_the_same(tmp_path: Path) -> None:
    write(tmp_path, "noise.py", NOISE)
    toolkit, _ = read_callables("noise.py", base=tmp_path)
    assert [tool.name for tool in toolkit.tools] == ["act"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere", "bad.py: cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("def", r"bad.py: cannot be imported: SyntaxError: invalid syntax \(bad.py, line 1\)"),
        ("raise RuntimeError(f'at {__file__}\\n!')", "bad.py: cannot be imported: RuntimeError: at bad.py !"),
        ("import sys; sys.exit(3)", "bad.py: cannot be imported: SystemExit: 3"),
        ("raise KeyError('x')", "bad.py: cannot be imported: KeyError: x"),
        ("import os; os._exit(3)", r"bad.py: cannot be imported: its process ended \(exit code 3\)"),
        ("x = bytes(10**12)", "bad.py: cannot be imported: MemoryError"),
        ("x = 1", "bad.py: defines no public functions"),
    ],
)
def test_a_module_that_cannot_be_used_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "bad.py", text)
    with pytest.raises(SourceError, match=f"^{message}[^\n/]*$"):
        read_callables("bad.py", base=tmp_path)


def test_a_module_that_hangs_on_import_is_given_up(tmp_path: Path) -> None:
    write(tmp_path, "slow.py", "import time; time.sleep(60)")
    with pytest.raises(SourceError, match="slow.py: importing it took longer than 1 s; move slow work"):
        read_callables("slow.py", base=tmp_path, limits=Limits(start_s=1.0))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("desk/nowhere.py", "there is no Python file desk/nowhere.py"),
        ("desk/orders", "there is no Python file desk/orders"),
        ("desk", "desk: defines no public functions"),
        (":list_orders", "names no functions"),
        ("desk/orders.py:", "names no functions"),
        ("no_such_module", "no_such_module: cannot be imported: ModuleNotFoundError: No module named"),
        (
            "desk/orders.py:lost",
            "orders.py: has no function lost; it has: list_orders, get_order, cancelOrder",
        ),
        ("desk/orders.py:PREFIX", "orders.py: has no function PREFIX; it has: list_orders"),
    ],
)
def test_a_spec_that_names_nothing_is_one_clear_line(base: Path, spec: str, message: str) -> None:
    with pytest.raises(SourceError, match=f"{message}[^\n]*$"):
        read_callables(spec, base=base)


async def test_many_can_be_read_at_once(base: Path) -> None:
    reading = [asyncio.to_thread(read_callables, "desk/orders.py", base=base) for _ in range(3)]
    kits: list[Toolkit] = [toolkit for toolkit, _ in await asyncio.gather(*reading)]
    assert len({kit.id for kit in kits}) == 1
