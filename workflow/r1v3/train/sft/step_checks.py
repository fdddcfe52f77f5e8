"""Checks whether training may continue after each step, and measures how well it uses the machine."""

import math
import statistics
from dataclasses import dataclass

from r1v3.recipe.schema.training import Watch
from r1v3.train.core.device_memory import peak_memory
from r1v3.train.sft.batches import Batch


def check_step(
    step: int,
    loss: float,
    norms: dict[str, float],
    recent: list[float],
    ids: list[str],
    watch: Watch,
) -> None:
    """Stop before a bad step is taken.

    Args:
        loss: loss of the step, in nats a token.
        norms: gradient norm of each module group.
        recent: losses of earlier steps; this step's loss is appended.
        ids: ids of the samples of the step's batch.
        watch: the recipe's section.

    Raises:
        FloatingPointError: the loss or a gradient is not finite, or the loss has jumped. The message names
            the samples.
    """
    values = {"loss": loss} | {f"grad_norm/{group}": norm for group, norm in norms.items()}
    bad = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
    if not bad and watch.spike is not None and len(recent) == watch.window:
        usual = statistics.median(recent)
        if loss >= usual + watch.spike:
            bad = [f"loss is {loss:.4f}, {watch.spike} nats or more above {usual:.4f}"]
    if bad:
        raise FloatingPointError(f"step {step}: {', '.join(bad)}; samples {', '.join(ids)}")
    recent.append(loss)
    del recent[: -watch.window]


@dataclass(frozen=True)
class Speed:
    """Computes rates of a step over all ranks; `mfu` is the share of the machines' peak (see `flops`)."""

    world: int
    peak: float

    def of_step(self, *, seconds: float, waited: float, batch: Batch) -> dict[str, float]:
        """Compute the metrics of one step, without its validation.

        Args:
            seconds: wall time of the step, waiting included.
            waited: seconds spent waiting for data.
        """
        return {
            "speed/tokens_per_second": batch.tokens / seconds,
            "speed/samples_per_second": len(batch.ids) / seconds,
            "speed/mfu": batch.flops / (seconds * self.world * self.peak),
            "speed/memory_gib": peak_memory() / 2**30,
            "speed/waiting": waited / seconds,
        }
