"""Entropy against accuracy: a shared drift is removed, and the choices are right."""

import numpy as np
import pandas as pd
import pytest

from r1v3.analyze.studies.checkpoints import choices, correlation, regret


def drifting(rng, slope_x, slope_y, runs=8, steps=6, joint=0.0) -> pd.DataFrame:
    """Return two columns that drift with the step; `joint` is their further common part."""
    rows = []
    for run in range(runs):
        level = rng.normal(0, 0.1)
        for step in range(1, steps + 1):
            shared = rng.normal()
            x = slope_x * step + level + 0.3 * rng.normal() + joint * shared
            y = slope_y * step + level + 0.3 * rng.normal() + joint * shared
            rows.append({"run": f"run {run}", "arm": f"run {run}", "step": step, "x": x, "y": y})
    return pd.DataFrame(rows)


def test_a_common_drift_correlates_raw_and_not_once_the_step_is_out():
    table = drifting(np.random.default_rng(0), 1.0, 1.0)
    raw = correlation(table, "x", "y", kind="spearman", detrended=False)
    left = correlation(table, "x", "y", kind="spearman", detrended=True)
    assert raw.value > 0.8
    assert abs(left.value) < 0.35
    assert left.low < 0 < left.high
    assert left.p > 0.05


def test_what_goes_together_beyond_the_step_remains():
    table = drifting(np.random.default_rng(1), 1.0, -1.0, joint=1.0)
    left = correlation(table, "x", "y", kind="pearson", detrended=True)
    assert left.value > 0.6
    assert left.low > 0
    assert left.p < 0.05
    assert (left.points, left.runs) == (48, 8)


def test_too_few_points_or_no_spread_give_no_correlation():
    table = drifting(np.random.default_rng(2), 1, 1, runs=1, steps=3)
    assert correlation(table, "x", "y", kind="spearman", detrended=False).value is None
    flat = drifting(np.random.default_rng(2), 1, 1).assign(x=1.0)
    assert correlation(flat, "x", "y", kind="spearman", detrended=False).value is None


def test_each_way_of_choosing_takes_its_checkpoint_and_regret_is_against_another():
    table = pd.DataFrame(
        {
            "run": ["a"] * 3 + ["b"] * 3,
            "arm": ["a"] * 3 + ["b"] * 3,
            "seed": [1] * 6,
            "step": [1, 2, 3] * 2,
            "critical words/mean": [3.0, 2.0, 1.0, None, 1.0, 1.0],
            "reward": [0.1, 0.9, 0.5, 0.2, 0.3, 0.1],
            "score": [0.5, 0.8, 0.6, 0.1, 0.2, 0.4],
        }
    )
    rows = choices(table, "score").set_index("run")
    scores = ["checkpoints", "best", "critical entropy", "reward", "last"]
    assert rows.loc["a", scores].tolist() == pytest.approx([3, 0.8, 0.5, 0.8, 0.6])
    assert rows.loc["b", "critical entropy"] == 0.4  # of equals, the later one
    # -0.3 for a and +0.2 for b.
    assert regret(table, "score", "reward").estimate == pytest.approx(-0.05)
