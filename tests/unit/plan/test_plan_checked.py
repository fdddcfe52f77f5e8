"""The plan beside measurements of this machine: memory within 20 %.

Time depends on what else the machine does: `perf/plan.py` measures that.
"""

from pathlib import Path

import pytest

from r1v3.plan.check import check_case

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["0.7M, the tiny recipe's", "51M, connector alone"])
def test_memory_of_tiny_and_medium_models_is_as_planned(name):
    told = check_case(ROOT, name)
    assert told.planned_memory == pytest.approx(told.memory, rel=0.2)
