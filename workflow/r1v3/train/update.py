"""The gradient steps of an episode: equation 7 over prompts that are computed once for all samples.

With one update an episode and the trainer's own log-probabilities there is no second forward pass:
the policy that sampled is the policy that learns, and the ratio is 1 by definition.

Shapes: G prompts, M samples, R = G x M responses, N tokens of all responses.
"""

import math
from dataclasses import dataclass

import torch

from r1v3.model.groups import group_norms
from r1v3.model.packed import Group, Pack, hidden_states, pack_groups
from r1v3.train.advantage import group_advantage
from r1v3.train.policy_loss import Surrogate, policy_loss
from r1v3.train.ranks import Ranks
from r1v3.train.rollouts import Episode, Prompt
from r1v3.train.token_stats import token_stats

PROMPTS_A_PASS = 64


@dataclass(frozen=True)
class Updated:
    """What an episode's first pass saw, before any step: entropy of each sampled token in nats, and how
    far the engine's log-probabilities were; and the metrics of its last."""

    entropy_N: torch.Tensor
    metrics: dict


def pack_episode(prompts: list[Prompt], responses: list, samples: int) -> Pack:
    """Prompts with their M responses each, in order, as one pack."""
    return pack_groups(
        [
            Group(
                prompt.encoded.prompt_ids,
                tuple(r.token_ids for r in responses[n * samples : (n + 1) * samples]),
                prompt.encoded.tiles,
            )
            for n, prompt in enumerate(prompts)
        ]
    )


def update_policy(
    model,
    reference,
    optimizer,
    episode: Episode,
    settings: dict,
    ranks: Ranks,
    *,
    rate: float,
    never,
) -> Updated:
    """Take the episode's gradient steps at a learning rate.

    Args:
        reference: the frozen policy of the KL penalty, or None.
        never: token ids that the engine cannot emit.
    """
    samples, responses = settings["samples"], episode.responses
    advantage_R = group_advantage(episode.reward_GM, **settings["advantage"]).flatten()
    length_R = torch.tensor([len(r.token_ids) for r in responses])
    counts_R = torch.ones(len(responses))
    if settings["overlong"] == "mask":
        counts_R = torch.tensor([float(r.finish_reason == "stop") for r in responses])
    surrogate = Surrogate(
        settings["clip_low"],
        settings["clip_high"],
        settings["kl"],
        settings["aggregation"],
        responses=len(responses),
        tokens=int(length_R.sum()),
        longest=max(stage["tokens"] for stage in settings["lengths"]),
    )
    own = ranks.share(list(range(len(episode.prompts))))
    firsts = range(own[0], own[-1] + 1, PROMPTS_A_PASS)
    old: dict[int, torch.Tensor] = {}
    entropies, seen, metrics = [], [], {}
    for update in range(settings["updates_per_episode"]):
        optimizer.zero_grad()
        loss_sum, clipped = 0.0, 0.0
        for first in firsts:
            prompts = episode.prompts[first : min(first + PROMPTS_A_PASS, own[-1] + 1)]
            rows = slice(first * samples, (first + len(prompts)) * samples)
            pack = pack_episode(prompts, responses[rows], samples)
            logp_N, entropy_N = _stats(model, pack, settings, never)
            if update == 0:
                sampled_N = torch.tensor([p for r in responses[rows] for p in r.logprobs])
                from_trainer = settings["old_logprobs"] == "trainer"
                old[first] = logp_N.detach() if from_trainer else sampled_N
                entropies.append(entropy_N)
                advantage_N = advantage_R[rows][pack.response_N]
                seen.append(torch.stack([logp_N.detach(), sampled_N, advantage_N]))
            reference_N = None
            if reference is not None:
                with torch.no_grad():
                    reference_N = _stats(reference, pack, settings, never)[0]
            loss, facts = policy_loss(
                surrogate,
                logp_N=logp_N,
                old_logp_N=old[first],
                advantage_R=advantage_R[rows],
                response_N=pack.response_N,
                length_R=length_R[rows],
                keep_N=counts_R[rows][pack.response_N],
                reference_logp_N=reference_N,
            )
            loss.backward()
            loss_sum += loss.item()
            clipped += facts["clipped"]
        ranks.sum_gradients(model)
        loss_sum, clipped = ranks.sum(loss_sum, clipped)
        norms = group_norms(model)
        torch.nn.utils.clip_grad_norm_(
            [p for p in model.parameters() if p.requires_grad],
            settings["optimizer"]["max_grad_norm"],
        )
        optimizer.step(rate)
        metrics = {"loss": loss_sum, "clip_fraction": clipped / surrogate.tokens}
        metrics |= {f"grad_norm/{group}": norm for group, norm in norms.items()}
    entropy_N = torch.tensor(ranks.gather(torch.cat(entropies).tolist()))
    logp_N, sampled_N, advantage_N = torch.tensor(ranks.gather(torch.cat(seen, 1).T.tolist())).T
    metrics |= logprob_metrics(logp_N, sampled_N, advantage_N)
    return Updated(entropy_N, metrics)


def logprob_metrics(logp_N, sampled_N, advantage_N) -> dict[str, float]:
    """Trainer against engine, and the covariance of log-probability and advantage over tokens (5.5).

    `logprob_gap_*` are in nats; `logprob_gap_share` is the share of tokens whose ratio is beyond 1.05, either
    way. The covariance is what drives entropy down (Cui et al. 2025), in nats.
    """
    gap_N = (logp_N - sampled_N).abs()
    centred_N = (logp_N - logp_N.mean()) * (advantage_N - advantage_N.mean())
    return {
        "logprob_gap_max": float(gap_N.max()),
        "logprob_gap_mean": float(gap_N.mean()),
        "logprob_gap_share": float((gap_N > math.log(1.05)).float().mean()),
        "covariance": float(centred_N.mean()),
    }


def _stats(model, pack: Pack, settings: dict, never) -> tuple[torch.Tensor, torch.Tensor]:
    return token_stats(
        hidden_states(model, pack),
        model.lm_head.weight,
        pack.target_N,
        temperature=settings["temperature"],
        never=never,
    )
