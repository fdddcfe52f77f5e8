"""Prints the scores of a finished recipe beside the scores of kept runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

SETS = ("math", "multi_domain")


class HeldOutScore(BaseModel):
    """Accuracy and format of one held-out set, as shares."""

    model_config = ConfigDict(extra="forbid")
    accuracy: float
    format: float


class KeptRun(BaseModel):
    """The scores of one finished run of a recipe.

    `processor` is the text of `r1v3.recipe.outputs.environment.instructions`. `scores` are by model and
    held-out set.
    """

    model_config = ConfigDict(extra="forbid")
    seed: int
    processor: str
    date: str
    scores: dict[str, dict[str, HeldOutScore]]


class KeptRuns(BaseModel):
    """Finished runs of one recipe with different seeds or on different kinds of processors.

    Kinds of processors round differently. After training, that difference is as large as one between seeds.
    """

    model_config = ConfigDict(extra="forbid")
    runs: list[KeptRun]

    @classmethod
    def read(cls, path: Path) -> "KeptRuns":
        return cls.model_validate_json(path.read_text())

    def band(self, model: str, name: str) -> tuple[float, float]:
        """Return the lowest and the highest accuracy of a model on a held-out set, as shares."""
        found = [run.scores[model][name].accuracy for run in self.runs]
        return min(found), max(found)


def held_out_lines(
    models: Mapping[str, Mapping[str, Mapping[str, float]]], kept: KeptRuns | None = None
) -> list[str]:
    """Write accuracy and format of each model in percent, with the range of kept runs if there are any.

    Args:
        models: accuracy and format as shares, by model and held-out set.
        kept: finished runs of the same recipe.
    """
    width = 24 if kept is None else 36
    lines = [f"{'held out, greedy':<20}" + "".join(f"{name:>{width}}" for name in SETS)]
    for model, scores in models.items():
        cells = []
        for name in SETS:
            score = scores[name]
            text = f"{100 * score['accuracy']:.1f} (format {100 * score['format']:.1f})"
            if kept is not None:
                low, high = kept.band(model, name)
                text += f" [{100 * low:.1f}, {100 * high:.1f}]"
            cells.append(f"{text:>{width}}")
        lines.append(f"{model:<20}" + "".join(cells))
    return lines


def band_lines(
    models: Mapping[str, Mapping[str, Mapping[str, float]]], kept: KeptRuns, processor: str
) -> list[str]:
    """Explain the ranges, name the scores that lie outside, and give a possible reason.

    Args:
        models: as in `held_out_lines`.
        kept: finished runs of the same recipe.
        processor: this machine's `instructions`.
    """
    kinds = sorted({run.processor for run in kept.runs})
    lines = [f"[lowest, highest] of {len(kept.runs)} runs on {', '.join(kinds)}."]
    outside = [
        f"{model} on {name}"
        for model, scores in models.items()
        for name in SETS
        if not kept.band(model, name)[0] <= scores[name]["accuracy"] <= kept.band(model, name)[1]
    ]
    if not outside:
        return lines
    lines.append(f"Outside: {', '.join(outside)}.")
    if processor in kinds:
        lines.append(
            f"Runs on {processor} are among these: seed 1 gives the same scores there, unless packages"
            " or code have changed."
        )
    else:
        chance = 2 / (len(kept.runs) + 1)
        lines.append(
            f"This machine is {processor}, which rounds differently: it ends as another seed does, and"
            f" another seed leaves such a range in {chance:.0%} of cases."
        )
    return lines


def benchmark_lines(benchmarks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Write mean and 95 % interval in percent, items and runs of each benchmark of the final model."""
    lines = [f"{'benchmark, final':<24}{'mean':>8}{'interval':>18}{'items':>8}{'runs':>6}"]
    for name, score in benchmarks.items():
        interval = f"{100 * score['low']:.1f} to {100 * score['high']:.1f}"
        mean = 100 * score["mean"]
        lines.append(f"{name:<24}{mean:>8.1f}{interval:>18}{score['n']:>8}{score['runs']:>6}")
    return lines


def score_lines(summary: Mapping[str, Any], kept: KeptRuns | None, processor: str) -> Sequence[str]:
    """Write all tables of this module for a `results/summary.json`."""
    lines = held_out_lines(summary["models"], kept)
    if kept is not None:
        lines += band_lines(summary["models"], kept, processor)
    return [*lines, "", *benchmark_lines(summary["benchmarks"])]
