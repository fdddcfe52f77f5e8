"""The plan's arithmetic by hand, what it refuses, and what it says about unmeasured constants."""

from pathlib import Path

import pytest

from r1v3.plan.advice import advise
from r1v3.plan.costs import load_costs
from r1v3.plan.memory import (
    LargestPass,
    TrainingDevice,
    TrainingSetup,
    activation_bytes,
    cache_token,
    parts_beside_engine,
    training_parts,
)
from r1v3.plan.report import cost_table
from r1v3.plan.report import parts as parts_of
from r1v3.plan.shapes import ModelShape
from r1v3.plan.speed import EngineSize, decoding_time, draw_lengths
from r1v3.plan.stages import RecipePlan
from r1v3.recipe.load import load_project
from r1v3.recipe.site import load_site

ROOT = Path(__file__).parents[3]
SHAPE = ModelShape(
    parameters={"vision_tower": 100, "connector": 20, "llm": 880},
    largest=400,
    width=8,
    layers=2,
    mlp_width=16,
    kv_width=4,
    vocabulary=50,
    vision_width=4,
    vision_layers=1,
    patches=5,
    image_tokens=1,
    side=4,
    numbers=48,
)


@pytest.fixture(scope="module")
def costs():
    return load_costs(ROOT)


@pytest.fixture(scope="module")
def paper():
    return load_project(ROOT, "paper")


def parts(costs, zero, world, train=("vision_tower", "connector", "llm"), dtype="bfloat16"):
    return training_parts(
        SHAPE,
        TrainingSetup(list(train), dtype, zero, checkpointing=False, world=world),
        LargestPass(tokens=1, responses=1, tiles=1),
        TrainingDevice(costs.devices["h100"], costs.activations),
    )


def test_zero_parts_weights_gradients_and_averages_among_the_ranks(costs):
    whole, third = parts(costs, None, 4), parts(costs, 3, 4)
    # 16-bit weights; gradients, AdamW's two averages and copies in 32 bits
    assert (whole["weights"], whole["gradients"], whole["optimizer"]) == (2000, 4000, 12000)
    assert (third["weights"], third["gradients"], third["optimizer"]) == (500, 1000, 3000)
    second = parts(costs, 2, 4)
    assert (second["weights"], second["gradients"], second["optimizer"]) == (2000, 1000, 3000)


def test_checkpointing_half_of_the_layers_lies_half_way(costs):
    def kept(share):
        given = {"tokens": 100, "tiles": 1, "factors": costs.activations}
        return activation_bytes(SHAPE, ["llm"], 2, checkpointing=share, **given)

    # all: two layers' inputs and one layer; none: two layers; half: one input, one layer kept, one at work
    layer = kept(False) / 2
    inputs = 2 * 2 * 100 * 8
    assert kept(True) == kept(1.0) == inputs + layer
    assert kept(0.5) == inputs / 2 + layer + layer
    assert kept(0.0) == 2 * layer


def test_frozen_parts_have_neither_gradients_nor_averages(costs):
    told = parts(costs, None, 1, train=["connector"], dtype="float32")
    assert (told["weights"], told["gradients"], told["optimizer"]) == (4000, 80, 160)


def test_keys_and_values_of_a_token_are_two_numbers_a_layer_and_feature(costs):
    assert cache_token(SHAPE) == 2 * 2 * 2 * 4


def test_one_long_answer_keeps_an_engine_for_itself(costs):
    told = decoding_time(
        [10] * 7 + [1000],
        EngineSize(rows=8, gpus=1, cache=0, device=costs.devices["h100"], peak=1e12),
        shape=SHAPE,
        prompt=1,
        prompts=1,
    )
    assert told.straggling / told.seconds == pytest.approx(0.99, abs=0.005)


def test_drawn_lengths_keep_the_limit_and_the_median(costs):
    load = costs.workloads["paper"]
    lengths = sorted(draw_lengths(load, 4001, 8192, seed=1))
    assert max(lengths) == 8192
    assert lengths[2000] == pytest.approx(load.answer_median, rel=0.05)


