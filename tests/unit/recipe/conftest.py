"""A copy of `config/` that a test may change."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]


class Checkout:
    """A folder with its own `config/`; `edit` changes one file of it as parsed YAML."""

    def __init__(self, root: Path):
        self.root = root

    def edit(self, file: str, change: Callable[[dict], object]) -> "Checkout":
        path = self.root / "config" / file
        content = yaml.safe_load(path.read_text())
        change(content)
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return self

    def write(self, file: str, text: str) -> Path:
        path = self.root / "config" / file
        path.write_text(text)
        return path

    def graph(self, recipe: str = "tiny", overlay: Path | None = None) -> ResultGraph:
        graph = ResultGraph(load_project(self.root, recipe, overlay))
        graph.check()
        return graph


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Checkout:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return Checkout(Path())
