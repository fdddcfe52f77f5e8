"""Signal 9 in any phase of GRPO: the run ends like an undisturbed one, and samples nothing twice."""

import signal
from pathlib import Path

import pandas as pd
import pytest
from data_fixtures import source_config
from grpo_fixtures import grpo_run
from launched import run_script
from model_fixtures import small_model, small_processor
from training_fixtures import SOURCE, without_times

from r1v3.data.prepare import prepare
from r1v3.model.groups import group_hashes
from r1v3.model.load import load_model, save_checkpoint
from r1v3.reward import format_reward
from r1v3.train.grpo.sampling import rollouts

pytestmark = pytest.mark.slow
AFRESH = ("generating",)  # the step's own samples were not yet on disk


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Make a start, data, and the undisturbed run on them."""
    folder = tmp_path_factory.mktemp("parts")
    save_checkpoint(small_model(), small_processor(), folder / "start")
    prepare(source_config(SOURCE, 13, name="set"), folder / "data")
    grpo_run(
        folder / "whole", folder / "start", folder / "data", dynamic_sampling={"max_rounds": 1}
    )
    rollouts.format_reward = format_reward
    return folder


def run(phase, step, parts, folder):
    script = Path(__file__).with_name("killed_grpo.py")
    return run_script(script, phase, step, parts / "start", parts / "data", folder)


@pytest.mark.parametrize(
    "phase",
    [
        "generating",
        "grading",
        "graded",
        "keeping",
        "updating",
        "updated",
        "writing",
        "saving",
        "between saves",
    ],
)
def test_a_run_killed_in_a_phase_ends_as_an_undisturbed_one(phase, parts, tmp_path):
    folder = tmp_path / "run"
    assert run(phase, 3, parts, folder).returncode == -signal.SIGKILL
    again = run("nowhere", 0, parts, folder)
    assert again.returncode == 0, again.stderr
    assert without_times(folder) == without_times(parts / "whole")
    ends = [sorted((f / "checkpoints").glob("step-*"))[-1] for f in (parts / "whole", folder)]
    assert group_hashes(load_model(ends[0])) == group_hashes(load_model(ends[1]))
    kept = [sorted((f / "rollouts").glob("*.parquet")) for f in (parts / "whole", folder)]
    for one, two in zip(*kept, strict=True):
        pd.testing.assert_frame_equal(pd.read_parquet(one), pd.read_parquet(two))
    sampled = [int(line) for line in (folder / "sampled.txt").read_text().split()]
    assert sampled == ([1, 2, 3, 3, 4] if phase in AFRESH else [1, 2, 3, 4])
