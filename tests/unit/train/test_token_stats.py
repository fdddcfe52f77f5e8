"""Log-probability and entropy in chunks equal the plain computation."""

import pytest
import torch

from r1v3.train.core import token_stats as token_stats_module
from r1v3.train.core.token_stats import token_stats


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(13, 8, generator=generator, requires_grad=True)
    weight = torch.randn(21, 8, generator=generator, requires_grad=True)
    target = torch.randint(0, 21, (13,), generator=generator)
    return hidden, weight, target


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("chunk", [1, 5, 64])
def test_values_and_gradients_equal_the_full_logits(inputs, temperature, chunk):
    hidden, weight, target = inputs
    logits = hidden @ weight.T
    expected = (logits / temperature).log_softmax(-1).gather(1, target[:, None])[:, 0]
    upstream = torch.linspace(-1, 1, 13)
    gradients = torch.autograd.grad((expected * upstream).sum(), (hidden, weight))
    logp, entropy = token_stats(hidden, weight, target, temperature=temperature, chunk=chunk)
    torch.testing.assert_close(logp, expected)
    torch.testing.assert_close(
        torch.autograd.grad((logp * upstream).sum(), (hidden, weight)), gradients
    )
    log_probs = logits.log_softmax(-1)
    torch.testing.assert_close(entropy, -(log_probs.exp() * log_probs).sum(-1))


def test_gradients_of_many_chunks_add_up_in_32_bits():
    draw = torch.Generator().manual_seed(1)
    hidden = torch.randn(2048, 16, generator=draw).bfloat16()
    weight = torch.randn(32, 16, generator=draw).bfloat16().requires_grad_()
    target = torch.randint(0, 32, (2048,), generator=draw)
    found = []
    for chunk in (2048, 16):
        logp, _ = token_stats(hidden, weight, target, chunk=chunk)
        found.append(torch.autograd.grad(logp.sum(), weight)[0].float())
    assert found[1].dtype == torch.float32
    gap = (found[1] - found[0]).norm() / found[0].norm()
    assert gap < 2e-3  # rounding at the end alone; added up in 16 bits it is ten times that


def test_entropy_of_a_fair_choice_among_four_is_ln_4():
    hidden, weight = torch.zeros(1, 3), torch.ones(4, 3)
    _, entropy = token_stats(hidden, weight, torch.tensor([2]))
    assert entropy.item() == pytest.approx(1.3862944)


def test_entropy_carries_no_gradient(inputs):
    hidden, weight, target = inputs
    assert not token_stats(hidden, weight, target)[1].requires_grad


def test_a_chunk_follows_the_memory_of_the_device():
    weight = torch.zeros(151_674, 1)
    assert token_stats_module.chunk_for(weight, 2**25) == 221  # 128 MiB of 151,674 floats
    assert token_stats_module.chunk_for(torch.zeros(100, 1), 2**25) == 4096
    on_card = token_stats_module.chunk_on_card
    assert on_card(151_674, 80e9) == 2060  # 1.25 GB
    assert on_card(151_674, 24e9) == 2048
    assert on_card(151_674, 151e9) == 3888
