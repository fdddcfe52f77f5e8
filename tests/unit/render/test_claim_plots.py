"""Claims are drawn as intervals, with one plot for each unit."""

from r1v3.render.claim_plots import claim_plots

CLAIM = {"claim": "a_claim", "unit": "points", "verdict": "reproduced"}


def test_each_unit_has_a_plot_in_which_every_estimate_shows_its_values():
    claims = [
        CLAIM | {"estimate": 0.125, "low": 0.05, "high": 0.2},
        CLAIM | {"claim": "not_run", "estimate": None, "low": None, "high": None},
        CLAIM | {"claim": "other", "unit": "tokens", "estimate": -3.0, "low": -5.0, "high": -1.0},
    ]
    points, tokens = claim_plots(claims)
    assert (points["unit"], tokens["unit"]) == ("points", "tokens")
    assert "<title>a claim: 12.5 (5 to 20)</title>" in points["svg"]
    assert "not run" not in points["svg"]
    assert "<title>other: -3 (-5 to -1)</title>" in tokens["svg"]


def test_without_an_estimate_there_is_no_plot():
    assert claim_plots([CLAIM | {"estimate": None, "low": None, "high": None}]) == []
