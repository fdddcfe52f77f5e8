"""Supervised fine-tuning: cold start (3.2), connector-only tuning (3.4), the variants of Tables 2 and 3.

One trainer, different recipe entries: which groups train, which data, which lengths. The loss is the
cross-entropy of the response tokens alone, averaged over the tokens of the global batch.
"""

import json
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from r1v3.data.records import read_records
from r1v3.model.encode import Encoder
from r1v3.model.groups import check_frozen, group_hashes, group_norms, train_only
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.model.packed import Group, hidden_states, pack_groups, use_packed_attention
from r1v3.progress import Progress
from r1v3.train.metrics import MetricsLog
from r1v3.train.optimizer import build_optimizer, learning_rate
from r1v3.train.ranks import Ranks
from r1v3.train.resume import clear_states, load_state, save_state
from r1v3.train.samples import check_set_aside, encode_samples
from r1v3.train.token_stats import token_stats

SAVE_SECONDS = 20.0


def train_sft(
    document: dict, *, start: Path, data: Path, validation: Path | None, folder: Path
) -> dict:
    """Tune the checkpoint `start` on the data set `data`; see `fit` for what comes out."""
    settings = document["settings"]
    model, processor = load_model(start, dtype=settings["dtype"]), load_processor(start)
    return fit(
        model,
        processor,
        settings,
        document,
        data=data,
        validation=validation,
        folder=folder,
        name=document.get("name", "sft"),
    )


def fit(model, processor, settings, document, *, data, validation, folder, name) -> dict:
    """Train, resuming where a killed run stopped, and write checkpoints under `folder`.

    Returns:
        The facts of the manifest: steps, checkpoints, last and best, hashes of every module group
        before and after, what was set aside.

    Raises:
        ValueError: more samples cannot be used than the recipe allows.
        RuntimeError: a frozen group moved, or a trained one did not.
    """
    folder, ranks = Path(folder), Ranks.join()
    encoder = Encoder(processor, document["images"])
    samples = _samples(data, encoder, document["template"], settings, folder / "set_aside.json")
    stopping, held_out = settings["early_stopping"], []
    if stopping:
        path = folder / "set_aside_validation.json"
        held_out = _samples(validation, encoder, document["template"], settings, path).groups

    use_packed_attention(model)
    train_only(model, settings["train"])
    before = group_hashes(model)
    optimizer = build_optimizer(model, settings["optimizer"])
    total = math.ceil(settings["epochs"] * len(samples.groups) / settings["batch_size"])
    total = min(total, settings["max_steps"] or total)
    state = _State()
    restored = load_state(folder / "resume")
    if restored:
        state = _State(**restored[1]["progress"])
        before = restored[1]["before"]
        model.load_state_dict(restored[1]["model"])
        optimizer.load_state_dict(restored[1]["optimizer"])
    ranks.wait()  # until every rank has read the state that the first will replace
    if ranks.first:
        log = MetricsLog(folder / "metrics.jsonl", keep_through=state.step)
        progress = Progress(total, f"{name}: step")
        progress.resume(state.step)
    saved = time.monotonic()
    while state.step < total and not state.stopped:
        began = time.monotonic()
        batch = batch_of_step(samples.groups, state.step, settings["batch_size"], document["seed"])
        rate = learning_rate(state.step, total, settings["optimizer"])
        loss, tokens = _backward(model, batch, optimizer, ranks)
        norms = group_norms(model)
        torch.nn.utils.clip_grad_norm_(
            [p for p in model.parameters() if p.requires_grad],
            settings["optimizer"]["max_grad_norm"],
        )
        optimizer.step(rate)
        state.step += 1
        values = {"loss": loss, "learning_rate": rate, "tokens": tokens}
        values |= {f"grad_norm/{group}": norm for group, norm in norms.items()}
        if stopping and (state.step % stopping["every"] == 0 or state.step == total):
            values["validation_loss"] = validation_loss(
                model, held_out, settings["batch_size"], ranks
            )
            _judge(state, values["validation_loss"], stopping["patience"])
            if state.best_step == state.step and ranks.first:
                save_checkpoint(model, processor, _checkpoint(folder, "best"))
        values["seconds"] = time.monotonic() - began
        if not ranks.first:
            continue
        log.write(state.step, **values)
        progress.advance(loss=loss)
        if time.monotonic() - saved > SAVE_SECONDS and state.step < total:
            save_state(
                folder / "resume",
                state.step,
                {
                    "progress": vars(state),
                    "before": before,
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                },
            )
            saved = time.monotonic()
    after = group_hashes(model)
    check_frozen(before, after, settings["train"])
    last = _checkpoint(folder, f"step-{state.step:06d}")
    if ranks.first:
        save_checkpoint(model, processor, last)
        clear_states(folder / "resume")
    best = str(_checkpoint(folder, "best").relative_to(folder)) if stopping else None
    return {
        "steps": state.step,
        "planned_steps": total,
        "checkpoints": [{"step": state.step, "path": str(last.relative_to(folder))}],
        "last": str(last.relative_to(folder)),
        "best": best,
        "best_step": state.best_step if stopping else None,
        "best_validation_loss": state.best_loss if stopping else None,
        "samples": len(samples.groups),
        "set_aside": len(samples.set_aside),
        "groups": {"before": before, "after": after, "trained": list(settings["train"])},
    }


