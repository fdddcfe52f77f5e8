"""Reinforcement fine-tuning by GRPO (section 3.3): sample, grade, normalise, one step on-policy.

Where it departs from the textbook: a prompt is computed once for all its samples, and with one update
an episode and the trainer's own log-probabilities there is no second forward pass, because the ratio
of equation 7 is then 1 by definition. Equation 7 writes the reference policy below the ratio's line;
this takes the policy that sampled, as PPO does.
"""

import time
from pathlib import Path

import torch

from r1v3.generate.transformers_engine import TransformersEngine
from r1v3.generate.types import Sampling
from r1v3.model.encode import Encoder
from r1v3.model.groups import check_frozen, group_hashes, group_norms, train_only
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.model.packed import Group, hidden_states, pack_groups, use_packed_attention
from r1v3.progress import Progress
from r1v3.reward import Grader
from r1v3.train.advantage import group_advantage, silent_groups
from r1v3.train.critical import CriticalTokens
from r1v3.train.metrics import MetricsLog
from r1v3.train.optimizer import build_optimizer, learning_rate
from r1v3.train.policy_loss import Surrogate, policy_loss
from r1v3.train.resume import clear_states, load_state, save_state
from r1v3.train.rollouts import Episode, load_prompts, run_episode
from r1v3.train.sft import batch_of_step
from r1v3.train.token_stats import token_stats

SAVE_SECONDS = 20.0
GROUPS_A_PASS = 64


def train_grpo(document: dict, *, start: Path, data: Path, folder: Path) -> dict:
    """Reinforce the checkpoint `start` on the prompts of `data`; resumes where a killed run stopped.

    Returns:
        The facts of the manifest: steps, kept checkpoints, last, hashes of the module groups.

    Raises:
        RuntimeError: a frozen group moved or a trained one did not, or too much stayed unjudged.
    """
    settings, folder = document["settings"], Path(folder)
    model, processor = load_model(start, dtype=settings["dtype"]), load_processor(start)
    encoder = Encoder(processor, document["images"])
    mode = document["generation"]["mode"]
    prompts = load_prompts(data, encoder, document["template"], mode)
    reference = _reference(start, settings)
    use_packed_attention(model)
    train_only(model, settings["train"])
    before = group_hashes(model)
    optimizer = build_optimizer(model, settings["optimizer"])
    engine = TransformersEngine(model, encoder)
    critical = CriticalTokens(processor.tokenizer, document["entropy"]["critical_words"])
    done, kept = 0, []
    restored = load_state(folder / "resume")
    if restored:
        done, state = restored
        before, kept = state["before"], state["kept"]
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    log = MetricsLog(folder / "metrics.jsonl", keep_through=done)
    total = settings["steps"]
    progress = Progress(total, f"{document.get('name', 'grpo')}: step")
    progress.resume(done)
    saved = time.monotonic()
    with Grader() as grader:
        for step in range(done, total):
            began = time.monotonic()
            chosen = batch_of_step(prompts, step, settings["prompts_per_step"], document["seed"])
            sampling = Sampling(
                settings["temperature"],
                settings["top_p"],
                response_limit(settings["lengths"], step),
                settings["samples"],
            )
            episode = run_episode(
                engine,
                chosen,
                sampling,
                grader,
                settings["reward"],
                mode=mode,
                seed=f"{document['seed']}/{step}",
            )
            sampled = time.monotonic()
            rate = learning_rate(step, total, settings["optimizer"])
            values = _update(
                model, reference, optimizer, rate, episode, settings, document["entropy"], critical
            )
            log.write(
                step + 1,
                **_episode_metrics(episode),
                **values,
                learning_rate=rate,
                seconds=time.monotonic() - began,
                seconds_sampling=sampled - began,
            )
            progress.advance(reward=float(episode.reward_GM.mean()), length=_mean_length(episode))
            if (step + 1) % settings["checkpoint_every"] == 0 or step + 1 == total:
                path = folder / "checkpoints" / f"step-{step + 1:06d}"
                path.parent.mkdir(parents=True, exist_ok=True)
                save_checkpoint(model, processor, path)
                kept.append({"step": step + 1, "path": str(path.relative_to(folder))})
            if time.monotonic() - saved > SAVE_SECONDS and step + 1 < total:
                state = {"before": before, "kept": kept, "model": model.state_dict()}
                save_state(
                    folder / "resume", step + 1, state | {"optimizer": optimizer.state_dict()}
                )
                saved = time.monotonic()
    after = group_hashes(model)
    check_frozen(before, after, settings["train"])
    clear_states(folder / "resume")
    return {
        "steps": total,
        "checkpoints": kept,
        "last": kept[-1]["path"],
        "best": None,
        "groups": {"before": before, "after": after, "trained": list(settings["train"])},
    }


def response_limit(lengths: list[dict], step: int) -> int:
    """Most tokens of a response at a step: the report raises 4,096 to 8,192 (section 3.3)."""
    return max((stage for stage in lengths if stage["step"] <= step), key=lambda s: s["step"])[
        "tokens"
    ]


