"""Runs one rank of a test in which ranks share Muon's work and get the library's bits."""

import torch

from r1v3.train.core.ranks import Ranks
from r1v3.train.core.shared_muon import SharedMuon

SHAPES = [(6, 4), (16, 16), (3, 20), (8, 8), (16, 4)]


def take_steps(build, count=4):
    """Return matrices and momenta after some steps, in each of which one matrix has no gradient."""
    draw = torch.Generator().manual_seed(3)
    matrices = [torch.nn.Parameter(torch.randn(shape, generator=draw)) for shape in SHAPES]
    optimizer = build(matrices)
    for step in range(count):
        for number, matrix in enumerate(matrices):
            gradient = torch.randn(matrix.shape, generator=draw)
            matrix.grad = None if number == step else gradient
        optimizer.step()
        assert [n for n, matrix in enumerate(matrices) if matrix.grad is None] == [step]
    return [*matrices, *(optimizer.state[matrix]["momentum_buffer"] for matrix in matrices)]


def main() -> None:
    ranks = Ranks.join()
    options = {"lr": 0.02, "weight_decay": 0.1, "adjust_lr_fn": "match_rms_adamw"}
    alone = take_steps(lambda matrices: torch.optim.Muon(matrices, **options))
    shared = take_steps(lambda matrices: SharedMuon(matrices, ranks, **options))
    assert all(torch.equal(one, other) for one, other in zip(alone, shared, strict=True))


if __name__ == "__main__":
    main()
