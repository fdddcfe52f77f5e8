"""Shows lineage in both directions: what a result was made from, and what was made from it.

`r1v3.provenance.resolve_names` says which names can be traced.
"""

from pathlib import Path

from r1v3.base.json_file import read_json
from r1v3.provenance.graph import LineageGraph
from r1v3.provenance.resolve_names import resolve
from r1v3.provenance.result_folders import ResultFolder
from r1v3.recipe.outputs.score_file import read_score_file


def trace_lines(root: Path, what: str) -> list[str]:
    """Return lines that say what `what` was made from, and what was made from it.

    Raises:
        ValueError: nothing on this disk has that name.
    """
    lineage = LineageGraph.of(root)
    lines = []
    for key, note in resolve(root, lineage, what):
        lines += [f"{key}{f'  ({note})' if note else ''}", *_about(lineage.found[key], "  ")]
        above, below = lineage.above(key), lineage.below(key)
        lines.append("  made from:" if above else "  made from nothing else here")
        lines += [line for each in above for line in _one(lineage.found[each], each)]
        lines.append("  touched:" if below else "  nothing here was made from it")
        lines += [line for each in below for line in _one(lineage.found[each], each)]
        lines.append("")
    return lines


def _about(found: ResultFolder, indent: str) -> list[str]:
    """Describe config, data version, code, environment and machine of one result."""
    lines = [f"recipe: {found.folder}/config.json"]
    if found.dvc_file.exists():
        lines.append(f"bytes: {found.folder}/data.dvc")
    if not found.seals[0].exists():
        return [indent + line for line in [*lines, "not finished"]]
    manifest = read_json(found.seals[0])
    made = manifest.get("environment", {})
    machine = made.get("machine", {})
    changed = (
        f", with changes of {len(made.get('diff', ''))} characters" if made.get("dirty") else ""
    )
    lines.append(f"code: {made.get('commit') or 'not in a git checkout'}{changed}")
    weighty = ", ".join(f"{k} {v}" for k, v in made.get("packages", {}).items())
    lines.append(f"environment: Python {made.get('python')}, {weighty}")
    cards = ", ".join(machine.get("gpus", [])) or "no GPU"
    lines.append(f"machine: {machine.get('host')}, {machine.get('cpu')}, {cards}")
    lines.append(f"made: {manifest.get('created')}")
    for entry in manifest.get("facts", {}).get("checkpoints", []):
        if "path" in entry:
            lines.append(f"checkpoint: {found.folder}/{entry['path']}")
    for name, value in evaluation_scores(found).items():
        lines.append(f"score: {name} {value}")
    return [indent + line for line in lines]


def evaluation_scores(found: ResultFolder) -> dict[str, float]:
    """Return the scores of an evaluation as shares, by benchmark and held-out set."""
    path = found.path / "scores.json"
    if not path.exists():
        return {}
    scores = read_score_file(path)
    means = {name: each["mean"] for name, each in scores["benchmarks"].items()}
    return means | {name: each["accuracy"] for name, each in scores["held_out"].items()}


def _one(found: ResultFolder, key: str) -> list[str]:
    shown = [f"{name} {value:.4g}" for name, value in evaluation_scores(found).items()]
    more = f"  and {len(shown) - 4} more" if len(shown) > 4 else ""
    said = f"  {', '.join(shown[:4])}{more}" if shown else ""
    return [f"    {found.config['kind']:<11}{key}{said}"]
