"""Fused kernels give the numbers of the library's layers, with gradients.

Liger's kernels run on a CPU in Triton's interpreter, if both packages are installed
(`pip install triton==3.4.0 liger_kernel==0.6.4`) and TRITON_INTERPRET is 1. Otherwise functions with the same
signatures replace them, so that the arguments are still tested.
"""

import copy
import os
import sys
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import pytest
import torch
from model_fixtures import small_model
from qwen_checkpoints import qwen_model
from torch import nn
from transformers.models.qwen2 import modeling_qwen2
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm

from r1v3.model.fused_kernels import (
    ROTARY,
    use_fused_activations,
    use_fused_kernels,
    use_fused_norms,
    use_fused_rotary,
)
from r1v3.model.packed import Group, hidden_states, pack_groups, use_packed_attention
from r1v3.train.core.engine import open_frozen

FAMILIES = {
    "internvl": small_model,
    "qwen2_5_vl": lambda: qwen_model("qwen2_5_vl"),
    "qwen3_vl": lambda: qwen_model("qwen3_vl"),
}


def norm_of(width, dtype):
    norm = Qwen2RMSNorm(width)
    nn.init.normal_(norm.weight, 1.0, 0.3)
    return norm.to(dtype)


def outcome(norm, input):
    """Return the output, and the gradients of input and weight, in 64 bits."""
    hidden = input.clone().requires_grad_()
    norm.weight.grad = None
    output = norm(hidden)
    (output.double() * torch.linspace(-1, 1, output.shape[-1])).sum().backward()
    return [each.double() for each in (output.detach(), hidden.grad, norm.weight.grad)]


def test_numbers_and_gradients_are_those_of_the_library():
    norm = norm_of(48, torch.float32)
    fused = copy.deepcopy(norm)
    assert use_fused_norms(fused) == 1
    hidden = torch.randn(2, 7, 48)
    for mine, theirs in zip(outcome(fused, hidden), outcome(norm, hidden)):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


def test_in_16_bits_it_is_no_farther_from_the_truth():
    torch.manual_seed(0)
    norm = norm_of(48, torch.bfloat16)
    fused, exact = copy.deepcopy(norm), copy.deepcopy(norm).double()
    use_fused_norms(fused)
    hidden = torch.randn(64, 48).bfloat16()
    truth = outcome(exact, hidden.double())
    for mine, theirs, true in zip(outcome(fused, hidden), outcome(norm, hidden), truth):
        assert (mine - true).norm() <= 1.05 * (theirs - true).norm()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_rms_norm_of_a_family_is_found(family):
    model = FAMILIES[family]()
    named = [each for each in model.modules() if type(each).__name__.endswith("RMSNorm")]
    assert use_fused_norms(model) == len(named) > 0


@pytest.mark.parametrize(("device", "exact"), [("cpu", False), ("meta", True)])
def test_processors_and_exact_runs_keep_the_librarys(device, exact):
    norm, ranks = norm_of(8, torch.float32), SimpleNamespace(device=torch.device(device))
    torch.use_deterministic_algorithms(exact)
    try:
        open_frozen(norm, ranks, parallel=SimpleNamespace(zero=None), dtype="float32")
    finally:
        torch.use_deterministic_algorithms(False)
    assert "forward" not in vars(norm)


def test_accelerators_take_the_kernel_where_the_last_bits_may_differ():
    norm, ranks = norm_of(8, torch.float32), SimpleNamespace(device=torch.device("meta"))
    open_frozen(norm, ranks, parallel=SimpleNamespace(zero=None), dtype="float32")
    assert "forward" in vars(norm)


INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1" and find_spec("liger_kernel") is not None


class SiLUMul:
    """Replaces Liger's function if that is not installed."""

    calls = 0

    @classmethod
    def apply(cls, gate, up):
        cls.calls += 1
        return nn.functional.silu(gate) * up


