"""Methods of other papers, each one key of a run: `method: gspo` sets the keys of `grpo` that make it up.

A method decides how rewards become advantages, how they become a loss, and which tokens count. It changes
neither rates nor numbers of steps, so runs that differ in method alone are compared. The run's own `set` lies
over it. Values are those of the papers; where a paper names several, the comment says which.
"""

from typing import Any

from r1v3.recipe.schema.training import Grpo

Changes = dict[str, Any]

# Runs are compared with `rl_minibatches`: in a single step on-policy most of these are the same gradient.
FIXED: dict[str, Changes] = {
    # GSPO, arXiv 2507.18071
    "gspo": {
        "surrogate": {"kind": "gspo"},
        "aggregation": "sequence_mean",
        "clip_low": 3e-4,
        "clip_high": 4e-4,
    },
    # CISPO, arXiv 2506.13585, which names no cap; that of ScaleRL, arXiv 2510.13786, from 4 to 8
    "cispo": {"surrogate": {"kind": "cispo", "cap": 5.0}, "aggregation": "token_mean"},
    # SAPO, arXiv 2511.20347
    "sapo": {
        "surrogate": {"kind": "sapo", "temperature_positive": 1.0, "temperature_negative": 1.05},
        "aggregation": "sequence_mean",
    },
    # Dr. GRPO, arXiv 2503.20783
    "dr_grpo": {"advantage": {"estimator": "group_mean"}, "aggregation": "constant"},
    # RLOO, arXiv 2402.14740
    "rloo": {
        "advantage": {"estimator": "leave_one_out"},
        "surrogate": {"kind": "whole_ratio"},
        "aggregation": "sequence_mean",
    },
    # REINFORCE++, arXiv 2501.03262; its penalty on the reward is left out, as the report has none
    "reinforce_pp": {"advantage": {"estimator": "global"}, "aggregation": "token_mean"},
    "reinforce_pp_baseline": {
        "advantage": {"estimator": "group_mean_global"},
        "aggregation": "token_mean",
    },
    # Clip-Cov and KL-Cov, arXiv 2505.22617; KL-Cov's share is that of the 7B model
    "clip_cov": {"covariance": {"kind": "clip", "share": 2e-4, "low": 1.0, "high": 5.0}},
    "kl_cov": {"covariance": {"kind": "kl", "share": 2e-3, "weight": 1.0}},
    # Wang et al., arXiv 2506.01939
    "top_entropy": {"top_entropy": 0.2},
    # Yao et al. 2025, whose cap is 2; and masking of whole responses, TRL's default with its cap of 3
    "tis": {"mismatch": {"level": "token", "mode": "truncate", "cap": 2.0}},
    "mis": {"mismatch": {"level": "sequence", "mode": "mask", "cap": 3.0}},
    # After VPPO, arXiv 2510.09285, whose idea it is; the numbers are assumed
    "vppo": {
        "perception": {
            "every": 1,
            "dependent": 0.693,
            "weigh": {"share": 0.4, "low": 0.9, "high": 1.1},
        }
    },
    # DAPO's parts, arXiv 2503.14476, sections 3.1 to 3.3
    "clip_higher": {"clip_high": 0.28},
    "dynamic_sampling": {"dynamic_sampling": {"max_rounds": 10}},
    "token_mean": {"aggregation": "token_mean"},
}
METHODS = (*FIXED, "overlong_punish", "dapo")


def changes_of(method: str, settings: Grpo) -> Changes:
    """The keys that a method sets.

    Args:
        method: one of `METHODS`.
        settings: what they are laid over.
    """
    if method == "overlong_punish":
        return _overlong_punish(settings)
    if method == "dapo":
        parts = (FIXED[part] for part in ("clip_higher", "dynamic_sampling", "token_mean"))
        return {key: value for part in parts for key, value in part.items()} | _overlong_punish(
            settings
        )
    return FIXED[method]


def _overlong_punish(settings: Grpo) -> Changes:
    """DAPO pays less over the last fifth of the tokens (section 3.4: 4,096 of 20,480)."""
    shortest = min(stage.tokens for stage in settings.lengths)
    return {"overlong": "punish", "overlong_buffer": max(1, shortest // 5)}
