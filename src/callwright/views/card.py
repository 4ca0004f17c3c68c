"""The dataset card: what the rows are, where they come from, what was dropped and why."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any, get_args

import yaml

from callwright.schemas.difference import Difference
from callwright.schemas.recipe import ViewName
from callwright.schemas.task import KINDS
from callwright.schemas.version import SPLITS, SourceSummary, Statistics, Version
from callwright.values.public import FOLDERS, file_name, public_recipe
from callwright.values.secrets import find_secret
from callwright.views.chat import Tally
from callwright.views.rows import ViewError
from callwright.views.turns import REASONS

CARD_NAME = "README.md"
_TEMPLATE = Template((files("callwright.views") / "card.md").read_text(encoding="utf-8"))
_LICENCES = frozenset(
    "mit apache-2.0 cc0-1.0 cc-by-3.0 cc-by-4.0 cc-by-sa-4.0 bsd-2-clause bsd-3-clause isc unlicense mpl-2.0 "
    "gpl-3.0 lgpl-3.0 agpl-3.0 eupl-1.2 wtfpl".split()
)
"""The Hub's names for licences."""
_SPOKEN_LICENCES = {"apache 2.0": "apache-2.0", "apache license 2.0": "apache-2.0", "mit license": "mit"}
_KINDS = {
    "single": "one call serves the request",
    "multi_step": "several turns with calls, each building on the one before",
    "parallel": "a turn with two calls or more",
    "clarification": "the assistant has to ask before it can call",
    "no_call": "no offered tool serves the request",
}
_RUNGS = {
    "L0": "every call names an offered tool, its arguments parse and are valid against the tool's schema",
    "L1": "each argument can be traced to what the assistant could see, or to a default",
    "L2": "the calls, executed a second time, gave the same observations and the same end state",
    "L3": "the answer agrees with what was computed",
    "L4": "a model ruled so, in both orders, by vote",
    "none": "no judge ruled on it",
}
_TRUSTS = {
    "real": "from a live service",
    "executed": "from code that was executed",
    "simulated": "made up by rules or a model in the place of a server, which are no facts",
}
_OFFLINE = (
    "`offline-rules` is a grammar, not a language model: its rows are fit for teaching format, grounding and "
    "tool choice, not for the breadth of human language.\n\n"
)


_COLUMNS = {
    "messages": "chat messages; the arguments of a call are an object, content is text and never null",
    "prompt": "chat messages that are read; the arguments of a call are an object, content is text and never null",
    "completion": "chat messages that are learned; what tools answer among them is not, see docs/views.md",
    "tools": "the offered tools as JSON Schema; null when none was offered",
}
"""Columns of messages and tools, in words."""


def card(
    version: Version,
    tally: Tally,
    rows: Mapping[str, Mapping[str, int]],
    columns: Sequence[str],
    description: str,
    *,
    history: Sequence[Difference] = (),
) -> str:
    """The text of the card. The same version has the same card.

    Args:
        version: What the rows are of.
        tally: What was written, counted.
        rows: Config -> split -> rows.
        columns: The columns of messages and tools.
        description: What tells this export from every other one.
        history: What earlier versions changed, and this one, oldest first.

    Raises:
        ViewError: It would hold what looks like a secret.
    """
    statistics = version.statistics
    text = _TEMPLATE.substitute(
        header=_header(version, rows, description),
        title=_title(version),
        rows=f"{tally.rows.total():,}",
        source_names=_source_names(statistics),
        version=version.name,
        id=version.id,
        parent=f"`{version.parent}`" if version.parent else "none, this is the first",
        recipe_digest=version.recipe_digest,
        default=next(iter(rows)),
        split=next(iter(rows[next(iter(rows))])),
        names=_listed([f"`{name}`" for name in columns]),
        selected=json.dumps(list(columns)),
        first=columns[0],
        columns="\n".join(f"| `{name}` | {_COLUMNS[name]} |" for name in columns),
        kinds=_split_table("kind", tally.rows, {kind: f"`{kind}`: {_KINDS[kind]}" for kind in KINDS}),
        toolkits=_split_table("toolkit", tally.toolkits, {name: name for name, _ in sorted(tally.toolkits)}),
        shape=_shape(statistics),
        funnel=_funnel(version, tally),
        drops=_drops(statistics),
        trainers=_trainers(version, rows),
        round=_round(statistics),
        duplicates=_duplicates(statistics),
        leaks=_leaks(version),
        teachers=table(("teacher", "rows"), sorted(tally.teachers.items())),
        models=_models(version),
        prompts=_prompts(tally),
        history=_history(version, history),
        offline=_OFFLINE if any(name.startswith("offline-rules") for name in tally.teachers) else "",
        ledger=_ledger(statistics),
        evidence=table(("rung", "proves", "rows"), _evidence(tally)),
        trusts=_trusts(tally),
        sources=_sources(statistics),
        limits=_limits(tally) + _told(version),
        recipe=yaml_text(public_recipe(version.recipe)).strip(),
    )
    secret = find_secret(text)
    if secret:
        raise ViewError(
            f"{version.name}: its card would hold what looks like a secret ({secret}); "
            "look for it in the recipe and in the names of the sources"
        )
    return text


