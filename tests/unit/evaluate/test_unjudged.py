"""If a benchmark needs a judge and there is none, answers that rules cannot decide count as unjudged."""

import pytest
from evaluation_fixtures import asked_entry, evaluation_config, write_benchmark

from r1v3.evaluate.benchmarks import gaokao
from r1v3.evaluate.items.item import make_item
from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.judge import judge_many, judge_response
from r1v3.evaluate.score import score_evaluation
from r1v3.reward import Grader
from r1v3.reward.verifier.verifier import Judgement


class Yes:
    def judge_many(self, items):
        return [Judgement(True, "the same") for _ in items]


def item_of(table, name, gold):
    return make_item(
        {"index": "1", "question": "How?", "answer": gold, "question_type": "open"},
        table[name],
        golds=(gold,),
        options=None,
        answer_type="open",
    )


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("1.5", "1.5", True),
        ("1.5", "2.5", False),
        ("to the left", "leftwards", None),
        ("2x+1", r"\text{a line}", None),
        ("1.5", "", False),
    ],
)
def test_seephys_without_a_verifier(table, gold, answer, expected):
    entry, item = table["seephys"], item_of(table, "seephys", gold)
    response = f"thought</think>\\boxed{{{answer}}}" if answer else "thought</think>"
    assert judge_response(item, response, entry).verdict.correct is expected
    with Grader(workers=1) as grader:
        [judged] = judge_many([(item, response)], entry, grader)
    assert (judged.verdict.correct, judged.share) == (expected, float(expected is True))
    if expected is None:
        assert judged.verdict.by == "none"
        assert judged.verdict.reason.endswith("a judge is needed")
        with Grader(Yes(), workers=1) as grader:
            [judged] = judge_many([(item, response)], entry, grader)
        assert judged.verdict.correct is True


def test_where_a_judge_only_helps_the_rules_say_no(table):
    item = item_of(table, "mathvision", "to the left")
    found = judge_response(item, "thought</think>\\boxed{leftwards}", table["mathvision"])
    assert found.verdict.correct is False


def test_the_exams_steps_are_unjudged_and_its_letters_are_not(table):
    entry = table["gaokao_2025"]
    row = {"index": "1", "pictures": "1", "question": "Prove.", "points": "17"}
    [proof] = gaokao.items_of_row({**row, "type": "solve", "answer": ""}, entry)
    assert judge_response(proof, "x</think>\\boxed{done}", entry).verdict.correct is None
    letters = {**row, "type": "single", "answer": "B", "A": "1", "B": "2", "C": "3", "D": "4"}
    [choice] = gaokao.items_of_row(letters, entry)
    assert judge_response(choice, "x</think>\\boxed{A}", entry).verdict.correct is False


def test_the_share_of_unjudged_answers_stands_in_the_scores(table, stored, tmp_path, capsys):
    folder = tmp_path / "seephys-made"
    tsv = write_benchmark(folder, "seephys", table["seephys"], items=4, seed=5)
    items = load_items(asked_entry(table["seephys"]), tsv)
    said = [items[0].golds[0], "leftwards", "-12345", "upwards"]
    answers = {
        (item.key, 0): f"x</think>\\boxed{{{text}}}" for item, text in zip(items, said, strict=True)
    }
    stored(tmp_path, "seephys", answers)
    scores = score_evaluation(
        evaluation_config(entries={"seephys": asked_entry(table["seephys"])}),
        responses=tmp_path,
        benchmarks={"seephys": tsv},
        held_out={},
        folder=tmp_path / "out",
    )
    found = scores["benchmarks"]["seephys"]
    assert (found["mean"], found["unjudged"]) == (0.25, 0.5)
    assert (
        "seephys: 50.0 % of the answers are unjudged, and count as wrong" in capsys.readouterr().out
    )
