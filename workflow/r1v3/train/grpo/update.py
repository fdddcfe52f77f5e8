"""The gradient steps of an episode: equation 7 over prompts that are computed once for all samples.

With one update an episode and the trainer's own log-probabilities there is no second forward pass:
the policy that sampled is the policy that learns, and the ratio is 1 by definition. Mini-batches, whatever
their ratio is against, and tokens chosen among the whole episode's, take one pass without gradients before
the first step: what is measured of an episode is measured of the policy that met it.

Shapes: G prompts, M samples, R = G x M responses, N tokens of all responses.
"""

from dataclasses import dataclass

import torch

from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.advantage import group_advantage, overlong_penalty
from r1v3.train.grpo.episode_metrics import logprob_metrics
from r1v3.train.grpo.episode_passes import gathered, plan_episode
from r1v3.train.grpo.policy_loss import Surrogate, policy_loss
from r1v3.train.grpo.rollouts import Episode
from r1v3.train.grpo.token_choice import clip_cov, kl_cov, most_uncertain, token_covariance


@dataclass(frozen=True)
class Updated:
    """What an episode's first pass saw, before any step: entropy of each sampled token in nats, and how
    far the engine's log-probabilities were; and the metrics of its steps.

    `loss` and `grad_norm/` are means over the steps, each weighted by the tokens of its mini-batch;
    `clip_fraction` is the share of the tokens that count which the clip stopped, in all steps.
    """

    entropy_N: torch.Tensor
    metrics: dict


def advantages(episode: Episode, settings: dict, limit: int) -> torch.Tensor:
    """Equation 6 over each group's rewards, less the penalty on length where the recipe has one."""
    reward_GM = episode.reward_GM
    if settings["overlong"] == "punish":
        length_R = torch.tensor([len(r.token_ids) for r in episode.responses])
        penalty_R = overlong_penalty(length_R, limit=limit, buffer=settings["overlong_buffer"])
        reward_GM = reward_GM + penalty_R.view(reward_GM.shape)
    return group_advantage(reward_GM, **settings["advantage"]).flatten()


def update_policy(
    policy,
    reference,
    episode: Episode,
    settings: dict,
    *,
    rate: float,
    limit: int,
    seed: int,
) -> Updated:
    """Take the episode's gradient steps at a learning rate.

    Args:
        policy: the engine of a `PackedStats`.
        reference: the frozen policy's `PackedStats`, where a penalty or the ratio needs it, else None.
        limit: most tokens of a response in this episode.
        seed: of Clip-Cov's draw.
    """
    ranks, responses = policy.ranks, episode.responses
    advantage_R = advantages(episode, settings, limit).to(ranks.device)
    length_R = torch.tensor([len(r.token_ids) for r in responses], device=ranks.device)
    side = policy.model.config.vision_config.image_size[0] if policy.alike else None
    passes, sizes = plan_episode(episode, settings, ranks, side=side)
    if reference is not None:
        for part in passes:
            with torch.no_grad():
                part.reference_N = reference(part.pack)[0]
    if looks_first(settings):
        for part in passes:
            with torch.no_grad():
                part.look(*policy(part.pack))
        _choose_tokens(passes, advantage_R, length_R, settings, ranks, seed)
    total, updates = int(length_R.sum()), settings["updates_per_episode"]
    facts, mean_norms = dict.fromkeys(("loss", "clipped", "kept"), 0.0), {}
    for _ in range(updates):
        for batch, rows in enumerate(sizes):
            surrogate = _surrogate(settings, length_R[rows])
            share = surrogate.tokens / (total * updates)
            policy.zero_grad()
            own = [part for part in passes if part.batch == batch]
            for part in own:
                logp_N, entropy_N = policy(part.pack)
                part.look(logp_N, entropy_N)
                loss, seen = policy_loss(
                    surrogate,
                    logp_N=logp_N,
                    old_logp_N=part.old_N(settings["old_logprobs"]),
                    advantage_R=advantage_R[part.rows],
                    response_N=part.pack.response_N,
                    length_R=length_R[part.rows],
                    keep_N=part.keep_N,
                    reference_logp_N=part.reference_N,
                    held_N=part.held_N,
                )
                policy.backward(loss, last=part is own[-1])
                facts["loss"] += loss.item() * share
                for name, count in seen.items():
                    facts[name] += count
            policy.reduce()
            for group, norm in policy.norms().items():
                mean_norms[group] = mean_norms.get(group, 0.0) + norm * share
            policy.step(rate)
    loss, clipped, kept = ranks.sum(*facts.values())
    metrics = {"loss": loss, "clip_fraction": clipped / max(1.0, kept)}
    metrics |= {f"grad_norm/{group}": norm for group, norm in mean_norms.items()}
    logp_N, entropy_N, sampled_N = gathered(passes, ranks)
    advantage_N = advantage_R.repeat_interleave(length_R).cpu()
    metrics |= logprob_metrics(logp_N, sampled_N, advantage_N)
    return Updated(entropy_N, metrics)


def looks_first(settings: dict) -> bool:
    """Whether something must be known of all tokens before the first step.

    Several updates of one mini-batch need no look: the first computes all tokens before it steps.
    """
    chosen = settings["top_entropy"] is not None or settings["covariance"] is not None
    return chosen or settings["minibatches"] > 1


def _surrogate(settings: dict, length_R: torch.Tensor) -> Surrogate:
    return Surrogate(
        settings["clip_low"],
        settings["clip_high"],
        settings["kl"],
        settings["kl_estimator"],
        settings["aggregation"],
        responses=len(length_R),
        tokens=int(length_R.sum()),
        longest=max(stage["tokens"] for stage in settings["lengths"]),
    )


def _choose_tokens(passes, advantage_R, length_R, settings: dict, ranks: Ranks, seed: int) -> None:
    """Leave out or hold back tokens by what the whole episode's are like."""
    logp_N, entropy_N, _ = gathered(passes, ranks)
    length_R, advantage_R = length_R.cpu(), advantage_R.cpu()
    keep_N, held_N = torch.ones_like(logp_N), None
    if settings["top_entropy"] is not None:
        keep_N *= most_uncertain(entropy_N, settings["top_entropy"])
    if rule := settings["covariance"]:
        covariance_N = token_covariance(logp_N, advantage_R.repeat_interleave(length_R))
        if rule["kind"] == "clip":
            keep_N *= ~clip_cov(covariance_N, rule, seed=seed)
        else:
            held_N = kl_cov(covariance_N, rule)
    for part in passes:
        first = int(length_R[: part.rows.start].sum())
        tokens = slice(first, first + len(part.keep_N))
        part.keep_N = part.keep_N * keep_N[tokens].to(ranks.device)
        part.held_N = None if held_N is None else held_N[tokens].to(ranks.device)
