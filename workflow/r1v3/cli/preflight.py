"""`r1v3 preflight`: checks whether the machines are ready."""

import subprocess
import sys
from pathlib import Path

import typer

from r1v3.cli.options import HERE, Overlay, Recipe, Root, choice


def preflight_command(recipe: Recipe = "paper", overlay: Overlay = None, root: Root = HERE) -> None:
    """Check the machines that will train: by a Slurm job if Slurm answers, else this machine.

    Each check is ok, STOP or unknown, with its remedy. The exit code is 1 if something would stop a run.
    """
    raise typer.Exit(preflight_call(recipe, overlay, root))


def preflight_call(recipe: str, overlay: Path | None, root: Path) -> int:
    """Print the findings of all checks; return 1 if something would stop a run."""
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
    log.unlink(missing_ok=True)  # so that no earlier call's findings are printed
    code = subprocess.call([*command, "--", "results/preflight.json"], cwd=root)
    if log.exists():
        print(log.read_text(), end="")
    return code


def _here(recipe: str, overlay: Path | None) -> list[str]:
    """Return the command that checks this machine, with one process for each of its GPUs."""
    from r1v3.cluster.launch import gpus_here

    command = [sys.executable, "-m", "r1v3.cluster.launch", "--processes", str(gpus_here() or 1)]
    command += ["workflow/scripts/preflight.py", "--recipe", recipe]
    command += ["--overlay", str(overlay)] if overlay else []
    return [*command, "--output", "results/preflight.json"]


def slurm_answers() -> bool:
    """Return whether a Slurm controller answers here."""
    from r1v3.cluster.controller import why_no_slurm

    return why_no_slurm() is None
