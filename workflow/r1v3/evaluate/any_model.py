"""Scores any model on the recipe's benchmarks, outside the run table: `r1v3 evaluate`.

A model is one of the recipe's, a folder, a Hugging Face id (`id@revision` for a revision), or the address of
an OpenAI-compatible endpoint with `#` and the model's name. Answers, verdicts, scores and pages go to
results/evaluations/<model>/. A second call continues there, and asks only benchmarks that are new. Other
weights at the same path get their own answers.

`r1v3 evaluate --from FILE` scores answers that another harness stored, without a model.
"""

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from r1v3.base.atomic_write import write_text
from r1v3.base.determinism import make_exact
from r1v3.base.file_hash import CACHE, file_sha256
from r1v3.base.json_file import read_json
from r1v3.evaluate.answer import answer, shard
from r1v3.evaluate.exchange.names import benchmark_in
from r1v3.evaluate.exchange.read import Matched, match, read_foreign
from r1v3.evaluate.exchange.write import write_exchange
from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.items.source import obtain_or_report
from r1v3.evaluate.pages.pages import write_pages
from r1v3.evaluate.score import score_evaluation
from r1v3.evaluate.target import CLOSED, Target, find_target, plain_name
from r1v3.generate.server.serving import Serving
from r1v3.recipe.graph.configs import BenchmarkConfig, EvaluationConfig, EvaluationSettings, Probe
from r1v3.recipe.graph.identity import OWN, RESOLVED, VERSION, hash_of
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import Project, load_project
from r1v3.recipe.outputs.manifest import write_json
from r1v3.recipe.schema.data import HubModel, ServedModel
from r1v3.recipe.schema.recipe import Recipe, own_template
from r1v3.recipe.schema.training import Verifier
from r1v3.recipe.tables.benchmarks import load_table
from r1v3.recipe.tables.prices import load_prices


@dataclass(frozen=True)
class ReadyEvaluation:
    """An evaluation that is ready to run: its config, model and files, and the folder of its results."""

    config: EvaluationConfig
    target: Target
    benchmarks: dict[str, Path]
    folder: Path

    @property
    def name(self) -> str:
        """Return the model's name on the pages."""
        return self.folder.parent.name


def prepare_evaluation(
    root: Path,
    recipe: str,
    model: str,
    *,
    benchmarks: list[str] | None = None,
    mode: str | None = None,
    name: str | None = None,
    probe: Probe | None = None,
    second_judge: str | None = None,
    overlay: Path | None = None,
) -> ReadyEvaluation:
    """Find the model and fetch the benchmarks, without asking anything.

    Args:
        root: root of the checkout; `config/` is read, `results/` is written.
        benchmarks: names of benchmarks in the table; None for the recipe's.
        mode: thinking mode; None for the model's or the recipe's.
        name: name of the results folder; None for the model's.
        probe: asks the questions in another way (`r1v3.evaluate.probes`); None for Table 1.
        second_judge: a model that judges the same answers a second time; None for none.
        overlay: a file that changes the recipe.
    """
    project = load_project(root, recipe, overlay)
    names = _known(project, benchmarks or project.recipe.evaluation.benchmarks)
    known = project.recipe.models | project.recipe.baselines
    target = find_target(model, known, root / "results" / CACHE, root)
    paths = {each: _obtained(root, ResultGraph(project), each) for each in names}
    asked = {each: path.parent.name for each, path in paths.items()}
    config = _config(_judged_twice(project, second_judge), target, mode, asked)
    if probe is not None:
        config = config.model_copy(update={"probe": probe})
    return ReadyEvaluation(
        config, target, paths, _folder_of(root, recipe, config, name or target.name)
    )


def serving_of(
    root: Path, evaluation: ReadyEvaluation, budget: float | None = None, *, batch: bool = False
) -> Serving:
    """Say where a server's answers are kept, and what they cost if the price is known."""
    part, parts = shard()
    price = load_prices(root).get(str(evaluation.target.model))
    return Serving(evaluation.folder, price, budget, batch, f"{part}-of-{parts}")


