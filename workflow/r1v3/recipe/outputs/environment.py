"""Records code, packages and machine of a stage, and decides whether an interrupted stage may go on.

A stage may not go on with other versions than it began with.
"""

import contextlib
import json
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import write_text

# Packages that can change a number.
PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "pandas",
    "pillow",
    "scikit-learn",
    "math-verify",
    "deepspeed",
    "vllm",
    "snakemake",
)
# These start processes and read files. They compute nothing that training depends on.
HARMLESS = (
    "snakemake",
    "pandas",
)
NOTE = ".environment.json"
ANYWAY = "R1V3_RESUME_ANYWAY"
MOST_DIFF = 200_000
# Vector instructions that decide which kernels torch uses, the widest first.
INSTRUCTIONS = ("amx_tile", "avx512f", "avx2", "sve", "asimd")


def environment() -> dict[str, Any]:
    """Return the version of Python, the packages, the machine, the commit, and the diff to the commit.

    `packages` has the packages that can change a number, and `freeze` all installed ones. `diff` has the
    changes that are not committed, without results.
    """
    packages = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            packages[name] = version(name)
    diff = _git("diff", "HEAD", "--", ".", ":!results", ":!dvc.lock") or ""
    return {
        "python": platform.python_version(),
        "packages": packages,
        "platform": platform.platform(),
        "machine": machine(),
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(diff),
        "diff": diff[:MOST_DIFF],
        "freeze": freeze(),
    }


def machine() -> dict[str, Any]:
    """Return the host, its processor and memory, and its GPUs and their driver if it has any."""
    processor = _read("/proc/cpuinfo")
    cpu = re.search(r"^model name\s*:\s*(.*)$", processor, re.M)
    memory = re.search(r"^MemTotal:\s*(\d+) kB$", _read("/proc/meminfo"), re.M)
    driver = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)\s", _read("/proc/driver/nvidia/version"))
    cards = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    models = [re.search(r"^Model:\s*(.*)$", _read(card), re.M) for card in cards]
    return {
        "host": platform.node(),
        "cpu": cpu[1] if cpu else platform.machine(),
        "instructions": instructions(processor),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else None,
        "gpus": [model[1] for model in models if model],
        "driver": driver[1] if driver else None,
    }


def instructions(cpuinfo: str | None = None) -> str:
    """Return the processor's maker and its widest vector instructions, such as `AuthenticAMD avx2`.

    Two machines with the same value compute the same numbers with the same packages. Machines with
    different values round differently.

    Args:
        cpuinfo: the text of /proc/cpuinfo; None reads this machine's.
    """
    text = _read("/proc/cpuinfo") if cpuinfo is None else cpuinfo
    maker = re.search(r"^vendor_id\s*:\s*(\S+)", text, re.M)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.M)
    known = flags[1].split() if flags else []
    widest = next((name for name in INSTRUCTIONS if name in known), "none")
    return f"{maker[1] if maker else platform.machine()} {widest}"


def freeze() -> list[str]:
    """Return `name==version` of every installed package, from the names of their folders."""
    found = {}
    for place in sys.path:
        for folder in Path(place or ".").glob("*.dist-info"):
            name, _, number = folder.name.removesuffix(".dist-info").rpartition("-")
            found.setdefault(name.lower().replace("_", "-"), number)
    return [f"{name}=={number}" for name, number in sorted(found.items())]


def environment_changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return a line for each change that can change results: Python, packages, the kind of accelerator."""
    pairs = {"python": (before["python"], now["python"])}
    for name in sorted({*before["packages"], *now["packages"]} - set(HARMLESS)):
        pairs[name] = (before["packages"].get(name), now["packages"].get(name))
    pairs["GPU"] = (_gpus(before), _gpus(now))
    return [f"{name} was {old or 'none'}, is {new or 'none'}" for name, (old, new) in pairs.items()
            if old != new]  # fmt: skip


def _gpus(environment: dict[str, Any]) -> str:
    return ", ".join(sorted(set(environment["machine"]["gpus"])))


def begin_or_resume(folder: Path, half_done: bool) -> list[dict[str, Any]]:
    """Record the environment of a stage, and refuse to resume one that began in a different environment.

    Returns:
        The earlier environments of the stage that differ from the present one, oldest first.

    Raises:
        ValueError: the environments differ; the message names the difference, and how to go on anyway.
    """
    note, now = folder / NOTE, environment()
    before = _noted(note) if half_done and note.exists() else []
    changed = environment_changes(before[-1], now) if before else []
    if changed and not os.environ.get(ANYWAY):
        raise ValueError(
            f"{folder} was begun under other versions: {'; '.join(changed)}. Go back to those, delete "
            f"the folder to start afresh, or set {ANYWAY}=1 to go on; its manifest will say so"
        )
    if not before or changed:
        before.append(now)
        write_text(note, json.dumps(before))
    return before[:-1]


def _noted(note: Path) -> list[dict[str, Any]]:
    """Return the environments in a note.

    Raises:
        ValueError: the note is damaged.
    """
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(map(_is_environment, found)):
        raise ValueError(
            f"{note}: damaged, so the versions under which this was begun are not known; delete it to go on"
            " all the same"
        )
    return found


def _is_environment(found: object) -> bool:
    if not isinstance(found, dict) or not isinstance(machine := found.get("machine"), dict):
        return False
    gpus = machine.get("gpus")
    texts = isinstance(gpus, list) and all(isinstance(gpu, str) for gpu in gpus)
    return texts and "python" in found and isinstance(found.get("packages"), dict)


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