def _reference(start: Path, settings: dict):
    if not settings["kl"]:
        return None
    reference = load_model(start, dtype=settings["dtype"]).requires_grad_(False)
    use_packed_attention(reference)
    return reference


def _update(model, reference, optimizer, rate, episode: Episode, settings, entropy, critical) -> dict:
    """All gradient steps of an episode; returns their metrics."""
    advantage_GM = group_advantage(episode.reward_GM, **settings["advantage"])
    samples = settings["samples"]
    responses = episode.responses
    lengths = torch.tensor([len(r.token_ids) for r in responses])
    counts = torch.ones(len(responses))
    if settings["overlong"] == "mask":
        counts = torch.tensor([float(r.finish_reason == "stop") for r in responses])
    surrogate = Surrogate(
        settings["clip_low"],
        settings["clip_high"],
        settings["kl"],
        settings["aggregation"],
        responses=len(responses),
        tokens=int(lengths.sum()),
        longest=max(stage["tokens"] for stage in settings["lengths"]),
    )
    parts = [
        range(first, min(first + GROUPS_A_PASS, len(episode.prompts)))
        for first in range(0, len(episode.prompts), GROUPS_A_PASS)
    ]
    old: dict[int, torch.Tensor] = {}
    first_entropies: list[torch.Tensor] = []
    metrics: dict = {}
    for update in range(settings["updates_per_episode"]):
        optimizer.zero_grad()
        loss_sum, clipped, gap = 0.0, 0.0, 0.0
        for number, part in enumerate(parts):
            rows = slice(part.start * samples, part.stop * samples)
            pack = pack_groups(
                [
                    Group(
                        episode.prompts[g].encoded.prompt_ids,
                        tuple(r.token_ids for r in responses[g * samples : (g + 1) * samples]),
                        episode.prompts[g].encoded.tiles,
                    )
                    for g in part
                ]
            )
            logp_N, entropy_N = token_stats(
                hidden_states(model, pack),
                model.lm_head.weight,
                pack.target_N,
                temperature=settings["temperature"],
            )
            sampled_N = torch.tensor([value for r in responses[rows] for value in r.logprobs])
            if update == 0:
                old[number] = sampled_N if settings["old_logprobs"] == "engine" else logp_N.detach()
                first_entropies.append(entropy_N)
                gap = max(gap, float((logp_N.detach() - sampled_N).abs().max()))
            loss, facts = policy_loss(
                surrogate,
                logp_N=logp_N,
                old_logp_N=old[number],
                advantage_R=advantage_GM.flatten()[rows],
                response_N=pack.response_N,
                length_R=lengths[rows],
                keep_N=counts[rows][pack.response_N],
                reference_logp_N=_reference_logp(reference, pack, settings),
            )
            loss.backward()
            loss_sum += loss.item()
            clipped += facts["clipped"]
        norms = group_norms(model)
        torch.nn.utils.clip_grad_norm_(
            [p for p in model.parameters() if p.requires_grad],
            settings["optimizer"]["max_grad_norm"],
        )
        optimizer.step(rate)
        metrics["loss"] = loss_sum
        metrics["clip_fraction"] = clipped / surrogate.tokens
        metrics |= {f"grad_norm/{group}": norm for group, norm in norms.items()}
        if update == 0:
            metrics["logprob_gap_max"] = gap
    entropy_N = torch.cat(first_entropies)
    metrics["silent_groups"] = silent_groups(episode.reward_GM)
    return metrics | entropy_metrics(entropy_N, responses, critical, entropy["threshold"])


@torch.no_grad()
def _reference_logp(reference, pack, settings):
    if reference is None:
        return None
    hidden = hidden_states(reference, pack)
    weight = reference.lm_head.weight
    return token_stats(hidden, weight, pack.target_N, temperature=settings["temperature"])[0]


def entropy_metrics(entropy_N, responses, critical: CriticalTokens, threshold: float) -> dict:
    """Entropy of the sampled tokens (section 6.5) and at critical ones (section 5.1), in nats."""
    at_critical, first = [], 0
    for response in responses:
        at_critical += [first + n for n in critical.words(response.token_ids)]
        first += len(response.token_ids)
    metrics = {
        "entropy": float(entropy_N.mean()),
        "high_entropy_share": float((entropy_N > threshold).float().mean()),
        "critical_tokens": len(at_critical),
    }
    if at_critical:
        metrics["critical_token_entropy"] = float(entropy_N[at_critical].mean())
    return metrics


def _mean_length(episode: Episode) -> float:
    return sum(len(r.token_ids) for r in episode.responses) / len(episode.responses)


def _episode_metrics(episode: Episode) -> dict:
    truncated = sum(r.finish_reason == "length" for r in episode.responses)
    return {
        "reward": float(episode.reward_GM.mean()),
        "accuracy": float(episode.accuracy_GM.mean()),
        "format": float(episode.format_GM.mean()),
        "response_length": _mean_length(episode),
        "truncated": truncated / len(episode.responses),
    }
