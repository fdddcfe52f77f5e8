"""The lock of a Snakemake stays until its owner is known to have ended."""

import json
from pathlib import Path

import pytest

from r1v3.recipe.locks import note_owner, own_folder, why_locked


@pytest.fixture
def locked(tmp_path) -> Path:
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    (tmp_path / ".snakemake/locks/0.input.lock").touch()
    return tmp_path


def is_locked(folder: Path) -> bool:
    return any((folder / ".snakemake/locks").iterdir())


def noted(folder: Path, **changes) -> Path:
    """Write the note of this living process under another name, with changes."""
    note_owner(folder)
    (own,) = (folder / ".snakemake/owners").iterdir()
    other = own.with_name("node7-12.json")
    other.write_text(json.dumps(json.loads(own.read_text()) | changes))
    own.unlink()
    return other


@pytest.mark.parametrize("changes", [{"pid": 2**22 + 1}, {"began": "1"}, {"boot": "another"}])
def test_the_lock_of_a_killed_snakemake_goes(locked, changes, capsys):
    note = noted(locked, **changes)
    own_folder(locked)
    assert not is_locked(locked)
    assert not note.exists()
    assert "going on from where it was" in capsys.readouterr().err
    own_folder(locked)  # nothing is locked, so there is nothing to say
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("changes", [{}, {"host": "node7"}, {"processes": "pid:[1]"}, {"pid": []}])
def test_the_lock_of_a_living_or_unseen_snakemake_stays(locked, changes, capsys):
    noted(locked, **changes)
    own_folder(locked)
    assert is_locked(locked)
    assert capsys.readouterr().err == ""
    said = why_locked(locked)
    assert "its Snakemake (node7-12) may live" in said
    assert "`snakemake --unlock`" in said


def test_a_lock_without_a_note_stays(locked):
    own_folder(locked)
    assert is_locked(locked)
    assert "one that left no note" in why_locked(locked)


def test_one_living_owner_among_dead_ones_keeps_the_lock(locked):
    noted(locked, pid=2**22 + 1).rename(locked / ".snakemake/owners/node7-11.json")
    noted_living = json.loads((locked / ".snakemake/owners/node7-11.json").read_text())
    (locked / ".snakemake/owners/other-3.json").write_text(json.dumps(noted_living | {"host": "o"}))
    own_folder(locked)
    assert is_locked(locked)
    assert "its Snakemake (other-3) may live" in why_locked(locked)
