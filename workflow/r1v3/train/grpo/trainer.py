"""Reinforcement fine-tuning by GRPO (section 3.3): sample, grade, normalise, one step on-policy.

Equation 7 writes the reference policy below the ratio's line; the recipes take the policy that sampled, as
PPO does (equation 5 calls it both). `old_logprobs: reference` is the equation as it stands.
"""

import time
from functools import partial
from pathlib import Path

from r1v3.base.progress import Progress
from r1v3.base.seeding import stable_seed
from r1v3.generate.types import Sampling
from r1v3.model.encode import Encoder
from r1v3.model.groups import check_frozen, group_hashes, zero_modules
from r1v3.model.load import load_model, load_processor
from r1v3.model.packed import use_packed_attention
from r1v3.recipe.schema.recipe import Images, Template
from r1v3.recipe.schema.training import Verifier
from r1v3.reward.configured import open_grader
from r1v3.train.core.engine import open_engine, open_frozen, prepare_model
from r1v3.train.core.metrics import MetricsLog
from r1v3.train.core.optimizer import learning_rate
from r1v3.train.core.preemption import Preempted, Preemption
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.token_stats import PackedStats
from r1v3.train.core.weight_watch import WeightWatch
from r1v3.train.entropy.readings import Readings
from r1v3.train.grpo import saved_episodes as held_episodes
from r1v3.train.grpo.collect import collect
from r1v3.train.grpo.episode_metrics import entropy_metrics, reward_metrics
from r1v3.train.grpo.episode_speed import EpisodeSpeed
from r1v3.train.grpo.prompt_order import PromptOrder
from r1v3.train.grpo.rollout_log import write_rollouts
from r1v3.train.grpo.rollouts import Clock, load_prompts, run_episode
from r1v3.train.grpo.sampler import open_sampler
from r1v3.train.grpo.saved_samples import HeldSamples
from r1v3.train.grpo.update import update_policy


