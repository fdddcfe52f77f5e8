"""Attention for rows that decode together, without copying keys that several heads share.

The library's own code repeats keys and values for each query head. With one new token a row, that took half
of all time on a CPU. Here, heads that share keys are computed as one head with several queries.

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
