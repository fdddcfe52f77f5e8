"""Compare the plan with measurements: seconds and peak memory of training steps, models of 0.7M to 126M.

    python perf/plan.py

Each case runs in its own process, on one thread. Prints a line for each case, and fails if the plan misses
its aims: memory within 20 %, and time within a factor of 2. The constants are those of config/costs.yaml.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

from r1v3.plan.check import CASES, check_case  # noqa: E402


def main() -> int:
    missed = 0
    print(f"{'case':24} {'MB':>7} {'plan':>7} {'':>6} {'seconds':>8} {'plan':>8}")
    for name in CASES:
        told = check_case(ROOT, name)
        memory, time = told.planned_memory / told.memory, told.planned_seconds / told.seconds
        fine = 0.8 <= memory <= 1.2 and 0.5 <= time <= 2
        missed += not fine
        print(
            f"{name:24} {told.memory / 1e6:7.0f} {told.planned_memory / 1e6:7.0f} {memory:6.2f}"
            f" {told.seconds:8.3f} {told.planned_seconds:8.3f} {time:6.2f} {'' if fine else 'MISSED'}",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
