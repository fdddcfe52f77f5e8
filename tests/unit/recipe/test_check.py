"""A stage checks its inputs, takes finished work, and refuses an edited config."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from r1v3.base import file_hash
from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.configs import StageConfig
from r1v3.recipe.graph.identity import Node
from r1v3.recipe.outputs.check import Changed, are_the_same, changes, check_inputs, manifest_digest
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.outputs.manifest import read_manifest
from r1v3.recipe.outputs.stage import run_stage
from r1v3.recipe.snakemake import asks_for_rerun, command_environment, forced_by


def made(root: Path, kind: str = "data", seed: int = 1, inputs=(), content: bytes = b"abc") -> Path:
    """Finish a stage that writes a checkpoint and a table, and return its manifest."""
    node = Node(kind, "one", {"version": 1, "name": "one", "seed": seed}, ())
    folder = root / node.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(node.config))

    def work(config, folder):
        runs.append(folder)
        (folder / "metrics.jsonl").write_text(f'{{"step": 1, "seconds": {time.time_ns()}}}\n')
        for name in ("table", "checkpoints/step-000001/model", "checkpoints/step-000002/model"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        kept = [{"step": step, "path": f"checkpoints/step-{step:06d}"} for step in (1, 2)]
        return {"checkpoints": kept, "last": kept[-1]["path"]}

    runs = []
    manifest = folder / "manifest.json"
    run_stage(folder / "config.json", manifest, work, StageConfig, inputs=inputs)
    made.worked = bool(runs)
    return manifest


def flip(path: Path) -> None:
    """Change one bit and keep the times."""
    before, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_flipped_bit_of_an_input_stops_the_stage(tmp_path):
    data = made(tmp_path)
    flip(data.parent / "table")
    with pytest.raises(Changed, match=r"table: changed since .*dvc checkout.*delete"):
        made(tmp_path, "sft", inputs=[data])
    assert not list(tmp_path.glob("results/runs/*/manifest.json"))


def test_a_missing_file_of_an_input_stops_the_stage(tmp_path):
    data = made(tmp_path)
    (data.parent / "table").unlink()
    with pytest.raises(Changed, match="table: gone since"):
        made(tmp_path, "sft", inputs=[data])


def test_a_picture_that_is_not_what_its_name_says_stops_the_stage(tmp_path):
    data = made(tmp_path)
    picture = data.parent / "images/ab" / ("ab" * 32 + ".png")
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"other")
    with pytest.raises(Changed, match=r"\.png: changed"):
        check_inputs([data])


def test_of_a_run_the_checkpoint_that_is_used_is_checked(tmp_path):
    run = made(tmp_path, "sft")
    flip(run.parent / "checkpoints/step-000001/model")
    assert checkpoint_folder(run, "last").name == "step-000002"
    assert check_inputs([run, None])
    with pytest.raises(Changed, match="step-000001"):
        checkpoint_folder(run, "step-000001")


def test_a_cache_that_lies_does_not_condemn_a_file(tmp_path):
    data = made(tmp_path)
    table = data.parent / "table"
    (data.parent / file_hash.CACHE).write_text(json.dumps([*file_hash._state(table), "0" * 64]))
    assert list(changes(data)) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": 1}', "\x00" * 9, "[" * 100_000])
def test_a_damaged_manifest_is_named_with_what_to_do(tmp_path, text):
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.json.*delete"):
        read_manifest(path)


@pytest.mark.parametrize(
    "files", [{"a": 1}, {"a": "xyz"}, {"../a": "0" * 64}, {"/a": "0" * 64}, []]
)
def test_a_manifest_whose_files_are_none_is_refused(tmp_path, files):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"kind": "data", "name": "a", "facts": {}, "files": files}))
    with pytest.raises(ValueError, match="delete"):
        read_manifest(path)


def test_a_finished_stage_whose_manifest_snakemake_deleted_is_taken(tmp_path, capsys):
    data = made(tmp_path)
    before = data.read_text()
    data.unlink()
    assert made(tmp_path).read_text() == before
    assert not made.worked
    assert "was finished before and is taken" in capsys.readouterr().out


def test_a_call_that_forces_rules_makes_a_finished_stage_again(tmp_path, monkeypatch):
    data = made(tmp_path)
    data.unlink()
    monkeypatch.setenv("R1V3_FORCED", "1")
    made(tmp_path)
    assert made.worked


@pytest.fixture
def shell(monkeypatch):
    """Restore the variables that `command_environment` changes after the test."""
    for name in ("PATH", "PYTHONPATH", "TQDM_DISABLE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("R1V3_FORCED", "")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("word", ["-F", "--forceall", "--forcerun", "--forcerun=sft", "-R"])
def test_the_jobs_of_a_forcing_call_are_told(word, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["snakemake", "--cores", "1"])
    command_environment(tmp_path)
    assert os.environ["R1V3_FORCED"] == ""
    monkeypatch.setattr(sys, "argv", ["snakemake", "--cores", "1", word])
    command_environment(tmp_path)
    assert os.environ["R1V3_FORCED"] == "1"


@pytest.mark.usefixtures("shell")
def test_a_job_that_snakemake_starts_elsewhere_is_not_forced_for_that(tmp_path, monkeypatch):
    """Ignore `--force`, which such a call always has, because a requeued job would otherwise train again."""
    monkeypatch.setattr(sys, "argv", ["snakemake", "--target-jobs", "sft:run=a", "--force"])
    command_environment(tmp_path)
    assert os.environ["R1V3_FORCED"] == ""


def test_a_finished_stage_with_a_changed_file_is_made_again(tmp_path):
    data = made(tmp_path)
    flip(data.parent / "table")
    data.unlink()
    made(tmp_path)
    assert made.worked
    assert (data.parent / "table").read_bytes() == b"abc"


def test_a_finished_stage_whose_input_was_made_otherwise_is_made_again(tmp_path):
    data = made(tmp_path)
    made(tmp_path, "sft", inputs=[data]).unlink()
    data.unlink()
    (data.parent / "table").unlink()
    made(tmp_path, content=b"other")
    made(tmp_path, "sft", inputs=[data])
    assert made.worked


def test_an_input_that_was_made_again_with_the_same_bytes_makes_nothing_else_again(tmp_path):
    run = made(tmp_path, "sft")
    later = made(tmp_path, inputs=[run])
    later.unlink()
    curve = (run.parent / "metrics.jsonl").read_text()
    shutil.rmtree(run.parent)
    run = made(tmp_path, "sft")
    assert (run.parent / "metrics.jsonl").read_text() != curve
    made(tmp_path, inputs=[run])
    assert not made.worked


def test_digests_of_earlier_versions_are_known(tmp_path):
    run = made(tmp_path, "sft")
    files = read_manifest(run)["files"]
    assert are_the_same({run.parent.name: manifest_digest(files)}, [run, None])
    assert are_the_same({run.parent.name: manifest_digest(files, timed=True)}, [run, None])
    assert manifest_digest(files) != manifest_digest(files, timed=True)
    assert not are_the_same({run.parent.name: "0" * 64}, [run])
    assert not are_the_same(None, [run])


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace('"seed": 1', '"seed": 2'),
        lambda text: text[:-9],
        lambda text: "",
        lambda text: "[]",
        lambda text: text.replace('"hash": "', '"hash": "0'),
    ],
)
def test_an_edited_config_is_refused(tmp_path, edit):
    manifest = made(tmp_path)
    manifest.unlink()
    config = manifest.with_name("config.json")
    config.write_text(edit(config.read_text()))
    with pytest.raises(ValueError, match=r"config\.json: .*delete it"):
        run_stage(config, manifest, lambda *_: {}, StageConfig)
    assert not manifest.exists()


def test_a_config_in_the_folder_of_another_is_refused(tmp_path):
    manifest, other = made(tmp_path), made(tmp_path, seed=2)
    other.unlink()
    text = manifest.with_name("config.json").read_text()
    other.with_name("config.json").write_text(text)
    with pytest.raises(ValueError, match="edited; its hash is"):
        run_stage(other.with_name("config.json"), other, lambda *_: {}, StageConfig)


def answers_of(manifest: Path) -> Path:
    """Write a file of answers for a finished stage, and delete its manifest as Snakemake does."""
    answers = manifest.parent / "responses" / "suite.jsonl"
    answers.parent.mkdir()
    answers.write_text("{}\n")
    manifest.unlink()
    return answers


def test_a_forced_stage_takes_over_no_answer(tmp_path, monkeypatch):
    answers = answers_of(made(tmp_path))
    monkeypatch.setenv("R1V3_FORCED", "1")
    made(tmp_path)
    assert not answers.exists()


def test_answers_of_a_model_that_was_trained_again_are_asked_again(tmp_path):
    run = made(tmp_path, "sft")
    answers = answers_of(made(tmp_path, inputs=[run]))
    shutil.rmtree(run.parent)
    run = made(tmp_path, "sft", content=b"other weights")
    made(tmp_path, inputs=[run])
    assert made.worked
    assert not answers.exists()


def test_answers_of_an_interrupted_stage_are_kept(tmp_path):
    manifest = made(tmp_path)
    answers = answers_of(manifest)
    manifest.with_name(".finished.json").unlink()
    made(tmp_path)
    assert answers.exists()


def test_a_manifest_notes_the_code_of_its_rule(tmp_path):
    code = read_manifest(made(tmp_path, "sft"))["code"]
    assert "r1v3.train.sft.trainer" in code
    assert "r1v3.train.grpo.trainer" not in code


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["snakemake", "-n", "--forcerun", "score", "probe", "--cores", "1"], {"score", "probe"}),
        (["snakemake", "--forcerun=score", "all"], {"score"}),
        (["snakemake", "-R", "results/a.json", "--", "all"], {"results/a.json"}),
        (["snakemake", "score"], set()),
    ],
)
def test_what_a_call_forces_by_name_is_read(words, named):
    assert forced_by(words) == named


@pytest.mark.parametrize(("said", "meant"), [(True, True), ("true", True), ("False", False)])
def test_rerun_code_is_true_or_false(said, meant):
    assert asks_for_rerun({"rerun_code": said}) is meant
    assert not asks_for_rerun({})


def test_another_word_for_rerun_code_is_refused():
    with pytest.raises(RecipeError, match="true or false"):
        asks_for_rerun({"rerun_code": "score"})


@pytest.mark.usefixtures("shell")
def test_stages_keep_compiled_modules_whatever_the_shell_says(tmp_path):
    command_environment(tmp_path)
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
