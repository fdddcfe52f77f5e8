"""The commands of `python -m r1v3`."""

import argparse
import os

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.identity import Documents
from r1v3.recipe.load import load_project


def add(commands) -> None:
    """Add each command to the parser."""
    one = commands.add_parser("snapshot", help="record finished results in DVC and git's index")
    one.set_defaults(run=_snapshot)
    one = commands.add_parser("follow", help="copy runs to MLflow while they train")
    one.add_argument("--tracking-uri", required=True)
    one.add_argument("--beside", type=int, required=True, help="the process to end with")
    one.set_defaults(run=_follow)


def _documents(args: argparse.Namespace) -> Documents:
    try:
        documents = Documents(load_project(args.root, args.recipe, args.overlay))
        documents.check()
    except RecipeError as error:
        raise SystemExit(f"mistakes in the configuration:\n{error}") from None
    return documents


def _snapshot(args: argparse.Namespace) -> None:
    from r1v3.keep.snapshot import snapshot

    try:
        new = snapshot(args.root, _documents(args))
    except (ValueError, RuntimeError) as error:
        raise SystemExit(str(error)) from None
    print("\n".join([*new, f"{len(new)} folders recorded in DVC and added to git's index."]))
    print("To hand them on: git commit, git push, dvc push.")


def _follow(args: argparse.Namespace) -> None:
    from r1v3.analyze.follow import alive, follow

    os.nice(10)
    experiment = _documents(args).recipe.name
    follow(args.root, args.tracking_uri, experiment, going_on=lambda: alive(args.beside))
