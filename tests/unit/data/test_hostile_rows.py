"""Hostile rows: each is rejected with its reason, in bounded memory, and no row is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from data_fixtures import CLEANING, listed, source_config
from picture_files import PNG

from r1v3.data.fields import Rejected
from r1v3.data.picture_files import PictureFiles
from r1v3.data.prepare import prepare
from r1v3.data.records import read_records
from r1v3.data.validate import Validator


def row(number: int, **changed) -> dict:
    return {
        "id": f"q{number}", "question": f"What is {number}?", "answer": "1", "answer_type": "fill",
        "domain": "mathematics", "difficulty": "k12", "language": "en", **changed,
    }  # fmt: skip


ROWS = {
    "null byte": row(1, question="What\0is?"),
    "control character": row(2, answer="1\x07"),
    "not valid Unicode": row(3, question="\ud800"),
    "text is too long": row(4, question="x" * 30_000),
    "duplicate id": row(0),
    "wrong answer letter": row(5, answer_type="mcq", options=["a", "b", "c"], answer="D"),
    "wrong options": row(6, answer_type="mcq", options=["a", "a"], answer="A"),
    "missing field": {"id": "q7"},
    "unknown field": row(8, answr="2"),
    "unknown answer type": row(9, answer_type="essay"),
    "unknown language": row(10, language="english"),
    "not a date": row(11, date="2023-02-31"),
    "empty field": row(12, answer=" "),
    "wrong type of field": row(13, answer=True),
    "markers do not fit": row(14, question="In <image> and <image>?", images=["a.png"]),
    "path leads out of the source": row(15, images=["../a.png"]),
    "picture is missing": row(16, images=["b.png"]),
    "not a picture": row(17, images=["c.png"]),
    "question tells its answer": row(18, question="What is it? Answer: 1"),
    "too many pictures": row(19, images=["a.png"] * 40),
}


def prepared(tmp_path, **changed) -> dict:
    source = listed(tmp_path / "rows.jsonl")
    return prepare(source_config(source, 100, **changed), tmp_path / "set")


def rejected(tmp_path) -> list[dict]:
    lines = (tmp_path / "set" / "rejected.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_each_hostile_row_is_rejected_with_its_reason_and_nothing_is_lost(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "c.png").write_bytes(b"<svg/>")
    good = [row(0), row(100, images=["a.png"])]
    lines = [json.dumps(each) for each in [*good, *ROWS.values()]]
    broken = ['{"id": "cut', "[1, 2]", "nonsense", '{"a":' * 100_000]
    text = "\n".join([*lines, *broken]).encode() + b"\n" + b'{"id": "\xff\xfe"}\n'
    (tmp_path / "rows.jsonl").write_bytes(text)
    facts = prepared(tmp_path)
    found = {line["id"]: line["reason"] for line in rejected(tmp_path) if line["id"]}
    wanted = {each["id"]: reason for reason, each in ROWS.items()}
    assert found == wanted
    assert facts["steps"][0]["left"] == len(good) + len(ROWS) + len(broken) + 1
    assert facts["steps"][-1]["left"] == facts["records"] == 2
    assert len(rejected(tmp_path)) == len(ROWS) + len(broken) + 1
    assert {line["where"].split(":")[0] for line in rejected(tmp_path)} == {"made/rows.jsonl"}
    assert {record.id for record in read_records(tmp_path / "set")} == {"q0", "q100"}


def test_a_list_of_what_was_rejected_stays_small(tmp_path):
    (tmp_path / "rows.jsonl").write_text(
        json.dumps(row(0)) + "\n" + json.dumps(row(1, question="x" * 1_000_000)) + "\n"
    )
    prepared(tmp_path)
    assert (tmp_path / "set" / "rejected.jsonl").stat().st_size < 1000


MEASURED = """
import json, sys
from pathlib import Path
sys.path.insert(0, "tests/unit")
from data_fixtures import CLEANING, listed, source_config
from r1v3.data.fields import Rejected
from r1v3.data.picture_files import PictureFiles
from r1v3.data.prepare import prepare
from r1v3.base.memory import peak_rss
folder = Path(sys.argv[1])
before = peak_rss()
facts = prepare(source_config(listed(folder / sys.argv[2]), 10), folder / "set")
after = peak_rss()
found = {"rejected": facts["rejected"], "records": facts["records"]}
print(json.dumps(found | {"mib": (after - before) / 2**20}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mib"), [("rows.jsonl", 60), ("rows.tsv", 60), ("rows.parquet", 500)]
)
def test_a_text_of_100_megabytes_is_refused_without_being_held(tmp_path, name, mib):
    """Allow the cell twice in memory, because Parquet reads whole pages, but never as a Python string."""
    path, long = tmp_path / name, "x" * 100_000_000
    rows = [row(0), row(1, question=long), row(2)]
    if name.endswith("jsonl"):
        path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    elif name.endswith("tsv"):
        lines = ["\t".join(rows[0]), *("\t".join(each.values()) for each in rows)]
        path.write_text("\n".join(lines) + "\n")
    else:
        parquet.write_table(pa.Table.from_pylist(rows), path)
    del long, rows
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path), name],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root / "workflow")},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["rejected"] == {"valid": {"text is too long": 1}}
    assert found["records"] == 2
    assert found["mib"] < mib


def test_files_and_sets_can_be_checked_from_the_shell(tmp_path):
    rows = [row(n, source="own", licence="MIT", split="train") for n in range(3)]
    rows.append({**rows[0]})
    (tmp_path / "a.png").write_bytes(PNG)
    rows[1]["images"] = ["a.png"]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows) + "nonsense\n")
    root = Path(__file__).parents[3]

    def check(place: Path) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "r1v3", "data", "check", str(place)],
            cwd=root, env={**os.environ, "PYTHONPATH": str(root / "workflow")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    said = check(path)
    assert said.returncode == 1
    assert "5 rows: 3 right, 2 refused" in said.stdout
    assert "rows.jsonl:4: q0" in said.stdout
    prepared(tmp_path)
    assert "3 rows: 3 right, 0 refused" in check(tmp_path / "set").stdout
    (picture,) = (tmp_path / "set" / "images").rglob("*.png")
    picture.write_bytes(PNG + b"x")
    changed = check(tmp_path / "set")
    assert changed.returncode == 1
    assert "picture is not what its name says" in changed.stdout


WHOLE = row(1) | {"source": "made", "licence": "CC0-1.0", "split": "train"}


def validated(**changed):
    return Validator(CLEANING.limits, PictureFiles(None, scratch=Path("absent")))(WHOLE | changed)[
        0
    ]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"edits": True}, "wrong type of field"),
        ({"edits": 3.5}, "wrong type of field"),
        ({"edits": {"a": 1}}, "wrong type of field"),
        ({"edits": b"cut"}, "wrong type of field"),
        ({"edits": ["cut", "\ud800"]}, "not valid Unicode"),
        ({"meta": "[" * 100_000}, "wrong type of field"),
        ({"meta": [1]}, "wrong type of field"),
    ],
)
def test_a_field_beside_the_question_of_a_wrong_type_is_a_reason(changed, reason):
    with pytest.raises(Rejected) as refused:
        validated(**changed)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("edits", "kept"), [(None, ()), ("", ()), ("cut", ("cut",)), (["cut", 2, ""], ("cut", "2"))]
)
def test_edits_are_texts_and_a_text_alone_is_one(edits, kept):
    assert validated(edits=edits).edits == kept
