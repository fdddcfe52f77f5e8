"""`r1v3 plan`: GPUs, memory, hours, disk and money of every stage, before any is spent."""

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
) -> None:
    """Show what a recipe costs before it is run.

    A star marks stages that rest on constants that nobody has measured. Exit code 1: a stage does not fit.
    """
    from r1v3.plan.report import report

    lines, fits = report(root, recipe, overlay, nodes=nodes, price=price)
    print("\n".join(lines))
    raise typer.Exit(0 if fits else 1)
