"""A failing script prints one line, and writes the traceback to a file."""

import errno
import sys

import pytest

from r1v3.base.user_errors import run_main


@pytest.fixture
def failing(tmp_path, monkeypatch, capsys):
    """Return a function that runs a failing script and returns its output and the file."""
    monkeypatch.delenv("R1V3_TRACEBACK", raising=False)
    monkeypatch.setattr(sys, "argv", ["stage.py", "--manifest", f"{tmp_path}/run/manifest.json"])

    def run(error: BaseException) -> tuple[str, str]:
        def main():
            raise error

        with pytest.raises(SystemExit) as ended:
            run_main(main)
        assert ended.value.code == 1
        kept = tmp_path / "run" / ".traceback.log"
        return capsys.readouterr().err, kept.read_text() if kept.exists() else ""

    return run


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("records.parquet: changed; delete it"), "stage: records.parquet: changed; delete it"),
        (OSError(errno.ENOSPC, "No space", "a/b"), "stage: a/b: the disk is full; make room, then"),
        (OSError(errno.EROFS, "RO", "a/b"), "stage: a/b: the file system is read-only; have it"),
        (PermissionError(errno.EACCES, "no", "a/b"), "stage: a/b: permission denied; have its owner"),
        (FileNotFoundError(errno.ENOENT, "No such file", "x"), "stage: x: is not there; look at its path"),
        (OSError(errno.EISDIR, "Is a directory", "x"), "stage: x: a folder lies where a file belongs; move"),
        (OSError(errno.ENOTDIR, "Not a directory", "x"), "stage: x: a file lies where a folder belongs"),
        (OSError(errno.ELOOP, "Too many levels", "x"), "stage: x: a link that leads to itself; remove it"),
        (OSError(errno.ENAMETOOLONG, "Long", "x"), "stage: x: the name is too long for this file system; ch"),
        (OSError(errno.EIO, "Input/output error", "x"), "stage: x: the disk fails here; restore the file"),
        (OSError(errno.ESTALE, "Stale", "x"), "stage: x: the file server has lost it; have it mounted"),
        (OSError(errno.EBUSY, "Device busy", "x"), "stage: x: Device busy"),
        (MemoryError(), "stage: no memory is left; end other programs"),
        (KeyError("best"), "stage: an error that nobody foresaw, please report it (KeyError: 'best')"),
        (ValueError("a\x1b[31mb\ud800: gone"), "stage: a\\x1b[31mb\\ud800: gone"),
        (RuntimeError(), "stage: an error that nobody foresaw"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_its_traceback_is_kept(failing, error, said):
    shown, kept = failing(error)
    assert shown.startswith(said)
    assert shown.count("\n") == 1
    assert "Traceback" not in shown
    assert "Traceback (most recent call last)" in kept
    assert type(error).__name__ in kept


def test_the_traceback_is_shown_where_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("R1V3_TRACEBACK", "1")
    with pytest.raises(KeyError):
        run_main(lambda: {}["absent"])


def test_a_script_that_ends_well_ends_with_its_code():
    for code, expected in ((None, 0), (3, 3)):
        with pytest.raises(SystemExit) as ended:
            run_main(lambda code=code: code)
        assert ended.value.code == expected


def test_a_folder_that_cannot_be_written_costs_the_traceback_and_not_the_sentence(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(sys, "argv", ["stage.py", "--manifest", f"{tmp_path}/file/manifest.json"])
    with pytest.raises(SystemExit):
        run_main(lambda: int("x"))
    assert capsys.readouterr().err == "stage: invalid literal for int() with base 10: 'x'\n"
