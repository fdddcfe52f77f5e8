"""The source of each step's episode.

On-policy, engine and trainer take turns, and each episode is sampled with the current weights. Overlapped,
the engine samples the next episode with a copy of the weights while the policy learns from this one. So every
episode but the first comes from weights that are one update older than those that learn from it.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from r1v3.generate.types import Sampling
from r1v3.recipe.schema.training import LengthStage
from r1v3.reward import Grader
from r1v3.reward.score_term import ScoreTerm
from r1v3.train.grpo.records.timer import StepTimer
from r1v3.train.grpo.sampling.collect import Collected, collect_episode
from r1v3.train.grpo.sampling.rollouts import Scoring, run_episode
from r1v3.train.grpo.sampling.sampler import ApartFromTrainer
from r1v3.train.grpo.setup import GrpoRun


class OnPolicy:
    """Samples each episode when it is needed, with the weights of that moment.

    Args:
        term: client of the reward model; None without one.
    """

    def __init__(self, run: GrpoRun, grader: Grader, term: ScoreTerm | None):
        self.run, self.grader, self.term = run, grader, term
        self.learned = False  # whether the policy has changed since the engine took its weights

    def close(self) -> None:
        """Close nothing; there is nothing open."""

    def take(self, step: int, timer: StepTimer) -> Collected:
        """Return the episode of a step.

        Args:
            step: from 0.
            timer: timer of the step; it gets the seconds of sampling, grading and sending weights.

        Raises:
            RuntimeError: a prompt cannot be answered, or too many answers stayed unjudged.
        """
        sampler = self.run.sampler
        if self.learned:
            sampler.sync_weights(self.run.policy)
        timer.lap("weights")
        collected = self.sample(step, timer)
        timer.lap("sampling")
        self.hear(collected)
        sampler.offload()
        self.learned = True
        return collected

    def sample(self, step: int, timer: StepTimer) -> Collected:
        """Sample and grade the episode of a step, unless a killed run has already saved it."""
        run, config, settings = self.run, self.run.config, self.run.config.settings
        collected = run.unfinished.restore_episode(step + 1, run.sampler.ranks)
        if collected is None:
            limit = response_limit(settings.lengths, step)
            run_round = partial(
                run_episode,
                run.sampler.engine,
                sampling=Sampling(settings.temperature, settings.top_p, limit, settings.samples),
                scoring=Scoring(self.grader, settings.reward, config.generation.mode, self.term),
                timer=timer,
                saved=run.unfinished.samples(step + 1),
            )
            seed = f"{config.seed}/{step}"
            collected = collect_episode(run_round, run.order, settings, run.sampler, seed=seed)
            collected = self.noted(collected, step)
            run.unfinished.save_episode(step + 1, collected)
        run.order.go_to(collected.drawn)
        return collected

    def noted(self, collected: Collected, step: int) -> Collected:
        """Add metrics about how the episode was sampled; there are none here."""
        return collected

    def hear(self, collected: Collected) -> None:
        """Give the episode's accuracy to the prompt order, and store the order's state for a resume."""
        order, progress = self.run.order, self.run.progress
        order.adapt(float(collected.episode.accuracy_GM.mean()))
        progress.drawn, progress.order = order.drawn, order.state()


class Overlapped(OnPolicy):
    """Samples each episode in a thread while the policy learns from the one before.

    Args:
        sampler: an engine with its own weights.
    """

    def __init__(
        self, run: GrpoRun, grader: Grader, term: ScoreTerm | None, sampler: ApartFromTrainer
    ):
        super().__init__(run, grader, term)
        self.sampler = sampler
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="rollouts")
        self.coming: Future[tuple[Collected, StepTimer]] | None = None

    def close(self) -> None:
        """Stop the engine, and with it any episode that is still being sampled."""
        self.sampler.close()
        self.thread.shutdown()

    def take(self, step: int, timer: StepTimer) -> Collected:
        """Return the episode of a step, as `OnPolicy.take`, after starting to sample the next one."""
        coming = self.coming or self.begin(step)
        collected, own = coming.result()
        timer.add(**own.seconds)
        timer.lap("sampling")
        self.hear(collected)
        self.sampler.sync_weights(self.run.policy)
        timer.lap("weights")
        last = step + 1 == self.run.config.settings.steps
        self.coming = self.run.unfinished.ahead = None if last else self.begin(step + 1)
        return collected

    def begin(self, step: int) -> Future[tuple[Collected, StepTimer]]:
        """Start sampling an episode in another thread, with the engine's current weights."""

        def sampled() -> tuple[Collected, StepTimer]:
            timer = StepTimer()
            return self.sample(step, timer), timer

        return self.thread.submit(sampled)

    def noted(self, collected: Collected, step: int) -> Collected:
        """Add the number of updates between the weights that sampled and the weights that learn."""
        return replace(collected, counts=collected.counts | {"staleness": min(step, 1)})


def open_source(run: GrpoRun, grader: Grader, term: ScoreTerm | None) -> OnPolicy:
    """Return the source that the recipe's `rollouts` names."""
    if isinstance(run.sampler, ApartFromTrainer):
        return Overlapped(run, grader, term, run.sampler)
    return OnPolicy(run, grader, term)


def response_limit(lengths: list[LengthStage], step: int) -> int:
    """Return the most tokens of a response at a step; the report raises 4,096 to 8,192 (section 3.3)."""
    begun = [stage for stage in lengths if stage.step <= step]
    return max(begun, key=lambda stage: stage.step).tokens
