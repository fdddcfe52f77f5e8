"""Licences, dates and shares: rejected rows are listed, missing ones are reported, none are made up."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from data_fixtures import listed, source_config

from r1v3.data.balance import draw_balanced, quotas
from r1v3.data.fields import Rejected
from r1v3.data.gates import check_date, check_licence
from r1v3.data.prepare import prepare
from r1v3.data.records import Record, read_records
from r1v3.recipe.load import load_recipe
from r1v3.recipe.schema.cleaning import Licences

ROOT = Path(__file__).parents[3]
RECORD = Record(
    "q1", "Which?", None, "1", "fill", (), "physics", "k12", "en", "made", "MIT", "train"
)
LICENCES = Licences(forbidden=["*-ND-*", "*all rights reserved*"], not_stated="drop")


@pytest.mark.parametrize(
    ("licence", "training", "reason"),
    [
        ("MIT", "allowed", None),
        ("CC BY-NC 4.0", "allowed", None),
        ("CC-BY-ND-4.0", "allowed", "licence forbids training"),
        ("All rights reserved", "allowed", "licence forbids training"),
        ("MIT", "forbidden", "licence forbids training"),
        ("not stated", "allowed", "licence is not stated"),
        ("MIT", "not stated", "licence is not stated"),
    ],
)
def test_a_licence_that_forbids_training_is_out(licence, training, reason):
    record = replace(RECORD, licence=licence)
    if reason is None:
        check_licence(record, LICENCES, training)
        return
    with pytest.raises(Rejected) as refused:
        check_licence(record, LICENCES, training)
    assert refused.value.reason == reason


SHIPPED = load_recipe(ROOT / "config/recipes", "paper")[0].cleaning.licences


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("CC-BY-ND-4.0", False),
        ("CC BY-ND 4.0", False),
        ("CC BY-NC-ND 4.0", False),
        ("cc-by-nc-nd", False),
        ("cc_by_nc_nd_4.0", False),
        ("CC BY ND", False),
        ("Creative Commons Attribution-NoDerivatives 4.0", False),
        ("Creative Commons Attribution No Derivatives", False),
        ("All rights reserved.", False),
        ("(c) 2023, ALL-RIGHTS-RESERVED", False),
        ("custom, no training", False),
        ("CC BY-NC-SA 4.0", True),
        ("cc-by-4.0", True),
        ("Apache-2.0", True),
        ("standard terms", True),
        ("IND-1.0", True),
        ("not stated", True),
    ],
)
def test_the_papers_patterns_see_a_licence_however_it_is_written(licence, allowed):
    record = replace(RECORD, licence=licence)
    if allowed:
        check_licence(record, SHIPPED, "allowed")
        return
    with pytest.raises(Rejected, match="licence forbids training"):
        check_licence(record, SHIPPED, "allowed")


def test_a_licence_that_nobody_states_may_be_kept():
    record = replace(RECORD, licence="not stated")
    check_licence(record, LICENCES.model_copy(update={"not_stated": "keep"}), "not stated")


@pytest.mark.parametrize(
    ("date", "before", "passes"),
    [
        ("2023", "2024-01-01", True),
        ("2023-12-31", "2024-01-01", True),
        ("2024-01-01", "2024-01-01", False),
        ("2024", "2024-06-01", False),
        ("2024-05", "2024-06-01", True),
        ("2024-05", "2024-05-15", False),
        ("2030", None, True),
        (None, None, True),
    ],
)
def test_a_date_past_the_cut_off_is_out(date, before, passes):
    record = replace(RECORD, date=date)
    if passes:
        check_date(record, before, "drop")
        return
    with pytest.raises(Rejected, match="is not before"):
        check_date(record, before, "drop")


def test_samples_without_a_date_are_kept_or_not_as_the_recipe_says():
    check_date(RECORD, "2024-01-01", "keep")
    with pytest.raises(Rejected, match="no date"):
        check_date(RECORD, "2024-01-01", "drop")


def test_quotas_add_up_and_follow_the_shares():
    assert quotas({"domain": {"a": 1, "b": 1, "c": 1}}, 10) == {("a",): 4, ("b",): 3, ("c",): 3}
    both = quotas({"domain": {"a": 3, "b": 1}, "answer_type": {"mcq": 1, "fill": 1}}, 80)
    assert both == {("a", "mcq"): 30, ("a", "fill"): 30, ("b", "mcq"): 10, ("b", "fill"): 10}


def test_a_cell_with_too_few_is_told_and_not_filled():
    cells = [("a",)] * 30 + [("b",)] * 3 + [("c",)] * 30
    chosen, short = draw_balanced(cells, 30, {"domain": {"a": 1, "b": 1, "c": 1}}, "seed")
    assert Counter(cells[n] for n in chosen) == {("a",): 10, ("b",): 3, ("c",): 10}
    assert short == [{"cell": ["b"], "wanted": 10, "found": 3}]
    assert chosen == sorted(chosen)


def test_the_same_seed_draws_the_same_samples_and_another_others():
    cells = [("a",)] * 100
    first, _ = draw_balanced(cells, 10, None, "one")
    assert draw_balanced(cells, 10, None, "one")[0] == first
    assert draw_balanced(cells, 10, None, "two")[0] != first
    everything, short = draw_balanced(cells, 120, None, "one")
    assert everything == list(range(100))
    assert short == [{"cell": [], "wanted": 120, "found": 100}]


def test_gates_and_shares_of_a_whole_set(tmp_path):
    rows = [
        {
            "id": f"q{n}", "question": f"What is the {n}th prime number?", "answer": "1",
            "answer_type": "fill", "domain": "physics" if n % 4 else "biology", "difficulty": "k12",
            "language": "en", "licence": "CC-BY-ND-4.0" if n == 1 else "MIT",
            "date": "2025" if n == 2 else "2020",
        }
        for n in range(20)
    ]  # fmt: skip
    rows[3].pop("date")
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    config = source_config(
        listed(tmp_path / "rows.jsonl"),
        16,
        before="2024-01-01",
        undated="drop",
        balance={"domain": {"physics": 1, "biology": 1}},
    )
    facts = prepare(config, tmp_path / "set")
    assert facts["rejected"] == {
        "licence": {"licence forbids training": 1},
        "date": {"no date": 1, "too new": 1},
        "drawn": {"more than asked for": 4},
    }
    assert facts["shortfalls"] == [{"cell": ["biology"], "wanted": 8, "found": 5}]
    assert facts["domain"] == {"biology": 5, "physics": 8}
    assert [row["left"] for row in facts["steps"]] == [20, 20, 19, 17, 17, 17, 13]
    assert len(read_records(tmp_path / "set")) == 13
