"""Reads and validates the whole configuration before any graph: recipe, run table and the other tables."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from r1v3.recipe.consistency import mistakes_of_recipe, mistakes_of_runs
from r1v3.recipe.entries import read_entries
from r1v3.recipe.errors import RecipeError, explain, suggest, unknown
from r1v3.recipe.layers import OVER, Layers, read_yaml
from r1v3.recipe.schema.data import SourceSet
from r1v3.recipe.schema.recipe import Recipe
from r1v3.recipe.schema.studies import Claim, Study, load_claims, load_studies
from r1v3.recipe.seeds import add_seeds
from r1v3.recipe.tables.benchmarks import ListedBenchmark, load_table
from r1v3.recipe.tables.licences import refuse_benchmarks
from r1v3.recipe.tables.runs import ResolvedRun, resolve_runs
from r1v3.recipe.tables.sources import MAPPINGS, SourceEntry

COMPLETE = "paper"


@dataclass(frozen=True)
class Project:
    """A validated configuration; `root` is the checkout that it was read from."""

    root: Path
    recipe: Recipe
    runs: dict[str, ResolvedRun]
    benchmarks: dict[str, ListedBenchmark]
    sources: dict[str, SourceEntry]
    studies: dict[str, Study]
    claims: dict[str, Claim]


def load_recipe(folder: Path, name: str, overlay: Path | None = None) -> tuple[Recipe, Layers]:
    """Read `paper.yaml`, the recipe `name` over it, and an overlay over both.

    The recipes that the recipe's key `over` names lie between the first two, in their order.

    Raises:
        RecipeError: with one line for each mistake.
    """
    allowed = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in allowed:
        raise RecipeError(
            [f"--config recipe: there is no recipe '{name}'; {suggest(name, allowed)}"]
        )
    paths = [folder / f"{COMPLETE}.yaml"]
    if name != COMPLETE:
        paths += [folder / f"{each}.yaml" for each in _under(folder, name, allowed)]
        paths.append(folder / f"{name}.yaml")
    if overlay is not None:
        paths.append(Path(overlay))
    layers = Layers(paths)
    if overlay is not None and OVER in layers.parts[-1][1]:
        raise RecipeError(
            [f"{overlay}: {OVER}: an overlay has none; name the recipe by --config recipe"]
        )
    try:
        return Recipe.model_validate(layers.merged), layers
    except ValidationError as error:
        where = layers.file_of
        lines = explain(error, Recipe, layers.merged, lambda path: str(where(path)))
        raise RecipeError(lines) from None


def _under(folder: Path, name: str, allowed: list[str]) -> list[str]:
    """Return the recipes that a recipe is laid over, besides the complete one."""
    path = folder / f"{name}.yaml"
    names = read_yaml(path).get(OVER, [])
    if not isinstance(names, list):
        raise RecipeError([f"{path}: {OVER}: a list of recipes is expected"])
    lines = [
        f"{path}: {OVER}: {unknown('recipe', str(each), allowed)}"
        for each in names
        if each not in allowed or each in (name, COMPLETE)
    ]
    lines += [
        f"{path}: {OVER}: '{each}' lies over others itself; name them here"
        for each in names
        if each in allowed and OVER in read_yaml(folder / f"{each}.yaml")
    ]
    if lines:
        raise RecipeError(lines)
    return names


def load_sources(path: Path) -> dict[str, SourceEntry]:
    """Read and check the source table.

    Raises:
        RecipeError: with one line for each mistake.
    """
    entries = read_entries(path, SourceEntry.model_validate, lambda _: SourceEntry)
    lines = [
        f"{path}: {name}: {unknown('mapping', entry.mapping, MAPPINGS)}"
        for name, entry in entries.items()
        if entry.mapping not in MAPPINGS
    ]
    if lines:
        raise RecipeError(lines)
    return entries


def load_project(root: Path, name: str, overlay: Path | None = None, seeds: int = 1) -> Project:
    """Read everything below `config/`, with paths in messages relative to `root`.

    With more than one seed, each run whose result depends on the seed has twins (`r1v3.recipe.seeds`).

    Raises:
        RecipeError: with one line for each mistake of the recipe, or else of the run table.
    """
    config = root / "config"
    recipe, layers = load_recipe(config / "recipes", name, overlay)
    benchmarks = load_table(config / "benchmarks.yaml")
    table = config / "runs.yaml"
    runs = resolve_runs(read_yaml(table), recipe, table)
    sources = load_sources(config / "sources.yaml")
    mistakes = mistakes_of_recipe(recipe, layers, benchmarks, sources, runs)
    mistakes += mistakes_of_runs(runs, recipe, table)
    mistakes += _forbidden_sources(recipe, sources, benchmarks, config)
    if mistakes:
        raise RecipeError(mistakes)
    studies = load_studies(config / "studies.yaml", runs, recipe)
    claims = load_claims(config / "claims.yaml", studies)
    recipe, runs = add_seeds(recipe, runs, seeds)
    return Project(root, recipe, runs, benchmarks, sources, studies, claims)


def _forbidden_sources(
    recipe: Recipe,
    sources: dict[str, SourceEntry],
    benchmarks: dict[str, ListedBenchmark],
    config: Path,
) -> list[str]:
    """Return one line for each source that is used in training though it is a benchmark that forbids it."""
    used = {
        each
        for entry in recipe.data.values()
        if isinstance(entry, SourceSet) and entry.source.kind == "listed"
        if entry.source.instances != "test"
        for each in entry.source.entries
    }
    used &= set(sources)
    lines = []
    for name in sorted(used):
        try:
            refuse_benchmarks(name, sources[name].where, benchmarks)
        except ValueError as error:
            lines.append(f"{config / 'sources.yaml'}: {name}: {error}")
    return lines
