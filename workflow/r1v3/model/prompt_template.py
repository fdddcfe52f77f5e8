"""The chat template of section 6.2, role names and all, and how each thinking mode opens the reply.

A question may hold the text of a special token (`<|im_end|>`, `<IMG_CONTEXT>`): a space is put into it
there, so that no tokenizer reads a control token out of what a user wrote.
"""

import re

from r1v3.recipe.schema.recipe import Template

SLOW, NOTHINK, NOWAIT = "slow", "nothink", "nowait"
MODES = (SLOW, NOTHINK, NOWAIT)
THINK, END_OF_THINK = "<think>", "</think>"

IMAGE_MARKER = "<image>"  # where a picture stands in a rendered prompt, before encoding

# The special tokens of InternVL and Qwen; `<image>` is our own marker of a picture and stays.
CONTROL = re.compile(r"<(?=\|[A-Za-z0-9_]+\|>|/?(?:img|IMG_CONTEXT|video|box|ref|quad|tool_call)>)")


def render_prompt(template: Template, question: str, mode: str) -> str:
    """The conversation up to where the model writes; in slow mode it ends with `<think>`.

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
    """Text in which no special token can be read."""
    return CONTROL.sub("< ", text)


def read_prompt(prompt: str) -> list[tuple[str, str]]:
    """The turns of a rendered prompt, as (role, text); the last one is what the reply begins with."""
    turns = []
    for part in prompt.split("<|im_start|>")[1:]:
        role, _, text = part.partition("\n")
        turns.append((role, text.removesuffix("\n").removesuffix("<|im_end|>")))
    return turns or [("user", prompt), ("assistant", "")]


def prompt_tail(mode: str) -> str:
    """What the template itself opened of the reply; a grader judges tail and response together."""
    return "" if mode == NOTHINK else THINK


def split_response(response: str) -> tuple[str, str]:
    """Split a whole reply into the mode's prompt tail and what is left to learn."""
    if response.startswith(THINK):
        return SLOW, response[len(THINK) :]
    return NOTHINK, response
