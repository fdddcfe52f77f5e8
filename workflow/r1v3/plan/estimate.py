"""The needs of a stage: devices, hours, memory of the fullest device and of its host, disk."""

import math
from dataclasses import dataclass, field

from r1v3.plan.episode import RolloutSeconds


@dataclass(frozen=True)
class Estimate:
    """A stage that runs as `jobs` jobs, each on `devices` devices for `hours` hours.

    `parts` is the memory of the fullest device by part, in bytes. `sampling` is the same while vLLM samples
    beside a trainer. `disk` is in bytes, for all jobs together. `fee` is money in addition to that for GPUs.
    `answers` is the number of graded answers of one job. `assumed` says whether the estimate uses a constant
    that nobody measured.
    """

    stage: str
    name: str
    jobs: int
    devices: int
    hours: float
    parts: dict[str, float]
    most: float
    disk: float
    host: float = 0.0
    host_most: float = math.inf
    assumed: bool = True
    notes: tuple[str, ...] = ()
    step_seconds: float = 0.0
    rollouts: RolloutSeconds | None = None
    advice: tuple[str, ...] = field(default=())
    sampling: dict[str, float] = field(default_factory=dict)
    fee: float = 0.0
    answers: int = 0

    @property
    def memory(self) -> float:
        """Return the most bytes that the fullest device holds at the same time."""
        return max(sum(self.parts.values()), sum(self.sampling.values()))

    @property
    def fits(self) -> bool:
        return self.memory <= self.most and self.host <= self.host_most and not self.advice
