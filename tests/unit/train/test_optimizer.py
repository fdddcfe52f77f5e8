"""Weights of 16 bits are updated in 32 bits; frozen ones have no state."""

import copy

import pytest
import torch
from model_fixtures import small_model
from training_fixtures import OPTIMIZER, SFT, sft_settings

from r1v3.model.groups import group_of, train_only
from r1v3.recipe.schema.training import Optimizer
from r1v3.train.core import optimizer as optimizer_module
from r1v3.train.core.engine import WholeEngine, open_engine, prepare_model
from r1v3.train.core.optimizer import (
    Optimizers,
    adamw,
    build_optimizer,
    full_shape,
    learning_rate,
)
from r1v3.train.core.ranks import Ranks
from r1v3.train.sft.response_loss import PackedLoss


def optimizer_settings(**changes):
    return Optimizer.model_validate(OPTIMIZER | changes)


class One(torch.nn.Module):
    def __init__(self, dtype):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2, 2, dtype=dtype))


def steps(optimizer, parameter, count):
    for _ in range(count):
        parameter.grad = torch.ones_like(parameter)
        optimizer.step(1e-5)


def test_updates_smaller_than_the_distance_of_two_bfloat16_add_up():
    # 1,000 steps of 1e-5 are 0.01; next to 1.0 a bfloat16 moves by 0.0039, so a single one is lost
    model = One(torch.bfloat16)
    settings = optimizer_settings(weight_decay=0.0)
    steps(build_optimizer(model, settings), model.weight, 1000)
    assert model.weight[0, 0].item() == pytest.approx(0.99, abs=0.003)
    lost = One(torch.bfloat16)
    steps(Optimizers([adamw([lost.weight], settings)]), lost.weight, 1000)
    assert lost.weight[0, 0].item() == 1.0


def test_a_restored_optimizer_goes_on_from_the_32_bit_copies():
    one, other = One(torch.bfloat16), One(torch.bfloat16)
    first, second = (build_optimizer(model, optimizer_settings()) for model in (one, other))
    steps(first, one.weight, 150)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    other.load_state_dict(one.state_dict())
    steps(first, one.weight, 300)
    steps(second, other.weight, 300)
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(first.masters[0][1], second.masters[0][1])


class Many(torch.nn.Module):
    """Sixteen-bit parameters of several sizes, and one of 32 bits."""

    def __init__(self):
        super().__init__()
        draw = torch.Generator().manual_seed(5)
        shapes = [(7, 3), (40,), (16, 16), (2, 2)]
        self.own = torch.nn.ParameterList(
            torch.randn(s, generator=draw).to(torch.bfloat16) for s in shapes
        )
        self.wide = torch.nn.Parameter(torch.randn(5, 5, generator=draw))


@pytest.mark.parametrize("algorithm", ["adamw", "muon"])
@pytest.mark.parametrize("at_once", [1, 50, 300])
def test_stepping_by_portions_changes_no_bit(algorithm, at_once):
    settings = optimizer_settings(algorithm=algorithm)
    one, other = Many(), Many()
    whole, portioned = build_optimizer(one, settings), build_optimizer(other, settings)
    draw = torch.Generator().manual_seed(6)
    for step in range(4):
        for n, (p, q) in enumerate(zip(one.parameters(), other.parameters())):
            p.grad = None if n == step else torch.randn(p.shape, generator=draw).to(p.dtype)
            q.grad = None if p.grad is None else p.grad.clone()
        whole.step(1e-3, at_once=10**9)
        portioned.step(1e-3, at_once=at_once)
        assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters()))
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(whole.masters, portioned.masters))


def test_no_gradient_exists_twice():
    model = Many()
    optimizer = build_optimizer(model, optimizer_settings())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    seen, (part,) = [], optimizer.parts
    step = part.step

    def look():
        cast = [m.grad is not None for _, m in optimizer.masters]
        seen.append([cast, [p.grad is not None for p in model.own], model.wide.grad is not None])
        step()

    part.step = look
    optimizer.step(1e-3, at_once=270)
    # 21 + 40 elements, then 256 + 4; the 32-bit parameter goes with the first
    assert seen == [
        [[True, True, False, False], [False, False, True, True], True],
        [[False, False, True, True], [False] * 4, False],
    ]


