"""Digests are cached by inode, size and times, and are never those of other content."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from r1v3.base import file_hash
from r1v3.base.file_hash import file_sha256, files_sha256


def settle(path: Path) -> None:
    """Wait until a file is old enough for the cache."""
    while time.time() - path.stat().st_ctime < file_hash.SETTLED + 0.05:
        time.sleep(0.02)


def never_read(path: Path) -> str:
    raise AssertionError(f"{path} was read")


def test_a_file_is_read_once(tmp_path, monkeypatch):
    file, cache = tmp_path / "file", tmp_path / "cache"
    file.write_bytes(b"abc")
    settle(file)
    digest = file_sha256(file, cache)
    assert digest == hashlib.sha256(b"abc").hexdigest()
    monkeypatch.setattr(file_hash, "_read", never_read)
    assert file_sha256(file, cache) == digest


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path):
    file, cache = tmp_path / "file", tmp_path / "cache"
    file.write_bytes(b"abc")
    settle(file)
    file_sha256(file, cache)
    before = file.stat()
    file.write_bytes(b"abd")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file_sha256(file, cache) == hashlib.sha256(b"abd").hexdigest()


def test_a_file_written_this_moment_is_not_cached(tmp_path):
    file, cache = tmp_path / "file", tmp_path / "cache"
    file.write_bytes(b"abc")
    file_sha256(file, cache)
    assert not cache.exists() or not cache.read_bytes()


def test_damaged_lines_of_the_cache_are_passed_over(tmp_path):
    file, cache = tmp_path / "file", tmp_path / "cache"
    file.write_bytes(b"abc")
    settle(file)
    cache.write_bytes(b'\xff\xfe\n[1,2\n7\n"x"\n[[],1,2,3,"' + b"a" * 64 + b'"]\n{}\n')
    assert file_sha256(file, cache) == hashlib.sha256(b"abc").hexdigest()
    assert file_sha256(file, cache) == hashlib.sha256(b"abc").hexdigest()


def test_many_files_are_read_together(tmp_path):
    paths = [tmp_path / str(number) for number in range(50)]
    for number, path in enumerate(paths):
        path.write_bytes(b"x" * number)
    expected = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    assert files_sha256(paths) == expected
    assert list(files_sha256(paths)) == paths


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone"):
        file_sha256(tmp_path / "gone", tmp_path / "cache")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_does_without_a_cache(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    settle(file)
    tmp_path.chmod(0o500)
    assert file_sha256(file, tmp_path / "cache") == hashlib.sha256(b"abc").hexdigest()
    tmp_path.chmod(0o700)


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    settle(file)
    assert file_sha256(file, tmp_path) == hashlib.sha256(b"abc").hexdigest()  # a folder
