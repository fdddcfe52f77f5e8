"""Data sets on disk, and rejection sampling."""

import contextlib
import json

import pandas as pd
import pytest
from data_fixtures import source_config
from model_fixtures import picture, small_model, small_processor
from sampled_fixtures import FILTERS, sampled_config

from r1v3.data.prepare import prepare
from r1v3.data.records import Record, read_records, render_question, store_image, write_records
from r1v3.data.sampling import reject as rejection
from r1v3.data.sampling import sample as sampling
from r1v3.data.sampling.filters import first_failure, repetition
from r1v3.generate import Response
from r1v3.model.load import save_checkpoint
from r1v3.recipe.schema.data import Filters
from r1v3.reward import Grader
from r1v3.reward.verifier.verifier import Judgement, UnjudgedError

RECORD = Record(
    id="q1",
    question="Which?",
    options=("1", "2"),
    answer="B",
    answer_type="mcq",
    images=("images/aa/x.png",),
    domain="physics",
    difficulty="normal",
    language="en",
    source="world",
    licence="CC0-1.0",
    split="train",
    meta={"task": "sum", "cells": [[1, 2]]},
)


def test_records_survive_the_disk(tmp_path):
    records = [RECORD, RECORD.with_response("<think>1</think>\nB", by="teacher")]
    write_records(tmp_path, records)
    assert read_records(tmp_path) == records


def test_one_picture_is_stored_once_under_its_hash(tmp_path):
    path = store_image(tmp_path, picture(1))
    assert store_image(tmp_path, picture(1)) == path
    assert store_image(tmp_path, picture(2)) != path
    assert len(list(tmp_path.rglob("*.png"))) == 2


def test_markers_stand_before_the_question_unless_it_holds_them():
    assert render_question("Which?", ("1", "2"), 1) == "<image>\nWhich?\nA. 1\nB. 2"
    assert render_question("From <image> to <image>?", None, 2) == "From <image> to <image>?"
    with pytest.raises(ValueError, match="marks 1 pictures but has 2"):
        render_question("In <image>?", None, 2)


@pytest.mark.parametrize(
    ("response", "tokens", "failure"),
    [
        ("<think>3+4=7.</think>\n7", 9, None),
        ("<think>3+4=7.</think>\n7", 99, "overlong"),
        ("<think>" + "7 " * 200 + "</think>\n7", 9, "repetitive"),
        ("<think>8. Wait, 9. Hmm, 6. Alternatively, 7.</think>\n7", 9, "rambling"),
    ],
)
def test_the_filters_name_what_they_take_out(response, tokens, failure):
    changes = {"max_tokens": 64, "max_repetition": 0.6, "max_reconsiderations": 2}
    found = first_failure(response, tokens, Filters.model_validate(FILTERS | changes))
    assert (found.step if found else None) == failure
    assert first_failure(response, tokens, Filters.model_validate(FILTERS)) is None


def test_repetition_is_the_share_that_compression_saves():
    assert repetition("") == 0.0
    assert repetition("ab" * 500) > 0.9
    assert repetition("q7w.") == 0.0


