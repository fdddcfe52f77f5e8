"""A download against a server on loopback that stops, changes its file, or refuses a range."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from r1v3.base.download import download, file_digest

DATA = bytes(range(256)) * 40


HONEST = {
    "data": DATA, "most": None, "tagged": True, "dated": None, "shift": 0, "packed": None, "ranges": False,
}  # fmt: skip


class Server(BaseHTTPRequestHandler):
    """Serves `data`, honours Range and If-Range, and stops after `most` bytes of an answer."""

    data, most, tagged, dated = DATA, None, True, None
    shift, packed, ranges = (
        0,
        None,
        False,
    )  # lies: another part, compressed, a part that nobody asked for
    log: list[tuple[str | None, str | None]] = []

    def do_GET(self):
        kind = type(self)
        tag = f'"{hashlib.md5(kind.data).hexdigest()}"'
        asked, wanted = self.headers.get("Range"), self.headers.get("If-Range")
        kind.log.append((asked, wanted))
        assert self.headers["Accept-Encoding"] == "identity"
        if asked and wanted not in (tag if kind.tagged else None, kind.dated):
            asked = None
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if asked and start >= len(kind.data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(kind.data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start += kind.shift if asked else 0
        self.send_response(206 if asked or kind.ranges else 200)
        if asked or kind.ranges:
            last = len(kind.data) - 1
            self.send_header("Content-Range", f"bytes {start + 5 * kind.ranges}-{last}/{last + 1}")
        if kind.packed:
            self.send_header("Content-Encoding", kind.packed)
        self.send_header("Content-Length", str(len(kind.data) - start))
        if kind.tagged:
            self.send_header("ETag", tag)
        if kind.dated:
            self.send_header("Last-Modified", kind.dated)
        self.end_headers()
        self.wfile.write(kind.data[start:][: kind.most])

    def log_message(self, *_):
        pass


@pytest.fixture
def url(monkeypatch):
    for name, value in HONEST.items():
        monkeypatch.setattr(Server, name, value)
    monkeypatch.setattr(Server, "log", [])
    http = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}/file"
    http.shutdown()
    http.server_close()


def cut_off(url, path, most=100):
    Server.most = most
    with pytest.raises(OSError, match=f"{most} of {len(Server.data)} bytes came"):
        download(url, path)
    Server.most = None


def test_a_file_comes_whole_and_leaves_nothing_beside(url, tmp_path):
    download(url, tmp_path / "in" / "f")
    assert (tmp_path / "in" / "f").read_bytes() == DATA
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["f"]
    assert file_digest(tmp_path / "in" / "f", "sha256") == hashlib.sha256(DATA).hexdigest()


def test_a_cut_download_continues_where_it_stopped(url, tmp_path):
    cut_off(url, tmp_path / "f")
    download(url, tmp_path / "f")
    tag = f'"{hashlib.md5(DATA).hexdigest()}"'
    assert Server.log == [(None, None), ("bytes=100-", tag)]
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_file_that_changed_meanwhile_is_fetched_anew(url, tmp_path):
    cut_off(url, tmp_path / "f")
    Server.data = DATA[::-1]
    download(url, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == DATA[::-1]


def test_a_date_serves_where_there_is_no_tag(url, tmp_path):
    Server.tagged, Server.dated = False, "Sat, 28 Nov 2026 12:00:00 GMT"
    cut_off(url, tmp_path / "f")
    download(url, tmp_path / "f")
    assert Server.log[1] == ("bytes=100-", Server.dated)
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_server_without_versions_is_asked_for_the_whole_again(url, tmp_path):
    Server.tagged = False
    cut_off(url, tmp_path / "f")
    download(url, tmp_path / "f")
    assert Server.log == [(None, None), (None, None)]
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_part_that_is_whole_is_taken_as_it_is(url, tmp_path):
    cut_off(url, tmp_path / "f")
    (tmp_path / "f.part").write_bytes(DATA)
    download(url, tmp_path / "f")
    assert Server.log[1][0] == f"bytes={len(DATA)}-"
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_part_longer_than_the_file_is_not_taken_for_it(url, tmp_path):
    cut_off(url, tmp_path / "f")
    (tmp_path / "f.part").write_bytes(DATA + b"more")
    download(url, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == DATA


def test_a_server_that_is_away_is_an_oserror(tmp_path, url):
    with pytest.raises(OSError, match="ConnectError"):
        download("http://127.0.0.1:9/f", tmp_path / "f")


@pytest.mark.parametrize("shift", [-100, -1, 1])
def test_another_part_than_the_one_asked_for_is_not_appended(url, tmp_path, shift):
    cut_off(url, tmp_path / "f")
    Server.shift = shift
    download(url, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == DATA
    assert [asked for asked, _ in Server.log] == [None, "bytes=100-", None]


def test_a_part_that_nobody_asked_for_is_no_file(url, tmp_path):
    Server.ranges = True
    with pytest.raises(OSError, match="sends a part of the file, though all of it was asked for"):
        download(url, tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_compressed_bytes_are_not_taken_for_the_file(url, tmp_path):
    Server.packed = "gzip"
    with pytest.raises(
        OSError, match="the server sends gzip, though the file itself was asked for"
    ):
        download(url, tmp_path / "f")
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize("note", [b"\xff\xfe", b"\0\0", b"a\r\nX-Injected: 1", b""])
def test_a_damaged_note_of_the_version_costs_a_whole_download(url, tmp_path, note):
    cut_off(url, tmp_path / "f")
    (tmp_path / "f.part.version").write_bytes(note)
    download(url, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == DATA
    assert Server.log[1] == (None, None)
