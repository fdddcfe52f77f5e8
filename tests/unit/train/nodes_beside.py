"""Runs the run of grpo_fixtures on every rank, with an engine beside the trainer on each node.

The engine replaces vLLM, which `tests/vllm` tests. It is a copy of the model that only new weights change.
The requests of each process are recorded beside the run.
"""

import json
import os
import sys
from pathlib import Path

from grpo_fixtures import grpo_run

from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.model.encode import Encoder
from r1v3.model.load import load_model, load_processor
from r1v3.train.grpo.sampling import sampler


class Beside(TransformersEngine):
    """A copy of the model that is offloaded while the policy learns; `asked` counts its prompts."""

    asked, offloaded = 0, False

    def generate_batch(self, requests, encoded, sampling):
        assert not self.offloaded
        self.asked += len(requests)
        return super().generate_batch(requests, encoded, sampling)

    def offload(self):
        self.offloaded = True

    def sync_weights(self, weights):
        self.offloaded = False
        return super().sync_weights(weights)


opened = []


def open_beside(images, start, thinking, *, first_gpu):
    model = load_model(start).eval()
    opened.append(Beside(model, Encoder(load_processor(start), images)))
    return opened[0]


sampler.open_vllm = open_beside
start, data, folder = map(Path, sys.argv[1:])
grpo_run(folder, start, data, generation={"engine": "vllm", "mode": "slow"})
note = folder / f"asked-{os.environ['RANK']}.json"
note.write_text(json.dumps([engine.asked for engine in opened]))
