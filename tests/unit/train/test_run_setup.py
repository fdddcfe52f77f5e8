"""How runs and models are opened: what is refused, what is skipped, and what a run records of its start."""

import pytest
from grpo_fixtures import ENTROPY, grpo_settings
from model_fixtures import IMAGES, SIZES, TEMPLATE, small_model, small_processor
from training_fixtures import sft_settings, write_parts

from r1v3.model.groups import group_hashes
from r1v3.model.load import load_model
from r1v3.recipe.graph.configs import (
    Answering,
    CheckpointOf,
    GrpoConfig,
    ModelConfig,
    ScratchSpec,
    ShownConfig,
    TunedSpec,
)
from r1v3.recipe.schema.data import HubModel
from r1v3.recipe.schema.recipe import Entropy
from r1v3.train import base_model
from r1v3.train.base_model import obtain_base_model
from r1v3.train.grpo.setup import open_grpo_run
from r1v3.train.sft.setup import open_sft_run

SHOWN = {"version": 1, "name": "run", "seed": 3, "template": TEMPLATE, "images": IMAGES}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return write_parts(tmp_path_factory.mktemp("parts"))


def opened_sft(parts, folder, validation=None, **changes):
    config, settings = ShownConfig(**SHOWN), sft_settings(**changes)
    return open_sft_run(
        small_model(), small_processor(), settings, config,
        data=parts / "data", validation=validation, folder=folder,
    )  # fmt: skip


def opened_grpo(parts, folder, without=(), **changes):
    config = GrpoConfig(
        **SHOWN,
        settings=grpo_settings(**changes),
        start=CheckpointOf(run="start", checkpoint="last", selection=None),
        data="set",
        without=list(without),
        entropy=Entropy.model_validate(ENTROPY),
        generation=Answering(engine="transformers", mode="slow"),
    )
    return open_grpo_run(config, start=parts / "start", data=parts / "data", folder=folder)


def test_a_supervised_run_has_as_many_steps_as_its_epochs_and_no_more_than_its_limit(
    parts, tmp_path
):
    whole = opened_sft(parts, tmp_path, early_stopping=None)
    assert (whole.total, whole.finished, whole.held_out) == (7, False, None)  # 2 x 13 by 4
    assert opened_sft(parts, tmp_path, early_stopping=None, max_steps=3).total == 3
    assert whole.hashes_before == group_hashes(small_model())


def test_early_stopping_without_a_validation_set_is_refused(parts, tmp_path):
    with pytest.raises(ValueError, match="early_stopping needs a validation set"):
        opened_sft(parts, tmp_path)
    assert opened_sft(parts, tmp_path, validation=parts / "data").held_out is not None


def test_a_supervised_run_goes_on_from_its_newest_state(parts, tmp_path):
    run = opened_sft(parts, tmp_path, early_stopping=None)
    run.progress.step = 5
    run.engine.save_state(tmp_path / "resume", 5, run.state(), keep=2)
    again = opened_sft(parts, tmp_path, early_stopping=None)
    assert (again.progress.step, again.hashes_before) == (5, run.hashes_before)
    assert len(list(again.batches)) == 2


def test_the_start_is_kept_frozen_only_where_the_loss_needs_it(parts, tmp_path):
    assert opened_grpo(parts, tmp_path / "a").reference is None
    assert opened_grpo(parts, tmp_path / "b", kl=0.1).reference is not None
    assert opened_grpo(parts, tmp_path / "c", old_logprobs="reference").reference is not None


def test_a_removed_connector_is_zero_before_the_first_step(parts, tmp_path):
    whole, removed = (
        group_hashes(load_model(parts / "start")),
        opened_grpo(parts, tmp_path, without=["connector"], train=["llm"]),
    )
    before = removed.progress.before
    assert before["connector"] != whole["connector"]
    assert before["llm"] == whole["llm"]
    assert removed.progress.done == 0


def test_a_hub_model_is_obtained_at_its_revision_and_counts_as_a_run_of_no_step(
    tmp_path, monkeypatch
):
    asked = []
    monkeypatch.setattr(base_model, "obtain_checkpoint", lambda *what: asked.append(what))
    spec = HubModel(source="hub", mode="slow", id="some/model", revision="abc")
    config = ModelConfig(**SHOWN, spec=spec, data={}, start=None)
    facts = obtain_base_model(config, data={}, start=None, folder=tmp_path)
    path = "checkpoints/step-000000"
    assert asked == [("some/model", "abc", tmp_path / path)]
    kept = [{"step": 0, "path": path}]
    assert facts == {"steps": 0, "checkpoints": kept, "last": path, "best": None}


def test_a_model_from_scratch_has_the_sizes_of_the_recipe_and_is_trained(parts, tmp_path):
    spec = ScratchSpec(
        source="scratch", mode="nothink", architecture=SIZES, tokenizer_data=["set"], data="set",
        settings=sft_settings(early_stopping=None, max_steps=1, train=["vision_tower", "connector", "llm"]),
    )  # fmt: skip
    config = ModelConfig(**SHOWN, spec=spec, data={"set": "set-0"}, start=None)
    facts = obtain_base_model(config, data={"set": parts / "data"}, start=None, folder=tmp_path)
    made = load_model(tmp_path / facts["last"])
    assert facts["steps"] == 1
    assert made.config.text_config.hidden_size == SIZES.width
    assert made.config.vision_config.num_hidden_layers == SIZES.vision_layers


def test_a_tuned_model_needs_the_checkpoint_of_its_start(tmp_path):
    spec = TunedSpec(source="tuned", mode="slow", start="base", data="set", settings=sft_settings())
    config = ModelConfig(**SHOWN, spec=spec, data={"set": "set-0"}, start="base-0")
    with pytest.raises(ValueError, match="run: a tuned model needs the checkpoint of its start"):
        obtain_base_model(config, data={"set": tmp_path}, start=None, folder=tmp_path)
