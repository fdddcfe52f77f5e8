"""`r1v3 claims check`: a table of anyone's numbers gets the same verdicts as the ledger."""

import csv

import numpy as np
import pytest
from made_up_results import ROOT

from r1v3.analyze.studies import checkpoints
from r1v3.analyze.studies.from_file import (
    NEEDED,
    OF_A_SCORE,
    PLACES,
    check_table,
    read_table,
    wanted,
)
from r1v3.cli.app import main
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project
from r1v3.recipe.schema.report_numbers import expression_value

GRAPH = ResultGraph(load_project(ROOT, "paper"))
CLAIMS = GRAPH.project.claims
SEEDS = (1, 2, 3)


def write(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, (*NEEDED, *PLACES, *OF_A_SCORE), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def verdicts(path):
    return {v.claim: v for v in check_table(GRAPH, read_table(path, GRAPH))}


def items_of(name, effect):
    claim = CLAIMS[name]
    for arm, right in ((claim.a, 0.5 + effect), (claim.b, 0.5)):
        for seed in SEEDS:
            for item in range(60):
                value = right + 0.01 * (item % 3 - 1)
                yield {"study": claim.study, "arm": arm, "seed": seed, "measure": claim.measure,
                       "item": f"q{item}", "value": value}  # fmt: skip


def curve_of(name, ends):
    claim = CLAIMS[name]
    for seed in SEEDS:
        for step in range(1, 61):
            value = (0.3 if step <= 30 else 0.3 + ends) + 0.001 * (step % 2)
            yield {"study": claim.study, "arm": claim.arm, "seed": seed, "measure": claim.metric,
                   "step": step, "value": value}  # fmt: skip


def checkpoints_of(name, sign):
    claim, rng = CLAIMS[name], np.random.default_rng(0)
    for arm in GRAPH.project.studies[claim.study].arms:
        for seed in SEEDS:
            for step, entropy in enumerate(rng.permutation(6), 1):
                at = {"study": claim.study, "arm": arm, "seed": seed, "step": step}
                yield at | {"measure": "critical words/mean", "value": float(entropy)}
                yield at | {"measure": claim.measure, "value": 0.5 + sign * 0.05 * entropy}


def score_of(name, above):
    claim = CLAIMS[name]
    mean = expression_value(claim.bar, claim.numbers) / 100 + above
    return {"study": claim.study, "arm": claim.arm, "seed": 1, "measure": claim.benchmark,
            "value": mean, "low": mean - 0.004, "high": mean + 0.004, "standard_error": 0.002,
            "clusters": 900}  # fmt: skip


def test_each_kind_of_row_settles_its_claims_both_ways(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "RESAMPLES", 60)
    for side, expected in ((1, "reproduced"), (-1, "contradicted")):
        rows = [
            *items_of("rl_lifts_mathematics", 0.2 * side),
            *curve_of("reward_rises", 0.2 * side),
            *checkpoints_of("entropy_goes_with_accuracy", side),
            score_of("mmmu_is_best_of_open", 0.1 * side),
        ]
        found = verdicts(write(tmp_path / "runs.csv", rows))
        for name in ("rl_lifts_mathematics", "reward_rises", "entropy_goes_with_accuracy",
                     "mmmu_is_best_of_open"):  # fmt: skip
            assert found[name].verdict == expected, found[name]
        assert set(found) == set(CLAIMS)


def test_what_the_table_lacks_is_said_and_not_guessed(tmp_path):
    found = verdicts(write(tmp_path / "runs.csv", items_of("rl_lifts_mathematics", 0.2)))
    assert found["reward_rises"].why == "no steps of reward, arm 'RL', seed 1"
    assert found["nowait_is_shorter"].why.startswith("no arm")
    assert found["not_seeing_costs"].verdict == "not testable here"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"study": "stagez"}, "line 2: there is no study 'stagez'.*did you mean 'stages'"),
        ({"arm": "RLL"}, "line 2: there is no arm 'RLL'.*did you mean 'RL'"),
        ({"value": "much"}, "line 2: value: a number is needed, not 'much'"),
        ({"seed": ""}, "line 2: seed: a number is needed, not ''"),
        ({"step": "3"}, "line 2: item or step, not both"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(change, said, tmp_path):
    rows = list(items_of("rl_lifts_mathematics", 0.2))
    rows[0] |= change
    with pytest.raises(ValueError, match=said):
        read_table(write(tmp_path / "runs.csv", rows), GRAPH)


def test_a_number_that_stands_twice_is_refused(tmp_path):
    rows = list(items_of("rl_lifts_mathematics", 0.2))
    with pytest.raises(ValueError, match=f"line {len(rows) + 2}: the same number stands above"):
        read_table(write(tmp_path / "runs.csv", [*rows, rows[4]]), GRAPH)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("study,arm\nx,y\n", "no column seed"),
        ("study,colour\nx,y\n", "there is no column 'colour'"),
    ],
)
def test_a_wrong_column_is_named(text, said, tmp_path):
    (tmp_path / "runs.csv").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_table(tmp_path / "runs.csv", GRAPH)


def test_the_command_prints_verdicts_and_what_a_table_needs(tmp_path, capsys):
    path = write(tmp_path / "runs.csv", items_of("rl_lifts_mathematics", 0.2))
    output = tmp_path / "verdicts.json"
    for arguments in (["check", str(path), "--output", str(output)], ["wanted"]):
        with pytest.raises(SystemExit) as ended:
            main(["claims", *arguments, "--root", str(ROOT)])
        assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "reproduced        rl_lifts_mathematics; +20 points" in said
    assert "rl_lifts_mathematics" in output.read_text()
    assert {row["rows"] for row in wanted(GRAPH)} == {"item", "step", "score"}
