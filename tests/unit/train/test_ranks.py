"""Where each process computes, and how they wait for each other."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from launched import run_ranks

from r1v3.train.core.ranks import Ranks


@pytest.fixture
def four_gpus(monkeypatch):
    """Replace CUDA: each thread has its own current device, which is 0 until the thread sets it."""
    import threading

    current = threading.local()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda n: setattr(current, "device", n))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: getattr(current, "device", 0))
    monkeypatch.setattr(dist, "is_initialized", lambda: False)
    monkeypatch.setattr(dist, "init_process_group", lambda *_: None)


@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize(("rank", "local"), [(0, 0), (3, 3), (6, 2)])
def test_a_rank_has_one_device_in_all_its_threads(rank, local, monkeypatch):
    told = {"WORLD_SIZE": 8, "LOCAL_WORLD_SIZE": 4, "RANK": rank, "LOCAL_RANK": local}
    for name, value in told.items():
        monkeypatch.setenv(name, str(value))
    ranks = Ranks.join()
    assert (ranks.rank, ranks.world, ranks.per_node) == (rank, 8, 4)
    with ThreadPoolExecutor(2) as threads:
        seen = {ranks.device, *threads.map(lambda _: ranks.device, range(4))}
    assert seen == {torch.device("cuda", local)}
    assert torch.cuda.current_device() == local


@pytest.mark.usefixtures("four_gpus")
def test_a_process_alone_computes_on_the_first_device(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert Ranks.join().device == torch.device("cuda", 0)


@pytest.mark.parametrize("what", ["long work", "a lost rank"])
def test_ranks_wait_as_long_as_all_live(what):
    run_ranks(Path(__file__).with_name("waiting_ranks.py"), 2, what)


ENDING = """
import threading, time
from r1v3.train.core.barrier import start_heartbeat

begun = threading.Event()

class Store:
    def add(self, key, amount):
        begun.set()
        time.sleep(1)  # outside of Python's lock, as in torch's store
        print("the beat came back")

start_heartbeat(Store(), rank=0)
begun.wait()
"""


def test_a_process_ends_after_the_beat_that_is_under_way():
    done = subprocess.run(
        [sys.executable, "-c", ENDING], capture_output=True, text=True, check=True
    )
    assert done.stdout == "the beat came back\n"


def test_a_process_on_a_processor_has_one_thread_whatever_it_was_given():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        Ranks.join()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
