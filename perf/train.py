"""Measure tokens a second and peak memory of supervised fine-tuning: this trainer, transformers' and TRL's.

On a CPU it trains a medium InternVL of about 50M parameters. On a CUDA GPU it trains InternVL3's shapes of
1B, 2B and 8B with random weights. All sides train the same model on the same tokens in the same batches, each
in its own process. Repeats are interleaved, and medians of steps after the first are compared. Tokens are
those of prompts and replies, without padding. Prints a table and ends with one JSON line. `ahead` is true if
every aim that this machine can test is met: losses agree; more tokens a second and less memory than both
peers; still less memory with the connector alone; and on an H200 45 % of its peak at 2B and 8B.

    pip install -e '.[bench]'
    python perf/train.py [--repeats 3]
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

ROOT = Path(__file__).resolve().parents[1]
PEERS = {"transformers": "accelerate", "trl": "trl"}  # each with the package that it needs
# Samples a step, steps, and the longest reply, in tokens.
LOADS = {"50M": (4, 6, 256), "1B": (16, 8, 4096), "2B": (16, 8, 4096), "8B": (8, 8, 4096)}
MFU_AIM = {"2B": 0.45, "8B": 0.45}
LOSS_GAP = 0.02  # largest relative difference of losses; in float32 it is 1e-6


def shapes_here() -> tuple[list[str], bool]:
    """Return the shapes that fit on this machine, and whether its GPU is the one of the MFU's aim."""
    import torch

    if not torch.cuda.is_available():
        return ["50M"], False
    return ["1B", "2B", "8B"], "H200" in torch.cuda.get_device_name()


def call(side: str, shape: str, folder: Path, out: Path, train: list[str] | None = None) -> dict:
    """Run a side in a process of its own, and return its measurements, or {} if it failed."""
    batch, steps, longest = LOADS[shape]
    options = {"folder": folder, "shape": shape, "batch": batch, "steps": steps, "longest": longest}
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("train_sides.py"),
            side,
            *[part for name, value in options.items() for part in (f"--{name}", str(value))],
            "--out",
            out,
            *(["--train", *train] if train else []),
        ],
        env={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
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
    """Return medians over repeats, without the first step of each repeat."""
    rates = [sum(run["tokens"][1:]) / sum(run["seconds"][1:]) for run in runs]
    shares = [
        sum(share * seconds for share, seconds in zip(run["mfu"][1:], run["seconds"][1:]))
        / sum(run["seconds"][1:])
        for run in runs
    ]
    waiting = [statistics.mean(run["waiting"][1:]) for run in runs if run["waiting"]]
    return {
        "tokens_per_second": round(statistics.median(rates), 1),
        "peak_mib": round(statistics.median(run["peak"] for run in runs) / 2**20),
        "before_mib": round(statistics.median(run["before"] for run in runs) / 2**20),
        "mfu": possible(statistics.median(shares)),
        "rates": rates,
        "waiting": round(statistics.median(waiting), 4) if waiting else None,
        "losses": runs[0]["losses"],
    }


def measure(shape: str, folder: Path, repeats: int) -> dict[str, dict]:
    """Return every side's summary, without sides that are not installed or failed."""
    call("build", shape, folder, folder / "none")
    sides = ["ours", *(peer for peer, needs in PEERS.items() if importlib.util.find_spec(needs))]
    runs: dict[str, list] = {side: [] for side in sides}
    for repeat in range(repeats):
        for side in sides if repeat % 2 == 0 else sides[::-1]:
            runs[side].append(call(side, shape, folder, folder / f"{side}-{repeat}"))
    runs["ours, connector"] = [call("ours", shape, folder, folder / "connector", ["connector"])]
    return {side: summary(own) for side, own in runs.items() if all(own)}


def judge(shape: str, sides: dict[str, dict], is_h200: bool) -> dict:
    """Return the ratios to the peers, and whether each aim is met."""
    if "ours" not in sides:
        return {"aims": {"ours_ran": False}}
    ours, result, aims = sides["ours"], {}, {}
    for name in PEERS:
        if name not in sides:
            continue
        peer = sides[name]
        rates = [side.get("rates", [side["tokens_per_second"]]) for side in (ours, peer)]
        result[f"speed_over_{name}"] = round(median_ratio(*rates), 3)
        result[f"memory_of_{name}"] = round(peer["peak_mib"] / ours["peak_mib"], 3)
        aims[f"faster_than_{name}"] = result[f"speed_over_{name}"] > 1
        aims[f"smaller_than_{name}"] = result[f"memory_of_{name}"] > 1
        gaps = [abs(a - b) / abs(b) for a, b in zip(ours["losses"], peer["losses"], strict=True)]
        aims[f"losses_as_{name}"] = max(gaps) < LOSS_GAP
    frozen = sides.get("ours, connector")
    aims["frozen_groups_save_memory"] = bool(frozen) and frozen["peak_mib"] < ours["peak_mib"]
    if ours["mfu"] is None:
        aims["possible"] = False
    elif is_h200 and shape in MFU_AIM:
        aims["mfu"] = ours["mfu"] >= MFU_AIM[shape]
    return result | {"aims": aims}


def share(mfu: float | None) -> str:
    """Return a share of the peak for the table; an impossible share is `refused`."""
    return "refused" if mfu is None else f"{mfu:.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    at_start = busy()
    print(told_busy())
    shapes, is_h200 = shapes_here()
    for peer, needs in PEERS.items():
        if not importlib.util.find_spec(needs):
            print(f"{peer} is left out: {needs} is not installed (pip install -e '.[bench]')")
    print(f"{'model':6}{'side':18}{'tokens/s':>10}{'peak MiB':>10}{'MFU':>8}{'waiting':>9}")
    results = {}
    for shape in shapes:
        folder = Path(tempfile.mkdtemp(prefix="r1v3-train-"))
        sides = measure(shape, folder, args.repeats)
        shutil.rmtree(folder)
        for side, found in sides.items():
            waiting = "" if found["waiting"] is None else f"{found['waiting']:9.2%}"
            print(
                f"{shape:6}{side:18}{found['tokens_per_second']:10.1f}{found['peak_mib']:10d}"
                f"{share(found['mfu']):>8}{waiting}"
            )
        left_out = ("losses", "rates")
        figures = {
            side: {k: v for k, v in f.items() if k not in left_out} for side, f in sides.items()
        }
        results[shape] = figures | judge(shape, sides, is_h200)
    met = [aim for result in results.values() for aim in result["aims"].values()]
    peers = all(f"faster_than_{peer}" in r["aims"] for r in results.values() for peer in PEERS)
    print(json.dumps({**results, "busy": at_start, "ahead": all(met) and peers}))


if __name__ == "__main__":
    main()
