"""Reinforcement learning by GRPO (section 3.3): sample, score, learn, record, save.

Each step is on-policy, as in the report; `rollouts: {mode: overlapped, staleness: 1}` samples a step ahead.

Equation 7 has the reference policy in the denominator of its ratio; the recipes take the policy that
sampled, as PPO does (equation 5 calls it both). `old_logprobs: reference` is the equation as written.
"""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from r1v3.base.seeding import stable_seed
from r1v3.model import lean_transformers as lean_transformers  # before transformers' first import
from r1v3.model.groups import check_base, check_frozen
from r1v3.recipe.graph.configs import GrpoConfig
from r1v3.reward.configured import open_grader
from r1v3.reward.score_term import ScoreTerm
from r1v3.train.core.optimizer import learning_rate
from r1v3.train.grpo.loss.update import Updated, score_advantages, update_policy
from r1v3.train.grpo.records.log import GrpoLog
from r1v3.train.grpo.records.timer import StepTimer
from r1v3.train.grpo.sampling.collect import Collected
from r1v3.train.grpo.sampling.source import open_source, response_limit
from r1v3.train.grpo.setup import GrpoRun, open_grpo_run


def train_grpo(config: GrpoConfig, *, start: Path, data: Path, folder: Path) -> dict[str, Any]:
    """Reinforce the checkpoint `start` on the prompts of `data`; resumes where a killed run stopped.

    Returns:
        The facts of the manifest: steps, kept checkpoints, last, hashes of the module groups.

    Raises:
        RuntimeError: a frozen group moved or a trained one did not, or too much stayed unjudged.
        FloatingPointError: the loss or a gradient is not finite; names step, group and the saved episode.
        SystemExit: SIGTERM came and the state is saved; the exit code asks for a restart.
    """
    run = open_grpo_run(config, start=start, data=data, folder=Path(folder))
    settings, progress, log = config.settings, run.progress, GrpoLog(run)
    with (
        open_grader(settings.reward.verifier, run.folder / "judge") as grader,
        closing(open_source(run, grader, open_term(run))) as source,
        run.unfinished,
    ):
        for step in range(progress.done, settings.steps):
            timer = StepTimer()
            collected = source.take(step, timer)
            rate = learning_rate(step, settings.steps, settings.optimizer)
            updated = learn(run, collected, step, rate)
            timer.lap("update")
            moved = run.movement.measure()
            progress.done = step + 1
            save_checkpoint_if_due(run)
            timer.lap("checkpoint")
            log.record(step + 1, collected, updated, moved=moved, rate=rate, timer=timer)
            run.unfinished.save_if_due(step + 1, asdict(progress))
    return finish_grpo(run)


def open_term(run: GrpoRun) -> ScoreTerm | None:
    """What asks the reward model, if the recipe has one; each process keeps scores of its own."""
    settings = run.config.settings.reward_model
    if settings is None:
        return None
    own = run.folder / "reward_model" / f"rank-{run.policy.ranks.rank:03d}"
    return ScoreTerm(settings, run.config.images, own)


def learn(run: GrpoRun, collected: Collected, step: int, rate: float) -> Updated:
    """Take the gradient steps of an episode.

    Args:
        step: from 0.
        rate: learning rate.

    Raises:
        FloatingPointError: the loss or a gradient is not finite. The weights are those before that step, and
            the episode is saved beside the run's states.
    """
    config, settings = run.config, run.config.settings
    limit = response_limit(settings.lengths, step)
    try:
        return update_policy(
            run.policy,
            run.reference,
            collected.episode,
            score_advantages(collected.episode, settings, limit),
            settings,
            rate=rate,
            seed=stable_seed(config.seed, step, "tokens"),
            step=step,
        )
    except FloatingPointError as error:
        path = run.unfinished.keep_bad_episode(step + 1, collected)
        raise FloatingPointError(
            f"step {step + 1}: {error}; the step was not taken, and its episode is in {path}"
        ) from None


def save_checkpoint_if_due(run: GrpoRun) -> None:
    """Keep a checkpoint every `checkpoint_every` steps, and after the last one."""
    settings, step = run.config.settings, run.progress.done
    if step % settings.checkpoint_every == 0 or step == settings.steps:
        path = run.checkpoint(step)
        run.policy.save(run.processor, path)
        run.progress.kept.append({"step": step, "path": str(path.relative_to(run.folder))})


def finish_grpo(run: GrpoRun) -> dict[str, Any]:
    """The facts of the manifest.

    Raises:
        RuntimeError: a frozen group moved, or a trained one did not.
    """
    settings, progress = run.config.settings, run.progress
    after = run.policy.hashes()
    check_frozen(progress.before, after, settings.train)
    base = run.policy.base_hashes(settings.adapted)
    check_base(progress.before, base)
    groups = {"before": progress.before, "after": after, "trained": list(settings.train)}
    return {
        "steps": settings.steps,
        "checkpoints": progress.kept,
        "last": progress.kept[-1]["path"] if progress.kept else None,
        "best": None,
        "groups": groups | ({"below_adapters": base} if base else {}),
    }
