"""A study's page from stored results: figures with their data, table, verdicts; and the ledger."""

import html
import json
import re

import pandas as pd
import pytest
from made_up_results import ROOT, build_tree
from made_up_studies import write_study_results
from page_reader import Page, without_tags

from r1v3.analyze.studies.figures import draw_arms
from r1v3.analyze.studies.ledger import write_ledger
from r1v3.analyze.studies.page import write_study
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

pytestmark = pytest.mark.slow

ACCURACY = {"rl": 0.7, "rl_frozen_connector": 0.4, "rl_frozen_vision_tower": 0.69}


@pytest.fixture(scope="module")
def freeze(tmp_path_factory, graph):
    """Make the study `freeze` with one seed, and return the folder of studies."""
    tree = build_tree(tmp_path_factory.mktemp("study"), graph)
    write_study_results(tree, "freeze", ACCURACY)
    output = tree.root / "results" / "studies" / "freeze.html"
    write_study("freeze", graph, root=tree.root, seeds=1, output=output)
    return output.parent


def test_every_figure_is_there_as_svg_png_and_csv_and_the_page_links_to_them(freeze):
    content = json.loads((freeze / "freeze.json").read_text())
    names = [figure["name"] for figure in content["figures"]]
    # Eight curves, two measures by step, three of the table.
    assert len(names) == 8 + 2 + 3
    page = Page((freeze / "freeze.html").read_text())
    for name in names:
        for kind in ("svg", "png", "csv"):
            path = freeze / "freeze" / f"{name}.{kind}"
            assert path.stat().st_size > 50
            assert f"freeze/{name}.{kind}" in page.links
    assert len(page.ids) == len(set(page.ids))
    assert page.scripts == 0


def test_the_page_says_by_which_filter_mlflow_finds_its_runs(freeze, graph):
    text = without_tags((freeze / "freeze.html").read_text())
    assert "tags.`study.freeze` = 'yes'" in text
    assert f"tags.run_id = '{graph.run('rl').id}'" in text
    for name in ("rl_frozen_connector", "rl_removed_connector", "rl_frozen_vision_tower"):
        assert graph.run(name).id in text


def test_the_csv_holds_what_is_drawn(freeze):
    table = pd.read_csv(freeze / "freeze" / "freeze-study-normal.csv").set_index("arm")
    assert table.loc["connector frozen", "value"] == pytest.approx(40)
    assert table.loc["all trained", "items"] == 200
    curve = pd.read_csv(freeze / "freeze" / "freeze-reward.csv")
    assert set(curve["arm"]) == set(table.index)
    assert curve[curve["step"] == 10]["value"].tolist() == [0.52] * 4


def test_claims_about_training_stay_inconclusive_with_one_seed_and_say_where_they_lean(freeze):
    claims = {c["claim"]: c for c in json.loads((freeze / "freeze.json").read_text())["claims"]}
    worse = claims["frozen_connector_is_worse"]
    assert (worse["verdict"], worse["leans"]) == ("inconclusive", "for")
    assert worse["estimate"] == pytest.approx(-0.3)
    # The made-up reward rises in every run, so that it does not drop.
    assert claims["frozen_connector_loses_reward"]["leans"] == "against"


def test_with_three_seeds_the_same_claims_are_settled(tmp_path):
    graph = ResultGraph(load_project(ROOT, "tiny", seeds=3))
    tree = build_tree(tmp_path, graph)
    accuracy = ACCURACY | {"rl__seed2": 0.72, "rl__seed3": 0.69}
    accuracy |= {"rl_frozen_connector__seed2": 0.41, "rl_frozen_connector__seed3": 0.38}
    write_study_results(tree, "freeze", accuracy, seeds=3)
    output = tree.root / "results" / "studies" / "freeze.html"
    write_study("freeze", graph, root=tree.root, seeds=3, output=output)
    claims = {c["claim"]: c for c in json.loads(output.with_suffix(".json").read_text())["claims"]}
    assert claims["frozen_connector_is_worse"]["verdict"] == "reproduced"
    assert claims["frozen_connector_is_worse"]["seeds"] == 3
    assert claims["frozen_connector_loses_reward"]["verdict"] == "contradicted"
    ledger = tree.root / "results" / "claims.html"
    write_ledger(graph, [output.with_suffix(".json")], seeds=3, output=ledger)
    text = ledger.read_text()
    assert 'class="verdict contradicted"' in text
    assert "3 seeds" in without_tags(text)


def test_the_ledger_holds_the_studies_claims_and_those_that_need_none(freeze, graph, tmp_path):
    output = tmp_path / "claims.html"
    write_ledger(graph, [freeze / "freeze.json"], seeds=1, output=output)
    content = json.loads(output.with_suffix(".json").read_text())
    names = [claim["claim"] for claim in content["claims"]]
    studied = {n for n, c in graph.project.claims.items() if c.study == "freeze"}
    free = {n for n, c in graph.project.claims.items() if c.study is None}
    assert set(names) == studied | free
    assert sum(row["all"] for row in content["counts"]) == len(names)
    mathvista = next(c for c in content["claims"] if c["claim"] == "mathvista_beats_all_open")
    assert mathvista["verdict"] == "contradicted"
    text = without_tags(output.read_text())
    assert "On MathVista it outperforms all larger open models" in text
    Page(output.read_text())
    carrying = sum(claim["carries"] for claim in content["claims"])
    assert f"◆ marks the {carrying} claims that carry the report" in " ".join(text.split())


