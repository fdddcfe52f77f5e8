"""The gradient steps of an episode (equation 7). A pass computes each prompt once for all its samples.

One forward pass is enough if the episode has one update and the old log-probabilities are the trainer's own.
The policy that sampled is then the policy that learns, and the ratio is 1 by definition. A pass without
gradients runs before the first step in two cases: with mini-batches, and if tokens are chosen by a
comparison over the whole episode. Its metrics describe the policy that sampled.

Shapes: R responses, N tokens of all responses.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from r1v3.model.families import family_of
from r1v3.model.packed import Pack
from r1v3.model.pictures import Pictures, mean_colour
from r1v3.recipe.schema.training import ClipCov, Grpo, Mismatch
from r1v3.train.core.engine import TrainingEngine
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.loss.advantage import advantages, overlong_penalty
from r1v3.train.grpo.loss.mismatch import (
    MismatchError,
    Worst,
    mismatch_kl,
    mismatch_weights,
    token_at,
    worst_token,
)
from r1v3.train.grpo.loss.policy_loss import Surrogate, policy_loss
from r1v3.train.grpo.loss.token_choice import (
    clip_cov,
    kl_cov,
    token_covariance,
    top_share,
    visual_factor,
)
from r1v3.train.grpo.passes.episode_passes import Pass, TokenStats, gather_stats, plan_updates
from r1v3.train.grpo.records.episode_metrics import logprob_metrics, mismatch_metrics
from r1v3.train.grpo.sampling.rollouts import Episode

Reference = Callable[[Pack], tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Updated:
    """The measurements of an episode's gradient steps.

    Attributes:
        entropy_N: entropy at each sampled token before any step, nats.
        metrics: `loss` and `grad_norm/` are means over the steps, weighted by the tokens of each mini-batch.
            `clip_fraction` is the share of the counted tokens on which the clip acted, over all steps.
            `logprob_gap_` and `mismatch/` compare trainer and engine before any step (`logprob_metrics`,
            `mismatch_metrics`).
        worst: the token on which trainer and engine differ the most.
        visual_N: visual dependency of each token before any step, nats; None if it was not measured.
    """

    entropy_N: torch.Tensor
    worst: Worst
    visual_N: torch.Tensor | None
    metrics: dict[str, float]


def score_advantages(episode: Episode, settings: Grpo, limit: int) -> torch.Tensor:
    """Compute advantages with the recipe's estimator (equation 6), after adding the penalty on length.

    Args:
        limit: most tokens that a response of this episode may have.

    Returns:
        The advantage of each response, of shape (R,).
    """
    reward_GM = episode.reward_GM
    if settings.overlong == "punish":
        assert settings.overlong_buffer is not None, "the schema asks for a buffer with punish"
        length_R = torch.tensor(episode.lengths)
        penalty_R = overlong_penalty(length_R, limit=limit, buffer=settings.overlong_buffer)
        reward_GM = reward_GM + penalty_R.view(reward_GM.shape)
    return advantages(reward_GM, settings.advantage).flatten()


def update_policy(
    policy: TrainingEngine,
    reference: Reference | None,
    episode: Episode,
    advantage_R: torch.Tensor,
    settings: Grpo,
    *,
    rate: float,
    seed: int,
    step: int = 0,
) -> Updated:
    """Take the episode's gradient steps.

    Args:
        policy: the engine that learns; it computes a `PackedStats`.
        reference: the frozen policy's `PackedStats`, if the KL penalty or the ratio needs it.
        advantage_R: advantage of each response.
        rate: learning rate.
        seed: seed of Clip-Cov's random choice.
        step: step of the run, from 0; it decides whether visual dependency is measured.

    Raises:
        FloatingPointError: the loss or a group's gradient is not finite. That step is not taken.
        MismatchError: trainer and engine are further apart than `mismatch.stop`. No step is taken.
    """
    ranks = policy.ranks
    advantage_R = advantage_R.to(ranks.device)
    length_R = torch.tensor(episode.lengths, device=ranks.device)
    plan = plan_updates(episode, settings, ranks, blank=blank_picture(policy))
    if measures_perception(settings, step):
        _compute_with_blank_pictures(policy, plan.passes)
    advantage_R = _compute_before_steps(
        policy, reference, plan.passes, settings, advantage_R, length_R, seed
    )
    total, updates = int(length_R.sum()), settings.updates_per_episode
    counts = {name: 0.0 for name in ("loss", "clipped", "kept")}
    norms: dict[str, float] = {}
    stats: TokenStats | None = None
    for _ in range(updates):
        for batch, rows in enumerate(plan.minibatches):
            surrogate = _surrogate(settings, length_R[rows])
            share = surrogate.tokens / (total * updates)
            policy.zero_grad()
            own = [part for part in plan.passes if part.batch == batch]
            batch_loss = 0.0
            for part in own:
                loss, seen = _backward(
                    policy, surrogate, part, settings, advantage_R, length_R, last=part is own[-1]
                )
                batch_loss += loss
                counts["loss"] += loss * share
                for name, count in seen.items():
                    counts[name] += count
            policy.reduce()
            norms_of_step = policy.norms()
            _check_finite(ranks.sum(batch_loss)[0], norms_of_step)
            if (
                stats is None
            ):  # no step was taken yet, and every pass has had its first forward pass
                stats = gather_stats(plan.passes, ranks)
                check_mismatch(settings.mismatch, stats, episode)
            for group, norm in norms_of_step.items():
                norms[group] = norms.get(group, 0.0) + norm * share
            policy.step(rate)
    loss, clipped, kept = ranks.sum(*counts.values())
    metrics = {"loss": loss, "clip_fraction": clipped / max(1.0, kept)}
    metrics |= {f"grad_norm/{group}": norm for group, norm in norms.items()}
    assert stats is not None, "an episode has a mini-batch"
    advantage_N = advantage_R.repeat_interleave(length_R).cpu()
    metrics |= logprob_metrics(stats.logp_N, stats.sampled_N, advantage_N)
    metrics |= mismatch_metrics(settings.mismatch, stats.logp_N, stats.sampled_N, length_R.cpu())
    worst = worst_token(stats.logp_N, stats.sampled_N)
    return Updated(stats.entropy_N, worst, stats.visual_N, metrics)


def check_mismatch(rule: Mismatch | None, stats: TokenStats, episode: Episode) -> None:
    """Stop if engine and trainer are too far apart. All ranks see the same numbers, so all stop.

    Raises:
        MismatchError: the message gives the distance, the worst token and the usual causes.
    """
    if rule is None or rule.stop is None:
        return
    apart = mismatch_kl(stats.logp_N, stats.sampled_N)
    if apart <= rule.stop:
        return
    worst = worst_token(stats.logp_N, stats.sampled_N)
    response, place = token_at(episode.responses, worst.place)
    raise MismatchError(
        f"engine and trainer are {apart:.3g} nats a token apart (KL), more than grpo.mismatch.stop "
        f"({rule.stop:g}); the most at token {place} (id {response.token_ids[place]}) of sample "
        f"{response.sample} of {response.key}: log-probability {worst.logp:.2f} by the trainer, "
        f"{worst.sampled:.2f} by the engine. Usual causes: the engine has older weights, another number "
        "format, another temperature or nucleus, or other kernels (determinism: exact)"
    )


def _backward(
    policy: TrainingEngine,
    surrogate: Surrogate,
    part: Pass,
    settings: Grpo,
    advantage_R: torch.Tensor,
    length_R: torch.Tensor,
    *,
    last: bool,
) -> tuple[float, dict[str, float]]:
    """Add the gradients of a pass, and free its memory on the device.

    Returns:
        The pass's part of the loss, and the counts of `policy_loss`.
    """
    logp_N, entropy_N = policy(part.build())
    part.note_first(logp_N, entropy_N)
    loss, seen = policy_loss(
        surrogate,
        logp_N=logp_N,
        old_logp_N=part.old_logp_N(settings.old_logprobs),
        advantage_R=advantage_R[part.rows],
        response_N=part.response_N,
        length_R=length_R[part.rows],
        keep_N=part.keep_N,
        reference_logp_N=part.reference_N,
        kl_weight_N=part.kl_weight_N,
        mismatch_N=_mismatch_weights(part, settings),
    )
    policy.backward(loss, last=last)
    return loss.item(), seen


def _mismatch_weights(part: Pass, settings: Grpo) -> torch.Tensor | None:
    """Compute the weights that correct a pass's tokens for the engine; None without such a rule."""
    if settings.mismatch is None:
        return None
    assert part.logp_N is not None, "no forward pass yet"
    responses = part.rows.stop - part.rows.start
    return mismatch_weights(
        settings.mismatch, part.logp_N, part.sampled_N, part.response_N, responses
    )


