"""Adapters of low rank: what learns, what stays, and that weights outside of the trainer are merged."""

import pytest
import torch
from grpo_fixtures import TEXTS, episode_of_policy, grpo_run, grpo_settings, update
from model_fixtures import small_model, small_processor
from pydantic import ValidationError
from training_fixtures import SFT, sft_run, sft_settings, without_times, write_parts

from r1v3.model.groups import check_base, group_hashes, group_of
from r1v3.model.load import load_model
from r1v3.model.lora import add_adapters
from r1v3.model.packed import use_packed_attention
from r1v3.model.stored_weights import StoredTensor, is_adapter
from r1v3.recipe.schema.training import Lora
from r1v3.train.core import engine
from r1v3.train.core.engine import WholeEngine, prepare_model
from r1v3.train.core.flops import FlopCount
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.token_stats import PackedStats
from r1v3.train.core.unfinished import UnfinishedRun
from r1v3.train.grpo.passes.episode_passes import pack_episode

LORA = {"rank": 2, "alpha": 4.0, "targets": {"llm": ["q_proj", "down_proj"]}}
TRAIN = ["connector", "llm"]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return write_parts(tmp_path_factory.mktemp("parts"))


def adapted_learner(dtype=torch.float32, **changes) -> WholeEngine:
    """Return a policy of the small model with adapters, in this process."""
    settings = grpo_settings(train=TRAIN, lora=LORA | changes)
    model = small_model().to(dtype)
    prepare_model(model, settings.train, settings.parallel, lora=settings.lora, seed=5)
    stats = PackedStats(model, temperature=1.0, never=())
    return WholeEngine(model, stats, settings.optimizer, Ranks(0, 1))


def test_an_adapted_model_begins_as_its_start_and_with_the_same_adapters_for_a_seed():
    one, two = adapted_learner(), adapted_learner()
    names = [name for name, p in one.model.named_parameters() if is_adapter(name)]
    assert len(names) == 2 * 2 * 2  # two layers, two of their weights, A and B
    assert group_hashes(one.model, gather=StoredTensor.base) == group_hashes(small_model())
    assert {name: tensor.tolist() for name, tensor in one.model.state_dict().items()} == {
        name: tensor.tolist() for name, tensor in two.model.state_dict().items()
    }


def test_only_adapters_and_whole_groups_get_gradients_and_the_weights_below_stay():
    policy = adapted_learner()
    before = group_hashes(policy.model, gather=StoredTensor.base)
    update(policy, episode_of_policy(policy))
    learning = {name for name, p in policy.model.named_parameters() if p.requires_grad}
    assert {group_of(name) for name in learning} == {"connector", "llm"}
    assert all(is_adapter(name) for name in learning if group_of(name) == "llm")
    assert policy.base_hashes(["llm"]) == {"llm": before["llm"]}
    after = policy.hashes()
    assert [g for g in before if before[g] != after[g]] == ["connector", "llm"]
    with torch.no_grad():
        policy.model.model.language_model.layers[0].self_attn.k_proj.weight.add_(1e-3)
    with pytest.raises(RuntimeError, match="llm has adapters, but the weights below them changed"):
        check_base(before, policy.base_hashes(["llm"]))


def test_the_merged_model_gives_the_adapted_models_probabilities(tmp_path):
    policy = adapted_learner()
    episode = episode_of_policy(policy)
    update(policy, episode)
    policy.save(small_processor(), tmp_path / "saved")
    saved = load_model(tmp_path / "saved")
    assert {n: t.shape for n, t in saved.state_dict().items()} == {
        n: t.shape for n, t in small_model().state_dict().items()
    }
    assert group_hashes(saved) == policy.hashes() == group_hashes(saved, gather=StoredTensor.base)
    for name, tensor in policy.weights():
        assert torch.equal(tensor, saved.state_dict()[name]), name
    pack = pack_episode(episode.prompts, episode.responses, len(TEXTS))
    start, merged = (of_pack(model, pack) for model in (small_model(), saved))
    with torch.no_grad():
        adapted = policy(pack)[0]
    assert torch.allclose(adapted, merged, atol=1e-4)
    assert (start - merged).abs().max() > 1e-2


@torch.no_grad()
def of_pack(model, pack):
    """Return the log-probability of each response token, by a model without adapters."""
    use_packed_attention(model)
    return PackedStats(model, temperature=1.0, never=())(pack)[0]


