"""The loss and its gradient equal a slow float64 version of the equations, and TRL's on the same batch."""

import importlib.util
import math
import random
from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch

from r1v3.recipe.schema.training import Advantage, Cispo, Gspo, Mismatch, Sapo, WholeRatio
from r1v3.train.grpo.loss.advantage import group_advantage
from r1v3.train.grpo.loss.mismatch import mismatch_weights
from r1v3.train.grpo.loss.policy_loss import Surrogate, policy_loss
from r1v3.train.grpo.loss.token_choice import top_share

LENGTHS = [3, 1, 4, 2, 5, 2]
LONGEST = 7
SPREAD = Advantage(ddof=1, epsilon=1e-6)


@pytest.fixture
def batch():
    """Return six responses in two groups: log-probabilities now, when sampled, and of a reference."""
    draw = random.Random(0)

    def values(spread):
        return [[-1.5 + draw.gauss(0, spread) for _ in range(n)] for n in LENGTHS]

    old = values(0.7)
    now = [[p + draw.gauss(0, 0.4) for p in own] for own in old]
    reference = [[p + draw.gauss(0, 0.3) for p in own] for own in old]
    rewards = [[1.0, 0.2, 0.0], [0.2, 1.0, 1.0]]
    return now, old, reference, rewards


def slow_loss(batch, aggregation, kl, estimator, low, high, ddof=1, epsilon=1e-6):
    """Compute equations 6 and 7, one token at a time, in double precision."""
    now, old, reference, rewards = batch
    advantage = []
    for group in rewards:
        mean = sum(group) / len(group)
        variance = sum((r - mean) ** 2 for r in group) / (len(group) - ddof)
        advantage += [(r - mean) / (math.sqrt(variance) + epsilon) for r in group]
    total = 0.0
    for j, own in enumerate(now):
        response = 0.0
        for t, logp in enumerate(own):
            ratio = torch.exp(logp - old[j][t])
            bounded = min(max(ratio, 1 - low), 1 + high)
            term = min(ratio * advantage[j], bounded * advantage[j])
            gap = logp - reference[j][t]
            penalty = {"k1": gap, "k2": gap**2 / 2, "k3": torch.exp(-gap) - 1 + gap}[estimator]
            response = response + term - kl * penalty
        if aggregation == "sequence_mean":
            response = response / len(own) / len(now)
        elif aggregation == "token_mean":
            response = response / sum(LENGTHS)
        else:
            response = response / (LONGEST * len(now))
        total = total - response
    return total


def flat(nested):
    return torch.tensor([value for own in nested for value in own])


def ours(batch, aggregation, kl, estimator, low, high, keep_N=None, rule=None, mismatch_N=None):
    now, old, reference, rewards = batch
    logp_N = flat(now).requires_grad_()
    length_R = torch.tensor(LENGTHS)
    surrogate = Surrogate(
        low, high, kl, estimator, aggregation, len(LENGTHS), sum(LENGTHS), LONGEST, rule
    )
    loss, _ = policy_loss(
        surrogate,
        logp_N=logp_N,
        old_logp_N=flat(old),
        advantage_R=group_advantage(torch.tensor(rewards), SPREAD).flatten(),
        response_N=torch.arange(len(LENGTHS)).repeat_interleave(length_R),
        length_R=length_R,
        keep_N=keep_N,
        reference_logp_N=flat(reference),
        mismatch_N=mismatch_N,
    )
    return loss, torch.autograd.grad(loss, logp_N)[0]


@pytest.mark.parametrize("aggregation", ["sequence_mean", "token_mean", "constant"])
@pytest.mark.parametrize("kl", [(0.0, "k1"), (0.3, "k1"), (0.3, "k2"), (0.3, "k3")])
@pytest.mark.parametrize("clip", [(0.2, 0.2), (0.2, 0.28), (0.1, 0.05)])
def test_loss_and_gradient_equal_the_slow_reference(batch, aggregation, kl, clip):
    now = [
        [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in own] for own in batch[0]
    ]
    slow = slow_loss((now, *batch[1:]), aggregation, *kl, *clip)
    leaves = [p for own in now for p in own]
    expected = torch.autograd.grad(slow, leaves, allow_unused=True)
    expected = torch.tensor([0.0 if g is None else float(g) for g in expected])
    loss, gradient = ours(batch, aggregation, *kl, *clip)
    assert loss.item() == pytest.approx(slow.item(), rel=1e-5, abs=1e-6)
    torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-5)


