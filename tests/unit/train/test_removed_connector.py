"""RL without a connector (section 5.2): the language model learns, and never receives a picture."""

import pytest
from data_fixtures import source_config
from grpo_fixtures import grpo_run
from model_fixtures import small_model, small_processor
from training_fixtures import SOURCE

from r1v3.data.prepare import prepare
from r1v3.model.load import load_model, save_checkpoint
from r1v3.reward import format_reward
from r1v3.train.grpo.sampling import rollouts

pytestmark = pytest.mark.slow


def test_every_kept_checkpoint_is_silent_and_the_language_model_moved(tmp_path):
    save_checkpoint(small_model(), small_processor(), tmp_path / "start")
    prepare(source_config(SOURCE, 13, name="set"), tmp_path / "data")
    try:
        facts = grpo_run(
            tmp_path / "run",
            tmp_path / "start",
            tmp_path / "data",
            without=["connector"],
            train=["llm"],
        )
    finally:
        rollouts.format_reward = format_reward
    groups = facts["groups"]
    assert groups["before"]["llm"] != groups["after"]["llm"]
    assert groups["before"]["connector"] == groups["after"]["connector"]
    assert facts["checkpoints"]
    for kept in facts["checkpoints"]:
        last = load_model(tmp_path / "run" / kept["path"]).model.multi_modal_projector.linear_2
        assert last.weight.abs().max() == last.bias.abs().max() == 0
