"""Lineage both ways: what a result was made from, and what was made from it.

`X` may be an id (`rl-0123456789`), a name (`rl`, `math_normal`), a path in results/, a score as the summary
names it (`models.rl.math`, `benchmarks.mmmu_val`), or the id of a sample.
"""

import json
from pathlib import Path

from r1v3.keep.found import Found
from r1v3.keep.graph import Graph
from r1v3.recipe.errors import unknown


def trace(root: Path, what: str) -> list[str]:
    """Lines that tell where `what` comes from and where it went.

    Raises:
        ValueError: nothing on this disk has that name.
    """
    graph = Graph.of(root)
    lines = []
    for key, note in resolve(root, graph, what):
        lines += [f"{key}{f'  ({note})' if note else ''}", *_about(graph.found[key], "  ")]
        above, below = graph.above(key), graph.below(key)
        lines.append("  made from:" if above else "  made from nothing else here")
        lines += [line for each in above for line in _one(graph.found[each], each)]
        lines.append("  touched:" if below else "  nothing here was made from it")
        lines += [line for each in below for line in _one(graph.found[each], each)]
        lines.append("")
    return lines


def resolve(root: Path, graph: Graph, what: str) -> list[tuple[str, str]]:
    """The results that `what` stands for, each with a note on how."""
    path = what.removeprefix("./").rstrip("/")
    for key, found in graph.found.items():
        if key == what or path == found.folder or path.startswith(f"{found.folder}/"):
            return [(key, path.removeprefix(found.folder).lstrip("/"))]
    if scores := _score(graph, what):
        return scores
    if what in graph.by_name:
        return [(key, "") for key in graph.by_name[what]]
    if samples := _sample(graph, what):
        return samples
    raise ValueError(unknown("result, score or sample", what, [*graph.by_name, *graph.found]))


def _score(graph: Graph, what: str) -> list[tuple[str, str]]:
    """The evaluations behind `models.<run>.<set>` or `benchmarks.<name>`, or a benchmark's bare name."""
    words = what.split(".")
    found = []
    for key, each in graph.found.items():
        path = each.path / "scores.json"
        if not path.exists():
            continue
        document, scores = each.config["document"], json.loads(path.read_text())
        run = document["run"].rpartition("-")[0]
        held_out, benchmarks = scores.get("held_out", {}), scores.get("benchmarks", {})
        if words[0] == "models" and words[1:2] == [run] and held_out.keys() & set(words[2:3]):
            found.append((key, f"accuracy {held_out[words[2]]['accuracy']}"))
        if words[0] == "benchmarks" and benchmarks.keys() & set(words[1:2]):
            found.append((key, f"mean {benchmarks[words[1]]['mean']}"))
    return found


def _sample(graph: Graph, what: str) -> list[tuple[str, str]]:
    """The data sets that hold a record of that id."""
    import pyarrow.parquet

    found = []
    for key, each in graph.found.items():
        records = each.path / "records.parquet"
        if records.exists():
            ids = pyarrow.parquet.read_table(records, columns=["id"])["id"].to_pylist()
            if what in ids:
                found.append((key, f"record {ids.index(what) + 1} of {len(ids)}"))
    return found


def _about(found: Found, indent: str) -> list[str]:
    """Recipe, data version, code, environment and machine of one result."""
    lines = [f"recipe: {found.folder}/config.json"]
    if found.dvc_file.exists():
        lines.append(f"bytes: {found.folder}/data.dvc")
    if not found.seals[0].exists():
        return [indent + line for line in [*lines, "not finished"]]
    manifest = json.loads(found.seals[0].read_text())
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
    for name, value in scores_of(found).items():
        lines.append(f"score: {name} {value}")
    return [indent + line for line in lines]


def scores_of(found: Found) -> dict[str, float]:
    """An evaluation's scores as shares, by benchmark and held-out set."""
    path = found.path / "scores.json"
    if not path.exists():
        return {}
    scores = json.loads(path.read_text())
    means = {name: each["mean"] for name, each in scores.get("benchmarks", {}).items()}
    return means | {name: each["accuracy"] for name, each in scores.get("held_out", {}).items()}


def _one(found: Found, key: str) -> list[str]:
    shown = [f"{name} {value:.4g}" for name, value in scores_of(found).items()]
    more = f"  and {len(shown) - 4} more" if len(shown) > 4 else ""
    said = f"  {', '.join(shown[:4])}{more}" if shown else ""
    return [f"    {found.config['kind']:<11}{key}{said}"]
