"""RL on two nodes: each has a vLLM of its own, which answers half of the prompts and follows every update."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here: `make test-vllm`")
pytest.importorskip("pandas", reason="records and rollouts need it")

from data_fixtures import source_config
from loopback import free_port
from training_fixtures import SOURCE
from vllm_models import write

from r1v3.data.prepare import prepare
from r1v3.train.core.metrics import read_metrics


def test_engines_of_two_nodes_answer_with_the_weights_that_learn(tmp_path):
    prepare(source_config(SOURCE, 6, name="set"), tmp_path / "data")
    start = write(tmp_path / "start", 0)
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1", "LOCAL_RANK": "0"}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    shared |= {"PYTHONPATH": os.pathsep.join(sys.path), "VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
    shared |= {"VLLM_WORKER_MULTIPROC_METHOD": "spawn"}  # a process group has threads
    script = Path(__file__).with_name("beside_on_nodes.py")
    command = [sys.executable, script, start, tmp_path / "data", tmp_path / "run"]
    ranks = [
        subprocess.Popen(
            command,
            env=os.environ | shared | {"RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    said = [rank.communicate(timeout=600)[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], "\n".join(each[-4000:] for each in said)
    asked = [json.loads((tmp_path / "run" / f"asked-{rank}.json").read_text()) for rank in range(2)]
    assert asked == [[3, 3], [3, 3]]
    rows = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [row["step"] for row in rows] == [1, 2]
    assert max(row["logprob_gap_max"] for row in rows) < 1e-3