class Scripted:
    """An engine that answers from a list, by question and sample."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def generate(self, requests, sampling):
        for request in requests:
            id = request.key.removeprefix("sampled/")
            self.asked.append(id)
            texts = self.answers[id][: sampling.samples]
            yield [
                Response(request.key, n, text, tuple(range(len(text.split()))), (), "stop", 5)
                for n, text in enumerate(texts)
            ]


@pytest.fixture
def questions(tmp_path):
    return asked(tmp_path, respond="none")


def asked(tmp_path, respond):
    source = {
        "kind": "world",
        "tasks": {"sum": 1},
        "forms": {"open": 1},
        "domains": {"plain": 1},
        "instances": "train",
        "respond": respond,
        "slip_rate": 0.0,
        "told": 0.0,
        "seed": 1,
    }
    prepare(source_config(source, 3, name="ask"), tmp_path / "questions")
    return tmp_path / "questions"


def config(**changed):
    filters = FILTERS | {"max_tokens": 5, "max_reconsiderations": 1}
    return sampled_config(**{"keep": "shortest", "filters": filters} | changed)


def scripted(records):
    right = {record.id: record.answer for record in records}
    first, second, third = right
    return Scripted(
        {
            first: [
                f"one two three</think> \\boxed{{{right[first]}}}",
                f"one</think> \\boxed{{{right[first]}}}",
                "one</think> \\boxed{99}",
            ],
            second: ["one</think> \\boxed{99}"] * 3,
            third: [
                f"a b c d e f g</think> \\boxed{{{right[third]}}}",
                f"Wait, Wait,</think> \\boxed{{{right[third]}}}",
                f"no end \\boxed{{{right[third]}}}",
            ],
        }
    )


def test_what_is_right_short_and_calm_is_kept_and_the_rest_is_counted(
    questions, tmp_path, monkeypatch
):
    records = read_records(questions)
    engine = scripted(records)
    monkeypatch.setattr(sampling, "load_engine", lambda *_: engine)
    (tmp_path / "out").mkdir()
    facts = rejection.reject(config(), questions=questions, model=tmp_path, folder=tmp_path / "out")
    funnel = facts["funnel"]
    assert (funnel["asked"], funnel["sampled"], funnel["right"]) == (3, 9, 4)
    assert funnel["removed: overlong"] == 1
    assert funnel["removed: rambling"] == 1
    assert funnel["kept"] == 1
    (kept,) = read_records(tmp_path / "out")
    assert kept.response == f"<think>one</think> \\boxed{{{records[0].answer}}}"
    assert kept.meta["pass_rate"] == pytest.approx(2 / 3)
    assert (tmp_path / "out" / kept.images[0]).exists()


class Silent:
    """A verifier that gives no verdict on some answers, and calls the others wrong."""

    def __init__(self, about):
        self.about = about

    def judge_many(self, items):
        return [Judgement(None if self.about(item) else False, "said") for item in items]


def silent_grader(monkeypatch, about, max_unjudged):
    @contextlib.contextmanager
    def opened(*_, limit_unjudged=False):
        with Grader(
            Silent(about), workers=1, max_unjudged=max_unjudged if limit_unjudged else None
        ) as one:
            yield one

    monkeypatch.setattr(rejection, "open_grader", opened)


def test_an_answer_that_nobody_judged_is_rejected_and_no_wrong_one(
    questions, tmp_path, monkeypatch
):
    records = read_records(questions)
    monkeypatch.setattr(sampling, "load_engine", lambda *_: scripted(records))
    (tmp_path / "out").mkdir()
    where = {"questions": questions, "model": tmp_path, "folder": tmp_path / "out"}
    silent_grader(monkeypatch, lambda item: item[1] == records[0].answer, 0.2)
    facts = rejection.reject(config(), **where)
    assert (facts["funnel"]["unjudged"], facts["funnel"]["right"]) == (1, 4)
    assert facts["pass_rate"] == pytest.approx(4 / 8)
    assert facts["rejected"]["unjudged"] == {"verifier gave no verdict": 1}
    assert facts["rejected"]["wrong"] == {"answer is wrong": 4}
    (kept,) = read_records(tmp_path / "out")
    assert kept.meta["pass_rate"] == 1.0  # of the two that were judged


def test_a_question_that_nobody_judged_has_no_pass_rate(questions, tmp_path, monkeypatch):
    records = read_records(questions)
    monkeypatch.setattr(sampling, "load_engine", lambda *_: scripted(records))
    (tmp_path / "out").mkdir()
    where = {"questions": questions, "model": tmp_path, "folder": tmp_path / "out"}
    silent_grader(monkeypatch, lambda item: item[1] == records[1].answer, 0.5)
    facts = rejection.reject(config(pass_rates=[0.0, 1.0]), **where)
    assert (facts["funnel"]["unjudged"], facts["funnel"]["dropped: unjudged"]) == (3, 1)
    rates = pd.read_parquet(tmp_path / "out" / "questions.parquet")["pass_rate"]
    assert rates.isna().tolist() == [False, True, False]


def test_too_many_answers_without_a_verdict_stop_the_stage(questions, tmp_path, monkeypatch):
    records = read_records(questions)
    monkeypatch.setattr(sampling, "load_engine", lambda *_: scripted(records))
    (tmp_path / "out").mkdir()
    silent_grader(monkeypatch, lambda item: True, 0.1)
    with pytest.raises(UnjudgedError, match=r"of 9 answers are unjudged.*max_unjudged"):
        rejection.reject(config(), questions=questions, model=tmp_path, folder=tmp_path / "out")


def test_a_question_without_a_right_answer_may_keep_its_written_response(tmp_path, monkeypatch):
    questions = asked(tmp_path, respond="chain")
    records = read_records(questions)
    monkeypatch.setattr(sampling, "load_engine", lambda *_: scripted(records))
    where = {"questions": questions, "model": tmp_path, "folder": tmp_path / "out"}
    (tmp_path / "out").mkdir()
    facts = rejection.reject(config(otherwise="written"), **where)
    assert (facts["funnel"]["kept"], facts["funnel"]["written"]) == (3, 2)
    kept = read_records(tmp_path / "out")
    assert kept[0].response.startswith("<think>one</think>")
    assert [record.response for record in kept[1:]] == [r.response for r in records[1:]]


def test_every_question_may_stay_with_its_pass_rate(questions, tmp_path, monkeypatch):
    records = read_records(questions)
    monkeypatch.setattr(sampling, "load_engine", lambda *_: scripted(records))
    where = {"questions": questions, "model": tmp_path, "folder": tmp_path / "out"}
    (tmp_path / "out").mkdir()
    facts = rejection.reject(config(otherwise="question"), **where)
    assert (facts["funnel"]["kept"], facts["funnel"]["question alone"]) == (3, 2)
    kept, rates = (
        read_records(tmp_path / "out"),
        pd.read_parquet(tmp_path / "out/questions.parquet"),
    )
    assert [record.id for record in kept] == [record.id for record in records]
    assert [record.meta["pass_rate"] for record in kept] == rates["pass_rate"].tolist()
    assert [record.response is None for record in kept] == [False, True, True]


def test_a_written_response_that_is_missing_is_an_error(questions, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "load_engine", lambda *_: scripted(read_records(questions)))
    with pytest.raises(ValueError, match="not every question has a written response"):
        rejection.reject(
            config(otherwise="written"), questions=questions, model=tmp_path, folder=tmp_path
        )


def test_a_killed_job_asks_only_for_what_is_missing(questions, tmp_path, monkeypatch):
    records = read_records(questions)
    whole, resumed = scripted(records), scripted(records)
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(sampling, "load_engine", lambda *_: whole)
    once = rejection.reject(config(), questions=questions, model=tmp_path, folder=out)
    shard = out / "responses" / "sampled.0-of-1.jsonl"
    lines = shard.read_text().splitlines(keepends=True)
    shard.write_text("".join(lines[:4]) + lines[4][:10])
    monkeypatch.setattr(sampling, "load_engine", lambda *_: resumed)
    again = rejection.reject(config(), questions=questions, model=tmp_path, folder=out)
    assert again == once
    assert resumed.asked == [record.id for record in records[1:]]
    assert {(json.loads(line)["key"], json.loads(line)["run"]) for line in lines} == {
        (json.loads(line)["key"], json.loads(line)["run"])
        for line in shard.read_text().splitlines()
    }


def test_a_real_model_can_be_asked(questions, tmp_path):
    save_checkpoint(small_model(), small_processor(), tmp_path / "model")
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="kept none of 9 answers"):
        rejection.reject(
            config(), questions=questions, model=tmp_path / "model", folder=tmp_path / "out"
        )
