"""Prepares what the Snakefile needs before its rules: the result graph and the environment of commands."""

import os
import re
import sys
from pathlib import Path
from typing import Any

from r1v3.recipe.errors import RecipeError, unknown
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project
from r1v3.recipe.outputs.stage import FORCED

MOST_SEEDS = 1000
KEYS = ("recipe", "overlay", "seeds", "rerun_code", "site")  # the Slurm profile sets the last


def open_graph(root: Path, config: dict[str, Any]) -> ResultGraph:
    """Return the result graph that `--config recipe=... overlay=... seeds=...` asks for.

    The defaults are the recipe `tiny` and one seed.

    Raises:
        RecipeError: with one line for each mistake.
    """
    strange = [key for key in config if key not in KEYS]
    if strange:
        raise RecipeError([f"--config: {unknown('key', key, KEYS)}" for key in strange])
    asks_for_rerun(config)
    here = Path(os.path.relpath(root))
    seeds = seeds_of(config)
    recipe, overlay = config.get("recipe", "tiny"), config.get("overlay")
    graph = ResultGraph(load_project(here, recipe, overlay, seeds))
    graph.check()
    return graph


def seeds_of(config: dict[str, Any]) -> int:
    """Return how many seeds each branch of a study is run with, as `--config seeds=3` says.

    Raises:
        RecipeError: it is not a number from 1 to 1,000.
    """
    said = str(config.get("seeds", 1))
    if not re.fullmatch("[0-9]{1,4}", said) or not 1 <= int(said) <= MOST_SEEDS:
        raise RecipeError(
            [f"--config seeds: a number from 1 to {MOST_SEEDS} is expected, not '{said[:40]}'"]
        )
    return int(said)


def asks_for_rerun(config: dict[str, Any]) -> bool:
    """Return whether results of other code are to be made again, as `--config rerun_code=true` says.

    Raises:
        RecipeError: it is neither true nor false.
    """
    said = str(config.get("rerun_code", False)).lower()
    if said not in ("true", "false"):
        raise RecipeError([f"--config rerun_code: true or false is expected, not '{said[:40]}'"])
    return said == "true"


# Options with which Snakemake makes existing results again.
FORCING = ("-f", "--force", "-F", "--forceall", "-R", "--forcerun")


def forced_by(arguments: list[str]) -> set[str]:
    """Return the rules and files that `--forcerun` names in a call of Snakemake."""
    named: set[str] = set()
    forcing = False
    for word in arguments:
        option, equals, value = word.partition("=")
        if word.startswith("-"):
            forcing = option in ("-R", "--forcerun") and not equals
            named |= {value} if option == "--forcerun" and equals else set()
        elif forcing:
            named.add(word)
    return named


def command_environment(root: Path, config: dict[str, Any] | None = None) -> None:
    """Set the environment of commands, so that they find this interpreter as `python`, and the library.

    This works in an activated shell and outside of one. Progress bars of libraries are switched off, because
    they do not belong in a log. Python keeps compiled modules, because otherwise each stage would compile
    torch again. If this call forces rules, a variable tells the stages, so that a finished one is made again.
    """
    _prepend("PATH", Path(sys.executable).parent)
    _prepend("PYTHONPATH", root / "workflow")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Snakemake passes `--force` to every job that it starts in another process. There the environment says
    # whether the user forced anything.
    options = {word.partition("=")[0] for word in sys.argv}
    forcing = "--target-jobs" not in options and not options.isdisjoint(FORCING)
    if forcing or str((config or {}).get("rerun_code")).lower() == "true":
        os.environ[FORCED] = "1"


def _prepend(variable: str, folder: Path) -> None:
    parts = [part for part in os.environ.get(variable, "").split(os.pathsep) if part]
    if str(folder) not in parts[:1]:
        os.environ[variable] = os.pathsep.join([str(folder), *parts])
