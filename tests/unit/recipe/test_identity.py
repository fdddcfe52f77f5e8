"""What a folder's hash covers."""

import re

import pytest

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph import identity
from r1v3.recipe.graph.identity import Node, canonical, hash_of
from r1v3.recipe.schema.training import checkpoint_steps


def every_folder(graph) -> dict[str, str]:
    """Return each result's name and its folder."""
    nodes = {f"data {n}": graph.data(n) for n in graph.recipe.data}
    nodes |= {f"run {n}": graph.run(n) for n in graph.project.runs}
    nodes |= {f"benchmark {n}": graph.benchmark(n) for n in graph.recipe.evaluation.benchmarks}
    nodes["selection rl"] = graph.selection("rl")
    for run, checkpoint in (
        ("base", "last"),
        ("cold_start", "last"),
        ("rl", "selected"),
        ("final", "last"),
    ):
        nodes[f"held_out {run}"] = graph.evaluation(run, checkpoint, "held_out")
    nodes["benchmarks final"] = graph.evaluation("final", "last", "benchmarks")
    nodes["checkpoint rl"] = graph.evaluation("rl", "step-000001", "checkpoint")
    return {name: node.folder for name, node in nodes.items()}


def changed(checkout, file, change) -> set[str]:
    before = every_folder(checkout.graph())
    after = every_folder(checkout.edit(file, change).graph())
    return {name for name in after if before.get(name) != after[name]}


# What goes on from the chosen checkpoint: tuning in every variant, and SFT on what the final model writes.
AFTER_SELECTION = {
    "final",
    "final_connector_llm",
    "final_all",
    "final_matched",
    "final_connector_llm_matched",
    "final_all_matched",
    "sft_math",
}


def test_a_hash_is_the_sha256_of_sorted_json_without_spaces():
    node = Node("sft", "a", {"b": 1, "a": "é"}, ())
    assert canonical(node.resolved) == '{"a":"é","b":1}'
    # printf '{"a":"é","b":1}' | sha256sum
    assert node.hash == "aa58fba848"


def test_a_run_is_known_by_its_content_and_by_the_hashes_of_those_before_it():
    parent = {"run": "rl-0123456789", "checkpoint": "last"}
    renamed = {"run": "policy-0123456789", "checkpoint": "last"}
    assert hash_of("sft", {"name": "a", "start": parent}) == hash_of("sft", {"start": renamed})
    assert hash_of("sft", {"start": parent}) != hash_of("sft", {"start": {"run": "rl-9876543210"}})
    assert hash_of("data", {"name": "a"}) != hash_of("data", {"name": "b"})


def test_a_second_name_of_a_run_shares_its_folder_and_everything_after_it(checkout):
    graph = checkout.edit("runs.yaml", lambda t: t.update(rl_x={"like": "rl"})).graph()
    assert graph.run("rl_x").folder == graph.run("rl").folder
    assert graph.run("rl_x").name == "rl_x"
    assert graph.selection("rl_x").folder == graph.selection("rl").folder
    both = [graph.evaluation(run, "selected", "held_out") for run in ("rl", "rl_x")]
    assert both[0].folder == both[1].folder
    assert graph.at(both[1].folder).folder == both[0].folder


def test_a_renamed_run_keeps_its_folder_and_so_does_what_starts_from_it(checkout):
    later = {"like": "rl_hard", "from": "rl_hard"}
    before = every_folder(checkout.edit("runs.yaml", lambda t: t.update(rl_later=later)).graph())
    for folder in before.values():
        if folder.startswith("results/runs/"):
            (checkout.root / folder).mkdir(parents=True)
            (checkout.root / folder / "config.json").write_text("{}")
    _rename(checkout, "rl_hard", "rl_second_stage")
    graph = checkout.graph()
    renamed, later = graph.run("rl_second_stage"), graph.run("rl_later")
    assert renamed.folder == before["run rl_hard"]
    assert renamed.config["document"]["name"] == "rl_hard"  # so that its config.json stays as it is
    assert later.folder == before["run rl_later"]
    assert later.resolved["start"]["run"] == renamed.id
    assert graph.at(renamed.folder).name == "rl_second_stage"


def _rename(checkout, old: str, new: str) -> None:
    for file in ("runs.yaml", "studies.yaml"):
        path = checkout.root / "config" / file
        path.write_text(re.sub(rf"\b{old}\b", new, path.read_text()))


