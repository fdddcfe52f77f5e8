"""How far each module group's weights move: in a step, and since the start."""

import torch

from r1v3.model.groups import grouped_parameters


class WeightWatch:
    """Keeps the trained weights of the start and of the last look, in the model's own precision."""

    def __init__(self, model):
        self.model = model
        self.start = self._copy()
        self.last = self.start

    def look(self) -> dict[str, float]:
        """`update_norm/<group>` since the last look and `weight_drift/<group>` since the start (2-norms)."""
        now = self._copy()
        found = {}
        for group, tensors in now.items():
            found[f"update_norm/{group}"] = _distance(tensors, self.last[group])
            found[f"weight_drift/{group}"] = _distance(tensors, self.start[group])
        self.last = now
        return found

    def skip(self) -> None:
        """Take the weights as they are for those of the last look: after a saved state was restored."""
        self.last = self._copy()

    def _copy(self) -> dict[str, list[torch.Tensor]]:
        return {
            group: [p.detach().clone() for _, p in parameters]
            for group, parameters in grouped_parameters(self.model).items()
            if any(p.requires_grad for _, p in parameters)
        }


def _distance(these: list[torch.Tensor], those: list[torch.Tensor]) -> float:
    squares = [(a.float() - b.float()).square().sum() for a, b in zip(these, those)]
    return float(torch.stack(squares).sum().sqrt())
