"""Measure steps a second and peak memory of GRPO: this loop and TRL's `GRPOTrainer`.

On a CPU it trains the tiny recipe's model, and one with a vocabulary of 151,674. On a CUDA GPU it trains
InternVL3's shapes of 1B and 2B. Both sides train the same random weights on the same questions, with the same
samples, lengths and reward, each in its own process. Repeats are interleaved, and medians over steps after
the first and over repeats are compared. Our figures include all measurements and records of a run. The
seconds of grading are those by which it takes longer than generating. Prints a table and ends with one JSON
line. `ahead` is true if every aim that this machine can test is met: 1.5 times TRL's steps a second on the
tiny model, a lower peak with the large vocabulary, and on an H200 35 % of its peak in the update.

    pip install -e '.[bench]'
    python perf/grpo.py [--repeats 3] [--steps 5]
"""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from machine import busy, median_ratio, possible, told_busy

PHASES = ("generate", "reward", "update")
SPEED_AIM, MFU_AIM = 1.5, 0.35
MOST_STEPS = {"151k": 3}  # TRL takes half a minute for a step
LENGTH_GAP = 0.05  # largest relative difference of the sides' sampled tokens


def shapes_here() -> tuple[list[str], bool]:
    """Return the shapes that fit on this machine, and whether its GPU is the one of the MFU's aim."""
    import torch

    if not torch.cuda.is_available():
        return ["tiny", "151k"], False
    return ["1B", "2B"], "H200" in torch.cuda.get_device_name()


def call(side: str, shape: str, steps: int, folder: Path, out: Path) -> dict:
    """Run a side in a process of its own, and return its measurements, or {} if it failed."""
    script = Path(__file__).with_name("grpo_sides.py")
    options = {"folder": folder, "shape": shape, "steps": steps, "out": out}
    done = subprocess.run(
        [
            sys.executable,
            script,
            side,
            *[w for k, v in options.items() for w in (f"--{k}", str(v))],
        ],
        env={"OMP_NUM_THREADS": "1", **os.environ, "TOKENIZERS_PARALLELISM": "false"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"{side} on {shape} failed: {done.stdout.strip().splitlines()[-1]}")
        return {}
    found = out / "found.json"
    return json.loads(found.read_text()) if found.exists() else {}


def summary(runs: list[dict]) -> dict:
    """Return medians over all steps but the first of each repeat."""

    def median(key: str) -> float:
        return statistics.median(value for run in runs for value in run[key][1:])

    rates = [sum(run["tokens"][1:]) / sum(run["seconds"][1:]) for run in runs]
    found = {"seconds": median("seconds")} | {phase: median(phase) for phase in PHASES}
    found = {name: round(value, 4) for name, value in found.items()}
    found["steps_per_second"] = round(1 / median("seconds"), 4)
    found["tokens_per_second"] = round(statistics.median(rates), 1)
    found["tokens_per_step"] = round(median("tokens"))
    found["peak_mib"] = round(statistics.median(run["peak"] for run in runs) / 2**20)
    if "mfu" in runs[0]:
        found["update_mfu"] = possible(median("mfu"))
    found["step_rates"] = [1 / statistics.median(run["seconds"][1:]) for run in runs]
    return found


def measure(shape: str, repeats: int, steps: int) -> dict[str, dict]:
    """Return every side's summary, without sides that are not installed or failed."""
    folder = Path(tempfile.mkdtemp(prefix="r1v3-grpo-"))
    steps = min(steps, MOST_STEPS.get(shape, steps))
    call("build", shape, steps, folder, folder / "none")
    sides = ["ours", *(["trl"] if importlib.util.find_spec("trl") else [])]
    runs: dict[str, list] = {side: [] for side in sides}
    for repeat in range(repeats):
        for side in sides if repeat % 2 == 0 else sides[::-1]:
            runs[side].append(call(side, shape, steps, folder, folder / f"{side}-{repeat}"))
    shutil.rmtree(folder)
    return {side: summary(own) for side, own in runs.items() if all(own)}


def judge(shape: str, sides: dict[str, dict], is_h200: bool) -> dict:
    """Return the ratios to TRL, and whether each aim is met."""
    if "ours" not in sides:
        return {"aims": {"ours_ran": False}}
    ours, result, aims = sides["ours"], {}, {}
    if "trl" in sides:
        trl = sides["trl"]
        rates = [side.get("step_rates", [side["steps_per_second"]]) for side in (ours, trl)]
        result["speed_over_trl"] = round(median_ratio(*rates), 3)
        result["memory_of_trl"] = round(trl["peak_mib"] / ours["peak_mib"], 3)
        gap = abs(ours["tokens_per_step"] / trl["tokens_per_step"] - 1)
        aims["same_lengths"] = gap < LENGTH_GAP
        if shape == "tiny":
            aims["faster_than_trl"] = result["speed_over_trl"] >= SPEED_AIM
        if shape == "151k":
            aims["smaller_than_trl"] = result["memory_of_trl"] > 1
    if ours.get("update_mfu", 0.0) is None:
        aims["possible"] = False
    elif is_h200:
        aims["mfu"] = ours["update_mfu"] >= MFU_AIM
    return result | {"aims": aims}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    args = parser.parse_args()
    at_start = busy()
    print(told_busy())
    shapes, is_h200 = shapes_here()
    peer = importlib.util.find_spec("trl") is not None
    if not peer:
        print("TRL is left out: it is not installed (pip install -e '.[bench]')")
    columns = ("s/step", *PHASES, "tokens/s", "peak MiB")
    print(f"{'model':6}{'side':6}" + "".join(f"{name:>10}" for name in columns))
    results = {}
    for shape in shapes:
        sides = measure(shape, args.repeats, args.steps)
        for side, found in sides.items():
            times = "".join(f"{found[key]:10.3f}" for key in ("seconds", *PHASES))
            print(
                f"{shape:6}{side:6}{times}{found['tokens_per_second']:10.1f}{found['peak_mib']:10d}"
            )
        results[shape] = sides | judge(shape, sides, is_h200)
    met = [aim for result in results.values() for aim in result["aims"].values()]
    print(json.dumps({**results, "busy": at_start, "ahead": peer and all(met)}))


if __name__ == "__main__":
    main()
