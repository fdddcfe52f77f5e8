"""The user's command on a real Slurm: the core path of the tiny recipe, and the paper recipe's plan."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from on_slurm import OnSlurm, ended, until

ROOT = Path(__file__).parents[2]


def test_the_command_goes_from_data_to_the_report(finished):
    checkout, _ = finished
    summary = json.loads((checkout.folder / "results/summary.json").read_text())
    assert set(summary["models"]) == {"base", "cold_start", "rl", "final"}
    assert "<html" in (checkout.folder / "results/report.html").read_text()
    until(
        lambda: not checkout.cluster.jobs(),
        "an empty queue: the last job may still be clearing up",
        30,
    )


def test_small_jobs_without_a_parent_went_through_the_queue_as_one(finished):
    submitted = [line for line in finished[1].splitlines() if "submitted with SLURM" in line]
    assert len([line for line in submitted if "group_sources" in line]) == 1
    assert [line for line in submitted if "rule_prepare" in line or "rule_benchmark" in line] == []


def test_a_second_call_has_nothing_to_do(finished):
    checkout, _ = finished
    assert "Nothing to be done" in checkout.run(*checkout.tiny)


def test_training_on_two_nodes_has_the_losses_of_one_process(finished):
    checkout, _ = finished
    node = checkout.graph.run("cold_start")
    folder = checkout.folder / node.folder
    assert ": 2 nodes with 1 processes each" in (folder / "log.txt").read_text()
    alone = folder.with_name("alone")
    alone.mkdir()
    (alone / "config.json").write_text((folder / "config.json").read_text())
    parents = [parent.folder for parent in node.parents]
    start, data = (next(p for p in parents if shelf in p) for shelf in ("/runs/", "/data/"))
    words = ["--config", alone / "config.json", "--manifest", alone / "manifest.json"]
    words += ["--parent", f"{start}/manifest.json", "--data", f"{data}/manifest.json"]
    checkout.call(sys.executable, "workflow/scripts/sft.py", *map(str, words))
    one, two = checkout.losses("results/runs/alone"), checkout.losses(node.folder)
    assert len(two) == 3
    assert two == pytest.approx(one, rel=1e-5)


def test_processes_on_two_nodes_share_an_evaluation(finished):
    checkout, _ = finished
    node = checkout.graph.evaluation("base", "last", "held_out")
    folder = checkout.folder / node.folder
    shared = folder.with_name("shared")
    shared.mkdir()
    (shared / "config.json").write_text((folder / "config.json").read_text())
    run, *sets = (parent.folder for parent in node.parents)
    script = ["workflow/scripts/evaluate.py", "--config", f"{shared}/config.json"]
    script += ["--manifest", f"{shared}/responses.json", "--run", f"{run}/manifest.json"]
    script += ["--held-out", *(f"{each}/manifest.json" for each in sets)]
    launch = [sys.executable, "-m", "r1v3.cluster.launch", "--shards", "--tensor-parallel", "1"]
    command = ["salloc", "-N2", "--ntasks-per-node=1", "--gpus-per-node=1", *launch, *script]
    checkout.call(*command)
    shards = {path.name.rpartition(".")[0][-6:] for path in shared.glob("responses/*.jsonl")}
    assert shards == {"0-of-2", "1-of-2"}
    answers = [
        {(row["key"], row["text"]) for path in each.glob("responses/*.jsonl") for row in rows(path)}
        for each in (folder, shared)
    ]
    assert answers[0] == answers[1]
    assert len(answers[0]) == 40


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_exact_command_plans_the_paper_recipe(make_workflow, cluster, tmp_path):
    checkout = OnSlurm(make_workflow(tmp_path), cluster)
    shutil.copy(ROOT / "slurm/site.yaml", tmp_path / "slurm/site.yaml")  # as it is shipped
    plan = checkout.run("-n", "--quiet", "host")
    assert "slurm_extra=--gpus-per-node=8" in plan
    assert "nodes=4" in plan


def test_ctrl_c_leaves_no_job_behind(finished):
    checkout, _ = finished
    process = checkout.start(*checkout.tiny, "--forcerun", "grpo", "--", "results/runs/rl.json")
    with ended(process):
        until(lambda: checkout.cluster.jobs(), "a job")
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=120)[0]
    assert process.returncode != 0
    until(lambda: not checkout.cluster.jobs(), f"an empty queue, after: {said[-3000:]}", 30)
