"""A tiny checkpoint in InternVL's own layout that answers in the report's form, with a letter by chance.

Random weights never write a box, so nothing would be left of rejection sampling. These are random weights,
fitted for some seconds to one sentence. A quarter of its answers to a choice of four is right, by chance.
"""

from pathlib import Path

import torch
from chat_checkpoints import chat_config, write_chat_checkpoint

from r1v3.model.layouts.internvl_chat_folder import export_checkpoint
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.model.obtain import obtain_checkpoint

THOUGHT = "I see. Wait, so it is {}.\n</think>\n\n\\boxed{{{}}}<|im_end|>"
STARTS = ("<|im_start|>assistant\n<think>\n", "<|im_start|>assistant\n")


def write_fitted_checkpoint(folder: Path, work: Path, *, steps: int = 150) -> Path:
    """Write the checkpoint as a hub holds it."""
    torch.manual_seed(1)
    plain = write_chat_checkpoint(work / "random", chat_config("qwen2"))
    native = obtain_checkpoint(str(plain), None, work / "native")
    model, processor = load_model(native), load_processor(native)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    batch = [
        _sequence(processor.tokenizer, start, letter, seed)
        for seed, (start, letter) in enumerate((s, x) for s in STARTS for x in "ABCD" * 2)
    ]
    longest = max(len(ids) for ids, _ in batch)
    ids_BT = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in batch])
    labels_BT = torch.tensor([labels + [-100] * (longest - len(labels)) for _, labels in batch])
    for _ in range(steps):
        loss = model(input_ids=ids_BT, labels=labels_BT).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    save_checkpoint(model.eval(), processor, work / "fitted")
    return export_checkpoint(work / "fitted", folder)


def _sequence(tokenizer, start: str, letter: str, seed: int) -> tuple[list[int], list[int]]:
    """Random words before the start of a reply, then the reply, which alone has labels."""
    generator = torch.Generator().manual_seed(seed)
    context = torch.randint(0, 256, (40,), generator=generator).tolist()
    context += tokenizer.encode(start, add_special_tokens=False)
    begins = "" if start.endswith("<think>\n") else "<think>\n"
    reply = tokenizer.encode(begins + THOUGHT.format(letter, letter), add_special_tokens=False)
    return context + reply, [-100] * len(context) + reply
