"""Forms of files and of pictures: the same rows in each form are the same records."""

import base64
import csv
import gzip
import io
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from data_fixtures import CLEANING, listed, source_config
from picture_files import PNG, packed, plain, saved

from r1v3.data.check import as_asked, check_source, entry_of_files
from r1v3.data.fields import Rejected
from r1v3.data.picture_cells import content, pictures_of
from r1v3.data.picture_files import PictureFiles
from r1v3.data.prepare import prepare
from r1v3.data.records import Record, read_records
from r1v3.data.sources.rows import read_rows

LIMIT = 200_000
JPEG = saved(plain(30), "JPEG")
BASE = {"answer": "4", "answer_type": "fill", "domain": "logic", "difficulty": "k12"}
ROWS = [BASE | {"language": "zh", "id": f"q{n}", "question": f'第 {n} "题"]}},'} for n in range(3)]
TEXT = base64.b64encode(PNG).decode()


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def separated(rows: list[dict], delimiter: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def by_id(rows: list[dict]) -> dict:
    return {row["id"]: {key: row[key] for key in row if key != "id"} for row in rows}


def as_parquet(rows: list[dict]) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


FORMS: dict[str, Callable[[list[dict]], str | bytes]] = {
    "x.jsonl": lines,
    "x.ndjson": lines,
    "X.JSONL": lines,
    "lines named.json": lines,
    "bom.jsonl": lambda rows: "\ufeff" + lines(rows),
    "array.json": json.dumps,
    "pretty.json": lambda rows: json.dumps(rows, indent=2, ensure_ascii=False),
    "bom.json": lambda rows: "\ufeff" + json.dumps(rows, indent=2),
    "array named.jsonl": json.dumps,
    "pretty named.jsonl": lambda rows: json.dumps(rows, indent=1),
    "by id.json": lambda rows: json.dumps(by_id(rows), indent=4),
    "by id in a line.json": lambda rows: json.dumps(by_id(rows)),
    "one list.json": lambda rows: json.dumps({"keywords": "x", "tags": [], "example": rows}),
    "one list, pretty.json": lambda rows: json.dumps({"example": rows, "n": 3}, indent=2),
    "x.csv": lambda rows: separated(rows, ","),
    "x.tsv": lambda rows: separated(rows, "\t"),
    "x.parquet": as_parquet,
}


@pytest.mark.parametrize(
    ("name", "packed"),
    [*((name, False) for name in FORMS), *((name, True) for name in FORMS if name != "x.parquet")],
)
def test_each_form_of_a_file_gives_the_same_rows(tmp_path, name, packed):
    data = FORMS[name](ROWS)
    data = data.encode() if isinstance(data, str) else data
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(data) if packed else data)
    found = [row for _, row in read_rows(path, LIMIT)]
    assert [{key: row[key] for key in ROWS[0]} for row in found if isinstance(row, dict)] == ROWS


def test_a_packed_file_is_told_by_its_content(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(gzip.compress(lines(ROWS).encode()))
    assert [row for _, row in read_rows(path, LIMIT)] == ROWS


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_rows_of_an_array_are_found_wherever_the_blocks_of_the_file_end(
    tmp_path, monkeypatch, size
):
    monkeypatch.setattr("r1v3.data.sources.json_values.BLOCK", size)
    rows = [{"a": 'quote " and \\', "b": ["]", {"c": "\\\\"}]}, {"a": "x,"}, {}]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(rows))
    assert [row for _, row in read_rows(path, LIMIT)] == rows


def test_a_bad_row_of_an_array_costs_itself_alone(tmp_path):
    long = json.dumps({"id": "x" * LIMIT})
    path = tmp_path / "x.json"
    path.write_text(f'[{{"id": 1}}, {long}, {{"id": 01}}, 5, {{"id": 2}}')
    found = [row if isinstance(row, dict) else row.reason for _, row in read_rows(path, LIMIT)]
    assert found == [
        {"id": 1},
        "text is too long",
        "not valid JSON",
        "not a row of fields",
        {"id": 2},
        "file is damaged",
    ]


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.json.gz", "x.csv.gz"])
def test_a_file_that_was_cut_is_said_to_be_damaged(tmp_path, name):
    rows = [
        row | {"question": base64.b64encode(bytes([n]) * 900).decode()}
        for n, row in enumerate(ROWS)
    ]
    data = FORMS[name.removesuffix(".gz") if name != "x.json.gz" else "array.json"](rows)
    path = tmp_path / name
    path.write_bytes(gzip.compress(str(data).encode())[:-40])
    *_, (_, last) = read_rows(path, LIMIT)
    assert isinstance(last, Rejected)
    assert last.reason == "file is damaged"


