"""Visual dependency by class of token, and the entropy at tokens that depend on the picture.

Section 5.1 reads entropy where a thought turns. This module adds tokens that the picture decides. It also
adds control words that a rule chooses instead of a person. The partner of each critical word is the function
word of the same episode that is nearest by its relative position in the response. No function word is the
partner of two. So there are at most as many controls as critical words, at similar positions.

Classes of tokens: `critical`, `control` (the recipe's words), `number`, `word`, `symbol`.
"""

from bisect import bisect_left
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from r1v3.generate.types import Response
from r1v3.train.entropy.critical import CriticalTokens, token_text
from r1v3.train.entropy.readings import Readings

CLASSES = ("critical", "control", "number", "word", "symbol")
# Words that only serve grammar. None turns a thought ("but", "or", "if") or concludes ("so", "thus").
FUNCTION_WORDS: str = (
    "a an the of to in on at by for from with into as is are was were be been has have had it its this that "
    "these those we and which there can will"
)


class VisualReadings:
    """Measures the visual dependency of an episode's tokens.

    Args:
        readings: knows the critical and the control words.
        dependent: a token counts as visually dependent from this many nats on.
    """

    def __init__(self, readings: Readings, dependent: float):
        self.readings, self.dependent = readings, dependent
        self.function = CriticalTokens(readings.tokenizer, FUNCTION_WORDS.split())

    def metrics(
        self,
        responses: list[Response],
        visual: Sequence[float],
        entropy: Sequence[float],
    ) -> dict[str, float]:
        """Return means over an episode, in nats, and the counts behind them.

        `visual/<class>` is the mean dependency of a class. `visual/dependent/` has the share of dependent
        tokens, their mean entropy, and the share of critical words among them. `matched/` has the mean
        entropy and dependency at the function words that are the partners of critical words.

        Args:
            visual, entropy: values of each token of all responses, in order, nats.
        """
        classes = [c for r in responses for c in self.classes_of(r)]
        critical, function = self._places(responses)
        pairs = matched_places(critical, function)
        dependent = [n for n, value in enumerate(visual) if value >= self.dependent]
        found = {
            "visual/mean": _mean(visual),
            "visual/dependent/share": len(dependent) / len(visual),
        }
        for name in CLASSES:
            values = [value for value, own in zip(visual, classes) if own == name]
            found[f"visual/{name}/count"] = len(values)
            found |= _named(f"visual/{name}", values)
        found |= _named("visual/dependent/entropy", [entropy[n] for n in dependent])
        found |= _named(
            "visual/dependent/critical", [float(classes[n] == "critical") for n in dependent]
        )
        found["matched/count"] = len(pairs)
        found |= _named("matched/mean", [entropy[n] for n in pairs])
        found |= _named("matched/visual", [visual[n] for n in pairs])
        return found

    def classes_of(self, response: Response) -> list[str]:
        """Return the class of each token of a response."""
        tokenizer = self.readings.tokenizer
        classes = [_class_of(tokenizer, token) for token in response.token_ids]
        for finder, name in (
            (self.readings.control, "control"),
            (self.readings.critical, "critical"),
        ):
            for place in finder.words(response.token_ids):
                classes[place] = name
        return classes

    def _places(
        self, responses: list[Response]
    ) -> tuple[list[tuple[float, int]], list[tuple[float, int]]]:
        """Return for critical and function words the relative position and the index in the episode."""
        critical: list[tuple[float, int]] = []
        function: list[tuple[float, int]] = []
        first = 0
        for response in responses:
            length = len(response.token_ids)
            for found, finder in ((critical, self.readings.critical), (function, self.function)):
                places = finder.words(response.token_ids)
                found += [(place / length, first + place) for place in places]
            first += length
        return critical, function


def matched_places(
    critical: list[tuple[float, int]], function: list[tuple[float, int]]
) -> list[int]:
    """Find for each critical word the nearest unused function word by relative position.

    Args:
        critical, function: relative position in a response, and index among all tokens.

    Returns:
        Indices among all tokens; fewer than critical words if function words run out.
    """
    free, chosen = sorted(function), list[int]()
    for place, _ in sorted(critical):
        if not free:
            break
        right = bisect_left(free, (place, -1))
        near = [n for n in (right - 1, right) if 0 <= n < len(free)]
        best = min(near, key=lambda n: (abs(free[n][0] - place), n))
        chosen.append(free.pop(best)[1])
    return chosen


def _class_of(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    text = token_text(tokenizer, token)
    if any(char.isdigit() for char in text):
        return "number"
    return "word" if any(char.isalpha() for char in text) else "symbol"


def _named(name: str, values: Sequence[float]) -> dict[str, float]:
    """Return the mean of the values under a name; nothing without values."""
    return {name: _mean(values)} if values else {}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
