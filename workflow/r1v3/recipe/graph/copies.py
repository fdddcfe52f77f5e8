"""Lists the results that each copy to MLflow takes.

The copy `mlflow` takes the core path, `mlflow-studies` takes what all studies read, and
`mlflow-branch-<page>` takes only a branch and its parent. The name of a copy to another store than the
checkout's own ends in that store's mark: `mlflow-0123456789`.
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
    """Paths that the copies read; `mark` identifies the store, and is empty for the checkout's own."""

    targets: Targets
    mark: str = ""

    def runs(self, copy: str) -> list[str]:
        """Return the manifests of a copy's runs."""
        return [f"{node.folder}/manifest.json" for node in self._runs(copy)]

    def selections(self, copy: str) -> list[str]:
        """Return the manifests of a copy's selections."""
        if page := self.page_of(copy):
            needed = branch_needs(self.targets.graph, page)
            return [f"{node.folder}/manifest.json" for node in needed.probes]
        core = f"{self.targets.graph.selection('rl').folder}/manifest.json"
        studied = [f"{node.folder}/manifest.json" for node in self._studied().probes]
        return [core, *self._further(copy, [*studied, *self._chosen()], [core])]

    def scores(self, copy: str) -> list[str]:
        """Return the score files of a copy: those of the core path, and those that studies ask for.

        Thinking modes other than a run's own are left out, because their scores would have the same names.
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
        """Return the copy that must be finished first, because two copies at once would conflict."""
        alone = self._is_core(copy) or self.page_of(copy)
        return [] if alone else f"results/mlflow{self.mark}.json"

    def wanted(self, name: str) -> str | list[str]:
        """Return the receipt of the copy `mlflow` or `mlflow-studies`, or nothing if the copy is not wanted.

        No copy is made in a clone in which all runs are recorded in DVC, as long as there is no database.
        `make ui` makes the database.
        """
        copy = f"{name}{self.mark}"
        files = ("manifest.json", "data.dvc")
        recorded = all(Path(node.folder, f).exists() for node in self._runs(copy) for f in files)
        unwanted = recorded and not self.mark and not Path("mlflow.db").exists()
        return [] if unwanted else f"results/{copy}.json"

    def branch(self, page: str) -> str:
        """Return the receipt of a branch's own copy."""
        return f"results/{BRANCH}{page}{self.mark}.json"

    def present(self) -> tuple[list[str], list[str], list[str]]:
        """Return the existing runs, selections and scores, of all that copies may take."""
        graph = self.targets.graph
        ids = dict.fromkeys(graph.run(name).folder for name in graph.project.runs)
        core = f"mlflow{self.mark}"
        return (
            [f"{each}/manifest.json" for each in ids if Path(each, "manifest.json").exists()],
            self._chosen(),
            [path for path in self.scores(core) if Path(path).exists()],
        )

    def page_of(self, copy: str) -> str:
        """Return the page of the branch whose runs a copy takes, or an empty text for other copies."""
        named = copy.startswith(BRANCH)
        return copy.removeprefix(BRANCH).removesuffix(self.mark) if named else ""

    def _chosen(self) -> list[str]:
        """Return the manifests of all existing selections."""
        graph = self.targets.graph
        reinforced = [name for name, run in graph.project.runs.items() if run.stage == "grpo"]
        paths = dict.fromkeys(f"{graph.selection(n).folder}/manifest.json" for n in reinforced)
        return [path for path in paths if Path(path).exists()]

    def _made(self) -> list[str]:
        """Return the existing scores that pages of branches asked for, besides those of the core path."""
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
        """Return whether the present configuration makes a folder."""
        try:
            return self.targets.graph.at(folder).folder == folder
        except RecipeError:
            return False

    def _is_core(self, copy: str) -> bool:
        return copy == f"mlflow{self.mark}"

    def _studied(self) -> Needs:
        return needs_of_all(self.targets.graph, self.targets.seeds)

    def _runs(self, copy: str) -> list[Node]:
        """Return a copy's runs: of a page, of all studies, or of the core path with other finished ones."""
        if page := self.page_of(copy):
            return list(branch_needs(self.targets.graph, page).runs)
        if not self._is_core(copy):
            return list(self._studied().runs)
        graph = self.targets.graph
        others = [graph.run(name) for name in sorted(graph.project.runs) if name not in CORE]
        made = [node for node in others if Path(node.folder, "manifest.json").exists()]
        return [*(graph.run(name) for name in CORE), *made]

    def _further(self, copy: str, paths: Iterable[str], core: list[str]) -> list[str]:
        """Return the paths that a copy takes besides the core path's.

        The core path's own copy takes only those that exist, so that it waits for none.
        """
        taken = [path for path in paths if not self._is_core(copy) or Path(path).exists()]
        return [path for path in dict.fromkeys(taken) if path not in core]
