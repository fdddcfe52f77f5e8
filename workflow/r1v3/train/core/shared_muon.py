"""Muon with its matrices divided among the ranks.

Orthogonalising an update takes fifteen matrix products, and all ranks hold the same gradients. So each rank
updates its own share of the matrices and sends them to the others. The result has the same bits as if every
rank had updated all matrices.
"""

from collections.abc import Sequence
from typing import Any

import torch

from r1v3.train.core.ranks import Ranks


class SharedMuon(torch.optim.Muon):
    """Muon whose work is divided among the ranks. After each step every rank has all results.

    Args:
        matrices: the parameters, the same on every rank and in the same order.
        ranks: the ranks that divide the work.
        options: options of `torch.optim.Muon`.
    """

    def __init__(self, matrices: Sequence[torch.Tensor], ranks: Ranks, **options: Any):
        super().__init__(matrices, **options)
        self.ranks, self.matrices = ranks, list(matrices)
        self.owners = divide_matrices([m.shape for m in matrices], ranks.world)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update the matrices that have a gradient. All ranks call this together."""
        if self.ranks.world == 1:
            super().step()
            return
        due = [(m, m.grad, o) for m, o in zip(self.matrices, self.owners) if m.grad is not None]
        for matrix, _, owner in due:
            if owner != self.ranks.rank:
                matrix.grad = None
        super().step()
        for owner in range(self.ranks.world):
            sent = [part for m, _, o in due if o == owner for part in (m, self._momentum(m))]
            self.ranks.send_from(owner, sent)
        for matrix, gradient, _ in due:
            matrix.grad = gradient

    def _momentum(self, matrix: torch.Tensor) -> torch.Tensor:
        """Return the momentum of a matrix. Every rank needs it, because any rank may save the state."""
        state = self.state[matrix]
        if "momentum_buffer" not in state:  # another rank updates this matrix
            state["momentum_buffer"] = torch.zeros_like(matrix)
        return state["momentum_buffer"]


def divide_matrices(shapes: Sequence[Sequence[int]], world: int) -> list[int]:
    """Assign each matrix to a rank: the costliest first, always to the rank with the least work.

    Args:
        shapes: rows and columns of each matrix.
        world: number of ranks.
    """
    costs = [min(shape) ** 2 * max(shape) for shape in shapes]
    owners, loads = [0] * len(shapes), [0] * world
    for number in sorted(range(len(shapes)), key=lambda n: (-costs[n], n)):
        owners[number] = loads.index(min(loads))
        loads[owners[number]] += costs[number]
    return owners
