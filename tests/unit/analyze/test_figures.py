"""Figures are machine-readable, equal for equal results, and in Okabe and Ito's colours."""

import dataclasses
import xml.etree.ElementTree as ElementTree

import pytest

from r1v3.analyze.report.panels import ends
from r1v3.analyze.report.tables import chain_rows
from r1v3.render.figures import PALETTE, bars, curves, running_mean, scatter


def draw() -> str:
    return curves("reward", "reward & more", {"a": ([1, 2, 3], [0.1, 0.2, 0.4])}, y="reward")


def test_a_figure_is_well_formed_and_says_in_words_what_it_shows():
    figure = ElementTree.fromstring(draw())
    assert figure.get("role") == "img"
    assert figure.get("aria-label") == "reward & more"


def test_equal_values_give_equal_bytes():
    assert draw() == draw()


def test_ids_of_two_figures_never_meet():
    def ids(text):
        return {e.get("id") for e in ElementTree.fromstring(text).iter() if e.get("id")}

    other = bars("data", "counts", {"physics": 3, "law": 1}, x="records")
    assert ids(draw())
    assert not ids(draw()) & ids(other)


def test_every_colour_can_be_replaced_by_the_page():
    point = {"x": 1, "x_low": 0, "x_high": 2, "y": 1, "y_low": 0, "y_high": 2, "label": "30"}
    text = scatter("s", "points", [{**point, "chosen": True}], x="x", y="y")
    assert f"var(--vermilion, {PALETTE['vermilion']})" in text
    for hexadecimal in PALETTE.values():
        assert text.count(hexadecimal) == text.count(f", {hexadecimal})")


def test_a_running_mean_is_cut_off_at_both_ends():
    assert running_mean([1, 2, 6, 3], window=3) == [1.5, 3.0, pytest.approx(11 / 3), 4.5]


def test_where_a_curve_goes_is_said_from_its_first_and_last_tenth():
    assert ends([0.0] * 10 + [1.0] * 10) == "from 0 at first to 1 at the end"


def test_the_funnel_adds_up(tree):
    from r1v3.analyze.results import read_result

    rows = chain_rows(read_result(tree.data[0]))
    assert [(row["what"], row["count"]) for row in rows] == [
        ("chains sampled", 300),
        ("final answer right", 180),
        ("removed as rambling", -30),
        ("passed the filters", 150),
        ("kept", 60),
    ]
    assert [row["share"] for row in rows] == ["100.0", "60.0", "10.0", "50.0", "20.0"]


def test_the_funnel_says_what_nobody_judged(tree):
    from r1v3.analyze.results import read_result

    result = read_result(tree.data[0])
    facts = result.facts | {"funnel": result.facts["funnel"] | {"unjudged": 3}}
    rows = chain_rows(dataclasses.replace(result, facts=facts))
    assert (rows[1]["what"], rows[1]["count"], rows[1]["share"]) == ("without a verdict", -3, "1.0")
