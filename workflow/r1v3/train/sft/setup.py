"""The parts of a supervised run, and how it is opened or resumed."""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from r1v3.model.encode import Encoder
from r1v3.model.groups import group_hashes
from r1v3.model.processor import ImageProcessor
from r1v3.model.stored_weights import StoredTensor
from r1v3.recipe.graph.configs import ShownConfig
from r1v3.recipe.schema.training import Sft
from r1v3.train.core.engine import TrainingEngine, open_engine, prepare_model
from r1v3.train.core.flops import FlopCount
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.sample_order import order_of_step
from r1v3.train.core.unfinished import UnfinishedRun
from r1v3.train.sft.batches import Batch, Packer
from r1v3.train.sft.prefetch import Prefetch
from r1v3.train.sft.progress import SftProgress
from r1v3.train.sft.response_loss import PackedLoss
from r1v3.train.sft.samples import Samples, load_samples


@dataclass(frozen=True)
class SftRun:
    """A supervised run that is ready to train.

    Attributes:
        batches: the batches of the coming steps, each with the seconds that the trainer waited for it.
        held_out: the validation set, with early stopping.
        hashes_before: hash of every module group before the first step.
        total: number of steps of the whole run, unless early stopping ends it.
    """

    name: str
    settings: Sft
    folder: Path
    engine: TrainingEngine
    processor: ImageProcessor
    samples: Samples
    batches: Iterator[tuple[Batch, float]]
    held_out: Packer | None
    progress: SftProgress
    hashes_before: dict[str, str]
    total: int
    unfinished: UnfinishedRun

    @property
    def finished(self) -> bool:
        """Return whether no step is left."""
        return self.progress.stopped or self.progress.step >= self.total

    def state(self) -> dict[str, Any]:
        """Return the part of the state that is neither weights nor optimizer."""
        return {"progress": asdict(self.progress), "before": self.hashes_before}

    def checkpoint(self, name: str) -> Path:
        """Return the folder of a checkpoint, after making its parent folder."""
        path = self.folder / "checkpoints" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def open_sft_run(
    model: PreTrainedModel,
    processor: ImageProcessor,
    settings: Sft,
    config: ShownConfig,
    *,
    data: Path,
    validation: Path | None,
    folder: Path,
) -> SftRun:
    """Encode the samples, open the engine, and restore the newest state if there is one.

    Raises:
        ValueError: more samples are skipped than the recipe allows, or early stopping has no validation set.
    """
    began, ranks = time.monotonic(), Ranks.join()
    encoder, parallel = Encoder(processor, config.images), settings.parallel
    samples = load_samples(data, encoder, config, settings, folder / "skipped.json")
    prepare_model(model, settings.train, parallel, lora=settings.lora, seed=config.seed)
    hashes_before = group_hashes(model, gather=StoredTensor.base)
    operations = FlopCount.of(model, settings.train, settings.adapted)
    engine = open_engine(
        model,
        PackedLoss(model),
        ranks,
        optimizer=settings.optimizer,
        parallel=parallel,
        dtype=settings.dtype,
    )
    packer = Packer(samples, encoder, ranks, engine.alike, parallel.pass_tokens)
    held_out = None
    if settings.early_stopping:
        if validation is None:
            raise ValueError("early_stopping needs a validation set")
        path = folder / "skipped_validation.json"
        judged = load_samples(validation, encoder, config, settings, path)
        held_out = Packer(judged, encoder, ranks, engine.alike, parallel.pass_tokens)
    planned = math.ceil(settings.epochs * len(samples.ids) / settings.batch_size)
    total = min(planned, settings.max_steps or planned)

    progress = SftProgress()
    unfinished = UnfinishedRun(engine, folder, settings.resume, total)
    if restored := unfinished.restore():
        progress, hashes_before = SftProgress(**restored["progress"]), restored["before"]

    def make_batch(step: int) -> Batch:
        order = order_of_step(len(samples.ids), step, settings.batch_size, config.seed)
        return packer.batch(order, operations)

    batches = iter(Prefetch(make_batch, range(progress.step, total), settings.loading))
    if ranks.first:
        counts = f"{len(samples.ids)} samples, {len(samples.skipped)} skipped"
        seconds = time.monotonic() - began
        print(f"{config.name}: {seconds:.1f} s before the first step; {counts}", flush=True)
    return SftRun(
        name=config.name,
        settings=settings,
        folder=folder,
        engine=engine,
        processor=processor,
        samples=samples,
        batches=batches,
        held_out=held_out,
        progress=progress,
        hashes_before=hashes_before,
        total=total,
        unfinished=unfinished,
    )
