"""Which prompts an episode asks: a fresh shuffle each epoch, none repeated or skipped within it."""

from typing import Generic, TypeVar

from r1v3.train.core.sample_order import order_of_step

Item = TypeVar("Item")


class PromptOrder(Generic[Item]):
    """Hands out prompts; a resumed run needs only `drawn`, the number handed out so far.

    Args:
        prompts: all of them.
        seed: of the shuffles.
    """

    def __init__(self, prompts: list[Item], seed: int, drawn: int = 0):
        self.prompts, self.seed, self.drawn = prompts, seed, drawn
        self._epoch = -1
        self._order: list[int] = []

    def take(self, count: int) -> list[Item]:
        """The next prompts, in the order of `order_of_step`."""
        taken: list[Item] = []
        for position in range(self.drawn, self.drawn + count):
            epoch, place = divmod(position, len(self.prompts))
            if epoch != self._epoch:
                size = len(self.prompts)
                self._epoch, self._order = epoch, order_of_step(size, epoch, size, self.seed)
            taken.append(self.prompts[self._order[place]])
        self.drawn += count
        return taken
