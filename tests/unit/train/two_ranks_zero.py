"""Runs the run of training_fixtures on every rank by DeepSpeed, in both stages and with other settings.

SIGTERM stops each run after its third step, and it is started again like a requeued job.
"""

import json
import os
import signal
import sys
from pathlib import Path

from training_fixtures import SFT, sft_run

from r1v3.train.core.ranks import Ranks
from r1v3.train.sft import trainer as sft

start, data, folder = map(Path, sys.argv[1:])
ranks = Ranks.join()
check = sft.check_step
codes = []


def terminated(step, *rest):
    check(step, *rest)
    if step == 3 and ranks.rank == ranks.world - 1:
        os.kill(os.getpid(), signal.SIGTERM)


def zero(stage, **changes):
    return SFT["parallel"] | {"engine": "deepspeed", "zero": stage} | changes


RUNS = {
    "zero2": {"parallel": zero(2)},
    "zero3": {"parallel": zero(3, pass_tokens=150, gradient_checkpointing=True)},
    "zero2_packed": {"parallel": zero(2, pass_tokens=150)},
    "zero3_bfloat16": {"parallel": zero(3), "dtype": "bfloat16"},
    "zero3_connector": {"parallel": zero(3), "train": ["connector"]},
}
for name, settings in RUNS.items():
    ranks.wait()
    sft.check_step = terminated
    try:
        sft_run(folder / name, start, data, **settings)
    except SystemExit as left:
        codes.append(left.code)
    sft.check_step = check
    facts = sft_run(folder / name, start, data, **settings)
    if ranks.first:
        (folder / f"{name}.json").write_text(json.dumps(facts))
if ranks.first:
    (folder / "codes.json").write_text(json.dumps(codes))
