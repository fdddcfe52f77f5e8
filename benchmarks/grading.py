"""Run the grader over real answers with published scores: `make grading-report`.

Reads the folder named by R1V3_GRADING (else ../shared/grading), prints one line a set, and writes
every disagreement with its reason under results/grading/.

    .venv/bin/python benchmarks/grading.py [--sets mathvision/gemini ...] [--no-math-verify]
"""

import argparse
import ast
import csv
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

from r1v3.reward import Grader  # noqa: E402

ADJUDICATED = ROOT / "tests/unit/reward/adjudicated.jsonl"
OUTPUT = ROOT / "results/grading"


def grading_folder() -> Path:
    """Return the folder of real answers."""
    return Path(os.environ.get("R1V3_GRADING") or ROOT.parent / "shared/grading")


def _jsonl(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def mmmu(folder: Path, name: str, published: float) -> Iterator[dict]:
    """900 validation items; only the total is published."""
    for item in _jsonl(folder / f"mmmu/{name}.jsonl"):
        choice = item["question_type"] == "multiple-choice"
        options = [item["index2ans"][letter] for letter in item["all_choices"]] if choice else None
        yield _row(
            item["id"], item["response"], item["answer"], "mcq" if choice else "open", options
        )


def mmmu_pro(folder: Path, name: str, published: float) -> Iterator[dict]:
    """1,730 items of up to ten options, a verdict for each."""
    for item in _jsonl(folder / f"mmmu_pro/{name}.jsonl"):
        options = ast.literal_eval(item["options"])
        label = bool(item["if_right"])
        yield _row(item["id"], item["response"], item["answer"], "mcq", options, label)


def mathvista(folder: Path, name: str, published: float) -> Iterator[dict]:
    """1,000 testmini items: options given as texts, integers, floats to a stated precision."""
    for key, item in json.loads((folder / f"mathvista/{name}.json").read_text("utf-8")).items():
        choice = item["question_type"] == "multi_choice"
        precision = item["precision"]
        tolerance = 0.5 * 10 ** -int(precision) if precision and not choice else None
        yield _row(
            key,
            item["response"],
            item["answer"],
            "mcq" if choice else "open",
            item["choices"] if choice else None,
            bool(item["true_false"]),
            item["question"],
            tolerance,
        )


def mathvision(folder: Path, name: str, published: float) -> Iterator[dict]:
    """3,040 items, half of them with five options, a verdict for each."""
    golds = {item["id"]: item for item in _jsonl(folder / "mathvision/test.jsonl")}
    for item in _jsonl(folder / f"mathvision/{name}.jsonl"):
        gold = golds[item["id"]]
        kind = "mcq" if gold["options"] else "open"
        yield _row(
            item["id"], item["response"], gold["answer"], kind, gold["options"] or None,
            item["correct"], gold["question"],
        )  # fmt: skip


def logicvista(folder: Path, name: str, published: float) -> Iterator[dict]:
    """448 items, some with several letters; the label is GPT-4's reading of the answer."""
    questions = json.loads((folder / "logicvista/dataset.json").read_text("utf-8"))
    with (folder / f"logicvista/{name}-accuracy-results.csv").open(encoding="utf-8") as table:
        for item in csv.DictReader(table):
            gold = ", ".join(ast.literal_eval(item["true answer"])).upper()
            raw = next(value for key, value in item.items() if key.endswith("answer raw"))
            kind = "mcq_multi" if "," in gold else "mcq"
            yield _row(
                item["id"],
                raw,
                gold,
                kind,
                None,
                item["match?"] == "1",
                questions[item["id"]]["question"],
            )


def gaokao(folder: Path, name: str, published: float) -> Iterator[dict]:
    """Chinese examination items: options, and blanks marked by GPT-4 (right = full marks)."""
    examples = json.loads((folder / f"gaokao/{name}.json").read_text("utf-8"))["example"]
    for item in examples:
        if "model_answer" in item:
            gold, label = (
                "".join(item["standard_answer"]),
                item["model_answer"] == item["standard_answer"],
            )
            yield _row(
                item["index"], item["model_output"], gold, "mcq", None, label, item["question"]
            )
        else:
            label = sum(item["model_correction_score"]) >= item["score"]
            gold = item["standard_answer"]
            yield _row(
                item["index"], item["model_output"], gold, "fill", None, label, item["question"]
            )


def _row(
    row_id, response, gold, kind, options=None, label=None, question=None, tolerance=None
) -> dict:
    return {
        "id": str(row_id),
        "response": response or "",
        "gold": gold,
        "type": kind,
        "options": options,
        "label": label,
        "question": question,
        "tolerance": tolerance,
    }


# name: loader, file, published accuracy, agreement wanted
SETS: dict[str, tuple[Callable, str, float, float]] = {
    "mmmu/llava": (mmmu, "llava1.5_13b", 0.367, 0.98),
    "mmmu/qwen": (mmmu, "qwen_vl", 0.361, 0.98),
    "mmmu_pro/cot": (mmmu_pro, "gpt-4o_vision_cot", 0.5006, 0.98),
    "mmmu_pro/direct": (mmmu_pro, "gpt-4o_vision_direct", 0.4243, 0.98),
    "mathvista/bard": (mathvista, "output_bard", 0.348, 0.99),
    "mathvista/gpt4": (mathvista, "output_gpt4_2shot_solution_use_ocr", 0.321, 0.99),
    "mathvision/gemini": (mathvision, "Gemini-Pro-CoT", 436 / 3040, 0.99),
    "mathvision/llava": (mathvision, "LLaVA-v1.5-13B", 338 / 3040, 0.99),
    "logicvista/llava": (logicvista, "LLAVA7B", None, 0.98),
    "logicvista/instructblip": (logicvista, "instructBLIP-vicuna-7B", None, 0.98),
    "logicvista/minigpt": (logicvista, "miniGPTvicuna13B", None, 0.98),
    "logicvista/otter": (logicvista, "otter9B", None, 0.98),
    "gaokao/choice": (gaokao, "Math_I_MCQs_gpt4", 115 / 214, 0.98),
    "gaokao/fill": (gaokao, "Math_I_fill_in_gpt4_marked", None, 0.99),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name in arguments.sets:
        loader, file, published, _ = SETS[name]
        rows = list(loader(grading_folder(), file, published))
        with Grader() as grader:
            started = time.perf_counter()
            verdicts = grader.grade_many(rows)
            seconds = time.perf_counter() - started
        right = sum(v.correct for v in verdicts) / len(rows)
        labels = [r["label"] for r in rows if r["label"] is not None]
        published = published if published is not None else sum(labels) / len(labels)
        wrong = [
            (r, v)
            for r, v in zip(rows, verdicts)
            if r["label"] is not None and r["label"] != v.correct
        ]
        fp = sum(v.correct for _, v in wrong)
        unanswered = sum(v.extracted is None for v in verdicts)
        print(
            f"{name:26s} n={len(rows):5d} ours={right:.4f} pub={published:.4f} agree={1 - len(wrong) / max(1, len(labels)):.4f} fp={fp} fn={len(wrong) - fp} unans={unanswered} {len(rows) / seconds:.0f}/s"
        )
        with (OUTPUT / (name.replace("/", "_") + ".jsonl")).open("w") as out:
            for r, v in wrong:
                out.write(
                    json.dumps(
                        {
                            "id": r["id"],
                            "type": r["type"],
                            "label": r["label"],
                            "gold": r["gold"],
                            "options": r["options"],
                            "extracted": v.extracted,
                            "by": v.by,
                            "reason": v.reason,
                            "response": r["response"][-600:],
                        },
                        ensure_ascii=False,
                    )
                    + "\n"
                )


if __name__ == "__main__":
    main()
