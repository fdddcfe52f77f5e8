"""Muon with its matrices divided among the ranks, since each update costs as much wherever it is computed.

Orthogonalising an update takes fifteen products of matrices, and all ranks hold the same gradients. So each
rank steps its own matrices and sends them to the others: the same bits as if every rank had stepped all.
"""

from collections.abc import Sequence
from typing import Any

import torch

from r1v3.train.core.ranks import Ranks


class SharedMuon(torch.optim.Muon):
    """Muon of which each rank computes a part; every rank ends each step with all of it.

    Args:
        matrices: the parameters, the same on every rank and in the same order.
        ranks: who shares the work.
        options: of `torch.optim.Muon`.
    """

    def __init__(self, matrices: Sequence[torch.Tensor], ranks: Ranks, **options: Any):
        super().__init__(matrices, **options)
        self.ranks, self.matrices = ranks, list(matrices)
        self.owners = divide_matrices([m.shape for m in matrices], ranks.world)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Step the matrices that have a gradient; all ranks call this together."""
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
        """The matrix's momentum, which a resumed run needs on whichever rank saves it."""
        state = self.state[matrix]
        if "momentum_buffer" not in state:  # another rank made it
            state["momentum_buffer"] = torch.zeros_like(matrix)
        return state["momentum_buffer"]


def divide_matrices(shapes: Sequence[Sequence[int]], world: int) -> list[int]:
    """The rank that steps each matrix: the costliest first, each to the rank with the least to do.

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
