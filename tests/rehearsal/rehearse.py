"""Runs the complete recipe open-1b on a CPU, from a hub on loopback to the report: `make rehearsal`.

    python tests/rehearsal/rehearse.py                  # transformers answers
    python tests/rehearsal/rehearse.py --engine vllm    # vLLM answers, from .venv-vllm
    python tests/rehearsal/rehearse.py --slurm          # through a Slurm of simulated nodes, as root

A copy of the checkout runs in its own folder, so that none of your results is touched. A second call
continues where the first one ended. Names, files, code and rules are those of open-1b. sizes.yaml has what
differs, and checksums of benchmarks are left out, because their files are small copies.
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
TESTS = ROOT / "tests"
sys.path[:0] = [str(each) for each in (ROOT / "workflow", TESTS / "unit", TESTS / "slurm", HERE)]

import one_machine  # noqa: E402
import yaml  # noqa: E402
from hub_benchmarks import served_table, write_benchmarks  # noqa: E402
from hub_sets import datasets, write_sets  # noqa: E402
from loopback_hub import Hub, serve  # noqa: E402
from on_slurm import SITE  # noqa: E402

from r1v3.recipe.load import load_recipe  # noqa: E402

PARTS = ("Snakefile", "workflow", "config", "profiles", "slurm", "envs")
ITEMS = 4  # of a benchmark, one for each of EMMA's files; composites are kept whole
VLLM_PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
TRAINING = (
    "model",
    "sft",
    "grpo",
)  # stages that two processes share elsewhere; here one has a core
ANSWERING = ("sample", "reject", "parity", "probe", "evaluate")  # other stages that open a model


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="open-1b")
    parser.add_argument("--engine", choices=("transformers", "vllm"), default="transformers")
    parser.add_argument("--slurm", action="store_true", help="on simulated nodes; as root")
    parser.add_argument("--folder", type=Path, help="default: one of its own for each way")
    parser.add_argument("--cores", default="2")
    parser.add_argument("--overlay", type=Path, default=HERE / "sizes.yaml")
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("targets", nargs="*", help="what Snakemake is asked for")
    options = parser.parse_args()
    if missing := why_not(options):
        print(missing, file=sys.stderr)
        return 1
    begun = time.monotonic()
    folder = (options.folder or default_folder(options)).resolve()
    models = publish(folder / "hub", options.recipe, options.items)
    hub = Hub(
        models=models,
        datasets=datasets(folder / "hub" / "datasets"),
        plain=folder / "hub" / "plain",
    )
    with serve(hub, port=port_of(folder)):
        checkout = copy_checkout(folder / "checkout", hub.url)
        overlay = write_overlay(folder / "overlay.yaml", options)
        command = [*words(options), "--config", f"recipe={options.recipe}", f"overlay={overlay}"]
        command += ["--", *(options.targets or ["all"])]
        environment = environment_of(checkout, hub.url)
        if options.slurm:
            write_site(checkout / "slurm" / "site.yaml", options)
            with one_machine.slurm(nodes=2) as cluster:
                path = cluster.environment["PATH"]
                code = subprocess.call(command, cwd=checkout, env=environment | {"PATH": path})
        else:
            code = subprocess.call(command, cwd=checkout, env=environment)
    minutes = (time.monotonic() - begun) / 60
    print(f"rehearsal: {minutes:.1f} minutes, {len(hub.sent)} files from {hub.url}")
    report = checkout / "results" / "report.html"
    ended = code == 0 and report.exists()
    print(report if ended else f"no report: the log of each job in {checkout}/results says why")
    return 0 if ended else code or 1


def publish(folder: Path, recipe: str, items: int) -> dict[str, Path]:
    """Write all repositories once, and return the models by id."""
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
    """Return the port of an earlier call, because a benchmark's identity has its address; 0 for any port."""
    path = folder / "port"
    if not path.exists():
        with serve(Hub()) as trial:
            path.write_text(trial.url.rpartition(":")[2])
    return int(path.read_text())


def copy_checkout(folder: Path, url: str) -> Path:
    """Copy the project's code and configuration without results, with the benchmarks of the hub."""
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


def why_not(options: argparse.Namespace) -> str | None:
    """Return what is missing here for these options, and what to do."""
    if options.engine == "vllm" and not VLLM_PYTHON.exists():
        return "vLLM is not installed: workflow/setup_vllm.sh does it"
    return one_machine.why_not() if options.slurm else None


def default_folder(options: argparse.Namespace) -> Path:
    name = "rehearsal" + "-vllm" * (options.engine == "vllm") + "-slurm" * options.slurm
    return ROOT / "results" / name


def write_overlay(path: Path, options: argparse.Namespace) -> Path:
    """Write the sizes, with the engine of the options."""
    overlay = yaml.safe_load(options.overlay.read_text(encoding="utf-8"))
    overlay.setdefault("generation", {})["engine"] = options.engine
    path.write_text(yaml.safe_dump(overlay, sort_keys=False), encoding="utf-8")
    return path


def write_site(path: Path, options: argparse.Namespace) -> None:
    """Write the site's file, with the simulated nodes in place of a cluster's."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    site = content["site"]
    site["gpus"] |= SITE
    site |= {"max_hours": 24, "check_seconds": 3}
    if options.engine == "vllm":
        site["python"] = str(VLLM_PYTHON)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def words(options: argparse.Namespace) -> list[str]:
    """Return the user's command up to `--config`."""
    if options.slurm:
        return [sys.executable, "-m", "snakemake", "--profile", "slurm", "--cores", "all"]
    command = [sys.executable, "-m", "snakemake", "--cores", options.cores, "--keep-going"]
    launchers = dict.fromkeys(TRAINING, "python")
    if options.engine == "vllm":
        launchers = dict.fromkeys((*TRAINING, *ANSWERING), str(VLLM_PYTHON))
    return [*command, "--set-resources", *(f"{k}:launcher={v}" for k, v in launchers.items())]


def environment_of(checkout: Path, url: str) -> dict[str, str]:
    """Return the variables of every job: the hub on loopback, and none of the user's own sets."""
    for name in ("R1V3_DATA", "R1V3_BENCHMARKS", "MLFLOW_TRACKING_URI"):
        os.environ.pop(name, None)
    path = os.pathsep.join([str(checkout / "workflow"), os.environ.get("PYTHONPATH", "")])
    return os.environ | {
        "HF_ENDPOINT": url,
        "HF_HOME": str(checkout.parent / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": path,
    }


if __name__ == "__main__":
    sys.exit(main())
