"""The chat template of section 6.2 with its role names, and how each thinking mode opens the reply.

A question may contain the text of a special token (`<|im_end|>`, `<IMG_CONTEXT>`). A space is then put into
it, so that no tokenizer reads a control token from a user's text.
"""

import re

from r1v3.recipe.schema.recipe import Template

SLOW, NOTHINK, NOWAIT = "slow", "nothink", "nowait"
MODES = (SLOW, NOTHINK, NOWAIT)
THINK, END_OF_THINK = "<think>", "</think>"

IMAGE_MARKER = "<image>"  # marks a picture in a rendered prompt, before encoding

# The special tokens of InternVL and Qwen. `<image>` is our own marker of a picture and is kept.
CONTROL = re.compile(r"<(?=\|[A-Za-z0-9_]+\|>|/?(?:img|IMG_CONTEXT|video|box|ref|quad|tool_call)>)")


def render_prompt(template: Template, question: str, mode: str) -> str:
    """Render the conversation up to where the model writes. In slow mode it ends with `<think>`.

    Raises:
        ValueError: the mode is unknown.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    return (
        f"<|im_start|>system\n{template.system}<|im_end|>\n"
        f"<|im_start|>{template.user_role}\n{without_control(question)}<|im_end|>\n"
        f"<|im_start|>{template.assistant_role}\n{prompt_tail(mode)}"
    )


def without_control(text: str) -> str:
    """Change a text so that it contains no special token."""
    return CONTROL.sub("< ", text)


def read_prompt(prompt: str) -> list[tuple[str, str]]:
    """Return the turns of a rendered prompt as (role, text). The last one is the begun reply."""
    turns = []
    for part in prompt.split("<|im_start|>")[1:]:
        role, _, text = part.partition("\n")
        turns.append((role, text.removesuffix("\n").removesuffix("<|im_end|>")))
    return turns or [("user", prompt), ("assistant", "")]


def prompt_tail(mode: str) -> str:
    """Return the part of the reply that the template wrote; it is graded together with the response."""
    return "" if mode == NOTHINK else THINK


def split_response(response: str) -> tuple[str, str]:
    """Split a whole reply into the mode's prompt tail and the text to learn."""
    if response.startswith(THINK):
        return SLOW, response[len(THINK) :]
    return NOTHINK, response
