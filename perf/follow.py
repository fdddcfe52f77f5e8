"""Measure what MLflow's live copy costs a training step: the wait for the file, and processor time.

Simulated training computes for a fixed time in each step and writes its metrics, first alone and then with a
follower. The database is a SQLite file.

    python perf/follow.py --steps 100 --seconds 0.5
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from r1v3.train.core.metrics import MetricsLog

HERE = Path(__file__).parents[1]
CONFIG = '{"kind": "grpo", "name": "rl", "hash": "0123456789", "document": {"seed": 1}}'
METRICS = {f"metric_{n}": 0.5 for n in range(20)}


FOLLOW = """
import os, sys
from pathlib import Path
from r1v3.analyze.mlflow.live import alive, follow_runs
os.nice(10)
root, parent = Path(sys.argv[1]), int(sys.argv[2])
going_on = lambda: alive(parent) and not (root / "end").exists()
follow_runs(root, f"sqlite:///{root}/mlflow.db", "tiny", going_on=going_on)
"""


def train(folder: Path, steps: int, rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each step's fixed work, and of each step's writing."""
    (folder / "config.json").write_text(CONFIG)
    log, work, writing = MetricsLog(folder / "metrics.jsonl"), [], []
    for step in range(1, steps + 1):
        began = time.perf_counter()
        compute(rounds)
        done = time.perf_counter()
        log.write(step, **METRICS, seconds=done - began)
        writing.append(time.perf_counter() - done)
        work.append(done - began)
    return work, writing


def compute(rounds: int) -> float:
    total = 0.0
    for n in range(rounds):
        total += n * n
    return total


def calibrated(seconds: float) -> int:
    began = time.perf_counter()
    compute(1_000_000)
    return round(1_000_000 * seconds / (time.perf_counter() - began))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="of a step")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        runs = [root / "results" / "runs" / f"rl_{n}-0123456789" for n in ("alone", "followed")]
        for run in runs:
            run.mkdir(parents=True)
        warm = root / "results" / "runs" / "warm-0123456789"
        rounds = calibrated(args.seconds)
        report("alone", *train(runs[0], args.steps, rounds))
        follower = subprocess.Popen(
            [sys.executable, "-c", FOLLOW, str(root), str(os.getpid())],
            env=os.environ | {"PYTHONPATH": str(HERE / "workflow")},
        )
        time.sleep(3)
        warm.mkdir()
        train(warm, 1, 1000)
        time.sleep(15)  # time to import MLflow and make the tables, once for each workflow
        begin = processor_time(follower.pid)
        report("with a follower beside it", *train(runs[1], args.steps, rounds))
        used = processor_time(follower.pid) - begin
        (root / "end").touch()
        follower.wait()
        share = used / (args.steps * args.seconds)
        print(
            f"follower: {begin:.1f} s of processor time to start, then {1000 * used / args.steps:.1f} ms "
            f"a step, {share:.2%} of one core, at low priority"
        )


def processor_time(process: int) -> float:
    """Return the processor seconds that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(what: str, work: list[float], writing: list[float]) -> None:
    step, write = statistics.median(work), statistics.median(writing)
    print(
        f"{what}: step {1000 * step:.1f} ms (mean {1000 * statistics.mean(work):.1f}), writing "
        f"{1e6 * write:.0f} us, {write / step:.4%} of a step; longest {1e3 * max(writing):.2f} ms"
    )


if __name__ == "__main__":
    main()