@pytest.mark.parametrize("name", ["x.xlsx", "x.txt", "x.arrow", "rows", "x.jsonl.bz2"])
def test_a_file_of_an_unknown_form_is_refused_by_name(tmp_path, name):
    (tmp_path / name).write_text(lines(ROWS))
    message = rf"^made: {name}: a source's file is .parquet, .jsonl, .*\.csv"
    with pytest.raises(ValueError, match=message):
        prepare(source_config(listed(tmp_path / name), 10), tmp_path / "set")
    entry = entry_of_files([tmp_path / name], "records", {})
    with pytest.raises(ValueError, match=message.replace("made", "files")):
        check_source(as_asked("files", entry, None, CLEANING))


@pytest.mark.parametrize(
    ("name", "text"), [("x.jsonl", "\n"), ("x.json", "[]"), ("x.csv", "id,a\n")]
)
def test_files_without_a_row_are_named(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"made: its files hold no row: {name}"):
        prepare(source_config(listed(tmp_path / name), 10), tmp_path / "set")


def files(folder: Path, *archives: Path) -> PictureFiles:
    return PictureFiles(folder, archives, scratch=folder / "scratch")


@pytest.mark.parametrize(
    "cell",
    [
        TEXT,
        f"data:image/png;base64,{TEXT}",
        f"data:image/png;charset=utf-8;base64,{TEXT}",
        f"DATA:;BASE64,{TEXT}",
        TEXT.rstrip("="),
        TEXT.replace("+", "-").replace("/", "_"),
        "\n".join(TEXT[n : n + 76] for n in range(0, len(TEXT), 76)),
        PNG,
        bytearray(PNG),
        TEXT.encode(),
        list(PNG),
        f"data:image/png;name=a b.png;base64,{TEXT}",
        f'data:image/png;name="a.png"; base64,{TEXT}',
        "data:image/png;base64," + quote(TEXT, safe=""),
        f"image/png;base64,{TEXT}",
        f"base64,{TEXT}",
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": TEXT}},
        {"image_1": "a.png", "image_2": None},
        {"bytes": PNG, "path": None},
        {"bytes": PNG, "path": "x.png"},
        {"bytes": None, "path": "a.png"},
        {"bytes": TEXT},
        {"bytes": list(PNG)},
        {"base64": TEXT},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{TEXT}"}},
        {"image": {"bytes": PNG}},
        "a.png",
        "./a.png",
        ["a.png"],
        [[{"path": "a.png"}]],
        '["a.png"]',
        json.dumps([TEXT]),
    ],
)  # fmt: skip
def test_each_form_of_a_picture_gives_its_bytes(tmp_path, cell):
    (tmp_path / "a.png").write_bytes(PNG)
    (picture,) = pictures_of(cell)
    assert content(picture, files(tmp_path), LIMIT)[0] == PNG


@pytest.mark.parametrize(
    "cell",
    [None, "", " ", [], [None], "[]", ["", None], {}, "{}", {"bytes": None, "path": None}],
)  # fmt: skip
def test_an_empty_cell_holds_no_picture(cell):
    assert pictures_of(cell) == []


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (f"data:image/png;base64,{TEXT}!", "picture is damaged"),
        ("data:image/svg+xml,<svg/>", "not a picture"),
        ("data:image/png;base64", "picture is damaged"),
        ("iVBORw0KGgo" + "A" * 2 * LIMIT, "picture file is too large"),
        ("What is shown? " * 100, "not a picture"),
        ({"height": 3}, "picture is missing"),
        (5, "wrong type of field"),
        ("file:///etc/passwd", "picture is missing"),
        ("/etc/passwd", "path leads out of the source"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(tmp_path, cell, reason):
    with pytest.raises(Rejected) as refused:
        content(cell, files(tmp_path), LIMIT)
    assert refused.value.reason == reason


def test_numbered_pictures_of_a_structure_come_in_their_order():
    assert pictures_of({"image_10": "c", "image_2": "b", "image_1": "a"}) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("asked", "member"),
    [
        ("images/1.png", "root/data/images/1.png"),
        ("data/images2/1.png", "root/data/images2/1.png"),
        ("elsewhere/IMAGES2/1.png", "root/data/images2/1.png"),
        ("up.png", "UP.PNG"),
        ("a%20b.png", "a b.png"),
        ("c d.png", "c%20d.png"),
        ("cafe\u0301.png", "caf\u00e9.png"),
    ],
)
def test_of_files_with_one_base_name_the_folders_decide_and_names_may_be_spelt_otherwise(
    tmp_path, asked, member
):
    names = ["root/data/images/1.png", "root/data/images2/1.png", "UP.PNG", "a b.png", "c%20d.png"]
    members = {name: name.encode() for name in [*names, "caf\u00e9.png"]}
    found = files(tmp_path, packed(tmp_path / "x.zip", members | {"__MACOSX/up.png": b"?"}))
    assert found.read(asked, LIMIT) == member.encode()
    with pytest.raises(Rejected, match="not the only one"):
        found.read("other/1.png", LIMIT)


