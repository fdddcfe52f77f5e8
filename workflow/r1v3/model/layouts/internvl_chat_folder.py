"""Converts a checkpoint's folder from InternVL's own layout to the HF-native one, and back.

None of the checkpoint's code is run, and only some megabytes of weights are in memory. Each file of weights
becomes one with the same name.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import atomic_folder, write_text
from r1v3.base.json_file import Json, read_model_json
from r1v3.model.foreign_weights import INDEX, weight_files
from r1v3.model.layouts.conversations import Conversation, conversation_of, jinja
from r1v3.model.layouts.internvl_chat_config import (
    CAME_WITH,
    chat_config,
    heads_of,
    is_chat_config,
    native_config,
    refusals,
)
from r1v3.model.layouts.internvl_chat_names import (
    HEAD,
    is_tied,
    to_chat,
    to_native,
)
from r1v3.model.layouts.safetensors_bytes import Tensor, read_header, write_file

SETTINGS = ("tokenizer_config.json", "preprocessor_config.json", "generation_config.json")
IMAGE_TOKENS = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
}
# The processor of transformers requires a video token; this is the first candidate that a tokenizer has.
VIDEO_TOKENS = ("<video>", "<|video_pad|>", "<IMG_CONTEXT>")
TOKENIZER_FILES = (
    *("tokenizer.json", "vocab.json", "merges.txt", "added_tokens.json", "tokenizer.model"),
    *("special_tokens_map.json", "tokenizer_config.json", "chat_template.jinja"),
)
SLOW = ("vocab.json", "merges.txt", "added_tokens.json")
OF_NATIVE = (
    *("video_token", "extra_special_tokens", "processor_class", "backend"),
    *("model_specific_special_tokens", "is_local", "local_files_only"),
)


def convert_checkpoint(source: Path, target: Path) -> Path:
    """Write the native form of a checkpoint in InternVL's layout to `target`, which is renamed when complete.

    Raises:
        ValueError: the checkpoint has another layout, or no native form. The message says why.
    """
    config = read_model_json(source / "config.json")
    if not is_chat_config(config):
        raise ValueError(f"{source}: not in InternVL's own layout")
    if wrong := refusals(config):
        raise ValueError(f"{source}: {'; '.join(wrong)}")
    conversation = conversation_of(config, source)
    tensors = {
        path.name: to_native(read_header(path)[0], heads_of(config))
        for path in weight_files(source)
    }
    whole = {name: tensor for own in tensors.values() for name, tensor in own.items()}
    tied = is_tied(whole)
    if tied:
        for own in tensors.values():
            own.pop(HEAD, None)
        whole.pop(HEAD, None)
    with atomic_folder(target) as partial:
        tokenizer = _native_tokenizer(source, partial, config, conversation)
        came: Json = {
            name: read_model_json(source / name) for name in SETTINGS if (source / name).exists()
        }
        came["tokenizer_files"] = [name for name in TOKENIZER_FILES if (source / name).exists()]
        native = native_config(
            config,
            image_token=tokenizer.context_image_token_id,
            end_of_turn=tokenizer.eos_token_id,
            tied=tied,
        )
        native[CAME_WITH] |= came
        _check_shapes(native, whole)
        _write_weights(partial, tensors)
        _dump(partial / "config.json", native)
        generation = source / "generation_config.json"
        _dump(
            partial / "generation_config.json",
            (read_model_json(generation) if generation.exists() else {})
            | {"eos_token_id": tokenizer.eos_token_id},
        )
        _write_processor(partial, native, config, tokenizer)
    return target


def export_checkpoint(source: Path, target: Path) -> Path:
    """Write a native checkpoint in InternVL's own layout to `target`, which is renamed when complete.

    The code of that layout is not included. A user takes it from the model that the checkpoint began as.

    Raises:
        ValueError: the checkpoint is not native InternVL.
    """
    native = read_model_json(source / "config.json")
    if native.get("model_type") != "internvl":
        raise ValueError(f"{source}: model_type {native.get('model_type')}; internvl is expected")
    tiles = _tiles(source)
    config = chat_config(native, tiles)
    files = {path.name: read_header(path)[0] for path in weight_files(source)}
    homes = {name: file for file, own in files.items() for name in own}
    chat = to_chat({n: t for own in files.values() for n, t in own.items()}, heads_of(config))
    tensors: dict[str, dict[str, Tensor]] = {file: {} for file in files}
    home_of_piece = {
        (piece.file, piece.start): homes[name]
        for own in files.values()
        for name, tensor in own.items()
        for piece in tensor.pieces
    }
    for name, tensor in chat.items():
        first = tensor.pieces[0]
        tensors[home_of_piece[first.file, first.start]][name] = tensor
    with atomic_folder(target) as partial:
        _write_weights(partial, tensors)
        _dump(partial / "config.json", config)
        came = native.get(CAME_WITH, {})
        _chat_tokenizer(source, partial, came)
        _dump(
            partial / "preprocessor_config.json",
            came.get("preprocessor_config.json") or _clip(source),
        )
        generation = came.get("generation_config.json")
        if generation or (not came and (source / "generation_config.json").exists()):
            _dump(
                partial / "generation_config.json",
                generation or read_model_json(source / "generation_config.json"),
            )
    return target


def _write_weights(folder: Path, files: dict[str, dict[str, Tensor]]) -> None:
    for name, own in files.items():
        write_file(folder / name, own, {"format": "pt"})
    if len(files) > 1:
        weights = {name: file for file, own in files.items() for name in own}
        size = sum(tensor.bytes for own in files.values() for tensor in own.values())
        index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(weights.items()))}
        _dump(folder / INDEX, index)


def _check_shapes(native: Json, tensors: dict[str, Tensor]) -> None:
    """Check that every weight of the model is there, in its shape, and no other."""
    import torch
    from transformers import InternVLConfig, InternVLForConditionalGeneration

    without = {key: value for key, value in native.items() if key != CAME_WITH}
    with torch.device("meta"):
        model = InternVLForConditionalGeneration(InternVLConfig.from_dict(without))
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if native["tie_word_embeddings"]:
        expected.pop(HEAD, None)
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if missing := sorted(set(expected) - set(found)):
        raise ValueError(f"weights are missing: {', '.join(missing[:3])} ({len(missing)} in all)")
    if more := sorted(set(found) - set(expected)):
        raise ValueError(f"config.json has no place for {', '.join(more[:3])} ({len(more)} in all)")
    for name, shape in expected.items():
        if found[name] != shape:
            raise ValueError(f"{name} has shape {found[name]}; config.json says {shape}")


def _native_tokenizer(
    source: Path, target: Path, config: Json, conversation: Conversation | None
) -> Any:
    """Copy the checkpoint's own tokenizer, add what a native processor needs, and return it."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    for name in TOKENIZER_FILES:
        if (source / name).exists():
            shutil.copy(source / name, target)
    path = target / "tokenizer_config.json"
    tokenizer_config = read_model_json(path) if path.exists() else {}
    tokenizer_config.pop("auto_map", None)
    _dump(path, tokenizer_config)
    _dump(target / "config.json", {"model_type": config["llm_config"].get("model_type", "qwen2")})
    if (target / "tokenizer.json").exists():
        core = PreTrainedTokenizerFast.from_pretrained(target)
    elif (target / "vocab.json").exists():
        core = AutoTokenizer.from_pretrained(target)
        core.backend_tokenizer.save(str(target / "tokenizer.json"))
    else:
        raise ValueError(
            f"{source}: no tokenizer.json, nor vocab.json with merges.txt; another form of tokenizer would"
            " need the checkpoint's code"
        )
    words = core.get_vocab()
    lacking = [token for token in IMAGE_TOKENS.values() if token not in words]
    if lacking:
        raise ValueError(f"{source}: the tokenizer lacks {', '.join(lacking)}")
    image_tokens = IMAGE_TOKENS | {
        "video_token": next(token for token in VIDEO_TOKENS if token in words)
    }
    template = tokenizer_config.get("chat_template")
    if conversation is not None:
        template = jinja(conversation, IMAGE_TOKENS["context_image_token"])
        tokenizer_config["eos_token"] = conversation.end_of_turn
        if conversation.end_of_turn not in words:
            raise ValueError(
                f"{source}: the tokenizer lacks {conversation.end_of_turn}, which ends turns"
            )
    elif not template and not (target / "chat_template.jinja").exists():
        raise ValueError(
            f"{source}: template {config.get('template')!r} is unknown, and neither conversation.py nor the"
            " tokenizer says how a conversation is written"
        )
    if template:
        (target / "chat_template.jinja").unlink(missing_ok=True)
        tokenizer_config["chat_template"] = template
    _dump(path, tokenizer_config | image_tokens | {"extra_special_tokens": image_tokens})
    return PreTrainedTokenizerFast.from_pretrained(target)


