"""Which rows of a source are taken: `select`, `map`, `split` and `limit` of an entry."""

import json
from collections import Counter
from pathlib import Path

import pytest
from data_fixtures import listed, source_config
from pydantic import ValidationError

from r1v3.data.prepare import prepare
from r1v3.data.records import Record, read_records
from r1v3.data.sources.choose import at, holds
from r1v3.recipe.tables.sources import LATER, Condition, Decides, SourceEntry

RECORD = {"answer": "4", "answer_type": "fill", "domain": "mathematics", "difficulty": "k12"}
ENTRY = {
    "title": "t", "citation": "c", "stands_in_for": "s", "differs": "d", "mapping": "records",
    "where": {"kind": "files", "places": ["x.jsonl"]},
    "licence": {"name": None, "training": "allowed"},
}  # fmt: skip


def written(folder: Path, rows: list[dict]) -> Path:
    path = folder / "rows.jsonl"
    base = RECORD | {"language": "en"}
    lines = [
        base | {"id": f"q{n}", "question": f"How many in {n}?"} | row for n, row in enumerate(rows)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def taken(folder: Path, rows: list[dict], **keys) -> tuple[list[Record], dict]:
    source = listed(written(folder, rows), **keys)
    facts = prepare(source_config(source, 10_000), folder / "set")
    return read_records(folder / "set"), facts


@pytest.mark.parametrize(
    ("asked", "value", "right"),
    [
        ({"one_of": ["a", 3]}, "a", True),
        ({"one_of": ["a", 3]}, 3.0, True),
        ({"one_of": ["a", 3]}, "b", False),
        ({"one_of": ["051*"]}, ["0222", "0511"], True),
        ({"one_of": ["051*"]}, '["0222", "0511"]', True),
        ({"one_of": ["051*"]}, "['0222', '0511']", True),
        ({"none_of": ["a"]}, "['b' 'a']", False),
        ({"one_of": ["[a] or b"]}, "[a] or b", True),
        ({"one_of": ["(G*"]}, "(GradeSchool) Geometric", True),
        ({"one_of": ["[a]"]}, "a", False),
        ({"one_of": ["x"]}, None, False),
        ({"one_of": [True]}, True, True),
        ({"none_of": ["a"]}, ["b", "a"], False),
        ({"none_of": ["a"]}, None, True),
        ({"below": 0.5}, 0.5, False),
        ({"below": 0.5, "at_least": 0}, -1.0, False),
        ({"below": 0.5, "at_least": 0}, "0.25", True),
        ({"above": 1}, "many", False),
        ({"above": 1}, float("nan"), False),
        ({"at_most": 1}, 1, True),
        ({"empty": False}, [], False),
        ({"empty": False}, "[]", False),
        ({"empty": False}, ["a.png"], True),
        ({"empty": True}, "  ", True),
        ({"matches": "^Grade (9|12)$"}, "Grade 12", True),
        ({"matches": "^Grade (9|12)$"}, "Grade 11", False),
    ],
)
def test_a_condition_holds_or_does_not(asked, value, right):
    assert holds(Condition(**asked), value) is right


def test_dots_lead_into_nested_columns_and_into_json_in_a_cell():
    assert at({"a": {"b": 3}}, "a.b") == 3
    assert at({"a": '{"b": {"c": 3}}'}, "a.b.c") == 3
    assert at({"a.b": 1, "a": {"b": 3}}, "a.b") == 1


def test_select_takes_rows_by_published_columns_and_lists_the_others(tmp_path):
    levels = [("hard", 0.1), ("hard", 0.9), ("hard", -1.0), ("easy", 0.1), ("hard", None)]
    rows = [{"level": level, "meta": {"rate": rate}} for level, rate in levels]
    rows = [row | {"difficulty": None} for row in rows]
    records, facts = taken(
        tmp_path,
        rows,
        rename={"level": "difficulty", "difficulty": "date"},
        select={"level": "hard", "meta.rate": {"at_least": 0, "below": 0.5}},
    )
    assert [record.id for record in records] == ["q0"]
    assert facts["rejected"] == {"select": {"not selected": 4}}
    assert facts["steps"][1] == {"step": "select", "removed": 4, "left": 1}
    lines = (tmp_path / "set" / "rejected.jsonl").read_text().splitlines()
    details = [json.loads(line)["detail"] for line in lines]
    assert details == [
        "meta.rate is 0.9",
        "meta.rate is -1",
        "level is easy",
        "meta.rate is missing",
    ]


@pytest.mark.parametrize(
    "keys", [{"select": {"levl": "hard"}}, {"split": {"by": "levl", "shares": {"train": 1}}}]
)
def test_a_column_that_no_row_has_is_named(tmp_path, keys):
    with pytest.raises(ValueError, match=r"made: no row has the column levl; there are .*question"):
        taken(tmp_path, [{}, {}], **keys)


def test_values_become_fields_and_what_is_not_listed_is_counted(tmp_path):
    categories = ["Biology", ["x", "0511"], "Commonsense", "Commonsense", None]
    records, facts = taken(
        tmp_path,
        [{"meta": {"category": each}, "difficulty": "7"} for each in categories],
        map={
            "domain": {
                "column": "meta.category",
                "values": {"Biology": "biology", "051*": "biology"},
            },
            "difficulty": {"values": {"1": "easy"}, "otherwise": "hard"},
        },
    )
    assert [record.domain for record in records] == ["biology"] * 2 + ["mathematics"] * 3
    assert {record.difficulty for record in records} == {"hard"}
    assert facts["sources"]["made"]["unmatched"] == {
        "domain": {"Commonsense": 2, "missing": 1},
        "difficulty": {"7": 5},
    }


def test_an_unlisted_value_stands_where_the_mapping_gave_none(tmp_path):
    rows = [{"meta": {"subject": "law"}, "domain": None}]
    rule = {"domain": {"column": "meta.subject", "values": {"maths": "mathematics"}}}
    records, _ = taken(tmp_path, rows, map=rule)
    assert records[0].domain == "law"


def parts(folder: Path, rows: list[dict], **split) -> dict[str, set[str]]:
    shares = {"train": 0.8, "probe": 0.1, "validation": 0.1}
    path, found = written(folder, rows), {}
    for name in shares:
        source = listed(path, split={"shares": shares, **split}) | {"split": name}
        facts = prepare(source_config(source, 10_000), folder / name)
        found[name] = {record.id for record in read_records(folder / name)}
        assert facts["rejected"] == {"split": {"other split": len(rows) - len(found[name])}}
    return found


def test_parts_by_hash_share_nothing_miss_nothing_and_do_not_move(tmp_path):
    rows = [{} for _ in range(600)]
    found = parts(tmp_path, rows)
    assert sum(map(len, found.values())) == len(set().union(*found.values())) == 600
    assert 440 < len(found["train"]) < 520
    assert 35 < len(found["probe"]) < 90
    more = parts(tmp_path, [*rows, *({} for _ in range(50))])
    assert all(found[name] <= more[name] for name in found)
    assert parts(tmp_path, rows, seed=1)["probe"] != found["probe"]


def test_rows_of_one_passage_stay_in_one_part(tmp_path):
    rows = [{"meta": {"passage": n // 5}} for n in range(300)]
    found = parts(tmp_path, rows, by="meta.passage")
    of = Counter(name for ids in found.values() for name in {int(i[1:]) // 5 for i in ids})
    assert set(of.values()) == {1}


def test_rows_own_split_does_not_count_beside_parts_by_hash(tmp_path):
    records, _ = taken(
        tmp_path, [{"split": "testmini"}, {"split": 3}], split={"shares": {"train": 1}}
    )
    assert [record.split for record in records] == ["train", "train"]


def test_limit_counts_what_is_taken_and_says_where_it_stopped(tmp_path):
    records, facts = taken(tmp_path, [{"answer": None}, *({} for _ in range(9))], limit=3)
    assert [record.id for record in records] == ["q1", "q2", "q3"]
    assert facts["sources"]["made"]["stopped"] == "limit of 3 records, before made/rows.jsonl:5"
    assert facts["steps"][0]["left"] == 4


def test_keys_that_nobody_set_are_no_part_of_the_hash():
    assert not set(LATER) & SourceEntry(**ENTRY).hashed().keys()
    hashed = SourceEntry(**ENTRY, limit=3, select={"a": {"below": 1}}).hashed()
    assert hashed["limit"] == 3
    assert hashed["select"] == {"a": {"below": 1.0}}
    Decides.model_validate(hashed)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"split": {"shares": {"train": 0.5}}}, "add up to 0.5"),
        ({"select": {"a": {}}}, "one_of"),
        ({"select": {"a": {"matches": "("}}}, "no regular expression"),
        ({"map": {"domains": {"values": {}}}}, "domain"),
        ({"limit": 0}, "greater than 0"),
    ],
)
def test_a_mistake_of_an_entry_is_named(keys, message):
    with pytest.raises(ValidationError, match=message):
        SourceEntry(**ENTRY, **keys)
