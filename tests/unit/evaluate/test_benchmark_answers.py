"""Asking and scoring with an engine that answers by rule, stopped and started again."""

import json
from pathlib import Path

import pandas as pd
import pytest
from evaluation_fixtures import asked_entry, evaluation_config, write_benchmark, write_config

from r1v3.data.records import Record, store_image, write_records
from r1v3.data.world import World
from r1v3.evaluate import answer as generate
from r1v3.evaluate.answer import answer, read_responses
from r1v3.evaluate.items.item import make_item
from r1v3.evaluate.judge import judge_many
from r1v3.evaluate.score import score_evaluation
from r1v3.generate.types import Response
from r1v3.recipe.schema.training import Verifier
from r1v3.recipe.tables.benchmarks import load_table
from r1v3.reward.configured import open_grader
from r1v3.reward.verifier.verifier import Judgement, VerifierClient

TABLE = Path(__file__).parents[3] / "config" / "benchmarks.yaml"
ENTRIES = {"mmstar": asked_entry(load_table(TABLE)["mmstar"])}
CONFIG = evaluation_config(evaluation={"runs": 3}, entries=ENTRIES)


class Engine:
    """Answers A, or the result of `say`; fails after a number of requests."""

    def __init__(self, dies_after=None, say=lambda request, sample: "x</think>\\boxed{A}"):
        self.dies_after, self.say, self.asked = dies_after, say, []

    def generate(self, requests, sampling):
        for number, request in enumerate(requests):
            if number == self.dies_after:
                raise KeyboardInterrupt
            self.asked.append(request)
            yield [
                Response(
                    request.key, sample, self.say(request, sample), (1, 2), (0.0, 0.0), "stop", 9
                )
                for sample in range(sampling.samples)
            ]


@pytest.fixture
def stars(table, tmp_path):
    folder = tmp_path / "mmstar-made"
    return {"mmstar": write_benchmark(folder, "mmstar", table["mmstar"], items=6, seed=5)}


@pytest.fixture
def use(monkeypatch):
    def engine(built):
        monkeypatch.setattr(generate, "load_engine", lambda *_: built)
        return built

    return engine


def ask(stars, folder, held_out=None):
    where = {"benchmarks": stars, "held_out": held_out or {}, "folder": folder}
    return answer(CONFIG, model=None, **where)


def test_every_question_is_asked_once_for_all_runs(stars, use, tmp_path):
    engine = use(Engine())
    assert ask(stars, tmp_path) == {"samples": {"mmstar": 18}, "asked": 18}
    request = engine.asked[0]
    assert request.key == "mmstar/0"
    assert request.prompt.endswith("assistant\n<think>")
    assert len({request.seed for request in engine.asked}) == 6
    assert ask(stars, tmp_path)["asked"] == 0


def test_after_a_kill_only_what_is_missing_is_asked(stars, use, tmp_path):
    use(Engine(dies_after=4))
    with pytest.raises(KeyboardInterrupt):
        ask(stars, tmp_path)
    with open(tmp_path / "responses" / "mmstar.0-of-1.jsonl", "a") as file:
        file.write('{"key": "mmstar/4", "ru')
    engine = use(Engine())
    assert ask(stars, tmp_path) == {"samples": {"mmstar": 18}, "asked": 6}
    assert [request.key for request in engine.asked] == ["mmstar/4", "mmstar/5"]


def test_the_same_question_has_the_same_seed_whenever_it_is_asked(stars, use, tmp_path):
    first, second = use(Engine()), None
    ask(stars, tmp_path / "a")
    second = use(Engine())
    ask(stars, tmp_path / "b")
    assert [r.seed for r in first.asked] == [r.seed for r in second.asked]


def test_shards_share_the_questions_without_overlap(stars, use, tmp_path, monkeypatch):
    keys = []
    for part in ("0/2", "1/2"):
        monkeypatch.setenv("R1V3_SHARD", part)
        engine = use(Engine())
        ask(stars, tmp_path)
        keys.append({request.key for request in engine.asked})
    assert [len(part) for part in keys] == [3, 3]
    assert not keys[0] & keys[1]
    assert len(list(read_responses(tmp_path / "responses", "mmstar"))) == 18
    monkeypatch.setenv("R1V3_SHARD", "2/2")
    with pytest.raises(ValueError, match="R1V3_SHARD must be"):
        generate.shard()


def suite(folder, **changes):
    folder.mkdir(parents=True)
    known = {"benchmarks": {"mmstar": "mmstar-0123456789"}, "evaluation": {"runs": 3}}
    known["entries"] = ENTRIES
    config = evaluation_config(**(known | changes))
    write_config(folder, config)
    return config


def test_a_suite_beside_that_asked_the_same_is_taken_over(stars, use, tmp_path):
    use(Engine())
    old = suite(tmp_path / "eval" / "benchmarks-a")
    answer(
        old, model=None, benchmarks=stars, held_out={}, folder=tmp_path / "eval" / "benchmarks-a"
    )
    new = suite(tmp_path / "eval" / "benchmarks-b")
    where = {"benchmarks": stars, "held_out": {}, "folder": tmp_path / "eval" / "benchmarks-b"}
    assert answer(new, model=None, **where) == {"samples": {"mmstar": 18}, "asked": 0}


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 2},
        {"benchmarks": {"mmstar": "mmstar-9999999999"}},
        {"evaluation": {"runs": 3, "temperature": 0.5}},
        {"generation": {"engine": "transformers", "mode": "nothink"}},
    ],
)
def test_other_settings_are_asked_anew(stars, use, tmp_path, changes):
    use(Engine())
    old = suite(tmp_path / "eval" / "benchmarks-a")
    answer(
        old, model=None, benchmarks=stars, held_out={}, folder=tmp_path / "eval" / "benchmarks-a"
    )
    new = suite(tmp_path / "eval" / "benchmarks-b", **changes)
    where = {"benchmarks": stars, "held_out": {}, "folder": tmp_path / "eval" / "benchmarks-b"}
    assert answer(new, model=None, **where)["asked"] == 18


