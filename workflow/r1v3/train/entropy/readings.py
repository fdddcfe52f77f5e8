"""Where the entropy of tokens is read (section 5.1), at no forward pass of its own.

Two readings of "critical-token entropy", both of the untempered distribution: `emitted`, where the first
token of a critical word was emitted, and `candidate`, at every sentence start, where such a word could have
stood. `control` is `emitted` for words that are as frequent and turn no thought. Each also one position
later, so that a falling reading can be told from a model that is surer everywhere.
"""

from dataclasses import dataclass

from r1v3.generate.types import Response
from r1v3.train.entropy.critical import CriticalTokens
from r1v3.train.entropy.interval import clustered_mean

NAMES = ("emitted", "candidate", "control")


@dataclass(frozen=True)
class Reading:
    """Values of each prompt's responses, in nats, and those one position later."""

    here: list[list[float]]
    after: list[list[float]]


class Readings:
    """Finds the places in responses and sums up what was read there.

    Args:
        entropy: the recipe's section.
        seed: of the bootstrap over prompts.
    """

    def __init__(self, tokenizer, entropy: dict, seed: int):
        self.critical = CriticalTokens(tokenizer, entropy["critical_words"])
        self.control = CriticalTokens(tokenizer, entropy["control_words"])
        self.tokenizer, self.entropy, self.seed = tokenizer, entropy, seed

    def read(
        self, responses: list[Response], entropies: list[list[float]], samples: int
    ) -> dict[str, Reading]:
        """Every reading, by name.

        Args:
            responses: `samples` of each prompt, one prompt after another.
            entropies: of each response's tokens, in nats.
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

    def interval(self, reading: Reading) -> dict:
        """Mean, interval over prompts, count, and the mean one position later (`next`), in nats."""
        found = clustered_mean(reading.here, resamples=self.entropy["resamples"], seed=self.seed)
        after = [value for values in reading.after for value in values]
        return found | {"next": sum(after) / len(after) if after else None}
