"""The log of a GRPO run: rollouts, `metrics.jsonl`, and a line of progress. Only the first rank writes."""

from collections import deque
from typing import Any

from r1v3.base.progress import Progress
from r1v3.train.core.metrics import MetricsLog, copy_of, read_metrics
from r1v3.train.entropy.visual import VisualReadings
from r1v3.train.grpo.loss.update import Updated
from r1v3.train.grpo.records.alarms import RECENT, find_jumps
from r1v3.train.grpo.records.episode_metrics import (
    entropy_metrics,
    reward_metrics,
    worst_token_shown,
)
from r1v3.train.grpo.records.paid_answers import PaidAnswers
from r1v3.train.grpo.records.rollout_log import write_rollouts
from r1v3.train.grpo.records.timer import StepTimer
from r1v3.train.grpo.sampling.collect import Collected
from r1v3.train.grpo.setup import GrpoRun


class GrpoLog:
    """Computes the metrics of each step and writes them with the rollouts."""

    def __init__(self, run: GrpoRun):
        self.run, self.first = run, run.policy.ranks.first
        if self.first:
            done, total = run.progress.done, run.config.settings.steps
            curve = run.folder / "metrics.jsonl"
            self.metrics = MetricsLog(curve, keep_through=done, copy=copy_of(curve))
            self.paid = PaidAnswers(run.folder, keep_through=done, seed=run.config.seed)
            rows = [row for row in read_metrics(curve) if row["step"] <= done]
            self.recent = deque(rows[-RECENT:], maxlen=RECENT + 1)
            self.progress = Progress(total, f"{run.config.name}: step")
            self.progress.resume(done)

    def record(
        self,
        step: int,
        collected: Collected,
        updated: Updated,
        *,
        moved: dict[str, float],
        rate: float,
        timer: StepTimer,
    ) -> None:
        """Write a step's rollouts and metrics.

        Args:
            step: from 1.
            moved: how far the weights moved (`WeightMovement`).
            rate: learning rate.
            timer: of the step.
        """
        if not self.first:
            return
        run, settings, episode = self.run, self.run.config.settings, collected.episode
        write_rollouts(
            run.folder / "rollouts",
            step,
            episode,
            updated.entropy_N,
            run.readings.critical,
            share=settings.keep_rollouts,
            seed=run.config.seed,
            unused=collected.unused,
        )
        rewards = reward_metrics(episode, run.config.settings.reward_model)
        values: dict[str, Any] = {**moved, **rewards, **updated.metrics}
        values |= collected.counts
        values |= self.paid.measure(step, episode, run.config.generation.mode)
        self.recent.append(values)
        for says in find_jumps(list(self.recent)):
            print(f"ALARM at step {step}: {says}; see to_judge.jsonl", flush=True)
        values["mismatch/worst_token"] = worst_token_shown(
            updated.worst, episode.responses, run.readings.tokenizer
        )
        values |= entropy_metrics(
            updated.entropy_N, episode.responses, run.readings, settings.samples
        )
        if updated.visual_N is not None and settings.perception is not None:
            visual = VisualReadings(run.readings, settings.perception.dependent)
            values |= visual.metrics(
                episode.responses, updated.visual_N.tolist(), updated.entropy_N.tolist()
            )
        seconds = timer.total()
        values |= run.speed.of_step(episode, seconds, timer.seconds)
        self.metrics.write(step, **values, learning_rate=rate, seconds=seconds)
        self.progress.advance(reward=values["reward"], length=values["response_length"])
