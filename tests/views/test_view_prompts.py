"""The prompts of views as a model gets them. After a wanted change, delete a golden file and run the test twice."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from builders import commit
from made import demo_rows

from callwright.schemas.task import Trajectory
from callwright.store import Store
from callwright.values.react import read
from callwright.views import hermes, prime_rl, roles, ste_icl, ste_sft, toolbench

GOLDEN = Path(__file__).parent / "golden"


def one_turn_rows() -> list[Trajectory]:
    rows = [row for row in demo_rows(6) if row.kind == "single"]
    return sorted(rows, key=lambda row: row.id)


def exported(
    folder: Path, module: ModuleType, split: str, config: str = "default", **options: Any
) -> dict[str, Any]:
    train, test = one_turn_rows()[:-1], one_turn_rows()[-1:]
    with Store.open(folder / "data", write=True) as store:
        version = store.commit(commit(*train, test=test))
        module.export(store, version, folder / "out", module.Options(**options))
    line = (folder / "out" / config / f"{split}.jsonl").read_text(encoding="utf-8").split("\n")[0]
    body: dict[str, Any] = json.loads(line)
    return body


def said(line: dict[str, Any]) -> str:
    return "\n\n".join(
        f"## {one['role']}\n\n{one['content']}" for one in (*line["prompt"], *line.get("completion", ()))
    )


def check(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.md"
    if not path.exists():
        path.write_text(text + "\n", encoding="utf-8")
        pytest.fail(f"{path.name} was missing and has been written; read it")
    assert text + "\n" == path.read_text(encoding="utf-8")
    assert "$system" not in text and "${" not in text


@pytest.mark.parametrize(("name", "documents"), [("ste-sft", False), ("ste-sft-documents", True)])
def test_the_prompt_of_a_supervised_turn(tmp_path: Path, name: str, documents: bool):
    check(name, said(exported(tmp_path, ste_sft, "test", documents=documents)))


def test_the_prompt_with_demonstrations(tmp_path: Path):
    check("ste-icl", said(exported(tmp_path, ste_icl, "test", demonstrations=3, documents=2)))


def test_a_whole_react_text(tmp_path: Path):
    text = "".join(exported(tmp_path, toolbench, "test")["segments"])
    check("toolbench", text)
    # No line of our own wording looks like a marker, which would be escaped.
    assert "\\" not in text
    assert len(read(text)) == 2 + sum(one.role != "system" for one in one_turn_rows()[-1].messages)


def test_a_whole_hermes_conversation(tmp_path: Path):
    turns = exported(tmp_path, hermes, "test")["conversations"]
    check("hermes", "\n\n".join(f"## {one['from']}\n\n{one['value']}" for one in turns))


@pytest.mark.parametrize("role", roles.ROLES)
def test_the_prompt_of_a_role(tmp_path: Path, role: str):
    check(f"roles-{role}", said(exported(tmp_path, roles, "test", role)))


def test_the_prompt_of_a_decision(tmp_path: Path):
    line = exported(tmp_path, prime_rl, "test")
    check("prime-rl", f"{said(line)}\n\n## answer\n\n{line['answer']}")
