"""Converts weights between InternVL's own layout and the HF-native one: names, and tensors to split or join.

The left column is the layout of `modeling_internvl_chat.py` (OpenGVLab/InternVL; Skywork-R1V has it too). The
right one is that of transformers' `InternVLForConditionalGeneration`, as `save_checkpoint` writes it. On the
left, queries, keys and values of the vision tower are thirds of one tensor; on the right they are three
tensors. InternLM2 also joins those of the language model: for each key head come its query heads, then the
keys, then the values. transformers has this language model as Llama.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from r1v3.model.layouts.safetensors_bytes import Tensor, join_rows, same_data

OUTER = (
    ("mlp1.0.", "model.multi_modal_projector.layer_norm."),
    ("mlp1.1.", "model.multi_modal_projector.linear_1."),
    ("mlp1.3.", "model.multi_modal_projector.linear_2."),
    ("vision_model.embeddings.class_embedding", "model.vision_tower.embeddings.cls_token"),
    (
        "vision_model.embeddings.position_embedding",
        "model.vision_tower.embeddings.position_embeddings",
    ),
    (
        "vision_model.embeddings.patch_embedding.",
        "model.vision_tower.embeddings.patch_embeddings.projection.",
    ),
)
VISION_LAYER = ("vision_model.encoder.layers.", "model.vision_tower.encoder.layer.")
IN_VISION_LAYER = (
    ("ls1", "lambda_1"),
    ("ls2", "lambda_2"),
    ("norm1.", "layernorm_before."),
    ("norm2.", "layernorm_after."),
    ("attn.proj.", "attention.projection_layer."),
    ("attn.q_norm.", "attention.q_norm."),
    ("attn.k_norm.", "attention.k_norm."),
    ("mlp.fc1.", "mlp.fc1."),
    ("mlp.fc2.", "mlp.fc2."),
)
QWEN = (
    ("language_model.lm_head.", "lm_head."),
    ("language_model.model.", "model.language_model."),
)
INTERNLM2 = (
    ("language_model.output.", "lm_head."),
    ("language_model.model.tok_embeddings.", "model.language_model.embed_tokens."),
    ("language_model.model.norm.", "model.language_model.norm."),
)
TEXT_LAYER = ("language_model.model.layers.", "model.language_model.layers.")
IN_INTERNLM2_LAYER = (
    ("attention.wo.", "self_attn.o_proj."),
    ("feed_forward.w1.", "mlp.gate_proj."),
    ("feed_forward.w3.", "mlp.up_proj."),
    ("feed_forward.w2.", "mlp.down_proj."),
    ("attention_norm.", "input_layernorm."),
    ("ffn_norm.", "post_attention_layernorm."),
)
VISION_QKV = re.compile(r"vision_model\.encoder\.layers\.(\d+)\.attn\.qkv\.(weight|bias)")
TEXT_QKV = re.compile(r"language_model\.model\.layers\.(\d+)\.attention\.wqkv\.(weight|bias)")
# Before transformers 4.56, names in native checkpoints began like this; both forms are read.
OLD_NATIVE = (
    ("vision_tower.", "model.vision_tower."),
    ("multi_modal_projector.", "model.multi_modal_projector."),
    ("language_model.lm_head.", "lm_head."),
    ("language_model.model.", "model.language_model."),
)
HEAD, EMBEDDINGS = "lm_head.weight", "model.language_model.embed_tokens.weight"
# Names of the tensors that FP8, AWQ and GPTQ add to a layer.
QUANTIZED = re.compile(
    r"\.(weight_scale\w*|input_scale|qweight|qzeros|scales|g_idx|weight_packed)$"
)


@dataclass(frozen=True)
class Heads:
    """The layout of the language model's queries, keys and values.

    `joined` is true for InternLM2. The numbers are query heads, key heads, and features of a head.
    """

    joined: bool
    queries: int
    keys: int
    features: int


def is_chat_name(name: str) -> bool:
    """Return whether a weight's name alone shows that its checkpoint has InternVL's own layout.

    `language_model.` does not, because older native checkpoints have it too.
    """
    return name.startswith(("vision_model.", "mlp1."))


def to_native(tensors: Mapping[str, Tensor], heads: Heads) -> dict[str, Tensor]:
    """Return the tensors of a file in InternVL's layout under their native names.

    Raises:
        ValueError: the layout does not have these weights, or a shape cannot be split. Names them.
    """
    if quantized := [name for name in tensors if QUANTIZED.search(name)]:
        raise ValueError(f"the weights are quantized: {_some(quantized)}")
    native, unknown = {}, []
    for name, tensor in tensors.items():
        if found := VISION_QKV.fullmatch(name):
            layer = f"{VISION_LAYER[1]}{found[1]}.attention."
            third, rest = divmod(tensor.shape[0], 3)
            if rest:
                raise ValueError(f"{name}: {tensor.shape[0]} rows are no three equal parts")
            for number, part in enumerate("qkv"):
                span = (number * third, (number + 1) * third)
                native[f"{layer}{part}_proj.{found[2]}"] = tensor.rows([span])
        elif heads.joined and (found := TEXT_QKV.fullmatch(name)):
            layer = f"{TEXT_LAYER[1]}{found[1]}.self_attn."
            for part, own in zip("qkv", _internlm2_parts(name, tensor, heads)):
                native[f"{layer}{part}_proj.{found[2]}"] = own
        elif renamed := _renamed(name, heads.joined, back=False):
            native[renamed] = tensor
        else:
            unknown.append(name)
    if unknown:
        raise ValueError(f"no weights of InternVL's layout: {_some(unknown)}")
    return native


def to_chat(tensors: Mapping[str, Tensor], heads: Heads) -> dict[str, Tensor]:
    """Return all tensors of a native checkpoint under the names of InternVL's layout.

    If the head is tied to the embeddings, it is written as well, because that layout always has one.

    Raises:
        ValueError: transformers' InternVL does not have these weights. Names them.
    """
    named = {_new_spelling(name): tensor for name, tensor in tensors.items()}
    named.setdefault(HEAD, named[EMBEDDINGS])
    chat, unknown = {}, []
    for name, tensor in named.items():
        found = re.search(r"\.layers?\.(\d+)\.(attention|self_attn)\.([qkv])_proj\.(\w+)$", name)
        parted = name.startswith(VISION_LAYER[1]) or (
            heads.joined and name.startswith(TEXT_LAYER[1])
        )
        if found and parted:
            if found[3] == "q":
                parts = [named[name.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"]
                if name.startswith(VISION_LAYER[1]):
                    chat[f"{VISION_LAYER[0]}{found[1]}.attn.qkv.{found[4]}"] = join_rows(parts)
                else:
                    joined = _internlm2_joined(parts, heads)
                    chat[f"{TEXT_LAYER[0]}{found[1]}.attention.wqkv.{found[4]}"] = joined
        elif renamed := _renamed(name, heads.joined, back=True):
            chat[renamed] = tensor
        else:
            unknown.append(name)
    if unknown:
        raise ValueError(f"no weights of a native InternVL: {_some(unknown)}")
    return chat


def is_tied(native: Mapping[str, Tensor]) -> bool:
    """Return whether head and embeddings are equal; InternVL's layout stores both even if they are tied."""
    return HEAD not in native or same_data(native[HEAD], native[EMBEDDINGS])


