"""The log of a supervised run: `metrics.jsonl`, and a line of progress. Only the first rank writes."""

import time
from pathlib import Path

from r1v3.base.progress import Progress
from r1v3.train.core.flops import peak_flops
from r1v3.train.core.metrics import MetricsLog, copy_of
from r1v3.train.core.ranks import Ranks
from r1v3.train.sft.batches import Batch
from r1v3.train.sft.step_checks import Speed


class SftLog:
    """Times the steps and writes their metrics.

    Args:
        name: name of the run.
        done: number of steps taken before this process began.
        total: number of steps of the whole run.
    """

    def __init__(self, ranks: Ranks, folder: Path, name: str, *, done: int, total: int):
        self.first = ranks.first
        if self.first:
            curve = folder / "metrics.jsonl"
            self.metrics = MetricsLog(curve, keep_through=done, copy=copy_of(curve))
            self.progress = Progress(total, f"{name}: step")
            self.progress.resume(done)
            self.speed = Speed(ranks.world, peak_flops(ranks.device))
        self.began = self.updated_at = time.monotonic()

    def updated(self) -> None:
        """Record that the update is done. Validation and saving come after it and do not count as speed."""
        self.updated_at = time.monotonic()

    def record(self, step: int, values: dict[str, float], batch: Batch, waited: float) -> None:
        """Write the metrics of a step, and start the clock of the next one.

        Args:
            step: from 1.
            values: the measured values.
            waited: seconds spent waiting for data.
        """
        if self.first:
            seconds = self.updated_at - self.began
            values = values | self.speed.of_step(seconds=seconds, waited=waited, batch=batch)
            self.metrics.write(step, **values, seconds=time.monotonic() - self.began)
            self.progress.advance(loss=values["loss"], waiting=f"{waited / seconds:.1%}")
        self.began = time.monotonic()
