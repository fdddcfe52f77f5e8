"""Which prompts an episode asks: a fresh shuffle each epoch, none repeated or skipped within it."""

from r1v3.train.core.batches import order_of_step


class PromptOrder:
    """Hands out prompts; `drawn`, how many so far, is all that a resumed run needs.

    Args:
        prompts: all of them.
        seed: of the shuffles.
    """

    def __init__(self, prompts: list, seed: int, drawn: int = 0):
        self.prompts, self.seed, self.drawn = prompts, seed, drawn
        self._epoch, self._order = -1, []

    def take(self, count: int) -> list:
        """The next prompts, in the order of `order_of_step`."""
        taken = []
        for position in range(self.drawn, self.drawn + count):
            epoch, place = divmod(position, len(self.prompts))
            if epoch != self._epoch:
                size = len(self.prompts)
                self._epoch, self._order = epoch, order_of_step(size, epoch, size, self.seed)
            taken.append(self.prompts[self._order[place]])
        self.drawn += count
        return taken