def test_without_its_folder_a_renamed_run_has_the_same_hash(checkout):
    before = checkout.graph().run("rl_frozen_connector").hash
    _rename(checkout, "rl_frozen_connector", "rl_renamed")
    after = checkout.graph().run("rl_renamed")
    assert (after.hash, after.label) == (before, "rl_renamed")


def test_loading_twice_gives_the_same_folders(checkout):
    assert every_folder(checkout.graph()) == every_folder(checkout.graph())


def test_exact_moves_what_a_model_computes_and_fast_leaves_no_trace(checkout):
    nodes = checkout.graph()
    assert "determinism" not in nodes.run("rl").resolved
    moved = changed(checkout, "recipes/paper.yaml", lambda r: r.update(determinism="exact"))
    assert {"run cold_start", "run rl", "selection rl", "held_out final"} <= moved
    assert not {name for name in moved if name.startswith("benchmark ")}
    assert checkout.graph().run("rl").resolved["determinism"] == "exact"


def test_a_changed_number_of_rl_moves_rl_and_what_descends_from_it(checkout):
    moved = changed(checkout, "recipes/tiny.yaml", lambda r: r["grpo"]["math"].update(steps=7777))
    second_stage = {"rl_hard", "rl_hard_tenth_rate", "rl_longer", "rl_mixture"}
    assert moved == {f"run {name}" for name in second_stage | AFTER_SELECTION} | {
        "run rl",
        "selection rl",
        "data multi_domain",
        "data multi_domain_validation",
        "data math_distilled",
        "held_out rl",
        "held_out final",
        "benchmarks final",
        "checkpoint rl",
    }


def test_a_changed_number_of_one_ablation_moves_that_run_alone(checkout):
    def change(table):
        table["rl_frozen_connector"]["set"]["optimizer"] = {"learning_rate": 1e-6}

    assert changed(checkout, "runs.yaml", change) == {"run rl_frozen_connector"}


def test_why_is_no_part_of_an_identity(checkout):
    assert changed(checkout, "runs.yaml", lambda t: t["rl"].update(why="to see")) == set()


def test_a_new_run_moves_nothing_else(checkout):
    child = {"like": "rl", "set": {"clip_high": 0.28}}
    assert changed(checkout, "runs.yaml", lambda t: t.update(rl_clip=child)) == {"run rl_clip"}


def test_changed_questions_move_what_is_sampled_from_them_and_learned(checkout):
    def change(recipe):
        recipe["data"]["multi_domain_questions"]["size"] = 10

    moved = changed(checkout, "recipes/tiny.yaml", change)
    assert moved >= {"data multi_domain", "run final"}


def test_a_changed_probe_moves_the_selection_and_what_starts_from_it_but_not_rl(checkout):
    moved = changed(checkout, "recipes/tiny.yaml", lambda r: r["data"]["probe"].update(size=10))
    assert moved == {f"run {name}" for name in AFTER_SELECTION} | {
        "data probe",
        "selection rl",
        "data multi_domain",
        "data multi_domain_validation",
        "data math_distilled",
        "held_out rl",
        "held_out final",
        "benchmarks final",
    }


def test_one_more_benchmark_moves_the_suite_of_all_but_not_the_checkpoint_suite(checkout):
    def change(recipe):
        recipe["evaluation"]["benchmarks"] = ["mmmu_val", "mmstar"]

    assert changed(checkout, "recipes/tiny.yaml", change) == {"benchmarks final"}


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"judge": "needed"}, {"scorer": "points"}, {"by": []}, {"items": 7}],
    ids=lambda change: next(iter(change)),
)
def test_how_a_benchmark_is_asked_and_scored_moves_the_suites_that_ask_it_alone(checkout, change):
    moved = changed(checkout, "benchmarks.yaml", lambda table: table["mmmu_val"].update(change))
    assert moved == {"benchmarks final", "checkpoint rl"}


def test_other_questions_of_a_benchmark_move_its_file_and_every_set_compared_with_it(checkout):
    def change(table):
        table["mmmu_val"]["miniature"]["tasks"] = ["sum"]

    moved = changed(checkout, "benchmarks.yaml", change)
    assert {"benchmark mmmu_val", "data math_normal", "run rl", "held_out final"} <= moved
    assert not moved & {"benchmark mmstar", "data probe", "data math_test"}


