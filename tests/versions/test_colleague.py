"""What a colleague gets who clones the repository and runs `dvc pull`."""

import json
import shutil

import pytest
import yaml

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def data_of(checkout) -> set[str]:
    """Return the result folders that have at least some bytes here."""
    places = checkout.folder.joinpath("results").rglob("*")
    return {
        "/".join(path.relative_to(checkout.folder).parts[1:3])
        for path in places
        if path.is_symlink() or path.suffix in (".png", ".safetensors", ".jsonl")
    }


def jobs(said: str) -> set[str]:
    """Return the rules that a dry run plans."""
    table = said.split("Job stats:\n")[1].split("\n\n")[0]
    return {line.split()[0] for line in table.splitlines()[2:]} - {"total"}


def test_after_dvc_pull_there_is_nothing_to_do_and_the_report_is_there(colleague):
    colleague.dvc("pull")
    assert not (colleague.folder / ".snakemake").exists()
    assert "Nothing to be done" in colleague.snakemake("-n")
    said = colleague.call("workflow/demo.sh")
    assert "Nothing to be done" in said
    assert "report.html" in said
    assert (colleague.folder / "results" / "report.html").exists()
    assert colleague.call("git", "status", "--porcelain") == ""
    # A browser tells a page or a picture by its name, so none of them may be a link into the cache.
    shown = [
        colleague.folder / "results/pages" / name for name in ("figure_1.svg", "errors/mmstar.html")
    ]
    assert all(path.is_file() and path.resolve() == path.absolute() for path in shown)
    for manifest in colleague.folder.glob("results/runs/*-*/manifest.json"):
        for name in json.loads(manifest.read_text())["files"]:
            assert (manifest.parent / name).exists()


def test_pulling_one_run_pulls_that_run_only(colleague):
    run = colleague.one("results/runs/rl-*")
    assert data_of(colleague) == set()
    colleague.dvc("pull", f"{run.relative_to(colleague.folder)}/data.dvc")
    assert data_of(colleague) == {f"runs/{run.name}"}
    assert (run / "checkpoints" / "step-000001" / "model.safetensors").read_text()


def test_a_changed_number_is_noticed_in_a_clone(colleague):
    colleague.snakemake("-n")
    recipe = colleague.folder / "config" / "recipes" / "tiny.yaml"
    content = yaml.safe_load(recipe.read_text())
    content["sft"]["connector_tuning"]["batch_size"] = 5
    recipe.write_text(yaml.safe_dump(content, sort_keys=False))
    planned = jobs(colleague.snakemake("-n"))
    assert "sft" in planned
    assert "grpo" not in planned


def test_a_result_of_ones_own_is_not_taken_for_old(colleague):
    """Check that a result made after cloning stays newer than its inputs."""
    colleague.snakemake("-n")
    summary = colleague.folder / "results" / "summary.json"
    summary.write_text(summary.read_text() + "\n")
    assert jobs(colleague.snakemake("-n")) == {"report", "all"}


def test_an_update_from_the_author_is_settled_too(recorded, colleague):
    colleague.snakemake("-n")
    author = recorded.clone(colleague.folder.parent / "author")
    scores = sorted(author.folder.glob("results/evaluations/*/*/*/scores.json"))[0]
    scores.write_text('{"accuracy": 0.75}\n')
    author.call("git", "add", "--force", "--update")
    author.commit("Other scores")
    colleague.call("git", "pull", "--quiet", str(author.folder), "HEAD")
    assert "Nothing to be done" in colleague.snakemake("-n")


def test_a_training_run_that_was_not_pulled_says_how_to_get_it(colleague):
    from r1v3.recipe.outputs.checkpoint import checkpoint_folder

    run = colleague.one("results/runs/rl-*")
    with pytest.raises(ValueError, match=r"dvc pull .*data\.dvc"):
        checkpoint_folder(run / "manifest.json", "last")


def test_corrupted_bytes_are_seen(colleague):
    colleague.dvc("pull")
    model = colleague.one("results/runs/rl-*/checkpoints/*/model.safetensors")
    model.unlink()
    model.write_text("noise")
    assert "modified" in colleague.dvc("status")
    shutil.rmtree(model.parents[1])
    assert "deleted" in colleague.dvc("status")
