"""A thinking mode is in the resolved configs that use it, and in no others."""

from pathlib import Path

import pytest

from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]


def test_the_budgets_of_figure_9_are_modes_of_the_paper_recipe():
    modes = load_project(ROOT, "paper").recipe.thinking.modes()
    budgets = [1024, 2048, 4096, 8192, 16384]
    assert [modes[f"cap_{budget}"]["max_new_tokens"] for budget in budgets] == budgets
    assert [modes[f"force_{budget}"]["thought_tokens"] for budget in budgets] == budgets
    assert modes["nowait"]["banned_words"] == ["Wait", "Alternatively", "Hmm"]


def test_a_mode_changes_the_generation_of_its_evaluation_alone(checkout):
    graph = checkout.graph()
    plain = graph.evaluation("rl", "last", "checkpoint").resolved
    assert "thinking" not in plain["generation"]
    nowait = graph.evaluation("rl", "last", "checkpoint__nowait")
    words = graph.recipe.thinking.banned_words
    assert nowait.resolved["generation"] == {
        **plain["generation"],
        "mode": "nowait",
        "thinking": {"banned_words": words},
    }
    differing = {key for key in plain if plain[key] != nowait.resolved[key]}
    assert differing == {"generation", "name"}
    assert graph.at(nowait.folder) is nowait


def test_changed_words_move_no_run(checkout):
    before = checkout.graph()
    runs = {name: before.run(name).id for name in before.project.runs}
    plain = before.evaluation("rl", "last", "checkpoint").id
    nowait = before.evaluation("rl", "last", "checkpoint__nowait").id
    after = checkout.edit(
        "recipes/tiny.yaml", lambda r: r["thinking"].update(banned_words=["Hmm"])
    ).graph()
    assert runs == {name: after.run(name).id for name in after.project.runs}
    assert after.evaluation("rl", "last", "checkpoint").id == plain
    assert after.evaluation("rl", "last", "checkpoint__nowait").id != nowait


@pytest.mark.parametrize("mode", ["slow", "nothink"])
def test_modes_of_the_template_alone_change_nothing_else(checkout, mode):
    resolved = checkout.graph().evaluation("rl", "last", f"checkpoint__{mode}").resolved
    assert resolved["generation"] == {"engine": "transformers", "mode": mode}
