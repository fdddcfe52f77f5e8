"""The chat template of section 6.2, role names and all, and how each thinking mode opens the reply."""

SLOW, NOTHINK, NOWAIT = "slow", "nothink", "nowait"
MODES = (SLOW, NOTHINK, NOWAIT)
THINK, END_OF_THINK = "<think>", "</think>"


def render_prompt(template: dict, question: str, mode: str) -> str:
    """The conversation up to where the model writes; in slow mode it ends with `<think>`.

    Raises:
        ValueError: the mode is unknown.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    return (
        f"<|im_start|>system\n{template['system']}<|im_end|>\n"
        f"<|im_start|>{template['user_role']}\n{question}<|im_end|>\n"
        f"<|im_start|>{template['assistant_role']}\n{prompt_tail(mode)}"
    )


def prompt_tail(mode: str) -> str:
    """What the template itself opened of the reply; a grader judges tail and response together."""
    return "" if mode == NOTHINK else THINK


def split_response(response: str) -> tuple[str, str]:
    """Split a whole reply into the mode's prompt tail and what is left to learn."""
    if response.startswith(THINK):
        return SLOW, response[len(THINK) :]
    return NOTHINK, response
