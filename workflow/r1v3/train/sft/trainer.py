"""Supervised fine-tuning: cold start (3.2), connector-only tuning (3.4), the variants of Tables 2 and 3.

All of them use this trainer. The entry of a run says which groups train, on which data, at which lengths. The
loss is the cross-entropy of the response tokens alone, averaged over the tokens of the global batch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from r1v3.model.groups import check_base, check_frozen
from r1v3.model.load import load_model, load_processor
from r1v3.model.packed import Pack
from r1v3.model.processor import ImageProcessor
from r1v3.recipe.graph.configs import SftConfig, ShownConfig
from r1v3.recipe.schema.training import Sft
from r1v3.train.core.engine import TrainingEngine
from r1v3.train.core.optimizer import learning_rate
from r1v3.train.sft.batches import Batch
from r1v3.train.sft.log import SftLog
from r1v3.train.sft.prefetch import Prefetch
from r1v3.train.sft.setup import SftRun, open_sft_run
from r1v3.train.sft.step_checks import check_step


def train_sft(
    config: SftConfig, *, start: Path, data: Path, validation: Path | None, folder: Path
) -> dict[str, Any]:
    """Tune the checkpoint `start` on the data set `data`; see `fit` for the returned facts."""
    model, processor = load_model(start, dtype=config.settings.dtype), load_processor(start)
    return fit(
        model,
        processor,
        config.settings,
        config,
        data=data,
        validation=validation,
        folder=folder,
    )


def fit(
    model: PreTrainedModel,
    processor: ImageProcessor,
    settings: Sft,
    config: ShownConfig,
    *,
    data: Path,
    validation: Path | None,
    folder: Path,
) -> dict[str, Any]:
    """Train, continuing a run that was killed, and write checkpoints under `folder`.

    Args:
        config: name, seed, template and images of the run.
        data, validation: folders of data sets; early stopping needs `validation`.

    Returns:
        The facts for the manifest: steps, checkpoints, last and best, hashes of every module group before
        and after, number of skipped samples.

    Raises:
        ValueError: more samples are skipped than the recipe allows.
        FloatingPointError: the loss is not finite or has jumped. The message names the step's samples.
        RuntimeError: a frozen group changed, or a trained one did not.
        SystemExit: SIGTERM came. The state is saved, and the exit code asks for a restart.
    """
    run = open_sft_run(
        model, processor, settings, config, data=data, validation=validation, folder=Path(folder)
    )
    progress = run.progress
    log = SftLog(run.engine.ranks, run.folder, run.name, done=progress.step, total=run.total)
    with run.unfinished:
        while not run.finished:
            batch, waited = next(run.batches)
            learned = learn(run, batch)
            log.updated()
            validated = validate(run)
            log.record(progress.step, learned.metrics(batch) | validated, batch, waited)
            run.unfinished.save_if_due(progress.step, run.state())
    return finish_sft(run)


@dataclass(frozen=True)
class Learned:
    """The results of a step: loss in nats a token, learning rate, gradient norm of each module group."""

    loss: float
    rate: float
    norms: dict[str, float]

    def metrics(self, batch: Batch) -> dict[str, float]:
        """Return the metrics of the step."""
        values = {"loss": self.loss, "learning_rate": self.rate, "tokens": batch.response_tokens}
        return values | {f"grad_norm/{group}": norm for group, norm in self.norms.items()}


def learn(run: SftRun, batch: Batch) -> Learned:
    """Take one step: forward and backward passes, checks, update.

    Raises:
        FloatingPointError: the step is bad (see `check_step`) and was not taken.
    """
    progress, settings = run.progress, run.settings
    rate = learning_rate(progress.step, run.total, settings.optimizer)
    loss = backward(run.engine, batch.packs, batch.response_tokens)
    norms = run.engine.norms()
    check_step(progress.step + 1, loss, norms, progress.recent, batch.ids, settings.watch)
    run.engine.step(rate)
    progress.step += 1
    return Learned(loss, rate, norms)


def backward(engine: TrainingEngine, packs: list[Pack], tokens: int) -> float:
    """Compute the gradients of the mean loss over the packs of all ranks.

    Args:
        packs: packs of this rank.
        tokens: number of response tokens of all ranks together; the loss is divided by it.

    Returns:
        The mean loss over all ranks, in nats a token.
    """
    engine.zero_grad()
    losses: list[torch.Tensor] = []
    for number, pack in enumerate(packs, start=1):
        loss = engine(pack, tokens)
        engine.backward(loss, last=number == len(packs))
        losses.append(loss.detach())
    engine.reduce()
    return engine.ranks.sum(float(sum(losses)))[0]


def validate(run: SftRun) -> dict[str, float]:
    """With early stopping, validate every so many steps and after the last one; save the best checkpoint.

    Returns:
        `validation_loss` in nats a token; nothing at a step without validation.
    """
    stopping, step = run.settings.early_stopping, run.progress.step
    if stopping is None or not (step % stopping.every == 0 or step == run.total):
        return {}
    loss = validation_loss(run)
    if run.progress.note_validation(loss, stopping.patience):
        run.engine.save(run.processor, run.checkpoint("best"))
    return {"validation_loss": loss}


@torch.no_grad()
def validation_loss(run: SftRun) -> float:
    """Compute the mean cross-entropy of the validation set's response tokens, in nats."""
    packer, settings = run.held_out, run.settings
    assert packer is not None, "a run with early stopping has a validation set"
    total, tokens = 0.0, 0.0
    for pack, _ in Prefetch(packer.pack, packer.passes(settings.batch_size), settings.loading):
        total += float(run.engine(pack, 1))
        tokens += len(pack.target_N)
    total, tokens = run.engine.ranks.sum(total, tokens)
    return total / tokens


def finish_sft(run: SftRun) -> dict[str, Any]:
    """Save the last checkpoint and return the facts for the manifest.

    Raises:
        RuntimeError: a frozen group changed, or a trained one did not.
    """
    progress, stopping = run.progress, run.settings.early_stopping
    after = run.engine.hashes()
    check_frozen(run.hashes_before, after, run.settings.train)
    base = run.engine.base_hashes(run.settings.adapted)
    check_base(run.hashes_before, base)
    folder = run.checkpoint(f"step-{progress.step:06d}")
    run.engine.save(run.processor, folder)
    last, best = (str(f.relative_to(run.folder)) for f in (folder, run.checkpoint("best")))
    return {
        "steps": progress.step,
        "planned_steps": run.total,
        "checkpoints": [{"step": progress.step, "path": last}],
        "last": last,
        "best": best if stopping else None,
        "best_step": progress.best_step if stopping else None,
        "best_validation_loss": progress.best_loss if stopping else None,
        "samples": len(run.samples.ids),
        "skipped": len(run.samples.skipped),
        "groups": {
            "before": run.hashes_before,
            "after": after,
            "trained": list(run.settings.train),
            **({"below_adapters": base} if base else {}),
        },
    }
