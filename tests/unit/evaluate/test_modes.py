"""The table of thinking modes."""

import csv
import json

import pytest

from r1v3.evaluate.modes import read_row, write_modes

SLOW = {"mean": 0.5, "low": 0.4, "high": 0.6, "tokens": 50.0, "truncated": 0.05, "n": 40, "runs": 5}


def evaluation(folder, suite: str, **changes):
    path = folder / f"{suite}-0123456789" / "scores.json"
    path.parent.mkdir()
    (path.parent / "config.json").write_text(json.dumps({"name": suite}))
    path.write_text(json.dumps({"benchmarks": {"mmmu_val": SLOW | changes}, "held_out": {}}))
    return path


def test_every_way_is_compared_with_slow(tmp_path):
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
    ]
    assert rows[2][2:] == [
        "at most 8 new tokens",
        "10.0 [0.0, 20.0]",
        "-40.0",
        "8.0",
        "x0.16",
        "100.0",
    ]
    assert rows[3][3:7] == ["25.0 [20.0, 30.0]", "-25.0", "12.5", "x0.25"]
    assert "closed at 8 tokens" in (tmp_path / "tables/modes.md").read_text()
    assert "mmmu_val: 40 items, 5 runs" in (tmp_path / "tables/modes.html").read_text()


def test_without_slow_nothing_is_compared(tmp_path):
    write_modes([evaluation(tmp_path, "checkpoint__nothink")], tmp_path / "modes.md")
    (_, row) = list(csv.reader((tmp_path / "modes.csv").open()))
    assert (row[4], row[6]) == ("-", "-")


def test_a_suite_without_a_way_and_two_benchmarks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="checkpoint__nowait, is expected"):
        read_row(evaluation(tmp_path, "checkpoint"))
    other = evaluation(tmp_path, "checkpoint__nowait")
    other.write_text(json.dumps({"benchmarks": {"emma_mini": SLOW}}))
    with pytest.raises(ValueError, match="one benchmark, not emma_mini, mmmu_val"):
        write_modes([evaluation(tmp_path, "checkpoint__slow"), other], tmp_path / "modes.md")
