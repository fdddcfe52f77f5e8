"""Four readings of equation 7's ratio, and when its clip can act at all.

1. On-policy, one step an episode, as section 3.3 trains: the ratio is 1, the clip never acts, and the
   clip range of 0.2 that the section names, or Clip-Higher, changes nothing.
2. Several steps an episode: from the second on it can act.
3. The engine's log-probabilities: it acts in the first step if engine and trainer differ enough.
4. The equation as it stands, against the reference policy: it acts once the policy has left the
   reference, and then for good, on-policy or not.
"""

import pytest
import torch
from grpo_fixtures import episode_of_policy, learner, reference, update

FAST = 0.02  # one step at this rate takes many tokens' ratios beyond 0.8 and 1.2


def clipped(policy, episode, against=None, rate=FAST, **settings):
    """Return the share of tokens that the clip stopped, and the weights afterwards."""
    found = update(policy, episode, against, rate, **settings).metrics["clip_fraction"]
    return found, [p.detach().clone() for p in policy.model.parameters()]


def test_on_policy_the_clip_never_acts_and_its_range_changes_nothing():
    ends = []
    for low, high in ((0.2, 0.2), (0.2, 0.28), (1e-6, 1e-6)):
        policy = learner()
        episode = episode_of_policy(policy)
        found, weights = clipped(policy, episode, clip_low=low, clip_high=high)
        assert found == 0
        ends.append(weights)
    for other in ends[1:]:
        assert all(torch.equal(one, two) for one, two in zip(ends[0], other))


@pytest.mark.parametrize("several", [{"updates_per_episode": 3}, {"minibatches": 2}])
def test_with_several_steps_an_episode_the_clip_acts_from_the_second_on(several):
    policy = learner()
    # Mini-batches ask the same question, so that the first one's step moves the second one's ratios.
    episode = episode_of_policy(policy)
    found, tight = clipped(policy, episode, **several)
    assert found > 0
    policy = learner()
    _, wide = clipped(policy, episode_of_policy(policy), clip_high=9.0, clip_low=0.999, **several)
    assert not all(torch.equal(one, two) for one, two in zip(tight, wide))


def test_with_the_engines_log_probabilities_it_acts_where_the_two_differ():
    policy = learner()
    same = episode_of_policy(policy)
    assert clipped(policy, same, old_logprobs="engine")[0] == 0
    policy = learner()
    apart = episode_of_policy(policy, off_by=0.5)  # ratios of 1.65
    assert clipped(policy, apart, old_logprobs="trainer")[0] == 0
    policy = learner()
    # Beyond 1.2 the clip stops tokens of a positive advantage: of the first answer of each four.
    lengths = [len(response.token_ids) for response in apart.responses]
    expected = sum(lengths[::4]) / sum(lengths)
    assert clipped(policy, apart, old_logprobs="engine")[0] == pytest.approx(expected)


def test_against_the_reference_it_acts_once_the_policy_has_left_it():
    policy, start = learner(), reference()
    at_first = clipped(policy, episode_of_policy(policy), start, old_logprobs="reference")[0]
    assert at_first == 0
    for _ in range(3):
        clipped(policy, episode_of_policy(policy), start, old_logprobs="reference", clip_high=9.0)
    on_policy = episode_of_policy(policy)  # sampled by the very policy that learns
    assert clipped(policy, on_policy, start, rate=0.0, old_logprobs="trainer")[0] == 0
    assert clipped(policy, on_policy, start, rate=0.0, old_logprobs="reference")[0] > 0
