"""The clustered bootstrap: draws by hand, in parts or at once, and the interval of a normal distribution."""

import numpy as np
import pytest

from r1v3.base.bootstrap import cluster_picks, cluster_weights, percentile_interval


@pytest.mark.parametrize("draw", [cluster_picks, cluster_weights])
def test_pieces_hold_the_same_draws_as_one_piece(draw):
    (whole_RC,) = draw(5, 10, np.random.default_rng(3))
    pieces = list(draw(5, 10, np.random.default_rng(3), at_a_time=4))
    assert [len(piece_RC) for piece_RC in pieces] == [4, 4, 2]
    assert np.array_equal(np.concatenate(pieces), whole_RC)


def test_every_resample_has_as_many_clusters_as_there_are():
    (pick_RC,) = cluster_picks(7, 50, np.random.default_rng(1))
    (weight_RC,) = cluster_weights(7, 50, np.random.default_rng(1))
    assert pick_RC.shape == weight_RC.shape == (50, 7)
    assert (pick_RC.min(), pick_RC.max()) == (0, 6)
    assert set(weight_RC.sum(1)) == {7}


def test_one_cluster_is_drawn_every_time():
    (pick_RC,) = cluster_picks(1, 3, np.random.default_rng(0))
    (weight_RC,) = cluster_weights(1, 3, np.random.default_rng(0))
    assert pick_RC.tolist() == [[0], [0], [0]]
    assert weight_RC.tolist() == [[1], [1], [1]]


def test_the_interval_leaves_equal_tails():
    # Of 0 to 100, the 5th and 95th percentiles.
    low, high = percentile_interval(np.arange(101.0), 0.9)
    assert (low, high) == pytest.approx((5.0, 95.0))


@pytest.mark.parametrize("draw", [cluster_picks, cluster_weights])
def test_the_interval_of_a_share_is_that_of_the_binomial_law(draw):
    value_C = np.repeat([1.0, 0.0], [120, 280])
    (drawn_RC,) = draw(400, 4000, np.random.default_rng(2))
    picked = draw is cluster_picks
    mean_R = value_C[drawn_RC].mean(1) if picked else drawn_RC @ value_C / 400
    # 0.3 and 1.96 times sqrt(0.3 x 0.7 / 400) = 0.0229; one item is 0.0025.
    assert percentile_interval(mean_R, 0.95) == pytest.approx((0.2551, 0.3449), abs=0.004)


def test_copies_within_a_cluster_narrow_nothing():
    # Every value of a cluster four times: four times the values, and the same interval.
    sums_C, counts_C = np.array([0.0, 1.0, 1.0, 0.0, 1.0]), np.ones(5)
    (pick_RC,) = cluster_picks(5, 2000, np.random.default_rng(4))
    once_R = sums_C[pick_RC].sum(1) / counts_C[pick_RC].sum(1)
    four_R = (4 * sums_C)[pick_RC].sum(1) / (4 * counts_C)[pick_RC].sum(1)
    assert percentile_interval(four_R, 0.95) == percentile_interval(once_R, 0.95)
