"""Runs GRPO of the small model, which kills itself by signal 9 in a phase, and records what it samples.

Its own settings may follow as JSON, and then `here`. With `here`, an overlapping engine runs in a thread,
which saves the start of another process.
"""

import json
import os
import signal
import sys
from pathlib import Path

from grpo_fixtures import grpo_run

from r1v3.generate.apart.engine import EngineApart
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.model.encode import Encoder
from r1v3.model.load import load_model, load_processor
from r1v3.train.core import engine, sharded_state
from r1v3.train.grpo import trainer as grpo
from r1v3.train.grpo.records import log
from r1v3.train.grpo.resume import saved_episodes
from r1v3.train.grpo.sampling import rollouts, sampler, source

phase, step, start, data, folder = sys.argv[1], int(sys.argv[2]), *map(Path, sys.argv[3:6])
settings = {"dynamic_sampling": {"max_rounds": 1}}
if sys.argv[6:]:
    settings = json.loads(sys.argv[6])
at = {"step": 0}


class Here(TransformersEngine):
    """`EngineApart` without another process: it has its own model."""

    def __init__(self, opening):
        encoder = Encoder(load_processor(opening.start), opening.images)
        super().__init__(load_model(opening.start), encoder)

    def offload(self):
        """Do nothing: the engine goes on."""

    def close(self):
        """Do nothing: the engine ends with its thread."""


if sys.argv[7:]:
    sampler.EngineApart = Here
folder.mkdir(exist_ok=True)


def around(module, name, *, before="", after="", counts=False):
    """Kill before or after the call of a function that belongs to the phase, in the chosen step."""
    function = getattr(module, name)

    def wrapped(*args, **options):
        if name == "run_episode":
            at["step"] = int(options["seed"].split("/")[1]) + 1
        if counts:
            with (folder / "sampled.txt").open("a") as note:
                note.write(f"{at['step']}\n")
        if phase == before and at["step"] == step:
            os.kill(os.getpid(), signal.SIGKILL)
        found = function(*args, **options)
        if phase == after and at["step"] == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(module, name, wrapped)


around(source, "run_episode", after="graded")
for engines in (TransformersEngine, EngineApart):
    around(engines, "generate_batch", before="generating", counts=True)
around(rollouts, "score_rollouts", before="grading")
around(saved_episodes, "save_episode", before="keeping", after="updating")
around(grpo, "update_policy", after="updated")
around(log, "write_rollouts", after="writing")
around(engine, "save_state", before="saving", after="between saves")
around(sharded_state, "_sha256", before="sealing")  # ZeRO's state is written, its sums are not
if phase == "ahead":  # each step's state is saved, and the next ones' rollouts lie beside it
    around(grpo, "update_policy", after="ahead")
seconds = 0.0 if phase in ("saving", "between saves", "sealing", "ahead") else 1e9
grpo_run(folder, start, data, **settings, resume={"seconds": seconds, "keep": 2})
