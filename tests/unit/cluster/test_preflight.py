"""What would stop a run is found, and named."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from r1v3.cluster import checks, measurements
from r1v3.cluster.preflight import Finding, lines
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


QUOTA = """Disk quotas for usr somebody (uid 1000):
     Filesystem  kbytes   quota   limit   grace   files   quota   limit   grace
{}
"""


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("  /lustre  1000  5000  9000  -  10  0  0  -", (4000 * 1024, float("inf"))),
        ("  /lustre/a_long_name\n   1000  0  1000  -  10  20  30  -", (0, 10)),
        ("  /lustre  6000*  5000  9000  6d23h  [31]  20  30  none", (-1000 * 1024, -11)),
        ("  /lustre  0  0  0  -  0  0  0  -", (float("inf"), float("inf"))),
        ("", None),
    ],
)
def test_what_lustre_leaves_a_user_is_read(line, left):
    assert checks.lustre_left(QUOTA.format(line)) == left


def test_a_quota_that_is_nearly_spent_stops_a_run(monkeypatch, tmp_path):
    lfs = tmp_path / "lfs"
    row = "/lustre  1000  5000  9000  -  10  0  0  -"
    lfs.write_text(f"#!/bin/sh\ncat <<'end'\n{QUOTA.format(row)}end\n")
    lfs.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    work = tmp_path / "work"
    work.mkdir()
    assert checks.quota(work, 4e6)[0]
    fine, seen = checks.quota(work, 5e6)
    assert not fine
    assert seen == "0.00 TB left, files without limit, 0.00 TB needed"


def test_nodes_that_differ_have_a_line_each():
    found = [Finding("disk", "1 TB free", True, node) for node in ("a", "b")]
    found += [Finding("GPUs", "8 of 8", True, "a"), Finding("GPUs", "7 of 8", False, "b")]
    assert lines(found) == [
        "ok   disk: 1 TB free",
        "ok   GPUs on a: 8 of 8",
        "STOP GPUs on b: 7 of 8",
    ]


ONE_OF_TWO_NODES = """
import os, socket, sys
from pathlib import Path
from r1v3.cluster import checks, measurements
from r1v3.cluster.preflight import preflight

node = f"node{os.environ['RANK']}"
socket.gethostname = lambda: node
checks.versions = lambda lock: (True, "as in the lock")
measurements.DISK_MB = 1
if node == "node1":
    checks.ports = lambda: (False, "port 8000: taken")
    checks.files = lambda *_: os.stat("not mounted")
sys.exit(0 if preflight(Path(sys.argv[1]), "tiny", None, Path(sys.argv[2])) else 1)
"""


@pytest.mark.slow
def test_what_the_second_node_lacks_stops_a_run(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    common = {"WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    common |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    output = tmp_path / "preflight.json"
    nodes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_OF_TWO_NODES, str(ROOT), str(output)],
            env=os.environ | common | {"RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    (said, wrong), (other, _) = [node.communicate() for node in nodes]
    assert [node.returncode for node in nodes] == [1, 0], wrong
    assert "ok   versions: as in the lock\n" in said
    assert "STOP ports on node1: port 8000: taken\n" in said
    assert "STOP files to supply on node1: FileNotFoundError: " in said
    assert "over 2 cpu processes" in said
    assert other == ""
    found = [(each["what"], each["node"]) for each in json.loads(output.read_text())]
    assert ("ports", "node0") in found
    assert ("ports", "node1") in found
