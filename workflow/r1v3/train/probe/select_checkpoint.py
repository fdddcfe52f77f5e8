"""Selection of a checkpoint (section 5.1) by the policy that the recipe names, without any benchmark."""

from pathlib import Path
from typing import Any, Literal, assert_never

from r1v3.base.json_file import read_json
from r1v3.recipe.schema.recipe import Selection

Probe = dict[str, Any]  # the JSON that `probe_checkpoint` wrote
Policy = Literal["critical_entropy", "reward", "last"]


def select_checkpoint(settings: Selection, *, probes: list[Path]) -> dict[str, Any]:
    """Choose among the probed checkpoints.

    If no checkpoint emitted enough critical tokens, critical entropy cannot choose. Then the last checkpoint
    is taken, and the returned facts say so.

    Args:
        probes: files of `probe_checkpoint`, in any order.

    Returns:
        chosen (a step), policy, why, reward_lost against the checkpoint with the highest reward,
        accuracy_lost (see `hindsight`), and every checkpoint's probe.
    """
    checkpoints = sorted((read_json(Path(p)) for p in probes), key=lambda c: c["step"])
    policy, within = settings.policy, settings.within_reward
    chosen, why = choose_checkpoint(checkpoints, policy, within)
    best = max(checkpoint["reward"] for checkpoint in checkpoints)
    return {
        "chosen": chosen["step"],
        "policy": policy,
        "why": why,
        "reward_lost": best - chosen["reward"],
        "accuracy_lost": hindsight(checkpoints, policy, within),
        "checkpoints": checkpoints,
    }


def hindsight(checkpoints: list[Probe], policy: Policy, within: float | None) -> float:
    """Estimate how much accuracy the policy loses against the most accurate checkpoint, as a share.

    The most accurate checkpoint is chosen on one half of the probe items and scored on the other half; then
    the halves swap. So it gains nothing from luck on the items that chose it. For the same reason a policy
    that uses rewards sees only those of the choosing half. The loss is negative if the policy's checkpoint
    scores higher on the other half.

    Args:
        checkpoints: their probes, ordered by step, with at least two items each.
        policy, within: as in `choose_checkpoint`.
    """
    lost: list[float] = []
    for half in (0, 1):
        seen, other = slice(half, None, 2), slice(1 - half, None, 2)
        known: list[Probe] = [
            c | {"reward": _mean(c["reward_by_prompt"][seen])} for c in checkpoints
        ]
        best = max(known, key=lambda c: (_mean(c["accuracy_by_prompt"][seen]), c["step"]))
        chosen, _ = choose_checkpoint(known, policy, within)
        lost.append(
            _mean(best["accuracy_by_prompt"][other]) - _mean(chosen["accuracy_by_prompt"][other])
        )
    return _mean(lost)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def choose_checkpoint(
    checkpoints: list[Probe], policy: Policy, within: float | None
) -> tuple[Probe, str]:
    """Return the checkpoint that a policy chooses, and the reason in words. The later one wins a tie.

    Args:
        checkpoints: their probes, ordered by step.
        within: how far below the best reward a candidate of critical entropy may be; None for any.
    """
    last = checkpoints[-1]
    if policy == "last":
        return last, "the last checkpoint"
    if policy == "reward":
        best = max(checkpoints, key=lambda c: (c["reward"], c["step"]))
        return best, f"highest reward on the probe set: {best['reward']:.3f}"
    if policy == "critical_entropy":
        floor = -1.0 if within is None else max(c["reward"] for c in checkpoints) - within
        able = [
            c
            for c in checkpoints
            if c["critical_token_entropy"] is not None and c["reward"] >= floor
        ]
        if not able:
            return last, "too few critical tokens in every candidate; the last one taken instead"
        best = max(able, key=lambda c: (c["critical_token_entropy"], c["step"]))
        why = f"highest critical-token entropy: {best['critical_token_entropy']:.3f} nats"
        if within is not None:
            why += f", among those within {within:g} of the best reward"
        return best, why
    assert_never(policy)
