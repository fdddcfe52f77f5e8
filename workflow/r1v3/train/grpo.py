"""Reinforcement fine-tuning by GRPO (section 3.3): sample, grade, normalise, one step on-policy.

Equation 7 writes the reference policy below the ratio's line; this takes the policy that sampled, as
PPO does (equation 5 calls it both).
"""

import time
from pathlib import Path

from r1v3.generate.transformers_engine import TransformersEngine
from r1v3.generate.types import Sampling
from r1v3.model.encode import Encoder
from r1v3.model.groups import check_frozen, group_hashes, train_only
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.model.packed import use_packed_attention
from r1v3.progress import Progress
from r1v3.reward.configured import open_grader
from r1v3.train.critical import CriticalTokens
from r1v3.train.episode_metrics import entropy_metrics, reward_metrics
from r1v3.train.metrics import MetricsLog
from r1v3.train.optimizer import build_optimizer, learning_rate
from r1v3.train.ranks import Ranks
from r1v3.train.resume import clear_states, load_state, save_state
from r1v3.train.rollout_log import write_rollouts
from r1v3.train.rollouts import load_prompts, run_episode, whole_episode
from r1v3.train.sft import batch_of_step
from r1v3.train.update import update_policy
from r1v3.train.weight_watch import WeightWatch

SAVE_SECONDS = 20.0


def train_grpo(document: dict, *, start: Path, data: Path, folder: Path) -> dict:
    """Reinforce the checkpoint `start` on the prompts of `data`; resumes where a killed run stopped.

    Returns:
        The facts of the manifest: steps, kept checkpoints, last, hashes of the module groups.

    Raises:
        RuntimeError: a frozen group moved or a trained one did not, or too much stayed unjudged.
    """
    settings, folder, ranks = document["settings"], Path(folder), Ranks.join()
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
    watch = WeightWatch(model) if ranks.first else None
    done, kept = 0, []
    restored = load_state(folder / "resume")
    if restored:
        done, state = restored
        before, kept = state["before"], state["kept"]
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if watch:
            watch.skip()
    total = settings["steps"]
    ranks.wait()  # until every rank has read the state that the first will replace
    if ranks.first:
        log = MetricsLog(folder / "metrics.jsonl", keep_through=done)
        progress = Progress(total, f"{document.get('name', 'grpo')}: step")
        progress.resume(done)
    saved = time.monotonic()
    with open_grader(settings["reward"], folder / "judge") as grader:
        for step in range(done, total):
            began = time.monotonic()
            chosen = batch_of_step(prompts, step, settings["prompts_per_step"], document["seed"])
            sampling = Sampling(
                settings["temperature"],
                settings["top_p"],
                response_limit(settings["lengths"], step),
                settings["samples"],
            )
            own = run_episode(
                engine,
                ranks.share(chosen),
                sampling,
                grader,
                settings["reward"],
                mode=mode,
                seed=f"{document['seed']}/{step}",
            )
            episode = whole_episode(chosen, own, ranks)
            sampled = time.monotonic()
            rate = learning_rate(step, total, settings["optimizer"])
            updated = update_policy(
                model,
                reference,
                optimizer,
                episode,
                settings,
                ranks,
                rate=rate,
                never=encoder.never,
            )
            if not ranks.first:
                continue
            updated_at = time.monotonic()
            write_rollouts(
                folder / "rollouts",
                step + 1,
                episode,
                updated.entropy_N,
                critical,
                share=settings["keep_rollouts"],
                seed=document["seed"],
            )
            values = watch.look() | reward_metrics(episode) | updated.metrics
            values |= entropy_metrics(
                updated.entropy_N, episode.responses, critical, document["entropy"]["threshold"]
            )
            log.write(
                step + 1,
                **values,
                learning_rate=rate,
                seconds=time.monotonic() - began,
                seconds_sampling=sampled - began,
                seconds_update=updated_at - sampled,
            )
            progress.advance(reward=values["reward"], length=values["response_length"])
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
    if ranks.first:
        clear_states(folder / "resume")
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


def _reference(start: Path, settings: dict):
    if not settings["kl"]:
        return None
    reference = load_model(start, dtype=settings["dtype"]).requires_grad_(False)
    use_packed_attention(reference)
    return reference
