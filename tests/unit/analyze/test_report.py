"""The report has every section, loads nothing from outside, and is equal for equal results."""

import json
import re
from dataclasses import replace

import pytest
from made_up_results import ROOT
from made_up_studies import ITEMS, write_study_results, write_verdicts
from page_reader import Page, without_tags
from PIL import Image

from r1v3.analyze.report.overview import entropy_answer
from r1v3.analyze.report.page import write_report
from r1v3.analyze.report.parts import changed_numbers
from r1v3.analyze.studies.ledger import write_ledger
from r1v3.analyze.studies.page import write_study
from r1v3.analyze.summary import write_summary
from r1v3.data.records import Record, store_image, write_records

SECTIONS = (
    "index",
    "departures",
    "figures",
    "gallery",
    "cost",
    "scores",
    "recipe",
    "data",
    "rejection",
    "supervised",
    "grpo",
    "selection",
    "benchmarks",
    "runs",
    "provenance",
)


@pytest.fixture(scope="module")
def page(shared_tree) -> str:
    return write(shared_tree)


def write(tree, **more) -> str:
    files, output = replace(tree.report_files, **more), tree.root / "results" / "report.html"
    write_summary(held_out=tree.held_out, benchmarks=tree.benchmarks, output=files.summary)
    write_report(files, output)
    return output.read_text()


def test_the_page_has_every_section_and_well_formed_unique_ids(page):
    ids = Page(page).ids
    assert set(SECTIONS) <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_page_opens_offline_and_links_only_to_papers_and_its_own_files(page, shared_tree):
    found = Page(page)
    assert all(source.startswith("data:") for source in found.sources)
    assert found.scripts == 0
    assert not re.search(r"url\((?!#)|@import|<link", page)
    outside = [link for link in found.links if ":" in link]
    assert outside == ["https://arxiv.org/abs/2507.06167"]
    beside = ("pages/", "cards/")  # rules of their own make them
    for link in set(found.links) - {*outside}:
        if link.startswith(beside):
            continue
        if link.startswith("#"):
            assert link[1:] in found.ids
        else:
            assert (shared_tree.root / "results" / link).exists(), link


def test_the_page_shows_scores_gains_and_intervals(page):
    text = without_tags(page)
    # 750 of 1,000 right: Wilson's 95 % interval is 72.2 to 77.6; cold start had 500, so +25.0.
    assert "75.0 72.2 to 77.6 +25.0 100.0 1,000" in text
    assert "74.0 71.2 to 76.6 -1.0" in text


def test_table_1_stands_beside_the_published_scores_and_says_that_they_do_not_compare(page):
    text = without_tags(page)
    assert "Two scales, not to be compared." in text
    assert "76.0 70.3 72.2 70.3 75.0 70.7" in text
    assert "55.3*" in text
    assert text.count("40 5 ") >= 20


def test_the_page_says_that_the_help_of_the_connector_is_by_construction(page):
    assert "The gain of connector-only tuning on that set is by construction" in without_tags(page)


def test_the_chosen_checkpoint_is_marked_in_plot_and_table(page):
    assert "step 120 (chosen) 0.530 nats, 56.0 %" in page
    assert re.findall(r'class="chosen"><th scope="row">(\d+)<', page) == ["120"]


@pytest.mark.slow
def test_without_critical_tokens_the_page_says_so_and_draws_no_plot(tree):
    manifest = json.loads(tree.selection.read_text())
    for probe in manifest["facts"]["checkpoints"]:
        probe["critical_token_entropy"] = None
    tree.selection.write_text(json.dumps(manifest))
    text = write(tree)
    assert "No checkpoint emitted the 20 critical tokens (Wait, Alternatively)" in without_tags(
        text
    )
    assert "selection-figure_1" not in text
    assert "too few" in text


@pytest.mark.slow
def test_the_same_results_give_the_same_page(page, shared_tree):
    assert write(shared_tree) == page


def test_a_probed_checkpoint_without_a_benchmark_score_is_an_error(tree):
    with pytest.raises(ValueError, match="step 30 has no benchmark score"):
        write(tree, checkpoints=tree.checkpoints[1:])


def test_without_studies_the_page_says_how_to_make_them(page):
    text = without_tags(page)
    assert "The ledger of claims: make studies" in text
    assert "which modules are trained: snakemake results/studies/freeze.html" in text
    folded = page.index('<details class="missing">')
    assert "not run yet" not in page[:folded]
    assert "<h2" not in page[folded : page.index("</details>", folded)]
    assert page.index('id="cost"') < folded


