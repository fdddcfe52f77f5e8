"""Starts a generation job, kills it in the middle with SIGKILL, starts it again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from answering import SAMPLING, requests

from r1v3.generate.store import read_responses

ROOT = Path(__file__).parents[2]


def killed_and_resumed(engine: str, checkpoint: Path, folder: Path) -> tuple[int, int, dict]:
    """Return responses at the kill, responses asked for later, and all at the end by (key, sample)."""
    script = Path(__file__).with_name("answering.py")
    command = [sys.executable, str(script), engine, str(checkpoint), str(folder)]
    paths = f"{ROOT}/workflow:{ROOT}/tests/unit"
    environment = os.environ | {"PYTHONPATH": paths}
    total = len(requests()) * SAMPLING.samples
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    while process.poll() is None:
        if sum(1 for _ in read_responses(folder, "sums")) >= total // 3:
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.02)
    assert process.wait() == -signal.SIGKILL, "the job ended before it could be killed"
    before = sum(1 for _ in read_responses(folder, "sums"))
    with open(folder / "sums.0-of-1.jsonl", "a") as file:
        file.write('{"key": "sums/0", "ru')  # as a kill may leave it
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    rows = {(row["key"], row["run"]): row for row in read_responses(folder, "sums")}
    return before, int(done.stdout.split()[-1]), rows
