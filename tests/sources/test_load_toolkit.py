"""Files that are found out by themselves, files that are wrong, and phrase sheets beside them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from callwright.errors import SourceError
from callwright.sources import load_toolkit
from sources.checks import assert_sound

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{previous}'] * 10)}]\n"
    for previous, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def write(folder: Path, text: str, name: str = "tools.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_json_and_yaml_of_one_document_give_the_same_tools(tmp_path: Path) -> None:
    document = yaml.safe_load((DATA / "torture-3.1.yaml").read_text(encoding="utf-8"))
    as_json = load_toolkit(write(tmp_path, json.dumps(document), "torture-3.1.yaml"))
    assert as_json == load_toolkit(DATA / "torture-3.1.yaml")


def test_the_kind_of_a_file_is_found_out(tmp_path: Path) -> None:
    listed, _ = load_toolkit(write(tmp_path, '[{"name": "ping"}]', "list.json"))
    assert [tool.name for tool in listed.tools] == ["ping"]
    assert load_toolkit(DATA / "museum.yaml", kind="openapi") == load_toolkit(DATA / "museum.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "an empty file is no file of tools"),
        ("just words", "'just words' is no file of tools"),
        ("title: x", "expected an OpenAPI 3 document"),
        ("[]", "has an empty list of tools"),
        ("tools: 3", "has 3 of tools"),
        ("swagger: '2.0'", "convert the file to OpenAPI 3 first"),
        ("openapi: 2.0.0", "expected an OpenAPI 3.0 or 3.1 document"),
        ("openapi: 3.1.0", "has no operations"),
        ("openapi: 3.1.0\npaths: [1]", "paths is [1], expected a mapping"),
        ("a: [1, 2\nb: }", "not YAML"),
        (BOMB, "a bomb?"),
    ],
)
def test_a_file_that_is_no_tool_file_says_so_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SourceError) as caught:
        load_toolkit(write(tmp_path, text))
    assert told in str(caught.value)
    assert "tools.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_read_as_openapi_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no OpenAPI document"):
        load_toolkit(write(tmp_path, "[1]"), kind="openapi")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.yaml: no such file"):
        load_toolkit(tmp_path / "gone.yaml")


def test_a_phrase_sheet_beside_the_file_is_picked_up(tmp_path: Path) -> None:
    path = write(tmp_path, '[{"name": "ping"}]', "kit.json")
    assert load_toolkit(path)[0].phrases is None
    sheet = "noun: the server\ntools: {ping: {does: ping it, asks: {plain: [Ping!]}, answers: [Done.]}}\n"
    write(tmp_path, sheet, "kit.phrases.yaml")
    phrases = load_toolkit(path)[0].phrases
    assert phrases is not None and phrases.noun == "the server"
    other = write(tmp_path, sheet.replace("server", "host"), "other.yaml")
    phrases = load_toolkit(path, phrases=other)[0].phrases
    assert phrases is not None and phrases.noun == "the host"


def test_a_given_phrase_sheet_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        load_toolkit(write(tmp_path, '[{"name": "ping"}]'), phrases=tmp_path / "gone.yaml")


def test_shipped_tool_files_import_whole_with_their_sheets() -> None:
    for path in sorted((ROOT / "data" / "seeds").glob("*.yaml")):
        if not path.name.endswith(".phrases.yaml"):
            toolkit, refusals = load_toolkit(path)
            assert refusals == ()
            assert_sound(toolkit.tools)


@pytest.mark.slow
def test_a_large_file_imports_whole_and_stays_small(tmp_path: Path) -> None:
    document = benchmark().large_document()
    path = write(tmp_path, json.dumps(document), "large.json")
    assert path.stat().st_size > 1_700_000
    toolkit, refusals = load_toolkit(path)
    assert len(toolkit.tools) == 294
    assert refusals == ()
    assert_sound(toolkit.tools)
    # Everything refers to everything here; answers must not carry the document 294 times.
    assert max(len(json.dumps(tool.returns)) for tool in toolkit.tools) < 400_000


def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("imports", ROOT / "benchmarks" / "imports.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
