"""Hostile files and rows: each is set aside with its reason, in bounded memory, and no row is lost."""

import io
import json
import os
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from data_fixtures import CLEANING, listed, source_document
from PIL import Image

from r1v3.data.fields import Refused
from r1v3.data.pictures import admit, read_within
from r1v3.data.prepare import prepare
from r1v3.data.records import read_records

LIMITS = CLEANING["limits"]
NONE = LIMITS | {"repair": []}


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(side: int = 40) -> Image.Image:
    image = Image.new("RGB", (side, side), "white")
    image.paste((200, 30, 30), (5, 5, 20, 30))
    return image


PNG = saved(plain(), "PNG")


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header alone claims a size; a decoder that believed it would need gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.new("RGB", (30, 20), "red"), "JPEG", exif=exif)


def animated() -> bytes:
    frames = [Image.new("RGB", (12, 12), colour) for colour in ("red", "blue")]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


REFUSED = {
    "truncated": (PNG[: len(PNG) // 2], None, "picture is damaged"),
    "truncated JPEG": (saved(plain(200), "JPEG")[:900], None, "picture is damaged"),
    "too many pixels": (huge_png(50_000, 50_000), None, "picture has too many pixels"),
    "wrong type by name": (PNG, "photo.jpg", "wrong type"),
    "wrong type by MIME": (PNG, "image/webp", "wrong type"),
    "HTML named as a picture": (b"<!DOCTYPE html><html>", "a.png", "not a picture"),
    "SVG": (b'<?xml version="1.0"?><svg xmlns="..."><script/></svg>', "a.svg", "not a picture"),
    "SVG without a head": (b"  \n<SVG onload='x'>", None, "not a picture"),
    "a script": (b"#!/bin/sh\nrm -rf /", "a.png", "not a picture"),
    "nothing": (b"", None, "not a picture"),
    "a format that is not allowed": (saved(plain(), "TIFF"), None, "not a picture"),
    "too many bytes": (PNG + bytes(LIMITS["max_bytes"]), None, "picture file is too large"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_hostile_picture_is_refused_with_its_reason(case):
    data, name, reason = REFUSED[case]
    with pytest.raises(Refused) as refused:
        admit(data, name, LIMITS)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("data", "reason", "edit"),
    [
        (animated(), "animated picture", "first frame of an animation"),
        (rotated(), "rotated by EXIF", "turned as EXIF says"),
        (saved(Image.new("CMYK", (9, 9)), "JPEG"), "CMYK colours", "CMYK to RGB"),
    ],
)
def test_what_can_be_repaired_is_repaired_and_noted_or_refused(data, reason, edit):
    picture = admit(data, None, LIMITS)
    assert edit in picture.edits
    assert picture.suffix == "png"
    with Image.open(io.BytesIO(picture.data)) as again:
        assert again.mode == "RGB"
        assert not getattr(again, "is_animated", False)
    with pytest.raises(Refused) as refused:
        admit(data, None, NONE)
    assert refused.value.reason == reason


def test_a_rotated_picture_stands_upright_afterwards():
    assert admit(rotated(), None, LIMITS).image.size == (20, 30)


def test_a_plain_picture_keeps_its_bytes():
    jpeg = saved(plain(), "JPEG")
    assert admit(PNG, "x.png", LIMITS).data == PNG
    assert admit(jpeg, "image/jpeg", LIMITS).data == jpeg
    assert admit(PNG, "x.png", LIMITS).edits == ()


def test_transparency_becomes_white():
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert admit(saved(image, "PNG"), None, LIMITS).image.getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_any_damage_is_a_picture_or_a_refusal(kind):
    whole, rng = saved(plain(64), kind), random.Random(kind)
    outcomes = set()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 12)):
            data[rng.randrange(min(len(data), 300))] = rng.randrange(256)
        cut = bytes(data[: rng.randrange(1, len(data) + 1)]) if rng.random() < 0.3 else bytes(data)
        try:
            assert admit(cut, None, LIMITS).image.mode == "RGB"
            outcomes.add("picture")
        except Refused as refused:
            outcomes.add(refused.reason)
    assert {"not a picture", "picture is damaged"} & outcomes


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "a/../../secret.png", "/etc/passwd", "..\\secret.png", "link.png",
     "dir/link/secret.png", "x\0.png", "~/secret.png", "", "pipe", "absent.png"],
)  # fmt: skip
def test_a_path_leads_nowhere_but_to_files_below_the_source(tmp_path, name):
    root = tmp_path / "root"
    (root / "dir").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(PNG)
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "dir" / "link").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    with pytest.raises(Refused):
        read_within(root, name, LIMITS["max_bytes"])