def test_the_first_screen_answers_what_people_ask_first(page):
    for picture in ('class="pipeline"', 'id="stages-', 'id="reward-', 'id="selection-'):
        assert picture in page[: page.index('id="scores"')], picture
    first = without_tags(page[: page.index('id="scores"')])
    assert "checkpoints of one run" in first
    assert "Both drift with the step, and this is one run, so it shows no cause." in first


def test_figures_show_their_values_where_the_mouse_rests(page):
    assert re.search(
        r"<title>Mathematics, Cold-start SFT: [\d.]+ % \([\d.]+ to [\d.]+\)</title>", page
    )
    assert re.search(r"<title>reward, step \d+: [\d.]+</title>", page)


@pytest.mark.parametrize(
    ("entropies", "scores", "rho", "said"),
    [
        (
            [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            [0.3, 0.31, 0.4, 0.45, 0.5, 0.6],
            1.0,
            "score higher on MMMU",
        ),
        (
            [0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
            [0.3, 0.31, 0.4, 0.45, 0.5, 0.6],
            -1.0,
            "score lower on MMMU",
        ),
        ([0.1, 0.2, 0.3, 0.4], [0.3, 0.5, 0.2, 0.6], 0.4, "the interval holds zero"),
        ([0.1, 0.2, 0.3], [0.3, 0.5, 0.2], None, "a correlation needs 4"),
        ([0.1, 0.1, 0.1, 0.1], [0.3, 0.5, 0.2, 0.4], None, "that differ"),
        ([None, 0.1], [0.3, 0.5], None, "1 checkpoint had"),
    ],
)
def test_what_may_be_concluded_depends_on_points_and_interval(entropies, scores, rho, said):
    rows = [{"entropy": e, "score": {"mean": s}} for e, s in zip(entropies, scores, strict=True)]
    answer = entropy_answer(rows, "MMMU")
    assert answer.rho == (None if rho is None else pytest.approx(rho))
    assert said in answer.conclusion
    if rho is not None:
        assert answer.low < rho < answer.high or abs(rho) == 1.0
        assert answer.points == len(rows)


@pytest.mark.slow
def test_with_studies_claims_and_answers_the_page_holds_them_all(tree, graph):
    results = tree.root / "results"
    write_study_results(tree, "freeze", {"rl": 0.7})
    study = results / "studies" / "freeze.html"
    write_study("freeze", graph, root=tree.root, seeds=1, output=study)
    write_ledger(graph, [study.with_suffix(".json")], seeds=1, output=results / "claims.html")
    held_out = graph.evaluation("final", "last", "held_out")
    write_verdicts(tree, held_out, 0.5)
    write_questions(tree, held_out)
    (results / "pages").mkdir()
    (results / "pages" / "figure_1.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    text = write(
        tree,
        studies=[study.with_suffix(".json")],
        claims=results / "claims.json",
        held_out=tree.folder(held_out) / "scores.json",
        changed=changed_numbers(ROOT, "tiny"),
    )
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert not link.startswith("#") or link[1:] in page.ids, link
    assert {"study-freeze", "claim-frozen_connector_is_worse", "chance"} <= set(page.ids)
    assert all(source.startswith("data:image/") for source in page.sources)
    assert len(page.sources) == 2 * 4  # two right and two wrong answers a set
    said = without_tags(text)
    # The recipe's number beside the report's.
    assert "optimizer.learning_rate 0.00025 1e-05" in said
    assert said.count("What is the sum of item-0") == 2 * 4
    assert "&lt;think&gt;7,2.&lt;/think&gt;" in text


def write_questions(tree, node):
    """Write the questions on which `write_verdicts` has verdicts."""
    common = {"options": None, "answer": "2", "answer_type": "fill", "domain": "mathematics"}
    common |= {"difficulty": "normal", "language": "en", "source": "world", "licence": "CC0-1.0"}
    for id in node.resolved["held_out"].values():
        folder = tree.root / "results" / "data" / id
        folder.mkdir(parents=True, exist_ok=True)
        picture = store_image(folder, Image.new("RGB", (8, 8)))
        write_records(
            folder,
            [
                Record(
                    f"item-{n:04d}",
                    f"What is the sum of item-{n:04d}?",
                    images=(picture,),
                    split="test",
                    **common,
                )
                for n in range(ITEMS)
            ],
        )
