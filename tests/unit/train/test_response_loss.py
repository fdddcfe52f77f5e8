"""The loss in one pass over chunks equals that of the whole logits, gradients included."""

import pytest
import torch
from torch.nn.functional import linear_cross_entropy

from r1v3.train.sft import response_loss
from r1v3.train.sft.response_loss import ResponseLoss


@pytest.mark.parametrize("at_once", [64 * 21, 2**25])
def test_loss_and_gradients_equal_the_full_logits(at_once, monkeypatch):
    monkeypatch.setattr(response_loss, "LOGITS_AT_ONCE", at_once)
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(150, 8, generator=generator, requires_grad=True)
    weight = torch.nn.Parameter(torch.randn(21, 8, generator=generator))
    target = torch.randint(0, 21, (150,), generator=generator)
    expected = -(hidden @ weight.T).log_softmax(-1).gather(1, target[:, None]).sum() / 400
    wanted = torch.autograd.grad(3 * expected, (hidden, weight))
    loss = ResponseLoss(weight)(hidden, target, 400)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(3 * loss, (hidden, weight)), wanted)


def test_loss_and_gradients_equal_those_of_pytorchs_fused_loss():
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(300, 16, generator=generator, requires_grad=True)
    weight = torch.nn.Parameter(torch.randn(500, 16, generator=generator))
    target = torch.randint(0, 500, (300,), generator=generator)
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=64, chunking_method=None)
    fused = linear_cross_entropy(hidden, weight, target, reduction="sum", options=options) / 700
    wanted = torch.autograd.grad(fused, (hidden, weight))
    own = ResponseLoss(weight)(hidden, target, 700)
    torch.testing.assert_close(own, fused)
    torch.testing.assert_close(torch.autograd.grad(own, (hidden, weight)), wanted)


def test_a_frozen_head_gets_no_gradient_and_no_memory_for_one():
    weight = torch.nn.Parameter(torch.randn(21, 8), requires_grad=False)
    hidden = torch.randn(4, 8, requires_grad=True)
    loss = ResponseLoss(weight)(hidden, torch.arange(4), 4)
    assert all(t is None or t.shape == hidden.shape for t in loss.grad_fn.saved_tensors)
    loss.backward()
    assert weight.grad is None
    assert hidden.grad.abs().sum() > 0


def test_no_token_to_learn_is_a_loss_of_nothing():
    weight = torch.nn.Parameter(torch.randn(21, 8))
    loss = ResponseLoss(weight)(torch.zeros(0, 8, requires_grad=True), torch.zeros(0).long(), 9)
    loss.backward()
    assert loss.item() == 0.0
    assert weight.grad.abs().sum() == 0


def test_a_fair_choice_among_four_costs_ln_4():
    loss = ResponseLoss(torch.nn.Parameter(torch.ones(4, 3)))(
        torch.zeros(2, 3), torch.tensor([2, 0]), 2
    )
    assert loss.item() == pytest.approx(1.3862944)
