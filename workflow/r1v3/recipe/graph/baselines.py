"""Names the measured columns of Table 1: `snakemake results/studies/table_1.html`.

The name of a column's file has a hash of what decides its scores: the model, how it is asked and graded, and
the benchmarks. Settings of the machine, such as a server's address, are not part of the hash.
"""

from dataclasses import dataclass

from r1v3.recipe.graph.identity import VERSION, hash_of
from r1v3.recipe.graph.results import ResultGraph

FOLDER = "results/table_1"
# Where a provider is reached, and the variable that holds its key. Neither changes an answer.
OF_THE_MACHINE = {"address", "key"}


@dataclass(frozen=True)
class Baselines:
    """The recipe's baselines, whose scores are shown beside the published ones."""

    graph: ResultGraph

    def ids(self, source: str | None = None) -> list[str]:
        """Return `<name>-<hash>` of each baseline, or of those whose `source` is `hub` or `server`."""
        entries = self.graph.recipe.baselines.items()
        return [self.id(name) for name, entry in entries if source in (None, entry.source)]

    def id(self, name: str) -> str:
        """Return the name of a column with the hash of what decides its scores."""
        recipe, project = self.graph.recipe, self.graph.project
        benchmarks = recipe.evaluation.benchmarks
        resolved = {
            "version": VERSION["evaluation"],
            "entry": recipe.baselines[name].model_dump(exclude=OF_THE_MACHINE),
            "seed": recipe.seed,
            "template": recipe.template.model_dump(),
            "images": recipe.images.model_dump(),
            "grading": recipe.grading.model_dump(),
            "evaluation": recipe.evaluation.model_dump(exclude={"held_out", "study"}),
            "benchmarks": {each: self.graph.benchmark(each).id for each in benchmarks},
            "entries": {
                each: project.benchmarks[each].asked(recipe.evaluation.source)
                for each in benchmarks
            },
        }
        return f"{name}-{hash_of('baseline', resolved)}"

    def hashes(self, source: str) -> str:
        """Return a pattern that matches the hashes of one source's columns."""
        return "|".join(id.rpartition("-")[2] for id in self.ids(source)) or "none"

    def scores(self) -> list[str]:
        """Return the score files of all columns."""
        return [f"{FOLDER}/{id}.json" for id in self.ids()]
