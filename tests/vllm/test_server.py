"""A vLLM server on loopback, asked through our server engine."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from loopback import free_port
from model_fixtures import TEMPLATE, picture
from vllm_models import model_of, write

from r1v3.generate import Request, Sampling, load_engine
from r1v3.model.prompt_template import render_prompt
from r1v3.recipe.graph.configs import Answering
from r1v3.recipe.schema.recipe import Images

ROOT = Path(__file__).parents[2]
# The tiny recipe's: one tile.
IMAGES = Images(min_tiles=1, max_tiles=1, max_pixels=3136)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Run a server, and yield the checkpoint's folder, the server's address and the file of its key."""
    pytest.importorskip("vllm", reason="vLLM is not installed here: `make test-vllm`")
    folder = tmp_path_factory.mktemp("server")
    checkpoint = write(folder / "model", 0)
    port = free_port()
    command = [sys.executable, "-m", "r1v3", "serve", str(checkpoint)]
    command += ["--key-file", str(folder / "key"), "--port", str(port), "--rows", "8"]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}/workflow", "R1V3_ROOT": str(ROOT)}
    with open(folder / "log.txt", "w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        for _ in range(240):
            if process.poll() is not None or _answers(f"http://127.0.0.1:{port}/health"):
                break
            time.sleep(0.5)
        assert process.poll() is None, (folder / "log.txt").read_text()[-3000:]
        yield checkpoint, f"http://127.0.0.1:{port}/v1", folder / "key"
    finally:
        process.terminate()
        process.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def engine(server, monkeypatch):
    checkpoint, address, key = server
    monkeypatch.setenv("R1V3_SERVER_URL", address)
    monkeypatch.setenv("R1V3_SERVER_KEY", key.read_text())
    return load_engine(Answering(engine="server", mode="slow"), IMAGES, checkpoint)


REQUESTS = [
    Request("picture", render_prompt(TEMPLATE, "<image>\nsum?", "slow"), (picture(1, 40, 30),), 3),
    Request("text", render_prompt(TEMPLATE, "What is the sum?", "nothink"), (), 4),
]


def test_the_server_says_what_the_engine_in_process_says(engine, answers):
    from r1v3.generate.in_process.engine import TransformersEngine
    from r1v3.model.encode import Encoder
    from r1v3.model.load import load_processor

    greedy = Sampling(0.0, 1.0, 10)
    encoder = Encoder(load_processor(Path(engine.model)), IMAGES)
    ours = answers(TransformersEngine(model_of(0), encoder), REQUESTS, greedy)
    theirs = answers(engine, REQUESTS, greedy)
    assert [r.error for r in theirs] == [None, None]
    assert [r.prompt_tokens for r in theirs] == [r.prompt_tokens for r in ours]
    assert [r.token_ids for r in theirs] == [r.token_ids for r in ours]
    for one, other in zip(theirs, ours):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)


def test_samples_and_banned_tokens_go_through_the_server(engine, answers):
    sampling = Sampling(1.0, 1.0, 12, samples=3, banned=tuple(range(100, 300)))
    first, again = (answers(engine, REQUESTS, sampling) for _ in range(2))
    assert [r.token_ids for r in first] == [r.token_ids for r in again]
    assert len({r.token_ids for r in first}) == 6
    said = {token for response in first for token in response.token_ids}
    assert not said & {*range(100, 300), *engine.never}


def test_nobody_is_answered_without_the_key_which_is_its_owners_alone(server):
    _, address, key = server
    assert len(key.read_text()) > 40
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert httpx.get(f"{address}/models", timeout=5, trust_env=False).status_code == 401
