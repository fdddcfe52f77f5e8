"""The trainer frees its memory before the engine wakes; otherwise both do not fit on one accelerator."""

import pytest
import torch
from data_fixtures import source_config
from grpo_fixtures import grpo_run, learner
from model_fixtures import small_model, small_processor
from training_fixtures import SOURCE

from r1v3.data.prepare import prepare
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.vllm import weights as vllm_weights
from r1v3.generate.vllm.engine import VllmEngine
from r1v3.model.encode import Encoder
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.reward import format_reward
from r1v3.train.core import device_memory
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo import trainer
from r1v3.train.grpo.sampling import rollouts, sampler
from r1v3.train.grpo.sampling.sampler import BesideTrainer


class Card:
    """A GPU of 80 GB as its driver counts it: memory that a process frees stays mapped in its cache."""

    def __init__(self):
        self.held = {"trainer": 0.0, "engine": 0.0}
        self.cached = 0.0

    def take(self, process, size):
        if process == "trainer":
            size -= (reused := min(size, self.cached))
            self.cached -= reused
            self.held[process] += reused
        if sum(self.held.values()) + self.cached + size > 80:
            raise MemoryError(f"{process} cannot map {size} GB")
        self.held[process] += size

    def free(self, size):
        self.held["trainer"] -= size
        self.cached += size

    def empty_cache(self):
        self.cached = 0.0


class Policy:
    """A policy of 20 GB. Its update leaves 25 GB of gradients, and gathering its weights takes 10 GB."""

    def __init__(self, card, events):
        self.card, self.events, self.gradients = card, events, 25
        self.ranks = Alone(events)
        card.take("trainer", 20 + 30 + self.gradients)
        card.free(30)  # activations

    def hashes(self, groups):
        return dict.fromkeys(groups, "same")

    def free(self):
        self.events.append("free")
        self.card.free(self.gradients)
        self.gradients = 0

    def weights(self):
        self.events.append("gather")
        self.card.take("trainer", 10)
        yield "weight", torch.zeros(1)
        self.card.free(10)


class Alone(Ranks):
    """One rank that records its barriers."""

    def __new__(cls, events):
        return object.__new__(cls)

    def __init__(self, events):
        super().__init__(0, 1)
        object.__setattr__(self, "events", events)

    def wait(self):
        self.events.append("barrier")


class Llm:
    """A sleeping vLLM: 20 GB of weights and 32 GB of keys and values are not mapped."""

    def __init__(self, card, events):
        self.card, self.events, self.asleep = card, events, {"weights": 20, "kv_cache": 32}
        self.llm_engine = self

    def is_sleeping(self):
        return bool(self.asleep)

    def wake_up(self, tags=None):
        for tag in tags or list(self.asleep):
            self.events.append(f"wake {tag}")
            self.card.take("engine", self.asleep.pop(tag))


@pytest.fixture
def beside(monkeypatch):
    """Return a policy after its update, a sleeping engine on the same GPU, and a record of their actions."""
    card, events = Card(), []

    def empty_cache():
        events.append("empty cache")
        card.empty_cache()

    def replace_weights(llm, weights):
        assert len(list(weights)) == 1
        return "same"

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", empty_cache)
    monkeypatch.setattr(vllm_weights, "replace_weights", replace_weights)
    policy, engine = Policy(card, events), VllmEngine.__new__(VllmEngine)
    engine.llm = Llm(card, events)
    return policy, engine, card, events


GIVEN_BACK = ["free", "empty cache", "barrier"]


def test_memory_is_given_back_on_every_rank_before_the_engine_wakes(beside):
    policy, engine, card, events = beside
    BesideTrainer(engine, policy.ranks, 1).sync_weights(policy)
    woken = ["wake weights", "gather", *GIVEN_BACK, "wake kv_cache"]
    assert events == GIVEN_BACK + woken
    assert card.held == {"trainer": 20, "engine": 52}
    assert card.cached == 0


def test_a_rank_without_an_engine_gives_its_memory_back_at_the_same_points(beside):
    policy, _, card, events = beside
    BesideTrainer(None, policy.ranks, 1).sync_weights(policy)
    assert events == [*GIVEN_BACK, "gather", *GIVEN_BACK]
    assert card.held["trainer"] == 20


def test_without_it_the_engine_would_find_no_room(beside):
    policy, engine, _, _ = beside
    with pytest.raises(MemoryError, match="engine cannot map 20 GB"):
        engine.sync_weights(policy.weights())


def test_gradients_are_let_go():
    policy = learner()
    policy.model.lm_head.weight.grad = torch.zeros_like(policy.model.lm_head.weight)
    device_memory.free_device_memory(policy)
    assert all(p.grad is None for p in policy.model.parameters())


def test_a_run_empties_its_cache_between_each_update_and_the_wake(tmp_path, monkeypatch):
    events = []

    class Beside(TransformersEngine):
        def sync_weights(self, weights):
            events.append("wake")
            return super().sync_weights(weights)

    def open_beside(images, start, thinking, *, first_gpu):
        events.append("open")
        return Beside(load_model(start).eval(), Encoder(load_processor(start), images))

    def updated(*arguments, **named):
        events.append("update")
        return update_policy(*arguments, **named)

    update_policy = trainer.update_policy
    monkeypatch.setattr(sampler, "open_vllm", open_beside)
    monkeypatch.setattr(trainer, "update_policy", updated)
    for module in (device_memory, sampler):
        monkeypatch.setattr(module, "empty_cache", lambda: events.append("empty cache"))
    save_checkpoint(small_model(), small_processor(), tmp_path / "start")
    prepare(source_config(SOURCE, 5, name="set"), tmp_path / "data")
    folders = (tmp_path / "run", tmp_path / "start", tmp_path / "data")
    grpo_run(*folders, generation={"engine": "vllm", "mode": "slow"}, steps=2)
    monkeypatch.setattr(rollouts, "format_reward", format_reward)
    woken = ["empty cache", "wake", "empty cache"]
    assert events == ["empty cache", "open", "update", *woken, "update"]
