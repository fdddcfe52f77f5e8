"""The ledger: every claim with its verdict, and a test of the report's own numbers against chance."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from r1v3.analyze.studies.published import CORRELATIONS, chance, chance_of_parts
from r1v3.analyze.studies.verdicts import ClaimVerdict, judge_claim
from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import read_json
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.schema.studies import Claim
from r1v3.render.page import render_page

TABLE_5 = (853, 47)  # number of items without and with the phrase


def write_ledger(graph: ResultGraph, studies: list[Path], *, seeds: int, output: Path) -> None:
    """Write `output` (claims.html) and claims.json beside it.

    Args:
        studies: the JSON of every study that a claim names.
    """
    content = ledger(graph, [read_json(path) for path in studies])
    content |= {"recipe": graph.recipe.name, "seeds": seeds}
    write_text(output, render_page("claims.html.j2", **content))
    write_text(output.with_suffix(".json"), json.dumps(content, indent=1, sort_keys=True))


def ledger(graph: ResultGraph, studies: list[dict]) -> dict:
    """Return all rows, in the order of config/claims.yaml, and the number of each verdict."""
    judged = {claim["claim"]: claim for study in studies for claim in study["claims"]}
    claims = []
    for name, claim in graph.project.claims.items():
        if claim.study is not None and name in judged:
            claims.append(judged[name] | {"study": claim.study})
        elif claim.study is None:
            claims.append(claim_row(claim, judge_claim(name, claim, None)))
    return {
        "claims": claims,
        "counts": counts(claims),
        "chances": tested_differences(claims),
        "correlations": list(CORRELATIONS),
    }


def claim_row(claim: Claim, verdict: ClaimVerdict) -> dict:
    """Return a claim with its verdict, as pages show it. Only the ledger names the study."""
    return asdict(verdict) | {
        "says": claim.says,
        "section": claim.section,
        "carries": claim.carries,
        "post_hoc": claim.post_hoc,
        "newer": [paper.model_dump() for paper in claim.newer],
        "study": None,
        "published": claim.published.model_dump() if claim.published else None,
    }


def counts(claims: list[dict]) -> list[dict]:
    """Count the claims with each verdict, and those of them that carry the report."""
    labels = [_label(claim) for claim in claims]
    every, carrying = (
        Counter(labels),
        Counter(label for label, claim in zip(labels, claims, strict=True) if claim["carries"]),
    )
    order = [
        "reproduced",
        "by construction",
        "contradicted",
        "inconclusive, leans for",
        "inconclusive, leans against",
        "inconclusive",
        "not testable here",
    ]
    return [
        {"label": label, "all": every[label], "carries": carrying[label]}
        for label in order
        if every[label]
    ]


def tested_differences(claims: list[dict]) -> list[dict]:
    """Test the published differences between two numbers against chance."""
    rows = []
    for claim in claims:
        known = claim["published"]
        if not known or known["b"] is None:
            continue
        row = {"says": claim["says"], "where": known["where"], "a": known["a"], "b": known["b"]}
        if known["n"] is None:
            z = chance_of_parts(known["b"], TABLE_5[0], known["a"], TABLE_5[1])
            beyond = z > 1.96
            row |= {
                "n": "853, 47",
                "difference": known["a"] - known["b"],
                "z": [z, None, None, None, None],
                "verdict": "yes, different items" if beyond else "no, different items",
                "colour": "reproduced" if beyond else "contradicted",
            }
        else:
            row |= _judged(chance(known["a"], known["b"], known["n"]), known["n"])
        rows.append(row)
    return rows


def _judged(found, n: int) -> dict:
    if found.from_correlation is None:
        verdict, colour = f"never, at n = {n}", "contradicted"
    elif found.from_correlation == 0:
        verdict, colour = "yes, whatever the correlation", "reproduced"
    else:
        verdict, colour = f"from r = {found.from_correlation:.2f} on", "inconclusive"
    return {
        "n": str(n),
        "difference": found.difference,
        "z": list(found.z.values()),
        "verdict": verdict,
        "colour": colour,
    }


def _label(claim: dict) -> str:
    leans = claim["verdict"] == "inconclusive" and claim["leans"]
    return f"inconclusive, leans {claim['leans']}" if leans else claim["verdict"]
