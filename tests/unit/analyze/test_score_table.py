"""The table after `make demo`: scores beside the range of other runs, and scores outside of it."""

import pytest

from r1v3.analyze.score_table import KeptRuns, band_lines, held_out_lines, score_lines

HERE = "GenuineIntel avx512f"


def scored(math: float, domains: float) -> dict:
    return {
        "final": {
            "math": {"accuracy": math, "format": 1.0},
            "multi_domain": {"accuracy": domains, "format": 0.999},
        }
    }


@pytest.fixture
def kept() -> KeptRuns:
    found = ((1, 0.80, 0.30), (2, 0.86, 0.40), (3, 0.83, 0.35))
    runs = [
        {"seed": seed, "processor": HERE, "date": "1 March 2026", "scores": scored(math, domains)}
        for seed, math, domains in found
    ]
    return KeptRuns.model_validate({"runs": runs})


def test_a_band_is_the_lowest_and_the_highest_of_the_runs(kept):
    assert kept.band("final", "math") == (0.80, 0.86)


def test_each_score_stands_beside_the_range_of_the_runs(kept):
    line = held_out_lines(scored(0.813, 0.382), kept)[-1]
    assert " ".join(line.split()) == (
        "final 81.3 (format 100.0) [80.0, 86.0] 38.2 (format 99.9) [30.0, 40.0]"
    )


def test_without_other_runs_there_is_no_range():
    assert "[" not in "\n".join(held_out_lines(scored(0.813, 0.382)))


def test_scores_within_the_range_need_no_word(kept):
    assert band_lines(scored(0.80, 0.40), kept, HERE) == [f"[lowest, highest] of 3 runs on {HERE}."]


def test_a_score_outside_is_named_and_another_processor_is_the_reason(kept):
    lines = band_lines(scored(0.79, 0.41), kept, "AuthenticAMD avx2")
    assert lines[1] == "Outside: final on math, final on multi_domain."
    assert "AuthenticAMD avx2, which rounds differently" in lines[2]
    assert "50% of cases" in lines[2]


def test_a_score_outside_on_a_kind_of_processor_that_ran_before_is_a_change_of_code(kept):
    lines = band_lines(scored(0.79, 0.35), kept, HERE)
    assert lines[1] == "Outside: final on math."
    assert "packages or code have changed" in lines[2]


def test_the_benchmarks_stand_below(kept):
    summary = {
        "models": scored(0.8, 0.3),
        "benchmarks": {"mmstar": {"mean": 0.255, "low": 0.2, "high": 0.31, "n": 40, "runs": 5}},
    }
    lines = score_lines(summary, kept, HERE)
    assert " ".join(lines[-1].split()) == "mmstar 25.5 20.0 to 31.0 40 5"
