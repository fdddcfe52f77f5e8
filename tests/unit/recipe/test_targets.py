"""The files that rules ask for: `r1v3.recipe.graph.targets`, and `copies` for MLflow."""

import re
from pathlib import Path

import pytest

from r1v3.recipe.graph.copies import Copies
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.graph.targets import Targets
from r1v3.recipe.load import load_project
from r1v3.recipe.tables.runs import CORE

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def targets() -> Targets:
    return Targets(ResultGraph(load_project(ROOT, "tiny")))


@pytest.fixture(scope="module")
def at_scale() -> Targets:
    return Targets(ResultGraph(load_project(ROOT, "paper")))


def test_each_run_belongs_to_the_rule_of_its_stage_alone(targets):
    patterns = {stage: targets.runs_of(stage) for stage in ("model", "sft", "grpo")}
    for name, run in targets.graph.project.runs.items():
        id = targets.graph.run(name).id
        assert [s for s, each in patterns.items() if re.fullmatch(each, id)] == [run.stage]


def test_a_stage_without_runs_has_a_pattern_that_no_id_fits(targets):
    assert not re.fullmatch(targets.runs_of("no stage"), targets.graph.run("rl").id)


def test_the_core_path_asks_for_hashes_and_for_stable_names(targets):
    asked = targets.core_results()
    for name in CORE:
        assert f"results/runs/{name}.json" in asked
        assert f"{targets.graph.run(name).folder}/manifest.json" in asked
    assert targets.scores("final", "last", "benchmarks") in asked
    assert set(targets.held_out_scores()) <= set(asked)


def test_checkpoint_scores_are_one_for_each_step_that_the_run_keeps(targets):
    every = targets.graph.project.runs["rl"].grpo.checkpoint_every
    steps = targets.steps("rl")
    assert steps[0] == f"{every:06d}"
    assert all(
        f"/step-{step}/" in path for step, path in zip(steps, targets.checkpoint_scores("rl"))
    )
    assert len(targets.checkpoint_scores("rl")) == len(set(steps))


def test_an_index_is_made_of_its_benchmarks_and_of_its_held_out_sets(targets):
    index, cleaning = targets.graph.evaluation_index().id, targets.graph.recipe.cleaning
    benchmarks = targets.index_parents(index, "benchmark")
    held_out = targets.index_parents(index, "data")
    assert len(benchmarks) == len(cleaning.benchmarks)
    assert all(path.startswith("results/benchmarks/") for path in benchmarks)
    assert len(held_out) == len(cleaning.held_out)
    assert all(path.startswith("results/data/") for path in held_out)


def test_the_parity_gate_stands_before_vllm_alone(targets, at_scale):
    assert targets.parity("rl-0123456789") == []
    gate = at_scale.graph.recipe.generation.parity
    assert str(gate.max_gap) in at_scale.parity("rl-0123456789")
    assert f"-{gate.tokens}-tokens" in at_scale.parity("rl-0123456789")


def test_a_study_asks_for_each_of_its_arms(targets):
    study = targets.graph.project.studies["freeze"]
    asked = targets.study_results("freeze")
    for arm in study.arms.values():
        assert f"{targets.graph.run(arm.run).folder}/manifest.json" in asked
    assert set(asked) <= set(targets.all_study_results())


def test_two_seeds_ask_for_twins(targets):
    one = set(targets.study_results("freeze"))
    project = load_project(ROOT, "tiny", seeds=2)
    two = set(Targets(ResultGraph(project), seeds=2).study_results("freeze"))
    assert one < two


def test_the_core_copy_waits_for_no_study(targets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copies = Copies(targets)
    assert len(copies.runs("mlflow")) == len(CORE)
    assert set(copies.runs("mlflow")) < set(copies.runs("mlflow-studies")) | set(
        copies.runs("mlflow")
    )
    assert copies.before("mlflow") == []
    assert copies.before("mlflow-studies") == "results/mlflow.json"


def test_the_core_copy_takes_what_else_has_been_made(targets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = targets.graph.run("rl_frozen_connector").folder
    (tmp_path / made).mkdir(parents=True)
    (tmp_path / made / "manifest.json").write_text("{}")
    assert f"{made}/manifest.json" in Copies(targets).runs("mlflow")


def test_another_store_has_copies_of_its_own(targets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copies = Copies(targets, "-0123456789")
    assert copies.wanted("mlflow") == "results/mlflow-0123456789.json"
    assert copies.before("mlflow-studies-0123456789") == "results/mlflow-0123456789.json"


def test_a_clone_whose_runs_came_recorded_wants_no_copy(targets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copies = Copies(targets)
    assert copies.wanted("mlflow") == "results/mlflow.json"
    for name in CORE:
        folder = tmp_path / targets.graph.run(name).folder
        folder.mkdir(parents=True)
        for file in ("manifest.json", "data.dvc"):
            (folder / file).write_text("{}")
    assert copies.wanted("mlflow") == []
    (tmp_path / "mlflow.db").touch()
    assert copies.wanted("mlflow") == "results/mlflow.json"


@pytest.mark.parametrize(
    ("text", "outdated"),
    [(None, False), ('{"hash": "0123456789"}', True), ('{"hash": "%s"}', False), ("{", True)],
)
def test_a_stable_name_is_outdated_where_it_shows_another_run(targets, tmp_path, text, outdated):
    run = targets.graph.run("rl")
    (tmp_path / run.folder).mkdir(parents=True)
    (tmp_path / run.folder / "manifest.json").write_text("{}")
    if text is not None:
        (tmp_path / "results/runs/rl.json").write_text(text.replace("%s", run.hash))
    assert targets.is_outdated("rl", tmp_path) is outdated


def test_a_stable_name_is_outdated_where_its_run_is_gone(targets, tmp_path):
    """Check it here, because Snakemake remakes no lost input of an existing target."""
    name = tmp_path / "results/runs/rl.json"
    name.parent.mkdir(parents=True)
    name.write_text(f'{{"hash": "{targets.graph.run("rl").hash}"}}')
    assert targets.is_outdated("rl", tmp_path)


def test_the_ledger_needs_the_studies_that_claims_name_and_no_others(targets):
    named = targets.claimed_studies()
    claims = targets.graph.project.claims.values()
    assert set(named) == {claim.study for claim in claims if claim.study is not None}
    assert named == [study for study in targets.graph.project.studies if study in named]
    assert not {"methods", "curricula"} & set(named)
