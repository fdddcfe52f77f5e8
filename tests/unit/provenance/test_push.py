"""A folder for the hub: weights that open, a card of known facts, and no upload without a token."""

import json
import shutil

import pytest
from made_up_results import ROOT, benchmark_score, build_tree, write_scores
from model_fixtures import small_model, small_processor

from r1v3.cli import main
from r1v3.model.layouts.internvl_chat_folder import convert_checkpoint
from r1v3.model.load import load_model, save_checkpoint
from r1v3.provenance.push import prepare_push, upload_folder
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


@pytest.fixture
def tree(tmp_path):
    """Return made-up results whose final model has real weights."""
    made = build_tree(tmp_path / "checkout", ResultGraph(load_project(ROOT, "tiny")))
    final = made.folder(made.graph.run("final"))
    facts = json.loads((final / "manifest.json").read_text())["facts"]
    folder = final / (facts.get("best") or facts["last"])
    shutil.rmtree(folder, ignore_errors=True)
    save_checkpoint(small_model(), small_processor(), folder)
    return made


def test_the_folder_opens_and_its_card_tells_where_the_model_comes_from(tree, tmp_path):
    graph = tree.graph
    scores = {"benchmarks": {"mmmu_val": benchmark_score(0.5)}, "held_out": {}}
    write_scores(tree, ("final", "last", "benchmarks"), scores)
    prepare_push(tree.root, "final", "last", tmp_path / "out", chat=False)
    assert load_model(tmp_path / "out").config.model_type == "internvl"
    card = (tmp_path / "out/README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\n")
    for node in (graph.run("rl"), graph.run("base"), graph.data("multi_domain")):
        assert node.id in card
    assert "| mmmu_val | 50.0 (40.0 to 60.0) | 40 |" in card
    assert '"learning_rate"' in card
    assert "trained from random weights" in card
    assert "have not been run" in card  # the studies
    with pytest.raises(ValueError, match="exists; name another folder"):
        prepare_push(tree.root, "final", "last", tmp_path / "out", chat=False)


def test_the_authors_layout_and_the_ledger_on_request(tree, tmp_path):
    claims = {"claims": [{"claim": "c1", "says": "x rises", "verdict": "agrees"}]}
    (tree.root / "results/claims.json").write_text(json.dumps(claims))
    prepare_push(tree.root, tree.graph.run("final").id, "last", tmp_path / "out", chat=True)
    assert json.loads((tmp_path / "out/config.json").read_text())["model_type"] == "internvl_chat"
    assert load_model(convert_checkpoint(tmp_path / "out", tmp_path / "native"))
    assert "| c1 | x rises | agrees |" in (tmp_path / "out/README.md").read_text()


def test_what_is_not_there_is_told(tree, tmp_path):
    with pytest.raises(ValueError, match="finished run"):
        prepare_push(tree.root, "math_normal", "last", tmp_path / "out", chat=False)
    with pytest.raises(ValueError, match="no checkpoint 'step-999999'"):
        prepare_push(tree.root, "final", "step-999999", tmp_path / "out", chat=False)
    assert not (tmp_path / "out").exists()


def test_nothing_is_uploaded_without_a_token_or_in_a_dry_run(tree, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody is there
    with pytest.raises(ValueError, match="HF_TOKEN is not set"):
        upload_folder(tmp_path, "me/model")
    (tree.root / "config").symlink_to(ROOT / "config")
    words = ["push", "final", "me/model", "--output", str(tmp_path / "out"), "--dry-run"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--root", str(tree.root)])
    assert ended.value.code == 0
    assert "README.md" in capsys.readouterr().out
