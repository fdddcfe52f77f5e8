"""How a stage's processes are started, and when a job gives way."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from r1v3.cluster import launch
from r1v3.cluster.allocation import Allocation, seconds_of
from r1v3.cluster.shards import shards_of_node

JOB = Allocation("1234567", nodes=4, cpus=384, left=7200.0, restarts=2)


def test_one_process_needs_no_torchrun_and_eight_do():
    assert launch.ranks_command(["py"], ["a.py"], processes=1) == ["py", "a.py"]
    command = launch.ranks_command(["py"], ["a.py"], processes=8)
    assert command[:4] == ["py", "-m", "torch.distributed.run", "--nproc-per-node=8"]
    assert command[-2:] == ["--standalone", "a.py"]


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