def size_category(rows: int) -> str:
    """The Hub's word for a number of rows."""
    bounds = (
        (10**3, "n<1K"),
        (10**4, "1K<n<10K"),
        (10**5, "10K<n<100K"),
        (10**6, "100K<n<1M"),
        (10**7, "1M<n<10M"),
    )
    return next((name for bound, name in bounds if rows < bound), "n>10M")


def _header(version: Version, rows: Mapping[str, Mapping[str, int]], description: str) -> str:
    fields: dict[str, Any] = {
        **licence(version.statistics),
        "language": ["en"],
        "pretty_name": _title(version),
        "size_categories": [size_category(max(sum(splits.values()) for splits in rows.values()))],
        "task_categories": ["text-generation"],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "tags": ["function-calling", "tool-use", "synthetic", "callwright"],
        # No `dataset_info`: the typed files carry their types, and an older `datasets` that meets a type
        # it does not know in the card cannot load the portable config either.
        "configs": [_config(description, name, splits) for name, splits in rows.items()],
    }
    fields["configs"][0]["default"] = True
    return f"---\n{yaml_text(fields)}---\n"


def _config(description: str, name: str, splits: Iterable[str]) -> dict[str, Any]:
    return {
        "config_name": name,
        "description": description,
        "data_files": [{"split": split, "path": f"{name}/{split}-*.parquet"} for split in splits],
    }


def licence(statistics: Statistics) -> dict[str, str]:
    """One licence when all sources share one that the Hub knows; else the reader is sent to the sources."""
    stated = {(one.licence or "").strip().lower() for one in statistics.sources}
    found = {_SPOKEN_LICENCES.get(one, one) for one in stated}
    if len(found) == 1 and found <= _LICENCES:
        return {"license": found.pop()}
    if not any(found):
        return {"license": "unknown"}
    return {"license": "other", "license_name": "as-the-sources"}


def _title(version: Version) -> str:
    return re.sub(r"[-_]+", " ", version.dataset).strip().capitalize() + " tool calls"


def _source_names(statistics: Statistics) -> str:
    return ", ".join(_cell(one.title or one.name) for one in statistics.sources) or "a list of tools"


def _split_table(what: str, counts: Counter[tuple[str, str]], labels: Mapping[str, str]) -> str:
    """Rows of each name by split, with totals; names without rows are left out."""
    splits = [split for split in SPLITS if any(one == split for _, one in counts)]
    found = {name: [counts[name, split] for split in splits] for name in labels}
    lines = [(labels[name], *numbers, sum(numbers)) for name, numbers in found.items() if any(numbers)]
    totals = [sum(numbers) for numbers in zip(*found.values(), strict=True)]
    return table((what, *splits, "all"), [*lines, ("all", *totals, sum(totals))])


def _shape(statistics: Statistics) -> str:
    shape = statistics.corpus
    if not shape.by_calls:
        return "Not counted."
    steps = ", ".join(f"{steps} in {rows:,}" for steps, rows in shape.by_steps.items())
    near = _share(shape.near_requests, shape.compared_requests)
    return table(
        ("measure", "value"),
        [
            ("tools that are called", shape.tools),
            ("tools of a toolkit, on average", f"{shape.functions_per_toolkit:g}"),
            ("turns with calls in a row", steps),
            (
                "rows with several calls, of those with any",
                _share(shape.several_calls, _with_calls(statistics)),
            ),
            ("calls without arguments", _share(shape.empty_arguments, shape.calls)),
            ("rows that recover from a failed call", _share(statistics.recovered, statistics.rows)),
            ("words of a request, of an answer", f"{shape.request_words:g}, {shape.answer_words:g}"),
            ("requests that another row has too", _share(shape.same_requests, statistics.rows)),
            (f"requests nearly like another's, of {shape.compared_requests:,} compared", near),
        ],
    )


