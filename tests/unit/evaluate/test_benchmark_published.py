"""Real answers of real models give the published accuracies (`../shared/grading`; see its README).

If an original draws an option at random because it finds none, ours counts as wrong and unanswered. The
comparison then adds the original's expected luck: one over the number of options.
"""

import ast
import csv
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from r1v3.evaluate.benchmarks import hallusionbench, mathvista
from r1v3.evaluate.items.item import make_item
from r1v3.evaluate.judge import judge_response
from r1v3.evaluate.released_rules import mathvista_normalised
from r1v3.evaluate.scorers import score_run

GRADING = Path(os.environ.get("R1V3_GRADING", Path(__file__).parents[4] / "shared" / "grading"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GRADING.is_dir(), reason=f"no published answers in {GRADING}"),
]
HALF_A_POINT = 0.005


def lines(name):
    return [json.loads(line) for line in (GRADING / name).read_text().splitlines()]


def accuracy(judged, items):
    """Return our accuracy, and that with the expected luck of a guess for unanswered items."""
    right = sum(one.share for one in judged)
    unanswered = [
        item
        for one, item in zip(judged, items)
        if one.verdict.extracted is None and item.options is not None
    ]
    luck = sum(1 / len(item.options) for item in unanswered)
    return right / len(items), (right + luck) / len(items)


# Right answers of Qwen-VL that no rule reads: their words are plain in the question, which the file lacks.
UNREAD = {
    "validation_Accounting_1",
    "validation_Basic_Medical_Science_18",
    "validation_Clinical_Medicine_15",
    "validation_Computer_Science_9",
    "validation_Design_7",
    "validation_Diagnostics_and_Laboratory_Medicine_20",
    "validation_Pharmacy_11",
}


@pytest.mark.parametrize(("model", "published"), [("llava1.5_13b", 0.367), ("qwen_vl", 0.361)])
def test_mmmu(table, model, published):
    gold = json.loads((GRADING / "mmmu" / "answer_dict_val.json").read_text())
    items, responses = [], []
    for row in lines(f"mmmu/{model}.jsonl"):
        answer = gold[row["id"]]["ground_truth"]
        options = row["index2ans"] if row["question_type"] == "multiple-choice" else {}
        columns = {"index": row["id"], "pictures": "1", "question": "", "answer": str(answer)}
        items.append(make_item(columns | options, table["mmmu_val"]))
        responses.append(row["response"])
    assert len(items) == 900
    unread = UNREAD if model == "qwen_vl" else set()
    judged = [judge_response(i, r, table["mmmu_val"]) for i, r in zip(items, responses)]
    assert not {i.key for i, j in zip(items, judged) if j.verdict.correct} & unread
    plain, with_luck = accuracy(judged, items)
    published -= len(unread) / 900
    assert plain <= with_luck == pytest.approx(published, abs=HALF_A_POINT)


@pytest.mark.parametrize(("setting", "published"), [("cot", 0.5006), ("direct", 0.4243)])
def test_mmmu_pro_vision(table, setting, published):
    entry, items, responses = table["mmmu_pro_vision"], [], []
    for row in lines(f"mmmu_pro/gpt-4o_vision_{setting}.jsonl"):
        options = dict(zip("ABCDEFGHIJ", ast.literal_eval(row["options"])))
        columns = {"index": row["id"], "pictures": "1", **options, "answer": row["answer"]}
        # Some rows keep one option of many; the letters are then in the picture alone.
        keep = tuple(options.values()) if row["answer"] in options and len(options) > 1 else None
        letter = {"options": keep, "golds": (row["answer"],)}
        items.append(make_item(columns, entry, **letter))
        responses.append(row["response"] or "")
    judged = [judge_response(i, r, entry) for i, r in zip(items, responses)]
    assert len(items) == 1730
    assert sum(item.key.startswith("validation_") for item in items) == 577  # docs/benchmarks.md
    assert accuracy(judged, items)[1] == pytest.approx(published, abs=HALF_A_POINT)


def mathvista_rows(model):
    return json.loads((GRADING / "mathvista" / f"output_{model}.json").read_text())


@pytest.mark.parametrize("model", ["bard", "gpt4_2shot_solution_use_ocr"])
def test_mathvistas_own_normalisation_gives_every_one_of_its_verdicts(model):
    rows = mathvista_rows(model)
    published = json.loads((GRADING / "mathvista" / f"scores_{model}.json").read_text())
    right = {
        pid: mathvista_normalised(row["extraction"], row) == row["answer"]
        for pid, row in rows.items()
    }
    assert right == {pid: row["true_false"] for pid, row in rows.items()}
    assert sum(right.values()) == published["average"]["correct"]


