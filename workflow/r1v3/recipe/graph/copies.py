"""What MLflow's copies take: `mlflow` holds the core path, `mlflow-studies` what all studies read, and
`mlflow-branch-<page>` a branch and its parent alone.

A copy of another store than the checkout's own carries that store's mark: `mlflow-0123456789`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.arms import Needs, needs_of_all
from r1v3.recipe.graph.branches import branch_needs
from r1v3.recipe.graph.identity import Node
from r1v3.recipe.graph.targets import Targets
from r1v3.recipe.tables.runs import CORE

BRANCH = "mlflow-branch-"


@dataclass(frozen=True)
class Copies:
    """Paths that the copies read; `mark` tells the store, and is empty for the checkout's own."""

    targets: Targets
    mark: str = ""

    def runs(self, copy: str) -> list[str]:
        """The manifests of a copy's runs."""
        return [f"{node.folder}/manifest.json" for node in self._runs(copy)]

    def selections(self, copy: str) -> list[str]:
        """The manifests of a copy's selections."""
        if page := self.page_of(copy):
            needed = branch_needs(self.targets.graph, page)
            return [f"{node.folder}/manifest.json" for node in needed.probes]
        core = f"{self.targets.graph.selection('rl').folder}/manifest.json"
        studied = [f"{node.folder}/manifest.json" for node in self._studied().probes]
        return [core, *self._further(copy, [*studied, *self._chosen()], [core])]

    def scores(self, copy: str) -> list[str]:
        """A copy's scores: the core path's, and what studies ask.

        Other thinking modes than a run's own are left out, since their scores have the same names.
        """
        targets, made = self.targets, self._made()
        if page := self.page_of(copy):
            asked = branch_needs(targets.graph, page).evaluations
            return list(dict.fromkeys([*(f"{n.folder}/scores.json" for n in asked), *made]))
        core = [*targets.checkpoint_scores("rl"), *targets.held_out_scores()]
        core.append(targets.scores("final", "last", "benchmarks"))
        asked = [n for n in self._studied().evaluations if "__" not in n.name]
        paths = [*(f"{n.folder}/scores.json" for n in asked), *made]
        return [*core, *self._further(copy, paths, core)]

    def before(self, copy: str) -> str | list[str]:
        """The copy that another goes on from; two at once would get in each other's way."""
        alone = self._is_core(copy) or self.page_of(copy)
        return [] if alone else f"results/mlflow{self.mark}.json"

    def wanted(self, name: str) -> str | list[str]:
        """The copy `mlflow` or `mlflow-studies`, where it is wanted.

        In a clone whose runs all came recorded none is made as long as there is no database; `make ui`
        makes one.
        """
        copy = f"{name}{self.mark}"
        files = ("manifest.json", "data.dvc")
        recorded = all(Path(node.folder, f).exists() for node in self._runs(copy) for f in files)
        unwanted = recorded and not self.mark and not Path("mlflow.db").exists()
        return [] if unwanted else f"results/{copy}.json"

    def branch(self, page: str) -> str:
        """The receipt of a branch's own copy."""
        return f"results/{BRANCH}{page}{self.mark}.json"

    def present(self) -> tuple[list[str], list[str], list[str]]:
        """The runs, selections and scores that are there, of all that copies may take."""
        graph = self.targets.graph
        ids = dict.fromkeys(graph.run(name).folder for name in graph.project.runs)
        core = f"mlflow{self.mark}"
        return (
            [f"{each}/manifest.json" for each in ids if Path(each, "manifest.json").exists()],
            self._chosen(),
            [path for path in self.scores(core) if Path(path).exists()],
        )

    def page_of(self, copy: str) -> str:
        """The page whose runs a copy holds; empty for the others."""
        named = copy.startswith(BRANCH)
        return copy.removeprefix(BRANCH).removesuffix(self.mark) if named else ""

    def _chosen(self) -> list[str]:
        """The manifests of all selections that are there."""
        graph = self.targets.graph
        reinforced = [name for name, run in graph.project.runs.items() if run.stage == "grpo"]
        paths = dict.fromkeys(f"{graph.selection(n).folder}/manifest.json" for n in reinforced)
        return [path for path in paths if Path(path).exists()]

    def _made(self) -> list[str]:
        """The scores that pages of branches have asked for so far, beside what the core path asks."""
        graph = self.targets.graph
        folders = [Path("results/evaluations") / graph.run(name).id for name in graph.project.runs]
        found = [
            path.as_posix()
            for folder in dict.fromkeys(folders)
            for suite in ("checkpoint", "held_out", "study", "benchmarks")
            for path in sorted(folder.glob(f"*/{suite}-*/scores.json"))
        ]
        return [path for path in found if self._is_present(str(Path(path).parent))]

    def _is_present(self, folder: str) -> bool:
        """Whether the present configuration makes a folder."""
        try:
            return self.targets.graph.at(folder).folder == folder
        except RecipeError:
            return False

    def _is_core(self, copy: str) -> bool:
        return copy == f"mlflow{self.mark}"

    def _studied(self) -> Needs:
        return needs_of_all(self.targets.graph, self.targets.seeds)

    def _runs(self, copy: str) -> list[Node]:
        """The runs of all studies; for the core path its own, and which others have been made so far."""
        if page := self.page_of(copy):
            return list(branch_needs(self.targets.graph, page).runs)
        if not self._is_core(copy):
            return list(self._studied().runs)
        graph = self.targets.graph
        others = [graph.run(name) for name in sorted(graph.project.runs) if name not in CORE]
        made = [node for node in others if Path(node.folder, "manifest.json").exists()]
        return [*(graph.run(name) for name in CORE), *made]

    def _further(self, copy: str, paths: Iterable[str], core: list[str]) -> list[str]:
        """What a copy takes beside the core path's; the core path's own copy waits for none of it."""
        taken = [path for path in paths if not self._is_core(copy) or Path(path).exists()]
        return [path for path in dict.fromkeys(taken) if path not in core]
