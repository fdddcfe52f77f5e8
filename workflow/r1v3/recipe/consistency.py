"""Checks that names in a recipe refer to something, and that no training set has evaluation questions."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from r1v3.recipe.errors import KeyPath, unknown
from r1v3.recipe.layers import Layers
from r1v3.recipe.schema.data import ListedSource, SampledSet
from r1v3.recipe.schema.recipe import Recipe
from r1v3.recipe.schema.training import Grpo, Sft
from r1v3.recipe.tables.licences import gated
from r1v3.recipe.tables.runs import ResolvedRun
from r1v3.recipe.tables.sources import SourceEntry

Runs = dict[str, ResolvedRun]
Mistakes = Iterator[tuple[KeyPath, str]]


def mistakes_of_recipe(
    recipe: Recipe,
    layers: Layers,
    benchmarks: Collection[str],
    sources: Mapping[str, SourceEntry],
    runs: Runs,
) -> list[str]:
    """Return one line for each name of the recipe that refers to nothing or to the wrong kind of set."""
    lines = []
    found = [*_recipe_mistakes(recipe, benchmarks, runs)]
    for path, line in [*found, *_data_mistakes(recipe, benchmarks, sources)]:
        lines.append(f"{layers.file_of(path)}: {'.'.join(map(str, path))}: {line}")
    return lines


def mistakes_of_runs(runs: dict[str, ResolvedRun], recipe: Recipe, file: Path) -> list[str]:
    """Return one line for each reference of the run table to something that does not exist."""
    lines = []
    for run in runs.values():
        for key, line in _run_mistakes(run, runs, recipe):
            lines.append(f"{file}: run {run.name}: {key}: {line}")
    return lines


def _recipe_mistakes(recipe: Recipe, benchmarks: Collection[str], runs: Runs) -> Mistakes:
    for name, model in recipe.models.items():
        at = ("models", name)
        if model.source == "hub":
            continue
        if model.settings not in recipe.sft:
            line = unknown("entry of the recipe's sft", model.settings, recipe.sft)
            yield (*at, "settings"), line
        yield from _set_mistakes(recipe, (*at, "data"), model.data, "train")
        if model.source == "scratch":
            for position, text in enumerate(model.tokenizer_data):
                yield from _set_mistakes(recipe, (*at, "tokenizer_data", position), text, "train")
        elif model.start not in recipe.models:
            yield (*at, "start"), unknown("model", model.start, recipe.models)
        elif not any(
            r.entry.stage == "model" and r.entry.model == model.start for r in runs.values()
        ):
            yield (*at, "start"), f"no run of stage model in the run table makes '{model.start}'"
    for name, entry in recipe.data.items():
        at = ("data", name)
        if isinstance(entry, SampledSet):
            if entry.by not in runs:
                yield (*at, "by"), unknown("run", entry.by, runs)
            elif entry.checkpoint == "selected" and runs[entry.by].stage != "grpo":
                line = (
                    f"'selected' needs a run of stage grpo, and '{entry.by}' is none; allowed: last"
                )
                yield (*at, "checkpoint"), line
            if entry.questions not in recipe.data:
                yield (*at, "questions"), unknown("data set", entry.questions, recipe.data)
    for name, settings in recipe.sft.items():
        if settings.early_stopping:
            at = ("sft", name, "early_stopping", "validation")
            yield from _set_mistakes(recipe, at, settings.early_stopping.validation, "validation")
    for name, settings in recipe.grpo.items():
        steps = [stage.step for stage in settings.lengths]
        if not steps or steps[0] != 0 or steps != sorted(set(steps)):
            line = f"the first step must be 0 and steps must grow, got {steps}"
            yield ("grpo", name, "lengths"), line
        if recipe.generation.engine == "vllm" and settings.top_p < 1:
            yield (
                ("grpo", name, "top_p"),
                (
                    f"must be 1 with generation.engine vllm, got {settings.top_p}: its log-probabilities are"
                    " those after the nucleus is cut, which the policy's own are not"
                ),
            )
    yield from _set_mistakes(recipe, ("selection", "probe"), recipe.selection.probe, "validation")
    at = ("evaluation",)
    for name, held_out in recipe.evaluation.held_out.items():
        yield from _set_mistakes(recipe, (*at, "held_out", name), held_out, "test")
    study = recipe.evaluation.study
    for name, held_out in study.sets.items():
        yield from _set_mistakes(recipe, (*at, "study", "sets", name), held_out, "validation")
    for where, names in (
        (("benchmarks",), recipe.evaluation.benchmarks),
        (("study", "benchmarks"), study.benchmarks),
    ):
        for position, name in enumerate(names):
            if name not in benchmarks:
                yield (*at, *where, position), unknown("benchmark", name, benchmarks)
    if recipe.evaluation.checkpoint_benchmark not in benchmarks:
        name = recipe.evaluation.checkpoint_benchmark
        yield (*at, "checkpoint_benchmark"), unknown("benchmark", name, benchmarks)


def _data_mistakes(
    recipe: Recipe, benchmarks: Collection[str], sources: Mapping[str, SourceEntry]
) -> Mistakes:
    for name, entry in recipe.data.items():
        if isinstance(entry, SampledSet):
            continue
        at = ("data", name)
        if isinstance(entry.source, ListedSource):
            yield from _source_mistakes(entry.source, recipe.licences, at, sources)
        if entry.contaminated and entry.source.instances != "train":
            line = (
                "what evaluations are compared with cannot be compared with them; allowed: null, as "
                f"source.instances is {entry.source.instances}"
            )
            yield (*at, "contaminated"), line
    yield from _overlaps(recipe, sources)
    for position, name in enumerate(recipe.cleaning.benchmarks):
        if name not in benchmarks:
            yield ("cleaning", "benchmarks", position), unknown("benchmark", name, benchmarks)
    for position, name in enumerate(recipe.cleaning.held_out):
        at = ("cleaning", "held_out", position)
        if name not in recipe.data:
            yield at, unknown("data set", name, recipe.data)
        elif isinstance(held_out := recipe.data[name], SampledSet) or held_out.contaminated:
            yield at, f"data set '{name}' is compared with evaluations and cannot be one of them"


def _source_mistakes(
    source: ListedSource, gate: str, at: KeyPath, sources: Mapping[str, SourceEntry]
) -> Mistakes:
    """Yield what is wrong with a set's sources.

    Each source must exist, and the licences must admit at least one. A source that is split by a hash must
    have the part that the set asks for.
    """
    strange = False
    for key, names in (("entries", source.entries), ("instead", source.instead)):
        for position, each in enumerate(names):
            if each not in sources:
                strange = True
                yield (*at, "source", key, position), unknown("source", each, sources)
    if strange:
        return
    kept, out = gated(gate, source, sources)
    if not kept:
        told = ", ".join(f"{name} ({licence})" for name, licence in out.items())
        yield (
            (*at, "source"),
            f"licences {gate} leave none of its sources: {told}; name others in `instead`, or allow more",
        )
    for each in kept:
        split = sources[each].split
        if split is not None and source.split not in split.shares:
            yield (
                (*at, "source", "split"),
                unknown(f"part of the source {each}", source.split, split.shares),
            )


def _overlaps(recipe: Recipe, sources: Mapping[str, SourceEntry]) -> Mistakes:
    """Yield each pair of sets that take the same rows of a source for different purposes.

    Decontamination finds questions that two different sources share, once their files can be read.
    """
    taken: list[tuple[str, str, str, ListedSource]] = []
    for name, entry in recipe.data.items():
        if isinstance(entry, SampledSet) or not isinstance(entry.source, ListedSource):
            continue
        purpose = "probe" if name == recipe.selection.probe else entry.source.instances
        if any(n not in sources for n in (*entry.source.entries, *entry.source.instead)):
            continue  # `_source_mistakes` reports it
        for each in gated(recipe.licences, entry.source, sources)[0]:
            for other, its_purpose, its_entry, listed in taken:
                mine, its = sources[each], sources[its_entry]
                if its_purpose == purpose or mine.where != its.where:
                    continue
                if listed.split == entry.source.split:
                    yield (
                        ("data", name, "source", "split"),
                        f"takes the same part of {each} as '{other}', which is of another purpose"
                        f" ({its_purpose}, not {purpose}); cut the source by a hash (`split`) and name parts",
                    )
                elif mine.split != its.split:
                    yield (
                        ("data", name, "source", "split"),
                        f"{each} and {its_entry} of '{other}' are the same files, cut in different ways, so"
                        " their parts overlap; give both the same `split`",
                    )
            taken.append((name, purpose, each, entry.source))


def _run_mistakes(run: ResolvedRun, runs: Runs, recipe: Recipe) -> Iterator[tuple[str, str]]:
    entry = run.entry
    if entry.stage == "model":
        if entry.model not in recipe.models:
            yield "model", unknown("model", entry.model, recipe.models)
        return
    if entry.start not in runs:
        yield "from", unknown("run", entry.start, runs)
    elif entry.checkpoint == "selected" and runs[entry.start].stage != "grpo":
        grpo = [name for name, other in runs.items() if other.stage == "grpo"]
        yield (
            "checkpoint",
            (
                f"'selected' needs a run of stage grpo in `from`, and '{entry.start}' is of stage "
                f"{runs[entry.start].stage}; allowed: last, or from one of {', '.join(grpo)}"
            ),
        )
    for _, line in _set_mistakes(recipe, (), entry.data, "train"):
        yield "data", line
    if isinstance(run.settings, Grpo) and run.settings.curriculum:
        drawn = recipe.data.get(entry.data)
        if not isinstance(drawn, SampledSet) or drawn.otherwise != "question":
            yield (
                "set.curriculum",
                (
                    f"data set '{entry.data}' has no measured pass rates for every question; a set of kind "
                    "sampled with otherwise question has them"
                ),
            )
    if isinstance(run.settings, Sft) and run.settings.early_stopping:
        validation = run.settings.early_stopping.validation
        for _, line in _set_mistakes(recipe, (), validation, "validation"):
            yield "set.early_stopping.validation", line


def _set_mistakes(recipe: Recipe, at: KeyPath, name: str, instances: str) -> Mistakes:
    """Yield what is wrong with a reference to a set: it must exist, and its `instances` must fit its use.

    So no training run learns from questions of a test set.
    """
    if name not in recipe.data:
        yield at, unknown("data set", name, recipe.data)
        return
    entry = recipe.data[name]
    if isinstance(entry, SampledSet):
        entry = recipe.data.get(entry.questions)
    if entry is None or isinstance(entry, SampledSet):
        return
    if entry.source.instances != instances:
        fitting = [
            other
            for other, held in recipe.data.items()
            if not isinstance(held, SampledSet) and held.source.instances == instances
        ]
        yield (
            at,
            (
                f"data set '{name}' has instances '{entry.source.instances}' where '{instances}' is "
                f"needed; allowed: {', '.join(fitting)}"
            ),
        )