class Rope:
    calls = 0

    @classmethod
    def apply(cls, q, k, cos, sin):
        cls.calls += 1
        turned = [
            torch.cat((-x[..., x.shape[-1] // 2 :], x[..., : x.shape[-1] // 2]), -1) for x in (q, k)
        ]
        cos, sin = cos[:, None], sin[:, None]
        return tuple(x * cos + y * sin for x, y in zip((q, k), turned))


@pytest.fixture(params=["stand-in", "interpreter"])
def liger(request, monkeypatch):
    """Install Liger's kernels or their replacements, and restore the library's functions at the end."""
    if request.param == "interpreter" and not INTERPRETED:
        pytest.skip(
            "TRITON_INTERPRET=1 with triton and liger_kernel installed runs Liger's own kernels"
        )
    if request.param == "stand-in":
        swiglu, rope = (ModuleType(f"liger_kernel.ops.{name}") for name in ("swiglu", "rope"))
        swiglu.LigerSiLUMulFunction, rope.LigerRopeFunction = SiLUMul, Rope
        for name in ("liger_kernel", "liger_kernel.ops"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, swiglu.__name__, swiglu)
        monkeypatch.setitem(sys.modules, rope.__name__, rope)
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    kept = {}
    for model in (make() for make in FAMILIES.values()):
        for home in {sys.modules[type(each).__module__] for each in model.modules()}:
            kept.setdefault(home, getattr(home, ROTARY, None))
    yield request.param
    for home, function in kept.items():
        if function is not None:
            setattr(home, ROTARY, function)


def packed_pass(model):
    """Return hidden states of two prompts with two responses each, and gradients of their sum of squares."""
    use_packed_attention(model)
    answers = ((9, 10), (11, 12, 13))
    groups = [Group((5, 6, 7, 8 + n), answers, torch.zeros(0)) for n in range(2)]
    hidden = hidden_states(model, pack_groups(groups))
    hidden.square().sum().backward()
    learns = {n: each.grad for n, each in model.named_parameters() if each.grad is not None}
    return hidden.detach(), learns


@pytest.mark.parametrize("family", FAMILIES)
def test_a_familys_packed_pass_and_its_gradients_are_those_of_the_library(family, liger):
    plain = FAMILIES[family]()
    fused = copy.deepcopy(plain)
    theirs = packed_pass(plain)
    use_fused_norms(fused)
    assert use_fused_activations(fused) > 0
    assert use_fused_rotary(fused) > 0
    SiLUMul.calls = Rope.calls = 0
    mine = packed_pass(fused)
    assert liger == "interpreter" or (SiLUMul.calls > 0 and Rope.calls > 0)
    torch.testing.assert_close(mine[0], theirs[0], rtol=1e-3, atol=1e-4)
    assert mine[1].keys() == theirs[1].keys()
    for name, gradient in theirs[1].items():
        torch.testing.assert_close(mine[1][name], gradient, rtol=1e-3, atol=1e-4, msg=name)


def test_every_gated_unit_of_a_family_is_found():
    for make in FAMILIES.values():
        model = make()
        gated = [each for each in model.modules() if hasattr(each, "gate_proj")]
        assert use_fused_activations(model) == len(gated) > 0


def test_a_unit_with_another_activation_keeps_the_librarys():
    unit = nn.Module()
    unit.gate_proj = unit.up_proj = unit.down_proj = nn.Linear(4, 4)
    unit.act_fn = nn.GELU()
    assert use_fused_activations(unit) == 0


@pytest.mark.usefixtures("liger")
def test_tensors_on_a_processor_and_partial_rotations_take_the_librarys_way(monkeypatch):
    use_fused_rotary(small_model())
    q, k, angle = torch.randn(1, 4, 6, 8), torch.randn(1, 2, 6, 8), torch.randn(1, 6, 8)
    turned = modeling_qwen2.apply_rotary_pos_emb
    Rope.calls = 0
    monkeypatch.delenv("TRITON_INTERPRET")
    one = turned(q, k, angle.cos(), angle.sin())
    two = turned.of_library(q, k, angle.cos(), angle.sin())
    assert all(torch.equal(a, b) for a, b in zip(one, two))
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    turned(q, k, angle.cos()[:, None], angle.sin()[:, None], unsqueeze_dim=0)
    assert Rope.calls == 0


@pytest.mark.usefixtures("liger")
def test_the_function_is_replaced_once():
    use_fused_rotary(small_model())
    first = modeling_qwen2.apply_rotary_pos_emb
    use_fused_rotary(small_model())
    assert modeling_qwen2.apply_rotary_pos_emb is first


def test_without_liger_only_norms_are_fused(monkeypatch):
    monkeypatch.setattr("r1v3.model.fused_kernels.find_spec", lambda name: None)
    before, model = modeling_qwen2.apply_rotary_pos_emb, small_model()
    use_fused_kernels(model)
    assert modeling_qwen2.apply_rotary_pos_emb is before
    changed = {type(each).__name__ for each in model.modules() if "forward" in vars(each)}
    assert changed
    assert all(name.endswith("RMSNorm") for name in changed)
