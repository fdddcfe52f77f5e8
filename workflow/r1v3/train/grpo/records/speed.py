"""Speed of a step of GRPO: seconds of each phase, tokens a second, memory, MFU of the update."""

from transformers import PreTrainedModel

from r1v3.recipe.schema.training import Grpo
from r1v3.train.core.device_memory import peak_memory
from r1v3.train.core.flops import FlopCount, peak_flops
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.sampling.rollouts import Episode


class EpisodeSpeed:
    """Computes rates over all ranks; `r1v3.train.core.flops` says which operations count."""

    def __init__(self, model: PreTrainedModel, settings: Grpo, ranks: Ranks):
        self.count = FlopCount.of(model, settings.train, settings.adapted)
        self.updates = settings.updates_per_episode
        self.peak = peak_flops(ranks.device) * ranks.world

    def of_step(
        self, episode: Episode, seconds: float, phases: dict[str, float]
    ) -> dict[str, float]:
        """Compute the metrics of one step. Grading counts only the seconds after sampling has ended.

        Args:
            seconds: wall time of the whole step.
            phases: seconds of each phase, by name.
        """
        generated = sum(len(response.token_ids) for response in episode.responses)
        found = {f"seconds_{phase}": value for phase, value in phases.items()}
        found["speed/tokens_per_second"] = generated / seconds
        if phases.get("generate"):
            found["speed/generated_per_second"] = generated / phases["generate"]
        found["speed/update_mfu"] = self.flops(episode) / (phases["update"] * self.peak)
        found["speed/memory_gib"] = peak_memory() / 2**30
        return found

    def flops(self, episode: Episode) -> float:
        """Count the operations of the episode's updates. A prompt counts once for all its samples."""
        tokens = squares = responses = tiles = 0
        samples = len(episode.responses) // len(episode.prompts)
        for n, prompt in enumerate(episode.prompts):
            own = len(prompt.encoded.prompt_ids)
            tokens, squares = tokens + own, squares + own**2
            tiles += len(prompt.encoded.tiles)
            for response in episode.responses[n * samples : (n + 1) * samples]:
                length = len(response.token_ids)
                tokens, responses = tokens + length - 1, responses + length
                squares += (own + length - 1) ** 2 - own**2
        count = self.count
        once = count.token * tokens + count.token_squared * squares
        return self.updates * (once + count.response_token * responses + count.tile * tiles)
