"""The command line: parse, call one flow or one read, print. Data on stdout, talk on stderr.

Exit codes: 0 done, 1 failed, 2 usage or recipe error, 3 quota or quality not met, 4 stopped early and resumable,
130 interrupted and resumable.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from callwright import __version__
from callwright.errors import CallwrightError

app = typer.Typer(
    name="callwright",
    help="Make verified training data for tool-calling language models from a list of tools.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
tools_app = typer.Typer(help="Tools: import, list, show, check and invent them.", no_args_is_help=True)
dataset_app = typer.Typer(help="Datasets and their versions.", no_args_is_help=True)
run_app = typer.Typer(help="One method by itself, from rows or tools that there are.", no_args_is_help=True)
app.add_typer(tools_app, name="tools")
app.add_typer(run_app, name="run")
app.add_typer(dataset_app, name="dataset")

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder of the store and the runs [CALLWRIGHT_DATA, else data/warehouse].",
        metavar="DIR",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a key of the recipe; may be repeated.", metavar="KEY=VALUE"),
]
RecipeFile = Annotated[Path, typer.Argument(help="A recipe (YAML).", metavar="RECIPE")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


@app.command()
def build(
    recipe: Annotated[Path | None, typer.Argument(help="A recipe (YAML).", metavar="RECIPE")] = None,
    tools: Annotated[
        str | None,
        typer.Option(
            "--tools",
            help="Tools instead of a recipe: an OpenAPI or JSON file, FILE.py, world:NAME, mcp:COMMAND, mcp:URL, "
            "or the folder of a toolset.",
            metavar="SRC",
        ),
    ] = None,
    rows: Annotated[int, typer.Option("-n", "--rows", help="Rows to make with --tools.", min=1)] = 100,
    sets: Sets = None,
    data: Data = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the exports.", metavar="DIR")] = None,
    no_prefect: Annotated[bool, typer.Option("--no-prefect", help="Run without Prefect.")] = False,
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Make the rows anew from the ledger, with no model and no network."),
    ] = False,
    join: Annotated[
        bool,
        typer.Option(
            "--join", help="Share the run with other processes, here or where the same folder is seen."
        ),
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it will cost, ask nothing and write nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build a dataset's next version from a recipe, or from a file of tools, and export its views."""
    from callwright.cli import building

    building.build(
        recipe, tools, rows, sets or [], data, out, no_prefect, replay, as_json, plan=plan, join=join
    )


ToolsToRun = Annotated[
    str,
    typer.Option(
        "--tools", help="An OpenAPI or JSON file, FILE.py, world:NAME, mcp:COMMAND or mcp:URL.", metavar="SRC"
    ),
]
RowsToRun = Annotated[int, typer.Option("-n", "--rows", help="Rows to make.", min=1)]
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the exports.", metavar="DIR")]
NoPrefect = Annotated[bool, typer.Option("--no-prefect", help="Run without Prefect.")]


@run_app.command("toolalpaca")
def run_toolalpaca(
    tools: ToolsToRun,
    rows: RowsToRun = 100,
    sets: Sets = None,
    data: Data = None,
    out: Out = None,
    no_prefect: NoPrefect = False,
    as_json: Json = False,
) -> None:
    """Simulated users ask for what a source of tools can do; the recipe is written down."""
    from callwright.cli import building

    building.build(None, tools, rows, sets or [], data, out, no_prefect, False, as_json, "toolalpaca")


@run_app.command("ste")
def run_ste(
    tools: ToolsToRun,
    rows: RowsToRun = 100,
    sets: Sets = None,
    data: Data = None,
    out: Out = None,
    no_prefect: NoPrefect = False,
    as_json: Json = False,
) -> None:
    """Each tool of a source is explored by trial and error; the recipe is written down."""
    from callwright.cli import building

    building.build(None, tools, rows, sets or [], data, out, no_prefect, False, as_json, "ste")


