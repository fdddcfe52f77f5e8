"""Compare rollouts that are sampled while the policy learns with on-policy ones: speed, and what is learned.

Both sides train the tiny recipe's model from the same random weights, on the same questions, with the same
importance weights, each in its own process with one thread. On the side `overlapped` a second process
samples. Both sides reward digits. Repeats are interleaved. The ratio is the median over repeats of the ratio
of the sides' median steps, and the reward is the mean of the last quarter of steps. `to 90 %` is the first
step with 90 % of on-policy's gain, and the clock ratio compares the time until then. `ahead` is true if
overlapped is faster, gains at least 95 % of what on-policy gains, and reaches 90 % of it sooner.

    python perf/overlapped.py [--repeats 3] [--steps 40]
"""

import argparse
import json
import math
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from grpo import call
from machine import busy, median_ratio, told_busy

SIDES = ("on_policy", "overlapped")
SHAPE, EQUAL = "tiny", 0.95
NEARLY = 0.9  # share of on-policy's gain


def summary(runs: list[dict]) -> dict:
    """Return medians over repeats: of the median step, of its parts, and of the reward at both ends."""

    def median(key: str) -> float:
        return round(statistics.median(statistics.median(run[key][1:]) for run in runs), 3)

    quarter = max(1, len(runs[0]["format"]) // 4)
    last = statistics.median(statistics.mean(run["format"][-quarter:]) for run in runs)
    found = {name: median(name) for name in ("seconds", "generate", "update", "tokens")}
    found["rates"] = [1 / statistics.median(run["seconds"][1:]) for run in runs]
    found["curve"] = [round(value, 4) for value in runs[0]["format"]]
    found["first"] = round(statistics.median(run["format"][0] for run in runs), 4)
    return found | {"last": round(last, 4)}


def steps_to(curve: list[float], reward: float) -> int | None:
    """Return the steps until a curve first reaches the reward, or None if it never does."""
    return next((n + 1 for n, value in enumerate(curve) if value >= reward), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    args = parser.parse_args()
    at_start = busy()
    print(told_busy())
    folder = Path(tempfile.mkdtemp(prefix="r1v3-overlapped-"))
    call("build", SHAPE, args.steps, folder, folder / "none")
    runs: dict[str, list[dict]] = {side: [] for side in SIDES}
    for repeat in range(args.repeats):
        for side in SIDES if repeat % 2 == 0 else SIDES[::-1]:
            out = folder / f"{side}-{repeat}"
            runs[side].append(call(side, SHAPE, args.steps, folder, out))
    shutil.rmtree(folder)
    found = {side: summary(own) for side, own in runs.items() if all(own)}
    if plain := found.get("on_policy"):
        goal = plain["first"] + NEARLY * (plain["last"] - plain["first"])
        for own in found.values():
            own["to 90 %"] = steps_to(own["curve"], goal)
    columns = ("seconds", "generate", "update", "tokens", "first", "last", "to 90 %")
    print(f"{'side':12}" + "".join(f"{name:>10}" for name in columns))
    for side, own in found.items():
        print(f"{side:12}" + "".join(f"{own.get(name) or math.nan:10.3f}" for name in columns))
    result, aims = {}, {"both_ran": len(found) == len(SIDES)}
    if aims["both_ran"]:
        apart, together = found["overlapped"], found["on_policy"]
        result["speed_over_on_policy"] = round(median_ratio(apart["rates"], together["rates"]), 3)
        times = [
            (own["to 90 %"] or math.inf) * statistics.median(1 / rate for rate in own["rates"])
            for own in (apart, together)
        ]
        result["clock_to_90_percent"] = round(times[1] / times[0], 3)
        aims["sooner_by_the_clock"] = times[0] < times[1]
        gained = [own["last"] - own["first"] for own in (apart, together)]
        aims["faster"] = result["speed_over_on_policy"] > 1
        aims["learns_as_much"] = gained[0] >= EQUAL * gained[1] > 0
    print(
        json.dumps({**found, **result, "aims": aims, "busy": at_start, "ahead": all(aims.values())})
    )


if __name__ == "__main__":
    main()
