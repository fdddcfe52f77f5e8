"""Supervised fine-tuning: cold start (3.2), connector-only tuning (3.4), the variants of Tables 2 and 3.

One trainer, different recipe entries: which groups train, which data, which lengths. The loss is the
cross-entropy of the response tokens alone, averaged over the tokens of the global batch.
"""

import json
import math
import time
from pathlib import Path

import torch

from r1v3.base.atomic_write import write_text
from r1v3.base.progress import Progress
from r1v3.data.records import read_records
from r1v3.model.encode import Encoder
from r1v3.model.groups import check_frozen, group_hashes
from r1v3.model.load import load_model, load_processor
from r1v3.model.packed import Pack
from r1v3.recipe.schema.recipe import Images, Template
from r1v3.train.core.batches import Batch, Packer, order_of_step
from r1v3.train.core.engine import open_engine, prepare_model
from r1v3.train.core.flops import FlopCount, peak_flops
from r1v3.train.core.metrics import MetricsLog
from r1v3.train.core.optimizer import learning_rate
from r1v3.train.core.preemption import Preempted, Preemption
from r1v3.train.core.prefetch import Prefetch
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.watch import Speed, check_step
from r1v3.train.sft.early_stopping import Place
from r1v3.train.sft.response_loss import PackedLoss
from r1v3.train.sft.samples import Samples, check_set_aside, encode_samples


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
        FloatingPointError: the loss is no number or has jumped; names the step's samples.
        RuntimeError: a frozen group moved, or a trained one did not.
        SystemExit: with a code that asks for more, when SIGTERM came; the state is saved.
    """
    folder, ranks, stopping = Path(folder), Ranks.join(), settings["early_stopping"]
    began, encoder = time.monotonic(), Encoder(processor, Images.model_validate(document["images"]))
    template = Template.model_validate(document["template"])
    samples = _samples(data, encoder, template, settings, folder / "set_aside.json")
    prepare_model(model, settings)
    before = group_hashes(model)
    count = FlopCount.of(model, settings["train"])
    engine = open_engine(model, PackedLoss(model), settings, ranks)
    packer = Packer(samples, encoder, ranks, engine.alike, settings["parallel"]["pass_tokens"])
    if stopping:
        path = folder / "set_aside_validation.json"
        held_out = _samples(validation, encoder, template, settings, path)
        judged = Packer(held_out, encoder, ranks, engine.alike, packer.budget)
    total = math.ceil(settings["epochs"] * len(samples.ids) / settings["batch_size"])
    total = min(total, settings["max_steps"] or total)

    place = Place()
    if restored := engine.load_state(folder / "resume"):
        place, before = Place(**restored["place"]), restored["before"]
    ranks.wait()  # until every rank has read the state that the first will replace
    if ranks.first:
        log = MetricsLog(folder / "metrics.jsonl", keep_through=place.step)
        progress = Progress(total, f"{name}: step")
        progress.resume(place.step)
        speed = Speed(ranks.world, peak_flops(ranks.device))

    def make(step: int) -> Batch:
        size, seed = settings["batch_size"], document["seed"]
        return packer.batch(order_of_step(len(samples.ids), step, size, seed), count)

    batches = iter(Prefetch(make, range(place.step, total), settings["loading"]))
    if ranks.first:
        counts = f"{len(samples.ids)} samples, {len(samples.set_aside)} set aside"
        seconds = time.monotonic() - began
        print(f"{name}: {seconds:.1f} s before the first step; {counts}", flush=True)
    saved = began = time.monotonic()
    with Preemption() as preemption:
        while place.step < total and not place.stopped:
            batch, waited = next(batches)
            rate = learning_rate(place.step, total, settings["optimizer"])
            loss = _backward(engine, batch.packs, batch.response_tokens)
            norms = engine.norms()
            check_step(place.step + 1, loss, norms, place.recent, batch.ids, settings["watch"])
            engine.step(rate)
            place.step += 1
            values = {"loss": loss, "learning_rate": rate, "tokens": batch.response_tokens}
            values |= {f"grad_norm/{group}": norm for group, norm in norms.items()}
            seconds = time.monotonic() - began
            if stopping and (place.step % stopping["every"] == 0 or place.step == total):
                values["validation_loss"] = validation_loss(engine, judged, settings)
                if place.judge(values["validation_loss"], stopping["patience"]):
                    engine.save(processor, _checkpoint(folder, "best"))
            if ranks.first:
                values |= speed.of_step(seconds=seconds, waited=waited, batch=batch)
                log.write(place.step, **values, seconds=time.monotonic() - began)
                progress.advance(loss=loss, waiting=f"{waited / seconds:.1%}")
            began = time.monotonic()
            due = ranks.first and began - saved > settings["resume"]["seconds"]
            came, due = ranks.sum(preemption.came, due)
            if (came or due) and place.step < total:
                state = {"place": vars(place), "before": before}
                engine.save_state(
                    folder / "resume", place.step, state, keep=settings["resume"]["keep"]
                )
                saved = time.monotonic()
                if came:
                    raise Preempted(place.step)
    after = engine.hashes()
    check_frozen(before, after, settings["train"])
    last = _checkpoint(folder, f"step-{place.step:06d}")
    engine.save(processor, last)
    best = str(_checkpoint(folder, "best").relative_to(folder)) if stopping else None
    return {
        "steps": place.step,
        "planned_steps": total,
        "checkpoints": [{"step": place.step, "path": str(last.relative_to(folder))}],
        "last": str(last.relative_to(folder)),
        "best": best,
        "best_step": place.best_step if stopping else None,
        "best_validation_loss": place.best_loss if stopping else None,
        "samples": len(samples.ids),
        "set_aside": len(samples.set_aside),
        "groups": {"before": before, "after": after, "trained": list(settings["train"])},
    }


def _backward(engine, packs: list[Pack], tokens: int) -> float:
    """Gradients of the mean loss over all ranks' packs, and that loss."""
    engine.zero_grad()
    losses = []
    for number, pack in enumerate(packs, start=1):
        part = engine(pack, tokens)
        engine.backward(part, last=number == len(packs))
        losses.append(part.detach())
    engine.reduce()
    return engine.ranks.sum(float(sum(losses)))[0]


