"""What a stage needs: devices, hours, memory of the fullest device and of its host, disk."""

import math
from dataclasses import dataclass, field

from r1v3.plan.episode import RolloutSeconds


@dataclass(frozen=True)
class Estimate:
    """A stage: `jobs` of it, each on `devices` for `hours`.

    `parts` is the memory of its fullest device, in bytes; `sampling` the same while vLLM samples beside a
    trainer. `disk` is in bytes, all jobs together. `fee` is money beside that for GPUs. `answers` are those
    of one job that are graded. `assumed` says that nobody measured a constant that it rests on.
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
        """The most that its fullest device holds at once, in bytes."""
        return max(sum(self.parts.values()), sum(self.sampling.values()))

    @property
    def fits(self) -> bool:
        return self.memory <= self.most and self.host <= self.host_most and not self.advice
