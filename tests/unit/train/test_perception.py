"""Visual dependency of tokens: measured with blank pictures, read by class, and used as a weight."""

import pytest
import torch
from grpo_fixtures import ENTROPY, episode_of_policy, grpo_settings, learner, update
from model_fixtures import small_encoder

from r1v3.generate.types import Response
from r1v3.recipe.schema.recipe import Entropy
from r1v3.recipe.schema.training import VisualWeights
from r1v3.train.entropy.readings import Readings
from r1v3.train.entropy.visual import VisualReadings, matched_places
from r1v3.train.grpo.loss.token_choice import visual_factor
from r1v3.train.grpo.loss.update import measures_perception
from r1v3.train.grpo.passes.episode_passes import pack_episode

MEASURED = {"every": 5, "dependent": 0.693}
WEIGHED = MEASURED | {"weigh": {"share": 0.4, "low": 0.5, "high": 1.5}}


def test_dependency_is_the_log_ratio_with_and_without_the_picture():
    policy = learner()
    episode = episode_of_policy(policy)
    found = update(learner(), episode, perception=MEASURED)
    pack = pack_episode(episode.prompts, episode.responses, 4)
    with torch.no_grad():
        seen = policy(pack)[0]
        pack.tiles.zero_()
        blank = policy(pack)[0]
    torch.testing.assert_close(found.visual_N, seen - blank, atol=1e-5, rtol=1e-4)
    assert found.visual_N.abs().max() > 1e-3


def test_measuring_alone_changes_no_weight():
    policy, other = learner(), learner()
    episode = episode_of_policy(policy)
    update(policy, episode)
    update(other, episode, perception=MEASURED)
    pairs = zip(policy.model.parameters(), other.model.parameters())
    assert all(torch.equal(a, b) for a, b in pairs)


def test_steps_between_measurements_are_not_measured():
    settings = grpo_settings(perception=MEASURED)
    assert [measures_perception(settings, step) for step in range(6)] == [True, *[False] * 4, True]
    assert measures_perception(grpo_settings(perception=WEIGHED), 3)
    assert not measures_perception(grpo_settings(), 0)


def test_a_response_that_needs_the_picture_more_counts_more():
    # means 0, 2, 1: factors low, high, and half-way
    visual, rule = torch.tensor([1.0, -1.0, 2.0, 1.0]), VisualWeights(share=1.0, low=0.5, high=1.5)
    factor = visual_factor(visual, torch.tensor([2, 1, 1]), rule)
    assert factor.tolist() == pytest.approx([0.5, 1.5, 1.0])
    assert visual_factor(torch.ones(3), torch.tensor([1, 2]), rule).tolist() == [1.0, 1.0]


def test_weights_take_the_gradient_of_what_the_picture_does_not_decide():
    episode = episode_of_policy(learner())
    whole = update(learner(), episode)
    weighed = update(learner(), episode, perception=WEIGHED)
    even = {"share": 1.0, "low": 1.0, "high": 1.0}
    same = update(learner(), episode, perception=MEASURED | {"weigh": even})
    assert weighed.metrics["grad_norm/llm"] != pytest.approx(
        whole.metrics["grad_norm/llm"], rel=1e-3
    )
    assert same.metrics["grad_norm/llm"] == pytest.approx(whole.metrics["grad_norm/llm"], rel=1e-4)


def test_the_order_of_low_and_high_is_checked():
    with pytest.raises(ValueError, match="low may not be above high, which is 1"):
        VisualWeights(share=0.4, low=1.5, high=1.0)


def test_matched_words_stand_where_critical_words_stand_and_none_is_taken_twice():
    function = [(0.1, 1), (0.45, 4), (0.55, 5), (0.9, 9)]
    assert matched_places([(0.5, 50), (0.5, 51), (0.95, 95)], function) == [4, 5, 9]
    assert matched_places([(0.0, 0), (0.0, 10)], [(1.0, 7)]) == [7]
    assert matched_places([(0.5, 0)], []) == []


@pytest.fixture
def readings():
    tokenizer = small_encoder().processor.tokenizer
    return VisualReadings(Readings(tokenizer, Entropy.model_validate(ENTROPY), 0), 0.693)


def response(text):
    ids = small_encoder().text_ids(text)
    return Response("q", 0, text, ids, (0.0,) * len(ids), "stop", 1)


def test_every_token_has_a_class(readings):
    own = response("Wait, the sum is 7.")
    classes = readings.classes_of(own)
    tokenizer = readings.readings.tokenizer
    texts = [tokenizer.decode([i]) for i in own.token_ids]
    found = dict(zip(classes, texts))
    assert set(classes) == {"critical", "control", "number", "word", "symbol"}
    assert found["critical"].strip().startswith("W")
    assert found["control"].strip().startswith("s")
    assert found["number"].strip() == "7"


def test_means_are_by_class_and_at_dependent_tokens(readings):
    own = response("Wait, the sum is 7.")
    classes = readings.classes_of(own)
    visual = [2.0 if c == "number" else 0.0 for c in classes]
    entropy = [1.0 if c == "number" else 3.0 for c in classes]
    found = readings.metrics([own], visual, entropy)
    assert found["visual/number"] == 2.0
    assert found["visual/word"] == 0.0
    assert found["visual/dependent/share"] == 1 / len(classes)
    assert found["visual/dependent/entropy"] == 1.0
    assert found["visual/dependent/critical"] == 0.0
    assert found["matched/count"] == 1  # one critical word, two function words
    assert found["matched/mean"] == 3.0
