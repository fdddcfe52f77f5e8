"""`results/summary.html`: which claims of the report hold here, which do not, and which stay open.

It is made from the ledger alone. Each finding is a sentence with the measure, the number, its interval, the
seeds, and the command that makes it again. The page has no date, so equal results give an equal page.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from r1v3.analyze.studies.page import measure_title
from r1v3.analyze.studies.verdicts import (
    BY_CONSTRUCTION,
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_TESTABLE,
    REPRODUCED,
)
from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import read_json
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.schema.studies import (
    Arithmetic,
    AuditClaim,
    Claim,
    CorrelationClaim,
    CurveChange,
    CurveDifference,
    Difference,
    Regret,
    Score,
)
from r1v3.render.page import render_page


@dataclass(frozen=True)
class Finding:
    """One sentence of the summary; `measured` names the number, `then` says what follows or is lacking."""

    claim: str
    says: str
    section: str
    carries: bool
    verdict: str
    leans: str | None
    measured: str
    estimate: float | None
    low: float | None
    high: float | None
    unit: str
    items: int | None
    seeds: int | None
    then: str
    study: str | None
    command: str


@dataclass(frozen=True)
class Part:
    """A section of the page: a heading, a sentence about all its findings, and the findings."""

    title: str
    lede: str
    findings: tuple[Finding, ...]


PARTS = (
    (
        "What holds",
        "The whole interval lies on the claimed side, and the effect is as large as was asked beforehand.",
        "holds",
    ),
    (
        "What does not hold",
        "No value in the interval satisfies the sentence. A contradiction here shows that a sentence does not"
        " hold everywhere; it says nothing about 38 billion parameters.",
        "fails",
    ),
    (
        "What the report's own tables contradict",
        "These need no run: the sentence and the report's numbers do not agree.",
        "own",
    ),
    (
        "What this world was built to show",
        "The data agree, and could not have done otherwise, so these are no evidence.",
        "built",
    ),
    (
        "What more runs here could settle",
        "The interval allows both answers, or there are too few seeds. Each says what would settle it.",
        "open",
    ),
    (
        "What cannot be known at this size",
        "No number of runs of this recipe settles these sentences.",
        "unknowable",
    ),
)


def write_summary_page(graph: ResultGraph, claims: Path, output: Path) -> None:
    """Write `output` (summary.html) and claims_summary.json beside it.

    Args:
        claims: results/claims.json.
    """
    ledger = read_json(claims)
    content = summary_content(graph, ledger)
    write_text(output, render_page("summary.html.j2", **content))
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    write_text(output.with_name("claims_summary.json"), text)


def summary_content(graph: ResultGraph, ledger: dict[str, Any]) -> dict[str, Any]:
    """Return the values that the page shows."""
    seeds = ledger["seeds"]
    found: dict[str, list[Finding]] = {kind: [] for _, _, kind in PARTS}
    for row in ledger["claims"]:
        claim = graph.project.claims[row["claim"]]
        found[_kind(row)].append(_finding(row, claim, graph, seeds))
    parts = [Part(title, lede, _ordered(found[kind])) for title, lede, kind in PARTS if found[kind]]
    return {
        "recipe": graph.recipe.name,
        "seeds": seeds,
        "claims": len(ledger["claims"]),
        "counts": {kind: len(each) for kind, each in found.items()},
        "settled": sum(len(found[kind]) for kind in ("holds", "fails")),
        "testable": sum(len(found[kind]) for kind in ("holds", "fails", "open")),
        "miniature": graph.recipe.evaluation.source == "miniature",
        "parts": [asdict(part) for part in parts],
        "command": command_for("results/summary.html", graph.recipe.name, seeds),
    }


def command_for(target: str, recipe: str, seeds: int) -> str:
    """Return the command that makes one page again."""
    settings = [f"recipe={recipe}"] if recipe != "tiny" else []
    settings += [f"seeds={seeds}"] if seeds > 1 else []
    given = ["--config", *settings, "--"] if settings else []
    return " ".join(["snakemake", "--cores", "all", *given, target])


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Sort findings: those that carry the report first, otherwise in the order of config/claims.yaml."""
    return tuple(sorted(findings, key=lambda each: not each.carries))


def _kind(row: dict[str, Any]) -> str:
    if row["verdict"] == CONTRADICTED and row["estimate"] is None:
        return "own"
    return {
        REPRODUCED: "holds",
        CONTRADICTED: "fails",
        BY_CONSTRUCTION: "built",
        INCONCLUSIVE: "open",
        NOT_TESTABLE: "unknowable",
    }[row["verdict"]]


def _finding(row: dict[str, Any], claim: Claim, graph: ResultGraph, seeds: int) -> Finding:
    study = row["study"]
    target = f"results/studies/{study}.html" if study else "results/claims.html"
    return Finding(
        claim=row["claim"],
        says=row["says"],
        section=row["section"],
        carries=row["carries"],
        verdict=row["verdict"],
        leans=row["leans"],
        measured=measured_as(claim, graph),
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        unit=row["unit"],
        items=row["items"],
        seeds=row["seeds"],
        then="; ".join(_then(row)),
        study=study,
        command=command_for(target, graph.recipe.name, seeds),
    )


def _then(row: dict[str, Any]) -> Iterator[str]:
    if row["verdict"] == INCONCLUSIVE:
        if row["needs"]:
            yield f"needs {row['needs']}"
        if row.get("by_seeds"):
            yield f"seeds that would settle it: {row['by_seeds']}"
    if row["why"]:
        yield row["why"]
    if row.get("beside"):
        yield f"beside it, {row['beside']}"


def measured_as(claim: Claim, graph: ResultGraph) -> str:
    """Say in words what the number of a claim measures."""
    if isinstance(claim, Difference):
        what = measure_title(graph, claim.measure)
        share = f", as a share of {claim.b}" if claim.relative else ""
        return f"{claim.a} minus {claim.b}, {what}{share}"
    if isinstance(claim, CurveChange):
        since = "its first tenth" if claim.since == "start" else "its best tenth"
        share = ", as a share of that" if claim.relative else ""
        return (
            f"{_metric(claim.metric)} of {claim.arm}, the last tenth of steps minus {since}{share}"
        )
    if isinstance(claim, CurveDifference):
        over = {
            "end": "over the last tenth of steps",
            "mean": "over all steps",
            "spread": "its spread",
        }
        share = f", as a share of {claim.b}" if claim.relative else ""
        return f"{_metric(claim.metric)}, {claim.a} minus {claim.b}, {over[claim.of]}{share}"
    if isinstance(claim, CorrelationClaim):
        within = ", within runs and without the step" if claim.detrended else ""
        what = measure_title(graph, claim.measure)
        return (
            f"rank correlation of entropy at {claim.reading} with {what}, over checkpoints{within}"
        )
    if isinstance(claim, Regret):
        what = measure_title(graph, claim.measure)
        return f"{what}, the choice by critical entropy minus that by {claim.against}"
    if isinstance(claim, AuditClaim):
        of = "that say the picture cannot be seen"
        return f"answers {of}" if claim.of == "summary" else f"answers {of}, minus the others"
    if isinstance(claim, Score):
        return (
            f"{claim.arm} on {graph.project.benchmarks[claim.benchmark].title}, minus {claim.bar}"
        )
    return f"the sum {claim.check}" if isinstance(claim, Arithmetic) else ""


def _metric(name: str) -> str:
    return name.replace("_", " ").replace("/", " of ")
