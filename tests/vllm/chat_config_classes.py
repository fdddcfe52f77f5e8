"""Defines configs of InternVL's own layout, so that vLLM's implementation of it can open a folder.

vLLM has the models (`InternVLChatModel`, `SkyworkR1VChatModel`), but no class for their config.json.
"""

from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto import CONFIG_MAPPING


class ChatVisionConfig(PreTrainedConfig):
    """The config of the vision tower."""

    model_type = "intern_vit_6b"


def _chat_class(name: str) -> type[PreTrainedConfig]:
    class ChatConfig(PreTrainedConfig):
        model_type = name

        # transformers writes an __init__ into a subclass that has none of its own.
        def __init__(self, vision_config=None, llm_config=None, **kwargs):
            self.vision_config = ChatVisionConfig(**(vision_config or {}))
            text = dict(llm_config or {"model_type": "qwen2"})
            self.text_config = CONFIG_MAPPING[text.pop("model_type")](**text)
            super().__init__(**kwargs)

    return ChatConfig


def register_chat_configs() -> None:
    """Let AutoConfig open both types of config.json."""
    for name in ("internvl_chat", "skywork_chat"):
        AutoConfig.register(name, _chat_class(name), exist_ok=True)