def _with_calls(statistics: Statistics) -> int:
    return statistics.rows - statistics.corpus.by_calls.get(0, 0)


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %" if of else "none"


def _funnel(version: Version, tally: Tally) -> str:
    dropped = sum(one.count for one in version.statistics.drops)
    attempts = version.statistics.attempts or dropped + tally.rows.total()
    return table(
        ("step", "attempts"), [("made", attempts), ("dropped", dropped), ("accepted", tally.rows.total())]
    )


def _drops(statistics: Statistics) -> str:
    if not statistics.drops:
        return "Nothing was dropped."
    ordered = sorted(statistics.drops, key=lambda one: (-one.count, one.gate, one.code))
    return table(("dropped at", "reason", "attempts"), [(one.gate, one.code, one.count) for one in ordered])


def _ledger(statistics: Statistics) -> str:
    if not statistics.requests:
        return ""
    return (
        f"It took {statistics.requests:,} requests, {statistics.prompt_tokens:,} tokens read and "
        f"{statistics.completion_tokens:,} written.\n"
    )


def _evidence(tally: Tally) -> list[tuple[str, str, int]]:
    return [(rung, meaning, tally.evidence[rung]) for rung, meaning in _RUNGS.items() if tally.evidence[rung]]


def _trusts(tally: Tally) -> str:
    found = [
        f"- {tally.trusts[trust]:,} observations {what}"
        for trust, what in _TRUSTS.items()
        if tally.trusts[trust]
    ]
    return "\n".join(found) or "No row holds an observation."


def _sources(statistics: Statistics) -> str:
    if not statistics.sources:
        return "Not recorded."
    found = [
        (one.title or one.name, _origin(one), one.licence or "not stated", one.tools)
        for one in sorted(statistics.sources, key=lambda one: one.name)
    ]
    return table(("toolkit", "origin", "licence", "tools"), found)


def _origin(source: SourceSummary) -> str:
    invented = f" (invented by {source.teacher})" if source.teacher else ""
    return f"{file_name(source.origin)}{invented}"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


_REASONS = {
    "error_seed": "the student fails on it",
    "corrected": "its label was replaced by a proven one",
    "expansion": "a variant of what the student failed at",
    "high_perplexity": "the student is right and unsure",
    "seed": "never seen before",
}


def _round(statistics: Statistics) -> str:
    """Why rows are in a round of a loop; nothing outside of loops."""
    if not (statistics.student or statistics.by_reason):
        return ""
    student = f"Made for the student `{_model_name(statistics.student)}`.\n\n" if statistics.student else ""
    rows = [(f"`{name}`: {_REASONS.get(name, name)}", count) for name, count in statistics.by_reason.items()]
    return f"## Round of a loop\n\n{student}{table(('why a row is here', 'rows'), rows)}\n\n"


def _model_name(identity: str) -> str:
    """A model that is a folder by the folder's name alone."""
    engine, colon, name = identity.partition(":")
    return f"{engine}{colon}{file_name(name)}" if name.startswith(FOLDERS) else identity


def _duplicates(statistics: Statistics) -> str:
    dropped = {one.code: one.count for one in statistics.drops if one.gate == "duplicates"}
    found = [("attempts dropped as duplicates", sum(dropped.values()))]
    found += [(f"of these: {code}", count) for code, count in sorted(dropped.items())]
    shape = statistics.corpus
    if shape.by_calls:
        found.append(("rows whose request, wording folded, another row has too", shape.same_requests))
        near = f"rows whose request is nearly another's, of {shape.compared_requests:,} compared"
        found.append((near, shape.near_requests))
    return table(("what", "count"), found)


def _leaks(version: Version) -> str:
    registered = [file_name(str(one["path"])) for one in version.recipe.get("leaks") or ()]
    if not registered:
        return "No benchmark and no test set was registered, so rows were compared with none."
    return f"Compared with {', '.join(map(_cell, registered))}. A version with an overlap is not made."


