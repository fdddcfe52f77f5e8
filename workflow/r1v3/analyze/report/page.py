"""`results/report.html`: one self-contained page about the core path, made from stored results alone.

The page has no time and no date, so equal results give an equal page.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1v3.analyze.cards.pages import data_section
from r1v3.analyze.report import overview, panels, tables
from r1v3.analyze.report.gallery import gallery
from r1v3.analyze.report.parts import ChangedNumber, extras
from r1v3.analyze.results import (
    Result,
    Scores,
    chosen_step,
    parameter_count,
    read_result,
    read_scores,
)
from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import read_json
from r1v3.recipe.graph.configs import BenchmarkConfig, GrpoConfig, MiniatureFile, SourceDataConfig
from r1v3.recipe.tables.benchmarks import MODELS, ListedBenchmark, load_table
from r1v3.render.page import render_page

BESIDE = ("config.json", "manifest.json", "metrics.jsonl", "log.txt")


@dataclass(frozen=True, kw_only=True)
class ReportFiles:
    """The files that the page is made from.

    Attributes:
        recipe: name of the recipe.
        summary: results/summary.json.
        runs: manifests of the core runs, in order.
        selection: manifest of the GRPO run's selection.
        checkpoints: scores.json of each kept checkpoint of the GRPO run.
        data: manifests of the three stages' training sets, in order (figure 2).
        benchmarks: scores.json of the final model.
        asked: manifests of these benchmarks.
        table: config/benchmarks.yaml, for titles and published scores.
        held_out: scores.json of the final model on the held-out sets; the page shows some responses.
        studies: the JSON of every study that was run, in order.
        claims: claims.json, if it was made.
        other_code: a file with one line for each rule whose results were made by other code than today's.
        changed: the recipe's numbers that differ from the report's, by section.
    """

    recipe: str
    summary: Path
    runs: Sequence[Path]
    selection: Path
    checkpoints: Sequence[Path]
    data: Sequence[Path]
    benchmarks: Path
    asked: Sequence[Path]
    table: Path
    held_out: Path | None = None
    studies: Sequence[Path] = ()
    claims: Path | None = None
    other_code: Path | None = None
    changed: Mapping[str, Sequence[ChangedNumber]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CorePath:
    """The results of the core path, read from `ReportFiles`.

    `asked` has benchmarks by id, `models` the held-out scores of each stage, and `root` is the page's folder.
    """

    recipe: str
    models: dict[str, dict[str, Any]]
    runs: list[Result]
    selection: Result
    checkpoints: list[Scores]
    data: list[Result]
    benchmarks: Scores
    asked: dict[str, Result]
    table: dict[str, ListedBenchmark]
    root: Path

    @classmethod
    def read(cls, files: ReportFiles, root: Path) -> "CorePath":
        """Read all files.

        Raises:
            ValueError: a file is damaged or not a manifest; the message names it.
        """
        return cls(
            recipe=files.recipe,
            models=read_json(files.summary, "models")["models"],
            runs=[read_result(path) for path in files.runs],
            selection=read_result(files.selection),
            checkpoints=[read_scores(path) for path in files.checkpoints],
            data=[read_result(path) for path in files.data],
            benchmarks=read_scores(files.benchmarks),
            asked={path.parent.name: read_result(path) for path in files.asked},
            table=load_table(files.table),
            root=root,
        )


def write_report(files: ReportFiles, output: Path) -> None:
    """Write the page, with links to the results beside it."""
    root = output.parent
    page = context(CorePath.read(files, root))
    page |= extras(
        studies=files.studies,
        claims=files.claims,
        changed=files.changed,
        pages=root / "pages",
        root=root,
    )
    page["gallery"] = gallery(read_scores(files.held_out), root) if files.held_out else []
    page["other_code"] = files.other_code.read_text().splitlines() if files.other_code else []
    write_text(output, render_page("report.html.j2", **page))


def context(core: CorePath) -> dict[str, Any]:
    """Return the values that the template shows about the core path."""
    runs, data, models = core.runs, core.data, core.models
    selection, checkpoints, benchmarks = core.selection, core.checkpoints, core.benchmarks
    asked, table = core.asked, core.table
    by_id = {result.id: result for result in data}
    by_name = {run.name: run for run in runs}
    rl, final = by_name[selection.name], runs[-1]
    reinforced, protocol = rl.config_as(GrpoConfig), benchmarks.config.evaluation
    entropy = reinforced.entropy
    points = tables.checkpoint_rows(selection, checkpoints)
    title = asked_title(checkpoints[0], asked, table)
    groups = tables.benchmark_groups(benchmarks, table)
    sampled = [result for result in data if "funnel" in result.facts]
    return {
        "recipe": core.recipe,
        "seed": reinforced.seed,
        "parameters": parameter_count(final),
        "world": any(_is_drawn(result) for result in data),
        "miniature": any(_is_miniature(each) for each in asked.values()),
        "sets": [tables.SETS.get(name, name) for name in next(iter(models.values()))],
        "stages": tables.stage_rows(models),
        "pipeline": overview.pipeline(runs, by_id, models, chosen_step(selection)),
        "stage_panel": overview.stage_panel(models),
        "reward_panel": overview.reward_panel(rl),
        "entropy_answer": overview.entropy_answer(points, title),
        "runs": tables.run_rows(runs, by_id),
        "settings": reinforced.settings,
        "confidence": f"{100 * protocol.confidence:g}",
        "data": tables.data_rows(data),
        "data_section": data_section([each.folder / "manifest.json" for each in data]),
        "funnels": [(tables.funnel_head(each), tables.chain_rows(each)) for each in sampled],
        "loss_panels": panels.loss_panels(runs),
        "grpo": rl.name,
        "grpo_panels": panels.grpo_panels(rl, chosen_step(selection)),
        "critical_seen": any(row.get("critical_tokens") for row in rl.metrics),
        "words": entropy.critical_words,
        "controls": entropy.control_words,
        "minimum": entropy.minimum_count,
        "checkpoints": points,
        "selection": selection.facts,
        "selection_panel": panels.selection_panel(points, title),
        "selection_title": title,
        "groups": groups,
        "benchmark_panel": panels.benchmark_panel(groups),
        "published": list(MODELS.values()),
        "protocol": protocol,
        "links": [_links(result, core.root) for result in [*runs, selection, *data]],
        "environments": environments([*runs, *data, selection]),
    }


def asked_title(scores: Scores, asked: dict[str, Result], table: dict[str, ListedBenchmark]) -> str:
    """Return the title of the benchmark that every checkpoint is asked; it says if it is a miniature."""
    ((name, id),) = scores.config.benchmarks.items()
    if id not in asked:
        return name
    miniature = ", miniature" if _is_miniature(asked[id]) else ""
    return table[name].title + miniature


def environments(results: list[Result]) -> list[dict[str, Any]]:
    """Return the different environments that results were made in, with the names of those results."""
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        key = json.dumps(result.environment, sort_keys=True)
        found.setdefault(key, {**result.environment, "made": []})["made"].append(result.id)
    return list(found.values())


def _is_drawn(result: Result) -> bool:
    config = result.config
    return isinstance(config, SourceDataConfig) and config.set.source.kind == "world"


def _is_miniature(benchmark: Result) -> bool:
    return isinstance(benchmark.config_as(BenchmarkConfig).file, MiniatureFile)


def _links(result: Result, root: Path) -> dict[str, Any]:
    """Return links from the page to a folder and to the files in it."""
    folder = os.path.relpath(result.folder, root).replace(os.sep, "/")
    return {
        "id": result.id,
        "kind": result.kind,
        "folder": f"{folder}/",
        "files": [(name, f"{folder}/{name}") for name in BESIDE if (result.folder / name).exists()],
    }
