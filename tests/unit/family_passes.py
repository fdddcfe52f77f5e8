"""Computes log-probabilities of a family's model by the library's own pass, and in one packed row."""

import torch

from r1v3.model.families import family_of
from r1v3.model.packed import hidden_states, pack_groups, use_packed_attention
from r1v3.train.core.token_stats import token_stats


def own_logits(model, ids, pictures):
    """Return logits of the library's own forward pass, which computes positions itself."""
    inputs = family_of(model.config).inputs(ids, pictures)
    return model(input_ids=torch.tensor([ids]), **inputs).logits[0]


def alone(model, group, answer):
    """Return log-probabilities by the library's own forward pass, one sequence at a time."""
    logp = own_logits(model, [*group.prompt_ids, *answer], group.tiles).log_softmax(-1)
    start = len(group.prompt_ids)
    return torch.stack([logp[start + n - 1, token] for n, token in enumerate(answer)])


def packed(model, groups):
    """Return log-probabilities of all responses in one packed row."""
    use_packed_attention(model)
    pack = pack_groups(groups)
    return token_stats(hidden_states(model, pack), model.lm_head.weight, pack.target_N)[0]
