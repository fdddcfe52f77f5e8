"""An evaluation on several nodes whose job runs out of time: it is saved, queued again, and finished."""

import sys
from pathlib import Path

from on_slurm import until


def test_a_shared_evaluation_saves_before_its_time_is_over_and_goes_on_with_all_processors(
    cluster, tmp_path
):
    script = [str(Path(__file__).with_name("counting.py")), str(tmp_path)]
    launch = [sys.executable, "-m", "r1v3.cluster.launch", "--shards", "--tensor-parallel", "1"]
    job = tmp_path / "job.sh"
    # What Snakemake's job step drops, srun has to be told.
    job.write_text(f"#!/bin/sh\nunset SLURM_CPUS_PER_TASK\n{' '.join([*launch, *script])}\n")
    options = ["--parsable", "--time=1", "--requeue", "--mem=1000", "--open-mode=append"]
    options += ["--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=3", "--gpus-per-node=1"]
    id = cluster.call("sbatch", *options, f"--output={tmp_path}/said.txt", str(job)).strip()
    until(lambda: (tmp_path / "whole.txt").exists(), "the last process", 240)
    said = (tmp_path / "said.txt").read_text()
    states = [(tmp_path / f"rank-{rank}.txt").read_text() for rank in (0, 1)]
    assert states == ["saved with 3 and went on in restart 1"] * 2, said
    assert f"job {id} is queued again" in said
