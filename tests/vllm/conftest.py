"""A small checkpoint, opened once in vLLM and once in transformers.

The usual environment skips these tests; `make test-vllm` makes an environment in which they run.
"""

import pytest
from model_fixtures import IMAGES, small_processor
from vllm_models import model_of, write

from r1v3.generate import Request


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests last that open and close their own engines, because closing ends vLLM's groups here."""
    items.sort(key=lambda item: item.path.name in ("test_internvl_chat.py", "test_qwen.py"))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return write(tmp_path_factory.mktemp("vllm") / "first", 0)


@pytest.fixture(scope="session")
def engine(checkpoint):
    """Return vLLM with the first weights; a test that replaces them restores them."""
    pytest.importorskip("vllm", reason="vLLM is not installed here: `make test-vllm`")
    from r1v3.generate.vllm.engine import open_vllm

    return open_vllm(IMAGES, checkpoint, None)


@pytest.fixture(scope="session")
def encoder():
    from r1v3.model.encode import Encoder

    return Encoder(small_processor(), IMAGES)


@pytest.fixture
def transformers_engine(encoder):
    """Return a function that makes the transformers engine from a seed of weights."""
    from r1v3.generate.in_process.engine import TransformersEngine

    return lambda seed=0: TransformersEngine(model_of(seed), encoder)


@pytest.fixture(scope="session")
def answers():
    """Return a function that sends all requests to an engine and sorts the responses."""

    def ask(engine, requests: list[Request], sampling):
        found = [response for batch in engine.generate(requests, sampling) for response in batch]
        return sorted(found, key=lambda r: (r.key, r.sample))

    return ask