def test_a_claim_worded_after_a_run_says_so(others, graph, tmp_path):
    path = tmp_path / "incentive.json"
    path.write_text(json.dumps(others["incentive"]))
    (claim,) = [claim for claim in others["incentive"]["claims"] if claim["post_hoc"]]
    assert claim["claim"] == "instructed_does_not_grow"
    write_ledger(graph, [path], seeds=1, output=tmp_path / "claims.html")
    text = " ".join(without_tags((tmp_path / "claims.html").read_text()).split())
    assert "before the runs, except 1 marked post hoc" in text
    assert "post hoc: worded after a first run" in text


@pytest.fixture(scope="module")
def others(tmp_path_factory, graph):
    """Make the studies with further analyses from made-up results."""
    tree = build_tree(tmp_path_factory.mktemp("others"), graph)
    made = {}
    for name in ("entropy", "uncertainty", "hallucination", "incentive"):
        write_study_results(tree, name, {"rl": 0.7, "rl_hard": 0.3})
        output = tree.root / "results" / "studies" / f"{name}.html"
        write_study(name, graph, root=tree.root, seeds=1, output=output)
        made[name] = json.loads(output.with_suffix(".json").read_text())
    return made


def test_figure_5_has_every_checkpoint_the_correlations_and_the_regret(others):
    study = others["entropy"]
    names = [figure["name"] for figure in study["figures"]]
    assert {"entropy-study-mmmu-val", "entropy-study-normal"} <= set(names)
    # `rl` keeps four checkpoints, each of the other ten runs two.
    table = next(t for t in study["tables"] if t["caption"].startswith("Entropy against accuracy"))
    assert {row[-2:] == ["24", "11"] for row in table["rows"]} == {True}
    regret = [t for t in study["tables"] if t["caption"].startswith("Regret")]
    assert [[row[0] for row in t["rows"]] for t in regret] == [
        ["critical entropy", "reward", "last"]
    ] * 2


def test_figure_10_has_the_distribution_in_fifths_of_each_run(others):
    (table,) = others["uncertainty"]["tables"]
    assert [row[:3] for row in table["rows"][:2]] == [
        ["rl", "1 to 30", f"{sum(1011 - s for s in range(1, 31)):,}"],
        ["rl", "31 to 60", f"{sum(1011 - s for s in range(31, 61)):,}"],
    ]


def test_table_5_is_not_testable_where_nobody_says_it(others):
    claim, summary = others["hallucination"]["claims"]
    assert (summary["claim"], summary["verdict"]) == ("not_in_the_summary", "not testable here")
    assert claim["verdict"] == "not testable here"
    assert claim["why"].startswith("0 of 400 answers say it")
    assert others["hallucination"]["tables"][0]["rows"][0][:2] == ["all", "400"]


def test_figure_11_counts_critical_tokens(others):
    (table,) = others["incentive"]["tables"]
    assert {row[2] for row in table["rows"]} == {"first tenth", "last tenth"}


def test_a_result_that_is_missing_is_named(graph, tmp_path):
    tree = build_tree(tmp_path, graph)
    with pytest.raises(FileNotFoundError, match="rl_frozen_connector"):
        write_study(
            "freeze",
            graph,
            root=tree.root,
            seeds=1,
            output=tree.root / "results/studies/freeze.html",
        )


def test_the_same_results_give_the_same_page(freeze, graph):
    before = (
        (freeze / "freeze.html").read_bytes(),
        (freeze / "freeze/freeze-reward.png").read_bytes(),
    )
    write_study("freeze", graph, root=freeze.parents[1], seeds=1, output=freeze / "freeze.html")
    after = (
        (freeze / "freeze.html").read_bytes(),
        (freeze / "freeze/freeze-reward.png").read_bytes(),
    )
    assert before == after


def place_of(drawn, label):
    """Return the horizontal position of the mark with the tooltip `label`, as a share of the width."""
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', drawn.svg)[1])
    found = re.search(rf'<title>{label}[^<]*</title>.*?<use [^>]*?x="([\d.]+)"', drawn.svg, re.S)
    return float(found[1]) / width


@pytest.mark.parametrize("one_scale", [False, True])
def test_the_reports_numbers_share_an_axis_with_ours_only_on_the_same_items(one_scale):
    rows = [("cold start", 30.0), ("rl", 50.0)]
    table = pd.DataFrame([{"arm": a, "value": v, "low": v - 2, "high": v + 2} for a, v in rows])
    drawn = draw_arms("x", table, "score", {"rl": 900.0}, one_scale=one_scale)
    spread = place_of(drawn, "rl: 50.0") - place_of(drawn, "cold start: 30.0")
    assert (spread < 0.05) if one_scale else (spread > 0.2)
    assert place_of(drawn, "rl, the report: 900.0") > place_of(drawn, "rl: 50.0")
    assert drawn.alt.endswith("the report: rl 900.0")


@pytest.mark.parametrize("name", load_project(ROOT, "tiny").studies)
def test_every_study_of_the_table_has_a_page(name, tmp_path_factory, graph):
    tree = build_tree(tmp_path_factory.mktemp(name), graph)
    write_study_results(tree, name, ACCURACY)
    output = tree.root / "results" / "studies" / f"{name}.html"
    write_study(name, graph, root=tree.root, seeds=1, output=output)
    arms = json.loads(output.with_suffix(".json").read_text())["arms"]
    assert len(arms) == len(graph.project.studies[name].arms)
    assert f"<h1>{graph.project.studies[name].title}</h1>" in html.unescape(output.read_text())