def test_the_paper_recipe_fits_its_layout_and_says_that_no_gpu_was_measured(costs, paper):
    plan = RecipePlan(ROOT, paper, load_site(ROOT), costs)
    estimates = plan.estimates()
    assert [each.name for each in estimates if not each.fits] == []
    assert all(each.assumed for each in estimates)
    lines = cost_table(estimates, 2.0, gpus=True)
    assert all("*" in line for line in lines[1:-1])


def test_the_last_evaluation_asks_what_the_table_of_benchmarks_says(costs, paper):
    estimates = RecipePlan(ROOT, paper, load_site(ROOT), costs).estimates()
    answers = {each.name: each.answers for each in estimates if each.stage == "evaluate"}
    names, table = paper.recipe.evaluation.benchmarks, paper.benchmarks
    assert answers["benchmarks"] == 5 * sum(table[n].questions or table[n].items for n in names)
    assert answers["benchmarks"] > 160_000
    assert answers["checkpoints"] == 5 * 900


def test_fewer_items_of_a_recipe_bound_each_benchmark(costs):
    tiny = load_project(ROOT, "tiny")
    estimates = RecipePlan(ROOT, tiny, load_site(ROOT), costs).estimates()
    (asked,) = [each.answers for each in estimates if each.name == "benchmarks"]
    section = tiny.recipe.evaluation
    items = [min(section.items, tiny.benchmarks[n].items) for n in section.benchmarks]
    assert asked == section.runs * sum(items)


def test_servers_have_lines_with_their_gpus_and_fees(costs, paper):
    plan = RecipePlan(ROOT, paper, load_site(ROOT), costs)
    estimates = plan.estimates()
    found = {each.name: each for each in estimates if each.stage in ("server", "api")}
    verifier, judge, reward = (found[name] for name in ("verifier", "judge", "reward model"))
    assert verifier.devices == 2  # 65.6 GB of weights leave one GPU of 80 GB no room
    graded = [each for each in estimates if each.stage in ("reject", "grpo", "probe", "evaluate")]
    assert verifier.hours == pytest.approx(sum(each.jobs * each.hours for each in graded))
    assert reward.devices == 1
    read = 150 + 1272 + 765
    assert judge.fee == pytest.approx(0.5 * 80_000 * (read * 2.5 + 5 * 10) / 1e6)
    assert f"{judge.fee:,.0f}" in next(
        line for line in cost_table(estimates, 2.0, gpus=True) if "judge" in line
    )


def test_a_reward_model_in_the_reward_of_rl_is_a_server_too(costs, tmp_path):
    term = (
        "{model: Skywork/Skywork-VL-Reward-7B, weight: 0.2, middle: 0, scale: 5, max_unjudged: 0}"
    )
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f"grpo: {{math: {{reward_model: {term}}}}}\n")
    project = load_project(ROOT, "paper", overlay)
    estimates = RecipePlan(ROOT, project, load_site(ROOT), costs).estimates()
    (rl,) = [each for each in estimates if each.stage == "grpo"]
    notes = [each.notes for each in estimates if each.name == "reward model"]
    assert any(f"{rl.jobs * rl.answers:,} questions" in note for (note, *_) in notes)
    assert len(notes) == 2  # the filter of rejection sampling, and RL


def test_what_trainer_and_engine_hold_at_once_is_a_line_and_decides(costs, paper):
    plan = RecipePlan(ROOT, paper, load_site(ROOT), costs)
    rl = plan.grpo("rl")
    assert rl.sampling["vLLM"] == pytest.approx(plan.engine_share() * 80e9)
    assert rl.sampling["trainer's optimizer"] == rl.parts["optimizer"]
    assert rl.memory == max(sum(rl.parts.values()), sum(rl.sampling.values()))
    (line,) = [line for line in parts_of([rl]) if "at once" in line]
    assert f"together {sum(rl.sampling.values()) / 1e9:.1f} of 80" in line


