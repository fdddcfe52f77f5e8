"""Critical-token entropy against accuracy over checkpoints (section 5.1, figure 5), with controls.

Both quantities drift with the step, so a raw correlation proves little. There are four controls. The first
removes the effect of the step and each run's mean before correlating. The second permutes the checkpoints
within their runs. The third computes the same correlation for control words. The fourth measures how much
accuracy is lost when entropy chooses the checkpoint.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from r1v3.analyze.studies.effects import Effect, mean_effect
from r1v3.analyze.studies.evidence import Evidence, column
from r1v3.base.bootstrap import cluster_picks

RESAMPLES, TAILS = 500, (0.025, 0.975)
READINGS = {"critical words": "emitted", "sentence starts": "candidate", "control words": "control"}


@dataclass(frozen=True)
class CheckpointCorrelation:
    """A correlation, its bootstrap interval over runs, and the p-value of the permutation test within runs.

    `beyond` is the number of standard deviations by which the correlation exceeds the mean over these
    permutations. If it is near 0, the correlation comes from differences between runs, not from the steps
    within a run. A value that could not be computed is None.
    """

    kind: str
    detrended: bool
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    points: int
    runs: int
    beyond: float | None = None


def checkpoint_table(evidence: Evidence) -> pd.DataFrame:
    """Return a row for each kept checkpoint of each GRPO arm and seed: entropies, reward, accuracies."""
    rows = []
    for label in evidence.study.arms:
        for seed in evidence.seeds_of(label):
            for probe in evidence.probes(label, seed):
                row = {
                    "arm": label,
                    "seed": seed,
                    "run": f"{label}, seed {seed}",
                    "step": probe["step"],
                }
                row |= {"reward": probe["reward"], "mean_entropy": probe["entropy"]}
                for name, key in READINGS.items():
                    reading = probe[key]
                    row |= {
                        f"{name}/{part}": reading[part] for part in ("mean", "low", "high", "count")
                    }
                for measure in evidence.study.by_step:
                    row[measure] = float(
                        evidence.items_at(label, measure, seed, probe["step"]).mean()
                    )
                rows.append(row)
    return pd.DataFrame(rows)


def correlation(
    table: pd.DataFrame, x: str, y: str, *, kind: str, detrended: bool, seed: int = 0
) -> CheckpointCorrelation:
    """Compute Spearman's or Pearson's correlation of two columns over checkpoints.

    Args:
        table: has the columns run, step, x and y; rows without x or y are left out.
        kind: `spearman` or `pearson`.
        detrended: whether each run's mean and a common slope over steps are removed first.
    """
    known = table.dropna(subset=[x, y]).reset_index(drop=True)
    runs = len(set(known["run"]))
    value = _correlate(known, x, y, kind, detrended)
    if value is None:
        return CheckpointCorrelation(kind, detrended, None, None, None, None, len(known), runs)
    rng = np.random.default_rng(seed)
    groups = [group for _, group in known.groupby("run", sort=True)]
    drawn: list[float] = []
    shuffles: list[float] = []
    extreme = 0
    for (picks,) in cluster_picks(len(groups), RESAMPLES, rng, at_a_time=1):
        sample = pd.concat([groups[n].assign(run=place) for place, n in enumerate(picks)])
        found = _correlate(sample, x, y, kind, detrended)
        drawn += [] if found is None else [found]
        shuffled = known.assign(**{y: _within_runs(known, y, rng)})
        other = _correlate(shuffled, x, y, kind, detrended)
        shuffles += [] if other is None else [other]
        extreme += other is not None and abs(other) >= abs(value) - 1e-12
    low = high = None
    if len(drawn) > 1:
        low, high = (float(value) for value in np.quantile(drawn, TAILS))
    p = (1 + extreme) / (1 + RESAMPLES)
    spread = float(np.std(shuffles)) if shuffles else 0.0
    beyond = (value - float(np.mean(shuffles))) / spread if spread else None
    return CheckpointCorrelation(kind, detrended, value, low, high, p, len(known), runs, beyond)


def correlations(table: pd.DataFrame, measures: list[str]) -> list[dict[str, Any]]:
    """Compute both kinds of correlation of every reading with every measure, raw and detrended."""
    rows = []
    for measure in measures:
        for name in READINGS:
            for kind in ("spearman", "pearson"):
                for detrended in (False, True):
                    found = correlation(
                        table, f"{name}/mean", measure, kind=kind, detrended=detrended
                    )
                    rows.append({"reading": name, "measure": measure, **asdict(found)})
    return rows


def choices(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return for each run the measure at the checkpoint that each criterion chooses; ties go to the last."""
    rows = []
    for run, group in table.groupby("run", sort=False):
        group = group.sort_values("step")
        if len(group) < 2:
            continue
        row = {"run": run, "arm": group["arm"].iloc[0], "seed": int(group["seed"].iloc[0])}
        row |= {"checkpoints": len(group), "best": group[measure].max()}
        for criterion, name in (("critical entropy", "critical words/mean"), ("reward", "reward")):
            known = group.dropna(subset=[name])
            best = known.nlargest(1, name, keep="last") if len(known) else group.tail(1)
            row[criterion] = float(best[measure].iloc[0])
        row["last"] = float(group[measure].iloc[-1])
        rows.append(row)
    return pd.DataFrame(rows)


def regret(table: pd.DataFrame, measure: str, against: str) -> Effect:
    """Compute what the choice by critical-token entropy gains over another; arms are the items."""
    chosen = choices(table, measure)
    return over_arms(chosen, column(chosen, "critical entropy") - column(chosen, against))


def over_arms(chosen: pd.DataFrame, values: pd.Series) -> Effect:
    """Compute a value's mean over runs. Arms are the items, and the seeds of an arm form a cluster.

    Args:
        chosen: result of `choices`; an arm that lacks a seed is left out.
    """
    cells = chosen[["seed", "arm"]].assign(value=values)
    by_seed = cells.pivot_table(index="seed", columns="arm", values="value", dropna=False)
    return mean_effect(by_seed.dropna(axis=1).to_numpy())


def _correlate(table: pd.DataFrame, x: str, y: str, kind: str, detrended: bool) -> float | None:
    one, other = (
        _detrended(table, name) if detrended else column(table, name).to_numpy(float)
        for name in (x, y)
    )
    if len(one) < 4 or np.ptp(one) < 1e-9 or np.ptp(other) < 1e-9:
        return None
    correlate = stats.spearmanr if kind == "spearman" else stats.pearsonr
    return float(np.asarray(correlate(one, other))[0])


def _detrended(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column after removing each run's mean and a common slope over steps."""
    step, value = _without_level(table, "step"), _without_level(table, name)
    slope = (step @ value) / (step @ step) if step @ step else 0.0
    return value - slope * step


def _without_level(table: pd.DataFrame, name: str) -> np.ndarray:
    level = table.groupby("run")[name].transform("mean").to_numpy(float)
    return column(table, name).to_numpy(float) - level


def _within_runs(table: pd.DataFrame, name: str, rng: np.random.Generator) -> np.ndarray:
    """Return a column whose values are permuted within each run."""
    by_run = table.groupby("run")[name]
    return by_run.transform(lambda part: rng.permutation(part.to_numpy())).to_numpy()