def _models(version: Version) -> str:
    """Who was asked for what. A model's licence and terms may reach what it wrote."""
    models = version.recipe.get("models") or {}
    found = []
    for role in ("teacher", "judge", "student"):
        config = models.get(role) or {}
        if config.get("engine") == "offline":
            found.append((role, "rules of callwright", "Apache-2.0"))
        elif config.get("model"):
            name = _model_name(f"{config['engine']}:{config['model']}")
            found.append((role, name, "see the model's own card"))
    return table(("role", "model", "licence"), found) if found else "Which models were asked is not recorded."


def _prompts(tally: Tally) -> str:
    if not tally.prompts:
        return "The prompts' digests are not recorded."
    found = [
        (f"`{purpose}`", f"`{prompt}`", rows) for (purpose, prompt), rows in sorted(tally.prompts.items())
    ]
    return table(("prompt", "digest", "rows"), found)


def _history(version: Version, changes: Sequence[Difference]) -> str:
    if not changes:
        return f"`{version.name}` is the first version of `{version.dataset}` that is told of here."
    found = []
    for one in reversed(changes):
        keys = ", ".join(f"`{key}`" for key in one.recipe) or "nothing"
        moved = sum(one.splits.values())
        found.append(
            (
                f"`{one.after}`",
                f"`{one.before}`",
                one.added.rows,
                one.removed.rows,
                one.kept.rows,
                moved,
                keys,
            )
        )
    head = ("version", "compared with", "added", "removed", "kept", "of these in another split", "recipe")
    return table(head, found)


_AXOLOTL = Template(
    """With Axolotl, which parses the JSON text of the config `portable`:

```yaml
datasets:
  - path: path/to/this/folder
    name: portable
    split: $split
    type: chat_template
    field_messages: messages
    field_tools: tools
```
"""
)
_ELSEWHERE = {
    "llamafactory": "LLaMA-Factory",
    "axolotl": "Axolotl with a loss mask",
    "hermes": "trainers of ShareGPT that know no tools",
    "verl": "verl",
    "prime-rl": "prime-rl, and whoever trains on `verifiers`",
    "xlam": "trainers of xLAM's single turns",
    "bfcl": "the Berkeley Function Calling Leaderboard's runner",
    "roles": "a planner, a caller and a summarizer",
    "retrieval": "whatever finds tools",
    "openai": "OpenAI's fine-tuning",
    "spans": "trainers that can leave out a part of a turn",
    "toolbench": "trainers of ReAct text",
}


def _trainers(version: Version, rows: Mapping[str, Mapping[str, int]]) -> str:
    """How other trainers than TRL get at the rows: this folder, or another view of the same version."""
    text = ""
    if "portable" in rows:
        text = _AXOLOTL.substitute(split=next(iter(rows["portable"]))) + "\n"
    views = [view for view in _ELSEWHERE if view in get_args(ViewName)]
    for view in views:
        text += f"- {_ELSEWHERE[view]}: `callwright export {version.name} --view {view}`\n"
    return text


def _told(version: Version) -> str:
    """Notes of the build, arguments that can be guessed, and the canary."""
    statistics = version.statistics
    lines = [f"- {note}" for note in statistics.notes]
    lines += [
        f"- `{one.tool}`: {one.count / one.of:.0%} of the calls that give `{one.argument}` give `{one.value}`, one of "
        f"{one.options} values: it can be guessed"
        for one in statistics.coverage.priors
    ]
    canary = version.recipe.get("canary")
    lines += [f"- canary, which no training set may hold: `{canary}`"] if canary else []
    return "".join(f"\n{line}" for line in lines)


def _limits(tally: Tally) -> str:
    found = ["- English only.", "- Made by machine; no person has read every row."]
    if tally.trusts["simulated"]:
        found.append("- Simulated observations have the right form; what they say is invented.")
    if tally.left_out["typed"]:
        found.append(
            f"- Rows that stand only in `portable`: {tally.left_out['typed']:,}. They hold a number that `datasets` "
            "would change on reading (an integer of more than 64 bits, or the last digit of a float)."
        )
    if tally.left_out["mistakes"]:
        found.append(
            f"- Rows left out, because a turn or a part of it must not be learned and this format cannot say so: "
            f"{tally.left_out['mistakes']:,}. The view `spans` has them."
        )
    found += [
        f"- Left out, {REASONS[code]}: {count:,}." for code, count in sorted(tally.dropped.items()) if count
    ]
    return "\n".join(found)


def yaml_text(value: Any) -> str:
    """YAML with keys in their order."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return text


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return " ".join(str(value).replace("|", "\\|").split())
