"""What a run needs of a machine. Each check returns whether it passed, and what it found, in a line."""

import os
import re
import shutil
import socket
import subprocess
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path
from urllib.parse import urlparse

from r1v3.recipe.layers import read_yaml
from r1v3.recipe.load import Project
from r1v3.recipe.outputs.environment import PACKAGES
from r1v3.recipe.schema.recipe import Recipe

FILES_NEEDED = 100_000
Seen = tuple[bool, str]


def versions(lock: Path) -> Seen:
    """Whether packages that can change a number have the lock's versions; build tags do not count."""
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
    return not wrong, "; ".join(wrong) or f"as in {lock.name}"


def gpus(wanted: int | None) -> Seen:
    """Whether PyTorch sees so many GPUs that can multiply; `None` needs none."""
    import torch

    if wanted is None:
        return True, "none needed"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = []
    for number in range(count):
        ones = torch.ones(256, 256, device=f"cuda:{number}", dtype=torch.bfloat16)
        if float((ones @ ones)[0, 0]) != 256.0:
            return False, f"GPU {number} cannot multiply"
        free, whole = torch.cuda.mem_get_info(number)
        names.append(
            f"{torch.cuda.get_device_name(number)} {free / 2**30:.0f}/{whole / 2**30:.0f} GiB"
        )
    seen = "; ".join(sorted(set(names))) or "PyTorch sees none"
    return count >= wanted, f"{count} of {wanted} a node: {seen}"


def space_needed(root: Path, project: Project) -> float:
    """Bytes that the core path writes, according to the plan."""
    from r1v3.plan.costs import load_costs
    from r1v3.plan.stages import RecipePlan
    from r1v3.recipe.site import load_site

    plan = RecipePlan(root, project, load_site(root), load_costs(root))
    return sum(each.disk for each in plan.estimates())


def space(work: Path, needed: float) -> Seen:
    """Whether the disk has room for what the plan says will be written."""
    work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work).free
    return free >= needed, f"{free / 1e12:.2f} TB free, {needed / 1e12:.2f} TB needed"


def quota(work: Path, needed: float) -> Seen:
    """Whether the user may write so much: by a small file, and by the quota of a Lustre file system.

    Args:
        needed: bytes that a run writes.
    """
    trial = work / f".preflight-{socket.gethostname()}"
    try:
        trial.write_bytes(b"x" * 2**20)
        trial.unlink()
    except OSError as error:
        return False, f"{work}: {error}"
    files = os.statvfs(work).f_favail
    if not shutil.which("lfs"):
        return files > FILES_NEEDED, f"{files:,} more files allowed"
    told = subprocess.run(
        ["lfs", "quota", "-u", str(os.getuid()), str(work)],
        capture_output=True,
        text=True,
        check=False,
    )
    left = lustre_left(told.stdout)
    if left is None:
        return files > FILES_NEEDED, f"Lustre reports no quota; {files:,} more files allowed"
    room, count = left
    shown = ["room without limit" if room == inf else f"{room / 1e12:.2f} TB left"]
    shown += ["files without limit" if count == inf else f"{count:,.0f} more files allowed"]
    return (
        room >= needed and count > FILES_NEEDED,
        f"{', '.join(shown)}, {needed / 1e12:.2f} TB needed",
    )


def lustre_left(told: str) -> tuple[float, float] | None:
    """Bytes and files that a user may still write, from the output of `lfs quota`; infinite without a limit.

    After the header come the file system and, for KiB and for files, usage, quota, limit and grace time. A
    long name has its own line. A star marks a value over its limit, brackets mark a stale one.

    Returns:
        None where the output has no such numbers.
    """
    header = re.search(r"kbytes\s.*\bfiles\s.*\bgrace\s*$", told, re.M)
    words = told[header.end() :].split()[1:9] if header else []
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


def ports() -> Seen:
    """Whether the ports of the rendezvous and of a server can be opened."""
    for port in (20_000, 29_500, 8000):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("", port))
            except OSError as error:
                return False, f"port {port}: {error.strerror}"
    return True, "20000, 29500 and 8000 are free"


def models(recipe: Recipe) -> Seen:
    """Whether the hub's models can be read at their revisions, and can be used here."""
    from r1v3.model.layouts.internvl_chat_folder import read_json
    from r1v3.model.obtain import hub_config
    from r1v3.model.supported import check_supported

    seen, fine = [], True
    for name, spec in recipe.models.items():
        if spec.source != "hub":
            continue
        try:
            local = Path(spec.id)
            if local.is_dir():
                config = read_json(local / "config.json")
            else:
                config = hub_config(spec.id, spec.revision)
            found = check_supported(config, spec.id)
        except (ValueError, OSError, RuntimeError) as error:
            fine = False
            seen.append(f"{name}: {str(error) or type(error).__name__}")
            continue
        change = "" if found.conversion == "none" else f", converted {found.conversion}"
        seen.append(f"{name} can be read: {found.family}{change}")
    return fine, "; ".join(seen) or "all are made here"


def verifier(recipe: Recipe) -> Seen:
    """Whether the verifier's address answers, where a reward needs one."""
    rewards = [recipe.grading, *(settings.reward for settings in recipe.grpo.values())]
    if all(reward.verifier is None for reward in rewards):
        return True, "none needed"
    address = os.environ.get("R1V3_VERIFIER_URL")
    if not address:
        return False, "R1V3_VERIFIER_URL is not set"
    url = urlparse(address)
    try:
        port = url.port or (443 if url.scheme == "https" else 80)
        socket.create_connection((url.hostname or "", port), timeout=5).close()
    except OSError as error:
        return False, f"{address}: {error}"
    return True, f"{address} answers"


def files(root: Path, recipe: Recipe) -> Seen:
    """Whether the files exist that only the user can supply, by `config/sources.yaml`."""
    listed = read_yaml(root / "config" / "sources.yaml")
    wanted = {
        name
        for entry in recipe.data.values()
        if entry.kind == "source" and entry.source.kind == "listed"
        for name in entry.source.entries
    }
    places = {
        place
        for name in wanted
        if listed[name]["where"]["kind"] == "files"
        for place in listed[name]["where"]["places"]
        if "://" not in place
    }
    missing = sorted(place for place in places if not (root / place).exists())
    return not missing, f"missing: {', '.join(missing)}" if missing else "nothing is missing"
