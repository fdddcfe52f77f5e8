"""Reads real answers of real models with published verdicts, as rows for the grader.

The environment variable R1V3_GRADING names the folder; the default is ../shared/grading beside the
repository. Each row has a `label` and a `drawn`. `label` is the published verdict, None if only a total is
published. `drawn` is true if the published scorer found no option in the answer. It then chose one at random
(MMMU, MMMU-Pro) or the option with the most similar spelling (MathVista), so its verdict says nothing about
the answer.
"""

import ast
import csv
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from r1v3.reward.verdict import AnswerRow

_LETTER = re.compile(r"(?<![A-Za-z'])[A-HJ](?![A-Za-z'])|\(I\)|[:*]\s*I\b")


def grading_folder(root: Path) -> Path:
    """Return the folder of real answers; `root` is the repository."""
    return Path(os.environ.get("R1V3_GRADING") or root.parent / "shared/grading")


def _jsonl(path: Path) -> list[AnswerRow]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _row(
    row_id: str | int,
    response: str,
    gold: str | list[str],
    kind: str,
    *,
    options: list[str] | None = None,
    label: bool | None = None,
    question: str | None = None,
    **more: float | bool | None,
) -> AnswerRow:
    return {
        "id": str(row_id),
        "response": response or "",
        "gold": gold,
        "type": kind,
        "options": options,
        "label": label,
        "question": question,
        "drawn": False,
    } | more


def read_mmmu(folder: Path, name: str) -> Iterator[AnswerRow]:
    """Yield 900 validation items; only the total is published."""
    for item in _jsonl(folder / f"mmmu/{name}.jsonl"):
        choice = item["question_type"] == "multiple-choice"
        options = [item["index2ans"][letter] for letter in item["all_choices"]] if choice else None
        kind = "mcq" if choice else "open"
        yield _row(item["id"], item["response"], item["answer"], kind, options=options)


def read_mmmu_pro(folder: Path, name: str) -> Iterator[AnswerRow]:
    """Yield 1,730 items with up to ten options and a verdict each."""
    for item in _jsonl(folder / f"mmmu_pro/{name}.jsonl"):
        yield _row(
            item["id"],
            item["response"],
            item["answer"],
            "mcq",
            options=ast.literal_eval(item["options"]),
            label=bool(item["if_right"]),
            drawn=not _LETTER.search(item["response"]),
        )


def read_mathvista(folder: Path, name: str) -> Iterator[AnswerRow]:
    """Yield 1,000 testmini items: options given as texts, integers, and floats to a stated precision."""
    for key, item in json.loads((folder / f"mathvista/{name}.json").read_text("utf-8")).items():
        choice = item["question_type"] == "multi_choice"
        said = str(item["extraction"] or "").strip()
        found = choice and (said in item["choices"] or re.match(r"\(?[A-Z]\)?\.?$|\([A-Z]\)", said))
        precision = None if choice else item["precision"]
        yield _row(
            key,
            item["response"],
            item["answer"],
            "mcq" if choice else "open",
            options=item["choices"] if choice else None,
            label=bool(item["true_false"]),
            question=item["question"],
            tolerance=0.5 * 10 ** -int(precision) if precision else None,
            drawn=choice and not found,
        )


def read_mathvision(folder: Path, name: str) -> Iterator[AnswerRow]:
    """Yield 3,040 items with a verdict each; half of them have five options."""
    golds = {item["id"]: item for item in _jsonl(folder / "mathvision/test.jsonl")}
    for item in _jsonl(folder / f"mathvision/{name}.jsonl"):
        gold = golds[item["id"]]
        yield _row(
            item["id"],
            item["response"],
            gold["answer"],
            "mcq" if gold["options"] else "open",
            options=gold["options"] or None,
            label=item["correct"],
            question=gold["question"],
        )


def read_logicvista(folder: Path, name: str) -> Iterator[AnswerRow]:
    """Yield 448 items, some with several letters; the label is how GPT-4 read the answer."""
    items = json.loads((folder / "logicvista/dataset.json").read_text("utf-8"))
    path = folder / f"logicvista/{name}-accuracy-results.csv"
    with path.open(encoding="utf-8", newline="") as table:
        for item in csv.DictReader(table):
            gold = ", ".join(ast.literal_eval(item["true answer"])).upper()
            raw = next(value for key, value in item.items() if key.endswith("answer raw"))
            yield _row(
                item["id"],
                raw,
                gold,
                "mcq_multi" if "," in gold else "mcq",
                label=item["match?"] == "1",
                question=items[item["id"]]["question"],
            )


