"""`results/report.html`: one self-contained page about the core path, made from stored results alone.

No time and no date stands on it, so that the same results give the same page.
"""

import json
import os
from pathlib import Path

from r1v3.analyze.cards.pages import data_section
from r1v3.analyze.report import panels, tables
from r1v3.analyze.report.gallery import gallery
from r1v3.analyze.report.parts import changed_numbers, extras
from r1v3.analyze.results import Result, chosen_step, parameters, read_result, read_scores
from r1v3.base.atomic_write import write_text
from r1v3.recipe.tables.benchmarks import MODELS, Listed, load_table
from r1v3.render.page import render_page

BESIDE = ("config.json", "manifest.json", "metrics.jsonl", "log.txt")


def write_report(
    *,
    recipe: str,
    summary: Path,
    runs: list[Path],
    selection: Path,
    checkpoints: list[Path],
    data: list[Path],
    benchmarks: Path,
    asked: list[Path],
    table: Path,
    held_out: Path | None = None,
    studies: list[Path] = (),
    claims: Path | None = None,
    paper: dict | None = None,
    ours: dict | None = None,
    output: Path,
) -> None:
    """Write the page.

    Args:
        recipe: name of the recipe.
        summary: results/summary.json.
        runs: manifests of the core runs, in order.
        selection: manifest of the RL run's selection.
        checkpoints: scores.json of each kept checkpoint of the RL run.
        data: manifests of the three stages' training sets, in order (figure 2).
        benchmarks: scores.json of the final model.
        asked: manifests of the benchmarks that the scores are of.
        table: config/benchmarks.yaml, for titles and published scores.
        held_out: scores.json of the final model's held-out sets, of which responses are shown.
        studies: the JSON of every study that was run, in order.
        claims: claims.json, if it was made.
        paper, ours: sections {name: plain values} of the report's recipe and of this one.
    """
    page = context(
        recipe=recipe,
        models=json.loads(Path(summary).read_text())["models"],
        runs=[read_result(path) for path in runs],
        selection=read_result(selection),
        checkpoints=[read_scores(path) for path in checkpoints],
        data=[read_result(path) for path in data],
        benchmarks=read_scores(benchmarks),
        asked={Path(path).parent.name: read_result(path) for path in asked},
        table=load_table(table),
        root=Path(output).parent,
    )
    root = Path(output).parent
    changed = {name: changed_numbers(ours[name], paper[name]) for name in paper or {}}
    page |= extras(
        studies=list(studies), claims=claims, changed=changed, pages=root / "pages", root=root
    )
    page["gallery"] = gallery(read_scores(held_out), root) if held_out else []
    write_text(output, render_page("report.html.j2", **page))


def context(
    *, recipe, models, runs, selection, checkpoints, data, benchmarks, asked, table, root
) -> dict:
    """All that the template shows."""
    by_id = {result.id: result for result in data}
    by_name = {run.name: run for run in runs}
    rl, final = by_name[selection.name], runs[-1]
    points = tables.checkpoint_rows(selection, checkpoints)
    title = asked_title(checkpoints[0], asked, table)
    groups = tables.benchmark_groups(benchmarks, table)
    sampled = [result for result in data if "funnel" in result.facts]
    return {
        "recipe": recipe,
        "seed": rl.document["seed"],
        "parameters": parameters(final),
        "world": any(_is_drawn(result) for result in data),
        "miniature": any(each.document["source"] == "miniature" for each in asked.values()),
        "sets": [tables.SETS.get(name, name) for name in next(iter(models.values()))],
        "stages": tables.stage_rows(models),
        "runs": tables.run_rows(runs, by_id),
        "settings": rl.document["settings"],
        "confidence": f"{100 * benchmarks.document['evaluation']['confidence']:g}",
        "data": tables.data_rows(data),
        "data_section": data_section([each.folder / "manifest.json" for each in data]),
        "funnels": [(tables.funnel_head(each), tables.funnel_rows(each)) for each in sampled],
        "loss_panels": panels.loss_panels(runs),
        "grpo": rl.name,
        "grpo_panels": panels.grpo_panels(rl, chosen_step(selection)),
        "critical_seen": any(row.get("critical_tokens") for row in rl.metrics),
        "words": rl.document["entropy"]["critical_words"],
        "controls": rl.document["entropy"]["control_words"],
        "minimum": rl.document["entropy"]["minimum_count"],
        "checkpoints": points,
        "selection": selection.facts,
        "selection_panel": panels.selection_panel(points, title),
        "selection_title": title,
        "groups": groups,
        "benchmark_panel": panels.benchmark_panel(groups),
        "published": list(MODELS.values()),
        "protocol": benchmarks.document["evaluation"],
        "links": [_links(result, root) for result in [*runs, selection, *data]],
        "environments": environments([*runs, *data, selection]),
    }


def asked_title(scores, asked: dict[str, Result], table: dict[str, Listed]) -> str:
    """The title of the one benchmark that checkpoints are shown against, and whether it is a miniature."""
    ((name, id),) = scores.document["benchmarks"].items()
    if id not in asked:
        return name
    document = asked[id].document
    miniature = ", miniature" if document["source"] == "miniature" else ""
    return table[name].title + miniature


def environments(results: list[Result]) -> list[dict]:
    """The different environments that results were made in, with the names of those results."""
    found: dict[str, dict] = {}
    for result in results:
        key = json.dumps(result.environment, sort_keys=True)
        found.setdefault(key, {**result.environment, "made": []})["made"].append(result.id)
    return list(found.values())


def _is_drawn(result: Result) -> bool:
    return result.document["set"].get("source", {}).get("kind") == "world"


def _links(result: Result, root: Path) -> dict:
    """Links from the page to a folder and to what lies in it."""
    folder = os.path.relpath(result.folder, root).replace(os.sep, "/")
    return {
        "id": result.id,
        "kind": result.kind,
        "folder": f"{folder}/",
        "files": [(name, f"{folder}/{name}") for name in BESIDE if (result.folder / name).exists()],
    }
