"""The plan beside measurements of this machine: memory within 20 %, time within a factor of 2."""

from pathlib import Path

import pytest

from r1v3.plan.check import compare

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["0.7M, the tiny recipe's", "51M, long", "51M, connector alone"])
def test_memory_and_time_of_tiny_and_medium_models_are_as_planned(name):
    told = compare(ROOT, name)
    assert told.planned_memory == pytest.approx(told.memory, rel=0.2)
    assert 0.5 < told.planned_seconds / told.seconds < 2
