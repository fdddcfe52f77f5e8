"""Signal 9 and signal 15 at any time: the run ends like an undisturbed one, with equal bits."""

import os
import signal
from pathlib import Path

import pytest
from data_fixtures import source_config
from launched import run_script
from model_fixtures import small_model, small_processor
from training_fixtures import SOURCE, sft_run, without_times

from r1v3.data.prepare import prepare
from r1v3.model.groups import group_hashes
from r1v3.model.load import load_model, save_checkpoint
from r1v3.train.core.preemption import REQUEUE, Preemption
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.saved_state import load_state, save_state
from r1v3.train.core.sharded_state import newest_intact, save_sharded_state
from r1v3.train.sft import trainer as sft

ALONE = Ranks(0, 1)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Make a start, data, and the undisturbed run on them."""
    folder = tmp_path_factory.mktemp("parts")
    save_checkpoint(small_model(), small_processor(), folder / "start")
    prepare(source_config(SOURCE, 13, name="set"), folder / "data")
    sft_run(folder / "whole", folder / "start", folder / "data")
    return folder


def run(where, step, parts, folder):
    script = Path(__file__).with_name("killed_run.py")
    return run_script(script, where, step, parts / "start", parts / "data", folder)


def same_end(parts, folder):
    assert without_times(folder) == without_times(parts / "whole")
    ends = [sorted((f / "checkpoints").glob("step-*"))[-1] for f in (parts / "whole", folder)]
    assert group_hashes(load_model(ends[0])) == group_hashes(load_model(ends[1]))


@pytest.mark.slow
@pytest.mark.parametrize(("where", "step"), [("writing", 2), ("writing", 5), ("saving", 4)])
def test_a_run_killed_by_signal_9_ends_as_an_undisturbed_one(where, step, parts, tmp_path):
    killed = run(where, step, parts, tmp_path / "run")
    assert killed.returncode == -signal.SIGKILL
    again = run("nowhere", 0, parts, tmp_path / "run")
    assert again.returncode == 0, again.stderr
    assert ("step-000004.pt is damaged; using the one before it" in again.stdout) == (
        where == "saving"
    )
    same_end(parts, tmp_path / "run")


def test_sigterm_finishes_the_step_saves_and_asks_for_more(parts, tmp_path, monkeypatch, capsys):
    check = sft.check_step

    def terminated(step, *rest):
        check(step, *rest)
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(sft, "check_step", terminated)
    with pytest.raises(SystemExit) as left:
        sft_run(tmp_path / "run", parts / "start", parts / "data")
    assert left.value.code == REQUEUE
    assert "saved after step 3" in capsys.readouterr().out
    monkeypatch.setattr(sft, "check_step", check)
    sft_run(tmp_path / "run", parts / "start", parts / "data")
    same_end(parts, tmp_path / "run")


def test_the_handler_that_was_there_returns():
    before = signal.getsignal(signal.SIGTERM)
    with Preemption() as preemption:
        os.kill(os.getpid(), signal.SIGTERM)
        assert preemption.came
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("keep", [2, 4])
def test_old_states_are_pruned_by_the_recipe(keep, tmp_path):
    for step in range(1, 7):
        save_state(tmp_path, step, {"step": step}, keep=keep)
    kept = [f"step-{step:06d}.pt" for step in range(7 - keep, 7)]
    assert [path.name for path in sorted(tmp_path.glob("*.pt"))] == kept
    assert len(list(tmp_path.iterdir())) == 2 * keep


@pytest.mark.parametrize("harm", ["cut", "alter", "remove", "unseal", "cut seal", "other seal",
                                  "flipped seal", "forgetful seal", "renamed key of seal"])  # fmt: skip
def test_a_damaged_part_is_named_and_the_state_before_it_is_used(harm, tmp_path, capsys):
    for step in range(1, 5):
        save_sharded_state(
            tmp_path,
            step,
            lambda f: (f / "part.pt").write_bytes(b"0123456789"),
            ALONE,
            keep=3,
        )
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"step-{n:06d}" for n in (2, 3, 4)]
    part = tmp_path / "step-000004" / "part.pt"
    {
        "cut": lambda: part.write_bytes(b"01234567"),
        "alter": lambda: part.write_bytes(b"0123456780"),
        "remove": part.unlink,
        "unseal": seal_of(part).unlink,
        "cut seal": lambda: seal_of(part).write_text('{"ranks": 1, "fi'),
        "other seal": lambda: seal_of(part).write_text('{"ranks": 1, "files": [3]}'),
        "flipped seal": lambda: replace_in(seal_of(part), '"ranks": 1', '"ranks": 3'),
        "forgetful seal": lambda: replace_in(seal_of(part), '"part.pt"', '"qart.pt"'),
        "renamed key of seal": lambda: replace_in(seal_of(part), '"seal"', '"reaL"'),
    }[harm]()
    assert newest_intact(tmp_path, ALONE).name == "step-000003"
    named = "sha256.json" if "seal" in harm else "part.pt"
    assert f"step-000004 is damaged ({named}); using the one before it" in capsys.readouterr().out


def replace_in(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def seal_of(part):
    return part.parent / "sha256.json"


@pytest.mark.parametrize("told", ["", '{"sha2', "[]", "{}", '{"sha256": null}'])
def test_a_state_whose_seal_cannot_be_read_is_passed_over(told, tmp_path):
    for step in (1, 2):
        save_state(tmp_path, step, {"step": step})
    (tmp_path / "step-000002.json").write_text(told)
    assert load_state(tmp_path, ALONE) == (1, {"step": 1})


def test_new_states_stay_beside_damaged_ones_of_later_steps(tmp_path):
    for step in (10, 20):
        save_state(tmp_path, step, {"step": step})
        (tmp_path / f"step-{step:06d}.pt").write_bytes(b"cut")
    assert load_state(tmp_path, ALONE) is None
    for step in (2, 4, 6):
        save_state(tmp_path, step, {"step": step})
        assert load_state(tmp_path, ALONE) == (step, {"step": step})
    assert [p.name for p in sorted(tmp_path.glob("*.pt"))] == ["step-000004.pt", "step-000006.pt"]


def test_new_folders_stay_beside_damaged_ones_of_later_steps(tmp_path):
    def saved(step):
        save_sharded_state(
            tmp_path, step, lambda f: (f / "part.pt").write_bytes(b"0"), ALONE, keep=2
        )
        return tmp_path / f"step-{step:06d}"

    for step in (10, 20):
        seal_of(saved(step) / "part.pt").unlink()
    assert newest_intact(tmp_path, ALONE) is None
    for step in (2, 4, 6):
        whole = saved(step)
        assert newest_intact(tmp_path, ALONE) == whole
    assert sorted(p.name for p in tmp_path.glob("step-??????")) == ["step-000004", "step-000006"]


def test_all_ranks_read_the_state_that_the_first_chose(tmp_path, monkeypatch):
    for step in (1, 2):
        save_state(tmp_path, step, {"step": step})
    monkeypatch.setattr(Ranks, "gather", lambda self, part: ["step-000001.pt"])
    assert load_state(tmp_path, Ranks(1, 2)) == (1, {"step": 1})
    (tmp_path / "step-000001.pt").write_bytes(b"cut")
    with pytest.raises(
        ValueError, match=r"step-000001\.pt is intact for the first rank and damaged"
    ):
        load_state(tmp_path, Ranks(1, 2))


def test_an_altered_state_is_refused_and_so_are_two(tmp_path, capsys):
    for step in (1, 2):
        save_state(tmp_path, step, {"step": step})
    for step in (2, 1):
        path = tmp_path / f"step-{step:06d}.pt"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        found = load_state(tmp_path, ALONE)
        assert (found is None) if step == 1 else found == (1, {"step": 1})
    assert "step-000001.pt is damaged" in capsys.readouterr().out


def test_a_state_of_another_number_of_ranks_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Ranks, "wait", lambda self: None)
    monkeypatch.setattr(Ranks, "gather", lambda self, part: part)
    save_sharded_state(
        tmp_path, 1, lambda f: (f / "part.pt").write_bytes(b"0"), Ranks(0, 2), keep=2
    )
    with pytest.raises(ValueError, match="written by 2 ranks, not 1"):
        newest_intact(tmp_path, ALONE)
