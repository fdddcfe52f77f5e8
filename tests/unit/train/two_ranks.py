"""Runs the runs of test_training_resumes on every rank."""

import sys
from pathlib import Path

from grpo_fixtures import grpo_run, overlapped_run
from training_fixtures import packed_sft_run, sft_run

start, data, folder = map(Path, sys.argv[2:])
RUNS = {
    "sft": sft_run,
    "packed_sft": packed_sft_run,
    "grpo": grpo_run,
    "overlapped": overlapped_run,
}
RUNS[sys.argv[1]](folder, start, data)
