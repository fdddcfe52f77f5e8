"""Converts `config.json` between InternVL's own layout and the HF-native one, or says why that is impossible.

Missing fields have the defaults of InternVL's classes (`configuration_internvl_chat.py`,
`configuration_intern_vit.py`), which differ from those of transformers. A model that transformers cannot
compute is refused by name, because a different result would be worse than none.
"""

import copy

from r1v3.base.json_file import Json
from r1v3.model.layouts.internvl_chat_names import Heads

ARCHITECTURES = ("InternVLChatModel", "SkyworkChatModel", "SkyworkR1VChatModel")
MODEL_TYPES = ("internvl_chat", "skywork_chat")
# Key of the native config.json that keeps the original settings files of a checkpoint, through training too.
# Converting back needs them, because the native files have no place for some settings.
CAME_WITH = "internvl_chat"
# Language models by the class that a checkpoint names, with their types in transformers.
LANGUAGE_MODELS = {
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
    "LlamaForCausalLM": "llama",
    "InternLM2ForCausalLM": "llama",
}
CLASS_OF_TEXT = {
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "llama": "LlamaForCausalLM",
}
# Fields of a language model's config about how it was loaded or stored, not about what it computes.
LOADING = (
    *("torch_dtype", "dtype", "_name_or_path", "attn_implementation", "_attn_implementation"),
    *("moe_config", "use_bfloat16", "auto_map", "architectures", "transformers_version"),
    *("rope_theta", "rope_scaling", "tie_word_embeddings", "model_type"),
)
VISION_DEFAULTS: Json = {
    "num_channels": 3,
    "patch_size": 14,
    "image_size": 224,
    "qkv_bias": False,
    "hidden_size": 3200,
    "num_attention_heads": 25,
    "intermediate_size": 12800,
    "qk_normalization": True,
    "num_hidden_layers": 48,
    "hidden_act": "gelu",
    "norm_type": "rms_norm",
    "layer_norm_eps": 1e-6,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "initializer_range": 0.02,
    "initializer_factor": 0.1,
}
CHAT_DEFAULTS: Json = {
    "select_layer": -1,
    "downsample_ratio": 0.5,
    "ps_version": "v1",
    "dynamic_image_size": False,
    "use_thumbnail": False,
    "min_dynamic_patch": 1,
    "max_dynamic_patch": 6,
    "pad2square": False,
    "use_backbone_lora": 0,
    "use_llm_lora": 0,
}


def is_chat_config(config: Json) -> bool:
    """Return whether a `config.json` has InternVL's own layout."""
    named = config.get("architectures") or []
    return config.get("model_type") in MODEL_TYPES or any(each in ARCHITECTURES for each in named)


def refusals(config: Json) -> list[str]:
    """Return what a checkpoint in InternVL's layout has without a native form, each in a sentence."""
    text, vision = config.get("llm_config") or {}, _vision(config)
    chat = CHAT_DEFAULTS | {key: value for key, value in config.items() if value is not None}
    side = chat.get("force_image_size") or vision["image_size"]
    checks: list[tuple[bool, str]] = [
        (not text, "config.json has no llm_config"),
        (
            bool(text) and language_model(config) is None,
            f"language model {_named(text)}: supported are Qwen2, Qwen2.5, Qwen3, Llama and InternLM2",
        ),
        (bool(text.get("moe_config")), "the language model is a mixture of experts"),
        ("quantization_config" in config or "quantization_config" in text, "it is quantized"),
        (
            chat["ps_version"] != "v2",
            f"ps_version {chat['ps_version']}: transformers shuffles pixels as v2 does",
        ),
        (bool(chat["pad2square"]), "pad2square: pictures are not padded to squares here"),
        (
            bool(chat["dynamic_image_size"]) and not chat["use_thumbnail"],
            "use_thumbnail false: tiles always come with a thumbnail here",
        ),
        (
            bool(chat["use_backbone_lora"] or chat["use_llm_lora"]),
            "LoRA layers are not merged (use_backbone_lora, use_llm_lora)",
        ),
        (
            vision["norm_type"] not in ("layer_norm", "rms_norm"),
            f"norm_type {vision['norm_type']} of the vision tower",
        ),
        (
            bool(vision["qk_normalization"]) and vision["layer_norm_eps"] != 1e-6,
            f"layer_norm_eps {vision['layer_norm_eps']} with qk_normalization: transformers has 1e-06",
        ),
        (vision["num_channels"] != 3, f"num_channels {vision['num_channels']}"),
        (
            side != vision["image_size"],
            f"force_image_size {side} is not the vision tower's image_size {vision['image_size']}",
        ),
    ]
    return [sentence for wrong, sentence in checks if wrong]