@pytest.mark.parametrize("name", ["images.zip", "images.tar", "images.tar.gz", "images.tgz"])
def test_pictures_lie_in_archives_under_their_paths_or_base_names(tmp_path, name):
    members = {"top/images/a.png": PNG, "top/b.jpg": JPEG, "x/c.png": PNG, "y/c.png": JPEG}
    found = files(tmp_path, packed(tmp_path / name, members | {"../up.png": PNG}))
    assert found.read("top/images/a.png", LIMIT) == PNG
    assert found.read("elsewhere/a.png", LIMIT) == PNG
    assert found.read("a", LIMIT) == PNG
    assert found.read("b.jpg", LIMIT) == JPEG
    assert found.read("y/c.png", LIMIT) == JPEG
    for asked, reason in {
        "c.png": "picture is not the only one of its name",
        "d.png": "picture is missing",
        "../up.png": "path leads out of the source",
        "link.png": "picture is missing",
    }.items():
        with pytest.raises(Rejected) as refused:
            found.read(asked, LIMIT)
        assert refused.value.reason == reason
    found.close()


def test_a_packed_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    path = packed(tmp_path / "x.tar.gz", {"a.png": bytes(5_000_000)})
    with pytest.raises(ValueError, match=r"x.tar.gz unpacks to more than"):
        files(tmp_path, path).read("a.png", LIMIT)


class Served(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path.startswith("/a.png")
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(PNG if found else b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def host():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_pictures_lie_at_urls(tmp_path, host, monkeypatch):
    monkeypatch.setattr("r1v3.data.picture_files.MOST_FAILURES", 2)
    found = files(tmp_path)
    assert content(f"{host}/a.png?size=3", found, LIMIT) == (PNG, "a.png")
    assert content({"url": f"{host}/a.png"}, found, LIMIT)[0] == PNG
    for _ in range(3):
        with pytest.raises(Rejected) as refused:
            found.read(f"{host}/b.png", LIMIT)
        assert refused.value.reason == "picture cannot be fetched"
    assert "failed 2 times" in refused.value.detail
    with pytest.raises(Rejected, match="too large"):
        files(tmp_path / "other").read(f"{host}/a.png", 10)


def prepared(folder: Path, rows: list[dict], *more: Path, **entry) -> list[Record]:
    (folder / "rows.json").write_text(json.dumps(rows))
    source = listed(folder / "rows.json", *more, **entry)
    prepare(source_config(source, 10), folder / "set")
    return read_records(folder / "set")


def test_a_set_takes_pictures_of_every_form(tmp_path):
    (tmp_path / "files").mkdir()
    archive = packed(tmp_path / "files" / "images.tar.gz", {"deep/in/a.png": PNG})
    cells: list[object] = [TEXT, [f"data:image/png;base64,{TEXT}"], "images/a.png", {"bytes": TEXT}]
    rows = [ROWS[0] | {"id": f"q{n}", "images": cell} for n, cell in enumerate(cells)]
    records = prepared(tmp_path, rows, archive, pictures="images.tar.gz")
    assert len(records) == 4
    assert len({record.images for record in records}) == 1
    assert prepared(tmp_path, rows, archive) == records


def test_pictures_that_an_entry_names_and_that_are_not_there_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"made: pictures: no folder or archive photos.zip"):
        prepared(tmp_path, ROWS, pictures="photos.zip")
