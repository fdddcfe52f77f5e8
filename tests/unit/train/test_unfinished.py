"""When an unfinished run saves its state, and what a GRPO run saves with it."""

import os
import signal
from concurrent.futures import Future
from pathlib import Path

import pytest
from grpo_fixtures import episode_of_policy, learner

from r1v3.recipe.schema.training import Resume
from r1v3.train.core import unfinished as core_unfinished
from r1v3.train.core.preemption import REQUEUE
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.unfinished import UnfinishedRun
from r1v3.train.grpo.resume.unfinished import UnfinishedGrpo
from r1v3.train.grpo.sampling.collect import Collected

ALONE = Ranks(0, 1)


class Engine:
    """Records what it is asked to save."""

    def __init__(self):
        self.ranks, self.saved = Ranks(0, 1), []

    def save_state(self, folder: Path, step: int, progress: dict, *, keep: int) -> None:
        self.saved.append((step, progress, keep))

    def load_state(self, folder: Path) -> dict | None:
        return self.saved[-1][1] if self.saved else None


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(core_unfinished, "time", clock)
    return clock


def test_a_state_is_saved_when_its_seconds_are_over_and_never_after_the_last_step(clock, tmp_path):
    engine = Engine()
    with UnfinishedRun(engine, tmp_path, Resume(seconds=10, keep=3), total=4) as run:
        assert run.restore() is None
        clock.now = 10.0
        run.save_if_due(1, {"step": 1})
        assert engine.saved == []
        clock.now = 11.0
        run.save_if_due(2, {"step": 2})
        clock.now = 20.0  # nine seconds after the save
        run.save_if_due(3, {"step": 3})
        clock.now = 99.0
        run.save_if_due(4, {"step": 4})
    assert engine.saved == [(2, {"step": 2}, 3)]
    assert run.restore() == {"step": 2}


def test_sigterm_saves_at_once_and_asks_for_another_start(clock, tmp_path):
    engine, before = Engine(), signal.getsignal(signal.SIGTERM)
    run = UnfinishedRun(engine, tmp_path, Resume(seconds=1000, keep=2), total=4)
    with run:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(SystemExit) as ended:
            run.save_if_due(1, {"step": 1})
    assert ended.value.code == REQUEUE
    assert engine.saved == [(1, {"step": 1}, 2)]
    assert signal.getsignal(signal.SIGTERM) == before


def test_sigterm_after_the_last_step_lets_the_run_finish(clock, tmp_path):
    engine = Engine()
    with UnfinishedRun(engine, tmp_path, Resume(seconds=0, keep=2), total=1) as run:
        os.kill(os.getpid(), signal.SIGTERM)
        run.save_if_due(1, {"step": 1})
    assert engine.saved == []


def test_a_sampled_episode_is_there_until_a_state_covers_it(clock, tmp_path):
    episode = episode_of_policy(learner(), prompts=2)
    engine, resume = Engine(), Resume(seconds=5, keep=2)
    run = UnfinishedGrpo(engine, tmp_path, resume, 9, episode.prompts)
    assert run.restore_episode(1, ALONE) is None
    run.save_episode(1, Collected(episode, drawn=2, counts={}))
    found = run.restore_episode(1, ALONE)
    assert found.drawn == 2
    assert [r.text for r in found.episode.responses] == [r.text for r in episode.responses]
    assert [p.record.id for p in found.episode.prompts] == ["q0", "q1"]
    assert found.episode.reward_GM.tolist() == episode.reward_GM.tolist()
    assert run.restore_episode(2, ALONE) is None
    clock.now = 6.0
    run.save_if_due(1, {})
    assert run.restore_episode(1, ALONE) is None


def test_a_state_holds_the_episode_that_older_weights_have_sampled(clock, tmp_path):
    episode = episode_of_policy(learner(), prompts=2)
    engine, resume = Engine(), Resume(seconds=0, keep=2)
    run = UnfinishedGrpo(engine, tmp_path / "lost", resume, 9, episode.prompts)
    run.save_episode(2, Collected(episode, drawn=4, counts={"staleness": 1}))
    run.ahead = Future()
    run.ahead.set_result(None)
    clock.now = 1.0
    run.save_if_due(1, {"done": 1})
    again = UnfinishedGrpo(engine, tmp_path / "new", resume, 9, episode.prompts)
    assert again.restore() == {"done": 1}
    found = again.restore_episode(2, ALONE)
    assert (found.drawn, found.counts) == (4, {"staleness": 1})
    assert found.episode.responses == episode.responses


def test_the_episode_on_which_training_stopped_stays(clock, tmp_path):
    episode = episode_of_policy(learner(), prompts=1)
    run = UnfinishedGrpo(Engine(), tmp_path, Resume(seconds=0, keep=2), 9, episode.prompts)
    path = run.keep_bad_episode(3, Collected(episode, drawn=1, counts={}))
    clock.now = 1.0
    run.save_if_due(4, {})
    assert path.exists()
