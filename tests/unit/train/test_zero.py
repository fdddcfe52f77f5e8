"""Real DeepSpeed on the CPU: its stages learn what one process learns, and save complete weights."""

import json
from pathlib import Path

import pytest
import torch
from data_fixtures import source_config
from launched import run_ranks
from model_fixtures import small_model, small_processor
from training_fixtures import SFT, SOURCE, sft_run, without_times

from r1v3.data.prepare import prepare
from r1v3.model.groups import group_hashes
from r1v3.model.load import load_model, save_checkpoint
from r1v3.recipe.schema.training import Parallel
from r1v3.train.core.preemption import REQUEUE

pytest.importorskip("deepspeed")
pytestmark = pytest.mark.slow
RUNS = ("zero2", "zero3", "zero2_packed")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Make a folder with a start, data, and the plain run on one process, in float32 and in bfloat16."""
    folder = tmp_path_factory.mktemp("alone")
    save_checkpoint(small_model(), small_processor(), folder / "start")
    prepare(source_config(SOURCE, 13, name="set"), folder / "data")
    sft_run(folder / "float32", folder / "start", folder / "data")
    sft_run(folder / "bfloat16", folder / "start", folder / "data", dtype="bfloat16")
    return folder


@pytest.fixture(scope="module", params=[1, 2])
def together(request, alone, tmp_path_factory):
    """Run two_ranks_zero.py on one and on two processes, and return the folder."""
    folder = tmp_path_factory.mktemp(f"ranks{request.param}")
    script = Path(__file__).with_name("two_ranks_zero.py")
    run_ranks(script, request.param, alone / "start", alone / "data", folder)
    return folder


def test_sigterm_saves_and_leaves_with_the_code_for_requeueing(together):
    assert json.loads((together / "codes.json").read_text()) == [REQUEUE] * 5


@pytest.mark.parametrize("run", RUNS)
def test_losses_and_gradient_norms_equal_those_of_the_plain_path(run, together, alone):
    one, two = without_times(alone / "float32"), without_times(together / run)
    assert [row["step"] for row in two] == [row["step"] for row in one]
    for expected, row in zip(one, two):
        assert row["loss"] == pytest.approx(expected["loss"], rel=1e-5)
        assert row == pytest.approx(expected, rel=2e-4, abs=1e-6)


def test_bfloat16_agrees_with_the_plain_path_in_bfloat16(together, alone):
    pairs = zip(without_times(alone / "bfloat16"), without_times(together / "zero3_bfloat16"))
    for expected, row in pairs:
        assert row["loss"] == pytest.approx(expected["loss"], abs=0.03)


@pytest.mark.parametrize("run", [*RUNS, "zero3_bfloat16", "zero3_connector"])
def test_what_is_saved_is_to_the_bit_what_was_trained(run, together):
    facts = json.loads((together / f"{run}.json").read_text())
    dtype = "bfloat16" if "bfloat16" in run else "float32"
    loaded = load_model(together / run / facts["last"], dtype=dtype)
    assert group_hashes(loaded) == facts["groups"]["after"]
    assert loaded.lm_head.weight is loaded.get_input_embeddings().weight


def test_frozen_groups_stay_frozen_under_zero(together, alone):
    groups = json.loads((together / "zero3_connector.json").read_text())["groups"]
    moved = {g for g in groups["before"] if groups["before"][g] != groups["after"][g]}
    assert moved == {"connector"}
    start = group_hashes(load_model(alone / "start"))
    assert groups["before"] == start


def test_weights_end_where_the_plain_path_ends(together, alone):
    step = f"step-{len(without_times(alone / 'float32')):06d}"
    one = load_model(alone / "float32" / "checkpoints" / step).state_dict()
    two = load_model(together / "zero3" / "checkpoints" / step).state_dict()
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=2e-4, rtol=1e-3)


def test_the_configuration_says_what_the_recipe_says():
    from r1v3.train.core.deepspeed_start import zero_config

    parallel = Parallel.model_validate(SFT["parallel"] | {"engine": "deepspeed", "zero": 2})
    config = zero_config(parallel, "bfloat16", world=4, max_grad_norm=1.5)
    assert config["zero_optimization"]["stage"] == 2
    assert config["bf16"] == {"enabled": True}
    assert config["gradient_clipping"] == 1.5
