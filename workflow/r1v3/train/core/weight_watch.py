"""How far each module group's weights move: in a step, and since the start."""

import torch

from r1v3.model.groups import GROUPS


class WeightWatch:
    """Keeps the trained weights of the start and of the last look, each rank its part (`parts`), in the
    model's own precision."""

    def __init__(self, engine):
        self.engine, self.trained = engine, engine.settings["train"]
        self.start = self._copy()
        self.last = self.start

    def look(self) -> dict[str, float]:
        """`update_norm/<group>` since the last look and `weight_drift/<group>` since the start (2-norms).

        All ranks look together.
        """
        now, found = self._copy(), {}
        for name, then in (("update_norm", self.last), ("weight_drift", self.start)):
            squares = [_squares(now.get(group, []), then.get(group, [])) for group in GROUPS]
            for group, square in zip(GROUPS, self.engine.ranks.sum(*squares)):
                if group in self.trained:
                    found[f"{name}/{group}"] = square**0.5
        self.last = now
        return found

    def skip(self) -> None:
        """Take the weights as they are for those of the last look: after a saved state was restored."""
        self.last = self._copy()

    def _copy(self) -> dict[str, list[torch.Tensor]]:
        return {g: [part.clone() for part in parts] for g, parts in self.engine.parts().items()}


def _squares(these: list[torch.Tensor], those: list[torch.Tensor]) -> float:
    return float(sum((a.float() - b.float()).square().sum() for a, b in zip(these, those)))
