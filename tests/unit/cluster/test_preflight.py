"""What would stop a run is found, and named."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from r1v3.cluster import checks, measurements
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]


def test_a_package_of_another_version_is_named(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text("torch==1.0.0\n")
    fine, seen = checks.versions(lock)
    assert not fine
    assert seen.startswith("torch is ")
    assert "lock.txt has 1.0.0" in seen


def test_a_port_that_is_taken_stops_a_run():
    with socket.create_server(("", 29_500)):
        fine, seen = checks.ports()
    assert not fine
    assert "29500" in seen


def test_too_little_room_stops_a_run(tmp_path):
    assert checks.space(tmp_path, 0.0)[0]
    fine, seen = checks.space(tmp_path, 1e18)
    assert not fine
    assert "1000000.00 TB needed" in seen


def test_data_that_only_the_user_has_is_asked_for():
    fine, seen = checks.files(ROOT, load_project(ROOT, "paper").recipe)
    assert not fine
    assert "data/math_hard.jsonl" in seen
    assert checks.files(ROOT, load_project(ROOT, "tiny").recipe)[0]


def test_a_verifier_must_have_an_address_that_answers(monkeypatch):
    paper = load_project(ROOT, "paper").recipe
    monkeypatch.delenv("R1V3_VERIFIER_URL", raising=False)
    assert checks.verifier(paper) == (False, "R1V3_VERIFIER_URL is not set")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        monkeypatch.setenv("R1V3_VERIFIER_URL", address)
        assert checks.verifier(paper) == (True, f"{address} answers")
    assert not checks.verifier(paper)[0]


def test_the_disk_is_measured_and_left_clean(tmp_path):
    _, seen = measurements.disk(tmp_path)
    assert " MB/s" in seen
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_two_processes_measure_their_network_and_the_first_writes(tmp_path):
    output = tmp_path / "preflight.json"
    launch = [sys.executable, "-m", "r1v3.cluster.launch", "--processes", "2"]
    script = [
        str(ROOT / "workflow/scripts/preflight.py"),
        "--recipe",
        "tiny",
        "--output",
        str(output),
    ]
    done = subprocess.run([*launch, *script], capture_output=True, text=True, check=False)
    found = {each["what"]: each for each in json.loads(output.read_text())}
    assert "over 2 cpu processes" in found["all-reduce"]["seen"], done.stderr
    assert done.stdout.count("all-reduce: ") == 1
