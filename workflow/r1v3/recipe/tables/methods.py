"""Defines methods of other papers, each as one key of a run: `method: gspo` sets its keys of `grpo`.

A method decides how rewards become advantages, how advantages become a loss, and which tokens count. It
changes no learning rate and no number of steps, so runs that differ only in method can be compared. The run's
own `set` is laid over it. Values are those of the papers. If a paper gives several values, a comment says
which one is taken.
"""

from typing import Any

from r1v3.recipe.schema.training import Grpo

Changes = dict[str, Any]

# These runs are compared with `rl_minibatches`, because with one on-policy step per episode most of these
# methods have the same gradient.
FIXED: dict[str, Changes] = {
    # GSPO, arXiv 2507.18071
    "gspo": {
        "surrogate": {"kind": "gspo"},
        "aggregation": "sequence_mean",
        "clip_low": 3e-4,
        "clip_high": 4e-4,
    },
    # CISPO, arXiv 2506.13585, gives no cap; ScaleRL, arXiv 2510.13786, uses caps from 4 to 8
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
    # REINFORCE++, arXiv 2501.03262, without its penalty on the reward, because the report has none
    "reinforce_pp": {"advantage": {"estimator": "global"}, "aggregation": "token_mean"},
    "reinforce_pp_baseline": {
        "advantage": {"estimator": "group_mean_global"},
        "aggregation": "token_mean",
    },
    # Clip-Cov and KL-Cov, arXiv 2505.22617; the share of KL-Cov is that of the 7B model
    "clip_cov": {"covariance": {"kind": "clip", "share": 2e-4, "low": 1.0, "high": 5.0}},
    "kl_cov": {"covariance": {"kind": "kl", "share": 2e-3, "weight": 1.0}},
    # Wang et al., arXiv 2506.01939
    "top_entropy": {"top_entropy": 0.2},
    # Yao et al. 2025, with their cap of 2; masking of whole responses is TRL's default, with its cap of 3
    "tis": {"mismatch": {"level": "token", "mode": "truncate", "cap": 2.0}},
    "mis": {"mismatch": {"level": "sequence", "mode": "mask", "cap": 3.0}},
    # The idea of VPPO, arXiv 2510.09285; the numbers are assumed
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
    """Return the keys that a method sets, with their values.

    Args:
        method: one of `METHODS`.
        settings: the settings that the keys are laid over.
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
    """Return DAPO's keys: less reward over the last fifth of the tokens (section 3.4: 4,096 of 20,480)."""
    shortest = min(stage.tokens for stage in settings.lengths)
    return {"overlong": "punish", "overlong_buffer": max(1, shortest // 5)}
