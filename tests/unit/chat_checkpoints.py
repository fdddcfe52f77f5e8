"""Writes tiny random checkpoints in InternVL's own layout, with its documented names and fields."""

import json
from pathlib import Path

import torch
from model_fixtures import small_processor
from safetensors.torch import save_file

SIDE, PATCH = 28, 7
VISION = {
    "architectures": ["InternVisionModel"],
    "model_type": "intern_vit_6b",
    "attention_dropout": 0.0,
    "drop_path_rate": 0.1,
    "dropout": 0.0,
    "hidden_act": "gelu",
    "hidden_size": 16,
    "image_size": SIDE,
    "initializer_factor": 1.0,
    "initializer_range": 0.02,
    "intermediate_size": 32,
    "layer_norm_eps": 1e-06,
    "norm_type": "layer_norm",
    "num_attention_heads": 2,
    "num_channels": 3,
    "num_hidden_layers": 2,
    "patch_size": PATCH,
    "qk_normalization": False,
    "qkv_bias": True,
    "use_flash_attn": True,
}
# InternViT-6B's options: its config.json leaves out what its class has as defaults.
SIX_B = {
    "hidden_size": 16,
    "image_size": SIDE,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "patch_size": PATCH,
}
TEXT = {
    "hidden_act": "silu",
    "hidden_size": 64,
    "initializer_range": 0.02,
    "intermediate_size": 96,
    "max_position_embeddings": 2048,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 1,
    "rms_norm_eps": 1e-06,
    "rope_scaling": {"type": "dynamic", "factor": 2.0},
    "rope_theta": 1000000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "use_cache": False,
    "attn_implementation": "flash_attention_2",
    "moe_config": None,
}
LANGUAGE = {
    "qwen2": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"},
    "qwen3": {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 32},
    "internlm2": {
        "architectures": ["InternLM2ForCausalLM"],
        "model_type": "internlm2",
        "bias": False,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "auto_map": {"AutoModelForCausalLM": "modeling_internlm2.InternLM2ForCausalLM"},
    },
}
CODE = "raise RuntimeError('code of a checkpoint was run')\n"


def chat_config(language: str = "qwen2", *, vision: dict = VISION, kind: str = "internvl") -> dict:
    """Return the content of `config.json`; `kind` is `internvl` or `skywork`."""
    title = {"internvl": "InternVL", "skywork": "Skywork"}[kind]
    return {
        "_commit_hash": None,
        "architectures": [f"{title}ChatModel"],
        "auto_map": {
            "AutoConfig": f"configuration_{kind}_chat.{title}ChatConfig",
            "AutoModel": f"modeling_{kind}_chat.{title}ChatModel",
        },
        "downsample_ratio": 0.5,
        "dynamic_image_size": True,
        "force_image_size": SIDE,
        "llm_config": TEXT | LANGUAGE[language] | {"vocab_size": len(small_processor().tokenizer)},
        "max_dynamic_patch": 12,
        "min_dynamic_patch": 1,
        "model_type": f"{kind}_chat",
        "pad2square": False,
        "ps_version": "v2",
        "select_layer": -1,
        "template": "internvl2_5",
        "torch_dtype": "float32",
        "use_backbone_lora": 0,
        "use_llm_lora": 0,
        "use_thumbnail": True,
        "vision_config": dict(vision),
    }


