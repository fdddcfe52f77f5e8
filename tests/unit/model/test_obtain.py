"""Models of a hub on loopback with the recipes' names: converted, opened, or refused early."""

import json
from pathlib import Path

import pytest
from chat_checkpoints import SIX_B, chat_config, write_chat_checkpoint
from huggingface_hub import constants
from loopback_hub import Hub, serve
from model_fixtures import small_model, small_processor

from r1v3.cli import main
from r1v3.cluster import supplies
from r1v3.evaluate.target import find_target
from r1v3.model.chat_template import renderer
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.model.obtain import obtain_checkpoint
from r1v3.model.supported import support_of
from r1v3.recipe.graph.configs import typed_config
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project
from r1v3.train.base_model import obtain_base_model

ROOT = Path(__file__).parents[3]
TEACHER, RELEASED, BASE = (
    "Skywork/Skywork-R1V2-38B",
    "Skywork/Skywork-R1V3-38B",
    "OpenGVLab/InternVL3-38B-hf",
)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    skywork = chat_config("qwen2", vision=SIX_B, kind="skywork")
    models = {
        TEACHER: write_chat_checkpoint(tmp_path / "hub/teacher", skywork, files=2),
        RELEASED: write_chat_checkpoint(tmp_path / "hub/released"),
        BASE: tmp_path / "hub/base",
        "people/moe": tmp_path / "hub/moe",
        "people/gated": tmp_path / "hub/released",
    }
    save_checkpoint(small_model(), small_processor(), models[BASE])
    write_chat_checkpoint(models["people/moe"], chat_config("qwen3"))
    config = json.loads((models["people/moe"] / "config.json").read_text())
    config["llm_config"] |= {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe"}
    (models["people/moe"] / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(Hub(models=models, gated=("people/gated",))) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        yield served


def call(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


@pytest.mark.parametrize("name", [TEACHER, RELEASED, BASE])
def test_a_model_of_the_recipes_is_obtained_and_opens(name, hub, tmp_path):
    target = obtain_checkpoint(name, "main", tmp_path / "checkpoints/step-000000")
    assert load_model(target).config.model_type == "internvl"
    assert load_processor(target).image_seq_length == 4
    assert not [sent for sent in hub.sent if sent.file.endswith(".py")]
    assert sorted(path.name for path in target.parent.iterdir()) == ["step-000000"]


@pytest.mark.parametrize("recipe", ["paper", "8b"])
def test_the_stage_obtains_the_teacher_of_each_recipe_by_its_own_config(recipe, hub, tmp_path):
    graph = ResultGraph(load_project(ROOT, recipe))
    config = typed_config(graph.run("teacher"))
    assert config.spec.id == TEACHER
    facts = obtain_base_model(config, data={}, start=None, folder=tmp_path)
    checkpoint = tmp_path / facts["last"]
    assert load_model(checkpoint).config.model_type == "internvl"
    # Rejection sampling asks it as its authors do.
    sampled = typed_config(graph.data("cold_start"))
    assert sampled.template == "own"
    asked = renderer(sampled.template, checkpoint)("Why?", sampled.generation.mode)
    assert asked.endswith("<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n<think>")


def test_a_mixture_of_experts_is_refused_before_a_byte_of_weights(hub, tmp_path):
    with pytest.raises(
        ValueError, match=r"people/moe: InternVLChatModel: Qwen3MoeForCausalLM"
    ) as told:
        obtain_checkpoint("people/moe", None, tmp_path / "target")
    assert "mixture of experts" in str(told.value)
    assert "Supported: InternVL" in str(told.value)
    assert [sent[:2] for sent in hub.sent] == [("people/moe", "config.json")]
    assert not (tmp_path / "target").exists()


def test_what_the_hub_refuses_is_told_in_a_sentence(hub, tmp_path):
    for name, revision, reason in (
        ("people/gated", None, "the model is gated: accept its terms"),
        ("people/nobody", None, "the hub has no such model"),
        (BASE, "v9", "does not have this revision"),
        ("no id at all/x/y", None, "neither a folder nor a hub's id"),
    ):
        with pytest.raises(ValueError, match=reason):
            obtain_checkpoint(name, revision, tmp_path / "target")


def test_a_folder_is_converted_or_copied(hub, tmp_path):
    for number, folder in enumerate((hub.models[RELEASED], hub.models[BASE])):
        load_model(obtain_checkpoint(str(folder), None, tmp_path / str(number)))
    assert hub.sent == []


def test_preflight_tells_what_each_model_is_and_stops_at_a_wrong_one(hub):
    models = load_project(ROOT, "paper").recipe.models
    seen = supplies.model(models["teacher"])
    assert (seen.state, seen.remedy) == ("ok", "")
    assert "can be read: InternVL in its authors' layout, qwen2, converted" in seen.text
    assert "can be read: InternVL, HF-native, qwen2" in supplies.model(models["base"]).text
    assert not [sent for sent in hub.sent if sent.file.endswith(".safetensors")]
    seen = supplies.model(models["teacher"].model_copy(update={"id": "people/moe"}))
    assert seen.state == "STOP"
    assert "mixture of experts" in seen.text
    assert seen.remedy


def test_check_says_what_a_model_is(hub, capsys):
    assert call("model", "check", RELEASED, "--root", str(ROOT)) == 0
    shown = capsys.readouterr().out
    for line in (
        "family        InternVL in its authors' layout, qwen2",
        "architecture  InternVLChatModel",
        "trainable     yes",
        "dtype         float32",
        "gated         no",
        "licence       mit",
        "GPUs of 80 GB: sft and grpo 1, connector alone 1, reject, probe and evaluate 1",
    ):
        assert line in shown
    assert call("model", "check", "people/moe", "--root", str(ROOT)) == 1
    assert "mixture of experts" in capsys.readouterr().out
    assert {sent.file for sent in hub.sent} == {"config.json"}


def test_the_sizes_of_38b_are_told_from_its_config_alone(tmp_path, capsys):
    config = chat_config("qwen2")
    text = {"hidden_size": 5120, "num_hidden_layers": 64, "num_attention_heads": 40}
    text |= {"num_key_value_heads": 8, "intermediate_size": 27648, "vocab_size": 151674}
    config["llm_config"] |= text
    config["vision_config"] = {"num_hidden_layers": 45, "image_size": 448}
    config["force_image_size"] = 448
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert call("model", "check", str(tmp_path), "--root", str(ROOT)) == 0
    shown = capsys.readouterr().out
    assert "parameters    38.39 billion (vision_tower 5.54, connector 0.09, llm 32.76)" in shown
    assert "256 tokens a tile of 448 pixels" in shown
    # 18 bytes a parameter are 691 GB; weights alone are 77 GB, so one GPU cannot answer.
    assert "sft and grpo 16, connector alone 2, reject, probe and evaluate 2" in shown


def test_convert_and_export_by_the_command_line(hub, tmp_path, capsys):
    native, back = str(tmp_path / "native"), str(tmp_path / "back")
    assert call("model", "convert", f"{RELEASED}@main", native) == 0
    assert call("model", "export", native, back, "--layout", "internvl_chat") == 0
    weights = "model.safetensors"
    came = (hub.models[RELEASED] / weights).read_bytes()
    assert (Path(back) / weights).read_bytes() == came
    capsys.readouterr()
    assert "exists already" in call("model", "convert", RELEASED, native)


def test_evaluation_opens_a_converted_model_under_its_name(hub, tmp_path):
    target = find_target(RELEASED, {})
    assert load_model(target.model).config.model_type == "internvl"
    asked = len(hub.sent)
    assert find_target(RELEASED, {}).model == target.model
    assert not [sent for sent in hub.sent[asked:] if sent.file.endswith(".safetensors")]
    local = find_target(str(hub.models[TEACHER]), {})
    assert load_model(local.model).config.model_type == "internvl"
    with pytest.raises(ValueError, match="mixture of experts"):
        find_target("people/moe", {})


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            {"architectures": ["DeepseekV3ForCausalLM"], "n_routed_experts": 256},
            "mixture of experts",
        ),
        ({"architectures": ["Llama4ForConditionalGeneration"]}, "unknown here"),
        ({"model_type": "qwen3_vl_moe", "architectures": ["Qwen3VLMoe"]}, "mixture of experts"),
        ({"model_type": "qwen2_vl"}, "through a server alone"),
        ({"model_type": "qwen2_5_vl", "architectures": ["ColQwen2_5"]}, "something made of one"),
        ({"model_type": "qwen2_5_vl", "quantization_config": {}}, "quantized"),
        ({"model_type": "qwen2_5_vl", "use_sliding_window": True}, "sliding windows"),
        (
            {"model_type": "qwen3_vl", "text_config": {"use_sliding_window": True}},
            "sliding windows",
        ),
        (
            {"model_type": "internvl", "text_config": {"model_type": "gpt_oss"}},
            "mixture of experts",
        ),
        (
            {"model_type": "internvl", "text_config": {"model_type": "phi3"}},
            "phi3 is not supported",
        ),
        ({"model_type": "internvl", "quantization_config": {}}, "quantized"),
        ({"model_type": "internvl_chat"}, "no llm_config"),
        ({}, "unknown here"),
    ],
)
def test_what_cannot_be_opened_is_refused_by_its_config(config, reason):
    assert reason in (support_of(config).refused or "")
