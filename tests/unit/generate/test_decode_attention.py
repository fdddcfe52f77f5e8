"""Heads that share keys, computed as queries of one head, give the library's attention."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from r1v3.generate.in_process.decode_attention import DECODE


@pytest.mark.parametrize("heads", [2, 6])
@pytest.mark.parametrize("queries", [1, 5])
def test_it_equals_attention_over_repeated_keys(heads, queries):
    generator = torch.Generator().manual_seed(1)
    query = torch.randn(3, heads, queries, 8, generator=generator)
    key, value = torch.randn(2, 3, 2, 7, 8, generator=generator)
    mask = torch.rand(3, 1, queries, 7, generator=generator) > 0.3
    mask[..., 0] = True
    out, _ = AttentionInterface()[DECODE](None, query, key, value, mask, scaling=0.3)
    shared = heads // 2
    expected = scaled_dot_product_attention(
        query,
        key.repeat_interleave(shared, 1),
        value.repeat_interleave(shared, 1),
        attn_mask=mask,
        scale=0.3,
    )
    torch.testing.assert_close(out, expected.transpose(1, 2))
