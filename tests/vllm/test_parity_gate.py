"""The parity check passes an engine that agrees, and names differences."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from model_fixtures import IMAGES, TEMPLATE
from vllm_models import write

from r1v3.recipe.graph.identity import hash_of

pytest.importorskip("vllm", reason="vLLM is not installed here: `make test-vllm`")
ROOT = Path(__file__).parents[2]
DOCUMENT = {
    "version": 1,
    "name": "base",
    "seed": 1,
    "template": TEMPLATE.model_dump(),
    "images": IMAGES.model_dump(),
    "spec": {"source": "hub", "mode": "slow", "id": "small", "revision": "1"},
    "data": {},
    "start": None,
}


def run_gate(tmp_path, max_gap: float) -> subprocess.CompletedProcess:
    folder = tmp_path / "run"
    write(folder / "checkpoints/step-000001", 0)
    config = {"kind": "model", "hash": hash_of("model", DOCUMENT), "document": DOCUMENT}
    (folder / "config.json").write_text(json.dumps(config))
    kept = {"step": 1, "path": "checkpoints/step-000001"}
    facts = {"last": kept["path"], "best": None, "checkpoints": [kept]}
    manifest = {"kind": "model", "name": "base", "files": {}, "facts": facts}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    command = [sys.executable, str(ROOT / "workflow/scripts/parity.py")]
    command += ["--config", folder / "config.json", "--run", folder / "manifest.json"]
    command += ["--max-gap", str(max_gap), "--tokens", "16", "--output", tmp_path / "parity.json"]
    environment = {"PYTHONPATH": f"{ROOT}/workflow", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_agreeing_engines_pass_and_what_was_compared_is_written(tmp_path):
    done = run_gate(tmp_path, 1e-3)
    assert done.returncode == 0, done.stderr[-3000:]
    found = {each["case"]: each for each in json.loads((tmp_path / "parity.json").read_text())}
    assert len(found) == 6
    assert found["wide picture"]["tiles"] >= 3
    assert max(each["gap"] for each in found.values()) < 1e-3


def test_a_gap_above_the_limit_stops_with_one_line_and_writes_nothing(tmp_path):
    done = run_gate(tmp_path, 1e-12)
    assert done.returncode == 1
    assert "disagree (generation.parity.max_gap allows 1e-12 nats)" in done.stderr
    assert "log-probabilities differ by" in done.stderr
    assert "Traceback" not in done.stderr.splitlines()[-1]
    assert not (tmp_path / "parity.json").exists()