def test_scoring_needs_every_answer(stars, tmp_path, stored):
    stored(tmp_path, "mmstar", {("0", 0): "</think>A"})
    with pytest.raises(ValueError, match="mmstar: 17 of 18 answers are missing"):
        score_evaluation(CONFIG, responses=tmp_path, benchmarks=stars, held_out={}, folder=tmp_path)


def test_unanswered_truncated_and_unformatted_are_counted_as_wrong(stars, tmp_path, stored):
    texts = {(str(n), run): "thinking and thinking" for n in range(6) for run in range(3)}
    stored(tmp_path, "mmstar", texts)
    where = {"benchmarks": stars, "held_out": {}, "folder": tmp_path}
    found = score_evaluation(CONFIG, responses=tmp_path, **where)["benchmarks"]["mmstar"]
    assert (found["mean"], found["unanswered"], found["format"]) == (0.0, 1.0, 0.0)
    assert (found["tokens"], found["truncated"], found["unjudged"]) == (3.0, 0.0, 0.0)


def test_scores_can_be_made_again_without_an_engine_and_are_the_same(stars, use, tmp_path):
    use(Engine(say=lambda request, sample: f"x</think>\\boxed{{{'ABC'[sample]}}}"))
    ask(stars, tmp_path)
    use(None)
    where = {"benchmarks": stars, "held_out": {}, "folder": tmp_path}
    first = score_evaluation(CONFIG, responses=tmp_path, **where)
    assert score_evaluation(CONFIG, responses=tmp_path, **where) == first
    assert json.loads((tmp_path / "scores.json").read_text()) == first
    found = first["benchmarks"]["mmstar"]
    assert found["mean"] == pytest.approx(sum(found["by_run"]) / 3)
    assert found["pass_at"]["3"] >= found["pass_at"]["1"] == pytest.approx(found["mean"])
    verdicts = pd.read_parquet(tmp_path / "verdicts" / "mmstar.run-0.parquet")
    assert {"key", "run", "response", "extracted", "correct", "reason", "tokens"} <= set(verdicts)
    assert set(verdicts["extracted"]) == {"A"}


def test_held_out_sets_are_answered_once_and_scored_for_accuracy_and_format(use, tmp_path):
    import random

    item = World("test").item("sum", "open", "plain", random.Random(1))
    image = store_image(tmp_path, item.images[0])
    records = [
        Record(
            f"r{n}",
            item.question,
            None,
            answer,
            "open",
            (image,),
            "plain",
            "normal",
            "en",
            "world",
            "",
            "",
        )
        for n, answer in enumerate(("7", "8"))
    ]
    write_records(tmp_path, records)
    texts = {"held_out.math/r0": "x</think>\\boxed{7}", "held_out.math/r1": "x</think>7</think>"}
    use(Engine(say=lambda request, sample: texts[request.key]))
    facts = ask({}, tmp_path / "out", {"math": tmp_path})
    assert facts == {"samples": {"held_out.math": 2}, "asked": 2}
    where = {"benchmarks": {}, "held_out": {"math": tmp_path}, "folder": tmp_path / "out"}
    found = score_evaluation(CONFIG, responses=tmp_path / "out", **where)["held_out"]["math"]
    assert (found["accuracy"], found["format"], found["n"]) == (0.5, 0.5, 2)


def open_item(table):
    row = {"index": "1", "pictures": "1", "question": "How far?", "answer": "seven leagues"}
    return make_item(row | {"category": "x", "choices": "[]"}, table["mathvision"])


def test_the_recipes_verifier_is_asked_where_rules_fail(table, tmp_path, monkeypatch):
    asked = []

    def judge_many(self, items):
        asked.extend(items)
        return [Judgement(True, "same")] * len(items)

    monkeypatch.setattr(VerifierClient, "judge_many", judge_many)
    monkeypatch.setenv("R1V3_VERIFIER_URL", "http://127.0.0.1:9/v1")
    verifier = Verifier(model="judge", max_unjudged=0.01)
    with open_grader(verifier, tmp_path) as grader:
        texts = ["thought</think>7 leagues on foot", "thought</think>seven leagues"]
        judged = judge_many_of(table, texts, grader)
    assert [one.share for one in judged] == [1.0, 1.0]
    assert [one.verdict.by for one in judged] == ["verifier", "rule:string"]
    assert asked == [("How far?", "seven leagues", "7 leagues on foot")]


def judge_many_of(table, texts, grader):
    return judge_many([(open_item(table), text) for text in texts], table["mathvision"], grader)


def test_a_verifier_without_an_address_is_an_error_that_names_the_variable(
    table, tmp_path, monkeypatch
):
    monkeypatch.delenv("R1V3_VERIFIER_URL", raising=False)
    verifier = Verifier(model="judge", max_unjudged=0.01)
    with (
        pytest.raises(ValueError, match="judge: set R1V3_VERIFIER_URL"),
        open_grader(verifier, tmp_path),
    ):
        pass
    with open_grader(None, tmp_path) as grader:
        assert grader.verifier is None
