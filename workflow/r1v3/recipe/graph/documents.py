"""What each result depends on, as a document; the hash of it names the result's folder.

A document holds the resolved sections that its stage reads, the ids `<name>-<hash>` of its parents, and
the stage's version; so a changed number renames that folder and those of its descendants, and nothing
else. Every document holds version, name and seed; those of stages that show pictures to a model also
template (`own` where a model from a hub answers) and images. The rest by kind (`null` where there is none):

    data        set; for a set from sources also cleaning, and the entries of listed sources; for a
                sampled set questions, by {run, checkpoint, selection}, generation, grading
    evaluation_index  cleaning, benchmarks {name: what decides its questions}, held_out {name: id}
    model       spec, data {set: id}, start
    sft         settings, start {run, checkpoint, selection}, data, validation
    grpo        settings, start, data, entropy, generation
    probe       run, data, selection, entropy, generation, grading
    benchmark   benchmark, entry, source, items
    evaluation  run, checkpoint, selection, suite, evaluation, benchmarks
                {name: id}, held_out {name: id}, generation, grading
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.identity import OWN, VERSION, Node
from r1v3.recipe.load import Project
from r1v3.recipe.schema.data import SampledSet


class Documents:
    """All documents of a project, made on demand.

    Raises:
        RecipeError: from any method, when a data set or run depends on itself.
    """

    def __init__(self, project: Project):
        self.project = project
        self.recipe = project.recipe
        self._nodes: dict[tuple, Node | None] = {}

    def data(self, name: str) -> Node:
        return self._once(("data set", name), self._data)

    def run(self, name: str) -> Node:
        return self._once(("run", name), self._run)

    def probe(self, run: str) -> Node:
        return self._once(("selection", run), self._probe)

    def benchmark(self, name: str) -> Node:
        return self._once(("benchmark", name), self._benchmark)

    def evaluation(self, run: str, checkpoint: str, suite: str) -> Node:
        """`suite` may name a way of thinking: `checkpoint__nowait`."""
        return self._once(("evaluation", run, checkpoint, suite), self._evaluation)

    def at(self, folder: str) -> Node:
        """The node that lives in a folder of results/.

        Raises:
            RecipeError: the present configuration makes no such folder.
        """
        shelf, *rest = PurePosixPath(folder).parts[1:]
        names = [part.rpartition("-")[0] or part for part in rest]
        make = {
            "data": self.data,
            "runs": self.run,
            "selections": self.probe,
            "benchmarks": self.benchmark,
            "evaluation_index": self.evaluation_index,
            "evaluations": lambda run, _, suite: self.evaluation(run, rest[1], suite),
        }[shelf]
        node = make(*names)
        if node.folder != folder:
            raise RecipeError([f"{folder}: the configuration now makes {node.folder}"])
        return node

    def check(self) -> None:
        """Make the documents of all data sets, benchmarks and runs.

        Raises:
            RecipeError: one of them depends on itself.
        """
        for name in self.recipe.data:
            self.data(name)
        for name in self.project.runs:
            self.run(name)

    def data_of(self, runs: Iterable[str]) -> list[Node]:
        """The data sets that runs, and all before them, are made from, by name."""
        found: dict[str, Node] = {}
        waiting = [self.run(name) for name in runs]
        while waiting:
            node = waiting.pop()
            if node.kind == "data":
                found[node.name] = node
            waiting += node.parents
        return [found[name] for name in sorted(found)]

    def _once(self, key: tuple, make) -> Node:
        if self._nodes.get(key, 0) is None:
            raise RecipeError([f"config: {key[0]} {key[1]} depends on itself"])
        if key not in self._nodes:
            self._nodes[key] = None
            self._nodes[key] = make(*key[1:])
        return self._nodes[key]

    def _node(self, kind: str, name: str, version: str, parents: list[Node], **document) -> Node:
        document = {"seed": self.recipe.seed} | document
        document |= {"version": VERSION[version], "name": name}
        return Node(kind, name, document, tuple(parents))

    @property
    def _dialogue(self) -> dict:
        """What every stage that shows a picture to a model reads."""
        return {
            "template": self.recipe.template.model_dump(),
            "images": self.recipe.images.model_dump(),
        }

    def _asked(self, run: str) -> dict:
        """What a run's model is asked with: our template and the instruction that it learnt with, if any.

        A model from a hub keeps its own template, which a server applies by itself.
        """
        resolved, dialogue = self.project.runs[run], self._dialogue
        if resolved.stage == "model":
            hub = self.recipe.models[resolved.entry.model].source == "hub"
            own = hub and self.recipe.generation.engine != "server"
            return dialogue | ({"template": OWN} if own else {})
        instruction = getattr(resolved.settings, "instruction", None)
        return dialogue | ({"instruction": instruction} if instruction else {})

    def _generation(self, run: str | None = None, way: str = "") -> dict:
        """The engine, and the mode: a way of thinking's, a run's, or a model's that no run trains."""
        settings = self.recipe.generation.model_dump(exclude={"parity"})
        if run and self.project.runs[run].stage == "model":
            settings["mode"] = self.recipe.models[self.project.runs[run].entry.model].mode
        if way or settings["mode"] == "nowait":
            changes = dict(self.recipe.thinking.ways()[way or "nowait"])
            settings["mode"] = changes.pop("mode")
            settings |= {"thinking": changes} if changes else {}
        return {"generation": settings}

    @property
    def _grading(self) -> dict:
        return {"grading": self.recipe.grading.model_dump()}

    def _data(self, name: str) -> Node:
        entry = self.recipe.data[name]
        content = {"set": entry.model_dump()}
        if not isinstance(entry, SampledSet):
            apart = None if entry.contaminated else {"benchmarks", "held_out"}
            content["cleaning"] = self.recipe.cleaning.model_dump(exclude=apart)
            if entry.source.kind == "listed":
                entries = {each: self.project.sources[each] for each in entry.source.entries}
                content["set"]["source"]["entries"] = entries
            return self._node("data", name, "source", [], **content)
        questions = self.data(entry.questions)
        by, parents = self._start(entry.by, entry.checkpoint)
        content |= {"questions": questions.id, "by": by}
        content |= self._asked(entry.by) | self._generation(entry.by) | self._grading
        return self._node("data", name, "sampled", [questions, *parents], **content)

    def _run(self, name: str) -> Node:
        run = self.project.runs[name]
        if run.stage == "model":
            return self._model(name, run.entry.model)
        start, start_parents = self._start(run.entry.start, run.entry.checkpoint)
        data = self.data(run.entry.data)
        parents = [*start_parents, data]
        content = self._dialogue | {"start": start, "data": data.id}
        content["settings"] = run.settings.model_dump()
        if run.entry.seed is not None:
            content["seed"] = run.entry.seed
        if run.stage == "grpo":
            # Left out where nothing is, so that runs from before this key keep their names.
            content |= {"without": run.entry.without} if run.entry.without else {}
            content |= {"entropy": self.recipe.entropy.model_dump()} | self._generation()
        else:
            validation = self._validation(run.settings)
            content["validation"] = validation.id if validation else None
            parents += [validation] if validation else []
        return self._node(run.stage, name, run.stage, parents, **content)

    def _validation(self, settings) -> Node | None:
        stopping = settings.early_stopping
        return self.data(stopping.validation) if stopping else None

    def _start(self, run: str, checkpoint: str) -> tuple[dict, list[Node]]:
        parent = self.run(run)
        start = {"run": parent.id, "checkpoint": checkpoint, "selection": None}
        if checkpoint != "selected":
            return start, [parent]
        selection = self.probe(run)
        return start | {"selection": selection.id}, [parent, selection]

    def _model(self, name: str, model: str) -> Node:
        spec = self.recipe.models[model]
        content = {"spec": spec.model_dump(), "data": {}, "start": None}
        parents = []
        if spec.source != "hub":
            settings = self.recipe.sft[spec.settings]
            content["spec"]["settings"] = settings.model_dump()
            names = [spec.data, *getattr(spec, "tokenizer_data", [])]
            if settings.early_stopping:
                names.append(settings.early_stopping.validation)
            parents = [self.data(each) for each in dict.fromkeys(names)]
            content["data"] = {node.name: node.id for node in parents}
        if spec.source == "tuned":
            start = self.run(self._run_of_model(spec.start))
            content["start"] = start.id
            parents = [*parents, start]
        return self._node("model", name, "model", parents, **self._dialogue, **content)

    def _run_of_model(self, model: str) -> str:
        runs = self.project.runs.values()
        return next(r.name for r in runs if r.stage == "model" and r.entry.model == model)

    def _probe(self, run: str) -> Node:
        policy, data = self.run(run), self.data(self.recipe.selection.probe)
        content = {"run": policy.id, "data": data.id}
        content |= {"selection": self.recipe.selection.model_dump()}
        content |= {"entropy": self.recipe.entropy.model_dump()}
        content |= self._asked(run) | self._generation() | self._grading
        return self._node("probe", run, "probe", [policy, data], **content)

    def _benchmark(self, name: str) -> Node:
        evaluation = self.recipe.evaluation
        return self._node(
            "benchmark",
            name,
            "benchmark",
            [],
            benchmark=name,
            entry=self.project.benchmarks[name],
            source=evaluation.source,
            items=evaluation.items,
        )

    def evaluation_index(self, name: str = "evaluations") -> Node:
        """What training sets are compared with. A benchmark's prompt or metric is no part of it, so that
        changing one makes no other training set."""
        return self._once(("evaluation index", name), self._evaluation_index)

    def _evaluation_index(self, name: str) -> Node:
        cleaning, evaluation = self.recipe.cleaning, self.recipe.evaluation
        parts = (
            ("source", "select", "miniature")
            if evaluation.source == "miniature"
            else ("source", "select")
        )
        benchmarks = {
            each: {part: self.project.benchmarks[each].get(part) for part in parts}
            | {"from": evaluation.source, "items": evaluation.items}
            for each in cleaning.benchmarks
        }
        held_out = [self.data(each) for each in cleaning.held_out]
        return self._node(
            "evaluation_index",
            name,
            "evaluation_index",
            [*map(self.benchmark, cleaning.benchmarks), *held_out],
            cleaning=cleaning.model_dump(),
            benchmarks=benchmarks,
            held_out={node.name: node.id for node in held_out},
        )

    def _evaluation(self, run: str, checkpoint: str, suite: str) -> Node:
        section = self.recipe.evaluation
        start, parents = self._start(run, checkpoint)
        name, (suite, _, way) = suite, suite.partition("__")
        names = {
            "benchmarks": section.benchmarks,
            "checkpoint": [section.checkpoint_benchmark],
            "study": section.study.benchmarks,
        }
        benchmarks = {name: self.benchmark(name) for name in names.get(suite, [])}
        sets = {"held_out": section.held_out, "study": section.study.sets}
        held_out = {name: self.data(each) for name, each in sets.get(suite, {}).items()}
        settings = section.model_dump(
            exclude={"benchmarks", "checkpoint_benchmark", "source", "items", "held_out", "study"}
        )
        if suite == "held_out":
            settings |= {"temperature": 0.0, "runs": 1}  # decoded greedily, so once
        content = {
            **self._asked(run),
            **self._generation(run, way),
            **self._grading,
            "run": start["run"],
            "checkpoint": checkpoint,
            "selection": start["selection"],
            "suite": suite,
            "evaluation": settings,
            "benchmarks": {name: node.id for name, node in benchmarks.items()},
            "held_out": {name: node.id for name, node in held_out.items()},
        }
        parents = [*parents, *benchmarks.values(), *held_out.values()]
        return self._node("evaluation", name, "evaluation", parents, **content)
