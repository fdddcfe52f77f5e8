"""A bad step stops the run before it is taken, and names its samples."""

import time

import pytest
import torch
from model_fixtures import small_model

from r1v3.recipe.schema.training import Loading, Watch
from r1v3.train.core.flops import FlopCount
from r1v3.train.sft.prefetch import Prefetch
from r1v3.train.sft.step_checks import check_step

WATCH = Watch(spike=2.0, window=3)


def checked(loss, recent, norms=None):
    check_step(7, loss, norms or {"llm": 1.0}, recent, ["a", "b"], WATCH)
    return recent


def test_what_is_not_a_number_stops_with_the_samples_named():
    with pytest.raises(FloatingPointError, match=r"step 7: loss is nan; samples a, b"):
        checked(float("nan"), [])
    with pytest.raises(FloatingPointError, match=r"grad_norm/llm is inf; samples a, b"):
        checked(1.0, [], {"llm": float("inf")})


def test_a_jump_above_the_median_stops_and_a_high_start_does_not():
    assert checked(9.0, [1.0, 1.0]) == [1.0, 1.0, 9.0]  # the window is not full yet
    assert checked(2.9, [1.0, 9.0, 1.0]) == [9.0, 1.0, 2.9]
    with pytest.raises(FloatingPointError, match=r"loss is 3.0000, 2.0 nats or more above 1.0000"):
        checked(3.0, [1.0, 9.0, 1.0])


def test_without_a_spike_in_the_recipe_only_numbers_are_asked_for():
    check_step(7, 99.0, {}, [1.0] * 3, ["a"], Watch(spike=None, window=3))


def test_prefetched_results_come_in_order_and_mistakes_arrive():
    def slow(n):
        time.sleep(0.02 * (3 - n))
        return n * n

    loading = Loading(cached=False, threads=3, ahead=3)
    assert [made for made, _ in Prefetch(slow, range(3), loading)] == [0, 1, 4]
    waits = [waited for _, waited in Prefetch(slow, range(3), loading)]
    assert waits[0] > 0.04
    assert waits[2] < 0.02
    with pytest.raises(ZeroDivisionError):
        list(Prefetch(lambda n: 1 // n, [1, 0], loading))


def test_operations_are_counted_from_the_definition():
    model = small_model()  # text width 32, 2 layers, 4 heads of 8, 2 of them for keys, 48 forward
    weights = 2 * (32 * 32 + 32 + 2 * (32 * 16 + 16) + 32 * 32 + 3 * 32 * 48 + 2 * 32) + 32
    whole = FlopCount.of(model, ["vision_tower", "connector", "llm"])
    assert whole.token == 2 * 3 * weights
    # half a square of scores and of weighted values, over 32 features, forward and twice back
    assert whole.batch([10], 0, 0) - 10 * whole.token == 3 * 2 * (2 * 10 * 10 * 32 / 2) * 2
    assert whole.response_token == 2 * 3 * 32 * model.config.text_config.vocab_size
    connector = FlopCount.of(model, ["connector"])
    assert connector.token == 2 * 2 * weights  # gradients pass through, none are made for weights
    assert connector.tile < whole.tile
    assert torch.isfinite(torch.tensor(whole.tile))
