"""The page of a branch. It compares the branch with its parent at equal steps, in settings and in cost.

It is the page of a study with two arms, plus tables that only two arms can have.
"""

from pathlib import Path

from r1v3.analyze.compare import ancestors, equal_steps, recipe_of
from r1v3.analyze.cost import stage_cost
from r1v3.analyze.results import Result, differing_keys
from r1v3.analyze.studies.effects import paired
from r1v3.analyze.studies.evidence import Evidence
from r1v3.analyze.studies.extras import ExtraTable
from r1v3.analyze.studies.page import measure_title, study_content
from r1v3.base.atomic_write import write_text
from r1v3.recipe.graph.branches import branch_needs, branch_study, pair
from r1v3.recipe.graph.results import ResultGraph
from r1v3.render.page import render_page


def write_branch(page: str, graph: ResultGraph, *, root: Path, output: Path) -> None:
    """Write `output` and a folder of figures beside it.

    Args:
        page: `<branch>`, or `<branch>-of-<parent>`.
        root: root of the checkout, above results/.
    """
    evidence = Evidence(graph, branch_study(graph, page), root, seeds=1)
    content = study_content(page, evidence, output.with_suffix(""))
    content["tables"] = [
        paired_scores(evidence),
        *content["tables"],
        training(evidence),
        settings(evidence),
        cost(graph, page, root),
    ]
    branch, parent = pair(graph, page)
    shown = {"study": content, "branch": branch, "parent": parent, "prefix": "../"}
    text = render_page("branch.html.j2", **content, **shown)
    write_text(output, text)


def paired_scores(evidence: Evidence) -> ExtraTable:
    """Tabulate branch minus parent for each measure, paired over items, with the difference's interval."""
    parent, branch = evidence.study.arms
    rows = []
    for measure in evidence.study.measures:
        ours, theirs = (evidence.items(label, measure, 1) for label in (branch, parent))
        found = paired([ours], [theirs])
        apart = "yes" if found.low > 0 or found.high < 0 else "no"
        rows.append(
            [
                measure_title(evidence.graph, measure),
                f"{100 * theirs.mean():.1f}",
                f"{100 * ours.mean():.1f}",
                f"{100 * found.estimate:+.1f}",
                f"{100 * found.low:+.1f} to {100 * found.high:+.1f}",
                apart,
                f"{found.items:,}",
            ]
        )
    return {
        "caption": "Branch minus parent, paired over items: the interval is over items, and one seed"
        " of each run says nothing about the luck of training.",
        "columns": [
            "measure", "parent", "branch", "difference, points", "95 % interval", "interval excludes 0",
            "items",
        ],
        "rows": rows,
    }  # fmt: skip


def training(evidence: Evidence) -> ExtraTable:
    """Tabulate training metrics of both runs over the last steps that both have."""
    one, other = _runs(evidence)
    rows = [
        [metric, span, f"{a:.4f}", f"{b:.4f}", f"{b - a:+.4f}"]
        for metric, span, a, b in equal_steps(one, other)
    ]
    return {
        "caption": "Training at equal steps: the last that both runs have.",
        "columns": ["metric", "steps", "parent", "branch", "difference"],
        "rows": rows,
    }


def settings(evidence: Evidence) -> ExtraTable:
    """Tabulate the differences between the resolved configs of both runs, parents included."""
    one, other = ({**recipe_of(run), **ancestors(run)} for run in _runs(evidence))
    keys = differing_keys(one, other)
    return {
        "caption": "What differs in settings and in what both are made from; all else is equal.",
        "columns": ["setting", "parent", "branch"],
        "rows": [[key, one.get(key, "none"), other.get(key, "none")] for key in keys],
    }


def cost(graph: ResultGraph, page: str, root: Path) -> ExtraTable:
    """Tabulate what training and evaluation of branch and parent cost, if it was measured."""
    needed, rows = branch_needs(graph, page), []
    branch, parent = pair(graph, page)
    for name in (parent, branch):
        run = graph.run(name)
        asked = [node for node in needed.evaluations if node.resolved["run"] == run.id]
        for what, nodes in (("training", [run]), ("answers", asked)):
            found = [stage_cost(root / node.folder / "benchmark.tsv") for node in nodes]
            known = [each for each in found if each]
            rows.append(
                [
                    f"{name}, {what}",
                    f"{sum(each['wall'] for each in known) / 60:.1f}",
                    f"{sum(each['gpu'] for each in known) / 3600:.2f}",
                    f"{len(known)} of {len(nodes)}",
                ]
            )
    return {
        "caption": "Cost, by Snakemake's measurement of each job.",
        "columns": ["work", "minutes", "GPU hours", "jobs measured"],
        "rows": rows,
    }


def _runs(evidence: Evidence) -> tuple[Result, Result]:
    parent, branch = evidence.study.arms
    return evidence.run(parent, 1), evidence.run(branch, 1)
