"""README's table of scores is that of `docs/demo_scores.json`, which `make demo` shows beside its own."""

from pathlib import Path

import pytest

from r1v3.analyze.score_table import SETS, SeedScores

ROOT = Path(__file__).parents[2]
ROWS = {
    "base": "base model",
    "cold_start": "cold-start SFT",
    "rl": "GRPO (a checkpoint chosen by entropy)",
    "final": "connector-only tuning",
}


def spread(shares: list[float]) -> str:
    """Mean and range in percent."""
    percent = [100 * share for share in shares]
    return f"{sum(percent) / len(percent):.1f} ({min(percent):.1f} to {max(percent):.1f})"


@pytest.mark.parametrize("model", ROWS)
def test_the_readme_gives_mean_and_range_of_the_seeds(model):
    kept = SeedScores.read(ROOT / "docs/demo_scores.json")
    cells = [
        spread([getattr(scores[model][name], measure) for scores in kept.seeds.values()])
        for name in SETS
        for measure in ("accuracy", "format")
    ]
    assert f"| {ROWS[model]} | {' | '.join(cells)} |" in (ROOT / "README.md").read_text()


def test_the_readme_names_the_processor_and_the_day():
    kept = SeedScores.read(ROOT / "docs/demo_scores.json")
    text = " ".join((ROOT / "README.md").read_text().split())
    assert kept.processor in text
    assert kept.date in text
