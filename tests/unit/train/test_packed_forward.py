"""Packing changes the positions of tokens in a row, and never their predictions."""

import pytest
import torch
from model_fixtures import picture, small_encoder, small_model
from training_fixtures import SFT
from transformers.modeling_layers import GradientCheckpointingLayer

from r1v3.model import packed
from r1v3.model.packed import Group, hidden_states, pack_groups, use_packed_attention
from r1v3.recipe.schema.training import Parallel
from r1v3.train.core.engine import prepare_model
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
    """Return log-probabilities by the library's own forward pass, one sequence at a time."""
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
    query,
    key,
    value,
    bounds,
    bounds_k,
    longest,
    longest_k,
    *,
    scale,
    window_size,
    enable_gqa,
    num_splits=None,
):
    """Compute what the FlashAttention kernel computes, by segment; the last query attends to all keys."""
    assert bounds.dtype == bounds_k.dtype == torch.int32
    assert window_size == (-1, 0)
    assert num_splits in (None, 1)  # any other number would change the order of the sums
    assert longest == int(bounds.diff().max())
    assert longest_k == int(bounds_k.diff().max())
    assert (len(query), len(key), len(value)) == (bounds[-1], bounds_k[-1], bounds_k[-1])
    outputs = []
    for n in range(len(bounds) - 1):
        asks, answers = (slice(*each[n : n + 2].tolist()) for each in (bounds, bounds_k))
        parts = [t.transpose(0, 1) for t in (query[asks], key[answers], value[answers])]
        queries, keys = parts[0].shape[1], parts[1].shape[1]
        seen = torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)
        out = torch.nn.functional.scaled_dot_product_attention(
            *parts, attn_mask=seen, scale=scale, enable_gqa=enable_gqa
        )
        outputs.append(out.transpose(0, 1))
    return torch.cat(outputs)


def flash(model, pack):
    """Return the hidden states by the kernel of variable lengths."""
    model.set_attn_implementation({"text_config": packed.FLASH, "vision_config": "sdpa"})
    return hidden_states(model, pack)


@pytest.mark.parametrize("shared", [False, True])
def test_flash_attention_equals_the_masks_and_makes_none(groups, shared, monkeypatch):
    monkeypatch.setattr(packed.varlen, "varlen_attn", by_segments)
    if not shared:
        groups = [Group(g.prompt_ids, g.responses[:1], g.tiles) for g in groups]
    plain, model = small_model(), small_model()
    use_packed_attention(plain)
    expected = hidden_states(plain, pack_groups(groups))
    monkeypatch.setattr(packed, "_packed_attention", None)
    monkeypatch.setattr(packed.Plan, "_padded", None)
    pack = pack_groups(groups)
    assert (pack.plan.borders.key_K is not None) == shared == (pack.plan.bounds is None)
    found = flash(model, pack)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)
    weight = torch.linspace(-1, 1, found.numel()).view_as(found)
    for states in (found, expected):
        (states * weight).sum().backward()
    for (name, one), (_, other) in zip(plain.named_parameters(), model.named_parameters()):
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad, atol=1e-4, rtol=1e-3, msg=name)


def test_a_prompts_keys_stand_before_each_of_its_responses(groups):
    # 5 tokens of prompt, two responses of 3 and 4, whose last ones are not fed, and a third of one token
    group = Group((9,) * 5, ((1, 2, 3), (1, 2, 3, 4), (1,)), torch.zeros(0))
    borders = pack_groups([group]).plan.borders
    assert borders.query_S1.tolist() == [0, 5, 7, 10]
    assert borders.key_S1.tolist() == [0, 5, 12, 20]
    first, prompt = [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]
    assert borders.key_K.tolist() == [*first, *prompt, 5, 6, *prompt, 7, 8, 9]
    assert (borders.longest_query, borders.longest_key) == (5, 8)


def test_gradients_of_a_shared_prompts_keys_add_up_in_32_bits():
    state_THD = torch.zeros(1, 1, 1, dtype=torch.bfloat16, requires_grad=True)
    keys = packed._KeysOfSegments.apply(state_THD, torch.zeros(300, dtype=torch.long))
    keys.sum().backward()  # in bfloat16 1 added to 256 is 256
    assert state_THD.grad.item() == 300


def test_padding_repeats_no_token_more_often_than_it_must(groups):
    long, short = (tuple(range(40)), tuple(range(2)))
    group = Group((9,) * 5, (long, *[short] * 9), torch.zeros(0))
    *_, bucket = pack_groups([group]).plan.buckets
    assert bucket.query_SQ.shape == (10, 39)
    assert bucket.query_SQ.flatten().bincount().max() <= 9 + 1  # 342 places are padding


def test_exact_runs_fix_how_keys_are_split(groups, monkeypatch):
    seen = []

    def kernel(*arguments, num_splits=None, **named):
        seen.append(num_splits)
        return by_segments(*arguments, **named)

    monkeypatch.setattr(packed.varlen, "varlen_attn", kernel)
    model, pack = small_model(), pack_groups(groups)
    flash(model, pack)
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
    flash(model, pack)
    assert seen == [None, None, 1, 1]


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
    blank = plain.with_blank_tile(torch.zeros(1, 3, 28, 28))
    assert len(blank.tiles) == 1
    assert torch.equal(hidden_states(model, blank), hidden_states(model, plain))
    hidden_states(model, blank).sum().backward()
    tower = [p.grad for p in model.model.vision_tower.parameters()]
    assert all(g is not None and g.abs().sum() == 0 for g in tower if g is not None)
    assert sum(g is not None for g in tower) > 0
    seen = pack_groups([groups[1]])
    assert seen.with_blank_tile(torch.zeros(1, 3, 28, 28)) is seen


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


@pytest.mark.parametrize(("share", "again"), [(True, 3), (1.0, 3), (0.5, 2), (0.4, 2), (False, 0)])
def test_a_share_of_the_layers_is_computed_again_with_the_same_gradients(groups, share, again):
    parallel = Parallel.model_validate(SFT["parallel"] | {"gradient_checkpointing": share})
    plain, kept = small_model(), small_model()
    for model, own in (
        (plain, Parallel.model_validate(SFT["parallel"])),
        (kept, parallel),
    ):
        prepare_model(model, ["vision_tower", "connector", "llm"], own)
        hidden_states(model, pack_groups(groups)).pow(2).sum().backward()
    layers = [m for m in kept.modules() if isinstance(m, GradientCheckpointingLayer)]
    marks = [layer.gradient_checkpointing for layer in layers]
    assert len(layers) == 3  # one that sees, two that write
    assert sum(marks) == again
    assert again != 2 or marks == [True, True, False]
    for (name, one), (_, other) in zip(plain.named_parameters(), kept.named_parameters()):
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad, msg=name)
