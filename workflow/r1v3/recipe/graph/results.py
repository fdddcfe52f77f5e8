"""Builds the graph of all results of a project: what each depends on, and so the name of its folder.

A result's config has the sections of the recipe that its stage reads, the ids `<name>-<hash>` of its
parents, and the version of the stage's code. The hash of that config names the folder. So a changed number
renames that folder and those of its descendants, and no others.
`r1v3.recipe.graph.configs` has a model for the config of each stage.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from pydantic import BaseModel

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.configs import (
    Answering,
    CheckpointOf,
    EvaluationSettings,
    IndexedBenchmark,
    ThinkingChanges,
)
from r1v3.recipe.graph.identity import ID, NAMED_AT_WILL, VERSION, Node, hash_of
from r1v3.recipe.graph.supplied import content_by_hand, content_of_places
from r1v3.recipe.load import Project
from r1v3.recipe.schema.data import SampledSet, SourceSet
from r1v3.recipe.schema.recipe import own_template
from r1v3.recipe.schema.training import Grpo, Sft
from r1v3.recipe.tables.licences import gated
from r1v3.recipe.tables.runs import ResolvedRun

Parts = dict[str, object]


class ResultGraph:
    """The nodes of all results of a project, made on demand.

    Raises:
        RecipeError: from any method, when a data set or run depends on itself.
    """

    def __init__(self, project: Project, *, labelled: bool = True):
        """Make a graph; `labelled` says whether runs of equal content share one folder name (`_labels`)."""
        self.project = project
        self.recipe = project.recipe
        self._labelled = labelled
        self._nodes: dict[tuple[str, ...], Node | None] = {}

    def data(self, name: str) -> Node:
        """Return the node of a data set of the recipe."""
        return self._once(("data set", name), self._data)

    def run(self, name: str) -> Node:
        """Return the node of a run of the run table."""
        return self._once(("run", name), self._run)

    def selection(self, run: str) -> Node:
        """Return the node of the choice among a reinforced run's checkpoints."""
        return self._once(("selection", run), self._selection)

    def benchmark(self, name: str) -> Node:
        """Return the node of the file of a benchmark of the benchmark table."""
        return self._once(("benchmark", name), self._benchmark)

    def evaluation_index(self, name: str = "evaluations") -> Node:
        """Return the node of the index of evaluations that training sets are compared with.

        It does not depend on a benchmark's prompt or metric, so changing these changes no training set. It
        depends on all that decides the evaluations' questions: a training set that was compared with other
        questions is another set.
        """
        return self._once(("evaluation index", name), self._evaluation_index)

    def evaluation(self, run: str, checkpoint: str, suite: str) -> Node:
        """Return the node of a checkpoint's answers and scores.

        Args:
            suite: may name a thinking mode: `checkpoint__nowait`.
        """
        return self._once(("evaluation", run, checkpoint, suite), self._evaluation)

    def at(self, folder: str) -> Node:
        """Return the node of a folder of results/.

        Raises:
            RecipeError: the present configuration makes no such folder.
        """
        shelf, *rest = PurePosixPath(folder).parts[1:]
        names = [part.rpartition("-")[0] or part for part in rest]
        if shelf in ("runs", "evaluations"):
            names[0] = self._run_names.get(rest[0], names[0])
        elif shelf == "selections":
            names[0] = self._selection_names.get(rest[0], names[0])
        make: dict[str, Callable[..., Node]] = {
            "data": self.data,
            "runs": self.run,
            "selections": self.selection,
            "benchmarks": self.benchmark,
            "evaluation_index": self.evaluation_index,
            "evaluations": lambda run, _, suite: self.evaluation(run, rest[1], suite),
        }
        try:
            node = make[shelf](*names)
        except KeyError as error:
            raise RecipeError([f"{folder}: the configuration names no {error}"]) from None
        if node.folder != folder:
            raise RecipeError([f"{folder}: the configuration now makes {node.folder}"])
        return node

    @cached_property
    def _run_names(self) -> dict[str, str]:
        """A name in the run table for each run's id."""
        return {self.run(name).id: name for name in reversed(self.project.runs)}

    @cached_property
    def _selection_names(self) -> dict[str, str]:
        """A name in the run table for the id of each reinforced run's selection."""
        reinforced = [name for name, run in self.project.runs.items() if run.stage == "grpo"]
        return {self.selection(name).id: name for name in reversed(reinforced)}

    @cached_property
    def _labels(self) -> dict[str, str]:
        """The name of each run's folder, by the run's hash.

        It is the name of the existing folder. Without one, it is the run's first name in the run table. So
        a run with a second name shares the folder, and a renamed run keeps it.
        """
        plain = ResultGraph(self.project, labelled=False)
        first: dict[str, str] = {}
        for name in self.project.runs:
            first.setdefault(plain.run(name).hash, name)
        return first | _labels_on_disk(self.project.root / "results/runs")

    def check(self) -> None:
        """Make the nodes of all data sets and runs.

        Raises:
            RecipeError: one of them depends on itself.
        """
        for name in self.recipe.data:
            self.data(name)
        for name in self.project.runs:
            self.run(name)

    def data_behind(self, runs: Iterable[str]) -> list[Node]:
        """Return the data sets that runs and all their ancestors are made from, sorted by name."""
        found: dict[str, Node] = {}
        waiting = [self.run(name) for name in runs]
        while waiting:
            node = waiting.pop()
            if node.kind == "data":
                found[node.name] = node
            waiting += [each for each in node.parents if each.kind != "evaluation_index"]
        return [found[name] for name in sorted(found)]

    def _once(self, key: tuple[str, ...], make: Callable[..., Node]) -> Node:
        if key not in self._nodes:
            self._nodes[key] = None  # None until the node is made, so that a cycle is noticed
            self._nodes[key] = make(*key[1:])
        node = self._nodes[key]
        if node is None:
            raise RecipeError([f"config: {key[0]} {key[1]} depends on itself"])
        return node

    def _node(
        self, kind: str, name: str, parents: list[Node], content: Parts, version: str | None = None
    ) -> Node:
        """Return a node with the content as its config, with pydantic models as plain mappings.

        `content` may have a `seed` in place of the recipe's.
        """
        config = {"seed": self.recipe.seed} | {key: _plain(part) for key, part in content.items()}
        config |= {"version": VERSION[version or kind], "name": name}
        label = name
        if kind == "probe":
            label = parents[0].label
        elif kind in NAMED_AT_WILL and self._labelled:
            label = self._labels.get(hash_of(kind, config), name)
        return Node(kind, name, config | {"name": label}, tuple(parents), label)

    def _shown(self) -> Parts:
        """Return the settings of every stage that shows a picture to a model."""
        shown: Parts = {"template": self.recipe.template, "images": self.recipe.images}
        # Otherwise the key is left out, so that earlier results keep their names.
        if self.recipe.determinism == "exact":
            shown["determinism"] = "exact"
        return shown

    def _asked(self, run: str) -> Parts:
        """Return what a run's model is asked with: our template, and the instruction of its training, if any.

        A model from a hub keeps its own template. A server applies that template itself.
        """
        training, shown = self.project.runs[run], self._shown()
        if training.entry.stage == "model":
            spec = self.recipe.models[training.entry.model]
            if spec.source == "hub" and self.recipe.generation.engine != "server":
                return shown | {"template": own_template(spec)}
            return shown
        settings = training.settings
        instruction = settings.instruction if isinstance(settings, Grpo) else None
        return shown | ({"instruction": instruction} if instruction else {})

    def _answering(self, run: str | None = None, thinking_mode: str = "") -> Answering:
        """Return the engine and the mode.

        The mode is that of the thinking mode if one is given. Otherwise it is that of the run or of its
        model, and by default the recipe's.
        """
        engine, mode = self.recipe.generation.engine, self.recipe.generation.mode
        entry = self.project.runs[run].entry if run else None
        if entry and entry.stage == "model":
            mode = self.recipe.models[entry.model].mode
        if entry and entry.stage == "grpo" and entry.mode is not None:
            mode = entry.mode
        if not thinking_mode and mode != "nowait":
            return Answering(engine=engine, mode=mode)
        changes = dict(self.recipe.thinking.modes()[thinking_mode or "nowait"])
        mode = changes.pop("mode")
        if not changes:
            return Answering(engine=engine, mode=mode)
        return Answering(engine=engine, mode=mode, thinking=ThinkingChanges(**changes))

    def _data(self, name: str) -> Node:
        entry = self.recipe.data[name]
        if isinstance(entry, SampledSet):
            return self._sampled_data(name, entry)
        return self._source_data(name, entry)

    def _source_data(self, name: str, entry: SourceSet) -> Node:
        drawn = entry.model_dump()
        if entry.source.kind == "listed":
            sources = self.project.sources
            names, out = gated(self.recipe.licences, entry.source, sources)
            del drawn["source"]["instead"]
            drawn["source"]["entries"] = {each: sources[each].hashed() for each in names}
            if out:
                drawn["source"]["ruled_out"] = out
            local: dict[str, str] = {}
            for each in names:
                local |= content_of_places(sources[each].where, self.project.root)
            if local:
                drawn["source"]["content"] = local
        compared = entry.contaminated is not None
        exclude = None if compared else {"benchmarks", "held_out"}
        content: Parts = {
            "set": drawn,
            "cleaning": self.recipe.cleaning.model_dump(exclude=exclude),
        }
        parents = [self.evaluation_index()] if compared else []
        if parents:
            content["evaluation_index"] = parents[0].id
        return self._node("data", name, parents, content, version="source")

    def _sampled_data(self, name: str, entry: SampledSet) -> Node:
        questions = self.data(entry.questions)
        by, parents = self._checkpoint(entry.by, entry.checkpoint)
        content: Parts = {
            "set": entry,
            "questions": questions.id,
            "by": by,
            **self._asked(entry.by),
            "generation": self._answering(entry.by),
            "grading": self.recipe.grading,
        }
        return self._node("data", name, [questions, *parents], content, version="sampled")

    def _run(self, name: str) -> Node:
        run = self.project.runs[name]
        if run.entry.stage == "model":
            return self._model(name, run.entry.model)
        return self._trained(name, run)

    def _trained(self, name: str, run: ResolvedRun) -> Node:
        entry, settings = run.entry, run.settings
        assert entry.stage != "model"
        assert settings is not None
        start, start_parents = self._checkpoint(entry.start, entry.checkpoint)
        data = self.data(entry.data)
        parents = [*start_parents, data]
        content = self._shown() | {"start": start, "data": data.id, "settings": settings}
        if entry.seed is not None:
            content["seed"] = entry.seed
        if isinstance(settings, Sft):
            stopping = settings.early_stopping
            validation = self.data(stopping.validation) if stopping else None
            content["validation"] = validation.id if validation else None
            parents += [validation] if validation else []
        elif entry.stage == "grpo":
            # Left out if empty, so that runs that are older than this key keep their names.
            if entry.without:
                content["without"] = entry.without
            content |= {"entropy": self.recipe.entropy, "generation": self._answering(name)}
        return self._node(entry.stage, name, parents, content)

    def _checkpoint(self, run: str, checkpoint: str) -> tuple[CheckpointOf, list[Node]]:
        """Return a run's checkpoint, and the nodes that it comes from."""
        parents = [self.run(run)]
        if checkpoint == "selected":
            parents.append(self.selection(run))
        selection = parents[1].id if checkpoint == "selected" else None
        found = CheckpointOf(run=parents[0].id, checkpoint=checkpoint, selection=selection)
        return found, parents

    def _model(self, name: str, model: str) -> Node:
        spec = self.recipe.models[model]
        # The way in which a hub's model is asked does not change its files.
        built, parents, start = spec.model_dump(exclude={"system", "tags"}), [], None
        if spec.source != "hub":
            settings = self.recipe.sft[spec.settings]
            built["settings"] = settings.model_dump()
            names = [spec.data, *(spec.tokenizer_data if spec.source == "scratch" else [])]
            if settings.early_stopping:
                names.append(settings.early_stopping.validation)
            parents = [self.data(each) for each in dict.fromkeys(names)]
        data = {node.name: node.id for node in parents}
        if spec.source == "tuned":
            start = self.run(self._run_of_model(spec.start))
            parents = [*parents, start]
        content = {"spec": built, "data": data, "start": start.id if start else None}
        return self._node("model", name, parents, self._shown() | content)

    def _run_of_model(self, model: str) -> str:
        runs = self.project.runs.values()
        return next(r.name for r in runs if r.entry.stage == "model" and r.entry.model == model)

    def _selection(self, run: str) -> Node:
        policy, data = self.run(run), self.data(self.recipe.selection.probe)
        content: Parts = {
            "run": policy.id,
            "data": data.id,
            "selection": self.recipe.selection,
            "entropy": self.recipe.entropy,
            **self._asked(run),
            "generation": self._answering(run),
            "grading": self.recipe.grading,
        }
        return self._node("probe", run, [policy, data], content)

    def _benchmark(self, name: str) -> Node:
        section, entry = self.recipe.evaluation, self.project.benchmarks[name]
        if section.source == "files" or entry.miniature is None:
            file: Parts = {"made_from": "files"}
            file["source"] = entry.source.model_dump(exclude_unset=True)
            if content := content_by_hand(name, entry.source, self.project.root):
                file["content"] = content
        else:
            file = {"made_from": "miniature"}
            file |= entry.miniature.model_dump(include={"domains", "tasks"})
            file["items"] = section.items
        return self._node("benchmark", name, [], {"benchmark": name, "file": file})

    def _evaluation_index(self, name: str) -> Node:
        cleaning = self.recipe.cleaning
        files = {each: self.benchmark(each) for each in cleaning.benchmarks}
        keys = set(IndexedBenchmark.model_fields) - {"file"}
        benchmarks = {
            each: {"file": file.id}
            | self.project.benchmarks[each].model_dump(include=keys, exclude_unset=True)
            for each, file in files.items()
        }
        held_out = [self.data(each) for each in cleaning.held_out]
        content: Parts = {
            "cleaning": cleaning,
            "benchmarks": benchmarks,
            "held_out": {node.name: node.id for node in held_out},
        }
        return self._node("evaluation_index", name, [*files.values(), *held_out], content)

    def _evaluation(self, run: str, checkpoint: str, name: str) -> Node:
        section = self.recipe.evaluation
        answered, parents = self._checkpoint(run, checkpoint)
        suite, _, thinking_mode = name.partition("__")
        names = {
            "benchmarks": section.benchmarks,
            "checkpoint": [section.checkpoint_benchmark],
            "study": section.study.benchmarks,
        }
        benchmarks = {each: self.benchmark(each) for each in names.get(suite, [])}
        sets = {"held_out": section.held_out, "study": section.study.sets}
        held_out = {label: self.data(each) for label, each in sets.get(suite, {}).items()}
        settings = section.model_dump(include=set(EvaluationSettings.model_fields))
        if suite == "held_out":
            settings |= {"temperature": 0.0, "runs": 1}  # greedy decoding, so one run is enough
        content: Parts = {
            **self._asked(run),
            "generation": self._answering(run, thinking_mode),
            "grading": self.recipe.grading,
            "run": answered.run,
            "checkpoint": checkpoint,
            "selection": answered.selection,
            "suite": suite,
            "evaluation": settings,
            "benchmarks": {each: node.id for each, node in benchmarks.items()},
            "entries": {
                each: self.project.benchmarks[each].asked(section.source) for each in benchmarks
            },
            "held_out": {label: node.id for label, node in held_out.items()},
        }
        parents = [*parents, *benchmarks.values(), *held_out.values()]
        return self._node("evaluation", name, parents, content)


def _labels_on_disk(runs: Path) -> dict[str, str]:
    """Return the name of each run's folder by its hash; a finished folder comes before another."""
    folders = sorted(runs.glob("*-*"), key=lambda f: (not (f / "manifest.json").exists(), f.name))
    found: dict[str, str] = {}
    for folder in folders:
        if (folder / "config.json").exists() and ID.fullmatch(folder.name):
            label, _, hash = folder.name.rpartition("-")
            found.setdefault(hash, label)
    return found


def _plain(part: object) -> object:
    """Return a part of a config as it is hashed: without the keys that were not set."""
    if isinstance(part, BaseModel):
        return part.model_dump(mode="json", exclude_unset=True)
    return part
