"""Runs the run of grpo_fixtures on every rank by DeepSpeed, in both stages.

SIGTERM stops each run in its second step, and it is started again like a requeued job. A run that was killed
before is finished.
"""

import json
import os
import signal
import sys
from pathlib import Path

from grpo_fixtures import grpo_run, probe_run
from training_fixtures import SFT

from r1v3.reward import format_reward
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo import trainer as grpo
from r1v3.train.grpo.sampling import rollouts

start, data, folder = map(Path, sys.argv[1:])
ranks, learning_rate = Ranks.join(), grpo.learning_rate
codes = []


def terminated(step, *rest):
    if step == 1 and ranks.rank == ranks.world - 1:
        os.kill(os.getpid(), signal.SIGTERM)
    return learning_rate(step, *rest)


def zero(stage, **changes):
    return SFT["parallel"] | {"engine": "deepspeed", "zero": stage} | changes


RUNS = {
    "zero2": {"parallel": zero(2)},
    "zero3": {"parallel": zero(3, pass_tokens=60, gradient_checkpointing=True)},
    "zero3_reference": {
        "parallel": zero(3, pass_tokens=60),
        "kl": 0.1,
        "kl_estimator": "k3",
        "minibatches": 2,
    },
}
for name, settings in RUNS.items():
    ranks.wait()
    grpo.learning_rate = terminated
    try:
        grpo_run(folder / name, start, data, **settings)
    except SystemExit as left:
        codes.append(left.code)
    grpo.learning_rate = learning_rate
    facts = grpo_run(folder / name, start, data, **settings)
    if ranks.first:
        (folder / f"{name}.json").write_text(json.dumps(facts))
if (folder / "killed").exists():
    grpo_run(folder / "killed", start, data, parallel=zero(2))
rollouts.format_reward = format_reward
probe_run(folder / "probe", start, data, zero(3, pass_tokens=60))
if ranks.first:
    (folder / "codes.json").write_text(json.dumps(codes))
