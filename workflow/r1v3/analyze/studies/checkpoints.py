"""Critical-token entropy against accuracy over checkpoints (section 5.1, figure 5), with its controls.

Both quantities drift with the step, so that a raw correlation shows little. Beside it stand the correlation
of what is left after the step and each run's own level are taken out, a permutation of the checkpoints within
their runs, the same for control words, and what the choice by entropy loses.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import stats

from r1v3.analyze.studies.effects import Effect, effect
from r1v3.analyze.studies.evidence import Evidence

RESAMPLES = 500
READINGS = {"critical words": "emitted", "sentence starts": "candidate", "control words": "control"}


@dataclass(frozen=True)
class Correlation:
    """A correlation with its bootstrap interval over runs and its permutation p within runs.

    `beyond`: by how many standard deviations it lies above the mean of such permutations. Near 0, the
    correlation comes from differences between runs, not from the steps within a run.
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
    """A row a kept checkpoint of each reinforced arm and seed: entropies, reward, accuracies."""
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
) -> Correlation:
    """Spearman's or Pearson's correlation of two columns over checkpoints.

    Args:
        table: with columns run, step, x and y; rows without a value are left out.
        kind: `spearman` or `pearson`.
        detrended: of what is left after one slope over steps and a level for each run are taken out.
    """
    known = table.dropna(subset=[x, y]).reset_index(drop=True)
    runs = known["run"].nunique()
    value = _correlate(known, x, y, kind, detrended)
    if value is None:
        return Correlation(kind, detrended, None, None, None, None, len(known), runs)
    rng = np.random.default_rng(seed)
    groups = [group for _, group in known.groupby("run", sort=True)]
    drawn, shuffles, extreme = [], [], 0
    for _ in range(RESAMPLES):
        picks = rng.integers(0, len(groups), len(groups))
        sample = pd.concat([groups[n].assign(run=place) for place, n in enumerate(picks)])
        found = _correlate(sample, x, y, kind, detrended)
        drawn += [] if found is None else [found]
        shuffled = known.assign(**{y: _within_runs(known, y, rng)})
        other = _correlate(shuffled, x, y, kind, detrended)
        shuffles += [] if other is None else [other]
        extreme += other is not None and abs(other) >= abs(value) - 1e-12
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) > 1 else (None, None)
    p = (1 + extreme) / (1 + RESAMPLES)
    spread = float(np.std(shuffles)) if shuffles else 0.0
    beyond = (value - float(np.mean(shuffles))) / spread if spread else None
    low, high = _plain(low), _plain(high)
    return Correlation(kind, detrended, value, low, high, p, len(known), runs, beyond)


def correlations(table: pd.DataFrame, measures: list[str]) -> list[dict]:
    """Every reading against every measure, by both kinds, raw and detrended."""
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
    """For each run, the measure at the checkpoint that each way of choosing takes; the later of equals."""
    rows = []
    for run, group in table.groupby("run", sort=False):
        group = group.sort_values("step")
        if len(group) < 2:
            continue
        row = {"run": run, "arm": group["arm"].iloc[0], "seed": int(group["seed"].iloc[0])}
        row |= {"checkpoints": len(group), "best": group[measure].max()}
        for way, column in (("critical entropy", "critical words/mean"), ("reward", "reward")):
            known = group[group[column].notna()]
            best = (
                known[known[column] == known[column].max()].tail(1) if len(known) else group.tail(1)
            )
            row[way] = float(best[measure].iloc[0])
        row["last"] = float(group[measure].iloc[-1])
        rows.append(row)
    return pd.DataFrame(rows)


def regret(table: pd.DataFrame, measure: str, against: str) -> Effect:
    """What the choice by critical entropy gains over another one (negative: loses): arms are the items."""
    chosen = choices(table, measure)
    return over_arms(chosen, chosen["critical entropy"] - chosen[against])


def over_arms(chosen: pd.DataFrame, values: pd.Series) -> Effect:
    """The mean of a value of each run; a seed is a cluster over the arms, as it is over items elsewhere.

    Args:
        chosen: what `choices` gives; an arm that lacks a seed is left out.
    """
    by_seed = values.groupby([chosen["seed"], chosen["arm"]]).mean().unstack("arm")
    return effect(by_seed.dropna(axis=1).to_numpy())


def _correlate(table: pd.DataFrame, x: str, y: str, kind: str, detrended: bool) -> float | None:
    one, other = (_left(table, c) if detrended else table[c].to_numpy(float) for c in (x, y))
    if len(one) < 4 or np.ptp(one) < 1e-9 or np.ptp(other) < 1e-9:
        return None
    found = (stats.spearmanr if kind == "spearman" else stats.pearsonr)(one, other)
    return float(found.statistic)


def _left(table: pd.DataFrame, column: str) -> np.ndarray:
    """What is left of a column after a level for each run and one slope over steps."""
    by_run = table.groupby("run")
    step = (table["step"] - by_run["step"].transform("mean")).to_numpy(float)
    value = (table[column] - by_run[column].transform("mean")).to_numpy(float)
    slope = (step @ value) / (step @ step) if step @ step else 0.0
    return value - slope * step


def _within_runs(table: pd.DataFrame, column: str, rng) -> np.ndarray:
    return (
        table.groupby("run")[column]
        .transform(lambda part: rng.permutation(part.to_numpy()))
        .to_numpy()
    )


def _plain(value) -> float | None:
    return None if value is None else float(value)