def _write_processor(folder: Path, native: Json, config: Json, tokenizer: Any) -> None:
    from r1v3.model.processor import build_processor

    processor = build_processor(
        tokenizer,
        image_size=native["vision_config"]["image_size"][0],
        tokens_per_tile=native["image_seq_length"],
    )
    pictures = processor.image_processor
    pictures.crop_to_patches = bool(config.get("dynamic_image_size", False))
    pictures.min_patches = config.get("min_dynamic_patch") or 1
    pictures.max_patches = config.get("max_dynamic_patch") or 6
    scratch = folder / "processor.partial"
    processor.save_pretrained(scratch)
    for name in ("processor_config.json", "video_preprocessor_config.json"):
        (scratch / name).rename(folder / name)
    shutil.rmtree(scratch)


def _image_processor(folder: Path) -> Json:
    for name in ("processor_config.json", "preprocessor_config.json"):
        if (folder / name).exists():
            content = read_model_json(folder / name)
            found = content.get("image_processor", content)
            if "image_mean" in found:
                return found
    raise ValueError(f"{folder}: no settings of an image processor")


def _clip(source: Path) -> Json:
    """Return settings of the image processor in the form of that layout."""
    processor = _image_processor(source)
    side = processor["size"]["height"]
    return {
        "crop_size": side,
        "do_center_crop": True,
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": processor["image_mean"],
        "image_std": processor["image_std"],
        "resample": 3,
        "size": side,
    }


