"""A mistake in a file below config/ is reported in one line: file, run, key, allowed values."""

import pytest

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.snakemake import open_graph


def set_key(*path, to):
    """Return a change that sets the key at `path`."""

    def change(content):
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = to

    return change


def drop_key(*path):
    def change(content):
        for step in path[:-1]:
            content = content[step]
        del content[path[-1]]

    return change


TINY, PAPER, RUNS = "recipes/tiny.yaml", "recipes/paper.yaml", "runs.yaml"

MISTAKES = {
    "a key that does not exist": (
        (TINY, set_key("grpo", "math", "optimizer", "learning_rte", to=1)),
        "config/recipes/tiny.yaml: grpo.math.optimizer: unknown key 'learning_rte'; allowed: "
        "algorithm, learning_rate, schedule, warmup, betas, weight_decay, max_grad_norm; did you mean "
        "'learning_rate'?",
    ),
    "a section that does not exist": (
        (TINY, set_key("evaluaton", to={})),
        "config/recipes/tiny.yaml: unknown key 'evaluaton'; allowed: name, seed, determinism, licences, "
        "template, images, models, data, cleaning, sft, grpo, entropy, selection, evaluation, generation, "
        "grading, thinking, baselines, layout; did you mean 'evaluation'?",
    ),
    "an alias of a model that does not exist": (
        (TINY, set_key("models", "instructed", to={"source": "alias", "of": "bse"})),
        "config/recipes/tiny.yaml: models: instructed: an alias has `of` alone, which names one of base, "
        "teacher",
    ),
    "an alias of itself": (
        (TINY, set_key("models", "instructed", to={"source": "alias", "of": "instructed"})),
        "config/recipes/tiny.yaml: models: instructed: instructed is an alias itself; name its model",
    ),
    "a missing key": (
        (PAPER, drop_key("grpo", "math", "kl")),
        "config/recipes/paper.yaml: grpo.math: key 'kl' is missing",
    ),
    "a value out of range": (
        (TINY, set_key("grpo", "math", "samples", to=1)),
        "config/recipes/tiny.yaml: grpo.math.samples: input should be greater than or equal to 2, "
        "got 1",
    ),
    "a value that is not a number": (
        (TINY, set_key("grpo", "math", "steps", to="many")),
        "config/recipes/tiny.yaml: grpo.math.steps: input should be a valid integer, got 'many'",
    ),
    "whole copies with a ZeRO stage": (
        (TINY, set_key("sft", "cold_start", "parallel", "zero", to=2)),
        "config/recipes/tiny.yaml: sft.cold_start.parallel: zero is 2 or 3 with engine deepspeed, and "
        "null with engine ranks",
    ),
    "DeepSpeed without a stage": (
        (TINY, set_key("sft", "cold_start", "parallel", "engine", to="deepspeed")),
        "config/recipes/tiny.yaml: sft.cold_start.parallel: zero is 2 or 3 with engine deepspeed",
    ),
    "DeepSpeed with an optimizer that it cannot part": (
        (TINY, set_key("sft", "cold_start", "parallel", to={"engine": "deepspeed", "zero": 2})),
        "config/recipes/tiny.yaml: sft.cold_start: parallel.engine deepspeed needs "
        "optimizer.algorithm adamw",
    ),
    "one state to resume from, which may be the damaged one": (
        (TINY, set_key("sft", "cold_start", "resume", "keep", to=1)),
        "config/recipes/tiny.yaml: sft.cold_start.resume.keep: input should be greater than or "
        "equal to 2, got 1",
    ),
    "a value that is not known": (
        (TINY, set_key("generation", "engine", to="transformer")),
        "config/recipes/tiny.yaml: generation.engine: 'transformer' is not known; allowed: "
        "transformers, vllm, server; did you mean 'transformers'?",
    ),
    "a source that is not known": (
        (TINY, set_key("models", "base", "source", to="scrtch")),
        "config/recipes/tiny.yaml: models.base.source: 'scrtch' is not known; allowed: hub, scratch, "
        "tuned; did you mean 'scratch'?",
    ),
    "a key of another source": (
        (TINY, set_key("models", "base", "revision", to="main")),
        "config/recipes/tiny.yaml: models.base: unknown key 'revision'; allowed: source, "
        "mode, architecture, tokenizer_data, data, settings",
    ),
    "a task that the world does not draw": (
        (TINY, set_key("data", "math_normal", "source", "tasks", to={"summ": 1})),
        "config/recipes/tiny.yaml: data.math_normal.source.tasks: unknown key 'summ'; allowed: sum,",
    ),
    "weights that do not add up": (
        (TINY, set_key("grpo", "math", "reward", to={"format_weight": 0.3, "verifier": None})),
        "config/recipes/tiny.yaml: grpo.math.reward: accuracy_weight + format_weight must be 1 "
        "(equation 3)",
    ),
    "a data set that does not exist": (
        (TINY, set_key("selection", "probe", to="prob")),
        "config/recipes/tiny.yaml: selection.probe: there is no data set 'prob'; allowed:",
    ),
    "a benchmark that does not exist": (
        (TINY, set_key("evaluation", "checkpoint_benchmark", to="mmmu_vl")),
        "config/recipes/tiny.yaml: evaluation.checkpoint_benchmark: there is no benchmark 'mmmu_vl'; "
        "allowed:",
    ),
    "an evaluation on training instances": (
        (TINY, set_key("evaluation", "held_out", to={"math": "math_normal"})),
        "config/recipes/tiny.yaml: evaluation.held_out.math: data set 'math_normal' has instances "
        "'train' where 'test' is needed; allowed: math_test, multi_domain_test",
    ),
    "a training run on test instances": (
        (RUNS, set_key("rl", "data", to="math_test")),
        "config/runs.yaml: run rl: data: data set 'math_test' has instances 'test' where 'train' is "
        "needed; allowed:",
    ),
    "a run's unknown key": (
        (RUNS, set_key("rl", "dta", to="math_normal")),
        "config/runs.yaml: run rl: unknown key 'dta'; allowed: stage, from, checkpoint, data, "
        "settings, method, set, without, mode, seed, why; did you mean 'data'?",
    ),
    "a run's unknown stage": (
        (RUNS, set_key("rl", "stage", to="ppo")),
        "config/runs.yaml: run rl: stage: 'ppo' is not known; allowed: model, sft, grpo",
    ),
    "a run without a stage": (
        (RUNS, drop_key("rl", "stage")),
        "config/runs.yaml: run rl: key 'stage' is missing",
    ),
    "a run that starts from nothing known": (
        (RUNS, set_key("rl", "from", to="coldstart")),
        "config/runs.yaml: run rl: from: there is no run 'coldstart'; allowed: base, cold_start, "
        "final, final_all, ",
    ),
    "a selected checkpoint of a run that has no selection": (
        (RUNS, set_key("final", "from", to="cold_start")),
        "config/runs.yaml: run final: checkpoint: 'selected' needs a run of stage grpo in `from`, and "
        "'cold_start' is of stage sft; allowed: last, or from one of rl, rl_frozen_connector",
    ),
    "settings that do not exist": (
        (RUNS, set_key("rl", "settings", to="maths")),
        "config/runs.yaml: run rl: settings: there is no entry of the recipe's grpo 'maths'; allowed: "
        "math, math_ablation, math_lora, math_tenth_rate; did you mean 'math'?",
    ),
    "a group in `set` that does not exist": (
        (RUNS, set_key("rl_frozen_connector", "set", "train", to=["vision_tower", "conector"])),
        "config/runs.yaml: run rl_frozen_connector: set: train.1: 'conector' is not known; allowed: "
        "vision_tower, connector, llm; did you mean 'connector'?",
    ),
    "a key in `set` that does not exist": (
        (RUNS, set_key("rl_frozen_connector", "set", to={"trane": ["llm"]})),
        "config/runs.yaml: run rl_frozen_connector: set: unknown key 'trane'; allowed: train,",
    ),
    "a `like` that does not exist": (
        (RUNS, set_key("rl_frozen_connector", "like", to="rll")),
        "config/runs.yaml: run rl_frozen_connector: like: there is no run 'rll'; allowed:",
    ),
    "a `like` in a circle": (
        (RUNS, set_key("rl", to={"like": "rl_frozen_connector"})),
        "config/runs.yaml: run rl: like: goes in a circle (rl_frozen_connector -> rl -> rl_frozen_connector)",
    ),
    "a run's name that is no file name": (
        (RUNS, set_key("RL-2", to={"like": "rl"})),
        "config/runs.yaml: run RL-2: a name has lower-case letters, digits and _, a letter first",
    ),
    "a run that starts from itself": (
        (RUNS, set_key("cold_start", "from", to="cold_start")),
        "config: run cold_start depends on itself",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_names_file_run_key_and_what_is_allowed(name, checkout):
    (file, change), beginning = MISTAKES[name]
    checkout.edit(file, change)
    with pytest.raises(RecipeError) as caught:
        checkout.graph()
    assert any(line.startswith(beginning) for line in caught.value.lines), str(caught.value)


def test_several_mistakes_are_told_at_once(checkout):
    checkout.edit(RUNS, set_key("rl", "from", to="x"))
    checkout.edit(RUNS, set_key("final", "data", to="y"))
    with pytest.raises(RecipeError) as caught:
        checkout.graph()
    assert len([line for line in caught.value.lines if " run rl:" in line]) == 1
    assert len([line for line in caught.value.lines if " run final:" in line]) == 1


def test_a_mistake_in_an_overlay_names_the_overlay(checkout):
    overlay = checkout.write("short.yaml", "grpo: {math: {stepps: 3}}")
    with pytest.raises(RecipeError, match=r"^config/short.yaml: grpo.math: unknown key 'stepps'"):
        checkout.graph(overlay=overlay)


def test_a_nucleus_whose_log_probabilities_are_not_the_policys_is_refused(checkout):
    overlay = checkout.write("short.yaml", "grpo: {math: {top_p: 0.9}}")
    checkout.graph(overlay=overlay)  # the engine in process tells them from before the cut
    said = r"paper.yaml: grpo.math.top_p: must be 1 with generation.engine vllm, got 0.9"
    checkout.edit("recipes/paper.yaml", lambda r: r["grpo"]["math"].update(top_p=0.9))
    with pytest.raises(RecipeError, match=said):
        checkout.graph(recipe="paper")


def test_a_key_that_stands_twice_is_told_with_its_line(checkout):
    overlay = checkout.write("short.yaml", "seed: 1\nseed: 2\n")
    with pytest.raises(RecipeError, match=r"config/short.yaml, line 2: key 'seed' stands twice"):
        checkout.graph(overlay=overlay)


def test_what_is_not_yaml_is_told_with_its_line(checkout):
    overlay = checkout.write("short.yaml", "seed: 1\n  name: [\n")
    with pytest.raises(RecipeError, match=r"config/short.yaml, line 2: "):
        checkout.graph(overlay=overlay)


def test_a_missing_overlay_is_told(checkout):
    with pytest.raises(RecipeError, match=r"nowhere.yaml: no such file"):
        checkout.graph(overlay=checkout.root / "nowhere.yaml")


def test_an_unknown_recipe_names_those_that_there_are(checkout):
    with pytest.raises(
        RecipeError,
        match=r"no recipe 'tny'; allowed: 1b, 8b, .*, open-8b-lora, paper, tiny; did you mean 'tiny'",
    ):
        checkout.graph("tny")


def test_an_unknown_config_key_of_the_command_line_is_told(checkout):
    with pytest.raises(RecipeError, match=r"--config: there is no key 'recpie'.*'recipe'"):
        open_graph(checkout.root, {"recpie": "tiny"})