def _samples(
    folder: Path, encoder: Encoder, template: Template, settings: dict, set_aside: Path
) -> Samples:
    ranks, known = Ranks.join(), None
    if (set_aside.parent / "resume").exists() and set_aside.exists():
        known = json.loads(set_aside.read_text())
    samples = encode_samples(
        read_records(folder),
        folder,
        encoder,
        template,
        max_length=settings["max_length"],
        keep_tiles=settings["loading"]["cached"],
        threads=settings["loading"]["threads"],
        ranks=ranks,
        known=known,
    )
    if ranks.first:
        write_text(set_aside, json.dumps(samples.set_aside, indent=1))
    check_set_aside(samples, settings["max_set_aside"])
    return samples


def batch_of_step(items: list, step: int, size: int, seed: int) -> list:
    """The items of a step, in the order of `order_of_step`."""
    return [items[n] for n in order_of_step(len(items), step, size, seed)]


@torch.no_grad()
def validation_loss(engine, packer: Packer, settings: dict) -> float:
    """Mean cross-entropy of the response tokens, in nats."""
    total, tokens = 0.0, 0
    packs = Prefetch(packer.pack, packer.passes(settings["batch_size"]), settings["loading"])
    for pack, _ in packs:
        total += float(engine(pack, 1))
        tokens += len(pack.target_N)
    total, tokens = packer.ranks.sum(total, tokens)
    return total / tokens


def _checkpoint(folder: Path, name: str) -> Path:
    path = folder / "checkpoints" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
