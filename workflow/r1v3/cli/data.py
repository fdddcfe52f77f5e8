"""`r1v3 data ...`: check files of rows, or finished data sets."""

from pathlib import Path
from typing import Annotated

import typer

from r1v3.cli.options import HERE, Recipe, Root

app = typer.Typer(help="Check data.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def data_commands() -> None:
    """Check files of rows, or finished data sets."""


@app.command("check")
def check_command(
    places: Annotated[list[Path], typer.Argument(help="files of rows, or folders of sets")],
    mapping: Annotated[str, typer.Option(help="how rows become records")] = "records",
    constant: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="a field that all rows share, repeatable"),
    ] = None,
    recipe: Recipe = "paper",
    root: Root = HERE,
) -> None:
    """Validate files of rows, or the pictures of finished sets. Exit code 1: something was rejected."""
    from r1v3.data.check import check_files, check_set
    from r1v3.recipe.errors import unknown
    from r1v3.recipe.load import load_recipe
    from r1v3.recipe.tables.sources import MAPPINGS

    if mapping not in MAPPINGS:
        raise ValueError(f"--mapping: {unknown('mapping', mapping, MAPPINGS)}")
    shared = dict(_field_and_value(each) for each in constant or [])
    folders = [place for place in places if place.is_dir()]
    files = [place for place in places if not place.is_dir()]
    found = [(str(folder), check_set(folder)) for folder in folders]
    if files:
        limits = load_recipe(root / "config" / "recipes", recipe)[0].cleaning.limits
        found.append(("files", check_files(files, mapping, shared, limits)))
    for name, checked in found:
        print("\n".join([name, *checked.lines()]))
    raise typer.Exit(1 if any(checked.reasons for _, checked in found) else 0)


def _field_and_value(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--constant {text}: FIELD=VALUE is expected")
    return field, value
