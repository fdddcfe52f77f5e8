"""`r1v3 preflight`: check whether the machines are ready."""

import subprocess
import sys
from pathlib import Path

import typer

from r1v3.cli.options import HERE, Overlay, Recipe, Root, choice


def preflight_command(recipe: Recipe = "paper", overlay: Overlay = None, root: Root = HERE) -> None:
    """Check the machines that will train: by a Slurm job where Slurm answers, else this machine.

    Each check is ok, STOP or unknown, with what mends it. Exit code 1: something would stop a run.
    """
    raise typer.Exit(preflight_call(recipe, overlay, root))


def preflight_call(recipe: str, overlay: Path | None, root: Path) -> int:
    """Print the findings of all checks; returns 1 where something would stop a run."""
    if not slurm_answers():
        return subprocess.call(_here(recipe, overlay), cwd=root)
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--cores", "all"]
    command += [
        "--config",
        *choice(recipe, overlay),
        "--quiet",
        "all",
        "--retries",
        "0",
        "--forcerun",
        "preflight",
    ]
    log = root / "results" / "log" / "preflight.txt"
    log.unlink(missing_ok=True)  # what an earlier call said is not told as this one's
    code = subprocess.call([*command, "--", "results/preflight.json"], cwd=root)
    if log.exists():
        print(log.read_text(), end="")
    return code


def _here(recipe: str, overlay: Path | None) -> list[str]:
    """The command that checks this machine, with one process for each of its GPUs."""
    from r1v3.cluster.launch import gpus_here

    command = [sys.executable, "-m", "r1v3.cluster.launch", "--processes", str(gpus_here() or 1)]
    command += ["workflow/scripts/preflight.py", "--recipe", recipe]
    command += ["--overlay", str(overlay)] if overlay else []
    return [*command, "--output", "results/preflight.json"]


def slurm_answers() -> bool:
    """Whether a Slurm controller answers here."""
    from r1v3.cluster.controller import why_no_slurm

    return why_no_slurm() is None
