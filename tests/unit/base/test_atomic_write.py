"""Files are either old or new, and never partial."""

import pytest

from r1v3.base import atomic_write as module
from r1v3.base.atomic_write import atomic_folder, atomic_write, write_bytes, write_text


def test_a_new_file_appears_whole_in_a_new_folder_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a" / "b.txt"
    with atomic_write(path) as partial:
        assert partial.parent == path.parent
        partial.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_after_an_error_the_old_file_is_as_it_was(tmp_path):
    path = tmp_path / "b.txt"
    write_text(path, "old")

    def killed() -> None:
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_texts_are_utf_8_and_bytes_as_they_are(tmp_path):
    write_text(tmp_path / "t", "é")
    write_bytes(tmp_path / "b", b"\xff")
    assert (tmp_path / "t").read_bytes() == b"\xc3\xa9"
    assert (tmp_path / "b").read_bytes() == b"\xff"


def test_the_file_is_on_the_disk_before_its_name_and_the_folder_after(tmp_path, monkeypatch):
    seen = []
    path, replace = tmp_path / "b.txt", module.os.replace
    monkeypatch.setattr(module, "_sync", lambda each: seen.append(("sync", each.name)))

    def replaced(old, new):
        seen.append(("replace", new.name))
        replace(old, new)

    monkeypatch.setattr(module.os, "replace", replaced)
    write_text(path, "new")
    assert [what for what, _ in seen] == ["sync", "replace", "sync"]
    assert (seen[1][1], seen[2][1]) == ("b.txt", tmp_path.name)
    seen.clear()
    write_bytes(path, b"again", sync=False)
    assert [what for what, _ in seen] == ["replace"]


def test_a_file_of_its_owner_alone_becomes_one_that_the_umask_allows(tmp_path):
    import os

    from r1v3.base.atomic_write import settle_file

    file = tmp_path / "model.safetensors"
    file.touch(mode=0o600)
    before = os.umask(0o027)
    settle_file(file)
    os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_folder_replaces_the_old_one_when_it_is_complete(tmp_path):
    path = tmp_path / "checkpoint"
    for content in ("old", "new"):
        with atomic_folder(path) as partial:
            (partial / f"{content}.txt").write_text(content)
    assert [file.name for file in path.iterdir()] == ["new.txt"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_no_part_of_the_next_folder(tmp_path):
    path = tmp_path / "checkpoint"
    left = tmp_path / "checkpoint.partial"
    left.mkdir()
    (left / "model-00009.safetensors").write_bytes(b"half")
    with atomic_folder(path) as partial:
        (partial / "config.json").write_text("{}")
    assert [file.name for file in path.iterdir()] == ["config.json"]


def test_after_an_error_the_old_folder_is_as_it_was(tmp_path):
    path = tmp_path / "checkpoint"
    with atomic_folder(path) as partial:
        (partial / "old").touch()

    def full() -> None:
        with atomic_folder(path) as partial:
            (partial / "new").touch()
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        full()
    assert [file.name for file in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]
