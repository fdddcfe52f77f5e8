"""What the Snakefile needs before its rules: the documents, and an environment for its commands."""

import os
import sys
from pathlib import Path

from r1v3.recipe.errors import RecipeError, unknown
from r1v3.recipe.identity import Documents
from r1v3.recipe.load import load_project

KEYS = ("recipe", "overlay", "site")  # the Slurm profile gives the last


def open_documents(root: Path, config: dict) -> Documents:
    """The documents of the recipe that `--config recipe=... overlay=...` names; `tiny` if none.

    Raises:
        RecipeError: with one line for each mistake.
    """
    strange = [key for key in config if key not in KEYS]
    if strange:
        raise RecipeError([f"--config: {unknown('key', key, KEYS)}" for key in strange])
    here = Path(os.path.relpath(root))
    documents = Documents(load_project(here, config.get("recipe", "tiny"), config.get("overlay")))
    documents.check()
    return documents


def command_environment(root: Path) -> None:
    """Let commands find this interpreter as `python`, and the library, in or out of an activated shell;
    and switch off the progress bars of libraries, whose place is not in a log."""
    _prepend("PATH", Path(sys.executable).parent)
    _prepend("PYTHONPATH", root / "workflow")
    os.environ.setdefault("TQDM_DISABLE", "1")


def _prepend(variable: str, folder: Path) -> None:
    parts = [part for part in os.environ.get(variable, "").split(os.pathsep) if part]
    if str(folder) not in parts[:1]:
        os.environ[variable] = os.pathsep.join([str(folder), *parts])
