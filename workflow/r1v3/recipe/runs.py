"""The run table: `like` copies an entry, `set` changes keys of its settings, `from` names its start."""

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from r1v3.recipe.errors import RecipeError, explain, unknown
from r1v3.recipe.layers import merge
from r1v3.recipe.schema import GrpoRun, ModelRun, Recipe, Run, SftRun
from r1v3.recipe.training import Grpo, Sft

# The report's own path, from the base model to the released one.
CORE = ("base", "teacher", "cold_start", "rl", "final")
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class ResolvedRun:
    """A run of the table with its settings after `set`; `settings` is None for a model."""

    name: str
    entry: ModelRun | SftRun | GrpoRun
    settings: Sft | Grpo | None

    @property
    def stage(self) -> str:
        return self.entry.stage


def resolve_runs(table: dict, recipe: Recipe, file: Path) -> dict[str, ResolvedRun]:
    """Validate and complete every run of the table.

    Raises:
        RecipeError: with one line for each mistake of each run.
    """
    runs, mistakes = {}, []
    for name in table:
        try:
            runs[name] = _resolve(name, table, recipe, file)
        except RecipeError as error:
            mistakes += error.lines
    if mistakes:
        raise RecipeError(dict.fromkeys(mistakes))
    return runs


def _resolve(name: str, table: dict, recipe: Recipe, file: Path) -> ResolvedRun:
    if not NAME.fullmatch(str(name)):
        raise RecipeError(
            [f"{file}: run {name}: a name has lower-case letters, digits and _, a letter first"]
        )
    raw = _expand(name, table, file, ())
    try:
        entry = TypeAdapter(Run).validate_python(raw)
    except ValidationError as error:
        raise RecipeError(explain(error, Run, raw, lambda _: f"{file}: run {name}")) from None
    if entry.stage == "model":
        return ResolvedRun(name, entry, None)
    return ResolvedRun(name, entry, _settings(name, entry, recipe, file))


def _expand(name: str, table: dict, file: Path, children: tuple) -> dict:
    """Follow `like` up to a run that has none, then lay the children over it."""
    raw = table[name]
    if not isinstance(raw, dict):
        raise RecipeError([f"{file}: run {name}: a mapping of keys is expected"])
    if "like" not in raw:
        return raw
    like = raw["like"]
    if like not in table:
        raise RecipeError([f"{file}: run {name}: like: {unknown('run', like, table)}"])
    if like in (*children, name):
        circle = " -> ".join((*children, name, like))
        raise RecipeError([f"{file}: run {name}: like: goes in a circle ({circle})"])
    parent = dict(_expand(like, table, file, (*children, name)))
    parent.pop("why", None)
    return merge(parent, {key: value for key, value in raw.items() if key != "like"})


def _settings(name: str, entry: SftRun | GrpoRun, recipe: Recipe, file: Path) -> Sft | Grpo:
    kind = {"sft": Sft, "grpo": Grpo}[entry.stage]
    known = getattr(recipe, entry.stage)
    if entry.settings not in known:
        line = unknown(f"entry of the recipe's {entry.stage}", entry.settings, known)
        raise RecipeError([f"{file}: run {name}: settings: {line}"])
    raw = merge(known[entry.settings].model_dump(), entry.set)
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise RecipeError(explain(error, kind, raw, lambda _: f"{file}: run {name}: set")) from None