def train_grpo(document: dict, *, start: Path, data: Path, folder: Path) -> dict:
    """Reinforce the checkpoint `start` on the prompts of `data`; resumes where a killed run stopped.

    Returns:
        The facts of the manifest: steps, kept checkpoints, last, hashes of the module groups.

    Raises:
        RuntimeError: a frozen group moved or a trained one did not, or too much stayed unjudged.
        SystemExit: with a code that asks for more, when SIGTERM came; the state is saved.
    """
    settings, folder, ranks = document["settings"], Path(folder), Ranks.join()
    model, processor = load_model(start, dtype=settings["dtype"]), load_processor(start)
    encoder = Encoder(processor, Images.model_validate(document["images"]))
    mode, seed = document["generation"]["mode"], document["seed"]
    template = Template.model_validate(document["template"])
    prompts = load_prompts(data, encoder, template, mode, settings["instruction"])
    by_id = {prompt.record.id: prompt for prompt in prompts}
    reference = _reference(start, settings, ranks, encoder.never)
    prepare_model(model, settings)
    zero_modules(model, document.get("without", []))
    before, speed = group_hashes(model), EpisodeSpeed(model, settings, ranks)
    stats = PackedStats(model, temperature=settings["temperature"], never=encoder.never)
    policy = open_engine(model, stats, settings, ranks)
    sampler = open_sampler(document, start, settings, model, encoder, ranks)
    readings, watch = Readings(processor.tokenizer, document["entropy"], seed), WeightWatch(policy)
    done, kept, order = 0, [], PromptOrder(prompts, seed)
    if state := policy.load_state(folder / "resume"):
        done, before, kept, order.drawn = (state[k] for k in ("done", "before", "kept", "drawn"))
        watch.skip()
    if state or document.get("without"):  # an engine beside the trainer opened the start
        sampler.offload()
        sampler.sync_weights(policy)
    total = settings["steps"]
    ranks.wait()  # until every rank has read the state that the first will replace
    if ranks.first:
        log = MetricsLog(folder / "metrics.jsonl", keep_through=done)
        progress = Progress(total, f"{document.get('name', 'grpo')}: step")
        progress.resume(done)
    saved = time.monotonic()
    named = settings["reward"]["verifier"]
    verifier = Verifier.model_validate(named) if named else None
    with open_grader(verifier, folder / "judge") as grader, Preemption() as preemption:
        for step in range(done, total):
            began, clock = time.monotonic(), Clock()
            limit = response_limit(settings["lengths"], step)
            sampling = Sampling(
                settings["temperature"], settings["top_p"], limit, settings["samples"]
            )
            collected = held_episodes.take_back(folder / "resume", step + 1, by_id)
            ranks.wait()
            if collected is None:
                run = partial(
                    run_episode,
                    sampler.engine,
                    sampling=sampling,
                    grader=grader,
                    reward=settings["reward"],
                    mode=mode,
                    clock=clock,
                    held=HeldSamples(folder / "resume", step + 1, ranks.rank),
                )
                collected = collect(run, order, settings, sampler, seed=f"{seed}/{step}")
                if ranks.first:
                    held_episodes.hold(folder / "resume", step + 1, collected)
            order.drawn, episode = collected.drawn, collected.episode
            sampled = time.monotonic()
            sampler.offload()
            rate = learning_rate(step, total, settings["optimizer"])
            updated = update_policy(
                policy,
                reference,
                episode,
                settings,
                rate=rate,
                limit=limit,
                seed=stable_seed(seed, step, "tokens"),
            )
            updated_at = time.monotonic()
            if step + 1 < total:
                sampler.sync_weights(policy)
            clock.add(
                sampling=sampled - began,
                update=updated_at - sampled,
                weights=time.monotonic() - updated_at,
            )
            moved = watch.look()
            if (step + 1) % settings["checkpoint_every"] == 0 or step + 1 == total:
                path = folder / "checkpoints" / f"step-{step + 1:06d}"
                path.parent.mkdir(parents=True, exist_ok=True)
                policy.save(processor, path)
                kept.append({"step": step + 1, "path": str(path.relative_to(folder))})
            due = ranks.first and time.monotonic() - saved > settings["resume"]["seconds"]
            came, due = ranks.sum(preemption.came, due)
            if ranks.first:
                write_rollouts(
                    folder / "rollouts",
                    step + 1,
                    episode,
                    updated.entropy_N,
                    readings.critical,
                    share=settings["keep_rollouts"],
                    seed=seed,
                    unused=collected.unused,
                )
                values = moved | reward_metrics(episode) | updated.metrics
                values |= collected.counts | entropy_metrics(
                    updated.entropy_N, episode.responses, readings, settings["samples"]
                )
                seconds = time.monotonic() - began
                values |= speed.of_step(episode, seconds, clock)
                log.write(step + 1, **values, learning_rate=rate, seconds=seconds)
                progress.advance(reward=values["reward"], length=values["response_length"])
            if (came or due) and step + 1 < total:
                progress_made = {"done": step + 1, "before": before, "kept": kept}
                progress_made["drawn"] = order.drawn
                policy.save_state(
                    folder / "resume", step + 1, progress_made, keep=settings["resume"]["keep"]
                )
                if ranks.first:
                    held_episodes.forget(folder / "resume", through=step + 1)
                saved = time.monotonic()
                if came:
                    raise Preempted(step + 1)
    after = policy.hashes()
    check_frozen(before, after, settings["train"])
    return {
        "steps": total,
        "checkpoints": kept,
        "last": kept[-1]["path"] if kept else None,
        "best": None,
        "groups": {"before": before, "after": after, "trained": list(settings["train"])},
    }


def response_limit(lengths: list[dict], step: int) -> int:
    """Most tokens of a response at a step: the report raises 4,096 to 8,192 (section 3.3)."""
    return max((stage for stage in lengths if stage["step"] <= step), key=lambda s: s["step"])[
        "tokens"
    ]


def _reference(start: Path, settings: dict, ranks: Ranks, never):
    """The policy of the start, where a penalty or the ratio is against it; parted as the weights are."""
    if not settings["kl"] and settings["old_logprobs"] != "reference":
        return None
    model = load_model(start, dtype=settings["dtype"]).requires_grad_(False)
    use_packed_attention(model, settings["parallel"]["attention"])
    stats = PackedStats(model, temperature=settings["temperature"], never=never)
    return open_frozen(stats, settings, ranks)
