"""Alarms of a run that goes wrong, read from its metrics alone.

Each compares the last steps with the first ones, or with the best, so that none depends on the size of a
model: what is long for one is short for another. `r1v3 watch` shows them and MLflow has them as tags.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Sequence[dict[str, Any]]

# Steps whose mean is compared; a run of fewer than two such spans has no alarm.
SPAN = 10


@dataclass(frozen=True)
class Alarm:
    """What is wrong, from the metrics up to a step."""

    name: str
    step: int
    says: str


def find_alarms(rows: Rows) -> list[Alarm]:
    """The alarms that hold at the last of some steps.

    Args:
        rows: of `metrics.jsonl`, in order.
    """
    if len(rows) < 2 * SPAN:
        return []
    found = ((name, check(rows)) for name, check in CHECKS.items())
    return [Alarm(name, rows[-1]["step"], says) for name, says in found if says]


def _reward_collapse(rows: Rows) -> str | None:
    """The reward fell below half of the best that it was for `SPAN` steps."""
    values = _values(rows, "reward")
    if len(values) < 2 * SPAN:
        return None
    best = max(_mean(values[n : n + SPAN]) for n in range(len(values) - SPAN + 1))
    now = _mean(values[-SPAN:])
    if best >= 0.05 and now < best / 2:
        return f"mean reward is {now:.2f} and was {best:.2f}"
    return None


def _entropy_collapse(rows: Rows) -> str | None:
    """Entropy is below a tenth of what it was: every answer to a question is the same."""
    ends = _ends(rows, "entropy")
    if ends and ends[1] < ends[0] / 10:
        return f"mean entropy is {ends[1]:.3f} nats and was {ends[0]:.3f}"
    return None


def _length_explosion(rows: Rows) -> str | None:
    """Responses are more than twice as long, and a quarter and more of them is cut off."""
    lengths, cut = _ends(rows, "response_length"), _ends(rows, "truncated")
    if lengths and cut and lengths[1] > 2 * lengths[0] and cut[1] > 0.25:
        return f"responses have {lengths[1]:.0f} tokens and had {lengths[0]:.0f}; {cut[1]:.0%} are cut off"
    return None


def _repetition(rows: Rows) -> str | None:
    """Responses compress by 15 points more than they did."""
    ends = _ends(rows, "repetition")
    if ends and ends[1] > ends[0] + 0.15:
        return f"responses shrink by {ends[1]:.0%} when compressed, and did by {ends[0]:.0%}"
    return None


def _hacked_reward(rows: Rows) -> str | None:
    """The reward rose and accuracy did not: something else than right answers is paid."""
    reward, accuracy = _ends(rows, "reward"), _ends(rows, "accuracy")
    if reward and accuracy:
        gained, earned = reward[1] - reward[0], accuracy[1] - accuracy[0]
        if gained > 0.1 and earned < gained / 5:
            return f"reward rose by {gained:.2f}, and accuracy by {earned:.2f}"
    return None


def _no_signal(rows: Rows) -> str | None:
    """Nine groups of ten teach nothing, since their rewards are all equal."""
    ends = _ends(rows, "zero_variance_groups")
    if ends and ends[1] > 0.9:
        return f"rewards are equal within {ends[1]:.0%} of the groups"
    return None


def _mismatch(rows: Rows) -> str | None:
    """Engine and trainer are a tenth of a nat a token apart, and further than they were."""
    ends = _ends(rows, "mismatch/kl")
    if ends and ends[1] > max(0.1, 2 * ends[0]):
        return f"engine and trainer are {ends[1]:.2f} nats a token apart, and were {ends[0]:.2f}"
    return None


CHECKS: dict[str, Callable[[Rows], str | None]] = {
    "reward_collapse": _reward_collapse,
    "entropy_collapse": _entropy_collapse,
    "length_explosion": _length_explosion,
    "repetition": _repetition,
    "hacked_reward": _hacked_reward,
    "no_signal": _no_signal,
    "mismatch": _mismatch,
}


def _ends(rows: Rows, name: str) -> tuple[float, float] | None:
    """Means of a metric over the first and the last `SPAN` steps that have it."""
    values = _values(rows, name)
    if len(values) < 2 * SPAN:
        return None
    return _mean(values[:SPAN]), _mean(values[-SPAN:])


def _values(rows: Rows, name: str) -> list[float]:
    return [float(row[name]) for row in rows if isinstance(row.get(name), int | float)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