class Sum(torch.nn.Module):
    """The sum of a model's only weight, times a number."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, number):
        return self.model.weight.sum() * number


def test_gradients_of_16_bit_weights_add_up_in_32_bits():
    # 126 passes of 1/126: in bfloat16 the sum stops growing near 1 and is some 1 % off
    model = One(torch.bfloat16)
    engine = WholeEngine(model, Sum(model), optimizer_settings(), Ranks(0, 1))
    for number in range(126):
        engine.backward(engine(1 / 126), last=number == 125)
    exact = torch.tensor(1 / 126).bfloat16().item() * 126
    assert model.weight.grad.dtype == torch.float32
    torch.testing.assert_close(model.weight.grad, torch.full((2, 2), exact), rtol=1e-5, atol=0.0)
    assert engine.optimizer.masters[0][1].grad is None
    engine.step(1e-3)
    assert model.weight.grad is None


def test_32_bit_weights_keep_their_gradients_as_they_are():
    model = One(torch.float32)
    WholeEngine(model, Sum(model), optimizer_settings(), Ranks(0, 1))
    assert model.weight.grad_dtype in (None, torch.float32)


@pytest.mark.parametrize("zero", [None, 2, 3])
def test_the_same_weights_decay_under_every_engine(zero):
    if zero:
        pytest.importorskip("deepspeed")
    model = small_model().bfloat16()
    parallel = SFT["parallel"] | ({"engine": "deepspeed", "zero": zero} if zero else {})
    settings = sft_settings(parallel=parallel, dtype="bfloat16")
    prepare_model(model, ["vision_tower", "connector", "llm"], settings.parallel)
    shapes = {n: p.shape for n, p in model.named_parameters()}
    matrices = sum(s.numel() for s in shapes.values() if len(s) > 1)
    vectors = sum(s.numel() for s in shapes.values() if len(s) <= 1)
    groups = []
    monkeyed = optimizer_module.torch.optim.AdamW

    class Noted(monkeyed):
        def __init__(self, given, **named):
            groups.extend(
                (g["weight_decay"], sum(full_shape(p).numel() for p in g["params"])) for g in given
            )
            super().__init__(given, **named)

    optimizer_module.torch.optim.AdamW = Noted
    try:
        open_engine(
            model,
            PackedLoss(model),
            Ranks(0, 1),
            optimizer=settings.optimizer,
            parallel=settings.parallel,
            dtype="bfloat16",
        )
    finally:
        optimizer_module.torch.optim.AdamW = monkeyed
    assert groups == [(0.01, matrices), (0.0, vectors)]


def test_frozen_groups_have_neither_gradients_nor_optimizer_state():
    from model_fixtures import picture, small_encoder

    from r1v3.model.packed import Group, pack_groups, use_packed_attention

    model = small_model()
    use_packed_attention(model)
    train_only(model, ["connector"])
    engine = WholeEngine(model, PackedLoss(model), optimizer_settings(), Ranks(0, 1))
    seen = small_encoder().prompt("<image>\nWhat is the sum?", [picture(1)])
    pack = pack_groups([Group(seen.prompt_ids, (small_encoder().text_ids("3+4=7"),), seen.tiles)])
    engine.backward(engine(pack, 5), last=True)
    engine.step(1e-3)
    with_gradients = {group_of(n) for n, p in model.named_parameters() if p.grad is not None}
    assert with_gradients == {"connector"}
    connector = {id(p) for n, p in model.named_parameters() if group_of(n) == "connector"}
    assert {id(p) for part in engine.optimizer.parts for p in part.state} == connector


def test_warm_up_is_linear_and_the_cosine_ends_at_nothing():
    settings = optimizer_settings(learning_rate=1.0, warmup=0.03, schedule="cosine")
    rates = [learning_rate(step, 100, settings) for step in (0, 2, 3, 51, 99)]
    assert rates[:3] == pytest.approx([1 / 3, 1.0, 1.0])
    assert rates[3] == pytest.approx(0.5, abs=0.01)
    assert rates[4] < 0.001
