"""Faults are files, each fault changes a file, and rounds become a table."""

import itertools
import json
import random
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

from r1v3.chaos.fault import FAULTS, Fault, chosen_faults, read_faults
from r1v3.chaos.faults._damaging import WAYS, damage
from r1v3.chaos.run import Outcome, _in_turn, _line, code_digest, redone_work, table_of, undisturbed
from r1v3.chaos.server import VerifierServer
from r1v3.chaos.tree import Tree

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
    before = code_digest(tmp_path)
    (tmp_path / ".code").write_text(before)
    module.write_text("2\n")
    assert code_digest(tmp_path) != before
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


def test_every_fault_is_met_before_the_second_case_of_one():
    faults = [
        Fault(name, name, print, cases=cases)
        for name, cases in (("a", ("x", "y", "z")), ("b", ("",)))
    ]
    once = list(_in_turn(faults, random.Random(0), endless=False))
    assert {fault.name for fault, _ in once[:2]} == {"a", "b"}
    assert sorted((fault.name, case) for fault, case in once) == [
        ("a", "x"),
        ("a", "y"),
        ("a", "z"),
        ("b", ""),
    ]
    endless = itertools.islice(_in_turn(faults, random.Random(0), endless=True), 9)
    assert sum(fault.name == "b" for fault, _ in endless) >= 2


GOING_ON = """grpo rl-0123456789: starting
/x/results/runs/rl-0123456789/resume: going on after step 4
"""


@pytest.mark.parametrize(
    ("folders", "steps", "said", "redone"),
    [
        ([], 5, GOING_ON, "1 step"),
        ([], 4, GOING_ON, "nothing"),
        ([], 3, "grpo rl-0123456789: starting", "3 steps"),
        ([], 3, "another process is still at it", "nothing"),
        (["runs/base-1"], 6, GOING_ON, "runs/base-1, 2 steps"),
    ],
)
def test_redone_work_is_what_was_made_twice(folders, steps, said, redone):
    assert redone_work(folders, steps, said) == redone


def test_a_verifier_hangs_and_answers_again():
    body = json.dumps({"messages": [{"role": "user", "content": "x"}]}).encode()
    with VerifierServer() as verifier:
        ask = urllib.request.Request(f"http://127.0.0.1:{verifier.port}/v1/chat/completions", body)
        with urllib.request.urlopen(ask, timeout=30) as reply:
            before = reply.read()
        verifier.hang()
        with pytest.raises((urllib.error.URLError, TimeoutError)):
            urllib.request.urlopen(ask, timeout=0.2)
        assert verifier.waiting.acquire(timeout=30)
        verifier.live()
        with urllib.request.urlopen(ask, timeout=30) as reply:
            assert reply.read() == before


@pytest.mark.parametrize(
    ("parts", "left", "targets"),
    [
        (("rl",), {"answers/config.json", "answers/scores.json", "rl/config.json"}, ["rl.json"]),
        (("rl", "answers"), {"answers/config.json", "rl/config.json"}, ["rl.json", "scores.json"]),
        (("scores",), {"answers/config.json", "rl/config.json", "rl/manifest.json", "results/runs/rl.json"},
         ["rl.json", "scores.json"]),
    ],
)  # fmt: skip
def test_what_is_made_again_is_removed_and_asked_for(tmp_path, parts, left, targets):
    tree = Tree(tmp_path, tmp_path, random.Random(0), VerifierServer())
    tree.rl, tree.answers, tree.targets = (
        tmp_path / "rl",
        tmp_path / "answers",
        ["rl.json", "scores.json"],
    )
    files = ("rl/manifest.json", "rl/config.json", "answers/scores.json", "answers/config.json")
    for name in (*files, "results/runs/rl.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    tree.forget(*parts)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")} == left
    assert tree.targets == targets


def test_one_case_of_a_fault_is_played_alone():
    faults = [
        Fault(name, name, print, cases=cases) for name, cases in (("a", ("x", "y")), ("b", ("",)))
    ]
    chosen = chosen_faults(faults, ["b", "a:y"])
    assert [(fault.name, fault.cases) for fault in chosen] == [("b", ("",)), ("a", ("y",))]
    with pytest.raises(ValueError, match="there is no fault c; there are a, b"):
        chosen_faults(faults, ["c"])
    with pytest.raises(ValueError, match="a has no case z; it has x, y"):
        chosen_faults(faults, ["a:z"])


def test_the_message_is_where_a_run_goes_on():
    assert _line(GOING_ON, "starting|going on after") == GOING_ON.splitlines()[1]
    assert _line(GOING_ON, "is taken") == ""