@pytest.mark.parametrize(("model", "guessed"), [("bard", 9), ("gpt4_2shot_solution_use_ocr", 94)])
def test_mathvista_differs_from_its_own_labels_where_the_nearest_spelling_decided(
    table, model, guessed
):
    entry, disputed, others = table["mathvista_mini"], 0, []
    for pid, row in mathvista_rows(model).items():
        columns = {"index": pid, "pictures": "1", "question": row["query"], "answer": row["answer"]}
        columns |= {key: row[key] or "" for key in ("question_type", "answer_type")}
        columns |= {"choices": str(row["choices"] or []), "precision": str(row["precision"] or "")}
        [item] = mathvista.items_of_row(columns | {"task": row["metadata"]["task"]}, entry)
        ours = judge_response(item, f"\\boxed{{{row['extraction']}}}", entry).share == 1
        if ours == row["true_false"]:
            continue
        nearest = row["question_type"] == "multi_choice" and not ours
        disputed += nearest
        if not nearest:
            others.append((pid, row["answer_type"], row["answer"], row["extraction"]))
    assert disputed == guessed
    assert len(others) <= 10, others


def test_logicvistas_sets_of_letters_match_as_published():
    published = {
        "LLAVA7B": 131,
        "instructBLIP-vicuna-7B": 67,
        "miniGPTvicuna13B": 67,
        "otter9B": 106,
    }
    for model, right in published.items():
        with open(GRADING / "logicvista" / f"{model}-accuracy-results.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        extracted = next(name for name in rows[0] if name.endswith("answer extracted"))
        sets = [
            (set(ast.literal_eval(r["true answer"])), set(ast.literal_eval(r[extracted])))
            for r in rows
        ]
        matches = [gold == given for gold, given in sets]
        assert matches == [row["match?"] == "1" for row in rows]
        assert sum(matches) == right


def test_hallusionbench_on_real_answers(table):
    entry = table["hallusionbench"]
    gold = {
        tuple(row[key] for key in HALLUSION): row["gt_answer"]
        for row in json.loads((GRADING / "hallusionbench" / "HallusionBench.json").read_text())
    }
    sample = json.loads(
        (GRADING / "hallusionbench" / "HallusionBench_result_sample.json").read_text()
    )
    lines = []
    for row in sample:
        name = tuple(row[key] for key in HALLUSION)
        if name not in gold:  # the sample is of an older edition
            continue
        columns = {"index": "_".join(name), "pictures": "1", "question": row["question"]}
        [item] = hallusionbench.items_of_row(
            columns | {"answer": "Yes" if gold[name] == "1" else "No"}, entry
        )
        right = judge_response(item, row["model_prediction"], entry).share == 1
        lines.append(
            {"key": item.key, "cluster": item.cluster, "correct": right, "extra": item.extra}
        )
    assert len(lines) == 152
    frame = pd.DataFrame(lines).assign(share=1.0, points=1.0)
    score = score_run(frame, entry)
    plain = {name: score.details[name] for name in ("aAcc", "fAcc", "qAcc")}
    assert plain["aAcc"] == frame["correct"].mean()
    for name, group in (("fAcc", "figure"), ("qAcc", "question")):
        groups = {}
        for line in lines:
            groups.setdefault(line["extra"][group], []).append(line["correct"])
        assert plain[name] == pytest.approx(sum(map(all, groups.values())) / len(groups))
    assert score.value == pytest.approx(sum(plain.values()) / 3)


HALLUSION = ("category", "subcategory", "visual_input", "set_id", "figure_id", "question_id")


def test_dynamaths_average_and_worst_case_are_our_single_and_circular(table):
    with open(GRADING / "dynamath" / "GPT4o-result.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Question ID"].startswith("Q")]
    assert len(rows) == 501
    frame = pd.DataFrame(
        [
            {
                "key": f"{row['Question ID']}-{n}",
                "cluster": row["Question ID"],
                "correct": row[f"Variant {n}"] == "correct",
                "category": row["Topic"],
            }
            for row in rows
            for n in range(1, 11)
        ]
    ).assign(share=1.0, points=1.0, extra=None)
    score = score_run(frame, table["mmbench_en_v11"])
    single = score.parts["single"]
    assert single["got"].sum() / single["of"].sum() == pytest.approx(0.633, abs=0.0006)
    assert score.value == pytest.approx(0.347, abs=0.0006)


def test_the_exams_choices_add_up_to_the_published_points(table):
    rows = json.loads((GRADING / "gaokao" / "Math_I_MCQs_gpt4.json").read_text())["example"]
    published = json.loads((GRADING / "gaokao" / "published_objective_scores.json").read_text())
    known = published["subject"]["Math"]["type"]["2010-2022_Math_I_MCQs"]
    frame = pd.DataFrame(
        [
            {
                "key": str(row["index"]),
                "cluster": str(row["index"]),
                "correct": row["model_answer"] == row["standard_answer"],
                "points": float(row["score"]),
                "type": "single",
            }
            for row in rows
        ]
    )
    frame = frame.assign(share=frame["correct"].astype(float), extra=None)
    details = score_run(frame, table["gaokao_2025"]).details
    assert (details["earned"], details["possible"]) == (
        known["correct_score"],
        known["total_score"],
    )
