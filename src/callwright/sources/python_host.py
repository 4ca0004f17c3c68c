"""The child's side of Python tools: it imports a module, describes its functions, and runs them.

Run by path as `python python_host.py SETTINGS`. Descriptor 0 is a socket: one JSON line comes in for each request and
one goes out for its answer, `{"id": 1, "status": 200, "body": ...}`. It is moved away before any of the user's code
runs, so that what that code prints, reads or forks cannot reach it. Imports the standard library, pydantic, and the one
module of callwright that reads signatures.

A function that raises is answered by what it raised: ValueError and TypeError 400, PermissionError 403, LookupError
(KeyError, IndexError) and FileNotFoundError 404, NotImplementedError 501, TimeoutError 504, MemoryError 507, anything
else 500.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import math
import os
import random
import resource
import select
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from callwright.values.signatures import Signature

_STATUSES: tuple[tuple[type[BaseException], int], ...] = (
    (NotImplementedError, 501),
    (TimeoutError, 504),
    (PermissionError, 403),
    (FileNotFoundError, 404),
    (LookupError, 404),
    (ValueError, 400),
    (TypeError, 400),
)
_LONGEST = 500
"""Characters of what is told of an exception."""


class Host:
    """The modules of one child, and the functions in them."""

    def __init__(self, base: str, output_bytes: int) -> None:
        self._base = base
        self._output_bytes = output_bytes
        self._modules: dict[str, ModuleType] = {}
        self._signatures: dict[tuple[str, str], Signature] = {}
        self._runner: asyncio.Runner | None = None
        """One loop for all calls: what a module keeps between them, such as a lock, belongs to its loop."""

    def answer(self, request: dict[str, Any]) -> bytes:
        """The line that answers a request, whatever the user's code does."""
        operations: dict[str, Callable[..., tuple[int, bytes]]] = {
            "load": self._load,
            "describe": self._describe,
            "call": self._call,
        }
        try:
            status, body = operations[request["op"]](**request["with"])
        except MemoryError:
            status, body = 507, _error("MemoryError: more memory was asked for than is allowed.")
        except BaseException as error:  # sys.exit() in a function must not end the session
            status, body = _status(error), _error(_told(error))
        if len(body) > self._output_bytes:
            size = f"{len(body)} bytes, more than the {self._output_bytes} that are allowed"
            status, body = 413, _error(f"The answer has {size}. Ask for less.")
        return b'{"id": %d, "status": %d, "body": %s}\n' % (request["id"], status, body)

    def _load(self, module: str) -> tuple[int, bytes]:
        self._module(module)
        return 200, _text(None)

    def _describe(self, module: str, function: str | None) -> tuple[int, bytes]:
        """The module's docstring, and what is known of each of its functions."""
        found = self._module(module)
        names = [name for name, value in vars(found).items() if _is_public(name, value, found)]
        if function is not None and not callable(vars(found).get(function)):
            return 404, _error(f"has no function {function}; it has: {', '.join(names) or 'none'}")
        chosen = names if function is None else [function]
        doc = found.__doc__ if isinstance(found.__doc__, str) else ""
        tools = [self._description(module, name) for name in chosen]
        return 200, _text({"description": inspect.cleandoc(doc), "functions": tools})

    def _description(self, module: str, name: str) -> dict[str, Any]:
        from callwright.values.signatures import SignatureError

        try:
            signature = self._signature(module, name)
            described = {
                "description": signature.description,
                "parameters": signature.parameters,
                "returns": signature.returns,
            }
            _text(described)
        except SignatureError as error:
            return {"name": name, "code": error.code, "message": _cleaned(str(error))}
        except ValueError as error:
            message = f"holds a value that JSON does not have: {_cleaned(str(error))}"
            return {"name": name, "code": "invalid_value", "message": message}
        return {"name": name, **described}

    def _call(self, module: str, function: str, arguments: dict[str, Any]) -> tuple[int, bytes]:
        from pydantic import ValidationError

        signature = self._signature(module, function)
        try:
            given = signature.given(arguments)
        except ValidationError as error:
            return 400, _error(_faults(error))
        result = getattr(self._module(module), function)(**given)
        if inspect.isawaitable(result):
            result = self._awaited(result)
        try:
            return 200, _text(signature.answer(result))
        except MemoryError:
            raise
        except ValidationError as error:
            return 502, _error(f"The function returned something else than it documents: {_faults(error)}")
        except Exception as error:  # objects bring code of their own to their serialisation
            return 502, _error(f"The function returned something that is no JSON: {_told(error)}")

    def _awaited(self, result: Awaitable[Any]) -> Any:
        # Here, as it is a third of the time that a child takes to start, and only some need it.
        import asyncio

        async def awaited() -> Any:
            return await result

        self._runner = self._runner or asyncio.Runner()
        return self._runner.run(awaited())

    def _signature(self, module: str, function: str) -> Signature:
        from callwright.values.signatures import signature_of

        key = (module, function)
        if key not in self._signatures:
            self._signatures[key] = signature_of(getattr(self._module(module), function))
        return self._signatures[key]

    def _module(self, module: str) -> ModuleType:
        if module not in self._modules:
            self._modules[module] = _from_file(module) if module.endswith(".py") else self._by_name(module)
        return self._modules[module]

    def _by_name(self, module: str) -> ModuleType:
        if self._base not in sys.path:
            sys.path.insert(0, self._base)
        return importlib.import_module(module)


