"""Renders a conversation: with the report's template for our runs, with its own for any other model."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from r1v3.base.json_file import FETCH, read_json
from r1v3.model.foreign_template import ForeignTemplate
from r1v3.model.prompt_template import END_OF_THINK, NOTHINK, THINK, render_prompt, without_control
from r1v3.recipe.graph.identity import OWN
from r1v3.recipe.schema.recipe import OwnTemplate, Template


def renderer(
    template: Template | OwnTemplate | Literal["own"], model: Path | str
) -> Callable[[str, str], str]:
    """Return a function of a question and a mode that gives the prompt, up to where the model writes.

    Args:
        template: the recipe's template; or `own` for the chat template of the model; or the latter with the
            system prompt and the thinking tag of the model's authors.

    Raises:
        ValueError: the model has no template, or its own cannot be rendered within its limits.
    """
    if isinstance(template, Template):
        return lambda question, mode: render_prompt(template, question, mode)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    own = _written_beside(model) or tokenizer.chat_template
    if not own:
        raise ValueError(f"{model}: the model has no chat template, and it is none of our runs")
    foreign = ForeignTemplate(tokenizer.get_chat_template(own), Path(model))
    tokens = tokenizer.special_tokens_map

    system, tag = (None, THINK) if template == OWN else (template.system, template.opens)

    def render(question: str, mode: str) -> str:
        turns = [{"role": "user", "content": without_control(question)}]
        if system is not None:
            turns.insert(0, {"role": "system", "content": system})
        text = foreign.render(
            messages=turns, tools=None, documents=None, add_generation_prompt=True, **tokens
        )
        return opened(text, mode, tag)

    return render


def with_think_tags(template: Template | OwnTemplate | Literal["own"], text: str) -> str:
    """Rewrite a reply so that its thought is between `<think>` and `</think>`, whatever tags its model uses.

    Then it is graded, and learned from, like any other reply.
    """
    if not isinstance(template, OwnTemplate):
        return text
    return text.replace(template.opens, THINK).replace(template.closes, END_OF_THINK)


def _written_beside(model: Path | str) -> str | None:
    """Return the template of a processor in an older format, which a tokenizer does not read."""
    path = Path(model) / "chat_template.json"
    if not path.exists():
        return None
    return read_json(path, "chat_template", remedy=FETCH)["chat_template"]


def opened(prompt: str, mode: str, tag: str = THINK) -> str:
    """Complete a prompt for a mode, whether or not its template opens a thought.

    Args:
        tag: the text that opens a thought of this model.
    """
    bare = prompt.rstrip()
    if mode == NOTHINK:
        return bare.removesuffix(tag) if bare.endswith(tag) else prompt
    return bare if bare.endswith(tag) else prompt + tag
