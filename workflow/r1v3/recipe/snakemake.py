"""What the Snakefile needs before its rules: the result graph, and an environment for its commands."""

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
KEYS = ("recipe", "overlay", "seeds", "rerun_code", "site")  # the Slurm profile gives the last


def open_graph(root: Path, config: dict[str, Any]) -> ResultGraph:
    """The results of the recipe that `--config recipe=... overlay=... seeds=...` names; `tiny`, one seed.

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
    """How many seeds each branch of a study is run with: `--config seeds=3`.

    Raises:
        RecipeError: it is no number from 1 to 1,000.
    """
    said = str(config.get("seeds", 1))
    if not re.fullmatch("[0-9]{1,4}", said) or not 1 <= int(said) <= MOST_SEEDS:
        raise RecipeError(
            [f"--config seeds: a number from 1 to {MOST_SEEDS} is expected, not '{said[:40]}'"]
        )
    return int(said)


def asks_for_rerun(config: dict[str, Any]) -> bool:
    """Whether what other code computed is to be made again: `--config rerun_code=true`.

    Raises:
        RecipeError: it is neither true nor false.
    """
    said = str(config.get("rerun_code", False)).lower()
    if said not in ("true", "false"):
        raise RecipeError([f"--config rerun_code: true or false is expected, not '{said[:40]}'"])
    return said == "true"


# Options of Snakemake that ask for what is there to be made again.
FORCING = ("-f", "--force", "-F", "--forceall", "-R", "--forcerun")


def forced_by(arguments: list[str]) -> set[str]:
    """The rules and files that `--forcerun` names in a call of Snakemake."""
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
    """What commands need to find: this interpreter as `python`, and the library, in or out of an activated
    shell.

    Progress bars of libraries are switched off, since their place is not in a log. Compiled modules are kept,
    without which each stage compiles torch again. Where this call forces rules, stages are told, so that a
    finished one is made again.
    """
    _prepend("PATH", Path(sys.executable).parent)
    _prepend("PYTHONPATH", root / "workflow")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Snakemake gives `--force` to every job that it starts elsewhere; what the user forced is in the
    # environment there.
    options = {word.partition("=")[0] for word in sys.argv}
    forcing = "--target-jobs" not in options and not options.isdisjoint(FORCING)
    if forcing or str((config or {}).get("rerun_code")).lower() == "true":
        os.environ[FORCED] = "1"


def _prepend(variable: str, folder: Path) -> None:
    parts = [part for part in os.environ.get(variable, "").split(os.pathsep) if part]
    if str(folder) not in parts[:1]:
        os.environ[variable] = os.pathsep.join([str(folder), *parts])
