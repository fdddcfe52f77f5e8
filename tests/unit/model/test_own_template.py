"""Models of other groups are asked as their authors ask them, and our own nodes keep their hashes."""

from pathlib import Path

import pytest
from chat_checkpoints import write_chat_checkpoint

from r1v3.evaluate.any_model import _template
from r1v3.evaluate.target import Target
from r1v3.model.chat_template import renderer, with_think_tags
from r1v3.model.layouts.internvl_chat_folder import convert_checkpoint
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project
from r1v3.recipe.schema.data import HubModel, SystemPrompt, ThinkingTags
from r1v3.recipe.schema.recipe import OwnTemplate, own_template

ROOT = Path(__file__).parents[3]
PROMPT = SystemPrompt(text="Think first.", source="their model card")
PLAIN = HubModel(source="hub", mode="slow", id="people/model", revision="main")


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    return convert_checkpoint(write_chat_checkpoint(folder / "came"), folder / "native")


def test_the_authors_system_prompt_and_tag_stand_in_the_prompt(native):
    theirs = PLAIN.model_copy(
        update={"system": PROMPT, "tags": ThinkingTags(opens="◁think▷", closes="◁/think▷")}
    )
    render = renderer(own_template(theirs), native)
    assert render("Why?", "slow") == (
        "<|im_start|>system\nThink first.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n"
        "<|im_start|>assistant\n◁think▷"
    )
    assert render("Why?", "nothink").endswith("<|im_start|>assistant\n")


def test_without_the_keys_the_template_is_the_models_own():
    assert own_template(PLAIN) == "own"
    only_tags = PLAIN.model_copy(update={"tags": ThinkingTags(opens="<a>", closes="</a>")})
    assert own_template(only_tags) == OwnTemplate(system=None, opens="<a>", closes="</a>")


def test_a_thought_in_other_tags_is_judged_and_learned_as_one_of_ours():
    theirs = OwnTemplate(system=None, opens="◁think▷", closes="◁/think▷")
    assert with_think_tags(theirs, "◁think▷So.◁/think▷B") == "<think>So.</think>B"
    assert with_think_tags(theirs, "So.◁/think▷B") == "So.</think>B"
    assert with_think_tags("own", "So.◁/think▷B") == "So.◁/think▷B"


def test_a_served_baseline_is_sent_its_authors_system_prompt():
    recipe = load_project(ROOT, "paper").recipe

    def asked(name):
        return _template(recipe, Target(name, name, name, "nothink", served=True))

    assert asked("internvl3_78b")["system"].startswith("You are an AI assistant that rigorously")
    assert asked("gpt_4o")["system"] == recipe.template.system


def test_how_a_model_is_asked_changes_what_it_answers_and_not_the_model():
    project = load_project(ROOT, "paper")
    before = ResultGraph(project)
    teacher = project.recipe.models["teacher"].model_copy(update={"system": PROMPT})
    models = project.recipe.models | {"teacher": teacher}
    changed = ResultGraph(
        project.__class__(
            **{
                **vars(project),
                "recipe": project.recipe.model_copy(update={"models": models}),
            }
        )
    )
    assert changed.run("teacher").id == before.run("teacher").id
    assert changed.data("cold_start").id != before.data("cold_start").id
