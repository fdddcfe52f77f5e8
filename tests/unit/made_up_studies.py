"""Writes runs and verdicts of a study's arms with made-up numbers, so that pages need no training."""

import json

import numpy as np
import pandas as pd
from made_up_results import Tree, selection_facts, write_result, write_run

from r1v3.recipe.graph.arms import Needs, needs
from r1v3.recipe.schema.training import checkpoint_steps

ITEMS = 200


def write_study_results(tree: Tree, study: str, accuracy: dict[str, float], seeds: int = 1) -> None:
    """Write all that a study reads.

    Args:
        accuracy: the share of right answers of each run by name; 0.5 for those that are not named.
    """
    write_needs(tree, needs(tree.graph, tree.graph.project.studies[study], seeds), accuracy)


def write_needs(tree: Tree, needed: Needs, accuracy: dict[str, float]) -> None:
    """Write these runs, selections and evaluations; for `accuracy` see `write_study_results`."""
    for node in needed.runs:
        write_run(tree, node.name)
    for node in needed.probes:
        steps = checkpoint_steps(tree.graph.project.runs[node.name].settings)
        facts = selection_facts(0.5)
        facts["checkpoints"] = [
            {**probe, "step": step}
            for probe, step in zip(facts["checkpoints"], steps, strict=False)
        ]
        write_result(tree, node, facts)
    for node in needed.evaluations:
        run = node.resolved["run"].rpartition("-")[0]
        write_verdicts(tree, node, accuracy.get(run, 0.5))


def write_verdicts(tree: Tree, node, accuracy: float) -> None:
    """Write verdicts on all benchmarks and sets of an evaluation; the first items are right."""
    folder = tree.folder(node)
    (folder / "verdicts").mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(node.config))
    if not (folder / "scores.json").exists():
        (folder / "scores.json").write_text("{}")
    table = pd.DataFrame({"key": [f"item-{n:04d}" for n in range(ITEMS)]})
    table["correct"] = np.arange(ITEMS) < round(accuracy * ITEMS)
    table["tokens"] = 20 + np.arange(ITEMS) % 10
    table["reason"] = "equals 2"
    table["response"] = "<think>7,2.</think>\\boxed{2}"
    for name in node.resolved["held_out"]:
        table.to_parquet(folder / "verdicts" / f"held_out.{name}.parquet")
    for name in node.resolved["benchmarks"]:
        for run in range(2):
            table.assign(run=run).to_parquet(folder / "verdicts" / f"{name}.run-{run}.parquet")
