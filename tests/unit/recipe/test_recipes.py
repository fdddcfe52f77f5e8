"""The shipped recipes are valid and complete, and have the report's numbers."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from r1v3.recipe.load import load_project
from r1v3.recipe.schema.data import Domain, Task
from r1v3.recipe.snakemake import open_graph

ROOT = Path(__file__).parents[3]
RECIPES = sorted(path.stem for path in (ROOT / "config" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_shipped_recipe_passes_the_schema_with_every_run(name):
    project = load_project(ROOT, name)
    assert project.recipe.name == name
    assert {"base", "teacher", "cold_start", "rl", "final"} <= set(project.runs)


def test_the_paper_recipe_has_the_numbers_that_the_report_states():
    recipe = load_project(ROOT, "paper").recipe
    sizes = {name: recipe.data[name].size for name in ("cold_start_questions", "math_normal")}
    assert sizes == {"cold_start_questions": 20000, "math_normal": 15000}
    assert recipe.data["multi_domain_questions"].size == 10000

    grpo = recipe.grpo["math"]
    assert (grpo.prompts_per_step, grpo.samples, grpo.updates_per_episode) == (32, 32, 1)
    assert [stage.tokens for stage in grpo.lengths] == [4096, 8192]
    assert (grpo.clip_low, grpo.clip_high, grpo.kl) == (0.2, 0.2, 0.0)
    assert grpo.optimizer.learning_rate == 1e-5
    assert grpo.train == ["vision_tower", "connector", "llm"]
    assert recipe.grpo["math_tenth_rate"].optimizer.learning_rate == 1e-6
    assert (grpo.kl_estimator, grpo.old_logprobs, grpo.minibatches) == ("k1", "trainer", 1)
    assert (grpo.reward.accuracy_weight, grpo.reward.format_weight) == (0.8, 0.2)

    connector = recipe.sft["connector_tuning"]
    assert connector.train == ["connector"]
    assert (connector.epochs, connector.batch_size, connector.max_length) == (2, 64, 16384)
    assert connector.optimizer.learning_rate == 1e-5
    assert (connector.optimizer.schedule, connector.optimizer.warmup) == ("cosine", 0.03)
    assert connector.early_stopping is not None

    evaluation = recipe.evaluation
    assert (evaluation.runs, evaluation.temperature, evaluation.max_new_tokens) == (5, 1.0, 16384)
    assert len(set(evaluation.benchmarks)) == 20
    assert recipe.entropy.threshold == 6.8


def test_an_instructed_model_is_the_base_where_that_was_instructed_and_shares_its_folder():
    paper, tiny = (open_graph(ROOT, {"recipe": name}) for name in ("paper", "tiny"))
    assert paper.run("instructed").folder == paper.run("base").folder
    assert tiny.run("instructed").folder != tiny.run("base").folder
    for graph in (paper, tiny):
        started = graph.run("rl_self_incentivised").resolved["start"]["run"]
        assert started == graph.run("instructed").id


@pytest.mark.parametrize("name", ["paper", "8b", "1b", "open-1b", "tiny"])
def test_a_picture_that_cleaning_admits_is_encoded(name):
    recipe = load_project(ROOT, name).recipe
    assert recipe.images.max_pixels == recipe.cleaning.limits.max_pixels


def test_every_number_of_the_paper_recipe_says_where_it_comes_from():
    text = (ROOT / "config" / "recipes" / "paper.yaml").read_text()
    numbers = [line for line in text.splitlines() if re.search(r"[:\[,] ?-?\d[\d.e-]*", line)]
    silent = [
        line
        for line in numbers
        if not re.search(r"#.*(sections?|equation|figure|table|assumed)", line)
        and not line.lstrip().startswith("#")
    ]
    assert silent == []


def test_the_schema_knows_the_tasks_and_domains_that_the_world_draws():
    from r1v3.data.world import LOOKS, TASKS

    assert set(get_args(Task)) == set(TASKS)
    assert set(get_args(Domain)) == set(LOOKS)


def test_reading_a_recipe_imports_neither_torch_nor_transformers():
    code = (
        "import sys; from pathlib import Path; from r1v3.recipe.snakemake import open_graph; "
        "open_graph(Path('.'), {}); "
        "print(sorted({'torch', 'transformers', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "workflow")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", RECIPES)
def test_no_set_of_an_evaluation_shares_its_instances_with_a_training_set(name):
    project = load_project(ROOT, name)
    recipe = project.recipe
    trained = {run.entry.data for run in project.runs.values() if run.stage != "model"}
    trained |= {model.data for model in recipe.models.values() if model.source != "hub"}
    sources = {recipe.data[n].questions if recipe.data[n].kind == "sampled" else n for n in trained}
    assert {recipe.data[n].source.instances for n in sources} == {"train"}
    held_out = recipe.evaluation.held_out.values()
    assert {recipe.data[n].source.instances for n in held_out} == {"test"}