def read_gaokao(folder: Path, name: str) -> Iterator[AnswerRow]:
    """Yield Chinese examination items: choices, and blanks that GPT-4 marked (correct = full marks)."""
    examples = json.loads((folder / f"gaokao/{name}.json").read_text("utf-8"))["example"]
    for item in examples:
        if "model_answer" in item:
            gold, kind = "".join(item["standard_answer"]), "mcq"
            label = item["model_answer"] == item["standard_answer"]
        else:
            gold, kind = item["standard_answer"], "fill"
            label = sum(item["model_correction_score"]) >= item["score"]
        yield _row(
            item["index"],
            item["model_output"],
            gold,
            kind,
            label=label,
            question=item["question"],
        )


@dataclass(frozen=True)
class PublishedSet:
    """A file of answers, its published accuracy (None: the mean of its labels), and the agreement needed."""

    load: Callable[[Path, str], Iterator[AnswerRow]]
    file: str
    accuracy: float | None
    agreement: float

    def rows(self, folder: Path) -> list[AnswerRow]:
        """Return all rows of the set."""
        return list(self.load(folder, self.file))


MATH, CHOICE = 0.99, 0.98
SETS = {
    "mmmu/llava": PublishedSet(read_mmmu, "llava1.5_13b", 0.367, CHOICE),
    "mmmu/qwen": PublishedSet(read_mmmu, "qwen_vl", 0.361, CHOICE),
    "mmmu_pro/cot": PublishedSet(read_mmmu_pro, "gpt-4o_vision_cot", 0.5006, CHOICE),
    "mmmu_pro/direct": PublishedSet(read_mmmu_pro, "gpt-4o_vision_direct", 0.4243, CHOICE),
    "mathvista/bard": PublishedSet(read_mathvista, "output_bard", 0.348, MATH),
    "mathvista/gpt4": PublishedSet(
        read_mathvista, "output_gpt4_2shot_solution_use_ocr", 0.321, MATH
    ),
    "mathvision/gemini": PublishedSet(read_mathvision, "Gemini-Pro-CoT", 436 / 3040, MATH),
    "mathvision/llava": PublishedSet(read_mathvision, "LLaVA-v1.5-13B", 338 / 3040, MATH),
    "logicvista/llava": PublishedSet(read_logicvista, "LLAVA7B", None, CHOICE),
    "logicvista/instructblip": PublishedSet(
        read_logicvista, "instructBLIP-vicuna-7B", None, CHOICE
    ),
    "logicvista/minigpt": PublishedSet(read_logicvista, "miniGPTvicuna13B", None, CHOICE),
    "logicvista/otter": PublishedSet(read_logicvista, "otter9B", None, CHOICE),
    "gaokao/choice": PublishedSet(read_gaokao, "Math_I_MCQs_gpt4", 575 / 1070, CHOICE),
    "gaokao/fill": PublishedSet(read_gaokao, "Math_I_fill_in_gpt4_marked", None, MATH),
}


def every_gold(folder: Path) -> list[AnswerRow]:
    """Return each distinct gold of all sets as a row whose response is the gold itself, boxed."""
    rows, seen = [], set()
    puzzles = [
        _row(path.stem, "", str(item["answer"]), "mcq", options=[str(o) for o in item["options"]])
        for path in sorted((folder / "puzzlevqa").glob("*.json"))
        for item in _jsonl(path)
    ]
    for name, rows_of_set in [("puzzlevqa", puzzles)] + [
        (n, s.rows(folder)) for n, s in SETS.items()
    ]:
        for row in rows_of_set:
            for gold in row["gold"] if isinstance(row["gold"], list) else [row["gold"]]:
                key = (name.split("/")[0], gold, row["type"], str(row["options"]))
                if gold and key not in seen:
                    seen.add(key)
                    response = rf"<think>So.</think> \boxed{{{gold.strip()}}}"
                    rows.append({**row, "set": name, "gold": gold, "response": response})
    return rows