def test_sixteen_bit_weights_are_merged_in_32_bits_and_rounded_once():
    policy = adapted_learner(torch.bfloat16)
    layer = policy.model.model.language_model.layers[0].self_attn.q_proj
    with torch.no_grad():
        layer.lora_B["default"].weight.normal_(generator=torch.Generator().manual_seed(1))
    b, a = layer.lora_B["default"].weight.float(), layer.lora_A["default"].weight.float()
    expected = (layer.base_layer.weight.float() + 2.0 * (b @ a)).bfloat16()
    name = "model.language_model.layers.0.self_attn.q_proj.weight"
    assert torch.equal(dict(policy.weights())[name], expected)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"llm": ["lm_head"]}, "may not have lm_head"),
        ({"vision_tower": ["q_proj"]}, "names vision_tower, and train names none of these"),
        ({"llm": []}, "at least 1"),
        ({}, "at least 1"),
        ({"head": ["q_proj"]}, "vision_tower"),
    ],
)
def test_targets_that_cannot_be_are_refused_when_the_recipe_is_read(targets, message):
    for settings in (sft_settings, grpo_settings):
        with pytest.raises(ValidationError, match=message):
            settings(train=TRAIN, lora=LORA | {"targets": targets})


def test_targets_of_a_group_that_does_not_learn_say_nothing():
    both = LORA | {"targets": {"vision_tower": ["q_proj"], "llm": ["q_proj"]}}
    assert sft_settings(train=["llm"], lora=both).adapted == ["llm"]
    model = small_model()
    add_adapters(model, Lora.model_validate(both), ["llm"], seed=0)
    assert {group_of(n) for n, _ in model.named_parameters() if is_adapter(n)} == {"llm"}


def test_a_layer_that_is_not_there_is_named_with_those_that_are():
    lora = Lora.model_validate(LORA | {"targets": {"connector": ["linear_1", "q_proj"]}})
    with pytest.raises(
        ValueError, match=r"lora\.targets\.connector: q_proj .* allowed: linear_1, linear_2"
    ):
        add_adapters(small_model(), lora, TRAIN, seed=0)


def test_settings_without_adapters_say_nothing_of_them():
    assert "lora" not in sft_settings().model_dump() | grpo_settings().model_dump()
    assert sft_settings(lora=LORA).model_dump()["lora"] == LORA
    assert sft_settings(lora=LORA).adapted == ["llm"]
    assert sft_settings().adapted == []


def test_frozen_weights_below_adapters_cost_no_gradient():
    model = small_model()
    whole, adapted = FlopCount.of(model, ["llm"]), FlopCount.of(model, ["llm"], ["llm"])
    assert adapted.token == whole.token * 2 / 3
    assert FlopCount.of(model, ["vision_tower"], ["vision_tower"]).tile < (
        FlopCount.of(model, ["vision_tower"]).tile
    )


class Killed(Exception):
    """An exception in place of a kill; no code between it and the end of the loop runs."""


def killed_after(step, monkeypatch):
    """End a run right after its state of a step is written."""
    save = engine.save_state

    def saved(folder, at, state, **rule):
        save(folder, at, state, **rule)
        if at == step:
            raise Killed

    monkeypatch.setattr(engine, "save_state", saved)


@pytest.mark.parametrize("run", [sft_run, grpo_run])
def test_a_killed_run_goes_on_to_the_same_bits_and_proves_what_stayed(
    run, parts, tmp_path, monkeypatch
):
    changes = {"train": TRAIN, "lora": LORA}
    if run is sft_run:
        changes["parallel"] = SFT["parallel"] | {"gradient_checkpointing": True}
    now = changes | {"resume": {"seconds": 0, "keep": 2}}
    facts = run(tmp_path / "whole", parts / "start", parts / "data", **changes)
    with monkeypatch.context() as patched:
        killed_after(2, patched)
        with pytest.raises(Killed):
            run(tmp_path / "killed", parts / "start", parts / "data", **now)
    state = torch.load(tmp_path / "killed/resume/step-000002.pt", weights_only=True)
    assert all(is_adapter(n) or group_of(n) == "connector" for n in state["model"])
    assert run(tmp_path / "killed", parts / "start", parts / "data", **changes) == facts
    assert without_times(tmp_path / "killed") == without_times(tmp_path / "whole")
    groups = facts["groups"]
    assert groups["below_adapters"] == {"llm": groups["before"]["llm"]}
    assert groups["before"] == group_hashes(load_model(parts / "start"))
    assert groups["after"] == group_hashes(load_model(tmp_path / "whole" / facts["last"]))
    assert groups["after"]["vision_tower"] == groups["before"]["vision_tower"]


def test_a_state_restores_adapters_alone(tmp_path):
    one, two = adapted_learner(), adapted_learner()
    update(one, episode_of_policy(one))
    resume = grpo_settings().resume
    one.save_state(tmp_path / "resume", 1, {"done": 1}, keep=2)
    assert UnfinishedRun(two, tmp_path, resume, 4).restore() == {"done": 1}
    assert two.hashes() == one.hashes()
