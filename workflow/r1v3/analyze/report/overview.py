"""The first screen of the report: pipeline, scores of the stages, reward, and the result of figure 5."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from r1v3.analyze.report.panels import ends
from r1v3.analyze.report.tables import SETS, STAGES
from r1v3.analyze.results import Result
from r1v3.evaluate.statistics import wilson
from r1v3.recipe.graph.configs import GrpoConfig, ModelConfig, SftConfig
from r1v3.render.figures import curves, stages

FEWEST = 4  # fewest points for which a correlation can have an interval
NORMAL = 1.96


@dataclass(frozen=True)
class StageBox:
    """A stage in the picture of the pipeline: what it does, what it learns from, and its scores."""

    title: str
    run: str
    lines: list[str]
    scores: list[tuple[str, str]]


@dataclass(frozen=True)
class EntropyAnswer:
    """Whether entropy at critical tokens predicts the benchmark: Spearman's rho, and the conclusion in words.

    `low` and `high` are the ends of the 95 % interval; None if there are too few points.
    """

    points: int
    rho: float | None
    low: float | None
    high: float | None
    conclusion: str


def pipeline(
    runs: list[Result], data: dict[str, Result], models: dict[str, dict[str, Any]], chosen: int
) -> list[StageBox]:
    """Return the stages of the core path in order, without models that are only asked, such as the teacher.

    Args:
        data: data sets by id.
        models: the held-out scores of each stage.
        chosen: the step of the GRPO run from which the next stage starts.
    """
    boxes = []
    for run in runs:
        if run.name not in models:
            continue
        config, lines = run.config, []
        if isinstance(config, SftConfig | GrpoConfig):
            learned = data.get(config.data)
            count = f"{learned.facts['records']:,} records" if learned else "data"
            lines.append(f"{count} of {config.data.rpartition('-')[0]}")
            trained = config.settings.train
            groups = "all modules" if len(trained) == 3 else ", ".join(trained)
            lines.append(f"{run.facts['steps']:,} steps, {groups.replace('_', ' ')}")
        if isinstance(config, GrpoConfig):
            lines.append(f"step {chosen:,} goes on")
        if isinstance(config, ModelConfig):
            lines.append("where all begins")
        scores = [
            (SETS.get(name, name), f"{100 * score['accuracy']:.1f} %")
            for name, score in models[run.name].items()
        ]
        boxes.append(StageBox(STAGES.get(run.name, run.name), run.name, lines, scores))
    return boxes


def stage_panel(models: dict[str, dict[str, Any]]) -> str:
    """Draw held-out accuracy of every stage with its 95 % Wilson interval."""
    lines: dict[str, list[tuple[str, float, float, float]]] = {}
    for name, scores in models.items():
        for key, score in scores.items():
            low, high = wilson(score["accuracy"], score["n"], 0.95)
            point = (STAGES.get(name, name), 100 * score["accuracy"], 100 * low, 100 * high)
            lines.setdefault(SETS.get(key, key), []).append(point)
    said = "; ".join(
        f"{label}: {', '.join(f'{stage} {mean:.1f}' for stage, mean, *_ in points)}"
        for label, points in lines.items()
    )
    return stages("stages", f"held-out accuracy by stage: {said}", lines, y="held-out accuracy, %")


def reward_panel(run: Result) -> str | None:
    """Draw the reward of the GRPO run over its steps, with its two parts."""
    lines = {key: run.series(key) for key in ("reward", "accuracy", "format")}
    lines = {key: line for key, line in lines.items() if line[0]}
    if not lines:
        return None
    said = "; ".join(f"{key} {ends(values)}" for key, (_, values) in lines.items())
    alt = f"reward over the steps of {run.name}: {said}"
    return curves("reward", alt, lines, y="reward and its parts, training questions")


def entropy_answer(rows: list[dict[str, Any]], title: str) -> EntropyAnswer:
    """Say what the kept checkpoints of one run show about critical-token entropy and the benchmark.

    The interval is Fisher's, with the variance 1.06 / (n - 3) of Spearman's rho (Fieller et al. 1957).

    Args:
        rows: rows of `tables.checkpoint_rows`.
        title: title of the benchmark.
    """
    known = [row for row in rows if row["entropy"] is not None]
    count = len(known)
    entropies, scores = ([row["entropy"] for row in known], [row["score"]["mean"] for row in known])
    if count < FEWEST or len(set(entropies)) == 1 or len(set(scores)) == 1:
        return EntropyAnswer(
            count,
            None,
            None,
            None,
            f"Nothing can be concluded: {count} checkpoint{'' if count == 1 else 's'} had enough critical"
            f" tokens, and a correlation needs {FEWEST} that differ.",
        )
    rho = float(np.asarray(stats.spearmanr(entropies, scores))[0])
    centre = math.atanh(max(-0.9999, min(0.9999, rho)))
    reach = NORMAL * math.sqrt(1.06 / (count - 3))
    low, high = math.tanh(centre - reach), math.tanh(centre + reach)
    drift = "Both drift with the step, and this is one run, so it shows no cause."
    if low <= 0 <= high:
        conclusion = (
            f"Nothing can be concluded from these {count} checkpoints: the interval holds zero, so {title}"
            " may rise or fall with the entropy. " + drift
        )
    else:
        direction = "higher" if rho > 0 else "lower"
        conclusion = (
            f"In this run, checkpoints with more entropy at critical tokens score {direction} on {title}. "
            + drift
        )
    return EntropyAnswer(count, rho, low, high, conclusion)
