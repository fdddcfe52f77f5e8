"""Checks whether a Slurm controller answers on this machine."""

import shutil
import subprocess

SECONDS = 60


def why_no_slurm() -> str | None:
    """Return why no job can be submitted to Slurm from here, or None if its controller answers."""
    remedy = "call this where Slurm's commands work, or leave out `--profile slurm`"
    if not shutil.which("sinfo"):
        return f"there is no Slurm on this machine (no command `sinfo`): {remedy}"
    try:
        done = subprocess.run(
            ["sinfo", "-h"], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"Slurm's controller did not answer for {SECONDS} s: {remedy}"
    if done.stdout.strip():
        return None
    said = next(iter(done.stderr.strip().splitlines()), "it names no node")
    return f"Slurm's controller does not answer on this machine ({said}): {remedy}"
