"""PyTorch's one kernel for RMS norms gives the numbers of the library's modules, gradients included."""

import copy
from types import SimpleNamespace

import pytest
import torch
from model_fixtures import small_model
from qwen_checkpoints import qwen_model
from torch import nn
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm

from r1v3.model.fused_norms import use_fused_norms
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
    """The output, and the gradients of input and weight, in 64 bits."""
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