@app.command()
def loop(
    recipe: RecipeFile,
    rounds: Annotated[int, typer.Option("--rounds", help="Rounds in all.", min=1)] = 3,
    sets: Sets = None,
    data: Data = None,
    no_prefect: NoPrefect = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it will cost, ask nothing and write nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Probe, verify, expand and train, again and again: the student's failures become its next lessons."""
    from callwright.cli import looping

    looping.loop(recipe, rounds, sets or [], data, no_prefect, as_json, plan)


@app.command()
def serve(
    recipes: Annotated[list[Path], typer.Argument(help="Recipes (YAML).", metavar="RECIPE...")],
    cron: Annotated[
        str | None, typer.Option("--cron", help="When, in place of the recipes' schedules.", metavar="LINE")
    ] = None,
    interval: Annotated[
        str | None, typer.Option("--interval", help="How often instead: 90s, 30m, 6h, 1d.", metavar="TIME")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="Time zone of the cron line [UTC].", metavar="ZONE")
    ] = None,
    catch_up: Annotated[
        str | None,
        typer.Option(
            "--catch-up", help="What was missed is made up for once, or none of it.", metavar="POLICY"
        ),
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option(
            "--limit", help="Hold a slot of this concurrency limit of Prefect's server.", metavar="NAME"
        ),
    ] = None,
    sets: Sets = None,
    data: Data = None,
    out: Out = None,
) -> None:
    """Build recipes by themselves, at the times that they name; needs a Prefect server (PREFECT_API_URL)."""
    from callwright.cli import serving

    options = {"cron": cron, "interval": interval, "timezone": timezone, "catch_up": catch_up}
    serving.serve(recipes, options, sets or [], data, out, limit)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="Where to write the recipe.")] = Path("recipe.yaml"),
    tools: Annotated[
        str | None, typer.Option("--tools", help="The tools to name in it.", metavar="SRC")
    ] = None,
) -> None:
    """Write a starting recipe, commented."""
    from callwright.cli import building

    building.init(path, tools)


@app.command()
def preview(
    recipe: RecipeFile,
    rows: Annotated[int, typer.Option("-n", "--rows", help="Rows to show.", min=1)] = 3,
    sets: Sets = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show a few rows of a recipe with their verdicts, without making a version."""
    from callwright.cli import building

    building.preview(recipe, rows, sets or [], data, as_json)


@app.command()
def status(data: Data = None, as_json: Json = False) -> None:
    """Show what runs now and how the last runs ended."""
    from callwright.cli import reading

    reading.status(data, as_json)


@app.command()
def doctor(
    recipe: Annotated[
        Path | None,
        typer.Argument(help="A recipe whose tools, extras and models are checked too.", metavar="RECIPE"),
    ] = None,
    sets: Sets = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say what is missing, unreachable, unwritable or set wrongly, and what to do; exits with 1 if anything is."""
    from callwright.cli import doctoring

    doctoring.doctor(recipe, sets or [], data, as_json)


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="museum, museum@3 or museum:tag.", metavar="NAME[@N|:TAG]")],
    view: Annotated[str, typer.Option("--view", help="Which format; docs/views.md lists them.")] = "trl",
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="Set an option of the view; may be repeated.", metavar="KEY=VALUE"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The folder to write.", metavar="DIR")] = None,
    data: Data = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in that place.")] = False,
    as_json: Json = False,
) -> None:
    """Export a version in a view, as a folder that consumers load."""
    from callwright.cli import reading

    reading.export(name, view, sets or [], out, data, overwrite, as_json)


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="museum, museum@3 or museum:tag.", metavar="NAME[@N|:TAG]")],
    against: Annotated[
        str | None,
        typer.Option("--against", help="A version to show beside it.", metavar="NAME[@N|:TAG]"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The file to write.", metavar="FILE.html")] = None,
    data: Data = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in that place.")] = False,
    as_json: Json = False,
) -> None:
    """Write one HTML file with a version's pictures and some of its conversations."""
    from callwright.cli import reading

    reading.report(name, against, out, data, overwrite, as_json)


@app.command()
def score(
    path: Annotated[
        Path,
        typer.Argument(help="JSON lines of predictions, transcripts or a judge's verdicts.", metavar="FILE"),
    ],
    metric: Annotated[
        str,
        typer.Option(
            "--metric",
            help="ste (calls against the right ones), toolalpaca or dag (a judge's verdicts), asktoact (transcripts).",
        ),
    ] = "ste",
    as_json: Json = False,
) -> None:
    """Score what a model called by STE's metrics, verdicts by ToolAlpaca's or DTA's, transcripts by AskToAct's."""
    from callwright.cli import scoring

    scoring.score(path, metric, as_json)


@app.command()
def lint(
    path: Annotated[
        Path,
        typer.Argument(
            help="JSON lines, a JSON list, Parquet, or a folder of them, in any format of tool-calling datasets.",
            metavar="PATH",
        ),
    ],
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against",
            help="A file or folder that no row may repeat, such as a benchmark; may be repeated.",
            metavar="FILE",
        ),
    ] = None,
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="Exit with 3 from this severity on: error, warning or note.")
    ] = "error",
    as_json: Json = False,
) -> None:
    """Check anybody's tool-calling dataset: schemas, grounding, pairs, nulls, duplicates, leaks."""
    from callwright.cli import linting

    linting.lint_(path, against or [], fail_on, as_json)


