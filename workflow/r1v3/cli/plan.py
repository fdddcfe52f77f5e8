"""`r1v3 plan`: estimates GPUs, memory, hours, disk and money of every stage before a run."""

import json
from typing import Annotated

import typer

from r1v3.cli.options import HERE, Overlay, Recipe, Root


def plan_command(
    recipe: Recipe = "paper",
    overlay: Overlay = None,
    root: Root = HERE,
    nodes: Annotated[
        int | None,
        typer.Option(help="nodes of every training stage, instead of those of the layout"),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(help="price of one GPU for one hour, instead of that of the site"),
    ] = None,
    studies: Annotated[
        bool,
        typer.Option(
            "--studies", help="show what settles each claim instead: seeds, items and steps"
        ),
    ] = False,
    seeds: Annotated[
        int, typer.Option(min=1, help="with --studies: seeds of each arm, as of `make studies`")
    ] = 1,
    seed_spread: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="with --studies: spread of accuracies between seeds, as a share, where no result shows it",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="with --studies: print JSON instead of a table")
    ] = False,
) -> None:
    """Show what a recipe costs before it is run, or with --studies what its studies can decide.

    A star marks stages whose estimate uses constants that nobody has measured. The exit code is 1 if a stage
    does not fit.
    """
    if studies:
        from r1v3.plan import claims

        rows = claims.plan_claims(root, recipe, overlay, seeds=seeds, seed_spread=seed_spread)
        if as_json:
            print(json.dumps(claims.as_json(recipe, seeds, rows), indent=1))
        else:
            print("\n".join(claims.claims_table(recipe, seeds, rows)))
        return
    if as_json or seed_spread is not None or seeds != 1:
        raise typer.BadParameter("--json, --seeds and --seed-spread go with --studies")
    from r1v3.plan.report import report

    lines, fits = report(root, recipe, overlay, nodes=nodes, price=price)
    print("\n".join(lines))
    raise typer.Exit(0 if fits else 1)
