"""What is shown as unreached, and what is never removed."""

import json
import shutil

import pytest
from made_up_results import ROOT, build_tree

from r1v3.analyze.mlflow.store import MlflowStore
from r1v3.cli import main
from r1v3.provenance.prune import (
    prune,
    remove_dangling_links,
    remove_from_mlflow,
    size,
    unreached,
)
from r1v3.provenance.result_folders import result_folders
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


@pytest.fixture
def tree(tmp_path):
    return build_tree(tmp_path, ResultGraph(load_project(ROOT, "tiny")))


def as_another(folder, digits="0123456789"):
    """Make a copy of a result folder that the configuration no longer makes."""
    other = folder.with_name(f"{folder.name.rpartition('-')[0]}-{digits}")
    shutil.copytree(folder, other)
    return other


def call(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0


def names(found) -> set[str]:
    return {each.folder for each in found}


def test_what_the_configuration_makes_is_reached(tree):
    assert unreached(tree.root, [tree.graph]) == []


def test_a_run_that_no_entry_makes_is_shown_and_removed_with_its_evaluations(tree):
    old = as_another(tree.runs[3].parent)
    scores = tree.checkpoints[0].parent
    theirs = tree.root / "results/evaluations" / old.name / scores.parent.name / scores.name
    shutil.copytree(scores, theirs)
    config = (theirs / "config.json").read_text()
    (theirs / "config.json").write_text(config.replace(tree.runs[3].parent.name, old.name))
    found = unreached(tree.root, [tree.graph])
    assert names(found) == {f"results/runs/{old.name}", str(theirs.relative_to(tree.root))}
    expected = size(old) + size(theirs)
    before = len(list(result_folders(tree.root)))
    assert prune(tree.root, found) == expected
    assert not old.exists()
    assert not (tree.root / "results/evaluations" / old.name).exists()
    assert len(list(result_folders(tree.root))) == before - 2
    assert tree.checkpoints[0].exists()


def test_what_dvc_keeps_and_what_that_was_made_from_is_kept(tree):
    data = as_another(tree.data[1].parent)
    run = as_another(tree.runs[3].parent)
    config = (run / "config.json").read_text()
    (run / "config.json").write_text(config.replace(tree.data[1].parent.name, data.name))
    assert len(unreached(tree.root, [tree.graph])) == 2
    (run / "data.dvc").write_text("outs: []\n")
    assert unreached(tree.root, [tree.graph]) == []


def test_a_result_of_any_recipe_is_reached(tree):
    paper = ResultGraph(load_project(ROOT, "paper"))
    node = paper.run("rl")
    folder = tree.root / node.folder
    folder.mkdir()
    (folder / "config.json").write_text('{"kind": "grpo", "name": "a", "document": {}}')
    assert names(unreached(tree.root, [tree.graph])) == {node.folder}
    assert unreached(tree.root, [tree.graph, paper]) == []


def test_the_command_keeps_what_any_recipe_makes_and_removes_the_rest(tree, capsys):
    (tree.root / "config").symlink_to(ROOT / "config")
    recipes = sorted(path.stem for path in (ROOT / "config/recipes").glob("*.yaml"))
    ladder = [ResultGraph(load_project(ROOT, name)).run("rl").folder for name in recipes]
    for folder in ladder:
        (tree.root / folder).mkdir(exist_ok=True)
        (tree.root / folder / "config.json").write_text(
            '{"kind": "grpo", "name": "a", "document": {}}'
        )
    old = as_another(tree.runs[3].parent)
    command = ["prune", "--root", str(tree.root)]
    call(*command)
    assert "No recipe makes these 1:" in capsys.readouterr().out
    call(*command, "--remove")
    assert not old.exists()
    assert len(set(ladder)) == len(recipes) >= 4
    assert all((tree.root / folder).exists() for folder in ladder)


def test_a_stable_name_of_a_run_that_is_gone_goes_too(tree):
    run = tree.runs[3].parent
    names = tree.root / "results/runs"
    kept, dangling, own = (names / f"{name}.json" for name in ("rl", "rl_old", "notes"))
    kept.write_text(json.dumps({"folder": f"results/runs/{run.name}"}))
    dangling.write_text(json.dumps({"folder": "results/runs/rl_old-0123456789"}))
    own.write_text("[]")
    assert remove_dangling_links(tree.root) == ["results/runs/rl_old.json"]
    assert kept.exists()
    assert own.exists()


@pytest.mark.slow
def test_a_removed_run_leaves_no_copy_in_mlflow(tree):
    store = MlflowStore(f"sqlite:///{tree.root}/mlflow.db", "tiny")
    gone, kept = as_another(tree.runs[3].parent), tree.runs[3].parent
    for key in (gone.name, f"{gone.name}/step-000050", kept.name):
        store.client.create_run(store.experiment, tags={"run_id": key})
    found = unreached(tree.root, [tree.graph])
    prune(tree.root, found)
    assert remove_from_mlflow(tree.root, found) == 2
    (left,) = store.client.search_runs([store.experiment])
    assert left.data.tags["run_id"] == kept.name
