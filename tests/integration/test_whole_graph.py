"""The whole graph with a few steps a stage: it repeats itself to the bit, continues after a kill, and
says so if there is nothing to do."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from r1v3.base.atomic_write import write_text
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project
from r1v3.recipe.outputs.environment import instructions
from r1v3.train.core.metrics import read_metrics

pytestmark = [pytest.mark.integration, pytest.mark.slow]

HERE = Path(__file__).parent
OVERLAY = HERE / "tiny_steps.yaml"
# The runs up to RL, which are trained twice.
REPEATED = ("base", "teacher", "cold_start", "rl")
# Files that hold times.
TIMED = ("metrics.jsonl",)
# What a run learnt.
LEARNT = ("loss", "grad_norm/llm", "entropy", "reward", "accuracy", "format", "response_length")
# What must change no byte: another language, time zone, order of sets, order in which folders are listed.
ELSEWHERE = {
    "LC_ALL": "C",
    "TZ": "Asia/Kathmandu",
    "PYTHONHASHSEED": "7",
    "PYTHONPATH": f"{HERE / 'shuffled'}{os.pathsep}workflow",
}


def command(*targets: str, cores: int = 2) -> list[str]:
    settings = ["--config", "recipe=tiny", f"overlay={OVERLAY}"]
    # GRPO alone on two processes: their start would be most of the others' time.
    alone = ["--set-resources", "model:launcher=python", "sft:launcher=python"]
    called = [sys.executable, "-m", "snakemake", "--cores", str(cores)]
    return [*called, *alone, *settings, "--", *targets]


def run(workflow, *targets: str, cores: int = 2, elsewhere: bool = False) -> str:
    """Run Snakemake to its end, and return its output."""
    done = subprocess.run(
        command(*targets, cores=cores),
        cwd=workflow.folder,
        env=os.environ | (ELSEWHERE if elsewhere else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def kill_in_the_middle_of_grpo(workflow, *targets: str) -> None:
    """Start Snakemake and send SIGKILL to all of it once the RL run has made its second step."""
    process = subprocess.Popen(
        command(*targets),
        cwd=workflow.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    folder = workflow.folder / results_of(workflow).run("rl").folder
    try:
        while process.poll() is None:
            metrics = folder / "metrics.jsonl"
            if metrics.exists() and len(metrics.read_text().splitlines()) >= 2:
                break
            time.sleep(0.02)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended before it could be killed"
    assert not (folder / "manifest.json").exists()


def results_of(workflow) -> ResultGraph:
    return ResultGraph(load_project(workflow.folder, "tiny", OVERLAY))


def results(workflow) -> dict[str, object]:
    """Return the sha256 of every file in a manifest, and the content of every scores.json."""
    folder = workflow.folder / "results"
    found: dict[str, object] = {}
    for path in sorted([*folder.rglob("manifest.json"), *folder.rglob("responses.json")]):
        for file, digest in json.loads(path.read_text())["files"].items():
            if Path(file).name not in TIMED:
                found[f"{path.parent.relative_to(folder)}/{file}"] = digest
    for path in sorted(folder.rglob("scores.json")):
        found[str(path.relative_to(folder))] = json.loads(path.read_text())
    return found


def curves(workflow, name: str) -> dict[str, list[float]]:
    """Return the metrics of a run by step."""
    rows = read_metrics(workflow.folder / results_of(workflow).run(name).folder / "metrics.jsonl")
    found = {metric: [row[metric] for row in rows if metric in row] for metric in LEARNT}
    return {metric: values for metric, values in found.items() if values}


@pytest.fixture(scope="module")
def straight(tmp_path_factory, make_workflow):
    """Run the whole graph once, undisturbed, and return its checkout."""
    workflow = make_workflow(tmp_path_factory.mktemp("straight"))
    run(workflow)
    return workflow


@pytest.fixture(scope="module")
def interrupted(straight, tmp_path_factory, make_workflow):
    """Make a copy in which every run up to RL, their data and an answered suite are made again.

    The RL run was killed in the middle, then started again on one core and as `ELSEWHERE` says.
    """
    workflow = make_workflow(tmp_path_factory.mktemp("interrupted"))
    shutil.copytree(straight.folder / "results", workflow.folder / "results", symlinks=True)
    graph = results_of(workflow)
    answers = graph.evaluation("base", "last", "held_out").folder
    for folder in [graph.run(name).folder for name in REPEATED] + [answers]:
        shutil.rmtree(workflow.folder / folder)
    # The name is there, its run is not.
    targets = ("results/runs/rl.json", f"{answers}/scores.json")
    kill_in_the_middle_of_grpo(workflow, *targets)
    run(workflow, *targets, cores=1, elsewhere=True)
    return workflow


def test_the_whole_graph_ends_in_a_report_a_summary_and_mlflow(straight):
    summary = json.loads((straight.folder / "results/summary.json").read_text())
    assert set(summary["models"]) == {"base", "cold_start", "rl", "final"}
    for scores in summary["models"].values():
        assert set(scores) == {"math", "multi_domain"}
        assert all(0 <= s["accuracy"] <= 1 and s["n"] == 20 for s in scores.values())
    assert set(summary["benchmarks"]) == {"mmmu_val", "mmstar"}
    assert "<html" in (straight.folder / "results/report.html").read_text()
    assert (straight.folder / "mlflow.db").stat().st_size > 0
    link = json.loads((straight.folder / "results/runs/rl.json").read_text())
    assert (link["run"], link["steps"]) == ("rl", 4)


def test_the_numbers_are_those_of_before(straight):
    """Compare each run's curves with stored ones of this kind of CPU; R1V3_RENEW_GOLDEN=1 stores new ones."""
    kind = instructions()
    path = HERE / "golden" / f"{kind.replace(' ', '-')}.json"
    found = {name: curves(straight, name) for name in (*REPEATED, "final")}
    if os.environ.get("R1V3_RENEW_GOLDEN"):
        write_text(path, json.dumps(found, indent=1) + "\n")
    if not path.exists():
        pytest.skip(f"no numbers are kept for {kind}: R1V3_RENEW_GOLDEN=1 keeps today's")
    kept = json.loads(path.read_text())
    assert found.keys() == kept.keys()
    for name, metrics in kept.items():
        assert found[name].keys() == metrics.keys()
        for metric, values in metrics.items():
            assert found[name][metric] == pytest.approx(values, rel=1e-4, abs=1e-7), (name, metric)


def test_a_second_run_has_nothing_to_do_and_says_so(straight):
    assert "Nothing to be done" in run(straight)


def test_a_changed_comment_or_library_module_plans_nothing(straight):
    rules = straight.folder / "workflow/rules/train.smk"
    rules.write_text(rules.read_text().replace("--parent", "  --parent"))
    module = straight.folder / "workflow/r1v3/train/grpo/trainer.py"
    module.write_text(module.read_text() + "\n")
    assert "Nothing to be done" in run(straight)


def test_the_same_seed_gives_the_same_bytes_and_a_killed_run_ends_in_them_too(
    straight, interrupted
):
    expected, found = results(straight), results(interrupted)
    assert any(name.endswith("model.safetensors") for name in expected)
    assert [name for name in expected if found.get(name) != expected[name]] == []
    assert set(found) == set(expected)
