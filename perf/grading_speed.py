"""Measure how many answers a second we and math-verify grade: 20,000 answers, without start-up.

There are two sets. One has answers to K12-like questions: the cases of tests/data/k12_cases.jsonl, and
answers that `r1v3 attack` makes for the golds of the published sets. The other has the published answers, and
the golds as answers. Each repeat runs in its own process, because both sides cache what they read. It grades
WARM answers first, whose time counts as start-up (our algebra worker starts there too), and then the others.
Figures for one core are processor time, with that of the worker. Figures for all cores are wall-clock time.
Medians of the repeats are shown.

    .venv/bin/python perf/grading_speed.py [--answers 20000] [--repeats 5] [--walls 5]
"""

import argparse
import json
import os
import random
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "perf")]

from grading import K12, plain_verdicts, read_jsonl  # noqa: E402

from r1v3.reward import Grader  # noqa: E402
from r1v3.reward.attack.question import read_questions  # noqa: E402
from r1v3.reward.attack.run import make  # noqa: E402
from r1v3.reward.published import SETS, every_gold, grading_folder  # noqa: E402

WARM = 200
SIDES = ("ours", "math-verify")
ALGEBRA = {
    "response": r"\boxed{\int_0^1 x^2 dx}",
    "gold": r"\int_0^1 2x^2 dx - \frac13",
    "type": "open",
    "question": None,
    "options": None,
}


def k12_like(count: int) -> list[dict]:
    """Return open and fill-in answers: the cases, and made-up answers for the golds of published sets."""
    blank = {"question": None, "options": None}
    cases = [{**blank, **row} for row in read_jsonl(K12) if row["type"] in ("open", "fill")]
    golds = [row for row in every_gold(grading_folder(ROOT)) if row["type"] in ("open", "fill")]
    lines = [
        json.dumps({"id": row["id"], "gold": row["gold"], "type": row["type"], "question": ""})
        for row in golds
    ]
    made = [one.row for one in make(read_questions(lines, "golds"))]
    rows = cases + golds + made
    random.Random(1).shuffle(rows)
    return rows[:count]


def published(count: int) -> list[dict]:
    """Return the published answers, and the golds as answers to themselves."""
    folder = grading_folder(ROOT)
    rows = [row for one in SETS.values() for row in one.rows(folder)] + every_gold(folder)
    random.Random(1).shuffle(rows)
    return rows[:count]


class Side:
    """One grader, which stays open so that its caches stay filled."""

    def __init__(self, name: str):
        self.grader = Grader(workers=1) if name == "ours" else None

    def grade(self, rows: list[dict]) -> None:
        if self.grader is None:
            plain_verdicts(rows)
        else:
            self.grader.grade_many(rows)

    def start(self, rows: list[dict]) -> None:
        """Grade the first answers, and one that needs algebra, so that no worker starts later."""
        self.grade([*rows, ALGEBRA])

    def spent(self) -> float:
        """Return the processor seconds of this process and of its algebra worker."""
        total = time.process_time()
        for worker in self.grader._pool._idle if self.grader else ():
            fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return total


def _grade(task: tuple[str, list[dict]]) -> tuple[float, float, float]:
    """Return the processor seconds of start-up, and processor and wall-clock seconds of the later answers."""
    name, rows = task
    side = Side(name)
    before = side.spent()
    side.start(rows[:WARM])
    start = side.spent()
    clock = time.perf_counter()
    side.grade(rows[WARM:])
    return start - before, side.spent() - start, time.perf_counter() - clock


def measure(
    name: str, rows: list[dict], repeats: int, walls: int, cores: int
) -> tuple[float, float, float]:
    """Return the medians of start-up seconds, and of answers a second on one core and on all cores."""
    one, many = [], []
    for _ in range(repeats):
        with ProcessPoolExecutor(1) as pool:
            one.append(pool.submit(_grade, (name, rows)).result())
    parts = [(name, rows[place::cores]) for place in range(cores)]
    for _ in range(walls):
        with ProcessPoolExecutor(cores) as pool:
            many.append(max(wall for _, _, wall in pool.map(_grade, parts)))
    counted = len(rows) - WARM
    start = statistics.median(start for start, _, _ in one)
    alone = statistics.median(counted / spent for _, spent, _ in one)
    together = statistics.median((len(rows) - cores * WARM) / wall for wall in many)
    return start, alone, together


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--walls", type=int, default=5, help="repeats on all cores")
    arguments = parser.parse_args()
    cores = os.cpu_count() or 1
    head = f"{'set':10s}{'n':>7s}  {'side':12s}{'start s':>9s}{'1 core /s':>11s}"
    print(head + f"{cores} cores /s".rjust(13))
    for label, rows_of in (("published", published), ("K12-like", k12_like)):
        rows = rows_of(arguments.answers)
        found = {}
        for name in SIDES:
            found[name] = measure(name, rows, arguments.repeats, arguments.walls, cores)
            start, alone, together = found[name]
            line = f"{label:10s}{len(rows):7d}  {name:12s}{start:9.2f}{alone:11.0f}{together:13.0f}"
            print(line, flush=True)
        ours, plain = found["ours"], found["math-verify"]
        factors = f"{ours[1] / plain[1]:11.1f}{ours[2] / plain[2]:13.1f}"
        print(f"{label:10s}{'':7s}  {'factor':21s}{factors}", flush=True)
    print(f"load average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
