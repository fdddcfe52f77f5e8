"""Alarms for a run that goes wrong, computed from its metrics alone.

Each alarm compares steps of the same run: the last steps with the first, with the best, or with those just
before. No alarm uses a fixed length, because what is long for one model is short for another. `r1v3 watch`
shows the alarms, MLflow has them as tags, and a run prints those of its last step.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Sequence[dict[str, Any]]

# Means are taken over this many steps; a run of fewer than two such spans has no alarm.
SPAN = 10
# A jump is judged against this many steps before it, and needs at least five.
RECENT = 10
FEWEST = 5
JUMP = 0.15  # a share must rise by at least this much, and by three standard errors
LENGTHS = 2.0  # factor by which the mean length changes against the recent steps, up or down
FALL = 0.3  # fall of the share of well-formed responses
BY_RULE, OF_PAID = "rewarded_by/", ("answers/hedged", "answers/unboxed", "answers/from_question")


@dataclass(frozen=True)
class Alarm:
    """The name of an alarm, and a sentence that says what is wrong."""

    name: str
    step: int
    says: str


def find_alarms(rows: Rows) -> list[Alarm]:
    """Return the alarms at the last of the given steps.

    Args:
        rows: rows of `metrics.jsonl`, in order.
    """
    found = ((name, check(rows)) for name, check in CHECKS.items())
    return [Alarm(name, rows[-1]["step"], says) for name, says in found if says]


def find_jumps(rows: Rows) -> list[str]:
    """Return the alarms that compare the last step with the steps just before it.

    Args:
        rows: the last `RECENT` + 1 rows of `metrics.jsonl`, or more.
    """
    return [says for check in JUMPS.values() if (says := check(rows))]


def _reward_collapse(rows: Rows) -> str | None:
    """Alarm if the mean reward fell below half of the run's best mean over `SPAN` steps."""
    values = _values(rows, "reward")
    if len(values) < 2 * SPAN:
        return None
    best = max(_mean(values[n : n + SPAN]) for n in range(len(values) - SPAN + 1))
    now = _mean(values[-SPAN:])
    if best >= 0.05 and now < best / 2:
        return f"mean reward is {now:.2f} and was {best:.2f}"
    return None


def _entropy_collapse(rows: Rows) -> str | None:
    """Alarm if entropy is below a tenth of its first values: all answers to a question are alike."""
    ends = _ends(rows, "entropy")
    if ends and ends[1] < ends[0] / 10:
        return f"mean entropy is {ends[1]:.3f} nats and was {ends[0]:.3f}"
    return None


def _length_explosion(rows: Rows) -> str | None:
    """Alarm if responses are more than twice as long as at first and at least a quarter is cut off."""
    lengths, cut = _ends(rows, "response_length"), _ends(rows, "truncated")
    if lengths and cut and lengths[1] > 2 * lengths[0] and cut[1] > 0.25:
        return f"responses have {lengths[1]:.0f} tokens and had {lengths[0]:.0f}; {cut[1]:.0%} are cut off"
    return None


def _repetition(rows: Rows) -> str | None:
    """Alarm if responses compress by 15 percentage points more than at first."""
    ends = _ends(rows, "repetition")
    if ends and ends[1] > ends[0] + 0.15:
        return f"responses shrink by {ends[1]:.0%} when compressed, and did by {ends[0]:.0%}"
    return None


def _hacked_reward(rows: Rows) -> str | None:
    """Alarm if the reward rose and accuracy did not: something other than right answers earns reward."""
    reward, accuracy = _ends(rows, "reward"), _ends(rows, "accuracy")
    if reward and accuracy:
        gained, earned = reward[1] - reward[0], accuracy[1] - accuracy[0]
        if gained > 0.1 and earned < gained / 5:
            return f"reward rose by {gained:.2f}, and accuracy by {earned:.2f}"
    return None


def _no_signal(rows: Rows) -> str | None:
    """Alarm if nine groups of ten have zero variance, so that they teach nothing."""
    ends = _ends(rows, "zero_variance_groups")
    if ends and ends[1] > 0.9:
        return f"rewards are equal within {ends[1]:.0%} of the groups"
    return None


def _mismatch(rows: Rows) -> str | None:
    """Alarm if engine and trainer are a tenth of a nat a token apart, and further than at first."""
    ends = _ends(rows, "mismatch/kl")
    if ends and ends[1] > max(0.1, 2 * ends[0]):
        return f"engine and trainer are {ends[1]:.2f} nats a token apart, and were {ends[0]:.2f}"
    return None


def _share_jump(rows: Rows) -> str | None:
    """Alarm if a rule or a trait of paid answers suddenly earns more: the policy may exploit a fault."""
    before, now = _recent(rows)
    count = now.get("answers/count") if before else None
    if not count:
        return None
    paid = count * sum(value for key, value in now.items() if key.startswith(BY_RULE))
    jumps = []
    for key in now:
        if not key.startswith((BY_RULE, *OF_PAID)):
            continue
        of = count if key.startswith(BY_RULE) else max(1, paid)
        usual = _mean([row.get(key, 0.0) for row in before])
        chance = 3 * math.sqrt(max(usual * (1 - usual), 1 / of) / of)
        if now[key] > usual + max(JUMP, chance):
            jumps.append(f"{key} jumped from {usual:.2f} to {now[key]:.2f}")
    return ", ".join(jumps) or None


def _length_jump(rows: Rows) -> str | None:
    """Alarm if responses are suddenly half or twice as long."""
    before, now = _recent(rows)
    usual = _mean(_values(before, "response_length") or [0.0])
    length = now.get("response_length")
    if usual and length is not None and not 1 / LENGTHS < length / usual < LENGTHS:
        return f"responses have {length:.0f} tokens and had {usual:.0f}"
    return None


def _format_fall(rows: Rows) -> str | None:
    """Alarm if fewer responses suddenly have the required format."""
    before, now = _recent(rows)
    usual = _mean(_values(before, "format") or [0.0])
    if now.get("format", usual) < usual - FALL:
        return f"format fell from {usual:.2f} to {now['format']:.2f}"
    return None


JUMPS: dict[str, Callable[[Rows], str | None]] = {
    "share_jump": _share_jump,
    "length_jump": _length_jump,
    "format_fall": _format_fall,
}
CHECKS: dict[str, Callable[[Rows], str | None]] = {
    "reward_collapse": _reward_collapse,
    "entropy_collapse": _entropy_collapse,
    "length_explosion": _length_explosion,
    "repetition": _repetition,
    "hacked_reward": _hacked_reward,
    "no_signal": _no_signal,
    "mismatch": _mismatch,
    **JUMPS,
}


def _recent(rows: Rows) -> tuple[Rows, dict[str, Any]]:
    """Return the numbers of the steps before the last one, and of the last one.

    Both are empty if the steps are too few to judge a jump.
    """
    recent = [
        {name: value for name, value in row.items() if isinstance(value, int | float)}
        for row in rows[-1 - RECENT :]
    ]
    return (recent[:-1], recent[-1]) if len(recent) > FEWEST else ([], {})


def _ends(rows: Rows, name: str) -> tuple[float, float] | None:
    """Return the mean of a metric over the first and over the last `SPAN` steps that have it."""
    values = _values(rows, name)
    if len(values) < 2 * SPAN:
        return None
    return _mean(values[:SPAN]), _mean(values[-SPAN:])


def _values(rows: Rows, name: str) -> list[float]:
    return [float(row[name]) for row in rows if isinstance(row.get(name), int | float)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
