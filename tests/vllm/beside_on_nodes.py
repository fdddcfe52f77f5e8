"""On every rank: the run of grpo_fixtures with a real vLLM on each of two nodes, which share this machine.

beside_on_nodes.py START DATA FOLDER
"""

import sys
from pathlib import Path

from grpo_fixtures import grpo_run


def main() -> None:
    start, data, folder = map(Path, sys.argv[1:])
    generation = {"engine": "vllm", "mode": "slow"}
    grpo_run(folder, start, data, generation=generation, prompts_per_step=6, steps=2)


if __name__ == "__main__":  # vLLM's own process imports this file once more
    main()