def test_rows_that_are_read_otherwise_move_the_sets_compared_with_them_but_no_file(checkout):
    def change(table):
        table["mmmu_val"]["select"] = {"split": "test"}

    moved = changed(checkout, "benchmarks.yaml", change)
    assert {"data math_normal", "run rl"} <= moved
    assert not [name for name in moved if name.startswith("benchmark ")]


def test_five_runs_of_a_benchmark_do_not_concern_what_is_decoded_greedily(checkout):
    moved = changed(checkout, "recipes/tiny.yaml", lambda r: r["evaluation"].update(runs=3))
    assert moved == {"benchmarks final", "checkpoint rl"}
    held_out = checkout.graph().evaluation("final", "last", "held_out").resolved
    assert (held_out["evaluation"]["temperature"], held_out["evaluation"]["runs"]) == (0.0, 1)


def test_a_bumped_version_moves_its_stage_and_what_descends_from_it(checkout, monkeypatch):
    before = every_folder(checkout.graph())
    monkeypatch.setitem(identity.VERSION, "probe", 99)
    after = every_folder(checkout.graph())
    moved = {name for name in after if before[name] != after[name]}
    assert moved == {f"run {name}" for name in AFTER_SELECTION} | {
        "selection rl",
        "data multi_domain",
        "data multi_domain_validation",
        "data math_distilled",
        "held_out rl",
        "held_out final",
        "benchmarks final",
    }


def test_every_folder_leads_back_to_its_node(checkout):
    graph = checkout.graph()
    for folder in every_folder(graph).values():
        assert graph.at(folder).folder == folder


def test_a_folder_of_an_older_configuration_is_refused(checkout):
    graph = checkout.graph()
    with pytest.raises(RecipeError, match=r"runs/rl-0123456789: the configuration now makes"):
        graph.at("results/runs/rl-0123456789")


@pytest.mark.parametrize(
    ("steps", "every", "kept"), [(10, 5, [5, 10]), (11, 5, [5, 10, 11]), (3, 5, [3])]
)
def test_a_run_keeps_every_so_many_steps_and_the_last(checkout, steps, every, kept):
    settings = checkout.graph().project.runs["rl"].settings
    settings = settings.model_copy(update={"steps": steps, "checkpoint_every": every})
    assert checkpoint_steps(settings) == kept


def test_resolved_configs_hold_what_the_stages_read(checkout):
    graph = checkout.graph()
    shared = {"version", "name", "seed"}
    dialogue = {"template", "images"}
    rl, selection = graph.run("rl"), graph.selection("rl")
    evaluation = graph.evaluation("rl", "selected", "held_out").resolved
    compared = shared | {"set", "cleaning", "evaluation_index"}
    assert set(graph.data("math_normal").resolved) == compared
    assert set(graph.data("probe").resolved) == compared - {"evaluation_index"}
    assert set(graph.evaluation_index().resolved) == shared | {
        "cleaning",
        "benchmarks",
        "held_out",
    }
    assert set(graph.data("cold_start").resolved) == shared | dialogue | {
        "set",
        "questions",
        "by",
        "generation",
        "grading",
    }
    assert set(graph.run("base").resolved) == shared | dialogue | {"spec", "data", "start"}
    assert graph.run("teacher").resolved["start"] == graph.run("base").id
    assert set(rl.resolved) == shared | dialogue | {
        "settings",
        "start",
        "data",
        "entropy",
        "generation",
    }
    assert graph.run("final").resolved["start"]["selection"] == selection.id
    assert selection.resolved["run"] == rl.id
    assert evaluation["selection"] == selection.id
    assert set(evaluation["held_out"]) == {"math", "multi_domain"}


def test_a_model_answers_in_its_own_mode_and_a_trained_run_in_the_recipes(checkout):
    graph = checkout.graph()
    modes = {
        run: graph.evaluation(run, "last", "held_out").resolved["generation"]["mode"]
        for run in ("base", "teacher", "cold_start", "final")
    }
    assert modes == {"base": "nothink", "teacher": "slow", "cold_start": "slow", "final": "slow"}
    assert graph.data("cold_start").resolved["generation"]["mode"] == "slow"
