"""Is the machine ready? `make preflight`: what would stop a run, found before any GPU hour is spent.

Looks at versions, GPUs, disk and quota, ports, models and addresses; measures the disk and, with several
processes, the network. Under Slurm it runs on the machines, and by the launcher, of a training stage.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from r1v3.cluster import checks, measurements
from r1v3.recipe.load import load_project

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was seen, and whether a run can go on with it."""

    what: str
    seen: str
    fine: bool


def look(root: Path, recipe: str, overlay: Path | None, work: Path) -> list[Finding]:
    """Every check of this process; measurements in which all processes take part included."""
    project = load_project(root, recipe, overlay)
    cpu = project.recipe.generation.engine == "transformers"
    found = [
        ("versions", *checks.versions(root / "envs" / ("cpu.lock.txt" if cpu else "gpu.lock.txt"))),
        ("GPUs", *checks.gpus(None if cpu else project.recipe.layout.sft.gpus)),
        ("disk", *checks.space(work, 0 if cpu else checks.space_needed(root, project))),
        ("quota", *checks.quota(work)),
        ("ports", *checks.ports()),
        ("models", *checks.models(project.recipe)),
        ("verifier", *checks.verifier(project.recipe)),
        ("files to supply", *checks.files(root, project.recipe)),
        ("disk speed", *measurements.disk(work)),
        ("all-reduce", *measurements.all_reduce()),
    ]
    return [Finding(what, seen, fine) for what, fine, seen in found]


def preflight(recipe: str, overlay: Path | None, output: Path) -> bool:
    """Print every finding, write all to `output`, and say whether a run can begin."""
    findings = look(ROOT, recipe, overlay, output.parent)
    if not measurements.first():
        return True
    for each in findings:
        print(f"{'ok  ' if each.fine else 'STOP'} {each.what}: {each.seen}", flush=True)
    output.write_text(json.dumps([asdict(each) for each in findings], indent=1))
    return all(each.fine for each in findings)