def chat_weights(config: dict, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return random weights with the layout's names."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return 0.2 * torch.randn(shape, generator=generator)

    vision, text = config["vision_config"], config["llm_config"]
    width, inner = vision["hidden_size"], vision["intermediate_size"]
    patches = (vision["image_size"] // vision["patch_size"]) ** 2
    six = vision.get("qk_normalization", True)
    w = {
        "vision_model.embeddings.class_embedding": random(1, 1, width),
        "vision_model.embeddings.position_embedding": random(1, 1 + patches, width),
        "vision_model.embeddings.patch_embedding.weight": random(width, 3, PATCH, PATCH),
        "vision_model.embeddings.patch_embedding.bias": random(width),
    }
    for n in range(vision["num_hidden_layers"]):
        layer = f"vision_model.encoder.layers.{n}"
        w |= {f"{layer}.attn.qkv.weight": random(3 * width, width)}
        if vision.get("qkv_bias", False):
            w |= {f"{layer}.attn.qkv.bias": random(3 * width)}
        if six:
            w |= {f"{layer}.attn.{x}_norm.weight": 1 + random(width) for x in "qk"}
        w |= {f"{layer}.attn.proj.weight": random(width, width)}
        w |= {f"{layer}.attn.proj.bias": random(width)}
        for norm in ("norm1", "norm2"):
            w |= {f"{layer}.{norm}.weight": 1 + random(width)}
            if not six:
                w |= {f"{layer}.{norm}.bias": random(width)}
        w |= {f"{layer}.ls1": 1 + random(width), f"{layer}.ls2": 1 + random(width)}
        w |= {
            f"{layer}.mlp.fc1.weight": random(inner, width),
            f"{layer}.mlp.fc1.bias": random(inner),
        }
        w |= {
            f"{layer}.mlp.fc2.weight": random(width, inner),
            f"{layer}.mlp.fc2.bias": random(width),
        }
    hidden, merged = text["hidden_size"], 4 * width
    w |= {"mlp1.0.weight": 1 + random(merged), "mlp1.0.bias": random(merged)}
    w |= {"mlp1.1.weight": random(hidden, merged), "mlp1.1.bias": random(hidden)}
    w |= {"mlp1.3.weight": random(hidden, hidden), "mlp1.3.bias": random(hidden)}
    return w | (_internlm2 if text["model_type"] == "internlm2" else _qwen)(text, random)


def _qwen(text: dict, random) -> dict[str, torch.Tensor]:
    width, inner, words = text["hidden_size"], text["intermediate_size"], text["vocab_size"]
    head = text.get("head_dim") or width // text["num_attention_heads"]
    rows = {"q": head * text["num_attention_heads"]}
    rows |= {x: head * text["num_key_value_heads"] for x in "kv"}
    w = {"language_model.model.embed_tokens.weight": random(words, width)}
    for n in range(text["num_hidden_layers"]):
        layer = f"language_model.model.layers.{n}"
        for x, count in rows.items():
            w |= {f"{layer}.self_attn.{x}_proj.weight": random(count, width)}
            if text["model_type"] == "qwen2":
                w |= {f"{layer}.self_attn.{x}_proj.bias": random(count)}
        if text["model_type"] == "qwen3":
            w |= {f"{layer}.self_attn.{x}_norm.weight": 1 + random(head) for x in "qk"}
        w |= {f"{layer}.self_attn.o_proj.weight": random(width, rows["q"])}
        for x in ("gate", "up"):
            w |= {f"{layer}.mlp.{x}_proj.weight": random(inner, width)}
        w |= {f"{layer}.mlp.down_proj.weight": random(width, inner)}
        for x in ("input_layernorm", "post_attention_layernorm"):
            w |= {f"{layer}.{x}.weight": 1 + random(width)}
    w |= {"language_model.model.norm.weight": 1 + random(width)}
    return w | {"language_model.lm_head.weight": random(words, width)}


def _internlm2(text: dict, random) -> dict[str, torch.Tensor]:
    width, inner, words = text["hidden_size"], text["intermediate_size"], text["vocab_size"]
    heads, keys = text["num_attention_heads"], text["num_key_value_heads"]
    rows = (heads + 2 * keys) * (width // heads)
    w = {"language_model.model.tok_embeddings.weight": random(words, width)}
    for n in range(text["num_hidden_layers"]):
        layer = f"language_model.model.layers.{n}"
        w |= {f"{layer}.attention.wqkv.weight": random(rows, width)}
        w |= {f"{layer}.attention.wo.weight": random(width, width)}
        w |= {f"{layer}.feed_forward.w1.weight": random(inner, width)}
        w |= {f"{layer}.feed_forward.w3.weight": random(inner, width)}
        w |= {f"{layer}.feed_forward.w2.weight": random(width, inner)}
        w |= {f"{layer}.attention_norm.weight": 1 + random(width)}
        w |= {f"{layer}.ffn_norm.weight": 1 + random(width)}
    w |= {"language_model.model.norm.weight": 1 + random(width)}
    return w | {"language_model.output.weight": random(words, width)}


def write_chat_checkpoint(
    folder: Path, config: dict | None = None, *, files: int = 1, weights: dict | None = None
) -> Path:
    """Write a folder in a hub's layout: weights in `files` files, tokenizer, and code that must never run."""
    config = config or chat_config()
    weights = weights or chat_weights(config)
    folder.mkdir(parents=True, exist_ok=True)
    _dump(folder / "config.json", config)
    names = list(weights)
    parts = [names[n * len(names) // files : (n + 1) * len(names) // files] for n in range(files)]
    if files == 1:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        index: dict = {"metadata": {"total_size": sum(t.nbytes for t in weights.values())}}
        index["weight_map"] = {}
        for n, part in enumerate(parts, start=1):
            name = f"model-{n:05d}-of-{files:05d}.safetensors"
            save_file({x: weights[x] for x in part}, folder / name, metadata={"format": "pt"})
            index["weight_map"] |= dict.fromkeys(part, name)
        index["weight_map"] = dict(sorted(index["weight_map"].items()))
        _dump(folder / "model.safetensors.index.json", index)
    small_processor().tokenizer.save_pretrained(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    for key in list(settings):
        if key.endswith("image_token") or key in ("video_token", "extra_special_tokens", "backend"):
            del settings[key]
    settings.pop("model_specific_special_tokens", None)
    settings |= {"tokenizer_class": "Qwen2Tokenizer", "chat_template": "{{ messages[0].content }}"}
    _dump(folder / "tokenizer_config.json", settings)
    _dump(
        folder / "preprocessor_config.json",
        {
            "crop_size": SIDE,
            "do_center_crop": True,
            "do_normalize": True,
            "do_resize": True,
            "feature_extractor_type": "CLIPFeatureExtractor",
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225],
            "resample": 3,
            "size": SIDE,
        },
    )
    _dump(folder / "generation_config.json", {"_from_model_config": True})
    kind = config["model_type"].removesuffix("_chat") if "_chat" in config["model_type"] else "x"
    for code in ("configuration", "modeling"):
        (folder / f"{code}_{kind}_chat.py").write_text(CODE)
    return folder


def _dump(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
