"""The order of the prompts: a new shuffle each epoch, or a curriculum by measured pass rate (5.3).

A curriculum sorts the prompts by the pass rate of a given model and divides them into bands of equal size,
the easiest first. The seed and the draw's number decide which band a draw takes from; with a window, the
window's position decides too. Within a band no prompt repeats before all others were drawn.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Generic, TypeVar

from r1v3.recipe.schema.training import Curriculum, Mixed, Staged, Window
from r1v3.train.core.sample_order import order_of_step

Item = TypeVar("Item")


class PromptOrder(Generic[Item]):
    """Decides which prompts come next. A resumed run needs `drawn`, the number drawn so far, and `state`.

    Args:
        prompts: all prompts.
        seed: seed of the shuffles.
    """

    def __init__(self, prompts: list[Item], seed: int, drawn: int = 0):
        self.prompts, self.seed, self.drawn = prompts, seed, drawn
        self._epoch = -1
        self._order: list[int] = []

    def take(self, count: int) -> list[Item]:
        """Return the next prompts, in the order of `order_of_step`."""
        taken: list[Item] = []
        for position in range(self.drawn, self.drawn + count):
            epoch, place = divmod(position, len(self.prompts))
            if epoch != self._epoch:
                size = len(self.prompts)
                self._epoch, self._order = epoch, order_of_step(size, epoch, size, self.seed)
            taken.append(self.prompts[self._order[place]])
        self.drawn += count
        return taken

    def go_to(self, drawn: int) -> None:
        """Skip prompts, because a killed run has already sampled their episode."""
        self.drawn = drawn

    def adapt(self, accuracy: float) -> None:
        """Adapt to the mean accuracy of a finished episode. A shuffle ignores it."""

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs besides `drawn`."""
        return {}

    def restore(self, drawn: int, state: Mapping[str, Any]) -> None:
        """Continue from the state of another run."""
        self.drawn = drawn


class CurriculumOrder(PromptOrder[Item]):
    """Draws prompts by difficulty.

    Args:
        rates: measured pass rate of each prompt, in [0, 1].
        rule: the recipe's section.
        total: number of prompts that the run draws if no episode needs a second round.

    Raises:
        ValueError: there are fewer prompts than bands.
    """

    def __init__(
        self, prompts: list[Item], seed: int, rates: Sequence[float], rule: Curriculum, total: int
    ):
        super().__init__(prompts, seed)
        self.rule, self.total, self.window = rule, total, 0
        self.bands = equal_bands(rates, rule.count)
        self.taken = [0] * rule.count
        self._shuffled: dict[int, tuple[int, list[int]]] = {}  # epoch and order of each band

    def take(self, count: int) -> list[Item]:
        """Return the next prompts, each from the band that the schedule chooses."""
        return [self.prompts[self._next()] for _ in range(count)]

    def go_to(self, drawn: int) -> None:
        """Repeat the draws of a killed run, with the window at its position of that time."""
        self.take(drawn - self.drawn)

    def adapt(self, accuracy: float) -> None:
        """Move the window by one band if the episode was too easy or too hard."""
        if not isinstance(self.rule, Window):
            return
        if accuracy >= self.rule.harder_from:
            self.window = min(self.window + 1, self.rule.count - 1)
        elif accuracy < self.rule.easier_below:
            self.window = max(self.window - 1, 0)

    def state(self) -> dict[str, Any]:
        """Return the window's position, and the number of prompts drawn from each band."""
        return {"window": self.window, "taken": list(self.taken)}

    def restore(self, drawn: int, state: Mapping[str, Any]) -> None:
        """Continue from the state of another run."""
        self.drawn, self.window, self.taken = drawn, state["window"], list(state["taken"])

    def _next(self) -> int:
        draw = random.Random(f"{self.seed}/curriculum/{self.drawn}")
        band = self._band(draw)
        epoch, place = divmod(self.taken[band], len(self.bands[band]))
        if self._shuffled.get(band, (-1, []))[0] != epoch:
            own = list(self.bands[band])
            random.Random(f"{self.seed}/{band}/{epoch}").shuffle(own)
            self._shuffled[band] = (epoch, own)
        self.taken[band] += 1
        self.drawn += 1
        return self._shuffled[band][1][place]

    def _band(self, draw: random.Random) -> int:
        rule = self.rule
        if isinstance(rule, Mixed):
            return draw.choices(range(rule.count), rule.weights)[0]
        now = self.window
        if isinstance(rule, Staged):
            now = min(rule.count - 1, self.drawn * rule.count // max(1, self.total))
        if now and draw.random() < rule.replay:
            return draw.randrange(now)
        return now


def equal_bands(rates: Sequence[float], count: int) -> list[list[int]]:
    """Divide the prompts' indices into bands of equal size, highest pass rate first; ties keep their order.

    Raises:
        ValueError: there are fewer prompts than bands.
    """
    if len(rates) < count:
        raise ValueError(f"curriculum: {count} bands need as many prompts; there are {len(rates)}")
    order = sorted(range(len(rates)), key=lambda n: -rates[n])
    cuts = [len(rates) * n // count for n in range(count + 1)]
    return [order[low:high] for low, high in pairwise(cuts)]
