"""Which model a text names, and the message for a text that names none."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from r1v3.evaluate.target import find_target, plain_name
from r1v3.recipe.load import load_project
from r1v3.recipe.outputs.manifest import write_manifest
from r1v3.recipe.tables.benchmarks import load_table

ROOT = Path(__file__).parents[3]
NO_MODELS = {}


@pytest.fixture
def paper_models():
    recipe = load_project(ROOT, "paper").recipe
    return recipe.models | recipe.baselines


def test_every_column_of_table_1_is_a_model_that_can_be_evaluated(paper_models):
    published = load_table(ROOT / "config/benchmarks.yaml")["mmmu_val"].published
    assert set(published) <= set(paper_models)


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    for name in ("URL", "KIND", "MODEL"):
        monkeypatch.setenv(f"R1V3_SERVER_{name}", "")  # restored after what a test writes
        monkeypatch.delenv(f"R1V3_SERVER_{name}")


def write_model(folder: Path, *weights: float) -> None:
    (folder / "config.json").write_text("{}")
    save_file({"weight": torch.tensor(weights)}, folder / "model.safetensors")


def test_a_folder_with_a_config_is_a_model(tmp_path):
    write_model(tmp_path, 1.0)
    target = find_target(str(tmp_path), NO_MODELS)
    assert target.model == tmp_path
    assert not target.served


def test_an_address_names_its_model_behind_the_hash():
    target = find_target("http://node:8000/v1#qwen", NO_MODELS)
    assert (target.model, target.name, target.served) == ("qwen", "qwen", True)
    with pytest.raises(ValueError, match="add # and the name"):
        find_target("http://node:8000/v1", NO_MODELS)


def test_a_server_that_keeps_its_own_template_opens_no_thought(monkeypatch):
    monkeypatch.setenv("R1V3_SERVER_KIND", "openai")
    assert find_target("http://node:8000/v1#gpt", NO_MODELS).mode == "nothink"


def test_a_served_model_of_the_recipe_needs_an_address(paper_models, monkeypatch):
    name = next(name for name, entry in paper_models.items() if entry.source == "server")
    with pytest.raises(ValueError, match="set R1V3_SERVER_URL"):
        find_target(name, paper_models)
    monkeypatch.setenv("R1V3_SERVER_URL", "http://node:8000/v1")
    assert find_target(name, paper_models).model == paper_models[name].id


def test_a_model_that_is_trained_here_is_named_by_a_checkpoint(tmp_path):
    models = load_project(ROOT, "tiny").recipe.models
    with pytest.raises(ValueError, match="folder of one of its checkpoints"):
        find_target("base", models, root=tmp_path)


def finished_run(root: Path) -> Path:
    """Write a run `rl` with one checkpoint, as its stage and `link` write it."""
    folder = root / "results/runs/rl-0123456789"
    (folder / "checkpoints/step-000002").mkdir(parents=True)
    write_model(folder / "checkpoints/step-000002", 1.0)
    checkpoints = [{"step": 2, "path": "checkpoints/step-000002"}]
    facts = {"checkpoints": checkpoints, "last": "checkpoints/step-000002"}
    write_manifest(
        folder / "manifest.json",
        config={"kind": "grpo", "name": "rl", "hash": "0123456789", "document": {"seed": 1}},
        files=[path for path in folder.rglob("*") if path.is_file()],
        facts=facts,
    )
    alias = {"run": "rl", "hash": "0123456789", "folder": "results/runs/rl-0123456789"}
    (root / "results/runs/rl.json").write_text(json.dumps(alias | facts))
    return folder


def test_a_run_is_named_by_its_name_its_json_its_folder_or_a_checkpoint(tmp_path, monkeypatch):
    folder = finished_run(tmp_path)
    names = ["rl", str(tmp_path / "results/runs/rl.json"), str(folder), f"{folder}/"]
    names.append(str(folder / "checkpoints/step-000002"))
    found = [find_target(name, NO_MODELS, root=tmp_path) for name in names]
    assert {target.identity for target in found} == {found[0].identity}
    assert {Path(target.model).name for target in found} == {"step-000002"}
    monkeypatch.chdir(folder)
    assert find_target(".", NO_MODELS).identity == found[0].identity


def test_a_run_that_is_not_finished_is_told(tmp_path):
    (finished_run(tmp_path) / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"--model rl: the run in .* is not finished"):
        find_target("rl", NO_MODELS, root=tmp_path)


def test_anything_else_is_refused_with_what_is_expected(tmp_path, paper_models):
    with pytest.raises(
        ValueError,
        match=r"a run's name, json or folder, a folder with config\.json, a Hugging Face id",
    ):
        find_target(str(tmp_path), NO_MODELS)
    with pytest.raises(ValueError, match=r"or one of .*skywork_r1v3_38b"):
        find_target("a typo", paper_models)


def test_a_results_folder_is_named_after_the_model():
    assert plain_name("Skywork/Skywork-R1V3-38B@main") == "Skywork_Skywork-R1V3-38B_main"


@pytest.mark.parametrize(
    ("resolved", "ours"),
    [({"start": {"run": "base-0"}}, True), ({"spec": {"source": "scratch"}}, True),
     ({"spec": {"source": "hub"}}, False), (None, False)],
)  # fmt: skip
def test_a_checkpoint_of_ours_is_known_by_the_run_that_it_lies_in(tmp_path, resolved, ours):
    checkpoint = tmp_path / "checkpoints" / "step-000001"
    checkpoint.mkdir(parents=True)
    write_model(checkpoint, 1.0)
    if resolved is not None:
        (tmp_path / "config.json").write_text(json.dumps({"document": resolved}))
    assert find_target(str(checkpoint), NO_MODELS).ours == ours


def test_other_weights_in_the_same_folder_are_another_model(tmp_path):
    folder, cache = tmp_path / "model", tmp_path / "cache"
    folder.mkdir()
    write_model(folder, 1.0)
    first = find_target(str(folder), NO_MODELS, cache)
    assert find_target(str(folder), NO_MODELS, cache) == first
    write_model(folder, 2.0)
    assert find_target(str(folder), NO_MODELS, cache).identity != first.identity
    write_model(folder, 1.0)
    assert find_target(str(folder), NO_MODELS, cache).identity == first.identity


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "chat_template.jinja"])
def test_each_file_that_loading_reads_decides_the_identity(tmp_path, name):
    write_model(tmp_path, 1.0)
    first = find_target(str(tmp_path), NO_MODELS).identity
    (tmp_path / name).write_text('{"other": 1}')
    assert find_target(str(tmp_path), NO_MODELS).identity != first


def test_a_hub_id_is_known_by_its_commit(tmp_path, monkeypatch):
    snapshot = tmp_path / ("ab" * 20)
    snapshot.mkdir()
    write_model(snapshot, 1.0)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(snapshot))
    monkeypatch.setattr("r1v3.evaluate.target.hub_config", lambda *_: {})
    monkeypatch.setattr("r1v3.evaluate.target.check_supported", lambda *_: None)
    assert find_target("some/model@main", NO_MODELS).identity == f"some/model@{'ab' * 20}"
