"""Makes a random reward model in Skywork-VL-Reward's layout: Qwen2.5-VL of width 32 with a value head."""

import base64
import contextlib
import io
import threading

import torch
from model_fixtures import WORDS, picture
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from r1v3.reward.reward_model.model import ScoringModel
from r1v3.reward.reward_model.service import RewardServer, RewardService, ServiceLimits

LIMITS = ServiceLimits(batch=4, batch_tokens=2048, seconds=60, max_pixels=200_000)
SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
# Qwen2.5-VL's own template, without videos.
TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
)
HEAD = {
    "v_head.summary.weight": torch.linspace(-1, 1, 32)[None],
    "v_head.summary.bias": torch.tensor([0.25]),
}


def reward_checkpoint(folder, head=HEAD, beside: bool = True):
    """Write the model into `folder`, with the head in its own file or among the weights."""
    folder.mkdir()
    tokenizer = _tokenizer()
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 48,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2],
            },
        },
        vision_config={
            "depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2,
            "out_hidden_size": 32, "fullatt_block_indexes": [1],
        },
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
    )  # fmt: skip
    torch.manual_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(config)
    with torch.no_grad():
        for each in model.parameters():
            if each.ndim > 1:
                each.normal_(std=0.2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Qwen2VLImageProcessorPil(min_pixels=784, max_pixels=28 * 28 * 4).save_pretrained(folder)
    if beside:
        save_file(head, folder / "value_head.safetensors")
    else:
        weights = folder / "model.safetensors"
        save_file(load_file(weights) | head, weights, metadata={"format": "pt"})
    return folder


@contextlib.contextmanager
def served(model, limits=LIMITS, cache=None, key=None):
    """Serve a model on loopback, and yield its address."""
    service = RewardService(model, "vl-reward", limits, cache)
    with RewardServer(service, host="127.0.0.1", port=0, key=key) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            service.batches.close()


def served_reward_model(folder):
    """Return the model of a folder for serving."""
    return served(ScoringModel(folder, device="cpu"))


def conversation(question: str, response: str, *pictures: int):
    """Return the messages of a question about pictures of noise, and its response."""
    parts = [{"type": "image_url", "image_url": {"url": data_url(each)}} for each in pictures]
    return [
        {"role": "user", "content": [*parts, {"type": "text", "text": question}]},
        {"role": "assistant", "content": response},
    ]


def data_url(seed: int) -> str:
    out = io.BytesIO()
    picture(seed, 30 + 20 * seed, 44).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def _tokenizer() -> PreTrainedTokenizerFast:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(WORDS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens={
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_start": "<|vision_start|>",
            "vision_end": "<|vision_end|>",
        },
        chat_template=TEMPLATE,
    )
