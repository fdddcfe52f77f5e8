"""No row is lost: rows of other splits are counted, and an open quote spoils no other row."""

import json

import pytest
from data_fixtures import listed, source_config

from r1v3.analyze.cards.describe import funnel_rows
from r1v3.data.fields import Rejected
from r1v3.data.prepare import prepare
from r1v3.data.records import read_records
from r1v3.data.sources.rows import read_rows


def row(number: int, **changed) -> dict:
    return {
        "id": f"q{number}", "question": f"What is {number}?", "answer": "1", "answer_type": "fill",
        "domain": "mathematics", "difficulty": "k12", "language": "en", **changed,
    }  # fmt: skip


def test_rows_of_other_splits_are_a_step_and_unknown_ones_a_reason(tmp_path):
    splits = ("train", "test", "test", "validation", "val", None, 3)
    rows = [row(number, split=split) for number, split in enumerate(splits)] + [row(9)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    facts = prepare(source_config(listed(tmp_path / "rows.jsonl"), 3), tmp_path / "set")
    assert [record.id for record in read_records(tmp_path / "set")] == ["q0", "q5", "q9"]
    assert facts["rejected"] == {
        "split": {"other split": 3},
        "valid": {"unknown split": 1, "wrong type of field": 1},
    }
    assert facts["steps"][:3] == [
        {"step": "read", "removed": 0, "left": 8},
        {"step": "split", "removed": 3, "left": 5},
        {"step": "valid", "removed": 2, "left": 3},
    ]
    assert funnel_rows(facts)[1]["what"] == "of another split"
    lines = (tmp_path / "set" / "rejected.jsonl").read_text().splitlines()
    unknown = next(line for line in map(json.loads, lines) if line["reason"] == "unknown split")
    assert (unknown["detail"], unknown["where"]) == ("val", "made/rows.jsonl:5")


def test_a_split_is_known_in_any_case_and_a_blank_one_is_none(tmp_path):
    splits = ("Train", " train ", "", "TEST")
    rows = [row(number, split=split) for number, split in enumerate(splits)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    facts = prepare(source_config(listed(tmp_path / "rows.jsonl"), 3), tmp_path / "set")
    assert [record.id for record in read_records(tmp_path / "set")] == ["q0", "q1", "q2"]
    assert facts["rejected"] == {"split": {"other split": 1}}


def test_a_source_of_one_split_has_no_such_step(tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps(row(0)) + "\n")
    facts = prepare(source_config(listed(tmp_path / "rows.jsonl"), 1), tmp_path / "set")
    assert [each["step"] for each in facts["steps"]][:2] == ["read", "valid"]


def read(path, text: str, max_bytes: int = 10_000) -> list:
    path.write_text(text)
    return [
        (number, found.reason if isinstance(found, Rejected) else list(found.values()))
        for number, found in read_rows(path, max_bytes)
    ]


GOOD = [(number, [f"q{number}", "What?", "1"]) for number in range(3, 7)]


@pytest.mark.parametrize(
    "opened",
    ['q2\t"What?\t1', 'q2\tWhat?\t"1', '"q2\tWhat?\t1', 'q2\t"What?'],
)
def test_an_open_quote_costs_its_own_row_only(tmp_path, opened):
    rest = "".join(f"q{number}\tWhat?\t1\n" for number in range(3, 7))
    found = read(tmp_path / "rows.tsv", f"id\tquestion\tanswer\n{opened}\n{rest}")
    assert found == [(2, "quote is not closed"), *GOOD]


def test_an_open_quote_that_the_next_quote_closes_costs_its_own_row_only(tmp_path):
    text = 'id\tquestion\tanswer\nq2\t"What?\t1\nq3\t"What?"\t1\nq4\tWhat?\t1\n'
    found = read(tmp_path / "rows.tsv", text)
    assert found == [(2, "quote is not closed"), *GOOD[:2]]


def test_an_open_quote_before_more_than_a_cell_may_hold_costs_its_own_row_only(tmp_path):
    text = 'id\tquestion\tanswer\nq2\t"What?\t1\n'
    text += "".join(f"q{number}\tWhat?\t1\n" for number in range(3, 1000))
    found = read(tmp_path / "rows.tsv", text, max_bytes=400)
    assert found[:5] == [(2, "quote is not closed"), *GOOD]
    assert len(found) == 998


def test_commas_are_read_so_too(tmp_path):
    rest = "".join(f"q{number},What?,1\n" for number in range(3, 7))
    found = read(tmp_path / "rows.csv", f'id,question,answer\nq2,"What?,1\n{rest}')
    assert found == [(2, "quote is not closed"), *GOOD]


@pytest.mark.parametrize(
    ("name", "text", "cells"),
    [
        ("a.tsv", 'q1\t"Two\nlines"\t1\n', ["q1", "Two\nlines", "1"]),
        ("a.tsv", '"Two\nlines"\tx\t1\n', ["Two\nlines", "x", "1"]),
        ("a.tsv", 'q1\tx\t"Two\nlines"\n', ["q1", "x", "Two\nlines"]),
        ("a.tsv", 'q1\t"A\ttable\nof\ttabs\n"\t1\n', ["q1", "A\ttable\nof\ttabs\n", "1"]),
        ("a.csv", 'q1,"One, two, three\nfour, five, six",1\n', None),
        ("a.csv", 'q1,"He said ""no""\nthen, he, went",1\n', None),
    ],
)
def test_a_closed_cell_may_go_over_lines(tmp_path, name, text, cells):
    separator = "\t" if name.endswith("tsv") else ","
    header = separator.join(("id", "question", "answer"))
    [(number, found)] = read(tmp_path / name, f"{header}\n{text}")
    assert isinstance(found, list)
    assert number == 1 + text.count("\n")
    if cells:
        assert found == cells
