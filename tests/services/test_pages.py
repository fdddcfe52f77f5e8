"""The report, claims, a study and a branch in a headless browser, as wide as a desktop and as a phone: no
error, nothing cut off, every picture drawn, every link valid, and no serious fault by axe-core.

`R1V3_PAGES` names a results folder whose pages are all opened instead, with those of benchmarks and cards.
`npm ci --prefix tests/services/axe` installs axe-core; without it, its test is skipped.
"""

import os
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
from browser import CHROMIUM, Browser
from made_up_results import ROOT, build_tree
from made_up_studies import write_needs, write_study_results

from r1v3.analyze.report.page import write_report
from r1v3.analyze.report.parts import changed_numbers
from r1v3.analyze.studies.branch import write_branch
from r1v3.analyze.studies.ledger import write_ledger
from r1v3.analyze.studies.page import write_study
from r1v3.analyze.summary import write_summary
from r1v3.recipe.graph.branches import branch_needs
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
# What reaches beyond the right edge, and does not scroll in a box of its own.
CUT = """[...document.querySelectorAll('body *:not(svg *)')].filter((e) => {
  if (e.getBoundingClientRect().right <= document.documentElement.clientWidth + 1) return false;
  for (let p = e; p && p !== document.body; p = p.parentElement)
    if (p !== e && getComputedStyle(p).overflowX !== 'visible') return false;
  return true;
}).slice(0, 3).map((e) => `${e.tagName} ${e.textContent.trim().slice(0, 40)}`)"""
AXE = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1400, 400)
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LINKS = "[...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))"


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Make a results folder with its pages."""
    if given := os.environ.get("R1V3_PAGES"):
        return Path(given)
    graph = ResultGraph(load_project(ROOT, "tiny"))
    tree = build_tree(tmp_path_factory.mktemp("pages"), graph)
    found = tree.root / "results"
    write_study_results(tree, "freeze", {"rl": 0.7})
    write_study("freeze", graph, root=tree.root, seeds=1, output=found / "studies/freeze.html")
    write_ledger(graph, [found / "studies/freeze.json"], seeds=1, output=found / "claims.html")
    branch, beside = "rl_tenth_rate", build_tree(tmp_path_factory.mktemp("branch"), graph)
    write_needs(beside, branch_needs(graph, branch), {"rl": 0.7, branch: 0.4})
    write_branch(branch, graph, root=beside.root, output=found / f"branches/{branch}.html")
    write_summary(held_out=tree.held_out, benchmarks=tree.benchmarks, output=found / "summary.json")
    (found / "pages").mkdir()
    (found / "pages" / "index.html").write_text(
        '<!doctype html><html lang="en"><title>a</title><main><h1>a</h1></main></html>'
    )
    files = replace(
        tree.report_files,
        studies=[found / "studies/freeze.json"],
        claims=found / "claims.json",
        changed=changed_numbers(ROOT, "tiny"),
    )
    write_report(files, found / "report.html")
    copytree(beside.root / "results/runs", found / "runs", dirs_exist_ok=True)  # the branch's links
    return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


def show(browser: Browser, path: Path, width: int) -> None:
    """Open a page again, in a window of this width in pixels."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    browser.open("about:blank")
    browser.errors.clear()
    browser.open(path.resolve().as_uri())
    browser.wait("document.readyState === 'complete' && !!document.querySelector('h1')")


def pages(results: Path) -> list[Path]:
    """Return every page of a results folder that a person opens; reports of runs have their own test."""
    folders = ("", "pages", "pages/errors", "cards", "studies", "branches")
    found = [path for folder in folders for path in sorted((results / folder).glob("*.html"))]
    assert found
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_opens_offline_and_whole_and_is_accessible(results, browser, width):
    for path in pages(results):
        show(browser, path, width)
        assert browser.errors == [], path
        assert browser.foreign == [], path
        assert browser.evaluate(PICTURES) == 0, path
        assert browser.evaluate(FLAT) == 0, path
        assert browser.evaluate(WIDE) <= 0, path  # wide tables scroll in themselves, not the page
        assert browser.evaluate(CUT) == [], path
        if width == WIDTHS[0]:
            assert browser.evaluate(AUDIT) == [], path


def test_every_link_of_a_page_leads_somewhere(results, browser):
    for path in pages(results):
        show(browser, path, WIDTHS[0])
        for link in browser.evaluate(LINKS):
            if link.startswith("#"):
                assert browser.evaluate(f"!!document.getElementById({link[1:]!r})"), (path, link)
            elif not link.startswith(("http", "cards/")):  # a rule of its own makes the cards
                assert (path.parent / link).exists(), (path, link)


@pytest.mark.skipif(not AXE.exists(), reason="`npm ci --prefix tests/services/axe` brings axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(results, browser, scheme):
    scheme_of = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("Emulation.setEmulatedMedia", features=scheme_of)
    for path in pages(results):
        show(browser, path, WIDTHS[0])
        browser.evaluate(AXE.read_text())
        browser.evaluate(
            "window.found = null; axe.run({exclude: [['svg > *']]}).then((f) => { window.found = f; }); 0"
        )
        browser.wait("!!window.found")
        faults = browser.evaluate("""window.found.violations
            .filter((f) => ['serious', 'critical'].includes(f.impact))
            .map((f) => `${f.id}: ${f.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')}`)""")
        assert faults == [], path


def test_the_first_picture_stands_on_the_first_screen(results, browser):
    show(browser, results / "report.html", WIDTHS[0])
    top = "document.querySelector('.pipeline').getBoundingClientRect().top"
    assert browser.evaluate(top) < 900


def test_the_report_prints(results, browser):
    show(browser, results / "report.html", WIDTHS[0])
    printed = browser.call("Page.printToPDF", printBackground=True)["data"]
    assert len(printed) > 50_000
