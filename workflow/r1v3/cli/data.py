"""`r1v3 data ...`: checks files of rows, or finished data sets."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r1v3.cli.options import HERE, Recipe, Root

if TYPE_CHECKING:
    from r1v3.data.check import Checked
    from r1v3.recipe.schema.recipe import Recipe as WholeRecipe
    from r1v3.recipe.tables.sources import Decides, SourceEntry

FILES = "files"

app = typer.Typer(help="Check data.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def data_commands() -> None:
    """Check files of rows, or finished data sets."""


@app.command("check")
def check_data_command(
    places: Annotated[
        list[Path] | None,
        typer.Argument(help="files of rows, entries of config/sources.yaml, or folders of sets"),
    ] = None,
    mapping: Annotated[
        str, typer.Option(help="how rows become records, of files that no entry names")
    ] = "records",
    constant: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="a field that all rows share, repeatable"),
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="show the first record, or what a row may look like")
    ] = False,
    recipe: Recipe = "paper",
    root: Root = HERE,
) -> None:
    """Judge files of rows as the stage `prepare` does, or the pictures of finished sets.

    A file that an entry of config/sources.yaml names is read as that entry says, and its dates are checked as
    the recipe's set that takes it asks. Rows are not compared with evaluations, and not drawn to a set's
    size. The exit code is 1 if something was refused.
    """
    from r1v3.data.check import EXAMPLE, check_set
    from r1v3.recipe.errors import unknown
    from r1v3.recipe.load import load_recipe, load_sources
    from r1v3.recipe.tables.sources import MAPPINGS

    if not places:
        if not example:
            raise ValueError("a file of rows, the folder of a set, or --example is expected")
        print(json.dumps(EXAMPLE, ensure_ascii=False))
        return
    if mapping not in MAPPINGS:
        raise ValueError(f"--mapping: {unknown('mapping', mapping, MAPPINGS)}")
    shared = dict(_field_and_value(each) for each in constant or [])
    folders = [place for place in places if (place / "records.parquet").is_file()]
    found = [(str(folder), check_set(folder)) for folder in folders]
    if others := [place for place in places if place not in folders]:
        config = root / "config"
        found += _check_rows(
            others,
            load_recipe(config / "recipes", recipe)[0],
            load_sources(config / "sources.yaml"),
            (mapping, shared),
            root,
        )
    for name, checked in found:
        print("\n".join([name, *checked.lines()]))
        if example and checked.example:
            print(json.dumps(asdict(checked.example), ensure_ascii=False, indent=1))
    raise typer.Exit(1 if any(checked.reasons for _, checked in found) else 0)


def _check_rows(
    places: list[Path],
    recipe: "WholeRecipe",
    sources: "dict[str, SourceEntry]",
    reading: tuple[str, dict[str, str]],
    root: Path,
) -> list[tuple[str, "Checked"]]:
    """Return a report for each entry that the places belong to, and one for all other files together."""
    from r1v3.data.check import as_asked, check_source, entry_of_files, entry_of_place, from_root
    from r1v3.recipe.schema.data import SourceSet

    entries: dict[str, Decides] = {}
    alone: list[Path] = []
    for place in places:
        belongs = entry_of_place(place, sources, root)
        if belongs is None:
            alone.append(place)
        else:
            entries[belongs[0]] = from_root(belongs[1], root)
    if alone:
        entries[FILES] = entry_of_files(alone, *reading)
    sets = [each for each in recipe.data.values() if isinstance(each, SourceSet)]
    found: list[tuple[str, Checked]] = []
    for name, entry in entries.items():
        takes = [s for s in sets if s.source.kind == "listed" and name in s.source.entries]
        config = as_asked(name, entry, takes[0] if takes else None, recipe.cleaning)
        title = name if name == FILES else f"{name} (config/sources.yaml)"
        found.append((title, check_source(config)))
    return found


def _field_and_value(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--constant {text}: FIELD=VALUE is expected")
    return field, value
