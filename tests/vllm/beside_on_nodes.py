"""Runs the run of grpo_fixtures on every rank, with a real vLLM on each of two simulated nodes.

The requests of each vLLM are recorded beside the run.

beside_on_nodes.py START DATA FOLDER
"""

import json
import os
import sys
from pathlib import Path

from grpo_fixtures import grpo_run

from r1v3.generate.vllm.engine import open_vllm
from r1v3.train.grpo.sampling import sampler

asked = []


def open_counted(*arguments, **named):
    engine = open_vllm(*arguments, **named)
    generate = engine.generate

    def counted(requests, sampling):
        asked.append(len(requests))
        return generate(requests, sampling)

    engine.generate = counted
    return engine


def main() -> None:
    start, data, folder = map(Path, sys.argv[1:])
    generation = {"engine": "vllm", "mode": "slow"}
    sampler.open_vllm = open_counted
    grpo_run(folder, start, data, generation=generation, prompts_per_step=6, steps=2)
    (folder / f"asked-{os.environ['RANK']}.json").write_text(json.dumps(asked))


if __name__ == "__main__":  # vLLM's own process imports this file once more
    main()