def test_a_zip_file_gives_its_members_and_no_bombs(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/a.png", PNG)
        archive.writestr("images/bomb.png", bytes(LIMITS["max_bytes"] + 1))
        archive.writestr("../up.png", PNG)
    with zipfile.ZipFile(path) as archive:
        assert read_within(archive, "images/a.png", LIMITS["max_bytes"]) == PNG
        for name, reason in {
            "images/bomb.png": "picture file is too large",
            "../up.png": "path leads out of the source",
            "images/b.png": "picture is missing",
        }.items():
            with pytest.raises(Refused) as refused:
                read_within(archive, name, LIMITS["max_bytes"])
            assert refused.value.reason == reason


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
    "wrong type of field": row(13, answer=5),
    "markers do not fit": row(14, question="In <image> and <image>?", images=["a.png"]),
    "path leads out of the source": row(15, images=["../a.png"]),
    "picture is missing": row(16, images=["b.png"]),
    "not a picture": row(17, images=["c.png"]),
    "question tells its answer": row(18, question="What is it? Answer: 1"),
    "too many pictures": row(19, images=["a.png"] * 40),
}


def prepared(tmp_path, **changed) -> dict:
    source = listed(tmp_path / "rows.jsonl")
    return prepare(source_document(source, 100, **changed), tmp_path / "set")


def set_aside(tmp_path) -> list[dict]:
    lines = (tmp_path / "set" / "set_aside.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_each_hostile_row_is_set_aside_with_its_reason_and_nothing_is_lost(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "c.png").write_bytes(b"<svg/>")
    good = [row(0), row(100, images=["a.png"])]
    lines = [json.dumps(each) for each in [*good, *ROWS.values()]]
    broken = ['{"id": "cut', "[1, 2]", "nonsense", '{"a":' * 100_000]
    text = "\n".join([*lines, *broken]).encode() + b"\n" + b'{"id": "\xff\xfe"}\n'
    (tmp_path / "rows.jsonl").write_bytes(text)
    facts = prepared(tmp_path)
    found = {line["id"]: line["reason"] for line in set_aside(tmp_path) if line["id"]}
    wanted = {each["id"]: reason for reason, each in ROWS.items()}
    assert found == wanted
    assert facts["steps"][0]["left"] == len(good) + len(ROWS) + len(broken) + 1
    assert facts["steps"][-1]["left"] == facts["records"] == 2
    assert len(set_aside(tmp_path)) == len(ROWS) + len(broken) + 1
    assert {line["where"].split(":")[0] for line in set_aside(tmp_path)} == {"made/rows.jsonl"}
    assert {record.id for record in read_records(tmp_path / "set")} == {"q0", "q100"}


def test_a_list_of_what_was_set_aside_stays_small(tmp_path):
    (tmp_path / "rows.jsonl").write_text(
        json.dumps(row(0)) + "\n" + json.dumps(row(1, question="x" * 1_000_000)) + "\n"
    )
    prepared(tmp_path)
    assert (tmp_path / "set" / "set_aside.jsonl").stat().st_size < 1000


MEASURED = """
import json, sys
from pathlib import Path
sys.path.insert(0, "tests/unit")
from data_fixtures import listed, source_document
from r1v3.data.prepare import prepare
from r1v3.resident import peak_resident
folder = Path(sys.argv[1])
before = peak_resident()
facts = prepare(source_document(listed(folder / sys.argv[2]), 10), folder / "set")
after = peak_resident()
print(json.dumps({"mib": (after - before) / 2**20, "aside": facts["set_aside"], "records": facts["records"]}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mib"), [("rows.jsonl", 60), ("rows.tsv", 60), ("rows.parquet", 500)]
)
def test_a_text_of_100_megabytes_is_refused_without_being_held(tmp_path, name, mib):
    """Parquet gives a page as a whole, so its cell is in memory once or twice, but in no Python string."""
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
    assert found["aside"] == {"valid": {"text is too long": 1}}
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
            [sys.executable, "-m", "r1v3.data", "check", str(place)],
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
