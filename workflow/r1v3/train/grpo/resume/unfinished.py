"""The saved files of an unfinished GRPO run: states, and all that was sampled since the newest state.

With overlapped rollouts a state also holds the next step's episode, because the weights that sampled it no
longer exist.
"""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

from r1v3.recipe.schema.training import Resume
from r1v3.train.core.engine import State, TrainingEngine
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.unfinished import UnfinishedRun
from r1v3.train.grpo.resume import saved_episodes
from r1v3.train.grpo.resume.saved_samples import SavedSamples
from r1v3.train.grpo.sampling.collect import Collected
from r1v3.train.grpo.sampling.prompts import Prompt


class UnfinishedGrpo(UnfinishedRun):
    """Saves states, complete episodes, and the samples of an incomplete one, so nothing is sampled twice.

    Args:
        prompts: prompts of the run; a saved episode refers to them by the ids of their records.

    Attributes:
        ahead: the next step's episode, if it is sampled while the policy learns.
    """

    def __init__(
        self,
        engine: TrainingEngine,
        folder: Path,
        resume: Resume,
        total: int,
        prompts: list[Prompt],
    ):
        super().__init__(engine, folder, resume, total)
        self.prompts = {prompt.record.id: prompt for prompt in prompts}
        self.ahead: Future[Any] | None = None

    def restore(self) -> State | None:
        """Restore the newest state, and write the episode that it holds to disk again."""
        state = super().restore()
        if state is not None and "ahead" in state:
            ahead = state.pop("ahead")
            if self.engine.ranks.first:
                saved_episodes.write_episode_bytes(self.folder, state["done"] + 1, ahead)
            self.engine.ranks.wait()
        return state

    def beside(self, step: int) -> State:
        """Return the next step's episode for the state, after it has been sampled."""
        if self.ahead is None:
            return {}
        self.ahead.result()
        if not self.engine.ranks.first:  # the first rank writes the state
            return {}
        return {"ahead": saved_episodes.episode_bytes(self.folder, step + 1)}

    def restore_episode(self, step: int, ranks: Ranks) -> Collected | None:
        """Return the episode of a step (from 1) if a killed run has saved it. All ranks call this together.

        Args:
            ranks: the ranks of the thread that samples.
        """
        collected = saved_episodes.restore_episode(self.folder, step, self.prompts)
        ranks.wait()  # until every rank has read, before the first rank saves
        return collected

    def save_episode(self, step: int, collected: Collected) -> None:
        """Write the episode of a step before the policy changes."""
        if self.engine.ranks.first:
            saved_episodes.save_episode(self.folder, step, collected)

    def keep_bad_episode(self, step: int, collected: Collected) -> Path:
        """Write the episode that stopped training to a folder that later states do not delete."""
        folder = self.folder / "bad_steps"
        if self.engine.ranks.first:
            folder.mkdir(parents=True, exist_ok=True)
            saved_episodes.save_episode(folder, step, collected)
        return saved_episodes.path_of(folder, step)

    def samples(self, step: int) -> SavedSamples:
        """Return this rank's saved samples of a step whose episode is incomplete."""
        return SavedSamples(self.folder, step, self.engine.ranks.rank)

    def after_save(self, step: int) -> None:
        """Delete the episodes that the saved state makes superfluous."""
        if self.engine.ranks.first:
            saved_episodes.delete_episodes(self.folder, through=step)
