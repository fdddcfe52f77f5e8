"""Qwen2.5-VL and Qwen3-VL trained and evaluated by the stages' own functions, on a checkpoint folder."""

from pathlib import Path

import pytest
from data_fixtures import source_config
from evaluation_fixtures import asked_entry, evaluation_config, write_benchmark
from grpo_fixtures import grpo_run
from qwen_checkpoints import KINDS, write_qwen
from training_fixtures import SFT, SOURCE, sft_run

from r1v3.data.prepare import prepare
from r1v3.evaluate.answer import answer, read_responses
from r1v3.evaluate.score import score_evaluation
from r1v3.model.families import type_of_folder
from r1v3.model.groups import group_hashes
from r1v3.model.load import load_model
from r1v3.recipe.tables.benchmarks import load_table
from r1v3.reward import format_reward
from r1v3.train.grpo.sampling import rollouts

TABLE = Path(__file__).parents[3] / "config" / "benchmarks.yaml"


@pytest.fixture(scope="module", params=KINDS)
def parts(request, tmp_path_factory):
    """Write a checkpoint of each family in `start`, and a set of 5 questions in `data`."""
    folder = tmp_path_factory.mktemp("qwen")
    write_qwen(folder / "start", request.param)
    prepare(source_config(SOURCE, 5, name="set"), folder / "data")
    return folder


def moved(facts) -> set[str]:
    before, after = facts["groups"]["before"], facts["groups"]["after"]
    return {group for group in before if before[group] != after[group]}


def check_kept(facts, folder) -> None:
    """Check that the last kept checkpoint opens, and has the hashes that the trainer reports."""
    model = load_model(folder / facts["checkpoints"][-1]["path"])
    assert group_hashes(model) == facts["groups"]["after"]


def test_a_connector_alone_is_trained_and_the_rest_keeps_its_hashes(parts, tmp_path):
    facts = sft_run(
        tmp_path / "sft",
        parts / "start",
        parts / "data",
        train=["connector"],
        max_steps=1,
        early_stopping=None,
        parallel=SFT["parallel"] | {"pass_tokens": 150, "gradient_checkpointing": True},
        loading={"cached": False, "threads": 1, "ahead": 1},
    )
    assert moved(facts) == {"connector"}
    check_kept(facts, tmp_path / "sft")


def test_a_step_of_grpo_moves_what_is_trained(parts, tmp_path):
    try:
        facts = grpo_run(
            tmp_path / "rl",
            parts / "start",
            parts / "data",
            train=["connector", "llm"],
            steps=1,
            prompts_per_step=2,
            checkpoint_every=1,
            kl=0.01,
        )
    finally:
        rollouts.format_reward = format_reward
    assert moved(facts) == {"connector", "llm"}
    check_kept(facts, tmp_path / "rl")


def test_adapters_are_trained_and_merged(parts, tmp_path):
    newer = type_of_folder(parts / "start") == "qwen3_vl"
    merger = ["linear_fc1", "linear_fc2"] if newer else ["0", "2"]
    targets = {"vision_tower": ["qkv"], "connector": merger, "llm": ["q_proj", "down_proj"]}
    facts = sft_run(
        tmp_path / "lora",
        parts / "start",
        parts / "data",
        train=["connector", "llm"],
        max_steps=1,
        early_stopping=None,
        lora={"rank": 2, "alpha": 4, "targets": targets},
    )
    assert moved(facts) == {"connector", "llm"}
    check_kept(facts, tmp_path / "lora")


def test_a_benchmark_is_answered_and_scored(parts, tmp_path):
    entry = load_table(TABLE)["mmstar"]
    benchmarks = {"mmstar": write_benchmark(tmp_path / "made", "mmstar", entry, items=6, seed=5)}
    config = evaluation_config(entries={"mmstar": asked_entry(entry)})
    where = {"benchmarks": benchmarks, "held_out": {}, "folder": tmp_path}
    told = answer(config, model=parts / "start", **where)
    assert told == {"samples": {"mmstar": 6}, "asked": 6}
    responses = list(read_responses(tmp_path / "responses", "mmstar"))
    assert not any(row.get("error") for row in responses)
    assert all(row["text"] for row in responses)
    scored = score_evaluation(config, responses=tmp_path, **where)["benchmarks"]["mmstar"]
    assert (scored["n"], scored["errors"]) == (6, 0)