From = Annotated[
    str, typer.Option("--from", help="The version whose rows are rewritten.", metavar="NAME[@N|:TAG]")
]
NewName = Annotated[
    str | None, typer.Option("--name", help="Name of the new dataset; NAME-METHOD unless given.")
]
MostRows = Annotated[
    int | None, typer.Option("-n", "--rows", help="Rows at the most; as many as there are otherwise.", min=1)
]
ToolsIn = Annotated[
    Path | None,
    typer.Option(
        "--tools-in",
        help="Folder that the tool files of the version's recipe are relative to; where it was built unless given.",
        metavar="DIR",
    ),
]


@run_app.command("asktoact")
def run_asktoact(
    source: From,
    name: NewName = None,
    rows: MostRows = None,
    sets: Sets = None,
    tools_in: ToolsIn = None,
    data: Data = None,
    out: Out = None,
    no_prefect: NoPrefect = False,
    as_json: Json = False,
) -> None:
    """Mask parameters of a version's requests, and make the dialogues in which an assistant asks for them."""
    from callwright.cli import building

    building.rewrite("asktoact", source, name, rows, sets or [], tools_in, data, out, no_prefect, as_json)


@run_app.command("dag")
def run_dag(
    source: From,
    name: NewName = None,
    rows: MostRows = None,
    sets: Sets = None,
    tools_in: ToolsIn = None,
    data: Data = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the exports.", metavar="DIR")] = None,
    no_prefect: Annotated[bool, typer.Option("--no-prefect", help="Run without Prefect.")] = False,
    as_json: Json = False,
) -> None:
    """Find what does not depend on each other in a version's rows, and make those calls in parallel."""
    from callwright.cli import building

    building.rewrite("dag", source, name, rows, sets or [], tools_in, data, out, no_prefect, as_json)


ToolFile = Annotated[
    str,
    typer.Argument(
        help="OpenAPI 3 (YAML or JSON), a JSON list of tools, FILE.py, world:NAME, mcp:COMMAND, mcp:URL, "
        "or the folder of a toolset.",
        metavar="SRC",
    ),
]


@tools_app.command("import")
def tools_import(source: ToolFile, data: Data = None, as_json: Json = False) -> None:
    """Read a file of tools into the store, and say what had to be left out."""
    from callwright.cli import tooling

    tooling.import_(source, data, as_json)


