"""The report: every section, nothing from outside, the same page from the same results."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from r1v3.analyze.report import write_report
from r1v3.analyze.summary import summarise

SECTIONS = (
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
TABLE = Path(__file__).parents[3] / "config" / "benchmarks.yaml"
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Ids, links and the balance of tags."""

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.links, self.sources, self.open, self.scripts = [], [], [], [], 0
        self.feed(text)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []
        self.sources += [found[key] for key in ("src", "srcset", "data") if key in found]
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(shared_tree) -> str:
    return write(shared_tree)


def write(tree) -> str:
    results = tree.root / "results"
    held_out, summary = tree.held_out, results / "summary.json"
    summarise(held_out=held_out, benchmarks=tree.benchmarks, output=summary)
    write_report(
        recipe="tiny",
        summary=summary,
        runs=tree.runs,
        selection=tree.selection,
        checkpoints=tree.checkpoints,
        data=tree.data,
        benchmarks=tree.benchmarks,
        asked=tree.asked,
        table=TABLE,
        output=results / "report.html",
    )
    return (results / "report.html").read_text()


def without_tags(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_the_page_has_every_section_and_well_formed_unique_ids(page):
    ids = Page(page).ids
    assert set(SECTIONS) <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_page_opens_offline_and_links_only_to_papers_and_its_own_files(page, shared_tree):
    found = Page(page)
    assert found.sources == []
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
        write_report(
            recipe="tiny",
            summary=write_summary(tree),
            runs=tree.runs,
            selection=tree.selection,
            checkpoints=tree.checkpoints[1:],
            data=tree.data,
            benchmarks=tree.benchmarks,
            asked=tree.asked,
            table=TABLE,
            output=tree.root / "results" / "report.html",
        )


def write_summary(tree):
    path = tree.root / "results" / "summary.json"
    summarise(held_out=tree.held_out, benchmarks=tree.benchmarks, output=path)
    return path
