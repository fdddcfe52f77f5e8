"""Packing changes where tokens lie, never what they are predicted to be."""

import pytest
import torch
from model_fixtures import picture, small_encoder, small_model

from r1v3.model import packed
from r1v3.model.packed import Group, hidden_states, pack_groups, use_packed_attention
from r1v3.train.core.token_stats import token_stats


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


def by_segments(
    query, key, value, bounds, bounds_k, longest, longest_k, *, scale, window_size, enable_gqa
):
    """What the FlashAttention kernel computes, one segment at a time."""
    assert torch.equal(bounds, bounds_k)
    assert bounds.dtype == torch.int32
    assert window_size == (-1, 0)
    assert longest == longest_k == int(bounds.diff().max())
    outputs = []
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist()):
        parts = [t[first:last].transpose(0, 1) for t in (query, key, value)]
        out = torch.nn.functional.scaled_dot_product_attention(
            *parts, is_causal=True, scale=scale, enable_gqa=enable_gqa
        )
        outputs.append(out.transpose(0, 1))
    return torch.cat(outputs)


def test_flash_attention_gets_the_borders_of_the_samples(groups, monkeypatch):
    single = [Group(g.prompt_ids, g.responses[:1], g.tiles) for g in groups]
    monkeypatch.setattr(packed.varlen, "varlen_attn", by_segments)
    model, pack = small_model(), pack_groups(single)
    use_packed_attention(model)
    expected = hidden_states(model, pack)
    monkeypatch.setattr(packed, "_packed_attention", None)
    model.set_attn_implementation({"text_config": packed.FLASH, "vision_config": "sdpa"})
    torch.testing.assert_close(hidden_states(model, pack), expected, atol=2e-5, rtol=1e-5)


def test_shared_prompts_take_the_buckets_under_flash_attention(groups):
    model, pack = small_model(), pack_groups(groups)
    use_packed_attention(model)
    expected = hidden_states(model, pack)
    model.set_attn_implementation({"text_config": packed.FLASH, "vision_config": "sdpa"})
    assert torch.equal(hidden_states(model, pack), expected)


def test_attention_is_chosen_by_what_the_machine_has(monkeypatch):
    def chosen(has_flash, dtype, attention):
        monkeypatch.setattr(packed, "_has_flash", lambda: has_flash)
        model = small_model().to(dtype)
        use_packed_attention(model, attention)
        return model.config.text_config._attn_implementation

    assert chosen(True, torch.bfloat16, "auto") == packed.FLASH
    assert chosen(True, torch.float32, "auto") == packed.ATTENTION
    assert chosen(False, torch.bfloat16, "auto") == packed.ATTENTION
    assert chosen(True, torch.bfloat16, "sdpa") == packed.ATTENTION
    with pytest.raises(ValueError, match=r"parallel\.attention flash needs CUDA"):
        chosen(False, torch.bfloat16, "flash")


def test_a_blank_tile_changes_nothing_and_gives_the_tower_gradients_of_nothing(groups):
    model = small_model()
    use_packed_attention(model)
    plain = pack_groups([groups[0]])
    blank = plain.with_blank_tile(28)
    assert len(blank.tiles) == 1
    assert torch.equal(hidden_states(model, blank), hidden_states(model, plain))
    hidden_states(model, blank).sum().backward()
    tower = [p.grad for p in model.model.vision_tower.parameters()]
    assert all(g is not None and g.abs().sum() == 0 for g in tower if g is not None)
    assert sum(g is not None for g in tower) > 0
    seen = pack_groups([groups[1]])
    assert seen.with_blank_tile(28) is seen


def test_checkpointed_layers_give_the_same_gradients(groups):
    plain, kept = small_model(), small_model()
    kept.gradient_checkpointing_enable({"use_reentrant": False})
    kept.train()
    pack = pack_groups(groups)
    for model in (plain, kept):
        use_packed_attention(model)
        hidden_states(model, pack).pow(2).sum().backward()
    for (name, one), (_, other) in zip(plain.named_parameters(), kept.named_parameters()):
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad, msg=name)
