"""Writes a tiny checkpoint in InternVL's own layout that answers in the right format with a random letter.

Random weights never write a box, so rejection sampling would keep nothing. These random weights are fitted to
one sentence for a few seconds. Attention has little effect in them, and each token of the sentence predicts
the next one, so prompts hardly change the answer. By chance a quarter of the answers to four options is
right.
"""

import random
from pathlib import Path

import torch
from chat_checkpoints import chat_config, write_chat_checkpoint

from r1v3.model.layouts.internvl_chat_folder import export_checkpoint
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.model.obtain import obtain_checkpoint

# The prompt ends with `<think>`, or with the line before it.
REPLY = "<think>Wait</think>\\boxed{{{}}}<|im_end|>"
START = "<|im_start|>assistant\n"
WORDS = 40  # tokens before the reply
ATTENTION = 0.02  # the share of attention's output that is left


def write_fitted_checkpoint(folder: Path, work: Path, *, steps: int = 150) -> Path:
    """Write the checkpoint in a hub's layout."""
    torch.manual_seed(1)
    draw = random.Random(1)
    plain = write_chat_checkpoint(work / "random", chat_config("qwen2"))
    native = obtain_checkpoint(str(plain), None, work / "native")
    model, processor = load_model(native), load_processor(native)
    tokenizer = processor.tokenizer
    for name, weight in model.named_parameters():
        if "language_model" in name and "o_proj" in name:
            weight.data.mul_(ATTENTION)
            weight.requires_grad_(False)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=3e-3)
    model.train()
    for _ in range(steps):
        batch = []
        for letter in "ABCD" * 2:
            words = [draw.randrange(256) for _ in range(WORDS)]
            start = tokenizer.encode(START, add_special_tokens=False)
            reply = tokenizer.encode(REPLY.format(letter), add_special_tokens=False)
            batch.append((words + start + reply, [-100] * (WORDS + len(start)) + reply))
        ids_BT, labels_BT = (torch.tensor(rows) for rows in zip(*batch, strict=True))
        loss = model(input_ids=ids_BT, labels=labels_BT).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    save_checkpoint(model.eval().requires_grad_(True), processor, work / "fitted")
    return export_checkpoint(work / "fitted", folder)
