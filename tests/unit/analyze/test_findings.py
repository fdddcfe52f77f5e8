"""The summary page: each claim is a sentence in one part, with its number, interval and command."""

import json

import pytest
from page_reader import Page, without_tags

from r1v3.analyze.studies.findings import summary_content, write_summary_page
from r1v3.analyze.studies.ledger import claim_row
from r1v3.analyze.studies.verdicts import ClaimVerdict

EFFECT = {"estimate": 0.05, "low": 0.01, "high": 0.09, "unit": "points", "items": 40, "seeds": 3}
VERDICTS = {
    "trained_tower_gains": {"verdict": "reproduced", **EFFECT},
    "rl_generalises": {"verdict": "reproduced", **EFFECT},
    "frozen_connector_loses_reward": {
        "verdict": "contradicted",
        **EFFECT,
        "unit": "share of reward",
    },
    "mathvista_beats_all_open": {"verdict": "contradicted", "why": "by its own tables: not x"},
    "cold_start_gives_the_form": {"verdict": "by construction", **EFFECT},
    "rl_lifts_mathematics": {"verdict": "inconclusive", **EFFECT, "leans": "for", "by_seeds": "7"},
    "first_stitched": {"verdict": "not testable here", "why": "another model"},
}


@pytest.fixture
def ledger(graph) -> dict:
    claims = graph.project.claims
    rows = [
        claim_row(claims[name], ClaimVerdict(name, **verdict)) | {"study": claims[name].study}
        for name, verdict in VERDICTS.items()
    ]
    return {"claims": rows, "recipe": "tiny", "seeds": 3}


def test_every_claim_stands_in_the_part_of_its_verdict(graph, ledger):
    content = summary_content(graph, ledger)
    assert content["counts"] == {
        "holds": 2, "fails": 1, "own": 1, "built": 1, "open": 1, "unknowable": 1
    }  # fmt: skip
    assert (content["settled"], content["testable"]) == (3, 4)
    # What carries the report comes first.
    first = [each["claim"] for each in content["parts"][0]["findings"]]
    assert first == ["rl_generalises", "trained_tower_gains"]


def test_each_sentence_has_its_number_interval_seeds_and_command(graph, ledger, tmp_path):
    (tmp_path / "claims.json").write_text(json.dumps(ledger))
    write_summary_page(graph, tmp_path / "claims.json", tmp_path / "summary.html")
    page = Page((tmp_path / "summary.html").read_text())
    assert page.scripts == 0
    assert {f"finding-{name}" for name in VERDICTS} <= set(page.ids)
    text = " ".join(without_tags((tmp_path / "summary.html").read_text()).split())
    assert "+5.0 points, 95 % interval +1.0 to +9.0, 40 items or steps, 3 seeds" in text
    assert "snakemake --cores all --config seeds=3 -- results/studies/freeze.html" in text
    assert "Seeds that would settle it: 7" in text
    assert "RL minus cold start, MMMU" in text
    data = json.loads((tmp_path / "claims_summary.json").read_text())
    assert sum(len(part["findings"]) for part in data["parts"]) == len(VERDICTS)
