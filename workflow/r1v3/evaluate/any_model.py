"""Scores any model on the recipe's benchmarks, outside the run table: `r1v3 evaluate`.

A model is one of the recipe's, a folder, a Hugging Face id (`id@revision` for a revision), or the address
of an OpenAI-compatible endpoint with `#` and the model's name. Answers, verdicts, scores and pages go to
results/evaluations/<model>/. A second call continues there, and asks only the benchmarks that are new;
other weights in the same place get other answers.
"""

import json
import os
from pathlib import Path

from r1v3.base.determinism import make_exact
from r1v3.base.file_hash import CACHE
from r1v3.evaluate.answer import answer
from r1v3.evaluate.items.source import obtain_or_say
from r1v3.evaluate.pages.pages import write_pages
from r1v3.evaluate.score import score
from r1v3.evaluate.target import Target, find_target
from r1v3.recipe.graph.configs import BenchmarkConfig, EvaluationConfig, EvaluationSettings
from r1v3.recipe.graph.identity import OWN, VERSION, hash_of
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import Project, load_project
from r1v3.recipe.outputs.manifest import write_json
from r1v3.recipe.schema.data import HubModel, ServedModel
from r1v3.recipe.schema.recipe import Recipe, own_template
from r1v3.recipe.tables.benchmarks import load_table


def evaluate(
    root: Path,
    recipe: str,
    model: str,
    *,
    benchmarks: list[str] | None = None,
    mode: str | None = None,
    name: str | None = None,
) -> Path:
    """Fetch benchmarks, ask, score, write the pages; returns the folder of all that.

    Args:
        root: the checkout: `config/` is read, `results/` written.
        benchmarks: some of the table's; None for the recipe's.
        mode: thinking mode; None for the model's or the recipe's.
        name: of the results' folder, None for the model's.
    """
    project = load_project(root, recipe)
    names = benchmarks or project.recipe.evaluation.benchmarks
    unknown = [each for each in names if each not in project.benchmarks]
    if unknown:
        allowed = ", ".join(project.benchmarks)
        raise ValueError(f"no benchmark {', '.join(unknown)}; allowed: {allowed}")
    known = project.recipe.models | project.recipe.baselines
    target = find_target(model, known, root / "results" / CACHE)
    paths = {each: _obtained(root, ResultGraph(project), each) for each in names}
    ids = {each: path.parent.name for each, path in paths.items()}
    config = _config(project, target, mode, ids)
    document = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    digest = hash_of("evaluation", document)
    folder = root / "results/evaluations" / (name or target.name) / f"{recipe}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    written = {"kind": "evaluation", "name": target.name, "hash": digest, "document": document}
    if not (folder / "config.json").exists():
        write_json(folder / "config.json", written)
    where = {"benchmarks": paths, "held_out": {}, "folder": folder}
    if config.determinism == "exact":
        make_exact()
    answer(config, model=target.model, **where)
    score(config, responses=folder, **where)
    table = load_table(root / "config/benchmarks.yaml")
    write_pages(folder, paths, table, folder / "pages", name=name or target.name, against={})
    return folder


def what_is_missing(folder: Path) -> list[str]:
    """A line for each benchmark without a score, each unreadable row, and each one without its judge."""
    scores = json.loads((folder / "scores.json").read_text())
    lines = [f"{name} is missing: {reason}" for name, reason in scores["missing"].items()]
    for name, found in scores["benchmarks"].items():
        unreadable = found["unreadable"]
        for row in unreadable["rows"]:
            lines.append(f"{name}, row {row['row']} ({unreadable['scored']}): {row['reason']}")
        if judged := found.get("judged_by"):
            lines.append(f"{name}: judged by {judged}")
    return lines


def _obtained(root: Path, documents: ResultGraph, name: str) -> Path:
    """A benchmark's TSV, beside the config that says what it is."""
    node = documents.benchmark(name)
    folder = root / node.folder
    # As the rule `config` writes it, and left alone where it is there: the folder's name is its hash.
    if not (folder / "config.json").exists():
        write_json(folder / "config.json", node.config)
    obtain_or_say(BenchmarkConfig.model_validate(node.document), folder)
    return folder / f"{name}.tsv"


def _template(recipe: Recipe, target: Target) -> object:
    """How the model is asked: as ours are, or as its authors ask it."""
    entry = (recipe.models | recipe.baselines).get(target.name)
    if target.ours:
        return recipe.template.model_dump()
    if target.served:
        system = entry.system if isinstance(entry, ServedModel) else None
        changed = {"system": system.text} if system else {}
        return recipe.template.model_copy(update=changed).model_dump()
    template = own_template(entry) if isinstance(entry, HubModel) else OWN
    return template if template == OWN else template.model_dump()


def _config(
    project: Project, target: Target, mode: str | None, benchmarks: dict[str, str]
) -> EvaluationConfig:
    recipe = project.recipe
    generation = recipe.generation.model_dump(exclude={"parity"})
    generation["mode"] = mode or target.mode or generation["mode"]
    if target.served:
        generation["engine"] = "server"
        keeps_its_own = os.environ.get("R1V3_SERVER_KIND") == "openai"
        if keeps_its_own and generation["mode"] != "nothink":
            raise ValueError("--mode: a server of kind openai opens no thought; allowed: nothink")
    document = {
        "version": VERSION["evaluation"],
        "name": target.name,
        "seed": recipe.seed,
        # A server renders turns by itself.
        "template": _template(recipe, target),
        "images": recipe.images.model_dump(),
        "generation": generation,
        "grading": recipe.grading.model_dump(),
        "evaluation": recipe.evaluation.model_dump(include=set(EvaluationSettings.model_fields)),
        "run": target.identity,
        "checkpoint": "last",
        "selection": None,
        "suite": "benchmarks",
        "benchmarks": benchmarks,
        "entries": {
            each: project.benchmarks[each].asked(recipe.evaluation.source) for each in benchmarks
        },
        "held_out": {},
    }
    if recipe.determinism == "exact":
        document["determinism"] = "exact"
    return EvaluationConfig.model_validate(document)
