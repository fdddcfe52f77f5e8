"""README's table has the scores of `config/demo_scores.json`, which `make demo` compares with its own."""

from pathlib import Path

import pytest

from r1v3.analyze.score_table import SETS, KeptRuns

ROOT = Path(__file__).parents[2]
ROWS = {
    "base": "base model",
    "cold_start": "cold-start SFT",
    "rl": "GRPO (a checkpoint chosen by entropy)",
    "final": "connector-only tuning",
}


def spread(shares: list[float]) -> str:
    """Return mean and range in percent, or one figure if all are equal."""
    percent = [100 * share for share in shares]
    mean, low, high = (
        f"{figure:.1f}" for figure in (sum(percent) / len(percent), min(percent), max(percent))
    )
    return mean if low == high else f"{mean} ({low} to {high})"


@pytest.mark.parametrize("model", ROWS)
def test_the_readme_gives_mean_and_range_of_the_runs(model):
    kept = KeptRuns.read(ROOT / "config/demo_scores.json")
    cells = [
        spread([getattr(run.scores[model][name], measure) for run in kept.runs])
        for name in SETS
        for measure in ("accuracy", "format")
    ]
    assert f"| {ROWS[model]} | {' | '.join(cells)} |" in (ROOT / "README.md").read_text()


def test_the_readme_names_every_seed_and_processor():
    kept = KeptRuns.read(ROOT / "config/demo_scores.json")
    text = " ".join((ROOT / "README.md").read_text().split())
    for run in kept.runs:
        assert run.processor in text
    assert f"of {len(kept.runs)} runs" in text
