"""The log of a supervised run: `metrics.jsonl`, and a line of progress. Only the first rank writes."""

import time
from pathlib import Path

from r1v3.base.progress import Progress
from r1v3.train.core.flops import peak_flops
from r1v3.train.core.metrics import MetricsLog
from r1v3.train.core.ranks import Ranks
from r1v3.train.sft.batches import Batch
from r1v3.train.sft.step_checks import Speed


class SftLog:
    """Times the steps and writes their metrics.

    Args:
        name: of the run.
        done: steps taken before this process began.
        total: steps of the whole run.
    """

    def __init__(self, ranks: Ranks, folder: Path, name: str, *, done: int, total: int):
        self.first = ranks.first
        if self.first:
            self.metrics = MetricsLog(folder / "metrics.jsonl", keep_through=done)
            self.progress = Progress(total, f"{name}: step")
            self.progress.resume(done)
            self.speed = Speed(ranks.world, peak_flops(ranks.device))
        self.began = self.updated_at = time.monotonic()

    def updated(self) -> None:
        """Note that a step's update is done; validation and saving do not count as its speed."""
        self.updated_at = time.monotonic()

    def record(self, step: int, values: dict[str, float], batch: Batch, waited: float) -> None:
        """Write a step's metrics, and start the clock of the next one.

        Args:
            step: from 1.
            values: what was measured.
            waited: seconds spent waiting for data.
        """
        if self.first:
            seconds = self.updated_at - self.began
            values = values | self.speed.of_step(seconds=seconds, waited=waited, batch=batch)
            self.metrics.write(step, **values, seconds=time.monotonic() - self.began)
            self.progress.advance(loss=values["loss"], waiting=f"{waited / seconds:.1%}")
        self.began = time.monotonic()
