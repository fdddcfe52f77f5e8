"""After a small change, a plan has the missing results of the new identities, and nothing else."""

import json
import os

import pytest
from pretended import planned_outputs, pretend

from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project


def raise_version(workflow) -> None:
    workflow.edit("benchmarks.yaml", lambda table: table["mmmu_val"].update(version=2))


def change_scorer(workflow) -> None:
    workflow.edit("benchmarks.yaml", lambda table: table["mmmu_val"].update(judge="needed"))


def change_questions(workflow) -> None:
    def change(table):
        table["mmmu_val"]["source"]["url"] = "https://example.org/MMMU_DEV_VAL.tsv"
        table["mmmu_val"]["miniature"]["tasks"] = ["sum"]

    workflow.edit("benchmarks.yaml", change)


def change_run(workflow) -> None:
    settings = {"optimizer": {"learning_rate": 3e-7}}
    workflow.edit(
        "runs.yaml", lambda table: table["rl_hard"].setdefault("set", {}).update(settings)
    )


def change_licence_of_source(workflow) -> None:
    def change(table):
        for entry in table.values():
            entry["licence"]["name"] = "CC-BY-4.0"

    workflow.edit("sources.yaml", change)


def pretend_links(workflow, recipe: str) -> None:
    """Write stable names as the rule `link` does."""
    graph = ResultGraph(load_project(workflow.folder, recipe))
    for name in graph.project.runs:
        path = workflow.folder / f"results/runs/{name}.json"
        when = path.stat().st_mtime
        path.write_text(json.dumps({"hash": graph.run(name).hash}))
        os.utime(path, (when, when))


def needed(workflow, recipe: str) -> set[str]:
    """Return the missing manifests that the identities of all runs of the table need."""
    graph = ResultGraph(load_project(workflow.folder, recipe))
    waiting, seen = [graph.run(name) for name in graph.project.runs], set()
    while waiting:
        node = waiting.pop()
        if node.folder not in seen:
            seen.add(node.folder)
            waiting += node.parents
    paths = {f"{folder}/manifest.json" for folder in seen}
    return {path for path in paths if not (workflow.folder / path).exists()}


def manifests(paths) -> set[str]:
    shelves = ("benchmarks", "data", "evaluation_index", "runs", "selections")
    starts = tuple(f"results/{shelf}/" for shelf in shelves)
    return {path for path in paths if path.startswith(starts) and path.endswith("/manifest.json")}


CHANGES = (raise_version, change_scorer, change_questions, change_run, change_licence_of_source)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["tiny", "paper"])
def test_every_run_is_planned_with_all_that_it_needs_and_no_more(workflow, recipe):
    chosen = ("--config", f"recipe={recipe}")
    everything = ("dry", *chosen)
    pretend(workflow, planned_outputs(workflow, "--forceall", *everything))
    pretend_links(workflow, recipe)
    texts = {path: path.read_text() for path in (workflow.folder / "config").glob("*.yaml")}
    for change in CHANGES:
        change(workflow)
        expected = needed(workflow, recipe)
        assert manifests(planned_outputs(workflow, *everything)) == expected, change.__name__
        assert bool(expected) == (change not in (raise_version, change_scorer)) or (
            recipe == "tiny" and change is change_licence_of_source
        ), change.__name__
        for path, text in texts.items():
            path.write_text(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [raise_version, change_questions], ids=lambda each: each.__name__
)
def test_a_requested_run_is_planned_whatever_else_changed(workflow, change):
    pretend(workflow, planned_outputs(workflow, "--forceall"))
    change(workflow)
    plan = workflow.planned("results/runs/rl_hard.json")
    assert {"grpo", "link"} <= set(plan)
    assert ("evaluation_index" in plan) == (change is change_questions)


@pytest.mark.slow
def test_a_call_that_leaves_out_what_was_asked_for_fails_and_says_so(workflow):
    """Remove a job's output before the end, as another program might do."""
    name = next(iter(ResultGraph(load_project(workflow.folder, "tiny")).recipe.data))
    node = ResultGraph(load_project(workflow.folder, "tiny")).data(name)
    target = f"{node.folder}/config.json"
    rules = workflow.folder / "workflow/rules/publish.smk"
    text = rules.read_text()
    assert "onsuccess:\n" in text
    removing = f"onsuccess:\n    Path({target!r}).unlink()\n"
    rules.write_text(text.replace("onsuccess:\n", removing))
    done = workflow.snakemake("--cores", "1", target, check=False)
    assert done.returncode != 0
    assert f"this was asked for and is not there: {target}" in done.stdout
