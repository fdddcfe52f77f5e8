"""Results are recorded once, completely and as links, and never by two calls at a time."""

import shutil
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def copy(recorded, tmp_path):
    """Make a copy of the recorded checkout, with its cache, that a test may change."""
    folder = tmp_path / "copy"
    shutil.copytree(recorded.folder, folder, symlinks=True)
    return type(recorded)(folder)


def test_large_files_are_links_into_one_cache(recorded):
    models = sorted(recorded.folder.glob("results/runs/*/checkpoints/*/model.safetensors"))
    assert len(models) == 5
    for model in models:
        assert model.is_symlink()
        assert model.resolve().is_relative_to(recorded.folder / ".dvc" / "cache")


def test_a_snapshot_of_what_is_recorded_records_nothing(copy):
    assert copy.snapshot().startswith("0 folders recorded")
    assert copy.call("git", "status", "--porcelain") == ""


def test_only_what_is_new_is_recorded(copy):
    manifest = copy.one("results/runs/rl-*/manifest.json")
    manifest.unlink()
    copy.snakemake("--set-resources", "grpo:launcher=python", "--", str(
        manifest.relative_to(copy.folder)))  # fmt: skip
    said = copy.snapshot()
    assert said.splitlines()[:1] == [str(manifest.parent.relative_to(copy.folder))]
    assert "1 folders recorded" in said


def test_a_file_that_its_manifest_does_not_vouch_for_is_refused(copy):
    run = copy.one("results/runs/rl-*")
    (run / "data.dvc").unlink()
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").write_text("other\n")
    said = copy.snapshot(check=False)
    assert "metrics.jsonl: changed" in said
    assert not (run / "data.dvc").exists()


def test_an_unfinished_folder_is_left_alone(copy):
    run = copy.one("results/runs/rl-*")
    (run / "data.dvc").unlink()
    (run / "manifest.json").unlink()
    assert copy.snapshot().startswith("0 folders recorded")


def test_snapshots_at_once_take_turns(copy):
    for file in copy.folder.glob("results/runs/*/data.dvc"):
        file.unlink()
    command = [sys.executable, "-m", "r1v3", "snapshot"]
    started = [
        subprocess.Popen(
            command, cwd=copy.folder, env=copy.environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert sorted(text.splitlines()[-2].split()[0] for text in said) == ["0"] * 3 + ["5"]


def test_studies_claims_and_tables_are_recorded_and_what_mlflow_was_given_is_not(copy):
    results = copy.folder / "results"
    made = ["claims.html", "claims.json", "tables/modes.md"]
    made += ["studies/freeze.html", "studies/freeze.json", "studies/freeze/freeze-reward.svg"]
    for name in made:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text("{}")
    copy.snapshot()
    tracked = copy.call("git", "ls-files", "results").split()
    assert {f"results/{name}" for name in made} <= set(tracked)
    assert (results / "mlflow.json").exists()
    assert "results/mlflow.json" not in tracked