def language_model(config: Json) -> str | None:
    """Return transformers' name for the language model's type; None if it is not supported."""
    text = config.get("llm_config") or {}
    named = text.get("architectures") or []
    for each in named:
        return LANGUAGE_MODELS.get(each)
    kind = text.get("model_type")
    by_type = {"internlm2": "llama"} | {kind: kind for kind in CLASS_OF_TEXT}
    return by_type.get(str(kind))


def heads_of(config: Json) -> Heads:
    """Return the layout of attention in the language model of a config in InternVL's layout."""
    text = config["llm_config"]
    queries = text["num_attention_heads"]
    named = text.get("architectures") or [text.get("model_type", "")]
    return Heads(
        joined=named[0] in ("InternLM2ForCausalLM", "internlm2"),
        queries=queries,
        keys=text.get("num_key_value_heads") or queries,
        features=text.get("head_dim") or text["hidden_size"] // queries,
    )


def native_config(config: Json, *, image_token: int, end_of_turn: int, tied: bool) -> Json:
    """Return the native `config.json` of a checkpoint in InternVL's layout.

    Args:
        image_token: id of `<IMG_CONTEXT>` in the checkpoint's tokenizer.
        end_of_turn: id of the token that ends a turn of its conversations.
        tied: whether the head has the same bytes as the embeddings.

    Raises:
        ValueError: the checkpoint has no native form. The message gives all reasons.
    """
    if wrong := refusals(config):
        raise ValueError("; ".join(wrong))
    chat = CHAT_DEFAULTS | {key: value for key, value in config.items() if value is not None}
    vision, dtype = _vision(config), config.get("torch_dtype") or config.get("dtype")
    side = vision["image_size"] // vision["patch_size"]
    native: Json = {
        "architectures": ["InternVLForConditionalGeneration"],
        "model_type": "internvl",
        "downsample_ratio": chat["downsample_ratio"],
        "image_seq_length": int(side * side * chat["downsample_ratio"] ** 2),
        "image_token_id": image_token,
        "projector_hidden_act": "gelu",
        "text_config": _native_text(config, end_of_turn=end_of_turn, tied=tied),
        "tie_word_embeddings": tied,
        "vision_config": {
            "model_type": "internvl_vision",
            "attention_bias": vision["qkv_bias"],
            "attention_dropout": vision["attention_dropout"],
            "hidden_act": vision["hidden_act"],
            "hidden_dropout_prob": 0.0,
            "hidden_size": vision["hidden_size"],
            "image_size": [vision["image_size"]] * 2,
            "initializer_range": vision["initializer_range"],
            "intermediate_size": vision["intermediate_size"],
            "layer_norm_eps": vision["layer_norm_eps"],
            "layer_scale_init_value": vision["initializer_factor"],
            "norm_type": vision["norm_type"],
            "num_attention_heads": vision["num_attention_heads"],
            "num_channels": vision["num_channels"],
            "num_hidden_layers": vision["num_hidden_layers"],
            "patch_size": [vision["patch_size"]] * 2,
            "projection_dropout": vision["dropout"],
            "use_absolute_position_embeddings": True,
            "use_mask_token": False,
            "use_mean_pooling": True,
            "use_qk_norm": vision["qk_normalization"],
        },
        "vision_feature_layer": chat["select_layer"],
        "vision_feature_select_strategy": "default",
        CAME_WITH: {"config": copy.deepcopy(config)},
    }
    return native | ({"dtype": dtype} if dtype else {})