GSPO, WHOLE = Gspo(kind="gspo"), WholeRatio(kind="whole_ratio")
CISPO = Cispo(kind="cispo", cap=1.25)
SAPO = Sapo(kind="sapo", temperature_positive=1.0, temperature_negative=1.05)


def slow_objective(rule, ratios, logp, advantage, low, high):
    """Return a response's objective for each token as its paper writes it, from the tokens' ratios."""
    if isinstance(rule, Cispo):
        weights = [min(float(ratio), rule.cap) for ratio in ratios]
        return [w * advantage * p for w, p in zip(weights, logp)]
    if isinstance(rule, Sapo):
        steep = rule.temperature_positive if advantage > 0 else rule.temperature_negative
        gates = [4 / steep / (1 + torch.exp(-steep * (ratio - 1))) for ratio in ratios]
        return [gate * advantage for gate in gates]
    whole = ratios[0]
    for ratio in ratios[1:]:
        whole = whole * ratio
    if isinstance(rule, Gspo):
        whole = whole ** (1 / len(ratios))
    bounded = min(max(whole, 1 - low), 1 + high)
    return [min(whole * advantage, bounded * advantage)] * len(ratios)


@pytest.mark.parametrize("rule", [GSPO, WHOLE, CISPO, SAPO], ids=lambda rule: rule.kind)
@pytest.mark.parametrize("aggregation", ["sequence_mean", "token_mean", "constant"])
@pytest.mark.parametrize("clip", [(0.2, 0.28), (0.05, 0.1)])
def test_each_surrogate_and_its_gradient_equal_the_slow_reference(batch, rule, aggregation, clip):
    now, old, _, rewards = batch
    leaves = [
        [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in own] for own in now
    ]
    weight = {"token_mean": 1 / sum(LENGTHS), "constant": 1 / (LONGEST * len(LENGTHS))}
    slow = torch.zeros((), dtype=torch.float64)
    for j, own in enumerate(leaves):
        group = torch.tensor(rewards[j // 3], dtype=torch.float64)
        advantage = float((group[j % 3] - group.mean()) / (group.std() + 1e-6))
        ratios = [torch.exp(p - o) for p, o in zip(own, old[j])]
        each = weight.get(aggregation, 1 / (len(own) * len(LENGTHS)))
        slow = slow - each * sum(slow_objective(rule, ratios, own, advantage, *clip))
    flat_leaves = [p for own in leaves for p in own]
    expected = torch.autograd.grad(slow, flat_leaves, allow_unused=True)
    expected = torch.tensor([0.0 if g is None else float(g) for g in expected])
    loss, gradient = ours(batch, aggregation, 0.0, "k1", *clip, rule=rule)
    assert loss.item() == pytest.approx(slow.item(), rel=1e-5, abs=1e-6)
    torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-5)
    plain = ours(batch, aggregation, 0.0, "k1", *clip)[1]
    assert not torch.allclose(gradient, plain, atol=1e-4)  # the batch tells the rules apart


@pytest.mark.parametrize("level", ["token", "sequence"])
@pytest.mark.parametrize("mode", ["truncate", "mask"])
@pytest.mark.parametrize("floor", [0.0, 0.8])
def test_weights_of_the_mismatch_equal_the_slow_reference(batch, level, mode, floor):
    _, trainer, engine, _ = batch
    rule = Mismatch(level=level, mode=mode, cap=1.2, floor=floor)
    expected = []
    for own, sampled in zip(trainer, engine):
        gaps = [p - q for p, q in zip(own, sampled)]
        for gap in gaps:
            weight = math.exp(sum(gaps) if level == "sequence" else gap)
            if mode == "truncate":
                expected.append(min(max(weight, floor), 1.2))
            else:
                expected.append(weight if floor <= weight <= 1.2 else 0.0)
    found = weights_of(rule, trainer, engine)
    torch.testing.assert_close(found, torch.tensor(expected))
    assert len({round(w, 4) for w in expected}) > 2  # some were held, some not


def weights_of(rule, trainer, engine):
    response_N = torch.arange(len(LENGTHS)).repeat_interleave(torch.tensor(LENGTHS))
    return mismatch_weights(rule, flat(trainer), flat(engine), response_N, len(LENGTHS))


def test_weights_of_the_mismatch_weigh_the_surrogate_and_not_the_penalty(batch):
    zero = torch.zeros(sum(LENGTHS))
    loss, gradient = ours(batch, "token_mean", 0.3, "k2", 0.2, 0.2, mismatch_N=zero)
    logp, reference = flat(batch[0]), flat(batch[2])
    assert loss.item() == pytest.approx(0.3 * ((logp - reference) ** 2 / 2).mean().item())
    torch.testing.assert_close(gradient, 0.3 * (logp - reference) / sum(LENGTHS))


def trls(
    batch, loss_type, beta, low, high, entropy_BT=None, quantile=1.0, level="token", is_ratio=None
):
    """Return TRL's own loss on the same log-probabilities, without its model or accelerator."""
    from trl import GRPOTrainer

    now, old, reference, rewards = batch
    longest = max(LENGTHS)

    def padded(nested):
        return torch.tensor([[*own, *[0.0] * (longest - len(own))] for own in nested])

    logp_BT = padded(now).requires_grad_()
    mask = torch.tensor([[1] * n + [0] * (longest - n) for n in LENGTHS])
    entropy_BT = torch.zeros_like(logp_BT) if entropy_BT is None else entropy_BT
    gather = {"gather": lambda x: x, "pad_across_processes": lambda x, **_: x, "num_processes": 1}
    gather["reduce"] = lambda x, **_: x
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (logp_BT, entropy_BT, None),
        get_high_entropy_mask=lambda e, m, t: GRPOTrainer.get_high_entropy_mask(trainer, e, m, t),
        top_entropy_quantile=quantile,
        aux_loss_enabled=False,
        _entropy_bonus_enabled=False,
        off_policy_mask_threshold=None,
        importance_sampling_level=level,
        beta=beta,
        epsilon_low=low,
        epsilon_high=high,
        loss_type=loss_type,
        use_vllm=is_ratio is not None,
        vllm_importance_sampling_correction=is_ratio is not None,
        current_gradient_accumulation_steps=1,
        max_completion_length=LONGEST,
        model=SimpleNamespace(training=True),
        accelerator=SimpleNamespace(**gather),
        args=SimpleNamespace(
            delta=None,
            use_bias_correction_kl=False,
            steps_per_generation=1,
            sapo_temperature_pos=SAPO.temperature_positive,
            sapo_temperature_neg=SAPO.temperature_negative,
        ),
        _metrics=defaultdict(lambda: defaultdict(list)),
    )
    inputs = {
        "prompt_ids": torch.zeros(len(LENGTHS), 1, dtype=torch.long),
        "prompt_mask": torch.ones(len(LENGTHS), 1, dtype=torch.long),
        "completion_ids": torch.zeros(len(LENGTHS), longest, dtype=torch.long),
        "completion_mask": mask,
        "advantages": group_advantage(torch.tensor(rewards), SPREAD).flatten(),
        "old_per_token_logps": padded(old),
        "ref_per_token_logps": padded(reference),
        "num_items_in_batch": torch.tensor(sum(LENGTHS)),
    }
    if is_ratio is not None:
        inputs["importance_sampling_ratio"] = padded(
            [own.tolist() for own in is_ratio.split(LENGTHS)]
        )
    loss = GRPOTrainer._compute_loss(trainer, None, inputs)
    return loss, torch.autograd.grad(loss, logp_BT)[0][mask.bool()]


