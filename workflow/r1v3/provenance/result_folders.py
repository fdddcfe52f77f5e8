"""The result folders on this disk, and which of them the present configuration makes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.identity import RESOLVED
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.outputs.config_file import read_config_file

PLACES = (
    "data/*",
    "runs/*",
    "selections/*",
    "benchmarks/*",
    "evaluation_index/*",
    "evaluations/*/*/*",
)
HASHED = re.compile(r"[a-z][a-z0-9_]*-[0-9a-f]{10}")
# git keeps these files, because they are small, outputs of rules, or written by the shell. DVC keeps others.
IN_GIT = ("config.json", "manifest.json", "responses.json", "scores.json", "benchmark.tsv")
DVC_FILE = "data.dvc"
UNFINISHED = ("resume",)


@dataclass(frozen=True)
class ResultFolder:
    """A result folder. `folder` is its path from the root of the checkout."""

    root: Path
    folder: str

    @property
    def path(self) -> Path:
        return self.root / self.folder

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def config(self) -> dict:
        return read_config_file(self.path / "config.json", "name", RESOLVED)

    @property
    def seals(self) -> list[Path]:
        """Return the files that are written last. When they exist, the folder is complete."""
        evaluation = self.folder.startswith("results/evaluations/")
        names = ("responses.json", "scores.json") if evaluation else ("manifest.json",)
        return [self.path / name for name in names]

    @property
    def finished(self) -> bool:
        return all(seal.exists() for seal in self.seals)

    @property
    def dvc_file(self) -> Path:
        return self.path / DVC_FILE

    def kept_in_git(self) -> list[Path]:
        return [path for path in self._entries() if path.is_file() and in_git(path.name)]

    def kept_in_dvc(self) -> list[Path]:
        """Return the files and folders directly in this one whose bytes DVC keeps."""
        return [path for path in self._entries() if not (path.is_file() and in_git(path.name))]

    def _entries(self) -> list[Path]:
        return [
            path
            for path in sorted(self.path.iterdir())
            if not path.name.startswith(".") and path.name not in (*UNFINISHED, DVC_FILE)
        ]


def in_git(name: str) -> bool:
    """Return whether git keeps a file with this name that is directly in a result folder."""
    probe = name.startswith("probe-step-") and name.endswith(".json")
    return name in IN_GIT or probe or name == "log.txt" or name.endswith(".log")


def result_folders(root: Path, *, damaged: bool = False) -> Iterator[ResultFolder]:
    """Yield every folder of results/ that has a config.

    Args:
        damaged: whether to include finished folders that have lost their config.
    """
    for place in PLACES:
        for path in sorted((root / "results").glob(place)):
            if not HASHED.fullmatch(path.name):
                continue
            found = ResultFolder(root, path.relative_to(root).as_posix())
            if (path / "config.json").is_file() or (damaged and found.seals[0].exists()):
                yield found


def is_configured(graph: ResultGraph, folder: str) -> bool:
    """Return whether the configuration makes this folder."""
    try:
        return graph.at(folder).folder == folder
    except (RecipeError, KeyError, StopIteration):
        return False
