"""Muon shared by ranks gives the bits of Muon on one rank, and every rank has all of its state."""

from pathlib import Path

import pytest
from launched import run_ranks

from r1v3.train.core.shared_muon import divide_matrices


@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_that_share_end_with_the_library_s_bits_on_each(world):
    run_ranks(Path(__file__).with_name("shared_muon_ranks.py"), world)


def test_each_rank_gets_about_the_same_work():
    shapes = [(128, 128), (64, 128), (64, 128), (128, 128), (256, 128), (256, 128), (128, 256)] * 3
    owners = divide_matrices(shapes, 2)
    costs = [sum(min(s) ** 2 * max(s) for s, o in zip(shapes, owners) if o == n) for n in (0, 1)]
    assert max(costs) < 1.1 * min(costs)
    assert divide_matrices(shapes, 1) == [0] * len(shapes)
    assert divide_matrices([], 2) == []
