"""Reads the run table: `like` copies an entry, `set` changes keys of its settings, `from` names its start.

`grid` makes a factorial study of one entry. Each axis is a dotted key of the settings, or a key of the
entry, with a short label for each value. The runs are named `<name>_<label>_<label>`.
"""

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from r1v3.recipe.errors import RecipeError, clip_value, explain, unknown
from r1v3.recipe.layers import merge
from r1v3.recipe.names import why_no_name
from r1v3.recipe.schema.recipe import GrpoEntry, ModelEntry, Recipe, RunEntry, SftEntry
from r1v3.recipe.schema.training import Grpo, Sft
from r1v3.recipe.tables.methods import METHODS, changes_of

# The runs of the report itself, from the base model to the released model.
CORE = ("base", "teacher", "cold_start", "rl", "final")
MOST_CELLS = 10_000  # runs of one grid
DEEPEST = 50  # most runs in a chain of `like`
# Keys of the entry itself that a grid may vary. Every other axis is a key of its settings.
ENTRY_KEYS = ("from", "checkpoint", "data", "settings", "seed", "without", "method", "mode")


@dataclass(frozen=True)
class ResolvedRun:
    """A run of the table with its settings after `set`; `settings` is None for a model.

    `like` is the run that its entry copies, if it names one.
    """

    name: str
    entry: ModelEntry | SftEntry | GrpoEntry
    settings: Sft | Grpo | None
    like: str | None = None

    @property
    def stage(self) -> str:
        return self.entry.stage

    @property
    def grpo(self) -> Grpo:
        """The settings of a reinforcement run.

        Raises:
            ValueError: it is a run of another stage.
        """
        if not isinstance(self.settings, Grpo):
            raise ValueError(f"run {self.name}: stage grpo is needed, not {self.stage}")
        return self.settings

    @property
    def sft(self) -> Sft:
        """The settings of a supervised run.

        Raises:
            ValueError: it is a run of another stage.
        """
        if not isinstance(self.settings, Sft):
            raise ValueError(f"run {self.name}: stage sft is needed, not {self.stage}")
        return self.settings

    @property
    def data(self) -> str:
        """The data set that a trained run learns from.

        Raises:
            ValueError: no stage trains it.
        """
        if isinstance(self.entry, ModelEntry):
            raise ValueError(f"run {self.name}: stage sft or grpo is needed, not model")
        return self.entry.data


def resolve_runs(table: dict[str, Any], recipe: Recipe, file: Path) -> dict[str, ResolvedRun]:
    """Validate and complete every run of the table.

    Raises:
        RecipeError: with one line for each mistake of each run.
    """
    runs, mistakes = {}, []
    table = expand_grids(table, file)
    for name in table:
        try:
            runs[name] = _resolve(name, table, recipe, file)
        except RecipeError as error:
            mistakes += error.lines
    if mistakes:
        raise RecipeError(dict.fromkeys(mistakes))
    return runs


