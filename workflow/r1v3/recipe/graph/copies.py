"""What MLflow's copies take: `mlflow` holds the core path, `mlflow-studies` what all studies read.

A copy of another store than the checkout's own carries that store's mark: `mlflow-0123456789`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from r1v3.recipe.graph.arms import Needs, needs_of_all
from r1v3.recipe.graph.identity import Node
from r1v3.recipe.graph.targets import Targets
from r1v3.recipe.tables.runs import CORE


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
        core = f"{self.targets.graph.selection('rl').folder}/manifest.json"
        studied = [f"{node.folder}/manifest.json" for node in self._studied().probes]
        return [core, *self._further(copy, studied, [core])]

    def scores(self, copy: str) -> list[str]:
        """A copy's scores: the core path's, and what studies ask.

        Other thinking modes than a run's own are left out, since their scores have the same names.
        """
        targets = self.targets
        core = [*targets.checkpoint_scores("rl"), *targets.held_out_scores()]
        core.append(targets.scores("final", "last", "benchmarks"))
        asked = [n for n in self._studied().evaluations if "__" not in n.name]
        return [*core, *self._further(copy, [f"{n.folder}/scores.json" for n in asked], core)]

    def before(self, copy: str) -> str | list[str]:
        """The copy that another goes on from; two at once would get in each other's way."""
        return [] if self._is_core(copy) else f"results/mlflow{self.mark}.json"

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

    def _is_core(self, copy: str) -> bool:
        return copy == f"mlflow{self.mark}"

    def _studied(self) -> Needs:
        return needs_of_all(self.targets.graph, self.targets.seeds)

    def _runs(self, copy: str) -> list[Node]:
        """The runs of all studies; for the core path its own, and which others have been made so far."""
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
