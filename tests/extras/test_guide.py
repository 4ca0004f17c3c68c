"""The guide's scripts, as they stand there: TRL trains an adapter on the rows, and it is scored. The model is tiny."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command import callwright
from pages import ROOT, Block, blocks, follow
from tiny import tiny_model

from callwright.llm.hermes import TEMPLATE

GUIDE = blocks(ROOT / "docs" / "guide.md")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the guide has made before it trains, with short rows: the tokenizer's tokens are bytes."""
    shutil.copy(TEMPLATE, tiny_model(tmp_path / "tiny") / "chat_template.jinja")
    shutil.copy(ROOT / "data" / "seeds" / "library.yaml", tmp_path)
    shutil.copy(ROOT / "data" / "seeds" / "library.phrases.yaml", tmp_path)
    short = ("methods.toolalpaca.offered=[1, 1]", "mix={single: 1.0}", "splits.test=0.3")
    built = callwright(
        *("build", "--tools", "library.yaml", "-n", 4, "--no-prefect"),
        *(word for one in short for word in ("--set", one)),
        cwd=tmp_path,
    )
    assert built.returncode == 0, built.stderr
    return tmp_path


def test_an_adapter_is_trained_and_scored_as_the_guide_says(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    [exported] = [line for one in GUIDE for line in one.commands if "format=turns" in line]
    dataset = next(folder.glob("*.recipe.yaml")).name.removesuffix(".recipe.yaml")
    wanted = [one for one in GUIDE if one.label in ("train.py", "predict.py", "extras")]
    assert [one.label for one in wanted] == ["train.py", "extras", "predict.py", "extras"]
    follow(
        [Block("console", "", f"$ {exported}"), *wanted],
        folder,
        {"export library": f"export {dataset}", "Qwen/Qwen3-0.6B": "tiny"},
    )
    assert (folder / "adapter" / "adapter_model.safetensors").is_file()
    assert (folder / "predictions.jsonl").read_text(encoding="utf-8").count("\n") >= 1
