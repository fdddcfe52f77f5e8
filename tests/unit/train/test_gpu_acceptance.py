"""The script of GPU acceptance runs on a CPU, and marks wrong results as BAD."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

PERF = Path(__file__).parents[3] / "perf"
FAST = ("attention", "head", "update", "sft", "nan", "weights")


@pytest.fixture(scope="module", autouse=True)
def found_as_the_script_finds_them():
    sys.path.insert(0, str(PERF))
    yield
    sys.path.remove(str(PERF))


@pytest.fixture
def parts():
    import gpu_parts

    return gpu_parts


@pytest.fixture
def world(parts):
    from gpu_model import World

    return World("1B", tiny=True)


def run(*parts):
    done = subprocess.run(
        [sys.executable, PERF / "gpu_acceptance.py", "--tiny", "--parts", ",".join(parts)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def checked(lines, parts):
    *told, last = lines
    assert not [line for line in told if line.startswith("BAD")]
    found = json.loads(last)
    assert found["bad"] == []
    assert {line["part"] for line in found["lines"]} == set(parts)
    judged = {line["part"] for line in found["lines"] if line["ok"]}
    return judged


@pytest.mark.slow
def test_all_parts_run_and_what_can_be_judged_here_is_ok():
    assert checked(run(*FAST), FAST) == {"attention", "head", "nan", "weights"}


@pytest.mark.slow
def test_exact_bits_and_zero_run_as_well():
    pytest.importorskip("deepspeed")
    assert checked(run("bits", "zero"), ("bits", "zero")) == {"bits", "zero"}


def lines_of(part, world):
    return {line.what: line for line in part(world)}


def bad(lines):
    return [what for what, line in lines.items() if line.ok is False]


def test_attention_that_sees_too_much_is_bad(parts, world, monkeypatch):
    def careless(self):
        buckets, restore = padded(self)
        seen = [replace(b, mask_SQK=torch.ones_like(b.mask_SQK)) for b in buckets]
        return tuple(seen), restore

    padded = parts.packed.Plan._padded.func
    monkeypatch.setattr(parts.packed.Plan, "_padded", property(careless))
    assert len(bad(lines_of(parts.attention, world))) == 3


def test_a_head_that_is_off_is_bad(parts, world, monkeypatch):
    def off(*arguments):
        logp_N, entropy_N = parts_stats(*arguments)
        return logp_N - 0.1, entropy_N

    parts_stats = parts.token_stats
    monkeypatch.setattr(parts, "token_stats", off)
    assert bad(lines_of(parts.head, world)) == ["the head against 32 bits"]


def test_a_trainer_that_steps_on_nan_is_bad(parts, world, monkeypatch):
    from r1v3.train.grpo.loss import update

    monkeypatch.setattr(update, "_check_finite", lambda loss, norms: None)
    assert bad(lines_of(parts.nan, world)) == ["a gradient that is no number"]


def test_a_bucket_that_is_overwritten_too_early_is_bad(parts, world, monkeypatch):
    def early(pairs):
        for bucket in fill(pairs, 20_000):
            yield replace(bucket, pieces=[replace(p, first=0) for p in bucket.pieces])

    fill = parts.fill_buckets
    monkeypatch.setattr(parts, "fill_buckets", early)
    assert bad(lines_of(parts.weights, world)) == ["weights arrive as they were"]


def test_speeds_are_judged_on_a_gpu_alone_and_impossible_ones_refused(parts, world):
    policy, _ = world.learner()
    card = replace(world, tiny=False)
    assert parts._mfu(world, "grpo", [0.01], policy).ok is None
    assert parts._mfu(card, "grpo", [0.3, 0.36, 0.4], policy).ok is True
    assert parts._mfu(card, "sft", [0.3, 0.36, 0.5], policy).ok is False
    assert "cannot be" in parts._mfu(card, "sft", [2.1], policy).why
    assert parts.share_of_peak(5.0, 1.0, 10.0) == 0.5
    with pytest.raises(ValueError, match=r"a share of the peak of 2\.10 cannot be"):
        parts.share_of_peak(21.0, 1.0, 10.0)


def test_a_part_that_fails_or_comes_too_late_is_bad_and_the_others_go_on(parts, world, monkeypatch):
    import gpu_acceptance

    def fails(_):
        yield parts.note("begun")
        raise RuntimeError("no kernel\nfor this")

    monkeypatch.setitem(gpu_acceptance.PARTS, "bits", fails)
    lines = list(gpu_acceptance.run(world, ["bits", "head"], minutes=5))
    told = [(name, gpu_acceptance.written(line)) for name, line in lines]
    assert ("bits", "BAD  bits (RuntimeError: no kernel)") in told
    assert any(name == "head" and line.startswith("ok") for name, line in told)
    late = [gpu_acceptance.written(line) for _, line in gpu_acceptance.run(world, ["head"], -1.0)]
    assert late == ["BAD  head (not begun: -1 minutes are over)"]
