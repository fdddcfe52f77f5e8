"""Published sources: files with their real schemas on a hub on loopback, and a user's own files."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from data_fixtures import listed, source_config
from loopback_hub import COMMIT, serve
from loopback_hub import Hub as LoopbackHub
from PIL import Image

from r1v3.data.prepare import prepare
from r1v3.data.records import read_records
from r1v3.data.sources.fetch import fetch
from r1v3.data.sources.mappings import MAPPING_FUNCTIONS
from r1v3.data.sources.row_fields import inline_options, language_of
from r1v3.recipe.load import load_sources
from r1v3.recipe.tables.sources import Files, Hub

ROOT = Path(__file__).parents[3]
SOURCES = load_sources(ROOT / "config" / "sources.yaml")


def picture(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    image = Image.new("RGB", (60, 40), "white")
    image.paste(colour, (10, 10, 30, 35))
    image.save(buffer, "PNG")
    return buffer.getvalue()


def table(rows: list[dict], schema: pa.Schema) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), buffer)
    return buffer.getvalue()


STRING, IMAGE = pa.string(), pa.struct([("bytes", pa.binary()), ("path", pa.string())])
ONE = {"bytes": picture(), "path": None}


def texts(*names: str) -> list[tuple[str, pa.DataType]]:
    return [(name, STRING) for name in names]


CHOICE = "Which is right?\nA. one\nB. two\nC. three\nD. four"
BROKEN = {"bytes": b"broken", "path": None}
MMK12 = table(
    [
        dict(zip(("id", "question", "answer", "subject", "image"), row, strict=True))
        for row in (
            ("a1", "As shown, <image> find $x$.", "$\\frac{1}{2}$", "math", ONE),
            ("a2", CHOICE, "C", "math", ONE),
            ("a3", "已知三角形 <image>，求 x", "3", "math", BROKEN),
        )
    ],
    pa.schema([*texts("id", "question", "answer", "subject"), ("image", IMAGE)]),
)
GEOMETRIC = "(GradeSchool) Geometric"
RATES = ("PassRate_32BTrained", "PassRate_7BBase")
VIRL = ("question", "answer", *RATES, "category", "source", "qid", "image")
VIRL39K = table(
    [
        dict(zip(VIRL, row, strict=True))
        for row in (
            ("<image>\nHow?", "\\boxed{12}", 0.5, 0.25, GEOMETRIC, "s", "p-1", ["images/p-1.png"]),
            ("Which? (A) 1 (B) 2", "\\boxed{B}", 1.0, 0.0, "STEM", "s", "p-2", ["../p-1.png"]),
        )
    ],
    pa.schema(
        [
            *texts("question", "answer"),
            *((name, pa.float32()) for name in RATES),
            *texts("category", "source", "qid"),
            ("image", pa.list_(STRING)),
        ]
    ),
)  # fmt: skip
SCIENCE = ("hint", "task", "grade", "subject", "topic", "category", "skill", "lecture", "solution")
REST = ("natural science", "physics", "Materials", "s", "", "")
SCIENCEQA = table(
    [
        {"image": image, "question": question, "choices": choices, "answer": answer}
        | dict(zip(SCIENCE, (hint, "closed choice", "grade4", *REST), strict=True))
        for image, question, choices, answer, hint in (
            (ONE, "Which is it?", ["wood", "glass"], 1, "Look."),
            (None, "Who?", ["x", "y", "z"], 7, ""),
        )
    ],
    pa.schema(
        [
            ("image", IMAGE),
            ("question", STRING),
            ("choices", pa.list_(STRING)),
            ("answer", pa.int8()),
            *texts(*SCIENCE),
        ]
    ),
)
GEOMETRY3K = table(
    [{"images": [ONE], "problem": "<image>Find x.", "answer": "3"}],
    pa.schema([("images", pa.list_(IMAGE)), *texts("problem", "answer")]),
)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"images/{name.replace('_', '-')}.png", data)
    return buffer.getvalue()


PUBLISHED = {
    "mmk12": {
        "data/train-00000-of-00001.parquet": MMK12,
        "data/test-00000-of-00001.parquet": b"not asked for",
    },
    "virl39k": {"39Krelease.parquet": VIRL39K, "images.zip": zipped(p_1=picture("blue"))},
    "scienceqa": {"data/train-00000-of-00001-1028f23e353fbe3e.parquet": SCIENCEQA},
    "geometry3k": {"data/train-00000-of-00001.parquet": GEOMETRY3K},
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    monkeypatch.delenv("R1V3_DATA", raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.chdir(tmp_path)


def obtain(monkeypatch, folder: Path, *names: str) -> dict:
    """Prepare a set from published sources, each on its own loopback hub."""
    (name,) = names
    entry = SOURCES[name].hashed()
    source = {"kind": "listed", "entries": {name: entry}, "split": "train", "instances": "train"}
    with serve(LoopbackHub(datasets={entry["where"]["id"]: PUBLISHED[name]})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        return prepare(source_config(source, 100), folder)


def test_mmk12_is_read_from_its_own_columns(monkeypatch, tmp_path):
    facts = obtain(monkeypatch, tmp_path / "set", "mmk12")
    first, second = read_records(tmp_path / "set")
    assert (first.id, first.answer, first.answer_type) == ("mmk12-a1", "$\\frac{1}{2}$", "fill")
    assert (second.answer, second.answer_type, second.options) == ("C", "mcq", None)
    assert first.domain == "mathematics"
    assert first.question.count("<image>") == 1
    assert (first.source, first.licence, first.difficulty) == ("mmk12", "not stated", "k12")
    assert first.edits == ("mapping: mmk12",)
    assert facts["rejected"] == {"valid": {"not a picture": 1}}
    assert facts["sources"]["mmk12"]["files"]["commit"] == COMMIT


def test_virl39k_takes_its_pictures_out_of_the_zip_file_and_no_others(monkeypatch, tmp_path):
    facts = obtain(monkeypatch, tmp_path / "set", "virl39k")
    (record,) = read_records(tmp_path / "set")
    assert (record.answer, record.answer_type, record.domain) == ("12", "fill", "mathematics")
    assert record.meta["pass_rates_of_source"] == {
        "PassRate_32BTrained": 0.5,
        "PassRate_7BBase": 0.25,
    }
    assert (tmp_path / "set" / record.images[0]).read_bytes() == picture("blue")
    assert facts["rejected"] == {"valid": {"path leads out of the source": 1}}


@pytest.mark.parametrize(
    ("category", "domain"),
    [
        ("(GradeSchool) Non-Geo Math", "mathematics"),
        ("Social Science", "social_science"),
        ("Commonsense", "commonsense"),
    ],
)
def test_virl39k_has_the_categories_that_it_publishes(category, domain):
    row = {"question": "Q?", "answer": "\\boxed{1}", "category": category, "qid": "1", "image": []}
    assert MAPPING_FUNCTIONS["virl39k"](row, 1)["domain"] == domain


def test_scienceqa_answers_by_index(monkeypatch, tmp_path):
    facts = obtain(monkeypatch, tmp_path / "set", "scienceqa")
    (record,) = read_records(tmp_path / "set")
    assert (record.question, record.options, record.answer) == (
        "Look.\nWhich is it?",
        ("wood", "glass"),
        "B",
    )
    assert (record.domain, record.difficulty, record.date) == ("physics", "grade4", "2022")
    assert facts["rejected"] == {"valid": {"wrong answer letter": 1}}


def test_geometry3k_has_its_own_names(monkeypatch, tmp_path):
    obtain(monkeypatch, tmp_path / "set", "geometry3k")
    (record,) = read_records(tmp_path / "set")
    assert (record.question, record.answer, len(record.images)) == ("<image>Find x.", "3", 1)


def test_a_broken_download_is_continued_and_a_changed_file_refused(monkeypatch, tmp_path):
    where = Hub(kind="hub", id="o/n", revision="main", files=["*.parquet"])
    data = MMK12 + bytes(25_000_000)  # the library writes blocks of 10 MiB
    with serve(LoopbackHub(datasets={"o/n": {"a.parquet": data}})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.most = 11_000_000
        (file,), sums = fetch(where, tmp_path / "downloads")
        assert file.read_bytes() == data
        assert sums["a.parquet"] == hub.sha256("a.parquet", data)
        assert [sent.range for sent in hub.sent] == [None, "bytes=10485760-", "bytes=20971520-"]
        hub.most = None
        hub.stated["a.parquet"] = sums["a.parquet"]
        hub.datasets["o/n"] = {"a.parquet": data[:-1] + b"x"}
        with pytest.raises(ValueError, match=r"sha256 .* but the hub states"):
            fetch(where, tmp_path / "other")


def test_what_is_not_there_is_told_with_a_way_out(monkeypatch, tmp_path):
    where = Hub(kind="hub", id="o/n", revision="main", files=["train-*"])
    with serve(LoopbackHub(datasets={"o/n": {"a.parquet": b""}})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        with pytest.raises(ValueError, match=r"no file train-\*; it has a\.parquet"):
            fetch(where, tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody is there
    with pytest.raises(ValueError, match="name that folder in the variable R1V3_DATA"):
        fetch(where, tmp_path)
    by_hand = tmp_path / "hand" / "o" / "n"
    by_hand.mkdir(parents=True)
    (by_hand / "train-0.jsonl").write_text("{}")
    monkeypatch.setenv("R1V3_DATA", str(tmp_path / "hand"))
    files, _ = fetch(where, tmp_path)
    assert files == [by_hand / "train-0.jsonl"]


def own_row(number: int) -> dict:
    return {
        "id": f"q{number}", "question": f"What is {number}, in all?", "answer": str(number),
        "answer_type": "fill", "domain": "physics", "difficulty": "k12", "language": "en", "date": "2023-05",
    }  # fmt: skip


def test_a_folder_of_a_users_own_files_of_every_kind(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    rows = [own_row(number) | {"meta": json.dumps({"page": number})} for number in range(8)]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:2]))
    with gzip.open(folder / "b.jsonl.gz", "wt") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows[2:4]))
    parquet.write_table(pa.Table.from_pylist(rows[4:6]), folder / "c.parquet")
    lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows[6:8])]
    (folder / "d.tsv").write_text("\n".join(lines) + "\n")
    source = listed(*(folder / name for name in ("a.jsonl", "b.jsonl.gz", "c.parquet", "d.tsv")))
    prepare(source_config(source, 8), tmp_path / "set")
    records = read_records(tmp_path / "set")
    assert [record.id for record in records] == [row["id"] for row in rows]
    assert [record.meta["page"] for record in records] == list(range(8))
    assert {record.date for record in records} == {"2023-05"}
    files, _ = fetch(Files(kind="files", places=[str(folder)]), tmp_path)
    assert [file.name for file in files] == ["a.jsonl", "b.jsonl.gz", "c.parquet", "d.tsv"]


def test_rows_in_a_folder_inside_a_named_one_are_not_left_out_in_silence(tmp_path):
    for name in ("rows.jsonl", "more/rows.jsonl", ".cache/rows.jsonl", "__MACOSX/rows.jsonl"):
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_text(json.dumps(own_row(1)))
    place = Files(kind="files", places=[str(tmp_path / "own")])
    with pytest.raises(
        ValueError, match=r"more/rows\.jsonl lies in a folder inside it; list the files"
    ):
        fetch(place, tmp_path)
    (tmp_path / "own" / "more" / "rows.jsonl").rename(tmp_path / "own" / "more" / "picture.png")
    files, _ = fetch(place, tmp_path)
    assert [file.name for file in files] == ["rows.jsonl"]


def test_entries_rename_and_share_fields_without_code(tmp_path):
    row = own_row(1)
    row["prompt"] = row.pop("question")
    row.pop("language")
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    changed = {"rename": {"prompt": "question"}, "constants": {"language": "de"}}
    prepare(source_config(listed(tmp_path / "rows.jsonl", **changed), 8), tmp_path / "set")
    (record,) = read_records(tmp_path / "set")
    assert (record.question, record.language) == ("What is 1, in all?", "de")


def test_a_file_with_another_checksum_is_refused(tmp_path):
    (tmp_path / "rows.jsonl").write_text("{}")
    where = Files(kind="files", places=["rows.jsonl"], sha256={"rows.jsonl": "0" * 64})
    with pytest.raises(ValueError, match="but the entry says 000"):
        fetch(where, tmp_path / "downloads")
    with pytest.raises(ValueError, match="supply this file yourself"):
        fetch(Files(kind="files", places=["absent.jsonl"]), tmp_path)


def test_every_entry_names_a_mapping_and_says_what_it_stands_in_for():
    from r1v3.recipe.layers import read_yaml

    for name, entry in read_yaml(ROOT / "config" / "sources.yaml").items():
        assert entry["mapping"] in MAPPING_FUNCTIONS, name
        assert all(entry[key] for key in ("citation", "stands_in_for", "differs")), name


def test_options_in_a_question_are_found_in_order():
    assert inline_options("Which?\nA. one\nB. two\nC. three") == ["one", "two", "three"]
    assert inline_options("Point A. lies on B.") == []
    assert inline_options("Which?\nB. two\nC. three") == []


def test_languages_are_told_by_their_letters():
    assert language_of("已知 AB=3，求面积") == "zh"
    assert language_of("Find x in triangle ABC") == "en"
