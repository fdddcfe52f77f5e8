"""A second judge reads the same answers: agreement, kappa and the score by each judge."""

import pandas as pd
import pytest
from evaluation_fixtures import asked_entry, evaluation_config, write_benchmark, write_config
from scripted_server import completion, serve

from r1v3.evaluate.any_model import missing_parts
from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.pages.pages import write_pages
from r1v3.evaluate.score import score_evaluation
from r1v3.evaluate.second_judge import agreement

JUDGE = {"max_unjudged": 1.0}


def judge(*right):
    """Run a server that calls answers with one of these words right."""

    def script(body, number):
        text = str(body["messages"])
        word = "CORRECT" if any(each in text for each in right) else "INCORRECT"
        return 200, completion(body, text=f"VERDICT: {word}"), {}

    return serve(script)


@pytest.fixture
def scored(table, stored, tmp_path):
    """Return a function that scores four answers, one of them by rule; it returns folder, file and scores."""
    tsv = write_benchmark(tmp_path / "seephys-made", "seephys", table["seephys"], items=4, seed=5)
    items = load_items(asked_entry(table["seephys"]), tsv)
    said = [items[0].golds[0], "leftwards", "rightwards", "upwards"]
    stored(
        tmp_path,
        "seephys",
        {
            (item.key, 0): f"x</think>\\boxed{{{text}}}"
            for item, text in zip(items, said, strict=True)
        },
    )
    config = evaluation_config(
        grading={
            "accuracy_weight": 0.5,
            "format_weight": 0.5,
            "verifier": JUDGE | {"model": "one"},
        },
        evaluation={"second_judge": JUDGE | {"model": "two"}},
        entries={"seephys": asked_entry(table["seephys"])},
    )

    def run():
        where = {"responses": tmp_path, "benchmarks": {"seephys": tsv}, "held_out": {}}
        folder = tmp_path / "out"
        found = score_evaluation(config, folder=folder, **where)["benchmarks"]["seephys"]
        write_config(folder, config)
        return folder, tsv, found

    return run


def test_two_judges_of_the_same_answers(scored, table, tmp_path, monkeypatch):
    with judge("leftwards", "upwards") as (one, _), judge("leftwards") as (two, asked):
        monkeypatch.setenv("R1V3_VERIFIER_URL", one)
        monkeypatch.setenv("R1V3_SECOND_JUDGE_URL", two)
        monkeypatch.setenv("R1V3_SECOND_JUDGE_KEY", "secret")
        folder, tsv, found = scored()
    assert found["mean"] == 0.75
    assert found["second_judge"] == {
        "model": "two",
        "decided": 3,
        "unjudged": 0,
        "agree": pytest.approx(2 / 3),
        "kappa": pytest.approx(0.4),
        "first_mean": 0.75,
        "second_mean": 0.5,
    }
    assert {one["headers"]["Authorization"] for one in asked} == {"Bearer secret"}
    verdicts = pd.read_parquet(folder / "verdicts/seephys.run-0.parquet")
    assert list(verdicts["second"]) == [True, True, False, False]
    assert missing_parts(folder) == []
    write_pages(folder, {"seephys": tsv}, table, tmp_path / "pages", name="m", against={})
    page = (tmp_path / "pages/index.html").read_text()
    assert "Two judges" in page
    assert "66.7" in page


def test_a_second_judge_without_an_address_is_said(scored, monkeypatch):
    monkeypatch.delenv("R1V3_SECOND_JUDGE_URL", raising=False)
    with judge("leftwards") as (one, _):
        monkeypatch.setenv("R1V3_VERIFIER_URL", one)
        folder, _, found = scored()
    assert found["mean"] == 0.5
    assert missing_parts(folder) == [
        "seephys: no second judge: two has no address in R1V3_SECOND_JUDGE_URL"
    ]


def frame(by, correct, judged=None):
    return pd.DataFrame({"by": by, "correct": correct, "judged": judged or [True] * len(by)})


def test_what_rules_settle_and_what_one_judge_leaves_is_no_agreement():
    first = frame(["rule:string", "verifier", "verifier"], [True, True, False])
    second = frame(["rule:string", "verifier", "none"], [True, True, False], [True, True, False])
    assert agreement(first, second) == {"decided": 2, "unjudged": 1, "agree": 1.0, "kappa": None}
    nothing = frame(["rule:string"], [True])
    assert agreement(nothing, nothing) == {
        "decided": 0,
        "unjudged": 0,
        "agree": None,
        "kappa": None,
    }
