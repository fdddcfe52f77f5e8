"""Real DeepSpeed on the CPU: a policy in parts samples and learns as a whole one does."""

import json
from pathlib import Path

import pytest
from data_fixtures import source_document
from grpo_fixtures import grpo_run, probe_run
from launched import run_ranks
from model_fixtures import small_model, small_processor
from training_fixtures import SOURCE, without_times

from r1v3.data.prepare import prepare
from r1v3.model.groups import group_hashes
from r1v3.model.load import load_model, save_checkpoint
from r1v3.reward import format_reward
from r1v3.train import rollouts
from r1v3.train.preemption import REQUEUE

pytest.importorskip("deepspeed")
pytestmark = pytest.mark.slow
RUNS = {
    "zero2": {},
    "zero3": {},
    "zero3_reference": {"kl": 0.1, "kl_estimator": "k3", "minibatches": 2},
}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A folder with a start, data, and the plain runs on one process."""
    folder = tmp_path_factory.mktemp("alone")
    save_checkpoint(small_model(), small_processor(), folder / "start")
    prepare(source_document(SOURCE, 13, name="set"), folder / "data")
    for name, settings in RUNS.items():
        grpo_run(folder / name, folder / "start", folder / "data", **settings)
    rollouts.format_reward = format_reward
    return folder


@pytest.fixture(scope="module", params=[1, 2])
def together(request, alone, tmp_path_factory):
    """The folder of the runs of two_ranks_grpo_zero.py on one and on two processes."""
    folder = tmp_path_factory.mktemp(f"ranks{request.param}")
    script = Path(__file__).with_name("two_ranks_grpo_zero.py")
    run_ranks(script, request.param, alone / "start", alone / "data", folder)
    return folder


def test_sigterm_saves_and_leaves_with_the_code_for_requeueing(together):
    assert json.loads((together / "codes.json").read_text()) == [REQUEUE] * len(RUNS)


@pytest.mark.parametrize("run", RUNS)
def test_what_a_step_measures_equals_that_of_the_plain_path(run, together, alone):
    one, two = without_times(alone / run), without_times(together / run)
    assert [row["step"] for row in two] == [row["step"] for row in one]
    for expected, row in zip(one, two):
        assert row["reward"] == expected["reward"]
        assert row["response_length"] == expected["response_length"]
        lists = [name for name, value in expected.items() if isinstance(value, list)]
        assert [row.pop(name) for name in lists] == [expected.pop(name) for name in lists]
        assert row == pytest.approx(expected, rel=2e-3, abs=2e-5)


@pytest.mark.parametrize("run", RUNS)
def test_what_is_saved_is_to_the_bit_what_was_trained(run, together):
    facts = json.loads((together / f"{run}.json").read_text())
    assert group_hashes(load_model(together / run / facts["last"])) == facts["groups"]["after"]


def test_the_probe_of_a_policy_in_parts_reads_what_one_process_reads(together, alone, tmp_path):
    one = json.loads(probe_run(tmp_path, alone / "start", alone / "data").read_text())
    two = json.loads((together / "probe" / "probe-step-000004.json").read_text())
    parts = [(one.pop(name), two.pop(name)) for name in ("emitted", "candidate", "control")]
    assert len(one["accuracy_by_prompt"]) == 13
    for plain, parted in [(one, two), *parts]:
        assert {k for k, v in plain.items() if v is None} == {
            k for k, v in parted.items() if v is None
        }
        for name, value in plain.items():
            if value is not None:
                assert parted[name] == pytest.approx(value, rel=1e-4)
