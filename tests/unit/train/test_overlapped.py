"""Rollouts that are sampled one step ahead have the bits of a plain loop, also after kills."""

import json
import signal
from pathlib import Path

import pytest
from data_fixtures import source_config
from grpo_fixtures import OVERLAPPED, grpo_run, grpo_settings
from launched import run_script
from model_fixtures import IMAGES, TEMPLATE, small_model, small_processor
from pydantic import ValidationError
from training_fixtures import SOURCE, without_times

from r1v3.base.seeding import stable_seed
from r1v3.data.prepare import prepare
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.types import Sampling
from r1v3.model.encode import Encoder
from r1v3.model.groups import group_hashes
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.reward import Grader, format_reward
from r1v3.train.core.engine import open_engine, prepare_model
from r1v3.train.core.metrics import read_metrics
from r1v3.train.core.optimizer import learning_rate
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.token_stats import PackedStats
from r1v3.train.grpo.loss.update import score_advantages, update_policy
from r1v3.train.grpo.sampling import rollouts
from r1v3.train.grpo.sampling.prompt_order import PromptOrder
from r1v3.train.grpo.sampling.prompts import load_prompts

SEED = 3  # of `grpo_run`


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Make a start, data, and an undisturbed overlapped run on them."""
    folder = tmp_path_factory.mktemp("parts")
    save_checkpoint(small_model(), small_processor(), folder / "start")
    prepare(source_config(SOURCE, 13, name="set"), folder / "data")
    grpo_run(folder / "whole", folder / "start", folder / "data", **OVERLAPPED)
    rollouts.format_reward = format_reward
    return folder


def plain_loop(start: Path, data: Path) -> list[dict[str, str]]:
    """Run one process step by step: sample t + 1 with the weights before step t, then learn from t.

    Returns:
        Hashes of the module groups after each step.
    """
    settings = grpo_settings(**OVERLAPPED)
    ranks = Ranks.join()
    processor = load_processor(start)
    encoder = Encoder(processor, IMAGES)
    order = PromptOrder(load_prompts(data, encoder, TEMPLATE, "slow"), SEED)
    old, model = load_model(start), load_model(start)
    sampler = TransformersEngine(old, encoder)
    prepare_model(model, settings.train, settings.parallel)
    stats = PackedStats(model, temperature=1.0, never=encoder.never)
    policy = open_engine(
        model,
        stats,
        ranks,
        optimizer=settings.optimizer,
        parallel=settings.parallel,
        dtype="float32",
    )

    def sample(step: int):
        tokens = 6 if step < 2 else 8
        return rollouts.run_episode(
            sampler,
            order.take(settings.prompts_per_step),
            Sampling(1.0, 1.0, tokens, settings.samples),
            rollouts.Scoring(grader, settings.reward, "slow"),
            seed=f"{SEED}/{step}",
        )

    hashes = []
    with Grader() as grader:
        episode = sample(0)
        for step in range(settings.steps):
            old.load_state_dict(model.state_dict())
            coming = sample(step + 1)
            update_policy(
                policy,
                None,
                episode,
                score_advantages(episode, settings, 6 if step < 2 else 8),
                settings,
                rate=learning_rate(step, settings.steps, settings.optimizer),
                seed=stable_seed(SEED, step, "tokens"),
            )
            hashes.append(group_hashes(model))
            episode = coming
    return hashes


def checkpoints(folder: Path) -> list[Path]:
    return sorted((folder / "checkpoints").glob("step-*"))


def test_the_weights_are_those_of_a_plain_loop_to_the_bit(parts, monkeypatch):
    monkeypatch.setattr(rollouts, "format_reward", lambda text: len(text) % 3 / 2)
    found = [group_hashes(load_model(path)) for path in checkpoints(parts / "whole")]
    assert len(found) == 4
    assert found == plain_loop(parts / "start", parts / "data")


def test_every_step_says_how_old_its_weights_are_and_how_far_they_have_moved(parts):
    rows = read_metrics(parts / "whole" / "metrics.jsonl")
    assert [row["staleness"] for row in rows] == [0, 1, 1, 1]
    assert abs(rows[0]["mismatch/kl"]) < 1e-6
    assert all(row["mismatch/kl"] > 1e-5 for row in rows[1:])


def test_a_run_on_policy_says_nothing_of_it_and_learns_otherwise(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(rollouts, "format_reward", format_reward)
    settings = OVERLAPPED | {"rollouts": {"mode": "on_policy"}}
    grpo_run(tmp_path / "run", parts / "start", parts / "data", **settings)
    rows = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert all("staleness" not in row for row in rows)
    assert all(row["mismatch/kl"] < 1e-6 for row in rows)
    one, two = (
        group_hashes(load_model(checkpoints(f)[1])) for f in (tmp_path / "run", parts / "whole")
    )
    assert one != two


def test_the_reports_way_leaves_no_trace_in_a_config():
    as_before = grpo_settings().model_dump()
    assert "rollouts" not in as_before
    assert grpo_settings(rollouts={"mode": "on_policy"}).model_dump() == as_before
    assert grpo_settings(**OVERLAPPED).model_dump()["rollouts"] == OVERLAPPED["rollouts"]


@pytest.mark.parametrize(
    ("rollouts", "message"),
    [
        ({"mode": "overlapped"}, "staleness must be 1 with mode overlapped"),
        ({"mode": "on_policy", "staleness": 1}, "staleness must be 0 with mode on_policy"),
        ({"mode": "overlapped", "staleness": 1}, "set mismatch .*, or old_logprobs engine"),
    ],
)
def test_a_combination_that_cannot_work_says_what_to_set(rollouts, message):
    with pytest.raises(ValidationError, match=message):
        grpo_settings(rollouts=rollouts)
    grpo_settings(rollouts=OVERLAPPED["rollouts"], old_logprobs="engine")


def test_an_engine_that_cannot_overlap_is_refused_before_anything_is_sampled(parts, tmp_path):
    folders = (tmp_path / "run", parts / "start", parts / "data")
    with pytest.raises(ValueError, match=r"generation.engine vllm.*set generation.engine transf"):
        grpo_run(*folders, generation={"engine": "vllm", "mode": "slow"}, **OVERLAPPED)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phase", "step", "engine"),
    [
        ("generating", 3, ["here"]),  # no state was saved: all is done again
        ("keeping", 2, ["here"]),
        ("updated", 4, ["here"]),
        ("saving", 3, ["here"]),  # of each step, before its state or after it
        ("between saves", 3, ["here"]),
        ("ahead", 3, ["here"]),  # between two states
        ("ahead", 4, []),  # the same, and a process that samples is left behind
    ],
)
def test_a_run_killed_in_a_phase_ends_in_the_same_bytes(phase, step, engine, parts, tmp_path):
    script, folder = Path(__file__).with_name("killed_grpo.py"), tmp_path / "run"
    given = (parts / "start", parts / "data", folder, json.dumps(OVERLAPPED), *engine)
    killed = run_script(script, phase, step, *given)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = run_script(script, "nowhere", 0, *given)
    assert again.returncode == 0, again.stderr
    assert without_times(folder) == without_times(parts / "whole")
    pairs = zip(checkpoints(parts / "whole"), checkpoints(folder), strict=True)
    for one, two in pairs:
        names = sorted(path.name for path in one.iterdir())
        assert names == sorted(path.name for path in two.iterdir())
        assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)
