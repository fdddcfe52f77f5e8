"""Made-up results as fixtures."""

import pytest
from made_up_results import ROOT, Tree, build_tree

from r1v3.analyze.mlflow.store import MlflowStore
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


@pytest.fixture(scope="session")
def graph():
    return ResultGraph(load_project(ROOT, "tiny"))


@pytest.fixture
def tree(tmp_path, graph) -> Tree:
    """Write made-up results that a test may change."""
    return build_tree(tmp_path, graph)


@pytest.fixture(scope="session")
def shared_tree(tmp_path_factory, graph) -> Tree:
    """Write made-up results that no test changes."""
    return build_tree(tmp_path_factory.mktemp("tree"), graph)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """Make a database with MLflow's tables once, because they take seconds to make."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowStore(f"sqlite:///{path}", "another")
    return path
