"""No text becomes a program: what could run code or unpack an archive stands in a list here, or is not there at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import callwright

ROOT = Path(callwright.__file__).parent

ALLOWED = {
    ("engine/exports.py", "import_module"): "one of the views, by a closed list of names",
    ("worlds/__init__.py", "importlib.import_module"): "one of the worlds, by the catalogue's names",
    ("sources/python_host.py", "importlib.import_module"): "the user's own module, in the child",
    ("sources/python_host.py", "spec.loader.exec_module"): "the user's own file, in the child",
    ("report/page.py", "from_string"): "our own page; what strangers wrote reaches it as JSON",
    ("sources/python_child.py", "subprocess.Popen"): "the child itself: this interpreter and our file",
    ("toolbox/elsewhere.py", "subprocess.Popen"): "this interpreter and our module, for a second execution",
    ("llm/batch.py", "asyncio.create_subprocess_exec"): "the recipe's own command, without a shell",
    ("training/child.py", "asyncio.create_subprocess_exec"): "the recipe's own training, without a shell",
    ("training/watch.py", "subprocess.call"): "the same, watched",
    ("sources/mcp.py", "stdio_client"): "the recipe's own MCP server, without a shell",
}
"""Where something is run, or looked up by a name, and why no text of a model or a stranger decides what."""

BANNED_NAMES = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "stdio_client",
    "import_module",
    "run_path",
    "run_module",
}
BANNED_ATTRIBUTES = {
    "exec_module",
    "import_module",
    "run_path",
    "run_module",
    "Popen",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "check_output",
    "check_call",
    "unpack_archive",
    "unsafe_load",
    "full_load",
    "load_all",
    "from_string",
    "read_pickle",
    "execv",
    "execve",
    "execvp",
    "spawnv",
    "startfile",
}
BANNED_MODULES = {
    "bz2": "an archive",
    "cloudpickle": "pickle",
    "code": "programs",
    "codeop": "programs",
    "ctypes": "programs",
    "dill": "pickle",
    "diskcache": "pickle (CVE-2025-69872)",
    "gzip": "an archive",
    "joblib": "pickle",
    "lzma": "an archive",
    "marshal": "programs",
    "pickle": "programs",
    "pty": "programs",
    "runpy": "programs",
    "shelve": "pickle",
    "tarfile": "an archive",
    "zipfile": "an archive",
}


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def found_in(source: str) -> Iterator[str]:
    """Whatever in a program runs programs, unpacks archives or reads what can hold a program."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (
                f"import {one.name}" for one in node.names if one.name.split(".")[0] in BANNED_MODULES
            )
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in BANNED_MODULES:
            yield f"import {node.module}"
        elif isinstance(node, ast.Call):
            called = _dotted(node.func)
            last = called.rpartition(".")[2]
            named = isinstance(node.func, ast.Name) and called in BANNED_NAMES
            if named or (isinstance(node.func, ast.Attribute) and _runs(called, last)):
                yield called
            for keyword in node.keywords:
                if keyword.arg in ("shell", "trust_remote_code", "allow_pickle") and not (
                    isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                ):
                    yield f"{called}({keyword.arg}=...)"


_RUNNERS = {"subprocess.run", "subprocess.call", "torch.load", "os.fork", "os.system", "os.popen"}


def _runs(called: str, last: str) -> bool:
    if called == "yaml.load":
        return False  # its loader is held by a test of its own
    return last in BANNED_ATTRIBUTES or called in _RUNNERS


def _modules() -> list[Path]:
    # The rooms at the top of the repository are linked into the package.
    return sorted(path for path in ROOT.glob("**/*.py")) + sorted(
        path
        for room in ("flows", "generators", "judges", "schemas")
        for path in (ROOT / room).resolve().glob("**/*.py")
        if not path.is_relative_to(ROOT)
    )


def _shown(path: Path) -> str:
    for room in ("flows", "generators", "judges", "schemas"):
        whole = (ROOT / room).resolve()
        if path.is_relative_to(whole):
            return f"{room}/{path.relative_to(whole).as_posix()}"
    return path.relative_to(ROOT).as_posix()


def test_nothing_runs_a_program_but_what_stands_in_the_list():
    modules = _modules()
    assert len({_shown(path) for path in modules}) > 250  # the linked rooms, too
    found = {(_shown(path), what) for path in modules for what in found_in(path.read_text(encoding="utf-8"))}
    assert found - ALLOWED.keys() == set()
    assert ALLOWED.keys() - found == set(), "no longer there: take it out of the list"


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "exec(reply.text)",
        "f = compile(text, 'x', 'exec')",
        "__import__(name)",
        "import pickle",
        "from zipfile import ZipFile",
        "import tarfile as t",
        "os.system(command)",
        "subprocess.run(command)",
        "asyncio.create_subprocess_shell(command)",
        "subprocess.Popen(command, shell=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "numpy.load(file, allow_pickle=True)",
        "torch.load(file)",
        "environment.from_string(text)",
        "yaml.unsafe_load(text)",
    ],
)
def test_the_search_would_find_it(source: str):
    assert list(found_in(source))


def test_yaml_is_read_by_safe_loaders_alone():
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _dotted(node.func) in ("yaml.load", "yaml.compose"):
                [loader] = [one.value for one in node.keywords if one.arg == "Loader"]
                assert (_shown(path), _dotted(loader)) == ("documents.py", "_Loader")


def test_the_rows_of_a_python_source_alone_are_run_in_a_child():
    """The host is started as a program and never imported: whatever it loads stays out of this process."""
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            assert "callwright.sources.python_host" not in names, _shown(path)
