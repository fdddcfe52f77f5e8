"""`r1v3 browse`, `watch`, `figure` and `compare`: shows and compares runs."""

import time
from pathlib import Path
from typing import Annotated

import typer

from r1v3.cli.options import HERE, Root

NamesIn = Annotated[  # unlike Root it may be no checkout, because a run's folder may be anywhere
    Path,
    typer.Option(
        "--root", envvar="R1V3_ROOT", help="the checkout in whose results/ a name is looked for"
    ),
]


def browse_command(
    run: Annotated[Path, typer.Argument(help="a GRPO run's name, stable name or folder")],
    output: Annotated[Path, typer.Option(help="the page")] = Path("rollouts.html"),
    count: Annotated[int, typer.Option(help="rollouts in each section")] = 20,
    root: NamesIn = HERE,
) -> None:
    """Write a page of a GRPO run's rollouts: the best, the worst, and the most changed."""
    from r1v3.train.grpo.records.rollout_page import write_rollout_page

    shown = write_rollout_page(_folder(run, root), output, count=count)
    print(f"{output}: " + ", ".join(f"{title} {n}" for title, n in shown.items()))


def watch_command(
    run: Annotated[Path, typer.Argument(help="a GRPO run's name, stable name or folder")],
    page: Annotated[Path | None, typer.Option(help="also write this page, which refreshes")] = None,
    every: Annotated[float, typer.Option(min=0.1, help="seconds between two looks")] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="look once and end")] = False,
    root: NamesIn = HERE,
) -> None:
    """Show a GRPO run while it learns: metrics, alarms, rules, newest answers. Ends with the run."""
    from r1v3.train.grpo.records.watch import read_run_so_far, watch_screen, write_watch_page

    while True:
        seen = read_run_so_far(run, root)
        print(watch_screen(seen), flush=True)
        if page is not None:
            write_watch_page(seen, page, every=every)
        if once or seen.finished:
            return
        time.sleep(every)


def figure_command(
    run: Annotated[Path, typer.Argument(help="a GRPO run's name, stable name or folder")],
    output: Annotated[Path, typer.Option(help="the SVG file")],
    root: NamesIn = HERE,
) -> None:
    """Draw a GRPO run's curves as one SVG file."""
    from r1v3.analyze.report.panels import grpo_picture
    from r1v3.analyze.results import read_result
    from r1v3.base.atomic_write import write_text

    write_text(output, grpo_picture(read_result(_folder(run, root) / "manifest.json")))


def _folder(run: Path, root: Path) -> Path:
    """Return the folder of a run; for a name, that of its stable name, or else the one begun last."""
    from r1v3.train.grpo.records.watch import grpo_folder

    stable = root / "results" / "runs" / f"{run}.json"
    return grpo_folder(stable if stable.exists() else run, root)


def compare_command(
    a: Annotated[str, typer.Argument(help="name, stable name, id or folder of a run")],
    b: Annotated[str, typer.Argument(help="another, also of another machine's checkout")],
    root: Root = HERE,
) -> None:
    """Show the differences of two runs: recipe, ancestors, code, results."""
    from r1v3.analyze.compare import compare_runs

    print("\n".join(compare_runs(root, a, b)))
