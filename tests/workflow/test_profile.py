"""The Slurm profile and what it launches agree."""

import re
from pathlib import Path

import yaml

PROFILE = Path(__file__).parents[2] / "slurm" / "config.yaml"


def test_supervised_training_has_a_process_for_every_gpu_and_time_to_save():
    sft = yaml.safe_load(PROFILE.read_text())["set-resources"]["sft"]
    assert int(re.search(r"--nproc-per-node=(\d+)", sft["launcher"])[1]) == sft["gpu"]
    assert int(re.search(r"--shutdown-timeout=(\d+)", sft["launcher"])[1]) >= 300
