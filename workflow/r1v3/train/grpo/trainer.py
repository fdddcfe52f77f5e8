"""Reinforcement learning by GRPO (section 3.3): sample, score, learn, record, save.

Each step is on-policy, as in the report. With `rollouts: {mode: overlapped, staleness: 1}` the next step's
episode is sampled while the policy learns from this one.

Equation 7 puts the reference policy into the denominator of its ratio. The recipes put the policy that
sampled there, as PPO does; equation 5 uses one symbol for both. `old_logprobs: reference` computes the
equation as written.
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
    """Train the checkpoint `start` by GRPO on the prompts of `data`; continue a run that was killed.

    Returns:
        The facts for the manifest: steps, kept checkpoints, the last one, hashes of the module groups.

    Raises:
        RuntimeError: a frozen group changed, a trained group did not, or too many answers stayed unjudged.
        FloatingPointError: the loss or a gradient is not finite. The message names step, group and the file
            with the episode.
        SystemExit: SIGTERM came. The state is saved, and the exit code asks for a restart.
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
    """Return the client of the reward model, or None without one; each rank saves its own scores."""
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
        FloatingPointError: the loss or a gradient is not finite. The weights stay as they were before that
            gradient step, and the episode is saved beside the run's states.
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
    """Save a checkpoint every `checkpoint_every` steps and after the last step."""
    settings, step = run.config.settings, run.progress.done
    if step % settings.checkpoint_every == 0 or step == settings.steps:
        path = run.checkpoint(step)
        run.policy.save(run.processor, path)
        run.progress.kept.append({"step": step, "path": str(path.relative_to(run.folder))})


def finish_grpo(run: GrpoRun) -> dict[str, Any]:
    """Check the module groups and return the facts for the manifest.

    Raises:
        RuntimeError: a frozen group changed, or a trained one did not.
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
