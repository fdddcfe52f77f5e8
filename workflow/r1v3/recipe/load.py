"""Reads and validates the whole configuration: recipe, benchmarks and run table, before any graph."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from r1v3.recipe.consistency import mistakes_of_recipe, mistakes_of_runs
from r1v3.recipe.errors import RecipeError, explain, suggest, unknown
from r1v3.recipe.layers import Layers, read_yaml
from r1v3.recipe.schema.data import SourceSet
from r1v3.recipe.schema.recipe import Recipe
from r1v3.recipe.schema.studies import Claim, Study, load_claims, load_studies
from r1v3.recipe.seeds import add_seeds
from r1v3.recipe.tables.benchmarks import Listed, hashed_part, load_table
from r1v3.recipe.tables.licences import refuse_benchmarks
from r1v3.recipe.tables.runs import ResolvedRun, resolve_runs
from r1v3.recipe.tables.sources import MAPPINGS, decides
from r1v3.recipe.tables.sources import Listed as Source

COMPLETE = "paper"


@dataclass(frozen=True)
class Project:
    """A validated configuration."""

    recipe: Recipe
    runs: dict[str, ResolvedRun]
    benchmarks: dict[str, dict]
    sources: dict[str, dict]
    titles: dict[str, str]
    studies: dict[str, Study]
    claims: dict[str, Claim]


def load_recipe(folder: Path, name: str, overlay: Path | None = None) -> tuple[Recipe, Layers]:
    """Read `paper.yaml`, the recipe `name` over it, and an overlay over both.

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
        paths.append(folder / f"{name}.yaml")
    if overlay is not None:
        paths.append(Path(overlay))
    layers = Layers(paths)
    try:
        return Recipe.model_validate(layers.merged), layers
    except ValidationError as error:
        where = layers.file_of
        lines = explain(error, Recipe, layers.merged, lambda path: str(where(path)))
        raise RecipeError(lines) from None


def load_benchmarks(path: Path) -> dict[str, dict]:
    """Read and check the benchmark table; what decides scores stays as it is written, to be hashed.

    Raises:
        RecipeError: with one line for each mistake.
    """
    entries = read_yaml(path)
    lines = []
    for name, entry in entries.items():
        try:
            Listed.model_validate(entry)
        except ValidationError as error:
            lines += explain(error, Listed, entry, lambda _, name=name: f"{path}: {name}")
    if lines:
        raise RecipeError(lines)
    return {name: hashed_part(entry) for name, entry in entries.items()}


def load_sources(path: Path) -> dict[str, dict]:
    """Read and check the source table; what decides records stays, to be hashed.

    Raises:
        RecipeError: with one line for each mistake.
    """
    entries = read_yaml(path)
    lines, decided = [], {}
    for name, entry in entries.items():
        try:
            Source.model_validate(entry)
        except ValidationError as error:
            lines += explain(error, Source, entry, lambda _, name=name: f"{path}: {name}")
        else:
            decided[name] = decides(entry)
            if entry["mapping"] not in MAPPINGS:
                lines.append(f"{path}: {name}: {unknown('mapping', entry['mapping'], MAPPINGS)}")
    if lines:
        raise RecipeError(lines)
    return decided


def load_project(root: Path, name: str, overlay: Path | None = None, seeds: int = 1) -> Project:
    """Read everything below `config/`, with paths in messages relative to `root`.

    With more than one seed every run that training's luck can change has twins (`r1v3.recipe.seeds`).

    Raises:
        RecipeError: with one line for each mistake of the recipe, or else of the run table.
    """
    config = root / "config"
    recipe, layers = load_recipe(config / "recipes", name, overlay)
    benchmarks = load_benchmarks(config / "benchmarks.yaml")
    table = config / "runs.yaml"
    runs = resolve_runs(read_yaml(table), recipe, table)
    sources = load_sources(config / "sources.yaml")
    mistakes = mistakes_of_recipe(recipe, layers, benchmarks, sources, runs)
    mistakes += mistakes_of_runs(runs, recipe, table)
    mistakes += _forbidden_sources(recipe, sources, config)
    if mistakes:
        raise RecipeError(mistakes)
    studies = load_studies(config / "studies.yaml", runs, recipe)
    claims = load_claims(config / "claims.yaml", studies)
    recipe, runs = add_seeds(recipe, runs, seeds)
    titles = {name: entry["title"] for name, entry in read_yaml(config / "benchmarks.yaml").items()}
    return Project(recipe, runs, benchmarks, sources, titles, studies, claims)


def _forbidden_sources(recipe: Recipe, sources: dict[str, dict], config: Path) -> list[str]:
    """One line for each source that is a benchmark not to be trained on, of a set used in training."""
    used = {
        each
        for entry in recipe.data.values()
        if isinstance(entry, SourceSet) and entry.source.kind == "listed"
        if entry.source.instances != "test"
        for each in entry.source.entries
    }
    used &= set(sources)
    table = load_table(config / "benchmarks.yaml") if used else {}
    lines = []
    for name in sorted(used):
        try:
            refuse_benchmarks(name, sources[name], table)
        except ValueError as error:
            lines.append(f"{config / 'sources.yaml'}: {name}: {error}")
    return lines
