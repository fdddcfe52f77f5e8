"""`r1v3 preflight`: check whether the machines are ready."""

import shutil
import subprocess
import sys

import typer

from r1v3.cli.options import HERE, Overlay, Recipe, Root


def preflight_command(recipe: Recipe = "paper", overlay: Overlay = None, root: Root = HERE) -> None:
    """Check the machines that will train: by a Slurm job where Slurm answers, else this machine.

    Checks versions, GPUs, disk, ports, models and files. Exit code 1: something would stop a run.
    """
    where = ["--profile", "slurm", "--cores", "all"] if _slurm_answers() else ["--cores", "2"]
    choice = [f"recipe={recipe}", *([f"overlay={overlay}"] if overlay else [])]
    command = [sys.executable, "-m", "snakemake", *where, "--config", *choice]
    command += ["--quiet", "all", "--retries", "0", "--forcerun", "preflight"]
    code = subprocess.call([*command, "--", "results/preflight.json"], cwd=root)
    log = root / "results" / "log" / "preflight.txt"
    if log.exists():
        print(log.read_text(), end="")
    raise typer.Exit(code)


def _slurm_answers() -> bool:
    if not shutil.which("sinfo"):
        return False
    done = subprocess.run(["sinfo", "-h"], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip())
