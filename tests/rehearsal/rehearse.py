"""`make rehearsal`: the recipe open-1b whole, from a hub on loopback to the report, on a processor.

A copy of the checkout runs in a folder of its own, so that no result of yours is touched. Called again, it
goes on where it ended. Names, files, code and rules are those of open-1b. What differs is in sizes.yaml, and
checksums of benchmarks are left out, since their files are small ones here.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests" / "unit"), str(HERE)]

from hub_benchmarks import served_table, write_benchmarks  # noqa: E402
from hub_sets import datasets, write_sets  # noqa: E402
from loopback_hub import Hub, serve  # noqa: E402

from r1v3.recipe.load import load_recipe  # noqa: E402

PARTS = ("Snakefile", "workflow", "config", "profiles", "slurm", "envs")
ITEMS = 4  # of a benchmark, one for each of EMMA's files; composites are kept whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="open-1b")
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "rehearsal")
    parser.add_argument("--cores", default="2")
    parser.add_argument("--overlay", type=Path, default=HERE / "sizes.yaml")
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("targets", nargs="*", help="what Snakemake is asked for")
    options = parser.parse_args()
    begun = time.monotonic()
    folder = options.folder.resolve()
    models = publish(folder / "hub", options.recipe, options.items)
    hub = Hub(
        models=models,
        datasets=datasets(folder / "hub" / "datasets"),
        plain=folder / "hub" / "plain",
    )
    with serve(hub, port=port_of(folder)):
        checkout = copy_checkout(folder / "checkout", hub.url)
        code = snakemake(checkout, hub.url, options)
    minutes = (time.monotonic() - begun) / 60
    print(f"rehearsal: {minutes:.1f} minutes, {len(hub.sent)} files from {hub.url}")
    report = checkout / "results" / "report.html"
    ended = code == 0 and report.exists()
    print(report if ended else f"no report: the log of each job in {checkout}/results says why")
    return 0 if ended else code or 1


def publish(folder: Path, recipe: str, items: int) -> dict[str, Path]:
    """Write all repositories once; gives the models by id."""
    spec, _ = load_recipe(ROOT / "config" / "recipes", recipe)
    ids = sorted({each.id for each in spec.models.values() if each.source == "hub"})
    shared, sets = folder / "models" / "fitted", folder / "datasets"
    table = ROOT / "config" / "benchmarks.yaml"
    parts: dict[str, Callable[[], object]] = {
        "model": lambda: _write_model(shared, folder / "work"),
        "sets": lambda: write_sets(sets),
        "benchmarks": lambda: write_benchmarks(table, folder / "plain", sets, items),
    }
    for name, write in parts.items():
        done = folder / f"{name}.done"
        if not done.exists():
            print(f"rehearsal: {name}", flush=True)
            write()
            done.touch()
    return dict.fromkeys(ids, shared)


def _write_model(folder: Path, work: Path) -> None:
    from hub_checkpoint import write_fitted_checkpoint  # imports torch, which is slow

    write_fitted_checkpoint(folder, work)


def port_of(folder: Path) -> int:
    """The port of an earlier call, since a benchmark's address is part of its identity; 0 for any."""
    path = folder / "port"
    if not path.exists():
        with serve(Hub()) as trial:
            path.write_text(trial.url.rpartition(":")[2])
    return int(path.read_text())


def copy_checkout(folder: Path, url: str) -> Path:
    """The project's code and configuration, without results; benchmarks come from the hub."""
    for part in PARTS:
        target = folder / part
        if (ROOT / part).is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / part, target, ignore=ignore, dirs_exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / part, target)
    table = folder / "config" / "benchmarks.yaml"
    table.write_text(served_table(table.read_text(encoding="utf-8"), url), encoding="utf-8")
    return folder


def snakemake(checkout: Path, url: str, options: argparse.Namespace) -> int:
    for name in ("R1V3_DATA", "R1V3_BENCHMARKS", "MLFLOW_TRACKING_URI"):
        os.environ.pop(name, None)
    path = os.pathsep.join([str(checkout / "workflow"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {
        "HF_ENDPOINT": url,
        "HF_HOME": str(checkout.parent / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": path,
    }
    command = [sys.executable, "-m", "snakemake", "--cores", options.cores, "--keep-going"]
    command += [
        "--set-resources",
        "model:launcher=python",
        "sft:launcher=python",
        "grpo:launcher=python",
    ]
    command += [
        "--config",
        f"recipe={options.recipe}",
        f"overlay={options.overlay.resolve()}",
        "--",
    ]
    return subprocess.call([*command, *(options.targets or ["all"])], cwd=checkout, env=environment)


if __name__ == "__main__":
    sys.exit(main())