@dataclass
class _State:
    """Where a run is."""

    step: int = 0
    best_step: int = 0
    best_loss: float = math.inf
    worse: int = 0
    stopped: bool = False


def _judge(state: _State, loss: float, patience: int) -> None:
    if loss < state.best_loss:
        state.best_loss, state.best_step, state.worse = loss, state.step, 0
    else:
        state.worse += 1
        state.stopped = state.worse >= patience


def _samples(folder: Path, encoder: Encoder, template: dict, settings: dict, set_aside: Path):
    samples = encode_samples(
        read_records(folder), folder, encoder, template, max_length=settings["max_length"]
    )
    if Ranks.join().first:
        set_aside.write_text(json.dumps(samples.set_aside, indent=1))
    check_set_aside(samples, settings["max_set_aside"])
    return samples


def batch_of_step(groups: list, step: int, size: int, seed: int) -> list:
    """The samples of a step: a fresh shuffle each epoch, none repeated or skipped within it."""
    first, batch = step * size, []
    order, epoch = [], -1
    for position in range(first, first + size):
        if position // len(groups) != epoch:
            epoch = position // len(groups)
            order = list(range(len(groups)))
            random.Random(f"{seed}/{epoch}").shuffle(order)
        batch.append(groups[order[position % len(groups)]])
    return batch


def _backward(model, batch: list[Group], optimizer, ranks: Ranks) -> tuple[float, int]:
    """Gradients of the mean loss over the response tokens of the whole batch, over all ranks."""
    optimizer.zero_grad()
    tokens = sum(len(response) for group in batch for response in group.responses)
    loss = 0.0
    if own := ranks.share(batch):
        pack = pack_groups(own)
        hidden = hidden_states(model, pack)
        logp_N, _ = token_stats(hidden, model.lm_head.weight, pack.target_N)
        part = -logp_N.sum() / tokens
        part.backward()
        loss = part.item()
    ranks.sum_gradients(model)
    return ranks.sum(loss)[0], tokens


@torch.no_grad()
def validation_loss(model, groups: list[Group], batch_size: int, ranks: Ranks) -> float:
    """Mean cross-entropy of the response tokens, in nats a token."""
    total, tokens, own = 0.0, 0, ranks.share(groups)
    for first in range(0, len(own), batch_size):
        pack = pack_groups(own[first : first + batch_size])
        logp_N, _ = token_stats(hidden_states(model, pack), model.lm_head.weight, pack.target_N)
        total -= float(logp_N.sum())
        tokens += len(logp_N)
    total, tokens = ranks.sum(total, tokens)
    return total / tokens


def _checkpoint(folder: Path, name: str) -> Path:
    path = folder / "checkpoints" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
