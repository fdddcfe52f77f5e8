"""How a stage's processes are started, and when a job stops for requeueing."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from r1v3.cluster import launch
from r1v3.cluster.allocation import Allocation, seconds_of
from r1v3.cluster.shards import node_command, shards_command, shards_of_node

JOB = Allocation("1234567", nodes=4, cpus=384, left=7200.0, restarts=2)


def test_one_process_needs_no_torchrun_and_eight_do():
    assert launch.ranks_command(["py"], ["a.py"], processes=1) == ["py", "a.py"]
    command = launch.ranks_command(["py"], ["a.py"], processes=8)
    assert command[:4] == ["py", "-m", "r1v3.cluster.ranks", "--nproc-per-node=8"]
    assert command[-2:] == ["--standalone", "a.py"]
    assert "--local-addr=127.0.0.1" in command, "else the host's own name must lead to it"


def test_several_nodes_meet_on_the_first_under_a_name_that_a_restart_changes():
    command = launch.nodes_command(["apptainer", "py"], ["a.py"], processes=8, job=JOB)
    assert command[:4] == ["srun", "--nodes=4", "--ntasks=4", "--ntasks-per-node=1"]
    assert "--cpus-per-task=96" in command
    assert "--rdzv-id=1234567-2" in command
    assert f"--rdzv-endpoint={JOB.first_host}:24567" in command
    assert command[command.index("apptainer") + 1] == "py"


@pytest.mark.parametrize(
    ("shown", "count"), [("0,1,2,3", 4), ("", 0), ("-1", 0), ("GPU-12, GPU-34", 2)]
)
def test_gpus_are_those_that_slurm_shows(monkeypatch, shown, count):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    assert launch.gpus_here() == count


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1-02:03:04", 93784), ("59:59", 3599), ("10", 10), ("UNLIMITED", float("inf"))],
)
def test_slurms_clock_is_read(text, seconds):
    assert seconds_of(text) == seconds


def test_a_child_that_ends_in_time_gives_its_own_code():
    child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    assert Allocation("1", 1, 1, 3600.0, 0).watch(child, margin=600) == 3


def test_a_child_that_ends_well_while_it_is_told_to_save_is_not_queued_again():
    code = "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); signal.pause()"
    child = subprocess.Popen([sys.executable, "-c", code])
    began = time.monotonic()
    assert Allocation("1", 1, 1, 4.0, 0).watch(child, margin=600) == 0
    assert time.monotonic() - began >= 3  # of four seconds one is given away, not ten minutes


def test_shards_have_gpus_and_questions_of_their_own(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    code = (
        "import os, pathlib; "
        "name = os.environ['R1V3_SHARD'].replace('/', '-of-'); "
        f"(pathlib.Path({str(tmp_path)!r}) / name).write_text(os.environ['CUDA_VISIBLE_DEVICES'])"
    )
    assert shards_of_node([sys.executable, "-c", code], 2, 2, 4, 2) == 0
    said = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert said == {"2-of-4": "4,5", "3-of-4": "6,7"}


def test_a_shard_that_fails_ends_the_others():
    code = "import os, time; os.environ['R1V3_SHARD'] == '0/2' and exit(9); time.sleep(600)"
    began = time.monotonic()
    assert shards_of_node([sys.executable, "-c", code], 0, 2, 2, 1) == 9
    assert time.monotonic() - began < 60


def test_shards_on_several_nodes_have_the_processors_of_their_nodes():
    command = node_command(4, JOB.cpus_per_node, 2, 4, ["py", "a.py"])
    assert command[:5] == [
        "srun",
        "--nodes=4",
        "--ntasks=4",
        "--ntasks-per-node=1",
        "--cpus-per-task=96",
    ]
    assert command[-6:] == ["r1v3.cluster.shards", "node", "2", "4", "py", "a.py"]
    of_job = shards_command(["py"], ["a.py"], gpus=8, each=4, job=JOB)
    assert of_job[-6:] == ["job", "4x96", "2", "4", "py", "a.py"]


# Says that it runs, and on SIGTERM that it saves.
PATIENT = (
    "import os, pathlib, signal, sys; here = pathlib.Path(sys.argv[1]); "
    "name = os.environ.get('R1V3_SHARD', 'alone').replace('/', '-of-'); "
    "signal.signal(15, lambda *_: ((here / name).write_text('saved'), sys.exit(75))); "
    "(here / name).write_text('runs'); signal.pause()"
)


def waiting(folder: Path, *, gpus: int) -> subprocess.Popen:
    """Start a job's shards, and wait until all have begun."""
    command = shards_command(
        [sys.executable], ["-c", PATIENT, str(folder)], gpus=gpus, each=1, job=None
    )
    child = subprocess.Popen(command)
    until = time.monotonic() + 60
    while len(list(folder.iterdir())) < max(1, gpus) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.1)
    return child


@pytest.mark.parametrize("gpus", [0, 2])
def test_shards_save_when_the_jobs_time_is_nearly_over_and_the_job_is_queued_again(
    monkeypatch, tmp_path, gpus
):
    asked = []
    before = signal.getsignal(signal.SIGTERM)
    (tmp_path / "log").mkdir()
    child = waiting(tmp_path / "log", gpus=gpus)
    monkeypatch.setattr("r1v3.cluster.allocation.subprocess.run", lambda c, **_: asked.append(c))
    monkeypatch.setattr("r1v3.cluster.allocation.time.sleep", lambda _: None)
    code = Allocation("7", 1, 2, 4.0, 0).watch(child, margin=600)
    signal.signal(signal.SIGTERM, before)
    assert code == 75
    assert asked == [["scontrol", "requeue", "7"]]
    assert {path.read_text() for path in (tmp_path / "log").iterdir()} == {"saved"}


def test_a_shared_evaluation_in_a_job_is_watched(monkeypatch):
    watched = []
    job = Allocation("7", 2, 8, 3600.0, 0)
    monkeypatch.setattr(launch.Allocation, "here", lambda: job)
    monkeypatch.setattr(Allocation, "watch", lambda _, child, margin: watched.append(margin) or 0)
    monkeypatch.setattr(launch.subprocess, "Popen", lambda command: watched.append(command))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(
        sys, "argv", ["launch", "--shards", "--tensor-parallel", "1", "--save-minutes", "5", "a.py"]
    )
    monkeypatch.setenv("R1V3_VLLM_TENSOR_PARALLEL", "")
    assert launch.main() == 0
    assert watched[0][-5:] == ["2x4", "2", "1", sys.executable, "a.py"]
    assert watched[1] == 300
