"""Rewarded answers: shares by rule, their traits, a sample for people, and the alarms about them."""

import json

import pytest
import torch

from r1v3.data.records import Record
from r1v3.generate.types import Response
from r1v3.reward.traits import Traits, traits_of
from r1v3.train.core.metrics import MetricsLog
from r1v3.train.grpo.records.alarms import find_alarms, find_jumps
from r1v3.train.grpo.records.paid_answers import PaidAnswers
from r1v3.train.grpo.sampling.prompts import Prompt
from r1v3.train.grpo.sampling.rollouts import Episode

QUESTION = "Simplify 8/22."


def episode(answers):
    """Make an episode of two prompts from pairs (text after the thought, rule that rewarded it or None)."""
    record = Record(
        id="q", question=QUESTION, options=None, answer="4/11", answer_type="open", images=(), domain="plain",
        difficulty="normal", language="en", source="a", licence="x", split="train", response=None, meta={},
    )  # fmt: skip
    texts = [f"So.\n</think>\n\n{text}" for text, _ in answers]
    responses = [
        Response("q", n, text, (1,) * 10, (0.0,) * 10, "stop", 5) for n, text in enumerate(texts)
    ]
    right = torch.tensor([float(by is not None) for _, by in answers]).view(2, -1)
    reasons = [(by or "rule:different", "said so") for _, by in answers]
    prompts = [Prompt(record, "", None)] * 2
    return Episode(prompts, responses, right, torch.ones_like(right), right, reasons)


USUAL = episode(
    [
        (r"\boxed{4/11}", "rule:number"),
        (r"\boxed{5}", None),
        ("It may be 4/11", "verifier"),
        ("8", None),
    ]
    * 2
)
HACKED = episode([("8/22", "rule:number")] * 8)


@pytest.mark.parametrize(
    ("text", "traits"),
    [(r"\boxed{7}", Traits(False, False, False)), ("It is 7 or 8", Traits(True, True, False)),
     (r"\boxed{8/22}", Traits(False, False, True)), ("可能是7", Traits(True, True, False)),
     (r"I think 7.</think> \boxed{B}", Traits(False, False, False))],
)  # fmt: skip
def test_traits_are_read_behind_the_thought(text, traits):
    assert traits_of(text, QUESTION) == traits


def test_a_step_has_shares_by_rule_and_by_trait(tmp_path):
    values = PaidAnswers(tmp_path, keep_through=0, seed=1).measure(1, USUAL, "think")
    assert values["rewarded_by/rule_number"] == values["rewarded_by/verifier"] == 0.25
    assert values["answers/hedged"] == values["answers/unboxed"] == 0.5
    assert values["answers/count"] == 8


def test_a_rule_that_suddenly_pays_raises_an_alarm_and_its_answers_are_kept(tmp_path):
    paid = PaidAnswers(tmp_path, keep_through=0, seed=1)
    steps = [paid.measure(step, USUAL, "think") for step in range(1, 7)]
    assert find_jumps(steps) == []
    last = paid.measure(7, HACKED, "think")
    assert last["rewarded_by/verifier"] == 0.0
    (says,) = find_jumps([*steps, last])
    assert "rewarded_by/rule_number jumped from 0.25 to 1.00" in says
    assert "answers/from_question jumped from 0.00 to 1.00" in says
    rows = [{"step": n + 1, **values} for n, values in enumerate([*steps, last])]
    assert [(alarm.name, alarm.step) for alarm in find_alarms(rows)] == [("share_jump", 7)]
    rows = [json.loads(line) for line in (tmp_path / "to_judge.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 8))
    assert {answer["by"] for answer in rows[0]["answers"]} == {"rule:number", "verifier"}
    assert rows[-1]["answers"][0]["gold"] == "4/11"


def test_few_paid_answers_ring_nothing_by_chance():
    usual = [{"answers/count": 1024, "rewarded_by/rule_number": 0.002, "answers/hedged": 0.0}] * 10
    one_of_two = usual[0] | {"answers/hedged": 0.5}
    assert find_jumps([*usual, one_of_two]) == []
    many = [each | {"rewarded_by/rule_number": 0.5} for each in (*usual, one_of_two)]
    assert len(find_jumps(many)) == 1


def test_length_and_format_that_drift_raise_an_alarm():
    usual = [{"response_length": 100.0, "format": 0.9}] * 5

    def rings(length, form, before=usual):
        return len(find_jumps([*before, {"response_length": length, "format": form}]))

    assert rings(150.0, 0.8) == 0
    assert rings(300.0, 0.9) == 1
    assert rings(40.0, 0.4) == 2
    assert rings(300.0, 0.0, usual[:4]) == 0


def test_a_resumed_run_knows_the_rules_of_the_steps_before(tmp_path):
    metrics = MetricsLog(tmp_path / "metrics.jsonl")
    paid = PaidAnswers(tmp_path, keep_through=0, seed=1)
    for step in range(1, 9):
        metrics.write(step, **paid.measure(step, USUAL, "think"))
    resumed = PaidAnswers(tmp_path, keep_through=6, seed=1)
    assert len((tmp_path / "to_judge.jsonl").read_text().splitlines()) == 6
    assert resumed.measure(7, HACKED, "think")["rewarded_by/verifier"] == 0.0
