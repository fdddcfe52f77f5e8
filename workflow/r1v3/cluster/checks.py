"""Checks what a run needs of a machine: versions, GPUs, disk space, ports."""

import os
import re
import shutil
import socket
import subprocess
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path

from r1v3.cluster.check_outcome import CheckOutcome, ok_or_stop
from r1v3.recipe.load import Project
from r1v3.recipe.outputs.environment import PACKAGES

FILES_NEEDED = 100_000
ROOM = "free some, or call in a checkout on a larger file system"


def versions(lock: Path) -> CheckOutcome:
    """Check that packages that can change a number have the versions of the lock; build tags do not count."""
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", lock.read_text(), re.M))
    wrong = []
    for name in PACKAGES:
        if name not in pinned:
            continue
        try:
            have = version(name).partition("+")[0]
        except PackageNotFoundError:
            have = "none"
        if have != pinned[name]:
            wrong.append(f"{name} is {have}, {lock.name} has {pinned[name]}")
    return ok_or_stop(
        not wrong,
        "; ".join(wrong) or f"as in {lock.name}",
        f"install the lock: pip install -r envs/{lock.name}",
    )


def gpus(wanted: int | None) -> CheckOutcome:
    """Check that PyTorch sees `wanted` GPUs and can compute on them; None requires no GPU."""
    import torch

    if wanted is None:
        return CheckOutcome("ok", "none needed")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = []
    for number in range(count):
        ones = torch.ones(256, 256, device=f"cuda:{number}", dtype=torch.bfloat16)
        if float((ones @ ones)[0, 0]) != 256.0:
            return CheckOutcome(
                "STOP",
                f"GPU {number} cannot multiply",
                "have this GPU repaired, or leave its node out",
            )
        free, whole = torch.cuda.mem_get_info(number)
        names.append(
            f"{torch.cuda.get_device_name(number)} {free / 2**30:.0f}/{whole / 2**30:.0f} GiB"
        )
    seen = "; ".join(sorted(set(names))) or "PyTorch sees none"
    return ok_or_stop(
        count >= wanted,
        f"{count} of {wanted} a node: {seen}",
        "call on a node with GPUs (under Slurm preflight does so itself), or lower layout.sft.gpus",
    )


def space_needed(root: Path, project: Project) -> float:
    """Return the bytes that the core path writes, according to the plan."""
    from r1v3.plan.costs import load_costs
    from r1v3.plan.stages import RecipePlan
    from r1v3.recipe.site import load_site

    plan = RecipePlan(root, project, load_site(root), load_costs(root))
    return sum(each.disk for each in plan.estimates())


def space(work: Path, needed: float) -> CheckOutcome:
    """Check that the disk has space for what the core path will write, according to the plan."""
    work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work).free
    return ok_or_stop(
        free >= needed, f"{free / 1e12:.2f} TB free, {needed / 1e12:.2f} TB needed", ROOM
    )


def quota(work: Path, needed: float) -> CheckOutcome:
    """Check that the user may write so much, with a small file and with the quota of a Lustre file system.

    Args:
        needed: bytes that a run writes.
    """
    trial = work / f".preflight-{socket.gethostname()}"
    try:
        trial.write_bytes(b"x" * 2**20)
        trial.unlink()
    except OSError as error:
        return CheckOutcome("STOP", f"{work}: {error}", "call where you may write")
    files = os.statvfs(work).f_favail
    if not shutil.which("lfs"):
        return ok_or_stop(files > FILES_NEEDED, f"{files:,} more files allowed", ROOM)
    report = subprocess.run(
        ["lfs", "quota", "-u", str(os.getuid()), str(work)],
        capture_output=True,
        text=True,
        check=False,
    )
    left = lustre_left(report.stdout)
    if left is None:
        seen = f"Lustre reports no quota; {files:,} more files allowed"
        return ok_or_stop(files > FILES_NEEDED, seen, ROOM)
    room, count = left
    shown = ["room without limit" if room == inf else f"{room / 1e12:.2f} TB left"]
    shown += ["files without limit" if count == inf else f"{count:,.0f} more files allowed"]
    return ok_or_stop(
        room >= needed and count > FILES_NEEDED,
        f"{', '.join(shown)}, {needed / 1e12:.2f} TB needed",
        "delete files, or ask for a larger quota",
    )


def lustre_left(report: str) -> tuple[float, float] | None:
    """Parse the output of `lfs quota`: bytes and files that a user may still write, infinite without a limit.

    After the header, a line has the file system and then, for KiB and for files, usage, quota, limit and
    grace time. A long name is on a line of its own. A star marks a value over its limit, brackets mark an
    outdated one.

    Returns:
        None if the output has no such numbers.
    """
    header = re.search(r"kbytes\s.*\bfiles\s.*\bgrace\s*$", report, re.M)
    words = report[header.end() :].split()[1:9] if header else []
    if len(words) < 8:
        return None
    left = []
    for used, soft, hard in (words[0:3], words[4:7]):
        numbers = [word.strip("*[]") for word in (used, soft, hard)]
        if not all(number.isdigit() for number in numbers):
            return None
        used, *limits = map(int, numbers)
        left.append(min((limit for limit in limits if limit), default=inf) - used)
    return 1024 * left[0], left[1]


def ports() -> CheckOutcome:
    """Check that the ports of the rendezvous and of a server can be opened."""
    for port in (20_000, 29_500, 8000):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("", port))
            except OSError as error:
                return CheckOutcome(
                    "STOP",
                    f"port {port}: {error.strerror}",
                    "end the process that listens there (ss -ltnp names it)",
                )
    return CheckOutcome("ok", "20000, 29500 and 8000 are free")
