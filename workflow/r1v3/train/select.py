"""Checkpoint selection (section 5.1), by the policy that the recipe names; no benchmark takes part."""

import json
from pathlib import Path


def select_checkpoint(document: dict, *, probes: list[Path], folder: Path) -> dict:
    """Choose among the probed checkpoints.

    Where no checkpoint emitted enough critical tokens, critical entropy cannot choose: the last
    checkpoint is taken, and the facts say so.

    Returns:
        chosen (step), policy, why, and every checkpoint's probe.
    """
    checkpoints = sorted((json.loads(Path(p).read_text()) for p in probes), key=lambda c: c["step"])
    policy = document["selection"]["policy"]
    chosen, why = choose(checkpoints, policy)
    return {"chosen": chosen["step"], "policy": policy, "why": why, "checkpoints": checkpoints}


def choose(checkpoints: list[dict], policy: str) -> tuple[dict, str]:
    """The checkpoint a policy takes, and the reason in words; ties go to the later one.

    Raises:
        ValueError: the policy is unknown.
    """
    last = checkpoints[-1]
    if policy == "last":
        return last, "the last checkpoint"
    if policy == "reward":
        best = max(checkpoints, key=lambda c: (c["reward"], c["step"]))
        return best, f"highest reward on the probe set: {best['reward']:.3f}"
    if policy == "critical_entropy":
        able = [c for c in checkpoints if c["critical_token_entropy"] is not None]
        if not able:
            return last, "too few critical tokens in every checkpoint; the last one taken instead"
        best = max(able, key=lambda c: (c["critical_token_entropy"], c["step"]))
        return best, f"highest critical-token entropy: {best['critical_token_entropy']:.3f} nats"
    raise ValueError(f"policy must be critical_entropy, reward or last, not {policy!r}")
