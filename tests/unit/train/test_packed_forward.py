"""Packing changes where tokens lie, never what they are predicted to be."""

import pytest
import torch
from model_fixtures import picture, small_encoder, small_model

from r1v3.model.packed import Group, hidden_states, pack_groups, use_packed_attention
from r1v3.train.token_stats import token_stats


def encoded(text, *pictures):
    return small_encoder().prompt(text, list(pictures))


@pytest.fixture(scope="module")
def groups():
    plain = encoded("What is the sum?")
    seen = encoded("<image>\nWhat is the sum?", picture(1))
    wide = encoded("<image>\n<image> A. 1 B. 2", picture(2, 56, 28), picture(3))
    answers = [small_encoder().text_ids(t) for t in ("3+4=7", "Wait, 4+3=7. \\boxed{7}", "7")]
    return [
        Group(plain.prompt_ids, (answers[0],), plain.tiles),
        Group(seen.prompt_ids, (answers[1], answers[2], answers[0]), seen.tiles),
        Group(wide.prompt_ids, (answers[2], answers[1]), wide.tiles),
    ]


def alone(model, group, answer):
    """Log-probabilities by the library's own forward pass, one sequence at a time."""
    ids = torch.tensor([[*group.prompt_ids, *answer]])
    tiles = group.tiles if len(group.tiles) else None
    logits = model(input_ids=ids, pixel_values=tiles).logits[0]
    log_probs = logits.log_softmax(-1)
    start = len(group.prompt_ids)
    return torch.stack([log_probs[start + n - 1, token] for n, token in enumerate(answer)])


def test_packed_log_probabilities_equal_those_of_each_sequence_alone(groups):
    plain = small_model()
    expected = torch.cat([alone(plain, g, a) for g in groups for a in g.responses])
    model = small_model()
    use_packed_attention(model)
    pack = pack_groups(groups)
    logp, _ = token_stats(hidden_states(model, pack), model.lm_head.weight, pack.target_N)
    torch.testing.assert_close(logp, expected, atol=2e-5, rtol=1e-5)


def test_packed_gradients_equal_those_of_each_sequence_alone(groups):
    plain = small_model()
    sum(alone(plain, g, a).sum() for g in groups for a in g.responses).backward()
    model = small_model()
    use_packed_attention(model)
    pack = pack_groups(groups)
    logp, _ = token_stats(hidden_states(model, pack), model.lm_head.weight, pack.target_N)
    logp.sum().backward()
    for (name, one), (_, other) in zip(plain.named_parameters(), model.named_parameters()):
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad, atol=1e-4, rtol=1e-3, msg=name)


def test_a_response_does_not_see_its_siblings(groups):
    model = small_model()
    use_packed_attention(model)
    group = groups[1]
    other = Group(group.prompt_ids, (group.responses[0], group.responses[1] * 2), group.tiles)

    def first(g):
        pack = pack_groups([g])
        logp, _ = token_stats(hidden_states(model, pack), model.lm_head.weight, pack.target_N)
        return logp[pack.response_N == 0]

    torch.testing.assert_close(first(group), first(other), atol=1e-5, rtol=1e-5)


def test_every_response_token_is_a_target_once_and_no_prompt_token_is(groups):
    pack = pack_groups(groups)
    answers = [token for g in groups for a in g.responses for token in a]
    assert pack.target_N.tolist() == answers
    assert pack.response_N.bincount().tolist() == [len(a) for g in groups for a in g.responses]
