"""Attention of rows that decode together, without copies of the keys that several heads share.

The library's own repeats keys and values for each query head, which at one new token a row was half of all
time on a CPU. Heads that share keys are asked as one head with several queries instead.

Shapes: B rows, H heads, K key heads, Q queries, L keys, D features.
"""

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

DECODE = "decode_rows"


def _decode_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **_: object,
) -> tuple[Tensor, None]:
    rows, heads, queries, features = query.shape
    shared = heads // key.shape[1]
    alone = queries == 1
    if alone:
        query = query.view(rows, key.shape[1], shared, features)
    out_BHQD = scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=attention_mask,
        scale=scaling,
        enable_gqa=shared > 1 and not alone,
    )
    return out_BHQD.view(rows, heads, queries, features).transpose(1, 2), None


AttentionInterface.register(DECODE, _decode_attention)
