import pytest

from r1v3.evaluate.pages.tables import table_1
from r1v3.evaluate.statistics import detectable_difference


def score(mean):
    return {
        "mean": mean,
        "low": mean - 0.02,
        "high": mean + 0.02,
        "n": 900,
        "detectable_difference": 0.0564,
    }


@pytest.fixture
def grid(table):
    ours = {"final": {"mmmu_val": score(0.5), "gaokao_2025": score(0.9)}}
    return table_1(table, ours, miniature=True)


def test_ours_stands_beside_the_published_columns_with_its_interval(grid):
    [row] = [row for row in grid.rows if row[0].startswith("MMMU (")]
    ours = ["900", "5.6", "50.0 [48.0, 52.0]"]
    assert row[1:] == [*ours, "76.0", "70.3", "72.2", "70.3", "75.0", "70.7"]


def test_every_row_of_the_report_is_there_even_where_we_have_nothing(grid):
    rows = {row[0]: row for row in grid.rows}
    assert len([row for row in grid.rows if len(row) > 1]) == 17  # 16 of Table 1, and one beyond it
    assert rows["MathVerse (vision only)"][-2:] == ["49.9*", "49.9"]
    assert rows["MathVerse (vision only)"][1:4] == ["-", "-", "-"]
    assert [row[0] for row in grid.rows if len(row) == 1] == [
        "General",
        "Mathematics",
        "Logic",
        "Physics",
        "Beyond Table 1",
    ]


def test_a_miniature_is_said_to_be_another_scale(grid, table):
    assert "another scale" in grid.caption
    assert "another scale" not in table_1(table, {}, miniature=False).caption


def test_mmmu_pro_is_also_the_mean_of_its_two_settings_with_the_interval_of_two_errors(table):
    # Errors of 0.012 and 0.016 are one of 0.020 of the sum, and of 0.010 of the mean: 1.96 of it are 0.0196.
    errors = {"mmmu_pro_standard": 0.012, "mmmu_pro_vision": 0.016}
    shows = {
        name: detectable_difference(error, correlation=0.0, confidence=0.95)
        for name, error in errors.items()
    }
    scores = {
        name: score(mean) | {"standard_error": errors[name], "detectable_difference": shows[name]}
        for name, mean in zip(errors, (0.5, 0.4))
    }
    rows = table_1(table, {"final": scores}, miniature=False).rows
    [row] = [r for r in rows if "mean of" in r[0]]
    assert row[1:4] == ["-", "4.0", "45.0 [43.0, 47.0]"]  # shows: (1.96 + 0.84) * 0.01 * root of 2
    assert row[4:] == ["-"] * 6
    assert not [r for r in table_1(table, {"final": {}}, miniature=False).rows if "mean of" in r[0]]


def test_two_scores_without_error_have_a_mean_without(table):
    sure = {"standard_error": 0.0, "detectable_difference": 0.0}
    scores = {"mmmu_pro_standard": score(1.0) | sure, "mmmu_pro_vision": score(0.0) | sure}
    rows = table_1(table, {"final": scores, "other": {}}, miniature=False).rows
    [row] = [r for r in rows if "mean of" in r[0]]
    assert row[2:5] == ["0.0", "50.0 [50.0, 50.0]", "-"]


def test_composites_are_counted_beside_their_items(table):
    ours = {"final": {"wemath": score(0.5) | {"n": 1740, "clusters": 525}}}
    [row] = [r for r in table_1(table, ours, miniature=False).rows if r[0] == "WeMath (strict)"]
    assert row[1] == "1740 (525)"