def _internlm2_parts(name: str, tensor: Tensor, heads: Heads) -> list[Tensor]:
    """Split one tensor into queries, keys and values, group by group."""
    rows = heads.queries // heads.keys * heads.features
    group = rows + 2 * heads.features
    if tensor.shape[0] != group * heads.keys:
        raise ValueError(f"{name}: {tensor.shape[0]} rows, and the heads have {group * heads.keys}")
    borders = (0, rows, rows + heads.features, group)
    return [
        tensor.rows([(n * group + first, n * group + last) for n in range(heads.keys)])
        for first, last in pairwise(borders)
    ]


def _internlm2_joined(parts: list[Tensor], heads: Heads) -> Tensor:
    """Join queries, keys and values, as the inverse of `_internlm2_parts`."""
    rows = (heads.queries // heads.keys * heads.features, heads.features, heads.features)
    return join_rows(
        [
            part.rows([(group * count, (group + 1) * count)])
            for group in range(heads.keys)
            for part, count in zip(parts, rows)
        ]
    )


def _renamed(name: str, internlm2: bool, *, back: bool) -> str | None:
    outer = (*OUTER, *(INTERNLM2 if internlm2 else QWEN))
    layers: list[tuple[tuple[str, str], Iterable[tuple[str, str]]]]
    layers = [(VISION_LAYER, IN_VISION_LAYER)]
    if internlm2:
        layers.append((TEXT_LAYER, IN_INTERNLM2_LAYER))
    for beginnings, inner in layers:
        old, new = beginnings[::-1] if back else beginnings
        if name.startswith(old):
            number, _, rest = name.removeprefix(old).partition(".")
            renamed = _first(rest, inner, back)
            return f"{new}{number}.{renamed}" if renamed and number.isdecimal() else None
    return _first(name, outer, back)


def _first(name: str, pairs: Iterable[tuple[str, str]], back: bool) -> str | None:
    for chat, native in pairs:
        old, new = (native, chat) if back else (chat, native)
        if name == old or (old.endswith(".") and name.startswith(old)):
            return new + name.removeprefix(old)
    return None


def _new_spelling(name: str) -> str:
    for old, new in OLD_NATIVE:
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _some(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
