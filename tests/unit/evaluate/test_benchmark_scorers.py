import pandas as pd
import pytest

from r1v3.evaluate.scorers import score_run
from r1v3.recipe.tables.benchmarks import UnreadableRows


def judged(rows, **shared):
    frame = pd.DataFrame(rows)
    defaults = {"share": frame["correct"].astype(float), "points": 1.0, "extra": None, **shared}
    for name, value in defaults.items():
        if name not in frame:
            frame[name] = value
    if "key" not in frame:
        frame["key"] = [str(n) for n in range(len(frame))]
    if "cluster" not in frame:
        frame["cluster"] = frame["key"]
    return frame


def test_accuracy_counts_right_items_and_says_it_by_group(table):
    rows = [
        {"correct": True, "category": "Art"},
        {"correct": False, "category": "Art"},
        {"correct": True, "category": "Music"},
        {"correct": True, "category": "Music"},
    ]
    score = score_run(judged(rows), table["mmmu_val"])
    assert score.value == 0.75
    assert score.details == {"category=Art": 0.5, "category=Music": 1.0}


def test_circular_counts_a_question_only_if_every_rotation_is_right(table):
    rows = [
        *({"cluster": "1", "correct": True, "category": "a"} for _ in range(4)),
        *(
            {"cluster": "2", "correct": right, "category": "b"}
            for right in (True, True, True, False)
        ),
    ]
    score = score_run(judged(rows), table["mmbench_en_v11"])
    assert score.value == 0.5
    assert score.parts["single"]["got"].sum() == 7
    assert score.details == {"category=a": 1.0, "category=b": 0.0}


def hallusion(figure, question, correct):
    cluster = "VD/illusion/0"
    extra = {"figure": f"{cluster}/{figure}", "question": f"{cluster}/{question}"}
    return {"cluster": cluster, "correct": correct, "extra": extra}


def test_hallusionbench_is_the_mean_of_items_figures_and_questions(table):
    # Two figures, two questions: figure 0 right in both, figure 1 in question 0 alone.
    rows = [
        hallusion(0, 0, True),
        hallusion(0, 1, True),
        hallusion(1, 0, True),
        hallusion(1, 1, False),
    ]
    score = score_run(judged(rows), table["hallusionbench"])
    assert [score.details[name] for name in ("aAcc", "fAcc", "qAcc")] == [0.75, 0.5, 0.5]
    assert score.value == pytest.approx((0.75 + 0.5 + 0.5) / 3)


def composite(number, steps, whole):
    places = [*(str(n + 1) for n in range(len(steps))), "multi"]
    return [
        {
            "cluster": f"{len(steps)}steps/{number}",
            "correct": right,
            "extra": {"steps": f"{len(steps)}steps", "place": place},
        }
        for place, right in zip(places, [*steps, whole])
    ]


def test_wemath_tells_mastery_from_memory(table):
    rows = [
        *composite(0, [True, True], True),  # mastered
        *composite(1, [True, True], False),  # inadequate generalization
        *composite(2, [True, False], False),  # insufficient knowledge
        *composite(3, [True, False], True),  # rote memory if strict, mastered if loose
        *composite(0, [False, False, False], True),  # rote memory, strict and loose
    ]
    score = score_run(judged(rows), table["wemath"])
    assert score.value == pytest.approx((5 - 0.5 - 1 - 2) / 5)
    assert score.details["loose"] == pytest.approx((5 - 0.5 - 1 - 1) / 5)
    kinds = ("IG", "IK", "CM_strict", "RM_strict", "CM_loose", "RM_loose")
    assert [score.details[kind] for kind in kinds] == [0.2, 0.2, 0.2, 0.4, 0.4, 0.2]
    assert score.details["RM_rate_strict"] == pytest.approx(2 / 3)
    assert (score.details["2steps"], score.details["3steps"]) == (0.5, 1.0)


def test_wemath_refuses_a_composite_without_its_whole(table):
    rows = composite(0, [True, True], True)[:-1]
    with pytest.raises(ValueError, match="no composite has its whole"):
        score_run(judged(rows), table["wemath"])


def test_a_composite_of_which_a_row_was_lost_is_nowhere_mastered(table):
    rows = composite(0, [True, True], True) + composite(1, [True, True], True)[:-1]
    score = score_run(judged(rows), table["wemath"])
    assert (score.value, score.details["incomplete_composites"]) == (0.5, 1.0)
    left_out = {"unreadable": UnreadableRows(scored="left out")}
    assert score_run(judged(rows), table["wemath"].model_copy(update=left_out)).value == 1.0


def test_an_exam_adds_up_points_with_partial_credit(table):
    rows = [
        {"correct": True, "points": 5.0, "share": 1.0, "type": "single"},
        {"correct": False, "points": 6.0, "share": 0.5, "type": "multiple"},
        {"correct": False, "points": 5.0, "share": 0.0, "type": "fill"},
    ]
    score = score_run(judged(rows), table["gaokao_2025"])
    assert score.value == 8 / 16
    assert (score.details["earned"], score.details["possible"]) == (8.0, 16.0)
    assert score.details["type=multiple"] == 0.5