def evaluate(
    root: Path, ready: ReadyEvaluation, *, budget: float | None = None, batch: bool = False
) -> Path:
    """Ask, score and write the pages. Return the folder of the evaluation.

    Args:
        root: root of the checkout.
        ready: result of `prepare_evaluation`.
        budget: most money that all answers of the folder may cost; None for no limit.
        batch: whether to use the provider's batch interface.

    Raises:
        BudgetReached: the next question might cost more than is left. The answers so far are stored.
    """
    config, folder = ready.config, ready.folder
    if (batch or budget is not None) and not ready.target.served:
        raise ValueError("--budget, --batch: only a model behind a server is paid by the answer")
    kind = os.environ.get("R1V3_SERVER_KIND")
    if batch and kind not in CLOSED:
        allowed = ", ".join(CLOSED)
        raise ValueError(f"--batch: a server of kind {kind or 'vllm'} has none; allowed: {allowed}")
    if config.determinism == "exact":
        make_exact()
    serving = serving_of(root, ready, budget, batch=batch) if ready.target.served else None
    answer(
        config,
        model=ready.target.model,
        benchmarks=ready.benchmarks,
        held_out={},
        folder=folder,
        serving=serving,
    )
    _score_and_show(root, config, ready.benchmarks, folder, ready.name)
    return folder


def evaluate_column(
    root: Path,
    recipe: str,
    baseline: str,
    output: Path,
    *,
    overlay: Path | None = None,
    budget: float | None = None,
) -> None:
    """Score a baseline of the recipe on all its benchmarks, and write its column of Table 1.

    Args:
        output: a JSON file with the baseline's name and its `scores.json`.
        budget: most money that the answers may cost, if config/prices.yaml has the model's price.

    Raises:
        ValueError: the recipe has no such baseline.
    """
    baselines = load_project(root, recipe, overlay).recipe.baselines
    if baseline not in baselines:
        raise ValueError(f"no baseline {baseline}; allowed: {', '.join(baselines)}")
    priced = baselines[baseline].id in load_prices(root)
    ready = prepare_evaluation(root, recipe, baseline, overlay=overlay)
    folder = evaluate(root, ready, budget=budget if priced else None)
    scores = read_json(folder / "scores.json", "benchmarks", "held_out")
    where = folder.relative_to(root).as_posix()
    write_json(output, {"baseline": baseline, "folder": where, "scores": scores})


def evaluate_file(
    root: Path,
    recipe: str,
    file: Path,
    *,
    benchmark: str | None = None,
    name: str | None = None,
    second_judge: str | None = None,
) -> Path:
    """Score answers that another harness stored. Return the folder of scores, verdicts and pages.

    A question without an answer in the file counts as wrong, and as an error.

    Args:
        file: a result of VLMEvalKit or a sample log of lmms-eval.
        benchmark: the benchmark that it answers; None if the file's name says so.
        name: name of the results folder; None for the file's.
        second_judge: as in `prepare_evaluation`.

    Raises:
        ValueError: the file is neither, names no benchmark, or answers none of its questions.
    """
    project = _judged_twice(load_project(root, recipe), second_judge)
    which = benchmark or benchmark_in(file.stem, list(project.benchmarks))
    if which is None:
        allowed = ", ".join(project.benchmarks)
        raise ValueError(f"{file}: its name ends with no benchmark's; name one of {allowed}")
    [which] = _known(project, [which])
    answers = read_foreign(file)
    tsv = _obtained(root, ResultGraph(project), which)
    items = load_items(project.benchmarks[which], tsv)
    found = match(answers, items)
    if not found.texts:
        raise ValueError(
            f"{file}: it answers no question of {which}; first of its rows, {found.unmatched[0]}"
        )
    identity = f"sha256:{file_sha256(file, root / 'results' / CACHE)}"
    target = Target(plain_name(file.stem), identity, file, "nothink", served=False)
    runs = project.recipe.evaluation.model_copy(update={"runs": found.runs})
    project = replace(project, recipe=project.recipe.model_copy(update={"evaluation": runs}))
    config = _config(project, target, "nothink", {which: tsv.parent.name})
    folder = _folder_of(root, recipe, config, name or target.name)
    _store(found, [item.key for item in items], which, folder / "responses")
    for each in found.unmatched:
        print(f"{file}: left out, row {each}", file=sys.stderr)
    lacking = len(items) - len(found.texts)
    print(f"{which}: {len(found.texts)} of {len(items)} questions answered, {lacking} without")
    _score_and_show(root, config, {which: tsv}, folder, name or target.name)
    return folder