def _check_finite(loss: float, norms: dict[str, float]) -> None:
    """Stop before a step whose loss or gradient is not finite. All ranks see the same numbers, so all stop.

    Raises:
        FloatingPointError: the message names what is not finite.
    """
    values = {"loss": loss} | {f"grad_norm/{group}": norm for group, norm in norms.items()}
    bad = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise FloatingPointError(", ".join(bad))


def blank_picture(policy: TrainingEngine) -> Pictures | None:
    """Return a blank picture if the engine needs a picture in every pass, else None."""
    config = policy.model.config
    return family_of(config).blank(config) if policy.alike else None


def needs_first_pass(settings: Grpo) -> bool:
    """Return whether the policy must compute all tokens before the first step.

    Several updates on one single mini-batch need no such pass, because the first update computes all tokens
    before it steps.
    """
    chosen = settings.top_entropy is not None or settings.covariance is not None
    chosen = chosen or (settings.perception is not None and settings.perception.weigh is not None)
    return chosen or settings.minibatches > 1


def measures_perception(settings: Grpo, step: int) -> bool:
    """Return whether this step measures the visual dependency of its tokens."""
    rule = settings.perception
    return rule is not None and (rule.weigh is not None or step % rule.every == 0)


@torch.no_grad()
def _compute_with_blank_pictures(policy: TrainingEngine, passes: list[Pass]) -> None:
    """Store in each pass the policy's log-probabilities when every picture is blank (the mean colour)."""
    for part in passes:
        pack = part.build()
        part.blank_N = policy(replace(pack, tiles=mean_colour(pack.tiles)))[0]


