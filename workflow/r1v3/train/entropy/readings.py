"""Readings of the entropy of tokens (section 5.1). They need no forward pass of their own.

"Critical-token entropy" can mean two readings, both at temperature 1. `emitted` is the entropy at the first
token of each critical word that was emitted. `candidate` is the entropy at the start of every sentence, where
such a word could have been. `control` is like `emitted`, for words that are as frequent but do not turn a
thought. Each reading is repeated one position later. If that falls too, the model becomes more certain
everywhere, not only at critical words.
"""

from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from r1v3.generate.types import Response
from r1v3.recipe.schema.recipe import Entropy
from r1v3.train.entropy.critical import CriticalTokens
from r1v3.train.entropy.interval import MeanInterval, clustered_mean

NAMES = ("emitted", "candidate", "control")


@dataclass(frozen=True)
class Reading:
    """The entropies of a reading, by prompt, over all its responses, in nats; `after` one position later."""

    here: list[list[float]]
    after: list[list[float]]


class ReadingInterval(MeanInterval):
    """An interval over prompts, in nats, and the mean one position later."""

    next: float | None


class Readings:
    """Finds the positions of each reading in responses, and summarises the entropies there.

    Args:
        settings: the recipe's section `entropy`.
        seed: seed of the bootstrap over prompts.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, settings: Entropy, seed: int):
        self.critical = CriticalTokens(tokenizer, settings.critical_words)
        self.control = CriticalTokens(tokenizer, settings.control_words)
        self.tokenizer, self.settings, self.seed = tokenizer, settings, seed

    def read(
        self, responses: list[Response], entropies: list[list[float]], samples: int
    ) -> dict[str, Reading]:
        """Return every reading, by name.

        Args:
            responses: `samples` responses of each prompt, one prompt after another.
            entropies: entropies at each response's tokens, in nats.
        """
        find = (self.critical.words, self.critical.sentences, self.control.words)
        found = {name: Reading([], []) for name in NAMES}
        for n, (response, entropy_T) in enumerate(zip(responses, entropies)):
            for name, places_of in zip(NAMES, find):
                reading, places = found[name], places_of(response.token_ids)
                if n % samples == 0:
                    reading.here.append([])
                    reading.after.append([])
                reading.here[-1] += [entropy_T[place] for place in places]
                later = (place + 1 for place in places if place + 1 < len(entropy_T))
                reading.after[-1] += [entropy_T[place] for place in later]
        return found

    def interval(self, reading: Reading) -> ReadingInterval:
        """Return mean, interval over prompts, count, and the mean one position later (`next`), in nats."""
        found = clustered_mean(reading.here, resamples=self.settings.resamples, seed=self.seed)
        after = [value for values in reading.after for value in values]
        return {**found, "next": sum(after) / len(after) if after else None}