needs_trl = pytest.mark.skipif(not importlib.util.find_spec("trl"), reason="trl is not installed")


@needs_trl
@pytest.mark.slow
@pytest.mark.parametrize(
    ("aggregation", "loss_type"),
    [("sequence_mean", "grpo"), ("token_mean", "bnpo"), ("constant", "dr_grpo")],
)
@pytest.mark.parametrize("kl", [0.0, 0.3])
@pytest.mark.parametrize("clip", [(0.2, 0.2), (0.2, 0.28)])
def test_loss_and_gradient_equal_trls(batch, aggregation, loss_type, kl, clip):
    loss, gradient = ours(batch, aggregation, kl, "k3", *clip)
    expected, expected_gradient = trls(batch, loss_type, kl, *clip)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient, expected_gradient)


@needs_trl
@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "aggregation", "loss_type", "level"),
    [
        (GSPO, "sequence_mean", "grpo", "sequence"),
        (CISPO, "token_mean", "cispo", "token"),
        (SAPO, "sequence_mean", "sapo", "token"),
        (None, "token_mean", "dapo", "token"),
    ],
)
@pytest.mark.parametrize("kl", [0.0, 0.3])
def test_each_surrogate_and_its_gradient_equal_trls(batch, rule, aggregation, loss_type, level, kl):
    clip = (0.05, 0.1)
    loss, gradient = ours(batch, aggregation, kl, "k3", *clip, rule=rule)
    high = CISPO.cap if loss_type == "cispo" else clip[1]
    expected, expected_gradient = trls(batch, loss_type, kl, clip[0], high, level=level)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient, expected_gradient)


