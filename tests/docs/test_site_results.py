"""The docs site publishes existing results: static, small, and with their origin."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))

from site_results import keep, published, shrink, site_files, too_large  # noqa: E402

PAGE = """<html><head><title>A page</title></head><body id="top">
<a href="claims.html#claim-x">kept</a> <a class="c" href="runs/rl-1/log.txt">a log</a>
<a href="https://arxiv.org/abs/1">a paper</a><script>alert(1)</script>
<section aria-labelledby="studies"><h3>one</h3><figure><svg/></figure></section>
<svg><path d="M 1.23456 -2.98765
L 3 4.5"/></svg></body></html>"""


@pytest.fixture
def results(tmp_path) -> Path:
    (tmp_path / "studies").mkdir()
    run = tmp_path / "runs" / "rl-1"
    run.mkdir(parents=True)
    (tmp_path / "report.html").write_text(PAGE)
    (tmp_path / "claims.html").write_text("<html><title>Claims</title><body></body></html>")
    (tmp_path / "claims.json").write_text(json.dumps({"recipe": "tiny", "seeds": 5}))
    study = '<html><title>Study</title><body><a href="../claims.html">c</a></body></html>'
    (tmp_path / "studies" / "freeze.html").write_text(study)
    (tmp_path / "studies" / "freeze.png").write_bytes(b"no")
    machine = {"host": "secret", "cpu": "Some CPU", "cores": 2, "memory_gib": 16, "gpus": []}
    manifest = {
        "created": "2026-11-29T12:00:00+00:00",
        "environment": {"machine": machine, "commit": "abc"},
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_pages_and_small_data_are_published_and_nothing_else(results):
    assert set(published(results)) == {
        "report.html",
        "claims.html",
        "claims.json",
        "studies/freeze.html",
    }


def test_links_lead_to_what_is_published_and_no_script_is_left(results):
    page = published(results)["report.html"]
    assert '<a href="claims.html#claim-x">kept</a>' in page
    assert '<span class="c">a log</span>' in page
    assert '<a href="https://arxiv.org/abs/1">' in page
    assert "<script" not in page
    assert '<a href="../claims.html">' in published(results)["studies/freeze.html"]


def test_figures_are_compact_and_those_of_studies_stand_once(results):
    page = published(results)["report.html"]
    assert 'd="M 1.2 -2.9 L 3 4.5"' in page
    assert "<figure" not in page


def test_command_date_and_machine_stand_on_each_page_and_no_host(results):
    told = "make studies SEEDS=5; 2026-11-29; 2 cores of Some CPU, 16 GiB"
    for name, text in published(results).items():
        assert name.endswith(".json") or told in text
    assert 'href="../../results.html"' in published(results)["studies/freeze.html"]
    index = site_files(results, results / "nothing")["results.md"]
    assert "[A page](results/report.html)" in index
    assert "make studies SEEDS=5" in index
    assert "secret" not in index + "".join(published(results).values())


def test_studies_that_claims_name_are_told_as_made_by_the_command_for_claims(results):
    ledger = {"recipe": "tiny", "seeds": 1, "claims": [{"study": "freeze"}, {"study": None}]}
    (results / "claims.json").write_text(json.dumps(ledger))
    assert "make claims SEEDS=1; " in published(results)["report.html"]
    (results / "studies" / "methods.html").write_text("<html><title>Own</title></html>")
    assert "make studies SEEDS=1; " in published(results)["report.html"]


def test_a_page_that_loads_from_a_network_is_refused_by_name(results):
    (results / "report.html").write_text('<body><img src="//cdn.example/x.svg"></body>')
    with pytest.raises(ValueError, match=r"results/report\.html loads from a network"):
        published(results)


def test_without_results_the_page_says_so(tmp_path):
    assert published(tmp_path) == {}
    files = site_files(tmp_path, tmp_path / "published")
    assert list(files) == ["results.md"]
    assert "without results" in files["results.md"]


def test_what_is_kept_is_what_a_checkout_without_results_shows(results, tmp_path):
    kept = tmp_path / "docs" / "published"
    size = keep(results, kept)
    assert size == sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
    shown = site_files(results, kept)
    assert site_files(tmp_path / "nothing", kept) == shown
    assert "](results/report.html)" in shown["results.md"]
    assert "](report.html)" in (kept / "README.md").read_text()  # on the page of the folder itself


def test_pages_of_earlier_results_are_not_kept_beside_new_ones(results, tmp_path):
    kept = tmp_path / "docs" / "published"
    keep(results, kept)
    (results / "studies" / "freeze.html").unlink()
    keep(results, kept)
    assert not (kept / "studies" / "freeze.html").exists()


def test_nothing_is_kept_without_results_and_what_was_kept_stays(results, tmp_path):
    kept = tmp_path / "docs" / "published"
    keep(results, kept)
    with pytest.raises(ValueError, match="make studies"):
        keep(tmp_path / "nothing", kept)
    assert (kept / "report.html").is_file()


def test_a_site_that_is_too_large_is_refused_with_its_largest_files(tmp_path):
    (tmp_path / "large.html").write_text("x" * 2000)
    (tmp_path / "code.js.map").write_text("x" * 9000)
    shrink(tmp_path)  # the map is gone
    assert too_large(tmp_path, most=2000) is None
    assert "large.html" in (too_large(tmp_path, most=1999) or "")