def expand_grids(table: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return the table with each entry that has a `grid` replaced by the runs of the grid.

    Raises:
        RecipeError: a grid is not a mapping of axes to labelled values, or makes a name that exists already.
    """
    expanded: dict[str, Any] = {}
    for name, raw in table.items():
        made = {name: raw}
        if isinstance(raw, dict) and "grid" in raw:
            made = _product(name, raw, file)
        for each, entry in made.items():
            if each in expanded or (each != name and each in table):
                raise RecipeError(
                    [f"{file}: run {name}: grid: makes '{each}', which stands already"]
                )
            expanded[each] = entry
    return expanded


def _product(name: str, raw: dict[str, Any], file: Path) -> dict[str, Any]:
    axes = raw["grid"]
    shaped = isinstance(axes, dict) and axes
    if not shaped or not all(isinstance(values, dict) and values for values in axes.values()):
        example = (
            "grid: {optimizer.learning_rate: {high: 1.0e-5, low: 1.0e-6}, seed: {s1: 1, s2: 2}}"
        )
        raise RecipeError([f"{file}: run {name}: grid: labelled values are expected: {example}"])
    if not isinstance(raw.get("set") or {}, dict):
        raise RecipeError([f"{file}: run {name}: set: a mapping of keys is expected"])
    if strange := [axis for axis in axes if not isinstance(axis, str)]:
        raise RecipeError([f"{file}: run {name}: grid: an axis is a key, not {strange[0]!r}"])
    cells = math.prod(len(values) for values in axes.values())
    if cells > MOST_CELLS:
        raise RecipeError([f"{file}: run {name}: grid: {cells} runs; at most {MOST_CELLS}"])
    common = {key: value for key, value in raw.items() if key != "grid"}
    made = {}
    for cell in itertools.product(*(values.items() for values in axes.values())):
        entry, changes = dict(common), dict(raw.get("set") or {})
        for axis, (_, value) in zip(axes, cell, strict=True):
            if axis in ENTRY_KEYS:
                entry[axis] = value
            else:
                for part in reversed(axis.split(".")):
                    value = {part: value}
                changes = merge(changes, value)
        made["_".join([name, *(str(label) for label, _ in cell)])] = entry | {"set": changes}
    return made


def _resolve(name: str, table: dict[str, Any], recipe: Recipe, file: Path) -> ResolvedRun:
    if why := why_no_name(name):
        raise RecipeError([f"{file}: run {clip_value(str(name))}: {why}"])
    raw = _expand(name, table, file, ())
    try:
        entry = TypeAdapter(RunEntry).validate_python(raw)
    except ValidationError as error:
        raise RecipeError(explain(error, RunEntry, raw, lambda _: f"{file}: run {name}")) from None
    like = table[name].get("like")
    if entry.stage == "model":
        return ResolvedRun(name, entry, None, like)
    return ResolvedRun(name, entry, _settings(name, entry, recipe, file), like)


def _expand(
    name: str, table: dict[str, Any], file: Path, children: tuple[str, ...]
) -> dict[str, Any]:
    """Return an entry after following `like` up to a run that has none, and laying the children over it."""
    raw = table[name]
    if not isinstance(raw, dict):
        raise RecipeError([f"{file}: run {name}: a mapping of keys is expected"])
    if "like" not in raw:
        return raw
    like = raw["like"]
    if not isinstance(like, str):
        raise RecipeError([f"{file}: run {name}: like: a run's name is expected, not {like!r}"])
    if len(children) >= DEEPEST:
        raise RecipeError([f"{file}: run {name}: like: more than {DEEPEST} runs in a chain"])
    if like not in table:
        raise RecipeError([f"{file}: run {name}: like: {unknown('run', like, table)}"])
    if like in (*children, name):
        circle = " -> ".join((*children, name, like))
        raise RecipeError([f"{file}: run {name}: like: goes in a circle ({circle})"])
    parent = dict(_expand(like, table, file, (*children, name)))
    parent.pop("why", None)
    return merge(parent, {key: value for key, value in raw.items() if key != "like"})


def _settings(name: str, entry: SftEntry | GrpoEntry, recipe: Recipe, file: Path) -> Sft | Grpo:
    kind = {"sft": Sft, "grpo": Grpo}[entry.stage]
    known = getattr(recipe, entry.stage)
    if entry.settings not in known:
        line = unknown(f"entry of the recipe's {entry.stage}", entry.settings, known)
        raise RecipeError([f"{file}: run {name}: settings: {line}"])
    settings, changes = known[entry.settings], entry.set
    if isinstance(entry, GrpoEntry) and entry.method is not None:
        if entry.method not in METHODS:
            raise RecipeError(
                [f"{file}: run {name}: method: {unknown('method', entry.method, METHODS)}"]
            )
        changes = _merge_kinds(changes_of(entry.method, settings), changes)
    raw = _merge_kinds(settings.model_dump(), changes)
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise RecipeError(explain(error, kind, raw, lambda _: f"{file}: run {name}: set")) from None


def _merge_kinds(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return settings with changes laid over them; a mapping of another `kind` replaces the old one."""
    replaced = {
        key
        for key, new in changes.items()
        if isinstance(new, dict)
        and isinstance(old := settings.get(key), dict)
        and old.get("kind") != new.get("kind", old.get("kind"))
    }
    return merge({key: old for key, old in settings.items() if key not in replaced}, changes)
