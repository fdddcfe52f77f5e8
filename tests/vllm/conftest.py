"""A small checkpoint, opened once in vLLM and once in transformers.

In the ordinary environment these tests are skipped; `make test-vllm` makes one in which they run.
"""

import pytest
from model_fixtures import IMAGES, small_processor
from vllm_models import model_of, write

from r1v3.generate import Request


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last what opens engines of its own and ends them: it ends vLLM's groups for the whole process."""
    items.sort(key=lambda item: item.path.name in ("test_internvl_chat.py", "test_qwen.py"))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return write(tmp_path_factory.mktemp("vllm") / "first", 0)


@pytest.fixture(scope="session")
def engine(checkpoint):
    """vLLM with the first weights; a test that replaces them puts them back."""
    pytest.importorskip("vllm", reason="vLLM is not installed here: `make test-vllm`")
    from r1v3.generate.vllm.engine import open_vllm

    return open_vllm(IMAGES, checkpoint, None)


@pytest.fixture(scope="session")
def encoder():
    from r1v3.model.encode import Encoder

    return Encoder(small_processor(), IMAGES)


@pytest.fixture
def transformers_engine(encoder):
    """A function from a seed of weights to the other engine."""
    from r1v3.generate.in_process.engine import TransformersEngine

    return lambda seed=0: TransformersEngine(model_of(seed), encoder)


@pytest.fixture(scope="session")
def answers():
    """A function that asks an engine everything and sorts what it says."""

    def ask(engine, requests: list[Request], sampling):
        found = [response for batch in engine.generate(requests, sampling) for response in batch]
        return sorted(found, key=lambda r: (r.key, r.sample))

    return ask
