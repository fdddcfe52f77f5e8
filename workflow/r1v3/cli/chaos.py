"""`r1v3 chaos`: disturbs tiny runs in all ways that we know, and reports which runs survived."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from r1v3.cli.options import HERE, Root


def chaos_command(
    seed: Annotated[int, typer.Option(help="draws the order, the moments and the places")] = 0,
    minutes: Annotated[
        float, typer.Option(help="begin no further round after this; 0 plays each fault once")
    ] = 0,
    only: Annotated[
        list[str] | None,
        typer.Option(help="a fault's file, or one of its cases as in damage:weights; repeatable"),
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="a folder of further faults, a file each")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(help="the folder of an undisturbed run, made if absent and kept"),
    ] = None,
    table: Annotated[Path | None, typer.Option(help="a file for the table, in Markdown")] = None,
    root: Root = HERE,
) -> None:
    """Disturb tiny runs at random moments: kills, full disks, damaged files, servers that die.

    After each fault the run must continue, or say in a sentence what to do, and end with the same bytes.
    """
    from r1v3.base.atomic_write import write_text
    from r1v3.chaos.fault import FAULTS, chosen_faults, read_faults
    from r1v3.chaos.run import play, table_of

    chosen = [f for folder in (FAULTS, faults) if folder for f in read_faults(folder)]
    if only:
        chosen = chosen_faults(chosen, only)
    with tempfile.TemporaryDirectory(prefix="r1v3-chaos-") as work:
        outcomes = play(
            root.resolve(),
            chosen,
            Path(work),
            seed=seed,
            minutes=minutes,
            baseline=baseline and baseline.resolve(),
        )
    shown = table_of(outcomes)
    print(shown)
    if table:
        write_text(table, shown + "\n")
    failed = sum(outcome.survived is False for outcome in outcomes)
    if failed or not outcomes:
        print(f"{failed} of {len(outcomes)} rounds failed")
        raise typer.Exit(1)
