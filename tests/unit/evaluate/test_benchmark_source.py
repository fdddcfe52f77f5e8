"""Downloads from a server on this machine, files supplied by hand, data-card files converted to TSV."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
from evaluation_fixtures import published_config

from r1v3.evaluate.items.convert import to_tsv
from r1v3.evaluate.items.load import load_asked, load_items
from r1v3.evaluate.items.source import obtain_benchmark, obtain_in_workflow, warn_of_count


class Server(BaseHTTPRequestHandler):
    """Serves `files`, honours ranges, stops after `most` bytes of an answer, and keeps a log."""

    files: dict[str, bytes] = {}
    log: list[str] = []
    most = None

    def do_GET(self):
        data = self.files.get(self.path)
        asked = self.headers.get("Range")
        type(self).log.append(f"{self.path} {asked}")
        if data is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", '"only"')
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[start:][: type(self).most])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Server.files, Server.log, Server.most = {}, [], None
    http = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


@pytest.fixture(autouse=True)
def nothing_by_hand(monkeypatch):
    monkeypatch.delenv("R1V3_BENCHMARKS", raising=False)


@pytest.fixture
def stars(tsv, picture):
    """Write a small file with MMStar's exact columns."""
    row = {"question": "Which?", "A": "x", "B": "y", "C": "z", "D": "w", "answer": "A"}
    rows = [
        {
            "index": n,
            **row,
            "category": "math",
            "l2_category": "sums",
            "image": picture(),
            "bench": "b",
        }
        for n in range(3)
    ]
    return tsv(rows, "MMStar").read_bytes()


def config(url, data, **source):
    md5 = hashlib.md5(data).hexdigest()
    return published_config(
        "mmstar", {"kind": "url", "url": f"{url}/MMStar.tsv", "md5": md5, **source}
    )


def test_a_file_is_downloaded_and_checked(table, server, stars, tmp_path):
    Server.files["/MMStar.tsv"] = stars
    facts = obtain_benchmark(config(server, stars), tmp_path / "out")
    assert (tmp_path / "out" / "mmstar.tsv").read_bytes() == stars
    assert facts == {"made_from": "files", "md5": hashlib.md5(stars).hexdigest()}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mmstar.tsv"]


def test_a_file_of_another_size_than_was_published_is_said_so(
    table, server, stars, tmp_path, capsys
):
    Server.files["/MMStar.tsv"] = stars
    obtain_benchmark(config(server, stars), tmp_path)
    warn_of_count("mmstar", table["mmstar"], load_items(table["mmstar"], tmp_path / "mmstar.tsv"))
    assert "mmstar: 3 items, but 1500 were published" in capsys.readouterr().err


def test_a_broken_download_is_continued_where_it_stopped(table, server, stars, tmp_path):
    Server.files["/MMStar.tsv"] = stars
    Server.most = 100
    with pytest.raises(ValueError, match="100 of"):
        obtain_benchmark(config(server, stars), tmp_path)
    Server.most = None
    obtain_benchmark(config(server, stars), tmp_path)
    assert Server.log == ["/MMStar.tsv None", "/MMStar.tsv bytes=100-"]
    assert (tmp_path / "mmstar.tsv").read_bytes() == stars


def test_another_files_checksum_is_refused_and_the_file_dropped(table, server, stars, tmp_path):
    Server.files["/MMStar.tsv"] = stars + b"\n"
    with pytest.raises(ValueError, match=r"MMStar\.tsv has md5 .* was published"):
        obtain_benchmark(config(server, stars), tmp_path)
    assert not (tmp_path / "mmstar.tsv").exists()
    Server.files["/MMStar.tsv"] = stars
    obtain_benchmark(config(server, stars), tmp_path)


def test_where_nothing_can_be_had_the_message_says_where_to_put_the_file(
    table, server, stars, tmp_path
):
    with pytest.raises(ValueError, match=r"404[\s\S]*MMStar\.tsv into a folder .* R1V3_BENCHMARKS"):
        obtain_benchmark(config(server, stars), tmp_path)


def test_a_file_put_by_hand_is_used_without_a_server(table, stars, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "MMStar.tsv").write_bytes(stars)
    monkeypatch.setenv("R1V3_BENCHMARKS", str(tmp_path / "mine"))
    obtain_benchmark(config("http://127.0.0.1:9", stars), tmp_path / "out")
    assert (tmp_path / "out" / "mmstar.tsv").read_bytes() == stars


def test_in_the_workflow_a_failed_download_fails_and_an_absent_file_of_the_user_is_noted(
    server, stars, tmp_path
):
    with pytest.raises(ValueError, match="404"):
        obtain_in_workflow(config(server, stars), tmp_path / "mmstar")
    assert not (tmp_path / "mmstar" / ".missing.json").exists()
    asked = published_config("mine", {"kind": "user", "describe": "a TSV"})
    assert "by hand as mine.tsv" in obtain_in_workflow(asked, tmp_path / "mine")["missing"]


def test_a_benchmark_that_nobody_publishes_says_what_is_wanted(table, tmp_path):
    asked = published_config("gaokao_2025", table["gaokao_2025"].source)
    with pytest.raises(ValueError, match=r"gaokao_2025\.tsv .* It is a TSV with the columns"):
        obtain_benchmark(asked, tmp_path)


def test_hub_files_are_joined_renamed_and_their_pictures_become_base64(
    table, server, tmp_path, monkeypatch, picture
):
    import base64

    data = base64.b64decode(picture("blue"))
    shape = {
        "solution": None,
        "context": None,
        "subject": "Math",
        "task": "t",
        "type": "Open-Ended",
    }
    for number, name in enumerate(("Chemistry", "Coding", "Math", "Physics")):
        row = {
            "pid": f"p{number}",
            "question": "<image_2> or <image_1>?",
            "options": [] if number else ["one", "two"],
            "answer": "7" if number else "B",
            "image_1": {"bytes": data, "path": None},
            "image_2": {"bytes": base64.b64decode(picture("red")), "path": None},
            "image_3": None,
            **shape,
        }
        pd.DataFrame([row]).to_parquet(tmp_path / "part.parquet")
        path = f"/datasets/luckychao/EMMA-mini/resolve/main/{name}/test-00000-of-00001.parquet"
        Server.files[path] = (tmp_path / "part.parquet").read_bytes()
    monkeypatch.setenv("HF_ENDPOINT", server)
    entry = table["emma_mini"]
    obtain_benchmark(published_config("emma_mini", entry.source), tmp_path / "out")
    items = list(load_asked(entry, tmp_path / "out" / "emma_mini.tsv", tmp_path / "images"))
    assert [item.key for item, _ in items] == ["p0", "p1", "p2", "p3"]
    assert items[0][0].options == ("one", "two")
    assert [files[1].read_bytes() for _, files in items] == [data] * 4


def test_an_unknown_kind_of_file_is_refused(tmp_path):
    (tmp_path / "x.xlsx").write_bytes(b"")
    with pytest.raises(ValueError, match=r"\.tsv, \.csv, \.json, .* or \.parquet"):
        to_tsv([tmp_path / "x.xlsx"], {}, tmp_path / "out.tsv")