@torch.no_grad()
def _compute_before_steps(
    policy: TrainingEngine,
    reference: Reference | None,
    passes: list[Pass],
    settings: Grpo,
    advantage_R: torch.Tensor,
    length_R: torch.Tensor,
    seed: int,
) -> torch.Tensor:
    """Store in each pass the reference's log-probabilities and, if needed, the policy's before any step.

    Returns:
        The advantages that the steps use, of shape (R,).
    """
    if reference is not None:
        for part in passes:
            part.reference_N = reference(part.build())[0]
    if needs_first_pass(settings):
        for part in passes:
            part.note_first(*policy(part.build()))
        return _choose_tokens(passes, advantage_R, length_R, settings, policy.ranks, seed)
    return advantage_R


def _surrogate(settings: Grpo, length_R: torch.Tensor) -> Surrogate:
    return Surrogate(
        settings.clip_low,
        settings.clip_high,
        settings.kl,
        settings.kl_estimator,
        settings.aggregation,
        responses=len(length_R),
        tokens=int(length_R.sum()),
        longest=max(stage.tokens for stage in settings.lengths),
        rule=settings.surrogate,
    )


def _choose_tokens(
    passes: list[Pass],
    advantage_R: torch.Tensor,
    length_R: torch.Tensor,
    settings: Grpo,
    ranks: Ranks,
    seed: int,
) -> torch.Tensor:
    """Exclude tokens, or give them a KL penalty, by comparing all tokens of the episode.

    Returns:
        The advantages, weighted by visual dependency if the recipe says so, of shape (R,).
    """
    stats = gather_stats(passes, ranks)
    length_R, advantage_R = length_R.cpu(), advantage_R.cpu()
    keep_N, kl_weight_N = torch.ones_like(stats.logp_N), None
    if settings.top_entropy is not None:
        keep_N *= top_share(stats.entropy_N, settings.top_entropy)
    if settings.perception and (weigh := settings.perception.weigh):
        assert stats.visual_N is not None, "a pass with blank pictures was made"
        keep_N *= top_share(stats.visual_N, weigh.share)
        advantage_R = advantage_R * visual_factor(stats.visual_N, length_R, weigh)
    if rule := settings.covariance:
        covariance_N = token_covariance(stats.logp_N, advantage_R.repeat_interleave(length_R))
        if isinstance(rule, ClipCov):
            keep_N *= ~clip_cov(covariance_N, rule, seed=seed)
        else:
            kl_weight_N = kl_cov(covariance_N, rule)
    for part in passes:
        first = int(length_R[: part.rows.start].sum())
        tokens = slice(first, first + len(part.keep_N))
        part.keep_N = part.keep_N * keep_N[tokens].to(ranks.device)
        part.kl_weight_N = None if kl_weight_N is None else kl_weight_N[tokens].to(ranks.device)
    return advantage_R.to(ranks.device)
