"""Which of the chat templates that TRL ships render rows of the view `trl`: writes `docs/trl_templates.md`.

Needs the extra `train`: .venv-extras/bin/python benchmarks/trl_templates.py
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trl
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from trl.chat_template_utils import has_generation_markers, supports_tool_calling

from callwright.schemas.message import AssistantMessage, Observation, ToolCall, ToolMessage, UserMessage
from callwright.schemas.task import Provenance, Task, Trajectory
from callwright.schemas.tool import Tool, Toolkit
from callwright.schemas.version import Member
from callwright.store import Commit, Store, TaskRow, TrajectoryRow
from callwright.views import trl as view

PAGE = Path(__file__).resolve().parent.parent / "docs" / "trl_templates.md"
TEMPLATES = Path(trl.__file__).parent / "chat_templates"
MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
VALUES, RESULTS = ("value_d6e7", "value_a9f3"), ("result_c4f9", "result_a8e2")
TOOL = Tool(
    name="tool_a8f3",
    description="Read one event.",
    parameters={"type": "object", "properties": {"event": {"type": "string"}}, "required": ["event"]},
)
_HEAD = """# Chat templates of TRL

Which of the templates that TRL {version} ships render rows of the view [`trl`](views.md#trl) whole: the name of the
tool, every argument's value and every result stand in the text. `make templates` writes this page anew.

- **one call**: rows with one call in a turn. The original of `deepseekv3` takes arguments as text alone; TRL trains
  with its own copy.
- **several calls**: rows with several calls in one turn. Where it says `split`, export with `--set parallel=split`,
  which writes one turn for each call, or with `--set parallel=drop`; both are counted in the manifest.
- **offers tools**: the offered tools stand in the text. Where they do not, put them into the system message yourself.
- **marks turns**: the template marks what the assistant says, as `assistant_only_loss` needs it. For the others the
  format `turns` (`--set format=turns`) says what is learned.

| template | one call | several calls | offers tools | marks turns |
| --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Row:
    """What came of one template."""

    name: str
    trls: bool
    """Whether TRL's own check says that it can tell of calls."""
    one: bool
    several: bool
    split: bool
    offers: bool
    """Whether the offered tools stand in the text."""
    marks: bool

    @property
    def line(self) -> str:
        one = "yes" if self.one else "no"
        several = "yes" if self.several else "split" if self.split else "no"
        offers, marks = ("yes" if found else "no" for found in (self.offers, self.marks))
        return f"| {self.name} | {one} | {several} | {offers} | {marks} |"


def rows() -> list[Row]:
    """What comes of each template, by name."""
    one, several, split = examples(1), examples(2), examples(2, "split")
    return [
        Row(
            name=path.stem,
            trls=_supported(text := path.read_text(encoding="utf-8")),
            one=_whole(text, one, 1),
            several=_whole(text, several, 2),
            split=_whole(text, split, 2),
            offers=TOOL.description in _text(text, one),
            marks=has_generation_markers(text),
        )
        for path in sorted(TEMPLATES.glob("*.jinja"))
    ]


def page(found: Sequence[Row]) -> str:
    return _HEAD.format(version=trl.__version__) + "".join(f"{row.line}\n" for row in found)


def examples(calls: int, parallel: str = "as-is") -> dict[str, Any]:
    """The row of the config `typed`, as a trainer gets it, of a conversation with so many calls in one turn."""
    made = tuple(
        ToolCall(id=f"call{n}", name=TOOL.name, arguments=json.dumps({"event": VALUES[n]}))
        for n in range(calls)
    )
    results = [
        ToolMessage(
            tool_call_id=one.id,
            name=one.name,
            observation=Observation(content=json.dumps({"said": RESULTS[n]})),
        )
        for n, one in enumerate(made)
    ]
    task = Task(
        method="toolalpaca",
        kind="single",
        attempt=0,
        seed=0,
        toolkit="museum",
        instruction="Read it.",
        tools=(TOOL,),
        clock=dt.date(2026, 1, 5),
    )
    row = Trajectory(
        task=task,
        messages=(
            UserMessage(content="Read it."),
            AssistantMessage(tool_calls=made),
            *results,
            AssistantMessage(content="Done."),
        ),
        provenance=Provenance(teacher="offline-rules"),
    )
    commit = Commit(
        dataset="museum",
        recipe={},
        recipe_digest="r",
        members=[Member(trajectory=row.id, split="train", kind=row.kind, method="toolalpaca")],
        toolkits=[Toolkit(name="museum", title="Museum", tools=(TOOL,))],
        tasks=[TaskRow.of(task)],
        trajectories=[TrajectoryRow.of(row)],
    )
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "data", write=True) as store:
        options = view.Options.model_validate({"parallel": parallel})
        view.export(store, store.commit(commit), Path(folder) / "out", options)
        loaded: dict[str, Any] = view.load(Path(folder) / "out")["train"][0]
    return loaded


def tokenizer(template: str) -> PreTrainedTokenizerFast:
    """A tokenizer of bytes with a template: to render needs no more."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={piece: n for n, piece in enumerate((*MARKS, *alphabet))}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_special_tokens(list(MARKS))
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=MARKS[0], eos_token=MARKS[2], chat_template=template
    )


def _supported(template: str) -> bool:
    try:
        return bool(supports_tool_calling(tokenizer(template)))
    except Exception:  # whatever a template may raise
        return False


def _text(template: str, row: dict[str, Any], *, tools: bool = True) -> str:
    """The row as the template renders it; empty where it cannot."""
    try:
        text = tokenizer(template).apply_chat_template(
            row["messages"], tools=row["tools"] if tools else None, tokenize=False
        )
    except Exception:  # whatever a template may raise
        return ""
    return str(text)


def _whole(template: str, row: dict[str, Any], calls: int) -> bool:
    """Whether everything that is to be learned or read stands in the text, with the offered tools and without them."""
    # The offered tools have the call's name, too, so that it must stand there without them.
    told = (TOOL.name, *VALUES[:calls], *RESULTS[:calls], "Done.")
    texts = (_text(template, row), _text(template, row, tools=False))
    return all(one in text for text in texts for one in told)


if __name__ == "__main__":
    PAGE.write_text(page(rows()), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
