"""Lists the files that rules and targets ask for, in folders whose names have hashes.

A target names such folders and not only stable names. So Snakemake sees a changed number even where it has
no metadata of earlier runs, such as in a fresh clone.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from r1v3.base.json_file import read_json
from r1v3.recipe.graph.arms import Needs, needs
from r1v3.recipe.graph.branches import OF, branch_needs
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.schema.training import checkpoint_steps
from r1v3.recipe.tables.runs import CORE

# The runs that the summary compares, and the checkpoint of each.
HELD_OUT = {"base": "last", "cold_start": "last", "rl": "selected", "final": "last"}
# The runs whose training sets figure 2 shows.
FIGURE_2 = ("cold_start", "rl", "final")


@dataclass(frozen=True)
class Targets:
    """Paths of results; `seeds` is the number of seeds of each branch of a study."""

    graph: ResultGraph
    seeds: int = 1

    def runs_of(self, stage: str) -> str:
        """Return a pattern that matches the ids of a stage's runs.

        Rules need it, because three of them write `results/runs/{run}/manifest.json`.
        """
        runs = self.graph.project.runs.values()
        ids = [self.graph.run(run.name).id for run in runs if run.stage == stage]
        return "|".join(ids) or "none"

    def data_of(self, kind: str) -> str:
        """Return a pattern that matches the ids of the data sets of a kind, `source` or `sampled`."""
        sets = self.graph.recipe.data.items()
        ids = [self.graph.data(name).id for name, entry in sets if entry.kind == kind]
        return "|".join(ids) or "none"

    def figure_2(self) -> list[str]:
        """Return the names of the training sets that figure 2 shows."""
        entries = [self.graph.project.runs[name].entry for name in FIGURE_2]
        return [entry.data for entry in entries if entry.stage != "model"]

    def sample_parts(self, data: str) -> list[str]:
        """Return the parts of a sampled set that R1V3_SAMPLE_PARTS jobs answer, or none for a single job."""
        parts = int(os.environ.get("R1V3_SAMPLE_PARTS", "1"))
        if parts == 1:
            return []
        return [f"results/data/{data}/parts/{part}-of-{parts}.json" for part in range(parts)]

    def steps(self, run: str) -> list[str]:
        """Return the steps of the checkpoints that a GRPO run keeps, as they are written in file names."""
        settings = self.graph.project.runs[run].grpo
        return [f"{step:06d}" for step in checkpoint_steps(settings)]

    def scores(self, run: str, checkpoint: str, suite: str) -> str:
        """Return the score file of a suite that a checkpoint answered."""
        return f"{self.graph.evaluation(run, checkpoint, suite).folder}/scores.json"

    def checkpoint_scores(self, run: str) -> list[str]:
        """Return the score file of each checkpoint that a GRPO run keeps."""
        return [self.scores(run, f"step-{step}", "checkpoint") for step in self.steps(run)]

    def held_out_scores(self) -> list[str]:
        """Return the score files on held-out sets that the summary compares."""
        return [self.scores(run, checkpoint, "held_out") for run, checkpoint in HELD_OUT.items()]

    def core_results(self) -> list[str]:
        """Return the files that the core path makes and measures."""
        return [
            *(f"{self.graph.run(name).folder}/manifest.json" for name in CORE),
            *(f"results/runs/{name}.json" for name in CORE),
            *self.held_out_scores(),
            *self.checkpoint_scores("rl"),
            self.scores("final", "last", "benchmarks"),
        ]

    def index_parents(self, index: str, kind: Literal["benchmark", "data"]) -> list[str]:
        """Return the manifests of the benchmarks, or of the held-out sets, of an evaluation index."""
        node = self.graph.at(f"results/evaluation_index/{index}")
        return [f"{each.folder}/manifest.json" for each in node.parents if each.kind == kind]

    def is_outdated(self, name: str, root: Path) -> bool:
        """Return whether `results/runs/<name>.json` is damaged, or shows another run or one that is gone."""
        path = root / f"results/runs/{name}.json"
        try:
            shown = read_json(path).get("hash")
        except (OSError, ValueError):
            return path.exists()
        run = self.graph.run(name)
        gone = not (root / run.folder / "manifest.json").exists()
        return bool(shown) and (shown != run.hash or gone)

    def parity(self, run: str) -> str | list[str]:
        """Return the parity check that vLLM has to pass on the run of this id, or nothing without vLLM."""
        generation = self.graph.recipe.generation
        if generation.engine != "vllm":
            return []
        nats, tokens = generation.parity.max_gap, generation.parity.tokens
        return f"results/parity/{run}/within-{nats}-nats-over-{tokens}-tokens.json"

    def study_results(self, study: str) -> list[str]:
        """Return the files of every result that a study reads, for all seeds."""
        return _paths(needs(self.graph, self.graph.project.studies[study], self.seeds))

    def branch_results(self, page: str) -> list[str]:
        """Return the files of every result that a branch's page reads."""
        return _paths(branch_needs(self.graph, page))

    def branch_pages(self) -> str:
        """Return a pattern of the names of branches' pages: `<branch>`, or `<branch>-of-<parent>`."""
        names = "|".join(self.graph.project.runs)
        return f"(?:{names})(?:{OF}(?:{names}))?"

    def all_study_results(self) -> list[str]:
        """Return the files of every result that any study reads."""
        studies = self.graph.project.studies
        return sorted({path for study in studies for path in self.study_results(study)})

    def claimed_studies(self) -> list[str]:
        """Return the studies that a claim of the report names; the other studies ask questions of our own."""
        named = {claim.study for claim in self.graph.project.claims.values()}
        return [study for study in self.graph.project.studies if study in named]


def _paths(needed: Needs) -> list[str]:
    manifests = [f"{node.folder}/manifest.json" for node in (*needed.runs, *needed.probes)]
    return manifests + [f"{node.folder}/scores.json" for node in needed.evaluations]
