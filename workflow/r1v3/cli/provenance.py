"""Commands for the lineage of results, and to check, keep and share results.

They are `r1v3 trace`, `status`, `verify`, `snapshot`, `prune`, `crate` and `push`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from r1v3.cli.options import HERE, Overlay, Recipe, Root

if TYPE_CHECKING:
    from r1v3.recipe.graph.results import ResultGraph


def trace_command(
    what: Annotated[
        str,
        typer.Argument(help="an id, name or path, a score such as benchmarks.mmmu_val, a sample"),
    ],
    root: Root = HERE,
) -> None:
    """Show what a result was made from, and what was made from it."""
    from r1v3.provenance.trace import trace_lines

    print("\n".join(trace_lines(root, what)))


def status_command(recipe: Recipe = "tiny", overlay: Overlay = None, root: Root = HERE) -> None:
    """Show which runs are finished, and which results other code than the present one computed."""
    from r1v3.provenance.status import status_lines

    print("\n".join(status_lines(checked_graph(root, recipe, overlay))))


def verify_command(
    below: Annotated[
        Path | None, typer.Argument(help="a folder of results/; without it, all of them")
    ] = None,
    root: Root = HERE,
) -> None:
    """Read every file of finished results, and name each file that differs from its manifest."""
    from r1v3.provenance.verify import verify

    count, wrong = verify(root, below)
    print("\n".join([*wrong, f"{count} folders read, {len(wrong)} things wrong"]))
    if wrong:
        raise typer.Exit(1)


def snapshot_command(recipe: Recipe = "tiny", overlay: Overlay = None, root: Root = HERE) -> None:
    """Record finished results in DVC and git's index."""
    from r1v3.provenance.snapshot import snapshot

    try:
        new = snapshot(root, checked_graph(root, recipe, overlay))
    except RuntimeError as error:  # DVC or git failed
        raise ValueError(str(error)) from None
    print("\n".join([*new, f"{len(new)} folders recorded in DVC and added to git's index."]))
    print("To share them: git commit, git push, dvc push.")


def prune_command(
    remove: Annotated[
        bool, typer.Option("--remove", help="remove results that no recipe makes")
    ] = False,
    overlays: Annotated[
        list[Path] | None,
        typer.Option("--overlay", help="an overlay of --recipe whose runs to keep; repeatable"),
    ] = None,
    recipe: Recipe = "tiny",
    root: Root = HERE,
) -> None:
    """Show the disk use of results, and the results that no recipe makes any more."""
    from r1v3.provenance.prune import (
        mebibytes,
        prune,
        remove_dangling_links,
        remove_from_mlflow,
        size,
        unreached,
    )
    from r1v3.provenance.result_folders import result_folders
    from r1v3.recipe.errors import RecipeError
    from r1v3.recipe.graph.results import ResultGraph
    from r1v3.recipe.load import load_project
    from r1v3.recipe.seeds import seeds_on_disk

    recipes = sorted(path.stem for path in (root / "config" / "recipes").glob("*.yaml"))
    choices = [(each, None) for each in recipes] + [(recipe, each) for each in overlays or []]
    seeds = seeds_on_disk(root / "results")
    projects = []
    for name, overlay in choices:
        try:
            projects.append(ResultGraph(load_project(root, name, overlay, seeds)))
        except RecipeError as error:
            place = f"config/recipes/{name}.yaml" + (f" with {overlay}" if overlay else "")
            raise RecipeError(
                [f"{place} cannot be read, so what it makes is not known:", *error.lines]
            ) from None
    for found in result_folders(root):
        print(f"{mebibytes(size(found.path)):>14}  {found.folder}")
    old = unreached(root, projects)
    print(f"\nNo recipe makes these {len(old)}:")
    for found in old:
        print(f"{mebibytes(size(found.path)):>14}  {found.folder}")
    if remove:
        print(f"{mebibytes(prune(root, old))} freed.")
        for path in remove_dangling_links(root):
            print(f"{path} named a run that is gone, and is removed.")
        if count := remove_from_mlflow(root, old):
            print(f"{count} runs deleted in MLflow.")
    elif old:
        print("`r1v3 prune --remove` removes them.")


def crate_command(
    output: Annotated[Path, typer.Argument(help="a folder that does not exist yet")],
    recipe: Recipe = "tiny",
    overlay: Overlay = None,
    root: Root = HERE,
) -> None:
    """Write a finished recipe as an RO-Crate."""
    from r1v3.provenance.crate import write_crate

    inside = write_crate(root, checked_graph(root, recipe, overlay), output)
    print(f"{len(inside)} results and their lineage: {output}/ro-crate-metadata.json")


def push_command(
    run: Annotated[str, typer.Argument(help="a finished run's name or id")],
    repository: Annotated[str, typer.Argument(help="user/name at the hub; it is made private")],
    output: Annotated[Path, typer.Option(help="the folder to prepare, which does not exist yet")],
    checkpoint: Annotated[str, typer.Option(help="last, selected, or step-000100")] = "last",
    layout: Annotated[
        Literal["native", "internvl_chat"], typer.Option(help="the layout of the weights")
    ] = "native",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="prepare the folder and upload nothing")
    ] = False,
    root: Root = HERE,
) -> None:
    """Prepare a checkpoint with its model card for the hub, and upload it with HF_TOKEN."""
    from r1v3.provenance.push import prepare_push, upload_folder

    files = prepare_push(root, run, checkpoint, output, chat=layout == "internvl_chat")
    for path in files:
        print(path)
    if not dry_run:
        print(upload_folder(output, repository))


def checked_graph(root: Path, recipe: str, overlay: Path | None) -> "ResultGraph":
    """Return the checked result graph of a recipe, with as many seeds as results on this disk have.

    Raises:
        RecipeError: with one line for each mistake.
    """
    from r1v3.recipe.errors import RecipeError
    from r1v3.recipe.graph.results import ResultGraph
    from r1v3.recipe.load import load_project
    from r1v3.recipe.seeds import seeds_on_disk

    try:
        seeds = seeds_on_disk(root / "results")
        graph = ResultGraph(load_project(root, recipe, overlay, seeds))
        graph.check()
    except RecipeError as error:
        raise RecipeError(["mistakes in the configuration:", *error.lines]) from None
    return graph