@tools_app.command("list")
def tools_list(
    source: Annotated[
        str | None, typer.Argument(help="Where the tools are; the store unless given.", metavar="SRC")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the tools of a file, or those in the store."""
    from callwright.cli import tooling

    tooling.list_(source, data, as_json)


@tools_app.command("show")
def tools_show(
    name: Annotated[str, typer.Argument(help="A tool's name; with --graph, where the tools are.")],
    source: Annotated[
        str | None, typer.Argument(help="Where the tools are; the store unless given.", metavar="SRC")
    ] = None,
    data: Data = None,
    graph: Annotated[
        bool, typer.Option("--graph", help="Draw which answers can feed which calls, confirmed in worlds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one tool as JSON, as a model sees it and as it is answered; or a toolkit's graph with --graph."""
    from callwright.cli import tooling

    if graph:
        tooling.graph(source or name, as_json)
    else:
        tooling.show(name, source, data)


@tools_app.command("check")
def tools_check(source: ToolFile, as_json: Json = False) -> None:
    """Say which tools of a file can be used, which the offline teacher can serve, and why not the others."""
    from callwright.cli import tooling

    tooling.check(source, as_json)


@tools_app.command("invent")
def tools_invent(
    out: Annotated[Path, typer.Option("--out", help="The folder to write.", metavar="DIR")],
    count: Annotated[int, typer.Option("-n", "--apis", help="Seeds to draw.", min=1)] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another draw.")] = 0,
    seeds: Annotated[
        Path | None,
        typer.Option(
            "--seeds", help="Tab-separated seeds (name, description, link, category).", metavar="FILE"
        ),
    ] = None,
    categories: Annotated[
        str | None, typer.Option("--categories", help="Only these, separated by commas.", metavar="A,B")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="A language model; rules invent without one.")
    ] = None,
    base_url: Annotated[
        list[str] | None,
        typer.Option("--base-url", help="Where it is served; may be repeated.", metavar="URL"),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="Take the teacher from a recipe.", metavar="RECIPE")
    ] = None,
    sets: Sets = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            help="A cell of the coverage that must not stay empty; may be repeated.",
            metavar="CATEGORY[:CAPABILITY]",
        ),
    ] = None,
    trees: Annotated[
        bool,
        typer.Option("--trees", help="Draw functions and their form from two trees, in place of seeds."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Invent toolkits from one-line descriptions of public APIs; continues where it was stopped."""
    from callwright.cli import inventing
    from callwright.engine.toolsets import Order

    drawn_from = tuple(one.strip() for one in (categories or "").split(",") if one.strip())
    order = Order(out, count, seed, seeds, drawn_from, tuple(require or ()), trees)
    inventing.invent_(order, model, base_url or [], recipe, sets or [], as_json)


@dataset_app.command("list")
def dataset_list(data: Data = None, as_json: Json = False) -> None:
    """List the datasets with their newest versions."""
    from callwright.cli import reading

    reading.datasets(data, as_json)


@dataset_app.command("log")
def dataset_log(
    name: Annotated[str, typer.Argument(help="A dataset's name.")], data: Data = None, as_json: Json = False
) -> None:
    """List the versions of a dataset, newest first."""
    from callwright.cli import reading

    reading.log(name, data, as_json)


@dataset_app.command("show")
def dataset_show(
    name: Annotated[str, typer.Argument(help="museum, museum@3 or museum:tag.", metavar="NAME[@N|:TAG]")],
    rows: Annotated[int, typer.Option("-n", "--rows", help="Conversations to print as well.", min=0)] = 0,
    kind: Annotated[str | None, typer.Option("--kind", help="Only rows of this kind.")] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Show the shape of the corpus as well.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show what a version holds, what was dropped and why, and some of its conversations."""
    from callwright.cli import reading

    reading.show(name, rows, kind, stats, data, as_json)


@dataset_app.command("diff")
def dataset_diff(
    before: Annotated[str, typer.Argument(help="The earlier version.", metavar="NAME[@N|:TAG]")],
    after: Annotated[
        str, typer.Argument(help="The later one, of the same dataset.", metavar="NAME[@N|:TAG]")
    ],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show which rows came, which went and why, what moved between splits, and what the recipes differ in."""
    from callwright.cli import reading

    reading.diff(before, after, data, as_json)


@dataset_app.command("tag")
def dataset_tag(
    name: Annotated[str, typer.Argument(help="museum@3, or museum for the newest.", metavar="NAME[@N|:TAG]")],
    tag: Annotated[str, typer.Argument(help="A name that can move, such as stable.")],
    move: Annotated[bool, typer.Option("--move", help="Take it from the version that has it.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give a version a tag: museum@3 becomes museum:stable. To roll back, move the tag to an earlier version."""
    from callwright.cli import versioning

    versioning.tag(name, tag, move, data, as_json)


@dataset_app.command("query")
def dataset_query(
    sql: Annotated[str, typer.Argument(help="One SELECT; docs/store.md lists the tables.", metavar="SQL")],
    limit: Annotated[int, typer.Option("--limit", help="Rows to print at the most.", min=1)] = 1000,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Ask the store in SQL. Nothing can be changed, and no file or address can be reached."""
    from callwright.cli import versioning

    versioning.query(sql, limit, data, as_json)


@dataset_app.command("verify")
def dataset_verify(
    name: Annotated[str, typer.Argument(help="museum, museum@3 or museum:tag.", metavar="NAME[@N|:TAG]")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Compute a version's id and the ids of its rows anew from what is stored, and name what was damaged."""
    from callwright.cli import versioning

    versioning.verify(name, data, as_json)


@dataset_app.command("gc")
def dataset_gc(
    apply: Annotated[bool, typer.Option("--apply", help="Delete it; without this, it is counted.")] = False,
    ledger: Annotated[
        bool,
        typer.Option(
            "--ledger", help="Answers of models, too, that no row was made with: replays of builds need them."
        ),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Count, or delete, the conversations that no version holds, with their tasks, verdicts and probes."""
    from callwright.cli import versioning

    versioning.gc(apply, ledger, data, as_json)


@app.command()
def explain(
    row: Annotated[str, typer.Argument(help="A row's id, or its beginning.", metavar="ROW")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say why a row is here: where it comes from, what was ruled on it, which versions hold it, what it cost."""
    from callwright.cli import versioning

    versioning.explain(row, data, as_json)


@app.command()
def push(
    name: Annotated[str, typer.Argument(help="museum, museum@3 or museum:tag.", metavar="NAME[@N|:TAG]")],
    repo: Annotated[str, typer.Option("--repo", help="Where on the hub.", metavar="USER/NAME")],
    view: Annotated[str, typer.Option("--view", help="Which format; docs/views.md lists them.")] = "trl",
    public: Annotated[
        bool, typer.Option("--public", help="Make a new repository public; it is private otherwise.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Upload a version to the Hugging Face Hub, or to a hub of your own (HF_ENDPOINT), with its number as tag."""
    from callwright.cli import versioning

    versioning.push(name, repo, view, public, data, as_json)


_INTERRUPTED = 130
_AGAIN = "run the same command again to continue"


def main() -> None:
    """Run the command line; errors of ours are one line, anything else is a bug and shows its traceback."""
    terminated: list[int] = []

    def on_sigterm(number: int, frame: Any) -> None:
        terminated.append(number)
        # As Ctrl-C does it: asyncio ends its loop cleanly on an interrupt, and on no other exception.
        interrupt = signal.getsignal(signal.SIGINT)
        if not callable(interrupt):
            raise KeyboardInterrupt
        interrupt(signal.SIGINT, frame)

    signal.signal(signal.SIGTERM, on_sigterm)
    try:
        app(standalone_mode=True)
    except CallwrightError as error:
        _end(str(error), error.exit_code)
    except SystemExit as ending:
        # Typer makes this of an interrupt, without a word.
        if ending.code != _INTERRUPTED:
            raise
        if terminated:
            _end(f"stopped; {_AGAIN}", 4)
        _end(f"interrupted; {_AGAIN}", _INTERRUPTED)
    finally:
        _flush()


def _end(message: str, code: int) -> None:
    _flush()
    print(f"callwright: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads on, as with `| head -1`; without this the interpreter complains when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
