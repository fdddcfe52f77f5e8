"""An RO-Crate names every finished result once, with what it was made from."""

import pytest
from made_up_results import ROOT, build_tree
from rocrate.rocrate import ROCrate

from r1v3.provenance.crate import write_crate
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


@pytest.fixture
def tree(tmp_path):
    tree = build_tree(tmp_path / "here", ResultGraph(load_project(ROOT, "tiny")))
    (tree.root / "Snakefile").write_text((ROOT / "Snakefile").read_text())
    (tree.root / "results/summary.json").write_text("{}")
    return tree


def test_lineage_can_be_read_back(tree, tmp_path):
    inside = write_crate(tree.root, tree.graph, tmp_path / "crate")
    crate = ROCrate(tmp_path / "crate")
    assert crate.mainEntity.id == "Snakefile"
    actions = {each.id: each for each in crate.get_by_type("CreateAction")}
    assert sorted(actions) == sorted(f"#{key}" for key in inside)
    rl, start = tree.graph.run("rl"), tree.graph.run("cold_start")
    made_from = {each.id for each in actions[f"#{rl.id}"]["object"]}
    assert {f"{start.folder}/", f"{tree.graph.data('math_normal').folder}/"} <= made_from
    assert [each.id for each in actions[f"#{rl.id}"]["result"]] == [f"{rl.folder}/"]
    assert (tmp_path / "crate" / rl.folder / "manifest.json").exists()
    assert not (tmp_path / "crate" / rl.folder / "checkpoints").exists()


def test_what_is_not_finished_or_not_of_the_recipe_stays_out(tree, tmp_path):
    rl = tree.graph.run("rl")
    (tree.folder(rl) / "manifest.json").unlink()
    assert rl.id not in write_crate(tree.root, tree.graph, tmp_path / "crate")


def test_an_unfinished_recipe_or_a_folder_in_use_is_refused(tree, tmp_path):
    with pytest.raises(ValueError, match="exists; name another folder"):
        write_crate(tree.root, tree.graph, tmp_path)
    (tree.root / "results/summary.json").unlink()
    with pytest.raises(ValueError, match="tiny is not finished"):
        write_crate(tree.root, tree.graph, tmp_path / "crate")
