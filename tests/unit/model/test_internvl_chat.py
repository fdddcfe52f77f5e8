"""Checkpoints in InternVL's own layout become native ones and back, with equal bytes, without their code."""

import json
import subprocess
import sys

import pytest
import torch
from chat_checkpoints import SIX_B, chat_config, chat_weights, write_chat_checkpoint
from model_fixtures import IMAGES, picture, small_model, small_processor
from safetensors.torch import load_file, save_file

from r1v3.model.chat_template import renderer
from r1v3.model.encode import Encoder
from r1v3.model.layouts.conversations import KNOWN, SHUSHENG, read_code
from r1v3.model.layouts.internvl_chat_folder import convert_checkpoint, export_checkpoint
from r1v3.model.layouts.safetensors_bytes import read_header, write_file
from r1v3.model.load import load_model, load_processor, save_checkpoint

KINDS = {
    "internvl3": lambda: chat_config("qwen2"),
    "internvl3_38b": lambda: chat_config("qwen2", vision=SIX_B),
    "internvl3_5": lambda: chat_config("qwen3"),
    "internvl2_5": lambda: chat_config("internlm2"),
    "skywork": lambda: chat_config("qwen2", vision=SIX_B, kind="skywork"),
}


def bytes_of(folder):
    """Return the files of a folder by name, without code."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".py"}


@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_way_there_and_back_gives_equal_files(kind, files, tmp_path):
    came = write_chat_checkpoint(tmp_path / "came", KINDS[kind](), files=files)
    native = convert_checkpoint(came, tmp_path / "native")
    back = export_checkpoint(native, tmp_path / "back")
    assert bytes_of(back) == bytes_of(came)
    again = convert_checkpoint(back, tmp_path / "again")
    assert bytes_of(again) == bytes_of(native)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_arrives_where_the_layout_says(kind, tmp_path):
    config = KINDS[kind]()
    w = chat_weights(config)
    model = load_model(
        convert_checkpoint(write_chat_checkpoint(tmp_path / "came", config), tmp_path / "out")
    )
    state = model.state_dict()
    q, k, v = w["vision_model.encoder.layers.1.attn.qkv.weight"].chunk(3)
    layer = "model.vision_tower.encoder.layer.1"
    for part, expected in zip("qkv", (q, k, v)):
        assert torch.equal(state[f"{layer}.attention.{part}_proj.weight"], expected)
    assert torch.equal(state[f"{layer}.lambda_2"], w["vision_model.encoder.layers.1.ls2"])
    assert torch.equal(state["model.multi_modal_projector.linear_2.bias"], w["mlp1.3.bias"])
    head = "language_model.output" if kind == "internvl2_5" else "language_model.lm_head"
    assert torch.equal(state["lm_head.weight"], w[f"{head}.weight"])
    assert model.lm_head.weight is not model.get_input_embeddings().weight
    text, vision = model.config.text_config, model.config.vision_config
    assert text.rope_parameters == {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e6}
    six = "norm_type" not in config["vision_config"]
    assert (vision.norm_type, vision.use_qk_norm) == (
        ("rms_norm", True) if six else ("layer_norm", False)
    )
    assert model.config.image_token_id == small_processor().image_token_id


def test_internlm2_joins_queries_keys_and_values_by_groups(tmp_path):
    # 4 heads of queries, 2 of keys, 16 features: 32 rows of queries, 16 of keys, 16 of values, twice.
    config = chat_config("internlm2")
    joined = chat_weights(config)["language_model.model.layers.0.attention.wqkv.weight"]
    native = convert_checkpoint(
        write_chat_checkpoint(tmp_path / "came", config), tmp_path / "native"
    )
    found = load_file(native / "model.safetensors")
    rows = {"q": [(0, 32), (64, 96)], "k": [(32, 48), (96, 112)], "v": [(48, 64), (112, 128)]}
    for part, spans in rows.items():
        expected = torch.cat([joined[a:b] for a, b in spans])
        name = f"model.language_model.layers.0.self_attn.{part}_proj.weight"
        assert torch.equal(found[name], expected)
    names = {"feed_forward.w1": "gate_proj", "feed_forward.w2": "down_proj"}
    names |= {"feed_forward.w3": "up_proj"}
    weights = chat_weights(config)
    for old, new in names.items():
        expected = weights[f"language_model.model.layers.1.{old}.weight"]
        assert torch.equal(found[f"model.language_model.layers.1.mlp.{new}.weight"], expected)


def test_a_model_trained_here_is_exported_and_comes_back_equal(tmp_path):
    save_checkpoint(small_model(seed=3), small_processor(), tmp_path / "ours")
    chat = export_checkpoint(tmp_path / "ours", tmp_path / "chat")
    config = json.loads((chat / "config.json").read_text())
    assert config["architectures"] == ["InternVLChatModel"]
    assert config["tie_word_embeddings"] is config["llm_config"]["tie_word_embeddings"] is False
    weights = load_file(chat / "model.safetensors")
    embeddings = weights["language_model.model.embed_tokens.weight"]
    assert torch.equal(weights["language_model.lm_head.weight"], embeddings)
    native = convert_checkpoint(chat, tmp_path / "native")
    before = (tmp_path / "ours/model.safetensors").read_bytes()
    assert (native / "model.safetensors").read_bytes() == before


def test_a_checkpoint_that_was_trained_on_keeps_what_it_came_with(tmp_path):
    came = write_chat_checkpoint(tmp_path / "came", chat_config(kind="skywork", vision=SIX_B))
    native = convert_checkpoint(came, tmp_path / "native")
    model, processor = load_model(native), load_processor(native)
    with torch.no_grad():
        model.model.multi_modal_projector.linear_1.bias.add_(1.0)
    save_checkpoint(model, processor, tmp_path / "trained")
    back = export_checkpoint(tmp_path / "trained", tmp_path / "back")
    for name in ("config.json", "tokenizer_config.json", "preprocessor_config.json"):
        expected = json.loads((came / name).read_text())
        expected.pop("_commit_hash", None)  # transformers never saves it
        assert json.loads((back / name).read_text()) == expected
    before, after = (load_file(x / "model.safetensors") for x in (came, back))
    assert before.keys() == after.keys()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert moved == ["mlp1.1.bias"]


def test_a_native_checkpoint_in_the_older_spelling_is_exported(tmp_path):
    native = convert_checkpoint(write_chat_checkpoint(tmp_path / "came"), tmp_path / "native")
    path = native / "model.safetensors"
    old = {}
    for name, tensor in load_file(path).items():
        spelled = name.removeprefix("model.").replace("language_model.", "language_model.model.", 1)
        old["language_model.lm_head.weight" if name == "lm_head.weight" else spelled] = tensor
    save_file(old, path, metadata={"format": "pt"})
    back = export_checkpoint(native, tmp_path / "back")
    assert bytes_of(back) == bytes_of(tmp_path / "came")


def test_pictures_become_the_tiles_and_tokens_that_the_checkpoint_says(tmp_path):
    processor = load_processor(
        convert_checkpoint(write_chat_checkpoint(tmp_path / "c"), tmp_path / "n")
    )
    pictures = processor.image_processor
    assert (pictures.crop_to_patches, pictures.min_patches, pictures.max_patches) == (True, 1, 12)
    assert list(pictures.image_mean) == [0.485, 0.456, 0.406]
    encoded = Encoder(processor, IMAGES).prompt("<image>", [picture(1, 56, 28)])
    assert encoded.tiles.shape == (3, 3, 28, 28)  # two tiles and the thumbnail
    assert encoded.prompt_ids.count(processor.image_token_id) == 3 * 4


def test_the_conversation_is_that_of_the_authors_chat(tmp_path):
    native = convert_checkpoint(write_chat_checkpoint(tmp_path / "came"), tmp_path / "native")
    assert renderer("own", native)("<image>\nHow many?", "nothink") == (
        f"<|im_start|>system\n{SHUSHENG}<|im_end|>\n<|im_start|>user\n<image>\nHow many?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    turns = [{"role": "system", "content": "Be brief."}]
    turns += [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}]
    shown = load_processor(native).tokenizer.apply_chat_template(turns, tokenize=False)
    assert shown == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\n<IMG_CONTEXT>\nWhat?<|im_end|>\n"
    )


def test_a_system_message_of_the_checkpoint_is_used(tmp_path):
    config = chat_config() | {"system_message": "It's mine."}
    native = convert_checkpoint(
        write_chat_checkpoint(tmp_path / "came", config), tmp_path / "native"
    )
    assert renderer("own", native)("Hi", "nothink").startswith(
        "<|im_start|>system\nIt's mine.<|im_end|>\n"
    )


CONVERSATION = """
import missing_package
raise RuntimeError("code of a checkpoint was run")
register_conv_template(
    Conversation(
        name='ours',
        system_template='<|im_start|>system\\n{system_message}',
        system_message='From the code.',
        roles=('<|im_start|>user\\n', '<|im_start|>assistant\\n'),
        sep_style=SeparatorStyle.MPT,
        sep='<|im_end|>\\n',
    )
)
"""


def test_a_template_of_the_checkpoints_own_is_read_out_of_its_code_and_not_run(tmp_path):
    came = write_chat_checkpoint(tmp_path / "came", chat_config() | {"template": "ours"})
    (came / "conversation.py").write_text(CONVERSATION)
    native = convert_checkpoint(came, tmp_path / "native")
    assert "From the code." in renderer("own", native)("Hi", "nothink")
    assert read_code(CONVERSATION, "theirs") is None
    assert read_code("not python", "ours") is None


def test_an_unknown_template_leaves_the_tokenizers_own_and_without_that_is_refused(tmp_path):
    came = write_chat_checkpoint(tmp_path / "came", chat_config() | {"template": "unheard_of"})
    native = convert_checkpoint(came, tmp_path / "native")
    assert load_processor(native).tokenizer.chat_template == "{{ messages[0].content }}"
    settings = json.loads((came / "tokenizer_config.json").read_text())
    del settings["chat_template"]
    (came / "tokenizer_config.json").write_text(json.dumps(settings))
    (came / "chat_template.jinja").unlink(missing_ok=True)
    with pytest.raises(ValueError, match="template 'unheard_of' is unknown"):
        convert_checkpoint(came, tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert "unheard_of" not in KNOWN


REFUSED = {
    "ps_version v1": {"ps_version": "v1"},
    "ps_version v1:": {"ps_version": None},
    "use_thumbnail false": {"use_thumbnail": False},
    "pad2square": {"pad2square": True},
    "LoRA layers": {"use_llm_lora": 16},
    "quantized": {"quantization_config": {"quant_method": "awq"}},
    "force_image_size": {"force_image_size": 56},
    "Phi3ForCausalLM": {"llm_config": {"architectures": ["Phi3ForCausalLM"]}},
    "layer_norm_eps": {"vision_config": SIX_B | {"layer_norm_eps": 1e-5}},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_has_no_native_form_is_refused_by_name(reason, tmp_path):
    came = write_chat_checkpoint(tmp_path / "came")
    config = json.loads((came / "config.json").read_text()) | REFUSED[reason]
    (came / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=reason):
        convert_checkpoint(came, tmp_path / "native")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["came"]


DAMAGED = {
    "weights are missing: model.language_model.norm": lambda w: w.pop(
        "language_model.model.norm.weight"
    ),
    "no weights of InternVL's layout: image_newline": lambda w: w.update(
        image_newline=torch.ones(1)
    ),
    "quantized": lambda w: w.update({"mlp1.1.weight_scale": torch.ones(1)}),
    "has shape": lambda w: w.update({"mlp1.0.bias": torch.ones(7)}),
    "config.json has no place": lambda w: w.update({"mlp1.3.more": torch.ones(7)}),
}


@pytest.mark.parametrize("reason", DAMAGED)
def test_weights_that_are_not_the_configs_are_named(reason, tmp_path):
    weights = chat_weights(chat_config())
    DAMAGED[reason](weights)
    came = write_chat_checkpoint(tmp_path / "came", weights=weights)
    with pytest.raises(ValueError, match=reason):
        convert_checkpoint(came, tmp_path / "native")
    assert not (tmp_path / "native").exists()


def test_a_file_that_is_cut_short_or_missing_is_named(tmp_path):
    came = write_chat_checkpoint(tmp_path / "came", files=2)
    second = came / "model-00002-of-00002.safetensors"
    second.write_bytes(second.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"model-00002.*cut short"):
        convert_checkpoint(came, tmp_path / "native")
    second.unlink()
    with pytest.raises(
        ValueError, match=r"model-00002-of-00002\.safetensors of the index is missing"
    ):
        convert_checkpoint(came, tmp_path / "native")


def test_files_are_written_as_the_library_writes_them(tmp_path):
    kinds = (torch.float32, torch.bfloat16, torch.int64, torch.float16, torch.uint8, torch.bool)
    tensors = {f"ü{n % 2}{n}": torch.ones(n + 1, 2, dtype=kind) for n, kind in enumerate(kinds)}
    save_file(tensors, tmp_path / "theirs.safetensors", metadata={"format": "pt"})
    read, metadata = read_header(tmp_path / "theirs.safetensors")
    write_file(tmp_path / "ours.safetensors", read, metadata)
    ours = (tmp_path / "ours.safetensors").read_bytes()
    assert ours == (tmp_path / "theirs.safetensors").read_bytes()


LIMITED = """
import resource, sys
from pathlib import Path
from r1v3.model.layouts.internvl_chat_names import Heads, to_native
from r1v3.model.layouts.safetensors_bytes import read_header, write_file
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
tensors, metadata = read_header(Path(sys.argv[1]))
write_file(Path(sys.argv[2]), to_native(tensors, Heads(False, 2, 1, 32)), metadata)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_large_tensor_is_converted_in_flat_memory(tmp_path):
    name = "vision_model.encoder.layers.0.attn.qkv.weight"
    save_file({name: torch.zeros(3 * 16384, 2048)}, tmp_path / "large.safetensors")  # 400 MB
    paths = [str(tmp_path / "large.safetensors"), str(tmp_path / "native.safetensors")]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *paths], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 100_000  # KiB
    assert len(read_header(tmp_path / "native.safetensors")[0]) == 3