@pytest.mark.slow
def test_one_node_is_refused_with_what_would_do(costs, paper):
    site = load_site(ROOT)
    refused = [e for e in RecipePlan(ROOT, paper, site, costs, nodes=1).estimates() if not e.fits]
    assert [each.name for each in refused] == ["cold_start", "rl"]
    told = advise(ROOT, paper, site, costs, refused[0])
    assert told[0] == "more GPUs: 4 nodes for layout.sft"


def test_an_engine_beside_the_trainer_must_leave_it_its_place(costs, paper):
    site = load_site(ROOT)
    (rl,) = [e for e in RecipePlan(ROOT, paper, site, costs, nodes=2).estimates() if e.rollouts]
    assert "layout.grpo.engine_memory of at most" in rl.advice[0]


def test_both_sides_are_counted_with_their_contexts(costs, paper):
    site = load_site(ROOT)
    plan = RecipePlan(ROOT, paper, site, costs)
    (rl,) = [e for e in plan.estimates() if e.rollouts]
    context = costs.devices["h100"].base_gib * 2**30
    assert rl.parts["engine asleep"] == context
    trained = plan.shape.trained(["vision_tower", "connector", "llm"])
    copies = rl.parts["copies of the start and of the step before"]
    assert copies == pytest.approx(2 * 2 * trained / 32)
    # while vLLM samples: context and fragments, weights, averages, gradients' buffer, copies
    names = ("process", "weights", "optimizer", "gradients")
    held = sum(rl.parts[name] for name in names) + copies
    held += 2 * 2 * plan.shape.largest  # the largest tensor gathered, and a bucket that it fits in
    site.gpus.__dict__["memory_gb"] = (held + 1e6) / 1e9 / (1 - plan.engine_share())
    told = [e for e in RecipePlan(ROOT, paper, site, costs).estimates() if e.rollouts]
    assert told[0].advice == ()
    site.gpus.__dict__["memory_gb"] = (held - 1e9) / 1e9 / (1 - plan.engine_share())
    told = [e for e in RecipePlan(ROOT, paper, site, costs).estimates() if e.rollouts]
    assert "layout.grpo.engine_memory of at most 0.48" in told[0].advice[0]


def test_without_zero_gradients_are_let_go_before_the_engine_wakes(costs):
    told = parts(costs, None, 1)

    def beside(zero):
        setup = TrainingSetup(["llm"], "bfloat16", zero, checkpointing=False, world=1)
        return parts_beside_engine(SHAPE, told, setup)

    whole = beside(None)
    assert "gradients" not in whole
    assert whole["copies of the start and of the step before"] == 2 * 2 * 880
    assert beside(2)["gradients"] == 4000


def test_the_gate_is_in_the_plan_over_all_its_gpus(costs, paper):
    plan = RecipePlan(ROOT, paper, load_site(ROOT), costs)
    (gate,) = [e for e in plan.estimates() if e.stage == "parity"]
    assert (gate.devices, gate.fits) == (8, True)
    assert gate.host == pytest.approx(2 * plan.shape.all)


@pytest.mark.slow
def test_more_nodes_wait_longer_for_one_engine(costs, paper):
    site = load_site(ROOT)
    idle = {}
    for nodes in (2, 8):
        (rl,) = [
            e for e in RecipePlan(ROOT, paper, site, costs, nodes=nodes).estimates() if e.rollouts
        ]
        idle[nodes] = rl.rollouts.idle
    assert idle[2] < idle[8]


@pytest.mark.parametrize("name", ["tiny", "1b", "8b"])
def test_every_step_of_the_ladder_fits(costs, name):
    plan = RecipePlan(ROOT, load_project(ROOT, name), load_site(ROOT), costs)
    assert [each.name for each in plan.estimates() if not each.fits] == []