@needs_trl
@pytest.mark.slow
@pytest.mark.parametrize("kl", [0.0, 0.3])
def test_weights_of_the_mismatch_act_as_trls(batch, kl):
    rule = Mismatch(level="token", mode="truncate", cap=1.2)
    weight_N = weights_of(rule, batch[1], batch[2])
    found = ours(batch, "sequence_mean", kl, "k3", 0.2, 0.2, mismatch_N=weight_N)
    expected = trls(batch, "grpo", kl, 0.2, 0.2, is_ratio=weight_N)
    torch.testing.assert_close(found, expected)


@needs_trl
@pytest.mark.slow
def test_the_ratio_of_whole_responses_is_that_of_trls_rloo(batch):
    from trl import RLOOTrainer

    now, old, _, rewards = batch
    mask_BT = torch.tensor([[float(t < n) for t in range(max(LENGTHS))] for n in LENGTHS])
    logp_BT = torch.zeros_like(mask_BT).masked_scatter(mask_BT > 0, flat(now)).requires_grad_()
    advantage_R = group_advantage(torch.tensor(rewards), SPREAD).flatten()
    gather = {"gather": lambda x: x, "reduce": lambda x, **_: x}
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (
            logp_BT,
            torch.zeros_like(mask_BT),
            None,
        ),
        aux_loss_enabled=False,
        epsilon_low=0.2,
        epsilon_high=0.28,
        model=SimpleNamespace(training=True),
        accelerator=SimpleNamespace(**gather),
        _metrics=defaultdict(lambda: defaultdict(list)),
    )
    ids = {
        f"{part}_{kind}": torch.ones_like(mask_BT)
        for part in ("prompt", "completion")
        for kind in ("ids", "mask")
    }
    inputs = ids | {
        "completion_mask": mask_BT,
        "old_logps": torch.stack([own.sum() for own in flat(old).split(LENGTHS)]),
        "advantages": advantage_R,
    }
    expected = RLOOTrainer._compute_loss(trainer, None, inputs)
    expected_gradient = torch.autograd.grad(expected, logp_BT)[0][mask_BT > 0]
    loss, gradient = ours(batch, "sequence_mean", 0.0, "k1", 0.2, 0.28, rule=WHOLE)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient, expected_gradient)


@needs_trl
@pytest.mark.slow
def test_the_top_share_tokens_are_those_that_trl_keeps(batch):
    entropy_N = torch.linspace(0, 4, sum(LENGTHS))[torch.randperm(sum(LENGTHS))]
    entropy_BT = torch.zeros(len(LENGTHS), max(LENGTHS))
    mask = torch.tensor([[n < length for n in range(max(LENGTHS))] for length in LENGTHS])
    entropy_BT[mask] = entropy_N
    keep_N = top_share(entropy_N, 0.2).float()
    assert keep_N.sum() == 4  # of 17: from the 80 % quantile on
    _, gradient = ours(batch, "sequence_mean", 0.0, "k1", 0.2, 0.2, keep_N)
    _, expected = trls(batch, "grpo", 0.0, 0.2, 0.2, entropy_BT, 0.2)
    torch.testing.assert_close(gradient, expected)
