"""The benchmarks that need more than an entry, on cases worked out by hand."""

import importlib
from typing import get_args

import pandas as pd
import pytest

from r1v3.evaluate.benchmarks import (
    csvqa,
    gaokao,
    hallusionbench,
    mathverse,
    mathvista,
    mmbench,
    olympiadbench,
    seephys,
)
from r1v3.evaluate.items.load import Hook
from r1v3.evaluate.judge import judge_response
from r1v3.evaluate.marks import apply_marks, read_marks


def row(**columns):
    return {"index": "1", "pictures": "1", "question": "How long?", **columns}


def share(entry, item, answer):
    return judge_response(item, f"thought</think>\n\\boxed{{{answer}}}", entry).share


def test_hallusionbench_reads_its_groups_from_the_index(table):
    entry = table["hallusionbench"]
    [item] = hallusionbench.items_of_row(row(index="VS_ocr_2_7_1_3", answer="No"), entry)
    assert item.cluster == "VS/ocr/7"
    assert item.extra == {"figure": "VS/ocr/7/1", "question": "VS/ocr/7/3"}
    assert share(entry, item, "no") == 1.0
    assert judge_response(item, "Yes, the left one is larger.", entry).share == 0.0
    assert judge_response(item, "I cannot tell.", entry).verdict.extracted is None


def test_mathvista_rounds_to_the_items_precision(table):
    entry = table["mathvista_mini"]
    number = row(question_type="free_form", answer_type="float", precision="1.0", answer="1.2")
    [item] = mathvista.items_of_row(number, entry)
    assert [share(entry, item, x) for x in ("1.2", "1.24", "1.15", "1.26", "1.3")] == [
        1,
        1,
        1,
        0,
        0,
    ]


def test_mathvista_gives_no_tolerance_to_integers(table):
    entry = table["mathvista_mini"]
    [item] = mathvista.items_of_row(
        row(question_type="free_form", answer_type="integer", answer="8"), entry
    )
    assert [share(entry, item, x) for x in ("8", "8.0", "8.4")] == [1, 1, 0]


def test_mathvista_finds_the_letter_of_its_answer(table):
    choice = row(
        question_type="multi_choice", answer_type="text", choices="['97', '102']", answer="102"
    )
    [item] = mathvista.items_of_row(choice, table["mathvista_mini"])
    assert (item.golds, item.options) == (("B",), ("97", "102"))
    assert share(table["mathvista_mini"], item, "102") == 1.0


def test_mathverse_asks_without_the_question(table):
    columns = {"query_cot": "According to the question shown in the image, think.", "answer": "A"}
    metadata = "{'subject': 'Plane Geometry', 'subfield': 'Angle'}"
    [item] = mathverse.items_of_row(
        row(question_type="multi-choice", metadata=metadata, **columns),
        table["mathverse_vision_only"],
    )
    assert item.prompt == "<image>\nAccording to the question shown in the image, think."
    assert item.answer_type == "mcq"
    assert item.columns["subfield"] == "Angle"


def test_seephys_asks_in_the_questions_language_and_for_significant_figures(table):
    english, chinese = (
        seephys.items_of_row(
            row(language=language, sig_figs="2.0", answer="1.5"), table["seephys"]
        )[0].prompt
        for language in ("English", "Chinese")
    )
    assert english.endswith("tags.The final answer should retain 2 significant figures.")
    assert chinese.endswith("最终答案应保留2位有效数字。")


def test_csvqa_asks_each_question_in_both_languages(table):
    columns = {"zh_question": "<image>哪个?", "en_question": "<image>Which?", "answer": "A,C"}
    options = {f"{language}_{x}": f"{language}{x}" for language in ("zh", "en") for x in "ABCD"}
    kind = {"question_type": "choice", "category": "Math", "difficulty": "easy"}
    chinese, english = csvqa.items_of_row(row(**columns, **options, **kind), table["csvqa"])
    assert (chinese.key, english.key, chinese.cluster, english.cluster) == (
        "1-zh",
        "1-en",
        "1",
        "1",
    )
    assert chinese.prompt.startswith("<image>\n以下是中国数学高中习题：哪个?\nA. zhA")
    assert english.prompt.startswith(
        "<image>\nBelow are Chinese Math high school exercises: Which?\nA. enA"
    )
    assert (english.golds, english.answer_type) == (("AC",), "mcq_multi")


def olympiad(table, answer, **more):
    columns = {"source": "OE_MM_physics_en_COMP", "final_answer": answer, "error": "", "unit": ""}
    columns |= {"answer_type": "Numerical", "is_multiple_answer": "False", **more}
    return olympiadbench.items_of_row(row(**columns), table["olympiadbench"])


def test_olympiadbench_takes_the_tolerance_of_the_item(table):
    [item] = olympiad(table, "['8.1']", error="1e-1", unit="km")
    assert [share(table["olympiadbench"], item, x) for x in ("8.15", "8.3", "810")] == [1, 0, 0]
    assert "a numerical value" in item.prompt
    assert "the unit of the answer should not be included" in item.prompt
    assert item.prompt.endswith("How long?\n<image>")


