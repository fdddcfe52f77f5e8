"""The lock of a Snakemake stays until its owner is seen to be dead."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from r1v3.recipe.locks import note_owner, own_folder

UNLOCK = Path(__file__).parents[2] / "workflow/scripts/unlock.py"


@pytest.fixture
def locked(tmp_path) -> Path:
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    (tmp_path / ".snakemake/locks/0.input.lock").touch()
    return tmp_path


def unlock(folder: Path) -> tuple[bool, str]:
    """Whether the lock went, and what was said."""
    done = subprocess.run(
        [sys.executable, UNLOCK], cwd=folder, capture_output=True, text=True, check=True
    )
    return not list((folder / ".snakemake/locks").iterdir()), done.stdout


def noted(folder: Path, **changes) -> None:
    """The note of this living process, changed."""
    note_owner(folder)
    (note,) = (folder / ".snakemake/owners").iterdir()
    note.write_text(json.dumps(json.loads(note.read_text()) | changes))


def test_the_lock_of_a_killed_snakemake_goes(locked):
    noted(locked, pid=2**22 + 1)
    gone, said = unlock(locked)
    assert gone
    assert "going on from where it was" in said
    assert not list((locked / ".snakemake/owners").iterdir())


@pytest.mark.parametrize("changes", [{"began": "1"}, {"boot": "another"}])
def test_a_number_that_another_process_got_since_is_no_owner(locked, changes):
    noted(locked, **changes)
    assert unlock(locked)[0]


@pytest.mark.parametrize("changes", [{}, {"host": "node7"}, {"processes": "pid:[1]"}, {"pid": []}])
def test_the_lock_of_a_living_or_unseen_snakemake_stays(locked, changes):
    noted(locked, **changes)
    gone, said = unlock(locked)
    assert not gone
    assert "snakemake --unlock" in said


def test_a_lock_without_a_note_stays(locked):
    assert not unlock(locked)[0]


def test_a_snakemake_takes_the_lock_of_a_killed_one_away_and_notes_itself(locked, capsys):
    noted(locked, pid=2**22 + 1)
    own_folder(locked)
    assert not list((locked / ".snakemake/locks").iterdir())
    assert "going on from where it was" in capsys.readouterr().err
    own_folder(locked)  # nothing is locked, so there is nothing to say
    assert capsys.readouterr().err == ""
    (note,) = (locked / ".snakemake/owners").iterdir()
    assert not unlock(locked)[1]
    assert note.exists()


def test_a_snakemake_leaves_the_lock_of_a_living_one(locked, capsys):
    noted(locked)
    own_folder(locked)
    assert list((locked / ".snakemake/locks").iterdir())
    assert capsys.readouterr().err == ""
