"""A run that is killed and started again ends like an undisturbed one, with equal bits."""

import json
from pathlib import Path

import pytest
import torch
from data_fixtures import source_config
from grpo_fixtures import grpo_run, overlapped_run
from launched import run_ranks
from model_fixtures import small_model, small_processor
from training_fixtures import SOURCE, assert_same_course, packed_sft_run, sft_run, without_times

from r1v3.data.prepare import prepare
from r1v3.model.load import load_model, save_checkpoint
from r1v3.reward import format_reward
from r1v3.train.core.metrics import MetricsLog, read_metrics
from r1v3.train.core.sample_order import order_of_step
from r1v3.train.grpo.sampling import rollouts
from r1v3.train.sft import trainer as sft


@pytest.fixture(autouse=True)
def pay_for_format_again():
    yield
    rollouts.format_reward = format_reward


@pytest.fixture
def start(tmp_path):
    save_checkpoint(small_model(), small_processor(), tmp_path / "start")
    return tmp_path / "start"


@pytest.fixture
def data(tmp_path):
    prepare(source_config(SOURCE, 13, name="set"), tmp_path / "data")
    return tmp_path / "data"


def killed_at(step, monkeypatch):
    """Kill the run just before it writes a step's metrics."""
    write = MetricsLog.write

    def once(self, at, **values):
        if at == step:
            monkeypatch.setattr(MetricsLog, "write", write)
            raise KeyboardInterrupt
        write(self, at, **values)

    monkeypatch.setattr(MetricsLog, "write", once)


OFTEN = {"seconds": 0, "keep": 2}


def often_saving_sft_run(folder, start, data):
    return sft_run(folder, start, data, resume=OFTEN)


def often_saving_packed_run(folder, start, data):
    return packed_sft_run(folder, start, data, resume=OFTEN)


def often_saving_grpo_run(folder, start, data):
    return grpo_run(folder, start, data, resume=OFTEN)


@pytest.mark.parametrize(
    "run",
    [
        often_saving_sft_run,
        often_saving_packed_run,
        pytest.param(often_saving_grpo_run, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("step", [1, 3])
def test_a_killed_run_ends_as_an_undisturbed_one(run, step, start, data, tmp_path, monkeypatch):
    whole = run(tmp_path / "whole", start, data)
    killed_at(step, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", start, data)
    resumed = run(tmp_path / "killed", start, data)
    assert without_times(tmp_path / "killed") == without_times(tmp_path / "whole")
    assert resumed == whole
    one = load_model(tmp_path / "whole" / whole["last"]).state_dict()
    other = load_model(tmp_path / "killed" / resumed["last"]).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_killed_before_its_manifest_goes_on_from_its_last_state(
    start, data, tmp_path, monkeypatch
):
    whole = often_saving_sft_run(tmp_path / "run", start, data)
    steps = []
    check = sft.check_step
    monkeypatch.setattr(sft, "check_step", lambda n, *rest: (steps.append(n), check(n, *rest)))
    assert often_saving_sft_run(tmp_path / "run", start, data) == whole
    assert steps == [whole["steps"]]


def test_a_damaged_state_is_named_and_the_one_before_it_is_used(
    start, data, tmp_path, monkeypatch, capsys
):
    whole = often_saving_sft_run(tmp_path / "whole", start, data)
    killed_at(4, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        often_saving_sft_run(tmp_path / "killed", start, data)
    newest = sorted((tmp_path / "killed" / "resume").glob("*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    assert sft_run(tmp_path / "killed", start, data) == whole
    assert f"{newest} is damaged" in capsys.readouterr().out


def test_frozen_groups_stay_and_the_best_checkpoint_is_kept(start, data, tmp_path):
    facts = sft_run(tmp_path / "run", start, data, train=["connector"])
    before, after = facts["groups"]["before"], facts["groups"]["after"]
    assert before["llm"] == after["llm"]
    assert before["vision_tower"] == after["vision_tower"]
    assert before["connector"] != after["connector"]
    losses = {
        row["step"]: row["validation_loss"]
        for row in read_metrics(tmp_path / "run" / "metrics.jsonl")
        if "validation_loss" in row
    }
    assert facts["best_step"] == min(losses, key=losses.get)
    assert facts["best_validation_loss"] == min(losses.values())


def test_each_epoch_shows_every_sample_once():
    order = [item for step in range(4) for item in order_of_step(8, step, 4, 0)]
    assert sorted(order[:8]) == sorted(order[8:]) == list(range(8))
    assert order[:8] != order[8:]


def test_an_overlong_sample_is_skipped_by_name_and_too_many_stop_the_run(start, data, tmp_path):
    with pytest.raises(ValueError, match=r"13 of 13 samples skipped.*set-000000: .* allowed"):
        sft_run(tmp_path / "run", start, data, max_length=40)
    reasons = json.loads((tmp_path / "run" / "skipped.json").read_text())
    assert len(reasons) == 13


def test_grpo_keeps_the_checkpoints_that_the_recipe_names(start, data, tmp_path):
    facts = grpo_run(tmp_path / "run", start, data)
    assert [c["step"] for c in facts["checkpoints"]] == [2, 4]
    metrics = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [row["step"] for row in metrics] == [1, 2, 3, 4]
    assert all(row["clip_fraction"] == 0 for row in metrics)  # one on-policy step: ratio 1
    assert max(row["logprob_gap_max"] for row in metrics) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "run"),
    [
        ("sft", sft_run),
        ("packed_sft", sft_run),
        ("grpo", grpo_run),
        ("overlapped", overlapped_run),
    ],
)
def test_two_processes_learn_what_one_learns(kind, run, start, data, tmp_path):
    alone = run(tmp_path / "alone", start, data)
    together = tmp_path / "together"
    together.mkdir()
    run_ranks(Path(__file__).with_name("two_ranks.py"), 2, kind, start, data, together)
    assert_same_course(tmp_path / "alone", together)
    one = load_model(tmp_path / "alone" / alone["last"]).state_dict()
    two = load_model(together / alone["last"]).state_dict()
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=2e-4, rtol=1e-3)
