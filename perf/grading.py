"""Grade real answers with published scores: `make grading-report`.

Prints one line for each set: our verdicts against the published ones, then plain math-verify on the same
rows. Then it prints the Math-Verify cases, all golds against themselves, and the speed on K12-like answers.
It writes every disagreement with its reason to results/grading/.

    .venv/bin/python perf/grading.py [--sets mathvision/gemini gaokao/fill]
"""

import argparse
import json
import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

from r1v3.reward import Grader, extract_letters  # noqa: E402
from r1v3.reward.published import SETS, every_gold, grading_folder  # noqa: E402

ADJUDICATED = ROOT / "tests/unit/reward/adjudicated.jsonl"
K12 = ROOT / "tests/data/k12_cases.jsonl"
OUTPUT = ROOT / "results/grading"
LETTERS = tuple("ABCDEFGHIJ")


def read_jsonl(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def adjudicated(name: str) -> dict[str, str]:
    """Return the rows of a set whose label a person overruled, with the reason."""
    return {row["id"]: row["why"] for row in read_jsonl(ADJUDICATED) if row["set"] == name}


class Found(NamedTuple):
    """A grader's verdict on a row, with the rule and the reason."""

    right: bool
    answered: bool
    by: str = "math-verify"
    reason: str = ""


def our_verdicts(rows: list[dict], workers: int = 1) -> list[Found]:
    """Return the verdict of our rules on each row."""
    with Grader(workers=workers) as grader:
        return [
            Found(bool(v.correct), v.extracted is not None, v.by, v.reason)
            for v in grader.grade_many(rows)
        ]


def plain_verdicts(rows: list[dict]) -> list[Found]:
    """Return the verdict of math-verify on each row, called as in its manual."""
    logging.disable(logging.CRITICAL)
    from math_verify import (
        ExprExtractionConfig,
        LatexExtractionConfig,
        StringExtractionConfig,
        parse,
        verify,
    )

    symbolic = [LatexExtractionConfig(), ExprExtractionConfig()]
    found = []
    for row in rows:
        choice = row["type"].startswith("mcq")
        config = [StringExtractionConfig(strings=LETTERS)] if choice else symbolic
        golds = row["gold"] if isinstance(row["gold"], list) else [row["gold"]]
        answer = parse(row["response"], config)
        right = any(
            verify(parse(gold if choice or "$" in gold else f"${gold}$", config), answer)
            for gold in golds
        )
        found.append(Found(right, bool(answer)))
    return found


def timed(function, rows: list[dict]) -> tuple[list, float]:
    """Return the verdicts and their processor seconds, with those of child processes."""
    before = os.times()
    found = function(rows)
    after = os.times()
    spent = sum(after[index] - before[index] for index in range(4))
    return found, max(spent, 1e-3)


def wall(function, rows: list[dict], cores: int) -> float:
    """Return the wall-clock seconds for rows that are split over `cores` processes, without their start."""
    parts = [rows[index::cores] for index in range(cores)]
    with ProcessPoolExecutor(cores) as pool:
        list(pool.map(function, [rows[:2]] * cores))
        started = time.perf_counter()
        list(pool.map(function, parts))
        return time.perf_counter() - started


def compare(rows: list[dict], found: list[Found], settled: dict[str, str]) -> dict:
    """Return accuracy and agreement of verdicts with the labels of a set.

    `wrong` has all rows whose verdict differs from the label. No figure counts rows for which the published
    scorer drew an option at random.
    """
    labelled = [pair for pair in zip(rows, found, strict=True) if pair[0]["label"] is not None]
    unlike = [(row, one) for row, one in labelled if row["label"] != one.right]
    judged = [(row, one) for row, one in labelled if not row["drawn"]]
    wrong = [(row, one) for row, one in unlike if not row["drawn"]]
    open_rows = [(row, one) for row, one in wrong if row["id"] not in settled]
    kept = len(judged) - (len(wrong) - len(open_rows))
    return {
        "accuracy": sum(one.right for one in found) / len(rows),
        "raw": 1 - len(wrong) / len(judged) if judged else None,
        "agreement": 1 - len(open_rows) / kept if judged else None,
        "settled": len(wrong) - len(open_rows),
        "false_positives": sum(one.right for _, one in wrong),
        "false_negatives": sum(not one.right for _, one in wrong),
        "unanswered": sum(not one.answered for one in found),
        "wrong": unlike,
    }


def levelled(rows: list[dict], found: list[Found], settled: dict) -> float:
    """Return our accuracy, with drawn and settled rows counted as the published scorer counted them.

    If it drew an option because it found none, its recorded result counts. If only the total is published
    (MMMU), an unanswered choice counts as one over the number of options, which is the expectation.
    """
    total = 0.0
    for row, one in zip(rows, found, strict=True):
        if row["drawn"] or row["id"] in settled:
            total += row["label"]
        elif row["label"] is None and not one.answered and row["options"]:
            total += 1 / len(row["options"])
        else:
            total += one.right
    return total / len(rows)


def share(value: float | None) -> str:
    return "   -  " if value is None else f"{100 * value:6.2f}"


HEAD = (
    f"{'set':24s}{'n':>6s}{'right':>8s}{'publ.':>8s}{'drawn':>7s}{'levelled':>9s}{'agree':>8s}"
    f"{'settled':>8s}{'agree*':>8s}{'fp':>4s}{'fn':>4s}{'none':>6s}{'1/s':>8s}"
    f" | math-verify{'right':>7s}{'agree':>8s}{'fp':>5s}{'fn':>5s}{'none':>6s}{'1/s':>7s}"
)


def report_set(name: str) -> tuple[int, float, float]:
    """Print one line and write the disagreements of a set; return its size and both times."""
    published = SETS[name]
    rows = published.rows(grading_folder(ROOT))
    settled = adjudicated(name)
    found, seconds = timed(our_verdicts, rows)
    ours = compare(rows, found, settled)
    plain_found, plain_seconds = timed(plain_verdicts, rows)
    plain = compare(rows, plain_found, {})
    labels = [row["label"] for row in rows if row["label"] is not None]
    target = published.accuracy if published.accuracy is not None else sum(labels) / len(labels)
    print(
        f"{name:24s}{len(rows):6d}{share(ours['accuracy']):>8s}{share(target):>8s}"
        f"{sum(row['drawn'] for row in rows):7d}{share(levelled(rows, found, settled)):>9s}"
        f"{share(ours['raw']):>8s}{ours['settled']:8d}{share(ours['agreement']):>8s}"
        f"{ours['false_positives']:4d}{ours['false_negatives']:4d}{ours['unanswered']:6d}"
        f"{len(rows) / seconds:8.0f} |            {share(plain['accuracy']):>7s}"
        f"{share(plain['raw']):>8s}{plain['false_positives']:5d}{plain['false_negatives']:5d}"
        f"{plain['unanswered']:6d}{len(rows) / plain_seconds:7.0f}",
        flush=True,
    )
    write_listing(name.replace("/", "_"), listing(ours["wrong"], settled))
    return len(rows), seconds, plain_seconds


def listing(wrong: list[tuple[dict, Found]], settled: dict[str, str]) -> list[dict]:
    """Return a line for every row that differs from its label: the rule, its reason, and the answer."""
    return [
        {
            "id": row["id"],
            "label": row["label"],
            "drawn": row["drawn"],
            "ours": one.right,
            "by": one.by,
            "reason": one.reason,
            "settled": settled.get(row["id"]),
            "gold": row["gold"],
            "options": row["options"],
            "tail": row["response"][-400:],
        }
        for row, one in wrong
    ]


def write_listing(name: str, rows: list[dict]) -> None:
    with (OUTPUT / f"{name}.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def report_cases() -> None:
    """Print how many Math-Verify cases pass; a case states a verdict, or the letters that must be read."""
    cases = read_cases()
    rows = [row for row in cases if "gold" in row]
    failed = [
        {**row, "by": one.by, "reason": one.reason}
        for row, one in zip(rows, our_verdicts(rows), strict=True)
        if one.right != bool(row["expected"])
    ]
    for row in cases:
        if "gold" not in row and extract_letters(row["response"]) != row["expected"]:
            failed.append(row)
    argued = adjudicated("math_verify_tests")
    open_rows = [row for row in failed if row["id"] not in argued]
    print(
        f"math_verify_tests: {len(cases)} cases, {len(failed)} unlike the expectation, "
        f"of these argued {len(failed) - len(open_rows)}, open {len(open_rows)}"
    )
    write_listing("math_verify_tests", [{**row, "why": argued.get(row["id"])} for row in failed])


def read_cases() -> list[dict]:
    """Return the Math-Verify cases as rows; a stated precision becomes a tolerance."""
    path = grading_folder(ROOT) / "math_verify_tests/cases.json"
    rows = []
    for index, case in enumerate(json.loads(path.read_text("utf-8"))):
        row = {"id": str(index), "response": case["pred"], "type": "open"}
        row["expected"] = case.get("expected", case.get("result"))
        if "precision" in case:
            row["tolerance"] = 0.5 * 10 ** -case["precision"]
        if "gold" in case:
            row["gold"] = case["gold"]
        else:
            letters = [letter for letter in LETTERS if f"'{letter}'" in row["expected"]]
            row["expected"] = letters[-1] if letters else None
        rows.append(row)
    return rows


def report_golds() -> None:
    """Print how many golds are graded as right against themselves."""
    rows = every_gold(grading_folder(ROOT))
    found = our_verdicts(rows)
    wrong = [
        {**row, "by": one.by, "reason": one.reason}
        for row, one in zip(rows, found, strict=True)
        if not one.right
    ]
    print(f"golds against themselves: {len(rows) - len(wrong)} of {len(rows)} right")
    write_listing("golds", wrong)


def report_speed() -> None:
    """Print the K12-like answers per second, on one core and on all cores."""
    cases = [{"question": None, "options": None, **row} for row in read_jsonl(K12)]
    right = sum(
        one.right == row["correct"] for one, row in zip(our_verdicts(cases), cases, strict=True)
    )
    print(f"K12 cases: {right} of {len(cases)} right")
    golds = [row for row in every_gold(grading_folder(ROOT)) if row["type"] != "mcq"]
    rows = [row for row in cases if row["type"] in ("open", "fill")] + golds
    _, ours = timed(our_verdicts, rows)
    _, plain = timed(plain_verdicts, rows)
    print(
        f"speed, {len(rows)} K12-like answers, one core: ours {len(rows) / ours:.0f}/s, "
        f"math-verify {len(rows) / plain:.0f}/s, factor {plain / ours:.1f}"
    )
    cores = os.cpu_count() or 1
    ours, plain = wall(our_verdicts, rows, cores), wall(plain_verdicts, rows, cores)
    print(
        f"speed, all {cores} cores: ours {len(rows) / ours:.0f}/s, "
        f"math-verify {len(rows) / plain:.0f}/s, factor {plain / ours:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    print(HEAD)
    sizes, ours, plain = zip(*[report_set(name) for name in arguments.sets], strict=True)
    print(
        f"speed, all {sum(sizes)} published answers, one core: ours {sum(sizes) / sum(ours):.0f}/s, "
        f"math-verify {sum(sizes) / sum(plain):.0f}/s, factor {sum(plain) / sum(ours):.1f}"
    )
    report_cases()
    report_golds()
    report_speed()
    print(f"every disagreement: {OUTPUT.relative_to(ROOT)}/; * = settled rows set aside")


if __name__ == "__main__":
    main()
