"""Preflight finds and names what would stop a run."""

import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from r1v3.cluster import checks, measurements, supplies
from r1v3.cluster.preflight import CheckResult, check_node, lines
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]


def test_a_package_of_another_version_is_named(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text("torch==1.0.0\n")
    seen = checks.versions(lock)
    assert seen.state == "STOP"
    assert seen.text.startswith("torch is ")
    assert "lock.txt has 1.0.0" in seen.text
    assert seen.remedy


def test_a_port_that_is_taken_stops_a_run():
    with socket.create_server(("", 29_500)):
        seen = checks.ports()
    assert seen.state == "STOP"
    assert "29500" in seen.text


def test_too_little_room_stops_a_run(tmp_path):
    assert checks.space(tmp_path, 0.0).state == "ok"
    seen = checks.space(tmp_path, 1e18)
    assert seen.state == "STOP"
    assert "1000000.00 TB needed" in seen.text


def test_the_disk_is_measured_and_left_clean(tmp_path):
    assert " MB/s" in measurements.disk(tmp_path).text
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
    assert checks.quota(work, 4e6).state == "ok"
    seen = checks.quota(work, 5e6)
    assert seen.state == "STOP"
    assert seen.text == "0.00 TB left, files without limit, 0.00 TB needed"


def test_nodes_that_differ_have_a_line_each():
    found = [CheckResult("disk", "ok", "1 TB free", "", node) for node in ("a", "b")]
    found += [
        CheckResult("GPUs", "ok", "8 of 8", "", "a"),
        CheckResult("GPUs", "STOP", "7 of 8", "mend", "b"),
    ]
    assert lines(found) == [
        "ok      disk: 1 TB free",
        "ok      GPUs on a: 8 of 8",
        "STOP    GPUs on b: 7 of 8",
        "        -> mend",
    ]


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Set up an environment without a host that answers, tokens, servers, or files in the hub's cache."""
    monkeypatch.setattr(supplies, "accepts_connection", lambda host: False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(supplies, "_cached_config", lambda spec: None)
    for variable in [name for name in os.environ if name.startswith("R1V3_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setattr(measurements, "DISK_MB", 1)


def test_without_a_network_every_check_is_told_with_its_remedy(no_network, monkeypatch, tmp_path):
    def broken(*_):
        raise KeyError("an error that nobody thought of")

    monkeypatch.setattr(checks, "ports", broken)
    monkeypatch.setattr(checks, "space_needed", broken)
    found = {each.what: each for each in check_node(ROOT, "paper", None, tmp_path)}
    assert {each.state for each in found.values()} <= {"ok", "STOP", "unknown"}
    assert all(each.remedy for each in found.values() if each.state != "ok")
    for what in ("ports", "disk", "quota"):
        assert found[what].state == "unknown"
        assert "an error that nobody thought of" in found[what].seen
    for what in ("model base", "model teacher", "data mmk12", "benchmark downloads"):
        assert (what, found[what].state) == (what, "unknown")
    for what in ("data files", "judge", "reward server", "verifier"):
        assert (what, found[what].state) == (what, "STOP")
    assert "HF_TOKEN" in found["tokens"].seen
    shown = "\n".join(lines(list(found.values())))
    assert all(f" {what}: " in shown for what in found)


def test_the_tiny_recipe_needs_nothing_from_anybody(no_network):
    checked = supplies.supply_checks(ROOT, load_project(ROOT, "tiny"))
    assert {check().state for check in checked.values()} == {"ok"}


def test_a_model_with_two_names_is_looked_at_once():
    project = load_project(ROOT, "paper")
    assert project.recipe.models["instructed"] == project.recipe.models["base"]
    models = [name for name in supplies.supply_checks(ROOT, project) if name.startswith("model ")]
    assert models == ["model base", "model teacher"]


def test_data_of_studies_stops_nothing_that_needs_none_of_it(tmp_path):
    project = load_project(ROOT, "paper")
    seen = supplies.data_files(tmp_path, project)
    assert seen.state == "STOP"
    needed, studies = seen.text.split("missing for studies alone: ")
    assert "data/cold_start_questions.jsonl" in needed
    assert "data/math_hard.jsonl" in studies
    for name in ("cold_start_questions", "math_test", "multi_domain", "probe"):
        path = tmp_path / "data" / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    seen = supplies.data_files(tmp_path, project)
    assert seen.state == "ok"
    assert "data/math_hard.jsonl" in seen.text


def test_a_file_that_nobody_publishes_leaves_out_its_benchmark_alone(monkeypatch, tmp_path):
    entry = load_project(ROOT, "paper").benchmarks["gaokao_2025"]
    monkeypatch.delenv("R1V3_BENCHMARKS", raising=False)
    seen = supplies.benchmark_file("gaokao_2025", entry, 19)
    assert seen.state == "ok"
    assert "the other 19 go on" in seen.text
    assert "R1V3_BENCHMARKS" in seen.remedy
    (tmp_path / "gaokao_2025.tsv").write_text("index\n")
    monkeypatch.setenv("R1V3_BENCHMARKS", str(tmp_path))
    assert supplies.benchmark_file("gaokao_2025", entry, 19).text == "it is there"


@pytest.fixture
def judge():
    """Run a server that lists one model to clients with its key, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            allowed = self.headers.get("Authorization") == "Bearer secret"
            self.send_response(200 if allowed else 401)
            self.end_headers()
            if allowed:
                self.wfile.write(json.dumps({"data": [{"id": "judge-1"}]}).encode())

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_a_server_must_be_named_answer_take_the_key_and_have_the_model(judge, monkeypatch):
    supplies.accepts_connection.cache_clear()
    for ending in ("URL", "KEY"):
        monkeypatch.delenv(f"R1V3_JUDGE_{ending}", raising=False)

    def seen(model="judge-1"):
        return supplies.server("R1V3_JUDGE", model, "or switch it off")

    assert seen(None).text == "none needed"
    assert seen().text == "R1V3_JUDGE_URL is not set, and judge-1 is asked"
    assert "R1V3_JUDGE_KEY" in seen().remedy
    monkeypatch.setenv("R1V3_JUDGE_URL", judge)
    assert (seen().state, seen().remedy) == ("STOP", "set R1V3_JUDGE_KEY to its key")
    monkeypatch.setenv("R1V3_JUDGE_KEY", "secret")
    assert seen().state == "ok"
    assert seen("judge-2").text == f"{judge} has no judge-2; it has judge-1"
    monkeypatch.setenv("R1V3_JUDGE_URL", "http://127.0.0.1:9/v1")
    assert seen().text.endswith("cannot be reached from here")


ONE_OF_TWO_NODES = """
import os, socket, sys
from pathlib import Path
from r1v3.cluster import checks, measurements
from r1v3.cluster.preflight import preflight
from r1v3.cluster.check_outcome import CheckOutcome

node = f"node{os.environ['RANK']}"
socket.gethostname = lambda: node
checks.versions = lambda lock: CheckOutcome("ok", "as in the lock")
measurements.DISK_MB = 1
if node == "node1":
    checks.ports = lambda: CheckOutcome("STOP", "port 8000: taken", "end it")
    checks.quota = lambda *_: os.stat("not mounted")
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
    assert "ok      versions: as in the lock\n" in said
    assert "STOP    ports on node1: port 8000: taken\n" in said
    assert "unknown quota on node1: could not be checked: FileNotFoundError: " in said
    assert "over 2 cpu processes" in said
    assert other == ""
    found = [(each["what"], each["node"]) for each in json.loads(output.read_text())]
    assert ("ports", "node0") in found
    assert ("ports", "node1") in found
