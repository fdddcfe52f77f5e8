"""The same three groups exist for the structures of other models; nothing is loaded or computed."""

import pytest
import torch
from transformers import (
    CLIPVisionConfig,
    InternVLConfig,
    InternVLForConditionalGeneration,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Config,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from r1v3.model.groups import GROUPS, group_of, grouped_parameters, train_only

TEXT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "vocab_size": 100,
}
VISION = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 28,
    "patch_size": 7,
}


def internvl(tie):
    text = Qwen2Config(**TEXT, tie_word_embeddings=tie)
    return InternVLForConditionalGeneration(
        InternVLConfig(vision_config=VISION, text_config=text, tie_word_embeddings=tie)
    )


def qwen(tie):
    vision = {
        "hidden_size": 16,
        "depth": 1,
        "num_heads": 2,
        "intermediate_size": 32,
        "out_hidden_size": 32,
    }
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2]}
    text = TEXT | {"rope_scaling": rope, "tie_word_embeddings": tie}
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tie)
    )


def qwen3(tie):
    vision = {
        "hidden_size": 16,
        "depth": 2,
        "num_heads": 2,
        "intermediate_size": 32,
        "out_hidden_size": 32,
        "deepstack_visual_indexes": [0, 1],
    }
    text = TEXT | {"head_dim": 8, "tie_word_embeddings": tie}
    return Qwen3VLForConditionalGeneration(
        Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tie)
    )


def llava(tie):
    return LlavaForConditionalGeneration(like_llava(LlavaConfig, tie))


def llava_next(tie):
    return LlavaNextForConditionalGeneration(like_llava(LlavaNextConfig, tie))


def like_llava(config, tie):
    vision, text = CLIPVisionConfig(**VISION), LlamaConfig(**TEXT, tie_word_embeddings=tie)
    return config(vision_config=vision, text_config=text, tie_word_embeddings=tie)


# A parameter of each model's connector: what lies between the last vision layer and the first of text.
CONNECTOR = {
    internvl: "model.multi_modal_projector.linear_1.weight",
    qwen: "model.visual.merger.mlp.0.weight",
    qwen3: "model.visual.deepstack_merger_list.1.linear_fc1.weight",
    llava: "model.multi_modal_projector.linear_1.weight",
    llava_next: "model.image_newline",
}


def on_meta(build, tie):
    with torch.device("meta"):
        model = build(tie)
    model.tie_weights()
    return model


@pytest.mark.parametrize("tie", [False, True])
@pytest.mark.parametrize("build", CONNECTOR)
def test_every_parameter_has_one_group_and_the_connector_is_what_lies_between(build, tie):
    model = on_meta(build, tie)
    assert next(model.parameters()).is_meta
    groups = grouped_parameters(model)
    names = {group: {name for name, _ in own} for group, own in groups.items()}
    assert all(names[group] for group in GROUPS)
    assert sum(len(own) for own in names.values()) == len(list(model.named_parameters()))
    assert CONNECTOR[build] in names["connector"]
    assert not any("layers" in name or "blocks" in name for name in names["connector"])
    text = {id(p) for p in model.model.language_model.parameters()} | {id(model.lm_head.weight)}
    assert {id(p) for _, p in groups["llm"]} == text


@pytest.mark.parametrize("build", CONNECTOR)
@pytest.mark.parametrize("group", list(GROUPS))
def test_training_one_group_freezes_all_else_on_every_structure(build, group):
    model = on_meta(build, tie=True)
    train_only(model, [group])
    trained = {group_of(name) for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {group}
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert all(group_of(name) != group for name in frozen)


@pytest.mark.parametrize("build", CONNECTOR)
def test_the_head_is_the_embedding_where_they_are_tied_and_apart_where_not(build):
    tied, apart = on_meta(build, True), on_meta(build, False)
    assert tied.lm_head.weight is tied.get_input_embeddings().weight
    assert apart.lm_head.weight is not apart.get_input_embeddings().weight
    count = [sum(p.numel() for _, p in grouped_parameters(m)["llm"]) for m in (apart, tied)]
    assert count[0] - count[1] == TEXT["vocab_size"] * TEXT["hidden_size"]


def test_the_38b_model_of_the_report_has_the_groups_too():
    # InternVL3-38B: InternViT-6B before Qwen2.5-32B, by their published sizes
    with torch.device("meta"):
        model = InternVLForConditionalGeneration(
            InternVLConfig(
                vision_config={
                    "hidden_size": 3200,
                    "num_hidden_layers": 45,
                    "num_attention_heads": 25,
                    "intermediate_size": 12800,
                    "image_size": 448,
                    "patch_size": 14,
                },
                text_config=Qwen2Config(
                    hidden_size=5120,
                    num_hidden_layers=64,
                    num_attention_heads=40,
                    num_key_value_heads=8,
                    intermediate_size=27648,
                    vocab_size=151674,
                ),
                tie_word_embeddings=False,
            )
        )
    sizes = {
        g: sum(p.numel() for _, p in own) / 1e9 for g, own in grouped_parameters(model).items()
    }
    assert sizes["vision_tower"] == pytest.approx(5.5, abs=0.1)
    assert sizes["connector"] == pytest.approx(0.09, abs=0.03)
    assert sizes["llm"] == pytest.approx(32.8, abs=0.2)
