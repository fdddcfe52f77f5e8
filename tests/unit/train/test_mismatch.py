"""An engine whose probabilities differ from the trainer's: weights, metrics, and when a run stops."""

import math

import pytest
import torch
from grpo_fixtures import episode_of_policy, grpo_settings, learner, update

from r1v3.train.grpo.loss.mismatch import MismatchError, mismatch_kl
from r1v3.train.grpo.records.episode_metrics import worst_token_shown

OFF = math.log(1.5)  # every ratio of trainer to engine is 1.5
KL = 1.5 - 1 - OFF


def rule(**changes):
    return {"level": "token", "mode": "truncate", "cap": 1.2} | changes


@pytest.fixture(scope="module")
def episode():
    return episode_of_policy(learner(), off_by=OFF)


def test_a_truncated_weight_scales_the_gradient_by_the_cap(episode):
    free = update(learner(), episode).metrics
    held = update(learner(), episode, mismatch=rule()).metrics
    for group in ("llm", "connector"):
        norm = f"grad_norm/{group}"
        assert held[norm] == pytest.approx(1.2 * free[norm], rel=1e-4)
    assert held["mismatch/kl"] == pytest.approx(KL, rel=1e-3)
    assert free["mismatch/kl"] == held["mismatch/kl"]
    assert held["mismatch/beyond"] == 1.0
    assert held["mismatch/weight"] == pytest.approx(1.2)
    assert "mismatch/beyond" not in free


def test_a_masked_weight_takes_the_token_out(episode):
    masked = update(learner(), episode, mismatch=rule(mode="mask")).metrics
    assert masked["grad_norm/llm"] == 0.0
    assert masked["mismatch/weight"] == 0.0
    wide = update(learner(), episode, mismatch=rule(mode="mask", cap=2.0)).metrics
    assert wide["mismatch/beyond"] == 0.0
    assert wide["mismatch/weight"] == pytest.approx(1.5, rel=1e-4)


def test_the_ratio_of_a_whole_response_is_the_product_of_its_tokens(episode):
    longest = max(episode.lengths)
    cap = 1.5 ** (longest - 0.5)  # only the longest responses lie beyond
    found = update(
        learner(), episode, mismatch=rule(level="sequence", mode="mask", cap=cap)
    ).metrics
    beyond = sum(length for length in episode.lengths if length == longest)
    assert found["mismatch/beyond"] == pytest.approx(beyond / sum(episode.lengths))


def test_weights_are_of_the_policy_that_sampled_in_every_step_of_an_episode(episode):
    # after the first of two steps the policy has moved, the weights have not
    found = update(learner(), episode, mismatch=rule(), updates_per_episode=2, minibatches=2)
    assert found.metrics["mismatch/weight"] == pytest.approx(1.2)
    assert found.metrics["mismatch/kl"] == pytest.approx(KL, rel=1e-3)


@pytest.mark.parametrize("minibatches", [1, 2])
def test_a_run_stops_before_a_step_when_engine_and_trainer_are_too_far_apart(episode, minibatches):
    policy = learner()
    before = [p.detach().clone() for p in policy.model.parameters()]
    changes = {"mismatch": rule(stop=0.09), "minibatches": minibatches}
    with pytest.raises(
        MismatchError, match=r"0\.0945 nats.*mismatch\.stop \(0\.09\).*of q\d: log-pr"
    ):
        update(policy, episode, **changes)
    assert all(torch.equal(a, b) for a, b in zip(before, policy.model.parameters()))
    update(policy, episode, **changes | {"mismatch": rule(stop=0.1)})


def test_the_worst_token_is_named(episode):
    responses = list(episode.responses)
    worst = responses[1]
    logprobs = (*worst.logprobs[:2], worst.logprobs[2] - 4.0, *worst.logprobs[3:])
    changed = type(episode)(
        episode.prompts,
        [type(worst)(worst.key, worst.sample, worst.text, worst.token_ids, logprobs, "stop", 9)
         if n == 1 else r for n, r in enumerate(responses)],
        episode.accuracy_GM, episode.format_GM, episode.reward_GM, episode.reasons,
    )  # fmt: skip
    found = update(learner(), changed)
    assert found.worst.place == len(responses[0].token_ids) + 2

    class Tokenizer:
        def decode(self, ids):
            return f"<{ids[0]}>"

    text, logp, sampled = worst_token_shown(found.worst, responses, Tokenizer())
    assert text == f"<{worst.token_ids[2]}>"
    assert logp - sampled == pytest.approx(4.0 + OFF, abs=1e-3)


def test_the_divergence_is_never_negative():
    gap = torch.randn(50, generator=torch.Generator().manual_seed(0))
    assert mismatch_kl(gap - 2, torch.full((50,), -2.0)) > 0
    assert mismatch_kl(gap, gap) == 0.0


def test_a_ratio_to_the_engine_leaves_no_mismatch_to_correct():
    with pytest.raises(ValueError, match="holds the mismatch already"):
        grpo_settings(old_logprobs="engine", mismatch=rule())
    with pytest.raises(ValueError, match="one may be set"):
        grpo_settings(
            covariance={"kind": "kl", "share": 0.5, "weight": 1.0}, surrogate={"kind": "gspo"}
        )
