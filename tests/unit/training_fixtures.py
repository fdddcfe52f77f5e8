"""Runs supervised training of the small model, with settings for many tests."""

from pathlib import Path

import pytest
from data_fixtures import source_config
from model_fixtures import IMAGES, TEMPLATE, small_model, small_processor

from r1v3.data.prepare import prepare
from r1v3.model.load import save_checkpoint
from r1v3.recipe.graph.configs import CheckpointOf, SftConfig
from r1v3.recipe.schema.training import Sft
from r1v3.train.core.metrics import read_metrics
from r1v3.train.sft import trainer as sft

OPTIMIZER = {
    "algorithm": "adamw",
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup": 0.1,
    "betas": [0.9, 0.98],
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
}
SFT = {
    "train": ["connector", "llm"],
    "optimizer": OPTIMIZER,
    "epochs": 2.0,
    "max_steps": None,
    "batch_size": 4,
    "max_length": 400,
    "dtype": "float32",
    "early_stopping": {"validation": "x", "every": 2, "patience": 9},
    "max_set_aside": 0.0,
    "parallel": {
        "engine": "ranks",
        "zero": None,
        "pass_tokens": None,
        "gradient_checkpointing": False,
        "attention": "auto",
    },
    "loading": {"cached": True, "threads": 1, "ahead": 2},
    "resume": {"seconds": 60, "keep": 2},
    "watch": {"spike": None, "window": 5},
}
SOURCE = {
    "kind": "world",
    "tasks": {"sum": 1, "largest": 1},
    "forms": {"fill": 1, "mcq": 1},
    "domains": {"plain": 1},
    "instances": "train",
    "respond": "chain",
    "slip_rate": 0.0,
    "told": 0.0,
    "seed": 1,
}


def write_parts(folder: Path) -> Path:
    """Write the small model in `start` and a set of 13 questions in `data`, and return the folder."""
    save_checkpoint(small_model(), small_processor(), folder / "start")
    prepare(source_config(SOURCE, 13, name="set"), folder / "data")
    return folder


def sft_settings(**changes) -> Sft:
    """Return the settings of `SFT` with some keys changed."""
    return Sft.model_validate(SFT | changes)


def sft_run(folder, start, data, **changes):
    """Run supervised training; `changes` replace keys of `SFT`."""
    folder.mkdir(exist_ok=True)
    config = SftConfig(
        version=1,
        name="sft",
        seed=3,
        template=TEMPLATE,
        images=IMAGES,
        settings=sft_settings(**changes),
        start=CheckpointOf(run="start", checkpoint="last", selection=None),
        data="set",
        validation="set",
    )
    return sft.train_sft(config, start=start, data=data, validation=data, folder=folder)


def without_times(folder):
    rows = read_metrics(folder / "metrics.jsonl")
    times = ("seconds", "speed/")
    return [{k: v for k, v in row.items() if not k.startswith(times)} for row in rows]


def assert_same_course(one, two):
    """Assert that the metrics of two runs are equal except for rounding."""
    for expected, row in zip(without_times(one), without_times(two), strict=True):
        histograms = [each.pop("entropy_histogram", []) for each in (expected, row)]
        assert histograms[0] == pytest.approx(histograms[1], abs=1)
        assert expected.pop("high_entropy_tokens", []) == row.pop("high_entropy_tokens", [])
        for each in (expected, row):  # rounding decides which token it is
            each.pop("mismatch/worst_token", None)
        assert row == pytest.approx(expected, rel=1e-3, abs=1e-5)


def packed_sft_run(folder, start, data, **settings):
    """Run the same training in passes of at most 150 tokens, with pictures read when needed."""
    return sft_run(
        folder,
        start,
        data,
        parallel=SFT["parallel"] | {"pass_tokens": 150, "gradient_checkpointing": True},
        loading={"cached": False, "threads": 2, "ahead": 3},
        **settings,
    )
