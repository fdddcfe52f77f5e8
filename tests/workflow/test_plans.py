"""What dry runs plan."""

import os
import re
from collections import Counter

import pytest
import yaml
from pretended import finished_core, pretend

from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

CORE_STAGES = {"model": 2, "reject": 3, "sft": 2, "grpo": 1, "select_checkpoint": 1, "report": 1}


def test_plain_snakemake_plans_the_whole_core_path(workflow):
    plan = workflow.planned()
    assert CORE_STAGES.items() <= plan.items()
    assert plan["benchmark"] == 20
    assert plan["probe"] >= 4
    # held-out sets of four models, the benchmarks of one, one benchmark for each kept checkpoint
    assert plan["evaluate"] == plan["score"] == 4 + 1 + plan["probe"]


@pytest.mark.slow
def test_a_new_run_plans_exactly_its_own_jobs(workflow):
    pretend(workflow, finished_core(workflow))
    assert workflow.planned() == {}
    child = {"like": "rl", "why": "a test", "set": {"optimizer": {"learning_rate": 1e-6}}}
    workflow.edit("runs.yaml", lambda table: table.update(rl_slow=child))
    assert workflow.planned() == {}
    assert workflow.planned("results/runs/rl_slow.json") == {"config": 1, "grpo": 1, "link": 1}


@pytest.mark.slow
def test_a_changed_number_plans_its_branch_and_nothing_before_it(workflow):
    pretend(workflow, finished_core(workflow))
    workflow.edit("recipes/tiny.yaml", lambda r: r["sft"]["connector_tuning"].update(epochs=3))
    plan = workflow.planned()
    assert plan.pop("config") == 3  # final, and its two suites
    assert plan == {
        "sft": 1,
        "evaluate": 2,
        "score": 2,
        "link": 1,
        "summary": 1,
        "report": 1,
        "pages": 1,
        "cards": 1,
        "publish": 1,
        "all": 1,
    }


@pytest.mark.slow
def test_scores_of_other_code_are_made_again_by_choice(workflow):
    paths = finished_core(workflow)
    pretend(workflow, paths)
    scores = next(path for path in paths if path.endswith("/scores.json"))
    path = workflow.folder / scores
    when = path.stat().st_mtime_ns
    path.write_text('{"code": {"r1v3.evaluate.score": "0000000000"}}')
    os.utime(path, ns=(when, when))
    plan = workflow.planned("--config", "rerun_code=true")
    assert plan["score"] == 1
    assert "evaluate" not in plan


@pytest.mark.slow
def test_dry_plans_every_run_of_the_table(workflow):
    core, every = workflow.planned(), workflow.planned("dry")
    table = yaml.safe_load((workflow.folder / "config/runs.yaml").read_text())
    ablations = [name for name, entry in table.items() if "why" in entry]
    assert every["grpo"] + every["sft"] == core["grpo"] + core["sft"] + len(ablations)
    assert every["link"] == len(table)


@pytest.mark.slow
def test_the_slurm_profile_plans_the_paper_recipe(workflow):
    plan = workflow.planned("--profile", "slurm", "dry")
    graph = ResultGraph(load_project(workflow.folder, "paper"))
    stages = {graph.run(name).id: run.stage for name, run in graph.project.runs.items()}
    assert Counter(stages.values()).items() <= plan.items()
    assert {"model": 2, "sft": 8}.items() <= plan.items()
    assert plan["probe"] == 11  # 220 steps, one kept in 20
    text = workflow.snakemake("--profile", "slurm", "-n", "dry", "--quiet", "host").stdout
    assert re.search(r"resources: .*gpu=8", text)
    assert "seeing" not in text


def test_a_mistake_stops_snakemake_with_one_line_and_no_traceback(workflow):
    workflow.edit("runs.yaml", lambda table: table["rl"].update(data="math_norml"))
    done = workflow.snakemake("-n", check=False)
    assert done.returncode == 1
    assert (
        "config/runs.yaml: run rl: data: there is no data set 'math_norml'; allowed: "
        in done.stdout
    )
    assert "did you mean 'math_normal'?" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_unknown_run_is_told(workflow):
    done = workflow.snakemake("-n", "results/runs/rl_hrd.json", check=False)
    assert done.returncode == 1
    assert "nothing makes 'results/runs/rl_hrd.json'; did you mean 'results/runs/rl_hard.json'" in (
        done.stdout
    )
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_machine_without_slurm_says_so_before_the_first_job(workflow, monkeypatch, tmp_path):
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho no controller >&2; exit 1\n")
    (tmp_path / "sinfo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    name = next(iter(ResultGraph(load_project(workflow.folder, "paper")).recipe.data))
    target = f"{ResultGraph(load_project(workflow.folder, 'paper')).data(name).folder}/config.json"
    done = workflow.snakemake("--profile", "slurm", "--cores", "1", target, check=False)
    assert done.returncode != 0
    assert "Slurm's controller does not answer on this machine (no controller)" in done.stdout
    assert "Traceback" not in done.stdout
