"""A GRPO run of the small model that kills itself, by signal 9, in a phase; notes what it samples.

Settings of its own may follow as JSON.
"""

import json
import os
import signal
import sys
from pathlib import Path

from grpo_fixtures import grpo_run

from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.train.core import engine, sharded_state
from r1v3.train.grpo import trainer as grpo
from r1v3.train.grpo.records import log
from r1v3.train.grpo.resume import saved_episodes
from r1v3.train.grpo.sampling import rollouts

phase, step, start, data, folder = sys.argv[1], int(sys.argv[2]), *map(Path, sys.argv[3:6])
settings = {"dynamic_sampling": {"max_rounds": 1}}
if sys.argv[6:]:
    settings = json.loads(sys.argv[6])
at = {"step": 0}
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


around(grpo, "run_episode", after="graded")
around(TransformersEngine, "generate_batch", before="generating", counts=True)
around(rollouts, "score_rollouts", before="grading")
around(saved_episodes, "save_episode", before="keeping", after="updating")
around(grpo, "update_policy", after="updated")
around(log, "write_rollouts", after="writing")
around(engine, "save_state", before="saving", after="between saves")
around(sharded_state, "_sha256", before="sealing")  # ZeRO's state is written, its sums are not
seconds = 0.0 if phase in ("saving", "between saves", "sealing") else 1e9
grpo_run(folder, start, data, **settings, resume={"seconds": seconds, "keep": 2})
