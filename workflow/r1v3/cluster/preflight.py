"""Is the machine ready? `r1v3 preflight` finds what would stop a run, before any GPU hour is spent.

Checks versions, GPUs, disk, quota, ports, models and addresses on every node. Measures the disk and, with
several processes, the network. Under Slurm it runs on the nodes of a training stage, with the same launcher.
The findings of the nodes are printed first, since measuring a broken network may hang.
"""

import json
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch.distributed as dist

from r1v3.cluster import checks, measurements
from r1v3.recipe.load import load_project
from r1v3.train.core.ranks import Ranks


@dataclass(frozen=True)
class Finding:
    """What was checked, what was found, whether a run can work with it, and on which node."""

    what: str
    seen: str
    fine: bool
    node: str


def check_node(root: Path, recipe: str, overlay: Path | None, work: Path) -> list[Finding]:
    """The findings of all checks on this node."""
    project = load_project(root, recipe, overlay)
    cpu = project.recipe.generation.engine == "transformers"
    lock = root / "envs" / ("cpu.lock.txt" if cpu else "gpu.lock.txt")
    needed = 0 if cpu else checks.space_needed(root, project)
    asked: dict[str, Callable[[], checks.Seen]] = {
        "versions": lambda: checks.versions(lock),
        "GPUs": lambda: checks.gpus(None if cpu else project.recipe.layout.sft.gpus),
        "disk": lambda: checks.space(work, needed),
        "quota": lambda: checks.quota(work, needed),
        "ports": checks.ports,
        "models": lambda: checks.models(project.recipe),
        "verifier": lambda: checks.verifier(project.recipe),
        "files to supply": lambda: checks.files(root, project.recipe),
        "disk speed": lambda: measurements.disk(work),
    }
    return [_find(what, check) for what, check in asked.items()]


def preflight(root: Path, recipe: str, overlay: Path | None, output: Path) -> bool:
    """Print the findings of every node, write them to `output`, and return whether a run can begin.

    Args:
        root: the checkout.
    """
    ranks = Ranks.join()
    mine = check_node(root, recipe, overlay, output.parent) if ranks.leads else []
    found = ranks.gather(mine)
    _tell(ranks, lines(found))
    if all(each.fine for each in found if each.what == "GPUs"):
        network = [_find("all-reduce", lambda: measurements.all_reduce(ranks))]
    else:
        network = [_find("all-reduce", lambda: (False, "not measured, since GPUs are missing"))]
    _tell(ranks, lines(network))
    if dist.is_initialized():
        dist.destroy_process_group()
    if ranks.first:
        output.write_text(json.dumps([asdict(each) for each in [*found, *network]], indent=1))
    return not ranks.first or all(each.fine for each in [*found, *network])


def lines(findings: list[Finding]) -> list[str]:
    """A line for each check and node, or one line where all nodes found the same."""
    told = []
    for what in dict.fromkeys(each.what for each in findings):
        of_nodes = [each for each in findings if each.what == what]
        same = len({(each.seen, each.fine) for each in of_nodes}) == 1
        for each in of_nodes[: 1 if same else None]:
            where = "" if same else f" on {each.node}"
            told.append(f"{'ok  ' if each.fine else 'STOP'} {what}{where}: {each.seen}")
    return told


def _find(what: str, check: Callable[[], checks.Seen]) -> Finding:
    """The finding of a check. An error is a finding too, since the other nodes wait for this one."""
    try:
        fine, seen = check()
    except (OSError, RuntimeError, ValueError) as error:
        fine, seen = False, f"{type(error).__name__}: {error}"
    return Finding(what, seen, fine, socket.gethostname())


def _tell(ranks: Ranks, told: list[str]) -> None:
    if ranks.first:
        print(*told, sep="\n", flush=True)