def chat_config(native: Json, tiles: tuple[int, int]) -> Json:
    """Return the `config.json` in InternVL's layout of a native checkpoint.

    A checkpoint that came in that layout gets its original config back, even after training, because training
    does not change sizes.

    Args:
        tiles: the fewest and the most tiles of a picture.

    Raises:
        ValueError: the model has something that InternVL's layout cannot express.
    """
    dtype = native.get("dtype") or native.get("torch_dtype")
    if came := copy.deepcopy(native.get(CAME_WITH, {}).get("config")):
        return came | ({"torch_dtype": dtype} if dtype and "torch_dtype" in came else {})
    text, vision = native["text_config"], native["vision_config"]
    kind = text.get("model_type", "qwen2")
    if kind not in CLASS_OF_TEXT:
        raise ValueError(f"text_config.model_type {kind}: allowed are {', '.join(CLASS_OF_TEXT)}")
    if native.get("vision_feature_select_strategy", "default") != "default":
        raise ValueError("vision_feature_select_strategy: InternVL's layout knows `default` alone")
    side = _one(vision["image_size"])
    return {
        "architectures": ["InternVLChatModel"],
        "auto_map": {
            "AutoConfig": "configuration_internvl_chat.InternVLChatConfig",
            "AutoModel": "modeling_internvl_chat.InternVLChatModel",
            "AutoModelForCausalLM": "modeling_internvl_chat.InternVLChatModel",
        },
        "model_type": "internvl_chat",
        "downsample_ratio": native["downsample_ratio"],
        "dynamic_image_size": tiles[1] > 1,
        "force_image_size": side,
        "llm_config": _chat_text(text, kind),
        "max_dynamic_patch": tiles[1],
        "min_dynamic_patch": tiles[0],
        "pad2square": False,
        "ps_version": "v2",
        "select_layer": native.get("vision_feature_layer", -1),
        "template": "internvl2_5",
        "tie_word_embeddings": False,
        "torch_dtype": dtype,
        "use_backbone_lora": 0,
        "use_llm_lora": 0,
        "use_thumbnail": True,
        "vision_config": {
            "architectures": ["InternVisionModel"],
            "model_type": "intern_vit_6b",
            "attention_dropout": vision["attention_dropout"],
            "drop_path_rate": 0.0,
            "dropout": vision["projection_dropout"],
            "hidden_act": vision["hidden_act"],
            "hidden_size": vision["hidden_size"],
            "image_size": side,
            "initializer_factor": vision["layer_scale_init_value"],
            "initializer_range": vision["initializer_range"],
            "intermediate_size": vision["intermediate_size"],
            "layer_norm_eps": vision["layer_norm_eps"],
            "norm_type": vision["norm_type"],
            "num_attention_heads": vision["num_attention_heads"],
            "num_channels": vision["num_channels"],
            "num_hidden_layers": vision["num_hidden_layers"],
            "patch_size": _one(vision["patch_size"]),
            "qk_normalization": vision["use_qk_norm"],
            "qkv_bias": vision["attention_bias"],
            "use_flash_attn": False,
        },
    }


def _vision(config: Json) -> Json:
    given = config.get("vision_config") or {}
    return VISION_DEFAULTS | {key: value for key, value in given.items() if value is not None}


def _native_text(config: Json, *, end_of_turn: int, tied: bool) -> Json:
    text, kind = config["llm_config"], language_model(config)
    native = {key: value for key, value in text.items() if key not in LOADING}
    rope = {key: value for key, value in (text.get("rope_scaling") or {}).items() if key != "type"}
    rope.setdefault("rope_type", (text.get("rope_scaling") or {}).get("type", "default"))
    rope["rope_theta"] = text.get("rope_theta") or _theta(text)
    if heads_of(config).joined:
        bias = native.pop("bias", True)
        native |= {"attention_bias": bias, "mlp_bias": bias}
    return native | {
        "model_type": kind,
        "eos_token_id": end_of_turn,
        "rope_parameters": text.get("rope_parameters") or rope,
        "tie_word_embeddings": tied,
    }


def _theta(text: Json) -> float:
    return (text.get("rope_parameters") or {}).get("rope_theta", 10000.0)


def _chat_text(text: Json, kind: str) -> Json:
    rope = dict(text.get("rope_parameters") or {"rope_type": "default", "rope_theta": 10000.0})
    theta, form = rope.pop("rope_theta", 10000.0), rope.get("rope_type", "default")
    left_out = ("rope_parameters", "layer_types", "dtype", "torch_dtype")
    plain = {key: value for key, value in text.items() if key not in left_out}
    return plain | {
        "architectures": [CLASS_OF_TEXT[kind]],
        "rope_scaling": None if form == "default" else rope | {"type": form},
        "rope_theta": theta,
        "tie_word_embeddings": False,
    }


def _one(value: int | list[int]) -> int:
    return value[0] if isinstance(value, list) else value


def _named(text: Json) -> str:
    return ", ".join(text.get("architectures") or [str(text.get("model_type"))])
