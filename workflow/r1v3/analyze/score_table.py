"""The scores of a finished recipe as lines of text, beside the scores that other seeds gave."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

SETS = ("math", "multi_domain")


class Score(BaseModel):
    """Accuracy and format of one held-out set, as shares."""

    model_config = ConfigDict(extra="forbid")
    accuracy: float
    format: float


class SeedScores(BaseModel):
    """The held-out scores of a recipe under several seeds, on one kind of processor.

    `processor` is what `r1v3.recipe.outputs.environment.instructions` says; `seeds` holds, by seed,
    the scores by model and held-out set.
    """

    model_config = ConfigDict(extra="forbid")
    processor: str
    date: str
    command: str
    seeds: dict[int, dict[str, dict[str, Score]]]

    @classmethod
    def read(cls, path: Path) -> "SeedScores":
        return cls.model_validate_json(path.read_text())

    def band(self, model: str, name: str) -> tuple[float, float, float]:
        """Mean, lowest and highest accuracy of a model on a held-out set, as shares."""
        found = [scores[model][name].accuracy for scores in self.seeds.values()]
        return sum(found) / len(found), min(found), max(found)


def held_out_lines(
    models: Mapping[str, Mapping[str, Mapping[str, float]]], kept: SeedScores | None = None
) -> list[str]:
    """Accuracy and format of each model in percent; with `kept`, the range of its seeds beside them.

    Args:
        models: accuracy and format as shares, by model and held-out set.
        kept: what other seeds of the same recipe gave.
    """
    width = 24 if kept is None else 36
    lines = [f"{'held out, greedy':<20}" + "".join(f"{name:>{width}}" for name in SETS)]
    for model, scores in models.items():
        cells = []
        for name in SETS:
            score = scores[name]
            text = f"{100 * score['accuracy']:.1f} (format {100 * score['format']:.1f})"
            if kept is not None:
                _, low, high = kept.band(model, name)
                text += f" [{100 * low:.1f}, {100 * high:.1f}]"
            cells.append(f"{text:>{width}}")
        lines.append(f"{model:<20}" + "".join(cells))
    return lines


def band_lines(
    models: Mapping[str, Mapping[str, Mapping[str, float]]], kept: SeedScores, processor: str
) -> list[str]:
    """What the ranges are, and which scores lie outside them and why that may be.

    Args:
        models: as in `held_out_lines`.
        kept: what other seeds of the same recipe gave.
        processor: what this machine's `instructions` say.
    """
    lines = [f"[lowest, highest] of {len(kept.seeds)} seeds on {kept.processor}, {kept.date}."]
    outside = [
        f"{model} on {name}"
        for model, scores in models.items()
        for name in SETS
        if not kept.band(model, name)[1] <= scores[name]["accuracy"] <= kept.band(model, name)[2]
    ]
    if not outside:
        return lines
    lines.append(f"Outside: {', '.join(outside)}.")
    if processor != kept.processor:
        lines.append(
            f"This machine is {processor}, which rounds differently: a run here is as another seed."
        )
    else:
        chance = 2 / (len(kept.seeds) + 1)
        lines.append(
            f"A new seed leaves the range of {len(kept.seeds)} others in {chance:.0%} of cases. "
            "Seed 1 on this kind of processor does not, unless packages or code have changed."
        )
    return lines


def benchmark_lines(benchmarks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Mean and 95 % interval in percent, items and runs of each benchmark of the final model."""
    lines = [f"{'benchmark, final':<24}{'mean':>8}{'interval':>18}{'items':>8}{'runs':>6}"]
    for name, score in benchmarks.items():
        interval = f"{100 * score['low']:.1f} to {100 * score['high']:.1f}"
        mean = 100 * score["mean"]
        lines.append(f"{name:<24}{mean:>8.1f}{interval:>18}{score['n']:>8}{score['runs']:>6}")
    return lines


def score_lines(
    summary: Mapping[str, Any], kept: SeedScores | None, processor: str
) -> Sequence[str]:
    """All of the above for a `results/summary.json`."""
    lines = held_out_lines(summary["models"], kept)
    if kept is not None:
        lines += band_lines(summary["models"], kept, processor)
    return [*lines, "", *benchmark_lines(summary["benchmarks"])]
