"""The page of a study: its question, runs, curves, a table with the report's numbers, and verdicts.

The folder of figures (SVG, PNG, CSV) is beside the page. So is `<study>.json`, which ledger and report read.
"""

import json
import os
from pathlib import Path
from typing import Any

from r1v3.analyze.cost import stage_cost
from r1v3.analyze.studies.evidence import Evidence
from r1v3.analyze.studies.extras import study_extras
from r1v3.analyze.studies.figures import (
    TITLES,
    DrawnFigure,
    arm_table,
    curve_table,
    draw_arms,
    draw_curves,
    step_table,
    write_drawn,
)
from r1v3.analyze.studies.ledger import claim_row
from r1v3.analyze.studies.verdicts import judge_claim
from r1v3.base.atomic_write import write_text
from r1v3.recipe.graph.arms import checkpoint_of, common_step, seeded, thinking_mode_of
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.schema.studies import suite_of
from r1v3.render.page import render_page


def write_study(name: str, graph: ResultGraph, *, root: Path, seeds: int, output: Path) -> None:
    """Write `output`, a folder of figures beside it, and `<name>.json`.

    Args:
        root: root of the checkout, above results/.
        output: results/studies/<name>.html.
    """
    evidence = Evidence(graph, graph.project.studies[name], root, seeds)
    content = study_content(name, evidence, output.with_suffix(""))
    where = output.parent
    page = render_page("study.html.j2", study=content, **content, prefix="../")
    write_text(output, page)
    write_text(where / f"{name}.json", json.dumps(content, indent=1, sort_keys=True))


def study_content(name: str, evidence: Evidence, folder: Path) -> dict[str, Any]:
    """Return the values that a study's page shows, and write its figures to `folder`."""
    study, graph, root = evidence.study, evidence.graph, evidence.root
    drawn = study_figures(name, evidence)
    tables, extras = study_extras(name, evidence)
    for each in [*drawn, *extras]:
        write_drawn(each, folder)
    claims = {n: c for n, c in graph.project.claims.items() if c.study == name}
    verdicts = {n: judge_claim(n, claim, evidence) for n, claim in claims.items()}
    return {
        "name": name,
        "title": study.title,
        "section": study.section,
        "shows": study.shows,
        "question": study.question,
        "note": study.note,
        "recipe": graph.recipe.name,
        "seeds": evidence.seeds,
        "step": common_step(graph, study),
        "arms": [_arm_row(label, evidence, root) for label in study.arms],
        "figures": [
            {"name": each.name, "alt": each.alt, "svg": each.svg, "folder": folder.name}
            for each in [*drawn, *extras]
        ],
        "table": measure_table(evidence),
        "miniature": _miniature(evidence),
        "tables": tables,
        "claims": [claim_row(claim, verdicts[each]) for each, claim in claims.items()],
    }


def study_figures(name: str, evidence: Evidence) -> list[DrawnFigure]:
    """Draw a study's figures: training curves, measures by step, and arms side by side."""
    drawn, one_scale = [], not _miniature(evidence)
    for key in evidence.study.curves:
        table = curve_table(evidence, key)
        if not table.empty:
            drawn.append(draw_curves(_slug(name, key), table, TITLES.get(key, key)))
    for measure in evidence.study.by_step:
        table = step_table(evidence, measure)
        title = f"{measure_title(evidence.graph, measure)}, by step"
        drawn.append(draw_curves(_slug(name, "by-step", measure), table, title, intervals=True))
    for measure in evidence.study.measures:
        published = {a: m[measure] for a, m in evidence.study.published.items() if measure in m}
        title = measure_title(evidence.graph, measure)
        arms = arm_table(evidence, measure)
        drawn.append(draw_arms(_slug(name, measure), arms, title, published, one_scale=one_scale))
    return drawn


def _miniature(evidence: Evidence) -> bool:
    """Return whether benchmarks are miniatures, whose scores are on another scale than the report's."""
    return evidence.graph.recipe.evaluation.source == "miniature"


def measure_table(evidence: Evidence) -> dict[str, Any]:
    """Tabulate arms by measures: our value with its interval, and the report's number if it has one."""
    study, rows = evidence.study, []
    tables = {m: arm_table(evidence, m).set_index("arm") for m in study.measures}
    for label in study.arms:
        cells = []
        for measure, table in tables.items():
            row = table.loc[label]
            published = study.published.get(label, {}).get(measure)
            cells.append(
                {
                    "value": f"{row['value']:.1f}",
                    "low": f"{row['low']:.1f}",
                    "high": f"{row['high']:.1f}",
                    "published": "" if published is None else f"{published:g}",
                }
            )
        rows.append({"arm": label, "cells": cells})
    columns = [
        {
            "title": measure_title(evidence.graph, m),
            "items": int(tables[m]["items"].iloc[0]),
            "published": any(m in known for known in study.published.values()),
        }
        for m in study.measures
    ]
    return {"columns": columns, "rows": rows}


def measure_title(graph: ResultGraph, measure: str) -> str:
    """Return a measure in words, with its unit."""
    suite, name = suite_of(measure, None)
    evaluation = graph.recipe.evaluation
    if suite in ("benchmarks", "checkpoint") or name in evaluation.study.benchmarks:
        title = graph.project.benchmarks[name].title
        kind = f"{title}{', miniature' if evaluation.source == 'miniature' else ''}"
    else:
        kind = f"{'held out' if suite == 'held_out' else 'validation'}: {name.replace('_', '-')}"
    return f"{kind}, tokens" if measure.startswith("tokens:") else f"{kind}, %"


def _arm_row(label: str, evidence: Evidence, root: Path) -> dict[str, Any]:
    graph, arm = evidence.graph, evidence.arm(label)
    run = graph.project.runs[arm.run]
    nodes = [graph.run(seeded(graph, arm.run, s)) for s in evidence.seeds_of(label)]
    thinking_mode = thinking_mode_of(graph, arm)
    costs = [stage_cost(root / node.folder / "benchmark.tsv") for node in nodes]
    return {
        "label": label,
        "run": arm.run,
        "why": run.entry.why or "",
        "checkpoint": checkpoint_of(graph, evidence.study, arm),
        "thinking_mode": thinking_mode or "",
        "folders": [
            {"id": n.id, "href": os.path.relpath(n.folder, "results") + "/"} for n in nodes
        ],
        "seconds": sum(cost["wall"] for cost in costs if cost),
    }


def _slug(*parts: str) -> str:
    text = "-".join(parts)
    return "".join(c if c.isalnum() else "-" for c in text).strip("-").replace("--", "-")