def _from_file(path: str) -> ModuleType:
    """The module of a file; modules beside it can be imported, but shadow none that are installed."""
    name = Path(path).stem
    # Tools are often called like a module of the library: `calendar`, `email`.
    while name in sys.modules or name in sys.stdlib_module_names:
        name += "_"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.append(str(Path(path).parent))
    spec.loader.exec_module(module)
    return module


def _is_public(name: str, value: Any, module: ModuleType) -> bool:
    """Whether it is a function that the module defines; one in a decorator's wrapping counts."""
    return (
        not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
        and inspect.isfunction(inspect.unwrap(value))
    )


def _text(body: Any) -> bytes:
    """Strict JSON.

    Raises:
        ValueError: The value is none that JSON has, such as NaN or half a character.
    """
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


def _error(message: str) -> bytes:
    return json.dumps({"error": message}).encode()


def _faults(error: Any) -> str:
    """A pydantic error in one line."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    places = ((".".join(map(str, fault["loc"])) or "value", fault["msg"]) for fault in faults[:5])
    return _cleaned("; ".join(f"{place}: {message}" for place, message in places))


def _status(error: BaseException) -> int:
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def _told(error: BaseException) -> str:
    """An exception's type and message in one line."""
    try:
        # The text of a KeyError is its key in quotes.
        told = error.args[0] if isinstance(error, KeyError) and error.args else error
        message = _cleaned(str(told))
    except Exception:  # a message is code, too
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _cleaned(message: str) -> str:
    """A message in one short line of real characters, without the folders of this machine."""
    folders = {*map(str, sys.path), sys.prefix, sys.base_prefix, os.environ.get("HOME", "")} - {"", "/"}
    for folder in sorted(folders, key=len, reverse=True):
        message = message.replace(f"{folder}/", "")
    line = " ".join(message.encode(errors="replace").decode().split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def _limit(kind: int, value: int) -> None:
    """Lower a limit for good, as far as it is not lower already."""
    value = _within(kind, value)
    resource.setrlimit(kind, (value, value))


def _allow_cpu(limit_s: float) -> None:
    """The time that a request may take on every core: ends what spins on where nobody is left to end it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = used.ru_utime + used.ru_stime + (limit_s + 1) * (os.cpu_count() or 1)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (_within(resource.RLIMIT_CPU, math.ceil(allowed)), hard))


def _within(kind: int, value: int) -> int:
    """The value, or the limit that this process was given where that is lower."""
    _, hard = resource.getrlimit(kind)
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _die_with_parent(wire: int) -> None:
    """Wait until the other end of the socket is gone, then end this child and all that it forked."""
    poll = select.poll()
    poll.register(wire, 0)
    poll.poll()
    os.killpg(0, signal.SIGKILL)


def _serve(host: Host, wire: int) -> None:
    process = os.getpid()
    with open(wire, "rb", closefd=False) as requests:
        for line in requests:
            request = json.loads(line)
            _allow_cpu(request["limit_s"])
            answer = host.answer(request)
            if os.getpid() != process:  # a fork that came back out of the user's function
                os._exit(0)
            with open(wire, "wb", closefd=False) as answers:
                answers.write(answer)


def main() -> None:
    settings = json.loads(sys.argv[1])
    wire = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.register_at_fork(after_in_child=lambda: os.close(wire))
    threading.Thread(target=_die_with_parent, args=(wire,), daemon=True).start()
    # First, so that it is the callwright that started us, and now: once the user's folder is searched, a `calendar.py`
    # in it would come before the standard library's.
    sys.path.insert(0, settings["callwright"])
    import callwright.values.signatures  # noqa: F401

    del sys.path[0]
    random.seed(settings["seed"])
    for kind, value in settings["limits"].items():
        _limit(getattr(resource, kind), value)
    _serve(Host(settings["base"], settings["output_bytes"]), wire)


if __name__ == "__main__":
    main()
