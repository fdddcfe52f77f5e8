"""The report, the ledger and a study in a headless browser: no error, every picture drawn, every link good.

`R1V3_PAGES` names a results folder whose pages to open instead of made-up ones.
"""

import os
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from made_up_results import ROOT, build_tree
from made_up_studies import write_study_results

from r1v3.analyze.report.page import write_report
from r1v3.analyze.report.parts import recipe_sections
from r1v3.analyze.studies.ledger import write_ledger
from r1v3.analyze.studies.page import write_study
from r1v3.analyze.summary import write_summary
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="`apt-get install chromium` brings the browser"),
]

# What an accessibility checker asks of a page such as these.
AUDIT = """(() => {
  const found = [];
  const all = (query) => [...document.querySelectorAll(query)];
  const named = (e) => e.textContent.trim() || e.getAttribute('aria-label') || e.querySelector('img[alt]');
  if (!document.documentElement.lang) found.push('no language');
  if (!document.title) found.push('no title');
  if (all('h1').length !== 1) found.push(`${all('h1').length} h1`);
  if (all('main').length !== 1) found.push('no main');
  let level = 0;
  for (const h of all('h1,h2,h3,h4,h5,h6')) {
    const now = Number(h.tagName[1]);
    if (now > level + 1) found.push(`heading jumps to ${h.tagName}: ${h.textContent}`);
    level = now;
  }
  for (const e of all('img')) if (!e.alt) found.push('img without alt');
  for (const e of all('svg')) if (!e.getAttribute('aria-label')) found.push('svg unnamed');
  for (const e of all('a')) if (!named(e)) found.push(`link unnamed: ${e.href}`);
  for (const e of all('[tabindex]')) if (!e.getAttribute('aria-label')) found.push('region unnamed');
  for (const e of all('table')) if (!e.querySelector('th[scope]')) found.push('table without headed cells');
  const ids = all('[id]').map((e) => e.id);
  if (new Set(ids).size !== ids.length) found.push('an id stands twice');
  const luminance = (c) => {
    const [r, g, b] = c.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (c !== 'rgba(0, 0, 0, 0)' && c !== 'transparent') return c;
    }
    return 'rgb(255, 255, 255)';
  };
  for (const e of all('p, td, th, a, li, code, .verdict, small, figcaption, caption, dt, dd')) {
    if (!e.textContent.trim()) continue;
    const [a, b] = [luminance(getComputedStyle(e).color), luminance(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) {
      found.push(`contrast ${ratio.toFixed(1)}: ${e.textContent.trim().slice(0, 40)}`);
      break;
    }
  }
  return found;
})()"""
PICTURES = "[...document.images].filter((i) => !i.complete || i.naturalWidth === 0).length"
FLAT = "[...document.querySelectorAll('svg')].filter((s) => s.getBoundingClientRect().height < 20).length"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LINKS = "[...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))"


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A results folder with its pages."""
    if given := os.environ.get("R1V3_PAGES"):
        return Path(given)
    documents = ResultGraph(load_project(ROOT, "tiny"))
    tree = build_tree(tmp_path_factory.mktemp("pages"), documents)
    found = tree.root / "results"
    write_study_results(tree, "freeze", {"rl": 0.7})
    write_study("freeze", documents, root=tree.root, seeds=1, output=found / "studies/freeze.html")
    write_ledger(documents, [found / "studies/freeze.json"], seeds=1, output=found / "claims.html")
    write_summary(held_out=tree.held_out, benchmarks=tree.benchmarks, output=found / "summary.json")
    (found / "pages").mkdir()
    (found / "pages" / "index.html").write_text("<!doctype html><title>a</title>")
    write_report(
        **tree.report_inputs,
        studies=[found / "studies/freeze.json"],
        claims=found / "claims.json",
        **recipe_sections(ROOT, "tiny", None),
    )
    return found


@pytest.fixture
def browser(tmp_path):
    found = Browser(tmp_path / "profile")
    yield found
    found.close()


@pytest.mark.parametrize("name", ["report.html", "claims.html", "studies/freeze.html"])
def test_a_page_opens_offline_without_an_error_and_is_accessible(results, browser, name):
    path = results / name
    browser.open(path.resolve().as_uri())
    browser.wait("document.readyState === 'complete' && !!document.querySelector('h1')")
    assert browser.errors == []
    assert browser.foreign == []
    assert browser.evaluate(PICTURES) == 0
    assert browser.evaluate(FLAT) == 0
    assert browser.evaluate(AUDIT) == []
    assert browser.evaluate(WIDE) <= 0  # wide tables scroll in themselves, not the page
    for link in browser.evaluate(LINKS):
        if link.startswith("#"):
            assert browser.evaluate(f"!!document.getElementById({link[1:]!r})"), link
        elif not link.startswith(("http", "cards/")):  # a rule of its own makes the cards
            assert (path.parent / link).exists(), link


def test_the_report_prints(results, browser, tmp_path):
    browser.open((results / "report.html").resolve().as_uri())
    browser.wait("document.readyState === 'complete'")
    printed = browser.call("Page.printToPDF", printBackground=True)["data"]
    assert len(printed) > 50_000
