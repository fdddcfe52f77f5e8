"""Measures how far each module group's weights move, in a step and since the start."""

import torch

from r1v3.model.groups import GROUPS
from r1v3.recipe.schema.training import Group
from r1v3.train.core.engine import TrainingEngine


class WeightMovement:
    """Compares the trained weights with those at the start and at the last measurement.

    Each rank keeps copies of its part (`TrainingEngine.parts`), in the model's own precision.

    Args:
        trained: the groups that train.
    """

    def __init__(self, engine: TrainingEngine, trained: list[Group]):
        self.engine, self.trained = engine, trained
        self.start = self._copy()
        self.last = self.start

    def measure(self) -> dict[str, float]:
        """Return `update_norm/<group>` since the last measurement and `weight_drift/<group>` since the start.

        Both are 2-norms. All ranks call this together.
        """
        now, found = self._copy(), dict[str, float]()
        for name, then in (("update_norm", self.last), ("weight_drift", self.start)):
            squares = [_squares(now.get(group, []), then.get(group, [])) for group in GROUPS]
            for group, square in zip(GROUPS, self.engine.ranks.sum(*squares)):
                if group in self.trained:
                    found[f"{name}/{group}"] = square**0.5
        self.last = now
        return found

    def restart(self) -> None:
        """Take the current weights as those of the last measurement, for example after a restore."""
        self.last = self._copy()

    def _copy(self) -> dict[str, list[torch.Tensor]]:
        return {g: [part.clone() for part in parts] for g, parts in self.engine.parts().items()}


def _squares(these: list[torch.Tensor], those: list[torch.Tensor]) -> float:
    return float(sum((a.float() - b.float()).square().sum() for a, b in zip(these, those)))
