"""The commands of `python -m r1v3`."""

import argparse
import os
from pathlib import Path

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.documents import Documents
from r1v3.recipe.load import load_project
from r1v3.recipe.seeds import seeds_on_disk


def add(commands) -> None:
    """Add each command to the parser."""
    one = commands.add_parser("snapshot", help="record finished results in DVC and git's index")
    one.set_defaults(run=_snapshot)
    one = commands.add_parser("trace", help="where a result comes from, and where it went")
    one.add_argument("what", help="an id, name or path, a score of the summary, a sample's id")
    one.set_defaults(run=_trace)
    one = commands.add_parser("compare", help="what differs between two runs")
    one.add_argument("a", help="a run's name or id")
    one.add_argument("b", help="another's")
    one.set_defaults(run=_compare)
    one = commands.add_parser("prune", help="disk use by run; what nothing leads to any more")
    one.add_argument("--remove", action="store_true", help="remove what is shown as unreached")
    one.add_argument(
        "--overlays", type=Path, nargs="*", default=[], help="over --recipe, whose runs to keep too"
    )
    one.set_defaults(run=_prune)
    one = commands.add_parser("crate", help="a finished recipe as an RO-Crate")
    one.add_argument("out", type=Path, help="a folder that is not there yet")
    one.set_defaults(run=_crate)
    one = commands.add_parser("follow", help="copy runs to MLflow while they train")
    one.add_argument("--tracking-uri", required=True)
    one.add_argument("--beside", type=int, required=True, help="the process to end with")
    one.set_defaults(run=_follow)


def _documents(args: argparse.Namespace) -> Documents:
    try:
        seeds = seeds_on_disk(args.root / "results")
        documents = Documents(load_project(args.root, args.recipe, args.overlay, seeds))
        documents.check()
    except RecipeError as error:
        raise SystemExit(f"mistakes in the configuration:\n{error}") from None
    return documents


def _snapshot(args: argparse.Namespace) -> None:
    from r1v3.provenance.snapshot import snapshot

    try:
        new = snapshot(args.root, _documents(args))
    except (ValueError, RuntimeError) as error:
        raise SystemExit(str(error)) from None
    print("\n".join([*new, f"{len(new)} folders recorded in DVC and added to git's index."]))
    print("To hand them on: git commit, git push, dvc push.")


def _trace(args: argparse.Namespace) -> None:
    from r1v3.provenance.trace import trace

    try:
        print("\n".join(trace(args.root, args.what)))
    except ValueError as error:
        raise SystemExit(str(error)) from None


def _compare(args: argparse.Namespace) -> None:
    from r1v3.analyze.compare import compare

    try:
        print("\n".join(compare(args.root, args.a, args.b)))
    except ValueError as error:
        raise SystemExit(str(error)) from None


def _prune(args: argparse.Namespace) -> None:
    from r1v3.provenance.found import result_folders
    from r1v3.provenance.prune import prune, shown, size, unreached

    recipes = sorted(path.stem for path in (args.root / "config" / "recipes").glob("*.yaml"))
    choices = [(each, None) for each in recipes]
    choices += [(args.recipe, each) for each in [args.overlay, *args.overlays] if each]
    seeds = seeds_on_disk(args.root / "results")
    projects = [Documents(load_project(args.root, *choice, seeds)) for choice in choices]
    for found in result_folders(args.root):
        print(f"{shown(size(found.path)):>14}  {found.folder}")
    old = unreached(args.root, projects)
    print(f"\nNothing leads to these {len(old)}:")
    for found in old:
        print(f"{shown(size(found.path)):>14}  {found.folder}")
    if args.remove:
        print(f"{shown(prune(args.root, old))} freed.")
    elif old:
        print("`make prune REMOVE=1` removes them.")


def _crate(args: argparse.Namespace) -> None:
    from r1v3.provenance.crate import write_crate

    try:
        inside = write_crate(args.root, _documents(args), args.out)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    print(f"{len(inside)} results and their lineage: {args.out}/ro-crate-metadata.json")


def _follow(args: argparse.Namespace) -> None:
    from r1v3.analyze.mlflow.live import alive, follow

    os.nice(10)
    project = _documents(args).project
    follow(
        args.root,
        args.tracking_uri,
        project.recipe.name,
        going_on=lambda: alive(args.beside),
        studies=project.studies,
    )
