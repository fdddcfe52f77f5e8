"""Copies of the workflow without results, in which tests plan and run. Every process has one thread."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from launched import run_snakemake

# Before anything imports torch. Tests run beside each other, and some compare two processes to the last bit.
os.environ["OMP_NUM_THREADS"] = "1"

# No test writes into the store of whoever runs it.
STORE = "MLFLOW_TRACKING_URI"
os.environ.pop(STORE, None)

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "workflow", "config", "profiles", "slurm", "envs")


class Workflow:
    """Calls Snakemake in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        for part in PARTS:
            if (ROOT / part).is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(ROOT / part, folder / part, ignore=ignore)
            else:
                shutil.copy(ROOT / part, folder / part)

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Call Snakemake; the captured output is in `stdout`, errors included."""
        done = run_snakemake(self.folder, *arguments)
        if check:
            assert done.returncode == 0, done.stdout
        return done

    def planned(self, *arguments: str) -> dict[str, int]:
        """Return how many jobs of each rule a dry run plans."""
        text = self.snakemake("-n", *arguments).stdout
        if "Nothing to be done" in text:
            return {}
        table = text.split("Job stats:\n")[1].split("\n\n")[0]
        rows = [line.split() for line in table.splitlines()[2:]]
        return {rule: int(count) for rule, count in rows if rule != "total"}

    def edit(self, file: str, change) -> None:
        path = self.folder / "config" / file
        content = yaml.safe_load(path.read_text())
        change(content)
        path.write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.fixture(autouse=True)
def no_store_of_another_test():
    """Remove the store from the environment, where MLflow writes it and workflows of later tests read it."""
    yield
    os.environ.pop(STORE, None)


@pytest.fixture
def workflow(tmp_path) -> Workflow:
    return Workflow(tmp_path)


@pytest.fixture(scope="session")
def make_workflow() -> type[Workflow]:
    return Workflow


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, so that no process waits for another at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> tuple[bool, bool]:
        return item.get_closest_marker("integration") is None, item.path not in slow

    items.sort(key=rank)
