"""Prompts in the order of measured pass rates: staged, mixed, or in a window that follows the policy."""

from collections import Counter

import pytest
from grpo_fixtures import grpo_settings, record

from r1v3.recipe.schema.training import Mixed, Staged, Window
from r1v3.train.grpo.sampling.prompt_order import CurriculumOrder, equal_bands
from r1v3.train.grpo.sampling.prompts import Prompt
from r1v3.train.grpo.setup import open_order

RATES = [0.0, 1.0, 0.5, 0.75, 0.25, 0.5, 1.0, 0.0]  # bands of two: 1 6 | 3 2 | 5 4 | 0 7
WINDOW = Window(kind="window", bands=4, replay=0.0, harder_from=0.7, easier_below=0.3)


def order(rule, total=80, seed=3):
    return CurriculumOrder(list(range(8)), seed, RATES, rule, total)


def test_bands_go_from_what_is_solved_most_to_what_is_solved_least():
    assert equal_bands(RATES, 4) == [[1, 6], [3, 2], [5, 4], [0, 7]]
    assert [len(band) for band in equal_bands([0.5] * 7, 3)] == [2, 2, 3]
    with pytest.raises(ValueError, match="4 bands need as many prompts; there are 3"):
        equal_bands([0.1, 0.2, 0.3], 4)


def test_staged_goes_through_the_bands_in_equal_parts_and_stays_in_the_last():
    taken = order(Staged(kind="staged", bands=4, replay=0.0)).take(90)
    assert [set(taken[n : n + 20]) for n in (0, 20, 40, 60)] == [{1, 6}, {2, 3}, {4, 5}, {0, 7}]
    assert set(taken[80:]) == {0, 7}
    assert Counter(taken[:20]) == {1: 10, 6: 10}  # none again before all others


def test_replay_brings_back_that_share_of_earlier_bands():
    taken = order(Staged(kind="staged", bands=2, replay=0.25), total=2000).take(2000)
    easy = {1, 6, 3, 2}
    assert set(taken[:1000]) == easy
    assert sum(n in easy for n in taken[1000:]) == pytest.approx(250, abs=50)


def test_mixed_draws_by_the_weights_at_all_times():
    taken = order(Mixed(kind="mixed", weights=[3, 0, 0, 1])).take(1000)
    assert set(taken) == {1, 6, 0, 7}
    assert sum(n in {1, 6} for n in taken[:500]) == pytest.approx(375, abs=40)


def test_the_window_follows_the_accuracy_and_stops_at_the_ends():
    prompts, seen = order(WINDOW), []
    for accuracy in (0.1, 0.9, 0.5, 0.7, 0.9, 0.9, 0.2):
        prompts.adapt(accuracy)
        seen.append(prompts.window)
    assert seen == [0, 1, 1, 2, 3, 3, 2]
    assert set(prompts.take(8)) == {5, 4}


@pytest.mark.parametrize(
    "rule",
    [
        Staged(kind="staged", bands=4, replay=0.3),
        Mixed(kind="mixed", weights=[1, 1, 2]),
        WINDOW.model_copy(update={"replay": 0.4}),
    ],
    ids=lambda rule: rule.kind,
)
def test_a_resumed_run_draws_what_the_killed_one_would_have_drawn(rule):
    whole = order(rule)
    expected = []
    for accuracy in (0.9, 0.8, 0.1, 0.9, 0.9):
        expected.append(whole.take(7))
        whole.adapt(accuracy)
    killed = order(rule)
    for accuracy in (0.9, 0.8):
        killed.take(7)
        killed.adapt(accuracy)
    resumed = order(rule)
    resumed.restore(killed.drawn, killed.state())
    resumed.go_to(21)  # an episode that the killed run had sampled after its last state
    resumed.adapt(0.1)
    assert resumed.take(7) == expected[3]
    resumed.adapt(0.9)
    assert resumed.take(7) == expected[4]


def prompts(measured):
    found = []
    for n, rate in enumerate(measured):
        own = record(f"q{n}")
        own.meta.update({} if rate is None else {"pass_rate": rate})
        found.append(Prompt(own, "", None))
    return found


def test_prompts_without_a_measured_rate_are_told():
    settings = grpo_settings(curriculum={"kind": "staged", "bands": 2, "replay": 0.0})
    with pytest.raises(ValueError, match="1 of 3 prompts have no measured pass rate, as q1"):
        open_order(prompts([0.5, None, 0.0]), settings, 0)
    made = open_order(prompts([0.5, 1.0, 0.0]), settings, 0)
    assert made.take(1)[0].record.id == "q1"
    assert type(open_order(prompts([None]), grpo_settings(), 0)).__name__ == "PromptOrder"


def test_a_window_needs_a_gap():
    with pytest.raises(ValueError, match="easier_below must be less"):
        Window(kind="window", bands=2, replay=0.0, harder_from=0.5, easier_below=0.5)
