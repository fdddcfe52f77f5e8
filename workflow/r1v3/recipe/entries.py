"""Reads a table of named entries: a YAML file of `config/` whose keys are names."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from r1v3.recipe.errors import RecipeError, clip_value, explain
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.names import why_no_name

Entry = TypeVar("Entry")


def read_entries(
    path: Path, read: Callable[[object], Entry], kind_of: Callable[[object], object]
) -> dict[str, Entry]:
    """Read and check a table, in the file's order.

    Args:
        read: validates an entry.
        kind_of: returns the type that an entry is validated as, from which messages take the allowed keys.

    Raises:
        RecipeError: with one line for each mistake.
    """
    entries: dict[str, Entry] = {}
    lines: list[str] = []
    for name, raw in read_yaml(path).items():
        if why := why_no_name(name):
            lines.append(f"{path}: {clip_value(str(name))}: {why}")
            continue
        try:
            entries[name] = read(raw)
        except ValidationError as error:
            lines += explain(error, kind_of(raw), raw, lambda _, name=name: f"{path}: {name}")
    if lines:
        raise RecipeError(lines)
    return entries
