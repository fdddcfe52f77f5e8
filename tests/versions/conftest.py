"""A checkout whose graph ran with fake stages, recorded in DVC and pushed to a folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WHO = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
ALONE = [f"{rule}:launcher=python" for rule in ("model", "sft", "grpo")]


class Checkout:
    """A git checkout in which commands run with this interpreter first on the path."""

    def __init__(self, folder: Path, **variables: str):
        self.folder = folder
        binaries = Path(sys.executable).parent
        self.environment = os.environ | {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "workflow"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            **variables,
        }

    def call(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
        return done.stdout

    def dvc(self, *arguments: str, check: bool = True) -> str:
        return self.call(sys.executable, "-m", "dvc", *arguments, check=check)

    def snapshot(self, check: bool = True) -> str:
        return self.call(sys.executable, "-m", "r1v3", "snapshot", check=check)

    def snakemake(self, *arguments: str) -> str:
        return self.call(sys.executable, "-m", "snakemake", "--cores", "2", *arguments)

    def commit(self, message: str) -> None:
        self.call("git", "add", "--all")
        self.call("git", *WHO, "commit", "--quiet", "--allow-empty", "--message", message)

    def clone(self, folder: Path) -> "Checkout":
        self.call("git", "clone", "--quiet", str(self.folder), str(folder))
        return Checkout(folder)

    def one(self, pattern: str) -> Path:
        (found,) = self.folder.glob(pattern)
        return found


def with_stand_ins(folder: Path) -> Checkout:
    """Make a checkout of this one's files, in which every script except `link` is a fake."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith(("docs/", "tests/", "report/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for script in (folder / "workflow" / "scripts").glob("*.py"):
        if script.stem not in ("link", "show"):
            shutil.copy(HERE / "fake_stage.py", script)
    checkout = Checkout(folder)
    checkout.call("git", "init", "--quiet")
    checkout.commit("Code")
    return checkout


@pytest.fixture(scope="session")
def recorded(tmp_path_factory) -> Checkout:
    """Run the graph, record and commit it, and push it to the folder `remote` beside the checkout."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("needs git and a git checkout")
    folder = tmp_path_factory.mktemp("author") / "checkout"
    folder.mkdir()
    checkout = with_stand_ins(folder)
    checkout.snakemake("--set-resources", *ALONE)
    checkout.snapshot()
    checkout.commit("Results")
    checkout.dvc("remote", "add", "--local", "--default", "shared", str(folder.parent / "remote"))
    checkout.dvc("push")
    return checkout


@pytest.fixture
def colleague(recorded, tmp_path) -> Checkout:
    """Make a fresh clone that knows the remote and has pulled nothing."""
    clone = recorded.clone(tmp_path / "clone")
    remote = recorded.folder.parent / "remote"
    clone.dvc("remote", "add", "--local", "--default", "shared", str(remote))
    return clone
