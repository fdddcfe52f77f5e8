"""Faults are files, and what they do to a file changes it; rounds become a table."""

import random
from types import SimpleNamespace

import pytest

from r1v3.chaos.fault import FAULTS, read_faults
from r1v3.chaos.faults._damaging import WAYS, damage
from r1v3.chaos.run import Outcome, code_of, table_of, undisturbed

ONE = '''"""all lights go out."""
SAYS = "dark"
CASES = ("day", "night")

def strike(tree, case):
    pass
'''


def test_a_fault_is_a_file_that_says_what_happens(tmp_path):
    (tmp_path / "lights.py").write_text(ONE)
    (tmp_path / "_shared.py").write_text("")
    (fault,) = read_faults(tmp_path)
    assert (fault.name, fault.what, fault.says) == ("lights", "all lights go out", "dark")
    assert fault.cases == ("day", "night")
    assert fault.again == ("rl",)


@pytest.mark.parametrize("text", ["", '"""all lights go out"""', "def strike(tree):\n    pass\n"])
def test_a_file_that_is_no_fault_is_named(tmp_path, text):
    (tmp_path / "lights.py").write_text(text)
    with pytest.raises(ValueError, match=r"lights\.py: a fault has"):
        read_faults(tmp_path)


def test_ours_can_all_be_read():
    names = {fault.name for fault in read_faults(FAULTS)}
    assert {"kill_node", "kill_snakemake", "kill_rank", "sigterm", "disk_full", "damage"} <= names


@pytest.mark.parametrize("way", WAYS)
def test_damage_changes_a_file(tmp_path, way):
    path = tmp_path / "weights"
    whole = bytes(100) + b"\x01" + bytes(100)
    for seed in range(20):
        path.write_bytes(whole)
        damage(path, way, SimpleNamespace(random=random.Random(seed)))
        assert path.read_bytes() != whole


def test_an_undisturbed_run_of_other_code_is_refused(tmp_path):
    (tmp_path / "workflow").mkdir()
    module = tmp_path / "workflow" / "score.py"
    module.write_text("1\n")
    before = code_of(tmp_path)
    (tmp_path / ".code").write_text(before)
    module.write_text("2\n")
    assert code_of(tmp_path) != before
    with pytest.raises(ValueError, match=r"made by other code.*; delete it"):
        undisturbed(tmp_path, tmp_path, None)


def test_the_table_shows_a_failed_round_first_and_no_hash():
    said = "grpo: /tmp/x/results/runs/rl-0123456789/manifest.json: cut | damaged; delete it"
    rounds = [
        Outcome("the disk is full", True, "nothing", "goes on", 1.0),
        Outcome("the disk is full", False, "nothing", said, 1.0),
        Outcome("a kill", True, "runs/rl", "x" * 500, 1.0),
        Outcome("no mount", None, "-", "not tried: x", 0.0),
    ]
    lines = table_of(rounds).splitlines()
    assert lines[2].startswith("| a kill | 1 | 1 | runs/rl | xxx")
    assert lines[2].endswith("… |")
    full = "results/runs/rl/manifest.json: cut \\| damaged; delete it"
    assert lines[4] == f"| the disk is full | 2 | 1 | nothing | grpo: {full} |"
    assert lines[3] == "| no mount | 0 | 0 | - | not tried: x |"