def _judged_twice(project: Project, second_judge: str | None) -> Project:
    """Return the project with this second judge in its evaluation; None keeps the recipe's, if any."""
    if second_judge is None:
        return project
    judge = Verifier(model=second_judge, max_unjudged=1.0)
    settings = project.recipe.evaluation.model_copy(update={"second_judge": judge})
    return replace(project, recipe=project.recipe.model_copy(update={"evaluation": settings}))


def _known(project: Project, names: list[str]) -> list[str]:
    unknown = [each for each in names if each not in project.benchmarks]
    if unknown:
        allowed = ", ".join(project.benchmarks)
        raise ValueError(f"no benchmark {', '.join(unknown)}; allowed: {allowed}")
    return names


def _folder_of(root: Path, recipe: str, config: EvaluationConfig, name: str) -> Path:
    """Return the folder of an evaluation, after writing its config there."""
    resolved = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    digest = hash_of("evaluation", resolved)
    folder = root / "results/evaluations" / name / f"{recipe}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    written = {"kind": "evaluation", "name": config.name, "hash": digest, RESOLVED: resolved}
    if not (folder / "config.json").exists():
        write_json(folder / "config.json", written)
    return folder


def _score_and_show(
    root: Path, config: EvaluationConfig, paths: dict[str, Path], folder: Path, name: str
) -> None:
    score_evaluation(config, responses=folder, benchmarks=paths, held_out={}, folder=folder)
    if config.probe is None:  # the answers of a probe are not answers to the file's questions
        write_exchange(config, paths, folder, plain_name(name))
    table = load_table(root / "config/benchmarks.yaml")
    write_pages(folder, paths, table, folder / "pages", name=name, against={})


def _store(found: Matched, keys: list[str], benchmark: str, responses: Path) -> None:
    """Store answers in the form of `answer`. A question without an answer gets an error instead."""
    lines = []
    for key in keys:
        texts = found.texts.get(key, ())
        for run in range(found.runs):
            there = run < len(texts)
            row = {"key": f"{benchmark}/{key}", "run": run, "text": texts[run] if there else ""}
            row |= {"finish_reason": "stop" if there else "error", "tokens": 0, "prompt_tokens": 0}
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    write_text(responses / f"{benchmark}.0-of-1.jsonl", "".join(lines))


def missing_parts(folder: Path) -> list[str]:
    """Write a line for each benchmark without a score, each unreadable row, and each missing judge."""
    scores = read_json(folder / "scores.json", "benchmarks", "held_out")
    lines = [f"{name} is missing: {reason}" for name, reason in scores["missing"].items()]
    for name, found in scores["benchmarks"].items():
        unreadable = found["unreadable"]
        for row in unreadable["rows"]:
            lines.append(f"{name}, row {row['row']} ({unreadable['scored']}): {row['reason']}")
        if judged := found.get("judged_by"):
            lines.append(f"{name}: judged by {judged}")
        if missing := found.get("second_judge", {}).get("missing"):
            lines.append(f"{name}: no second judge: {missing}")
    return lines


def _obtained(root: Path, graph: ResultGraph, name: str) -> Path:
    """Return a benchmark's TSV, after fetching it and writing its config beside it."""
    node = graph.benchmark(name)
    folder = root / node.folder
    # As the rule `config` writes it. An existing file stays, because the folder's name is its hash.
    if not (folder / "config.json").exists():
        write_json(folder / "config.json", node.config)
    obtain_or_report(BenchmarkConfig.model_validate(node.resolved), folder, root)
    return folder / f"{name}.tsv"


def _template(recipe: Recipe, target: Target) -> object:
    """Return how the model is asked: with our template, or as its authors ask it."""
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
        kind = os.environ.get("R1V3_SERVER_KIND")
        if kind in CLOSED and generation["mode"] != "nothink":
            raise ValueError(f"--mode: a server of kind {kind} opens no thought; allowed: nothink")
    resolved = {
        "version": VERSION["evaluation"],
        "name": target.name,
        "seed": recipe.seed,
        # A server renders the turns itself.
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
        resolved["determinism"] = "exact"
    return EvaluationConfig.model_validate(resolved)
