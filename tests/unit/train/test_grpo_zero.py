"""Real DeepSpeed on the CPU: a sharded policy samples and learns like a whole one."""

import json
import signal
from pathlib import Path

import pytest
from data_fixtures import source_config
from grpo_fixtures import grpo_run, probe_run
from launched import run_ranks, run_script
from model_fixtures import small_model, small_processor
from training_fixtures import SFT, SOURCE, without_times

from r1v3.data.prepare import prepare
from r1v3.model.groups import group_hashes
from r1v3.model.load import load_model, save_checkpoint
from r1v3.reward import format_reward
from r1v3.train.core.metrics import read_metrics
from r1v3.train.core.preemption import REQUEUE
from r1v3.train.grpo.sampling import rollouts

pytest.importorskip("deepspeed")
pytestmark = pytest.mark.slow
RUNS = {
    "zero2": {},
    "zero3": {},
    "zero3_reference": {"kl": 0.1, "kl_estimator": "k3", "minibatches": 2},
}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Make a folder with a start, data, and the plain runs on one process."""
    folder = tmp_path_factory.mktemp("alone")
    save_checkpoint(small_model(), small_processor(), folder / "start")
    prepare(source_config(SOURCE, 13, name="set"), folder / "data")
    for name, settings in RUNS.items():
        grpo_run(folder / name, folder / "start", folder / "data", **settings)
    rollouts.format_reward = format_reward
    return folder


@pytest.fixture(scope="module", params=[1, 2])
def together(request, alone, tmp_path_factory):
    """Run two_ranks_grpo_zero.py on one and on two processes, and return the folder.

    On one process it also finishes a run that was killed by signal 9.
    """
    folder = tmp_path_factory.mktemp(f"ranks{request.param}")
    if request.param == 1:
        script = Path(__file__).with_name("killed_grpo.py")
        settings = json.dumps({"parallel": SFT["parallel"] | {"engine": "deepspeed", "zero": 2}})
        where = (alone / "start", alone / "data", folder / "killed")
        assert run_script(script, "sealing", 3, *where, settings).returncode == -signal.SIGKILL
        states = [path.name for path in sorted((folder / "killed/resume").glob("step-*"))]
        (folder / "killed.json").write_text(json.dumps(states))
    script = Path(__file__).with_name("two_ranks_grpo_zero.py")
    run_ranks(script, request.param, alone / "start", alone / "data", folder)
    return folder


def test_sigterm_saves_and_leaves_with_the_code_for_requeueing(together):
    assert json.loads((together / "codes.json").read_text()) == [REQUEUE] * len(RUNS)


@pytest.mark.parametrize("together", [1], indirect=True)
def test_signal_9_while_a_state_is_sealed_changes_nothing_and_samples_nothing_twice(together):
    states = json.loads((together / "killed.json").read_text())
    assert states == ["step-000001", "step-000002", "step-000003.partial"]
    assert without_times(together / "killed") == without_times(together / "zero2")
    sampled = ["seconds_generate" in row for row in read_metrics(together / "killed/metrics.jsonl")]
    assert sampled == [True, True, False, True]


@pytest.mark.parametrize("run", RUNS)
def test_what_a_step_measures_equals_that_of_the_plain_path(run, together, alone):
    one, two = without_times(alone / run), without_times(together / run)
    assert [row["step"] for row in two] == [row["step"] for row in one]
    for expected, row in zip(one, two):
        assert row["reward"] == expected["reward"]
        assert row["response_length"] == expected["response_length"]
        for each in (expected, row):  # rounding decides which token it is
            each.pop("mismatch/worst_token", None)
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
    assert one.pop("code") == two.pop("code")
    parts = [(one.pop(name), two.pop(name)) for name in ("emitted", "candidate", "control")]
    assert len(one["accuracy_by_prompt"]) == 13
    for plain, parted in [(one, two), *parts]:
        assert {k for k, v in plain.items() if v is None} == {
            k for k, v in parted.items() if v is None
        }
        for name, value in plain.items():
            if value is not None:
                assert parted[name] == pytest.approx(value, rel=1e-4)
