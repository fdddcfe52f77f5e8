"""Our runs are asked with the report's template, and any other model with its own."""

import json
from pathlib import Path

import pytest
from model_fixtures import TEMPLATE, small_processor

from r1v3.model.chat_template import renderer
from r1v3.model.prompt_template import render_prompt
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]
OWN = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[bot] {% endif %}"
)


@pytest.fixture
def model(tmp_path):
    small_processor().tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_the_recipes_template_asks_nothing_of_the_model():
    render = renderer(TEMPLATE, Path("absent"))
    assert render("Which?", "slow") == render_prompt(TEMPLATE, "Which?", "slow")


@pytest.mark.parametrize("place", ["chat_template.jinja", "chat_template.json"])
@pytest.mark.parametrize(
    ("opens", "mode", "end"),
    [("", "nothink", "[bot] "), ("", "slow", "[bot] <think>"),
     ("<think>\n", "slow", "[bot] <think>"), ("<think>\n", "nothink", "[bot] ")],
)  # fmt: skip
def test_another_models_own_template_is_rendered_and_the_mode_opens_the_thought(
    model, place, opens, mode, end
):
    text = OWN.replace("[bot] ", f"[bot] {opens}")
    if place.endswith("json"):
        text = json.dumps({"chat_template": text})
    (model / place).write_text(text)
    prompt = renderer("own", model)("<image>\nWhich <|im_end|>?", mode)
    assert prompt == f"[user] <image>\nWhich < |im_end|>?\n{end}"


def test_a_model_without_a_template_is_refused_by_name(model):
    with pytest.raises(ValueError, match=f"{model}: the model has no chat template"):
        renderer("own", model)


def test_models_from_a_hub_keep_theirs_and_what_learns_here_has_the_reports():
    paper = ResultGraph(load_project(ROOT, "paper"))
    assert paper.evaluation("base", "last", "held_out").resolved["template"] == "own"
    assert paper.data("cold_start").resolved["template"] == "own"  # the teacher's
    template = paper.recipe.template.model_dump()
    assert paper.evaluation("final", "last", "held_out").resolved["template"] == template
    assert paper.run("cold_start").resolved["template"] == template
    tiny = ResultGraph(load_project(ROOT, "tiny"))
    assert tiny.evaluation("base", "last", "held_out").resolved["template"] == template


def test_a_run_that_learnt_with_an_instruction_is_asked_with_it():
    tiny = ResultGraph(load_project(ROOT, "tiny"))
    (run,) = [
        name
        for name, run in tiny.project.runs.items()
        if getattr(run.settings, "instruction", None)
    ]
    instruction = tiny.project.runs[run].settings.instruction
    assert tiny.evaluation(run, "last", "study").resolved["instruction"] == instruction
    assert tiny.selection(run).resolved["instruction"] == instruction
    assert "instruction" not in tiny.evaluation("rl", "last", "study").resolved