def test_olympiadbench_compares_several_answers_as_a_set_each_with_its_tolerance(table):
    entry = table["olympiadbench"]
    [item] = olympiad(table, "['2,10']", error="1e-1,1", is_multiple_answer="True")
    given = ("10,2", "2,10.5", "2.5,10", "2", "2,10,3", "2,2")
    assert [share(entry, item, x) for x in given] == [1, 1, 0, 0, 0, 0]
    assert "multiple answers" in item.prompt


def test_olympiadbench_survives_tolerances_too_few_too_many_and_of_no_number(table):
    entry = table["olympiadbench"]
    [item] = olympiad(table, "['2,10,30']", error="0.1,0.1", is_multiple_answer="True")
    assert [share(entry, item, x) for x in ("2.05,10,30", "2,10,30.05")] == [1, 0]
    [item] = olympiad(table, "['2,10']", error="0.1,0.1,5", is_multiple_answer="True")
    assert [share(entry, item, x) for x in ("2.05,10", "2,12")] == [1, 0]
    [item] = olympiad(table, "['8']", error="10%")
    assert [share(entry, item, x) for x in ("8", "8.5")] == [1, 0]


def test_olympiadbench_splits_outside_brackets_and_reads_both_signs():
    assert olympiadbench.split_answers("(1,2), \\pm 3") == ["(1,2)", "3", "-3"]


def test_olympiadbench_leaves_out_proofs_and_items_without_a_picture(table):
    assert olympiad(table, "['1']", source="OE_TO_maths_en_COMP") == []
    assert olympiad(table, "", source="TP_MM_maths_en_COMP") == []


def exam(table, kind, answer, points, **more):
    [item] = gaokao.items_of_row(
        row(type=kind, answer=answer, points=points, **more), table["gaokao_2025"]
    )
    return item


def test_the_exam_gives_part_of_the_points_for_some_right_letters_and_none_for_a_wrong_one(table):
    entry, options = table["gaokao_2025"], dict(zip("ABCD", "wxyz"))
    item = exam(table, "multiple", "ACD", "6", **options)
    shares = [share(entry, item, x) for x in ("ACD", "AC", "D", "AB", "ABCD")]
    assert shares == pytest.approx([1, 2 / 3, 1 / 3, 0, 0])


def test_the_exams_single_choice_and_blank_are_all_or_nothing(table):
    entry = table["gaokao_2025"]
    assert share(entry, exam(table, "single", "B", "5", A="1", B="2"), "B") == 1
    assert share(entry, exam(table, "fill", "\\frac{1}{2}", "5"), "0.5") == 1
    assert share(entry, exam(table, "fill", "3", "5"), "4") == 0


def test_steps_without_a_judge_are_unjudged_not_guessed(table):
    judged = judge_response(exam(table, "solve", "", "17"), "</think>QED", table["gaokao_2025"])
    assert (judged.verdict.correct, judged.share) == (None, 0.0)


def test_marks_by_hand_stand_above_the_judge(tmp_path):
    path = tmp_path / "marks.csv"
    path.write_text("run,index,points\n0,15,8.5\n")
    row = {"key": "15", "run": 0, "points": 17.0, "share": 0.0, "correct": False, "judged": False}
    frame = pd.DataFrame([row | {"by": "none", "reason": "its steps are for people to mark"}])
    marked = apply_marks(frame, read_marks(path)).iloc[0]
    assert (marked["share"], marked["correct"], marked["judged"]) == (0.5, False, True)
    assert (marked["by"], marked["reason"]) == ("human", "8.5 of 17 points")
    path.write_text("run,index,points\n0,15,18\n")
    with pytest.raises(ValueError, match=r"15: 18\.0 marks of 17\.0 points"):
        apply_marks(frame, read_marks(path))
    path.write_text("run,index,points\n0,15,much\n")
    with pytest.raises(ValueError, match="line 2: run, index and points"):
        read_marks(path)


def test_a_submission_for_mmbenchs_hidden_answers_holds_the_letters(table, tsv, tmp_path):
    rows = [row(index=str(n), A="x", B="y", answer="", category="c") for n in (1, 1_000_001)]
    [item] = mmbench.items_of_row(rows[1], table["mmbench_en_v11"])
    assert (item.cluster, item.golds) == ("1", ("",))
    verdicts = pd.DataFrame({"key": ["1", "1000001"], "extracted": ["A", None]})
    verdicts.to_parquet(tmp_path / "v.parquet")
    assert mmbench.write_submission(tsv(rows), tmp_path / "v.parquet", tmp_path / "out.tsv") == 1
    sent = pd.read_csv(tmp_path / "out.tsv", sep="\t", keep_default_na=False)
    assert sent["prediction"].tolist() == ["A", ""]
    assert "answer" not in sent


def test_every_module_that_an_entry_names_has_a_hook(table):
    modules = {entry.code for entry in table.values() if entry.code}
    for name in sorted(modules):
        module = importlib.import_module(f"r1v3.evaluate.benchmarks.{name}")
        assert set(get_args(Hook)) & set(vars(module)), name
