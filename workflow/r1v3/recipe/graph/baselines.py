"""The columns of Table 1 that are measured: `snakemake results/studies/table_1.html`.

A column's file carries a hash of what decides its scores: the model, how it is asked and graded, and the
benchmarks. What a machine decides, such as a server's address, is no part of it.
"""

from dataclasses import dataclass

from r1v3.recipe.graph.identity import VERSION, hash_of
from r1v3.recipe.graph.results import ResultGraph

FOLDER = "results/table_1"
# What has an address or names its key is asked at its provider; neither changes an answer.
OF_THE_MACHINE = {"address", "key"}


@dataclass(frozen=True)
class Baselines:
    """The recipe's baselines, whose scores stand beside the published ones."""

    graph: ResultGraph

    def ids(self, source: str | None = None) -> list[str]:
        """`<name>-<hash>` of each, or of those whose `source` is `hub` or `server`."""
        entries = self.graph.recipe.baselines.items()
        return [self.id(name) for name, entry in entries if source in (None, entry.source)]

    def id(self, name: str) -> str:
        """The name of a column with the hash of what decides its scores."""
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
        """A pattern of the hashes of one source's columns."""
        return "|".join(id.rpartition("-")[2] for id in self.ids(source)) or "none"

    def scores(self) -> list[str]:
        """The files of all columns."""
        return [f"{FOLDER}/{id}.json" for id in self.ids()]
