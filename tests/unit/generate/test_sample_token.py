"""One token for each row: it has the distribution's frequencies, and each request has its own stream."""

import numpy as np
import pytest
import torch

from r1v3.generate.in_process.sample_token import draw_tokens, uniforms
from r1v3.generate.types import Request, Sampling

PLAIN = Sampling(temperature=1.0, top_p=1.0, max_new_tokens=4, samples=3)


def many(logits, sampling, count=20_000):
    """Return the frequency of each token, for evenly spaced uniform numbers."""
    uniform_B = (torch.arange(count) + 0.5) / count
    token_B, log_probs = draw_tokens(torch.tensor([logits]).expand(count, -1), uniform_B, sampling)
    return np.bincount(token_B.numpy(), minlength=len(logits)) / count, log_probs[0]


def test_tokens_come_as_often_as_the_softmax_says():
    logits = [2.0, 0.5, -1.0, 0.0]
    for temperature in (0.5, 1.0, 2.0):
        expected = torch.softmax(torch.tensor(logits) / temperature, -1)
        sampling = Sampling(temperature=temperature, top_p=1.0, max_new_tokens=1)
        found, log_probs = many(logits, sampling)
        assert found == pytest.approx(expected.numpy(), abs=1e-3)
        assert log_probs.exp().numpy() == pytest.approx(expected.numpy(), rel=1e-5)


def test_top_p_keeps_the_fewest_tokens_that_reach_it_and_tells_the_whole_distribution():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().tolist()
    found, log_probs = many(logits, Sampling(temperature=1.0, top_p=0.7, max_new_tokens=1))
    assert found == pytest.approx([0.625, 0.375, 0, 0], abs=1e-3)
    assert log_probs.exp().numpy() == pytest.approx([0.5, 0.3, 0.15, 0.05], rel=1e-5)


def test_a_forbidden_token_never_comes_even_at_the_ends_of_the_range():
    logits = torch.tensor([[float("-inf"), 0.0, 0.0, float("-inf")]]).expand(2, -1)
    token_B, _ = draw_tokens(logits, torch.tensor([0.0, 1.0 - 1e-7]), PLAIN)
    assert token_B.tolist() == [1, 2]


def test_greedy_takes_the_largest_logit():
    greedy = Sampling(temperature=0, top_p=1.0, max_new_tokens=1)
    token_B, log_probs = draw_tokens(torch.tensor([[0.0, 3.0, 1.0]]), torch.zeros(1), greedy)
    assert token_B.tolist() == [1]
    assert log_probs.exp().sum() == pytest.approx(1.0)


def test_a_stream_depends_on_the_seed_alone_and_longer_ones_begin_alike():
    first = uniforms(Request("a", "x", (), seed=7), PLAIN, 4)
    assert first.shape == (3, 4)
    assert torch.equal(first, uniforms(Request("b", "y", (), seed=7), PLAIN, 4))
    assert not torch.equal(first, uniforms(Request("a", "x", (), seed=8), PLAIN, 4))
    assert ((first >= 0) & (first < 1)).all()
