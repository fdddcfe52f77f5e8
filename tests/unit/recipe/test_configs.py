"""Every node's resolved config, in every shipped recipe, fits a typed config and loses no key in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from r1v3.recipe.graph.configs import CONFIGS, SampledDataConfig, SourceDataConfig, config_class
from r1v3.recipe.graph.identity import Node, canonical
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]
RECIPES = sorted(path.stem for path in (ROOT / "config" / "recipes").glob("*.yaml"))


def every_node(graph: ResultGraph) -> Iterator[Node]:
    """Return a node of each data set, run, benchmark, selection and suite, and the evaluation index."""
    recipe, runs = graph.recipe, graph.project.runs
    yield graph.evaluation_index()
    yield from map(graph.data, recipe.data)
    yield from map(graph.run, runs)
    yield from map(graph.benchmark, recipe.evaluation.benchmarks)
    yield from (graph.selection(run.name) for run in runs.values() if run.stage == "grpo")
    yield graph.evaluation("rl", "selected", "held_out")
    yield graph.evaluation("final", "last", "benchmarks")
    yield graph.evaluation("rl", "step-000001", "checkpoint")
    yield graph.evaluation("base", "last", "study")
    for mode in recipe.thinking.modes():
        yield graph.evaluation("final", "last", f"study__{mode}")


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_node_s_config_is_the_model_of_its_stage_and_dumps_to_what_was_hashed(recipe):
    nodes = list(every_node(ResultGraph(load_project(ROOT, recipe))))
    assert {config_class(node) for node in nodes} == {
        SourceDataConfig,
        SampledDataConfig,
        *CONFIGS.values(),
    }
    for node in nodes:
        config = config_class(node).model_validate(node.resolved)
        dumped = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
        assert canonical(dumped) == canonical(node.resolved), node.id


def test_a_kind_that_no_stage_makes_has_no_config():
    with pytest.raises(KeyError, match="pretraining"):
        config_class(Node("pretraining", "a", {}, ()))