def _tiles(folder: Path) -> tuple[int, int]:
    pictures = _image_processor(folder)
    return pictures.get("min_patches", 1), pictures.get("max_patches", 12)


def _chat_tokenizer(source: Path, target: Path, came: Json) -> None:
    """Write the tokenizer for InternVL's code, without native keys and with the slow tokenizer's files."""
    core = read_model_json(source / "tokenizer.json")
    qwen = _is_qwen(core)
    wanted = came.get("tokenizer_files") or [
        name for name in TOKENIZER_FILES if (source / name).exists()
    ]
    wanted += SLOW if qwen and not came else ()
    for name in wanted:
        if (source / name).exists():
            shutil.copy(source / name, target)
    if "vocab.json" in wanted and not (target / "vocab.json").exists():
        pairs = core["model"]["merges"]
        merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in pairs]
        _dump(target / "vocab.json", core["model"]["vocab"])
        write_text(target / "merges.txt", "\n".join(["#version: 0.2", *merges, ""]))
    if "added_tokens.json" in wanted and not (target / "added_tokens.json").exists():
        added = {token["content"]: token["id"] for token in core["added_tokens"]}
        _dump(target / "added_tokens.json", added)
    path = target / "tokenizer_config.json"
    if tokenizer_config := came.get("tokenizer_config.json"):
        _dump(path, tokenizer_config)
        return
    tokenizer_config = read_model_json(source / "tokenizer_config.json")
    for key in (*IMAGE_TOKENS, *OF_NATIVE):
        tokenizer_config.pop(key, None)
    if tokenizer_config.get("tokenizer_class") in (
        None,
        "TokenizersBackend",
        "PreTrainedTokenizerFast",
    ):
        tokenizer_config["tokenizer_class"] = (
            "Qwen2Tokenizer" if qwen else "PreTrainedTokenizerFast"
        )
    template = source / "chat_template.jinja"
    if template.exists():
        tokenizer_config["chat_template"] = template.read_text(encoding="utf-8")
        (target / template.name).unlink()
    _dump(path, tokenizer_config)


def _is_qwen(core: Json) -> bool:
    """Return whether a `tokenizer.json` splits words as Qwen2's slow tokenizer does, by its first pattern."""
    steps = (core.get("pre_tokenizer") or {}).get("pretokenizers") or [{}]
    return "\\p{N}" in str(steps[0].get("pattern")) and "(?i:'s|'t|'re" in str(
        steps[0].get("pattern")
    )


def _dump(path: Path, content: Json) -> None:
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
