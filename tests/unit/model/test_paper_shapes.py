"""38B parameters on the meta device: names, groups, parts and a checkpoint's index fit, without a GPU."""

import copy
import json
from pathlib import Path

import pytest
from huggingface_hub import split_torch_state_dict_into_shards
from model_fixtures import IMAGES, picture
from qwen_checkpoints import KINDS, qwen_model, qwen_processor

from r1v3.model.groups import GROUPS, group_of, grouped_parameters, train_only
from r1v3.plan.shapes import build_meta, config_from_sizes, meta_model, model_shape, read_sizes
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def paper():
    return load_project(ROOT, "paper").recipe


@pytest.fixture(scope="module")
def model(paper):
    return meta_model(paper, "base", ROOT)


def test_the_model_has_38_billion_parameters_and_takes_no_memory(model):
    # InternViT-6B 5.54B, two layers of 12,800 x 5,120 and 5,120 x 5,120, Qwen2.5-32B with its own vocabulary
    sizes = {name: round(size / 1e9, 2) for name, size in model_shape(model).parameters.items()}
    assert sizes == {"vision_tower": 5.54, "connector": 0.09, "llm": 32.76}
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


def test_every_name_has_a_group_and_freezing_follows_them(model):
    assert {group_of(name) for name, _ in model.named_parameters()} == set(GROUPS)
    train_only(model, ["connector"])
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trained == [name for name, _ in grouped_parameters(model)["connector"]]
    assert len(trained) == 6  # a norm and two layers, each a weight and a bias
    train_only(model, GROUPS)


@pytest.mark.parametrize("stage", ["sft", "grpo"])
def test_zero_parts_it_evenly_among_the_ranks_of_the_layout(model, paper, stage):
    machines = getattr(paper.layout, stage)
    world = machines.nodes * machines.gpus
    # ZeRO-3 pads each tensor to a multiple of the ranks.
    part = sum(-(-parameter.numel() // world) for parameter in model.parameters())
    whole = model_shape(model).all
    assert part * world - whole < 0.0001 * whole
    # Weights, gradients, copies and averages are half of a GPU at most.
    assert 18 * part < 0.5 * 80e9


@pytest.mark.parametrize("recipe", ["paper", "8b", "1b"])
def test_engines_part_heads_and_features_evenly(recipe):
    loaded = load_project(ROOT, recipe).recipe
    for stage in ("reject", "grpo", "evaluate", "probe"):
        machines = getattr(loaded.layout, stage)
        parts = machines.tensor_parallel or machines.gpus
        for name in ("teacher",) if stage == "reject" else ("base",):
            text = meta_model(loaded, name, ROOT).config.text_config
            assert text.num_attention_heads % parts == 0, (stage, name)
            assert text.intermediate_size % parts == 0
            heads = text.num_key_value_heads  # copied where there are fewer than parts
            assert heads % parts == 0 or parts % heads == 0


def test_a_checkpoints_index_names_every_tensor_once(model):
    tensors = {name: tensor for name, tensor in model.state_dict().items()}
    split = split_torch_state_dict_into_shards(
        {name: tensor.to("meta") for name, tensor in tensors.items()}, max_shard_size="50GB"
    )
    named = [name for names in split.filename_to_tensors.values() for name in names]
    assert sorted(named) == sorted(tensors)
    assert len(named) == len(set(named))
    parameters = model_shape(model).all
    assert split.metadata["total_size"] == 4 * parameters  # float32 here, half in bfloat16
    json.dumps(split.tensor_to_filename)


def test_the_small_shapes_have_the_sizes_that_their_cards_tell():
    shapes = read_yaml(ROOT / "config/shapes.yaml")
    billions = {
        name: round(model_shape(build_meta(config_from_sizes(read_sizes(ROOT, name)))).all / 1e9, 2)
        for name in shapes
    }
    assert billions["OpenGVLab/InternVL3-1B-hf"] == 0.94
    assert billions["OpenGVLab/InternVL3-8B-hf"] == 7.94
    assert billions["OpenGVLab/InternVL3-38B-hf"] == 38.39
    assert billions["Qwen/Qwen2.5-VL-3B-Instruct"] == 3.75
    assert billions["Qwen/Qwen2.5-VL-7B-Instruct"] == 8.29
    assert billions["Qwen/Qwen2.5-VL-32B-Instruct"] == 33.45
    assert billions["Qwen/Qwen2.5-VL-72B-Instruct"] == 73.41
    assert billions["Qwen/Qwen3-VL-2B-Instruct"] == 2.13
    assert billions["Qwen/Qwen3-VL-4B-Instruct"] == 4.44
    assert billions["Qwen/Qwen3-VL-8B-Instruct"] == 8.77
    assert billions["Qwen/Qwen3-VL-32B-Instruct"] == 33.36


@pytest.mark.parametrize("kind", KINDS)
def test_a_qwens_tile_is_what_its_processor_and_tower_make_of_a_square_of_its_side(kind):
    model, processor = qwen_model(kind), qwen_processor(kind)
    shape = model_shape(model)
    roomy = copy.deepcopy(processor)
    roomy.image_processor.size = {"shortest_edge": 1, "longest_edge": 2**24}
    patches, counts = roomy.pixels([picture(1, shape.side, shape.side)], IMAGES)
    assert counts == [shape.patches]
    assert roomy.tokens(shape.patches) == shape.image_tokens
    assert patches.pixels_NF.numel() == shape.numbers
    assert shape.vision_layers == len(model.model.visual.blocks)
    assert shape.all == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    "recipe", ["paper", "8b", "1b", "open", "open-8b", "open-8b-lora", "open-1b"]
)
def test_every_model_that_is_trained_or_asked_here_has_its_sizes(recipe):
    shapes = read_yaml(ROOT / "config/shapes.yaml")
    models = load_project(ROOT, recipe).recipe.models
    assert {each.id for each in models.values() if each.source == "hub"} <= shapes.keys()
