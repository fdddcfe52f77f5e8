"""`r1v3 model check`: describes a checkpoint and what it needs, from `config.json` and the hub's page."""

import os
from pathlib import Path

from r1v3.base.json_file import Json, read_model_json
from r1v3.model.layouts.internvl_chat_config import is_chat_config, native_config
from r1v3.model.layouts.internvl_chat_folder import INDEX
from r1v3.model.obtain import ask_hub, hub_config
from r1v3.model.supported import SUPPORTED, support_of
from r1v3.plan import memory
from r1v3.plan.costs import load_costs
from r1v3.plan.shapes import ModelShape, build_meta, config_of, model_shape

GPU_GB = 80
COUNTS = (1, 2, 4, 8, 16, 32, 64)
TOKENS = 16384  # tokens of the longest pass, as in config/recipes/paper.yaml
CONNECTOR, EVERY = ["connector"], ["vision_tower", "connector", "llm"]


def check_model(root: Path, model: str) -> tuple[list[str], bool]:
    """Return lines that describe a checkpoint, and whether it can be opened here.

    Args:
        model: a folder, or a hub's id, with `@revision` if it is not the main revision.

    Raises:
        ValueError: there is no such model, or the hub refuses access.
    """
    folder = Path(model)
    if folder.is_dir():
        config, facts = read_model_json(folder / "config.json"), _folder_facts(folder)
    else:
        name, _, revision = model.partition("@")
        config, facts = hub_config(name, revision or None), _hub_facts(name, revision or None)
    found = support_of(config)
    elsewhere = "by a server of its own alone" if found.known else "no"
    lines = [
        f"model         {model}",
        f"family        {found.family}",
        f"architecture  {found.architecture}",
        f"conversion    {found.conversion if found.opened else 'none'}",
        f"trainable     {'yes' if found.opened else 'no'}",
        f"served        {'yes, by vLLM' if found.opened else elsewhere}",
        f"evaluated     {'yes' if found.opened else elsewhere}",
        f"dtype         {config.get('torch_dtype') or config.get('dtype') or 'not stated'}",
        *(f"{key:<14}{value}" for key, value in facts.items()),
    ]
    if not found.opened:
        return [
            *lines,
            f"refused       {found.refused}",
            f"supported     {'; '.join(SUPPORTED)}",
        ], False
    return [*lines, *_sizes(root, config)], True


def _sizes(root: Path, config: Json) -> list[str]:
    native = config
    if is_chat_config(config):
        # Ids of tokens do not change any size.
        native = native_config(config, image_token=0, end_of_turn=0, tied=False)
        native.pop("internvl_chat")
    shape = model_shape(build_meta(config_of(native)))
    parts = ", ".join(f"{name} {count / 1e9:.2f}" for name, count in shape.parameters.items())
    return [
        f"parameters    {shape.all / 1e9:.2f} billion ({parts})",
        f"pictures      {_pictures(shape, native)}",
        f"GPUs of {GPU_GB} GB: {_gpus(root, shape)}",
    ]


def _pictures(shape: ModelShape, config: Json) -> str:
    if config["model_type"] == "internvl":
        return f"{shape.image_tokens} tokens a tile of {shape.side} pixels"
    token = round(shape.side / shape.image_tokens**0.5)
    return f"at native resolution, a token for {token} x {token} pixels"


def _gpus(root: Path, shape: ModelShape) -> str:
    """Return the fewest GPUs of each stage, by the formulas of the plan, in bfloat16."""
    costs = load_costs(root)
    device, most = costs.devices["h100"], GPU_GB * 1e9

    def training(groups: list[str]) -> str:
        for count in COUNTS:
            parts = memory.training_parts(
                shape,
                memory.TrainingSetup(
                    groups, "bfloat16", 3 if count > 1 else None, checkpointing=True, world=count
                ),
                memory.LargestPass(TOKENS, TOKENS, tiles=13),
                memory.TrainingDevice(device, costs.activations),
            )
            if sum(parts.values()) <= most:
                return str(count)
        return f"more than {COUNTS[-1]}"

    def answering() -> str:
        for count in COUNTS:
            parts = memory.engine_parts(
                shape, gpus=count, memory_gb=GPU_GB, share=0.9, device=device
            )
            if parts["keys and values"] >= TOKENS * memory.cache_token(shape) / count:
                return str(count)
        return f"more than {COUNTS[-1]}"

    asked_by = answering()
    return (
        f"sft and grpo {training(EVERY)}, connector alone {training(CONNECTOR)},"
        f" reject, probe and evaluate {asked_by}"
    )


def _folder_facts(folder: Path) -> Json:
    index = folder / INDEX
    if index.exists():
        size = read_model_json(index).get("metadata", {}).get("total_size", 0)
    else:
        size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return {
        "weights": _gigabytes(size),
        "gated": "no, a folder",
        "licence": _licence_of_card(folder),
    }


def _licence_of_card(folder: Path) -> str:
    card = folder / "README.md"
    if card.exists():
        for line in card.read_text(encoding="utf-8").splitlines()[1:]:
            if line.strip() == "---":
                break
            key, _, value = line.partition(":")
            if key.strip() == "license":
                return value.strip()
    return "not stated"


def _hub_facts(name: str, revision: str | None) -> Json:
    from huggingface_hub import HfApi

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    info = ask_hub(name, lambda: api.model_info(name, revision=revision, files_metadata=True))
    sizes = [
        each.size or 0 for each in info.siblings or [] if each.rfilename.endswith(".safetensors")
    ]
    licence = [tag.partition(":")[2] for tag in info.tags or [] if tag.startswith("license:")]
    gated = {False: "no", None: "not stated"}.get(info.gated, f"yes ({info.gated})")
    return {
        "weights": _gigabytes(sum(sizes)),
        "gated": gated,
        "licence": ", ".join(licence) or "not stated",
    }


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size else "size not stated"
