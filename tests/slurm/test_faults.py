"""Faults of a cluster: each run is disturbed once, and ends like the undisturbed one."""

import json
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from on_slurm import LAYOUT, OnSlurm, ended, until

LEAK = "leak.txt"
STEPS = 150
SETTINGS = {"epochs": 1000, "max_steps": STEPS}
FAULTS = ("timed_out", "cancelled", "out_of_memory", "node_lost", "preempted")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, make_workflow, cluster, finished):
    """Make a checkout with the results of another, and a run for each fault.

    They differ only in how often they save, because equal runs would share one folder.
    """
    folder = tmp_path_factory.mktemp("faults")
    (folder / "checkout").mkdir()
    workflow = make_workflow(folder / "checkout")
    table = {
        name: {
            "like": "cold_start",
            "why": "a test",
            "set": SETTINGS | {"resume": {"seconds": 0.2 + number / 1000}},
        }
        for number, name in enumerate(("untouched", *FAULTS))
    }
    table["broken"] = {"like": "cold_start", "why": "a test", "set": {"max_length": 1}}
    workflow.edit("runs.yaml", lambda runs: runs.update(table))
    leaking = Path(__file__).with_name("leaking_python.py")
    hurt = OnSlurm(
        workflow,
        cluster,
        layout={"sft": LAYOUT["sft"] | {"nodes": 1, "gpus": 2}},
        python=f"python {leaking} {folder / LEAK}",
    )
    shutil.copytree(finished[0].folder / "results", workflow.folder / "results")
    return hurt


@pytest.fixture(scope="module")
def short_of_time(checkout, cluster, tmp_path_factory):
    """Start a job of one minute for a stage that takes longer, while other jobs run."""
    folder = tmp_path_factory.mktemp("short")
    script = [str(Path(__file__).with_name("counting.py")), str(folder)]
    launch = [sys.executable, "-m", "r1v3.cluster.launch", "--processes", "2", *script]
    (folder / "job.sh").write_text(f"#!/bin/sh\nunset CUDA_VISIBLE_DEVICES\n{' '.join(launch)}\n")
    options = ["--parsable", "--time=1", "--requeue", "--mem=3000", "--open-mode=append"]
    options.append(f"--output={folder}/said.txt")
    job = checkout.call("sbatch", *options, str(folder / "job.sh")).strip()
    return folder, job


@pytest.fixture(scope="module")
def hurt(checkout, cluster, short_of_time):
    """Disturb each run after its tenth step, and return what Snakemake printed."""
    folders = {name: checkout.graph.run(name).folder for name in FAULTS}
    process = checkout.start(
        *checkout.tiny, "--", *(f"results/runs/{name}.json" for name in ("untouched", *FAULTS))
    )
    waiting, jobs = set(FAULTS), {}
    with ended(process):
        while waiting:

            def learning():
                assert process.poll() is None, process.communicate()[0][-8000:]
                return next((n for n in waiting if len(checkout.losses(folders[n])) >= 10), None)

            name = until(learning, f"ten steps of any of {waiting}", 240)
            waiting.remove(name)
            jobs[name] = hurt_job(checkout, cluster, name, folders[name])
        said = process.communicate(timeout=900)[0]
    for name in ("node1", "node2", "node3", "node4", "node5", "node6"):
        if name not in cluster.daemons:
            cluster.start_node(name)
    return jobs, said, process.returncode


def hurt_job(checkout, cluster, name: str, folder: str) -> tuple[str, list[str]]:
    """Disturb a run's job as its name says, and return the job's id and the lines of its metrics."""
    job, node = until(lambda: checkout.job_of(folder), f"the job of {name}")
    lines = (checkout.folder / folder / "metrics.jsonl").read_text().splitlines()
    assert len(lines) < STEPS, "it ended before it could be hurt"
    if name == "timed_out":
        cluster.call("scontrol", "update", f"JobId={job}", "TimeLimit=00:00:01")
        stop_processes(job)  # it hangs, as when a network fails, until Slurm ends it
    elif name == "cancelled":
        cluster.call("scancel", job)
    elif name == "out_of_memory":
        checkout.folder.with_name(LEAK).write_text(Path(folder).name)
    elif name == "node_lost":
        cluster.lose_node(node)
    elif name == "preempted":
        asked = ["--partition=urgent", f"--nodelist={node}", "--gpus=2", "--wrap=sleep 3"]
        cluster.call("sbatch", "--output=/dev/null", *asked)
    return job, lines[:5]


def stop_processes(job: str) -> None:
    """Send SIGSTOP to a job's trainers."""
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            own = f"SLURM_JOB_ID={job}".encode() in (path / "environ").read_bytes().split(b"\0")
            if own and b"workflow/scripts/sft.py" in (path / "cmdline").read_bytes():
                os.kill(int(path.name), signal.SIGSTOP)


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_that_was_hurt_ends_as_the_one_that_nobody_touched(hurt, checkout, name):
    _, said, code = hurt
    assert code == 0, said[-8000:]
    weights, losses = [], []
    for run in ("untouched", name):
        node = checkout.graph.run(run)
        manifest = json.loads((checkout.folder / node.folder / "manifest.json").read_text())
        weights.append(manifest["facts"]["groups"]["after"])
        losses.append(checkout.losses(node.folder))
    assert len(losses[0]) == STEPS
    assert losses[1] == losses[0]
    assert weights[1] == weights[0]


@pytest.mark.parametrize("name", FAULTS)
def test_it_went_on_from_a_state_that_it_had_saved(hurt, checkout, name):
    _, before = hurt[0][name]
    folder = checkout.folder / checkout.graph.run(name).folder
    # Seconds of a step are never the same twice: a run that began anew would have others.
    assert (folder / "metrics.jsonl").read_text().splitlines()[:5] == before


def test_slurm_and_snakemake_each_did_their_part(hurt, cluster):
    jobs, said, _ = hurt
    tried_again = {name for name, (job, _) in jobs.items() if f"'{job}' failed" in said}
    assert tried_again == {"timed_out", "cancelled", "out_of_memory"}


def test_a_failing_job_shows_its_own_log(checkout):
    said = checkout.run(
        *checkout.tiny, "--retries", "0", "--", "results/runs/broken.json", check=False
    )
    assert "samples skipped" in said
    assert "Error in rule sft" in said


def test_a_job_whose_time_is_over_saves_and_queues_itself_again(short_of_time, checkout, cluster):
    folder, job = short_of_time
    until(lambda: job not in cluster.jobs(), "the end of the job", 240)
    said = (folder / "said.txt").read_text()
    assert [(folder / f"rank-{rank}.txt").read_text() for rank in (0, 1)] == [
        "saved and went on in restart 1"
    ] * 2, said
    assert f"job {job} is queued again" in said
