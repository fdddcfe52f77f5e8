"""A second judge for the same answers: how often two judges agree, and the score under each.

A score that depends on a model's verdicts is only as good as that model. Rules decide on letters and plain
numbers, which are the same for both judges. Only answers that at least one of the judges decided count here.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from r1v3.recipe.schema.training import Verifier
from r1v3.reward.configured import SECOND_URL, open_grader
from r1v3.reward.grader import Grader

BY_JUDGE = "verifier"


def ask_second_judge(
    judge: Verifier,
    cache: Path,
    runs: list[pd.DataFrame],
    judge_runs: Callable[[Grader], list[pd.DataFrame]],
    score_of: Callable[[pd.DataFrame], float],
) -> dict[str, Any]:
    """Add a column `second` to the verdicts of each run, and return how the judges agree.

    Args:
        judge: the second judge, at the address in `R1V3_SECOND_JUDGE_URL`.
        cache: folder of its verdicts.
        runs: the first judge's verdicts, one frame a run.
        judge_runs: judges the same answers with another grader, in the same order.
        score_of: computes the benchmark's score from a run's verdicts, in [0, 1].
    """
    if not os.environ.get(SECOND_URL):
        return {"model": judge.model, "missing": f"{judge.model} has no address in {SECOND_URL}"}
    with open_grader(judge, cache, address=SECOND_URL) as grader:
        others = judge_runs(grader)
    for run, other in zip(runs, others, strict=True):
        run["second"] = other["correct"].where(other["judged"], None)
    scores = [sum(score_of(run) for run in judged) / len(runs) for judged in (runs, others)]
    return {
        "model": judge.model,
        **agreement(pd.concat(runs), pd.concat(others)),
        "first_mean": scores[0],
        "second_mean": scores[1],
    }


def agreement(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, float | int | None]:
    """Measure how two judges' verdicts on the same rows agree.

    `decided` counts the answers that either judge decided, `unjudged` those of them that the second left
    without a verdict. `agree` is the share of equal verdicts among those that both judged. `kappa` is
    Cohen's, which subtracts the agreement expected by chance. Both are None if there is nothing to compare.
    `kappa` is also None if each judge gave the same single verdict throughout.
    """
    decided = first["by"].eq(BY_JUDGE) | second["by"].eq(BY_JUDGE)
    both = decided & first["judged"] & second["judged"]
    a, b = first.loc[both, "correct"].astype(bool), second.loc[both, "correct"].astype(bool)
    return {
        "decided": int(decided.sum()),
        "unjudged": int((decided & ~second["judged"]).sum()),
        "agree": float((a == b).mean()) if len(a) else None,
        "kappa": _kappa(a, b),
    }


def _kappa(a: pd.Series, b: pd.Series) -> float | None:
    from sklearn.metrics import (
        cohen_kappa_score,
    )  # takes a second, so it is not imported at the top

    if len(a) == 0 or pd.concat([a, b]).nunique() < 2:
        return None
    return float(cohen_kappa_score(a, b))
