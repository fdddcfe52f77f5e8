"""The cost of the results on this disk by kind of stage, read from Snakemake's benchmark files.

Snakemake does not measure energy, and it is not estimated here.
"""

from pathlib import Path
from typing import Any

from r1v3.base.json_file import read_json

KINDS = {"runs": "training", "evaluations": "answering", "data": "data"}


def cost_rows(results: Path) -> list[dict[str, Any]]:
    """Return for each kind of stage: jobs, hours of wall, CPU and GPU time, peak memory in GiB."""
    rows = []
    for shelf, kind in KINDS.items():
        found = [stage_cost(path) for path in sorted((results / shelf).glob("**/benchmark.tsv"))]
        found = [row for row in found if row]
        if not found:
            continue
        rows.append(
            {
                "kind": kind,
                "jobs": len(found),
                "wall_hours": sum(row["wall"] for row in found) / 3600,
                "core_hours": sum(row["processor"] for row in found) / 3600,
                "gpu_hours": sum(row["gpu"] for row in found) / 3600,
                "memory": max(row["memory"] for row in found) / 1024,
            }
        )
    return rows


def stage_cost(benchmark: Path) -> dict[str, float] | None:
    """Return seconds of wall, CPU and GPU time, and peak memory in MiB; None if nothing was measured."""
    if not benchmark.exists():
        return None
    lines = [line.split("\t") for line in benchmark.read_text().splitlines()]
    if len(lines) < 2:
        return None
    total = {"wall": 0.0, "processor": 0.0, "memory": 0.0, "gpu": 0.0}
    for line in lines[1:]:
        row = dict(zip(lines[0], line, strict=True))
        total["wall"] += _number(row["s"])
        total["processor"] += _number(row.get("cpu_time", ""))
        total["memory"] = max(total["memory"], _number(row.get("max_rss", "")))
    total["gpu"] = total["wall"] * _gpus(benchmark.parent)
    return total


def _gpus(folder: Path) -> int:
    """Return the number of GPUs of the machine that made a result, from its manifest; 0 if it has none."""
    for name in ("manifest.json", "responses.json"):
        if (folder / name).exists():
            environment = read_json(folder / name).get("environment", {})
            return len(environment.get("machine", {}).get("gpus") or [])
    return 0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # Snakemake writes NA or - if it could not measure
        return 0.0
