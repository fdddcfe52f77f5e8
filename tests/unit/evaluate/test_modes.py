"""The table of thinking modes."""

import csv
import json

import pytest
from evaluation_fixtures import evaluation_config, write_config

from r1v3.evaluate.thinking_modes import read_mode_scores, write_modes

SLOW = {"mean": 0.5, "low": 0.4, "high": 0.6, "tokens": 50.0, "truncated": 0.05, "n": 40, "runs": 5}
SLOW["detectable_difference"] = 0.124


def evaluation(folder, suite: str, held_out=None, **changes):
    path = folder / f"{suite}-made" / "scores.json"
    path.parent.mkdir()
    write_config(path.parent, evaluation_config(name=suite))
    benchmarks = {} if held_out else {"mmmu_val": SLOW | changes}
    path.write_text(json.dumps({"benchmarks": benchmarks, "held_out": held_out or {}}))
    return path


def test_every_mode_is_compared_with_slow(tmp_path):
    paths = [
        evaluation(tmp_path, "checkpoint__slow"),
        evaluation(
            tmp_path, "checkpoint__cap_8", mean=0.1, low=0.0, high=0.2, tokens=8.0, truncated=1.0
        ),
        evaluation(tmp_path, "checkpoint__force_8", mean=0.25, low=0.2, high=0.3, tokens=12.5),
    ]
    write_modes(paths, tmp_path / "tables" / "modes.md")
    rows = list(csv.reader((tmp_path / "tables/modes.csv").open()))
    assert rows[1][1:] == [
        "slow",
        "the template opens the thought",
        "50.0 [40.0, 60.0]",
        "+0.0",
        "50.0",
        "x1.00",
        "5.0",
        "12.4",
    ]
    assert rows[2][2:] == [
        "at most 8 new tokens",
        "10.0 [0.0, 20.0]",
        "-40.0",
        "8.0",
        "x0.16",
        "100.0",
        "12.4",
    ]
    assert rows[3][3:7] == ["25.0 [20.0, 30.0]", "-25.0", "12.5", "x0.25"]
    assert "closed at 8 tokens" in (tmp_path / "tables/modes.md").read_text()
    assert "mmmu_val: 40 items, 5 runs" in (tmp_path / "tables/modes.html").read_text()


def test_without_slow_nothing_is_compared(tmp_path):
    write_modes([evaluation(tmp_path, "checkpoint__nothink")], tmp_path / "modes.md")
    (_, row) = list(csv.reader((tmp_path / "modes.csv").open()))
    assert (row[4], row[6]) == ("-", "-")


def test_a_held_out_set_stands_below_with_its_own_slow(tmp_path):
    score = {"accuracy": 0.9, "format": 1.0, "n": 100, "tokens": 30.0, "truncated": 0.0}
    paths = [
        evaluation(tmp_path, "checkpoint__slow"),
        evaluation(tmp_path, "held_out__slow", held_out={"math": score}),
        evaluation(
            tmp_path,
            "held_out__nothink",
            held_out={"math": score | {"accuracy": 0.4, "tokens": 3.0}},
        ),
    ]
    write_modes(paths, tmp_path / "modes.md")
    rows = list(csv.reader((tmp_path / "modes.csv").open()))
    assert rows[2][0] == "held-out math: 100 items, 1 run"
    assert rows[2][3:5] == ["90.0 [82.6, 94.5]", "+0.0"]  # Wilson, z = 1.96
    assert rows[3][4:7] == ["-50.0", "3.0", "x0.10"]
    # Two shares of 0.9: 2.80 x sqrt(2 x (91/102) x (11/102) / 100).
    assert rows[2][-1] == "12.3"


def test_a_suite_without_a_way_is_refused(tmp_path):
    with pytest.raises(ValueError, match="checkpoint__nowait, is expected"):
        read_mode_scores(evaluation(tmp_path, "checkpoint"))
