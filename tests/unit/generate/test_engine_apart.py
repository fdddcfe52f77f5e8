"""An engine in its own process answers like one in this process, by the weights that it was given.

Covers both ends: `r1v3.generate.apart.engine` and the program `r1v3.generate.apart.process`.
"""

import signal
import time
from pathlib import Path

import pytest
import torch
from model_fixtures import IMAGES, picture, small_encoder, small_model, small_processor

from r1v3.generate.apart.engine import EngineApart
from r1v3.generate.apart.opening import Opening
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.types import Request, Sampling
from r1v3.model.groups import group_hashes
from r1v3.model.load import save_checkpoint

SAMPLING = Sampling(1.0, 1.0, max_new_tokens=12, samples=3)
PROMPT = "<image>\nWhat is the sum?"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    save_checkpoint(small_model(), small_processor(), folder)
    engine = EngineApart(Opening(folder, IMAGES, "float32", "cpu", torch.get_num_threads(), False))
    wait_until_it_ignores_sigterm(engine.process)
    engine.process.terminate()  # as to a whole group of processes: the trainer finishes its step
    yield engine
    engine.close()


def wait_until_it_ignores_sigterm(process) -> None:
    """Wait until the process ignores SIGTERM, which it does before its slow imports."""
    mask = 0
    while process.poll() is None and not mask >> (signal.SIGTERM - 1) & 1:
        status = Path(f"/proc/{process.pid}/status").read_text()
        mask = int(status.partition("SigIgn:")[2].split()[0], 16)
        time.sleep(0.05)


def moved():
    """Return the small model after a step of training."""
    model = small_model()
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.add_(
                torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)),
                alpha=0.05,
            )
    return model


def requests():
    return [Request(str(n), PROMPT, (picture(n),), seed=n) for n in range(4)]


def answers(engine):
    encoded = [small_encoder().prompt(each.prompt, each.images) for each in requests()]
    parts = engine.generate_batch(requests(), encoded, SAMPLING)
    return sorted((r for part in parts for r in part), key=lambda r: (r.key, r.sample))


def by(model):
    return answers(TransformersEngine(model, small_encoder()))


def test_it_answers_to_the_bit_as_the_engine_in_this_process(engine):
    assert answers(engine) == by(small_model())


def test_it_answers_by_the_weights_that_it_was_given_and_tells_their_hash(engine):
    model = moved()
    expected = by(model)
    connector = engine.sync_weights(model.state_dict())
    assert connector == group_hashes(model)["connector"]
    with torch.no_grad():  # training goes on here
        for parameter in model.parameters():
            parameter.zero_()
    assert answers(engine) == expected != by(small_model())
    engine.sync_weights(small_model().state_dict())
    assert answers(engine) == by(small_model())


def test_what_goes_wrong_there_is_told_here_and_the_next_batch_is_answered(engine):
    with pytest.raises(RuntimeError, match=r"the process that samples: ValueError: .*image"):
        list(engine.generate([Request("0", "no picture", (picture(0),), seed=0)], SAMPLING))
    assert answers(engine) == by(small_model())


def test_a_process_that_was_killed_is_named_with_its_code(engine):
    engine.process.kill()
    with pytest.raises(RuntimeError, match="has ended with code -9; call the same command again"):
        answers(engine)
