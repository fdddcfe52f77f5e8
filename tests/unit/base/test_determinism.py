"""`determinism: exact` sets what CUDA's libraries and vLLM need, in the stage's process, before its work."""

import json
import os
import subprocess
import sys

import pytest

from r1v3.base.determinism import ENVIRONMENT, make_exact

SETTINGS = """
import json, os, sys, torch
if sys.argv[1] == "exact":
    from r1v3.base.determinism import make_exact
    make_exact()
cuda = torch.backends.cuda
print(json.dumps({
    "deterministic": torch.are_deterministic_algorithms_enabled(),
    "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
    "cudnn": [torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark],
    "reduced": [cuda.matmul.allow_bf16_reduced_precision_reduction,
                cuda.matmul.allow_fp16_reduced_precision_reduction, cuda.matmul.allow_tf32],
    "attention": [cuda.flash_sdp_enabled(), cuda.mem_efficient_sdp_enabled(), cuda.cudnn_sdp_enabled()],
    "cublas": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    "batch_invariant": os.environ.get("VLLM_BATCH_INVARIANT"),
    "nccl": [os.environ.get(n) for n in ("NCCL_ALGO", "NCCL_PROTO", "NCCL_NVLS_ENABLE")],
}))
"""


def settings(mode):
    environment = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT}
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS, mode],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.slow
def test_exact_fixes_every_choice_that_could_change_the_last_bits():
    assert settings("exact") == {
        "deterministic": True,
        "warn_only": False,
        "cudnn": [True, False],
        "reduced": [False, False, False],
        "attention": [True, False, False],
        "cublas": ":4096:8",
        "batch_invariant": "1",
        "nccl": ["Ring", "Simple", "0"],
    }


@pytest.mark.slow
def test_fast_leaves_the_libraries_as_they_are():
    found = settings("fast")
    assert not found["deterministic"]
    assert found["cublas"] is found["batch_invariant"] is None
    assert found["nccl"] == [None] * 3


def test_a_users_other_choice_does_not_break_the_promise(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda on: None)
    for name in ("enable_mem_efficient_sdp", "enable_cudnn_sdp"):
        monkeypatch.setattr(torch.backends.cuda, name, lambda on: None)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":0:0")
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, os.environ.get(name, ""))
    make_exact()
    assert {name: os.environ[name] for name in ENVIRONMENT} == ENVIRONMENT


RUN = """
import json, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from grpo_fixtures import episode_of_policy, learner, update
if sys.argv[1] == "exact":
    from r1v3.base.determinism import make_exact
    make_exact()
policy = learner()
update(policy, episode_of_policy(policy))
print(json.dumps(policy.hashes()))
"""


@pytest.mark.slow
def test_on_a_processor_exact_and_fast_are_the_same_to_the_bit(request):
    fixtures = request.path.parents[1]
    said = [
        subprocess.run(
            [sys.executable, "-c", RUN, mode, str(fixtures)],
            capture_output=True, text=True, check=True,
        ).stdout
        for mode in ("exact", "fast")
    ]  # fmt: skip
    assert said[0] == said[1]


def test_a_stage_sets_it_before_its_work(tmp_path, monkeypatch):
    from model_fixtures import IMAGES, TEMPLATE
    from training_fixtures import SFT

    from r1v3.recipe.graph.configs import SftConfig
    from r1v3.recipe.graph.identity import Node
    from r1v3.recipe.outputs import stage

    seen = []
    monkeypatch.setattr(stage, "make_exact", lambda: seen.append("exact"))
    resolved = {
        "version": 1, "name": "sft", "seed": 1, "template": TEMPLATE.model_dump(),
        "images": IMAGES.model_dump(), "settings": SFT, "data": "d", "validation": None,
        "start": {"run": "r", "checkpoint": "last", "selection": None},
    }  # fmt: skip
    for mode in ("fast", "exact"):
        folder = tmp_path / mode
        folder.mkdir()
        own = resolved | ({"determinism": mode} if mode == "exact" else {})
        config = Node("sft", "sft", own, ()).config
        (folder / "config.json").write_text(json.dumps(config))

        def work(resolved, _):
            seen.append(resolved.determinism)
            return {}

        stage.run_stage(folder / "config.json", folder / "manifest.json", work, SftConfig)
    assert seen == ["fast", "exact", "exact"]
