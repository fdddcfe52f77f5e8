"""Decides from `config.json` alone which checkpoints can be used here, before weights are downloaded."""

from dataclasses import dataclass

from r1v3.base.json_file import Json
from r1v3.model.layouts.internvl_chat_config import (
    CLASS_OF_TEXT,
    is_chat_config,
    language_model,
    refusals,
)

SUPPORTED = (
    "InternVL, HF-native (InternVLForConditionalGeneration before Qwen2, Qwen2.5, Qwen3 or Llama)",
    "InternVL2.5, 3 and 3.5 dense and Skywork-R1V 1 to 3 in their authors' layout (InternVLChatModel,"
    " SkyworkChatModel, SkyworkR1VChatModel), which are converted",
    "Qwen2.5-VL (Qwen2_5_VLForConditionalGeneration)",
    "Qwen3-VL dense (Qwen3VLForConditionalGeneration)",
)
QWEN = {
    "qwen2_5_vl": ("Qwen2.5-VL", "Qwen2_5_VLForConditionalGeneration"),
    "qwen3_vl": ("Qwen3-VL", "Qwen3VLForConditionalGeneration"),
}
# Models whose architecture is known, but which can only be asked through their own server.
SERVED_ALONE = {
    "qwen2_vl": "Qwen2-VL",
    "llava": "LLaVA",
    "llava_next": "LLaVA-NeXT",
}
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "moe_config")


@dataclass(frozen=True)
class Support:
    """What can be done with a checkpoint.

    `family` is the model's name for people, `architecture` its class. `conversion` says how its files are
    converted. `refused` says why it cannot be opened here; None if it can.
    """

    family: str
    architecture: str
    conversion: str
    refused: str | None
    known: bool = True
    """Whether the architecture is known here."""

    @property
    def opened(self) -> bool:
        """Return whether it can be trained, sampled in process and by vLLM, and evaluated."""
        return self.refused is None


def support_of(config: Json) -> Support:
    """Return what can be done with a checkpoint, from its `config.json`."""
    named = config.get("architectures") or []
    kind = str(config.get("model_type") or "")
    architecture = ", ".join(named) or kind or "none named"
    text = config.get("text_config") or config.get("llm_config") or {}
    if experts := _experts(config, architecture):
        return Support("mixture of experts", architecture, "none", experts)
    if is_chat_config(config):
        language = language_model(config) or "an unknown language model"
        wrong = refusals(config)
        return Support(
            f"InternVL in its authors' layout, {language}",
            architecture,
            "to the HF-native layout, without the authors' code",
            "; ".join(wrong) or None,
        )
    if kind == "internvl":
        language = text.get("model_type", "qwen2")
        known = language in CLASS_OF_TEXT
        refused = None if known else f"language model {language} is not supported"
        if "quantization_config" in config:
            refused = "it is quantized"
        return Support(f"InternVL, HF-native, {language}", architecture, "none", refused)
    if kind in QWEN:
        family, model = QWEN[kind]
        return Support(family, architecture, "none", _qwen_refusal(config, architecture, model))
    if kind in SERVED_ALONE:
        return Support(
            SERVED_ALONE[kind],
            architecture,
            "none",
            "it is asked through a server alone (source: server), not trained or opened here",
        )
    return Support("unknown", architecture, "none", "the architecture is unknown here", False)


def check_supported(config: Json, name: str) -> Support:
    """Return what can be done with a checkpoint, if it can be opened.

    Raises:
        ValueError: it cannot be opened. The message has its architecture, the reason and what is supported.
    """
    found = support_of(config)
    if found.refused is not None:
        raise ValueError(
            f"{name}: {found.architecture}: {found.refused}. Supported: {'; '.join(SUPPORTED)}"
        )
    return found


def _qwen_refusal(config: Json, architecture: str, model: str) -> str | None:
    """Return why a Qwen-VL cannot be opened. Its language model's fields may be at the top, as on the hub."""
    if architecture != model and config.get("architectures"):
        return f"it is no {model}, but something made of one"
    if "quantization_config" in config:
        return "it is quantized"
    text = config.get("text_config") or {}
    if config.get("use_sliding_window") or text.get("use_sliding_window"):
        return "its language model has sliding windows (use_sliding_window)"
    return None


def _experts(config: Json, architecture: str) -> str | None:
    """Return why a model counts as a mixture of experts; None if it is none."""
    for part in (config, config.get("text_config") or {}, config.get("llm_config") or {}):
        named = [*(part.get("architectures") or []), str(part.get("model_type") or "")]
        if any(
            "moe" in each.lower() or "gptoss" in each.lower().replace("_", "") for each in named
        ):
            return f"{', '.join(filter(None, named))} is a mixture of experts"
        for key in EXPERTS:
            value = part.get(key)
            if value and not (isinstance(value, int) and value < 2):
                return f"{key}: {architecture} is a mixture of experts"
    return None
