"""`r1v3 preflight`: finds what would stop a run, before any GPU hour is spent.

It checks versions, GPUs, disk, quota and ports on every node, and everything that the user must supply. It
measures the disk and, with several processes, the network. Under Slurm it runs on the nodes of a training
stage, with the same launcher. Checks are independent: if one fails with an error, its result is `unknown`,
and the others continue. The results of the nodes are printed before the network is measured, because
measuring a broken network may hang.
"""

import json
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import torch.distributed as dist

from r1v3.base.atomic_write import write_text
from r1v3.cluster import checks, measurements
from r1v3.cluster.check_outcome import CheckOutcome, CheckState
from r1v3.cluster.supplies import supply_checks
from r1v3.recipe.load import load_project
from r1v3.train.core.ranks import Ranks


@dataclass(frozen=True)
class CheckResult:
    """The result of one check on one node: what was checked, state, finding, remedy and node."""

    what: str
    state: CheckState
    seen: str
    remedy: str
    node: str

    @property
    def fine(self) -> bool:
        """Return whether a run can begin in spite of this result."""
        return self.state != "STOP"


def check_node(root: Path, recipe: str, overlay: Path | None, work: Path) -> list[CheckResult]:
    """Run all checks on this node.

    Args:
        root: root of the checkout.
        work: the folder whose disk is checked.

    Raises:
        RecipeError: the recipe cannot be read.
    """
    project = load_project(root, recipe, overlay)
    cpu = project.recipe.generation.engine == "transformers"
    lock = root / "envs" / ("cpu.lock.txt" if cpu else "gpu.lock.txt")

    @cache  # if the plan fails, only the checks that need it fail
    def needed() -> float:
        return 0.0 if cpu else checks.space_needed(root, project)

    asked: dict[str, Callable[[], CheckOutcome]] = {
        "versions": lambda: checks.versions(lock),
        "GPUs": lambda: checks.gpus(None if cpu else project.recipe.layout.sft.gpus),
        "disk": lambda: checks.space(work, needed()),
        "quota": lambda: checks.quota(work, needed()),
        "ports": checks.ports,
        **supply_checks(root, project),
        "disk speed": lambda: measurements.disk(work, 0.0 if cpu else measurements.LEAST_DISK),
    }
    return [_find(what, check) for what, check in asked.items()]


def preflight(root: Path, recipe: str, overlay: Path | None, output: Path) -> bool:
    """Print the results of every node, write them to `output`, and return whether a run can begin.

    Args:
        root: root of the checkout.

    Raises:
        RecipeError: the recipe cannot be read.
    """
    ranks = Ranks.join()
    mine = check_node(root, recipe, overlay, output.parent) if ranks.leads else []
    found = ranks.gather(mine)
    _tell(ranks, lines(found))
    if all(each.fine for each in found if each.what == "GPUs"):
        network = [_find("all-reduce", lambda: measurements.all_reduce(ranks))]
    else:
        missing = CheckOutcome(
            "unknown", "not measured, since GPUs are missing", "call again with GPUs"
        )
        network = [_find("all-reduce", lambda: missing)]
    _tell(ranks, [*lines(network), *summary([*found, *network])])
    if dist.is_initialized():
        dist.destroy_process_group()
    if ranks.first:
        write_text(output, json.dumps([asdict(each) for each in [*found, *network]], indent=1))
    return not ranks.first or all(each.fine for each in [*found, *network])


def lines(findings: list[CheckResult]) -> list[str]:
    """Write one line a check if all nodes have the same result, else one a node; then the remedies."""
    output_lines, said = [], ""
    for what in dict.fromkeys(each.what for each in findings):
        of_nodes = [each for each in findings if each.what == what]
        same = len({(each.seen, each.state) for each in of_nodes}) == 1
        for each in of_nodes[: 1 if same else None]:
            where = "" if same else f" on {each.node}"
            output_lines.append(f"{each.state:7} {what}{where}: {each.seen}")
            if each.remedy:
                output_lines.append(
                    f"        -> {'as above' if each.remedy == said else each.remedy}"
                )
            said = each.remedy
    return output_lines


def summary(findings: list[CheckResult]) -> list[str]:
    """Write one line: how many checks have each state, and whether a run can begin."""
    counts = Counter(each.state for each in findings)
    shown = ", ".join(f"{counts[state]} {state}" for state in ("ok", "unknown", "STOP"))
    if counts["STOP"]:
        return [f"{shown}: a run would stop; mend the lines that say STOP"]
    if counts["unknown"]:
        return [f"{shown}: nothing is known to stop a run; look at what is unknown"]
    return [f"{shown}: a run can begin"]


def _find(what: str, check: Callable[[], CheckOutcome]) -> CheckResult:
    """Run a check. Any error in it becomes a result, so that no check and no node hides the others."""
    try:
        seen = check()
    except Exception as error:  # whatever it is, the other results must still be shown
        text = " ".join(str(error).split()) or "no message"
        seen = CheckOutcome(
            "unknown",
            f"could not be checked: {type(error).__name__}: {text}",
            "look at it by hand; if it is in order, go on",
        )
    return CheckResult(what, seen.state, seen.text, seen.remedy, socket.gethostname())


def _tell(ranks: Ranks, output_lines: list[str]) -> None:
    if ranks.first:
        print(*output_lines, sep="\n", flush=True)
