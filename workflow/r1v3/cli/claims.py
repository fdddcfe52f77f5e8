"""`r1v3 claims ...`: judges the report's claims by results of anyone's runs."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from r1v3.cli.options import HERE, Recipe, Root

app = typer.Typer(
    help="Judge the report's claims by your results.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def claims_commands() -> None:
    """Judge the report's claims by your results."""


@app.command("check")
def check_claims_command(
    file: Annotated[
        Path, typer.Argument(help="a CSV file, a number a row", exists=True, dir_okay=False)
    ],
    recipe: Recipe = "paper",
    output: Annotated[Path | None, typer.Option(help="a file for the verdicts, as JSON")] = None,
    root: Root = HERE,
) -> None:
    """Judge every claim of config/claims.yaml by the runs, checkpoints and scores of a table."""
    from r1v3.analyze.studies.from_file import check_table, read_table
    from r1v3.analyze.studies.verdicts import NOT_TESTABLE, as_line
    from r1v3.base.atomic_write import write_text
    from r1v3.cli.provenance import checked_graph

    graph = checked_graph(root, recipe, None)
    verdicts = check_table(graph, read_table(file, graph))
    for verdict in sorted(verdicts, key=lambda each: each.verdict == NOT_TESTABLE):
        print(as_line(verdict))
    if output:
        write_text(output, json.dumps([asdict(each) for each in verdicts], indent=1) + "\n")


@app.command("wanted")
def wanted_command(recipe: Recipe = "paper", root: Root = HERE) -> None:
    """List the rows that a table needs for each claim that numbers can decide."""
    from tabulate import tabulate

    from r1v3.analyze.studies.from_file import wanted
    from r1v3.cli.provenance import checked_graph

    print(tabulate(wanted(checked_graph(root, recipe, None)), headers="keys"))
