"""Defines options that several commands share: the checkout, the recipe and the overlay."""

from pathlib import Path
from typing import Annotated

import typer

RECIPES = Path("config") / "recipes"


def _check_root(root: Path) -> Path:
    if not (root / RECIPES).is_dir():
        raise typer.BadParameter(
            f"{root.resolve()} has no {RECIPES}. Call r1v3 in a checkout, or set --root or R1V3_ROOT."
        )
    return root


def _recipes(incomplete: str) -> list[str]:
    """Return names of recipes for shell completion."""
    names = sorted(path.stem for path in RECIPES.glob("*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


Root = Annotated[
    Path,
    typer.Option(
        "--root",
        envvar="R1V3_ROOT",
        callback=_check_root,
        show_default="this folder",
        help="the checkout, with config/ and results/",
    ),
]
Recipe = Annotated[
    str, typer.Option("--recipe", autocompletion=_recipes, help="a recipe of config/recipes")
]
Overlay = Annotated[
    Path | None,
    typer.Option("--overlay", help="a YAML file whose values replace those of the recipe"),
]
HERE = Path()


def choice(recipe: str, overlay: Path | None) -> list[str]:
    """Return the values of Snakemake's `--config` for a recipe and its overlay."""
    return [f"recipe={recipe}", *([f"overlay={overlay}"] if overlay else [])]
