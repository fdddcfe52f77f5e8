"""The chat template's thought: format reward (report, eq. 1) and its place in the total (eq. 3).

Grammar of a well-formed response, white space between the parts being free:

    response = "<think>" thought "</think>" answer [end-of-turn tokens]

`thought` and `answer` hold neither `<think>` nor `</think>`; `answer` has at least one visible
character; `thought` may be empty (that is what the NoThink mode forces). Tags are lower case.
So nested, repeated, missing, crossed or unclosed tags, text before `<think>`, and an output that was
cut inside the thought or right behind it, all score 0.
"""

import re

OPEN = "<think>"
CLOSE = "</think>"
END_OF_TURN = re.compile(r"(?:\s*(?:<\|[a-z_]{1,24}\|>|</s>|<eos>))+\s*\Z")


def strip_end_of_turn(text: str) -> str:
    """Remove end-of-turn tokens, which an engine may or may not have dropped."""
    tail = text[-400:]
    match = END_OF_TURN.search(tail)
    return text[: len(text) - len(tail) + match.start()] if match else text


def format_reward(response: str) -> float:
    """Return 1.0 for a response that follows the template, else 0.0 (report, eq. 1)."""
    text = strip_end_of_turn(response).strip()
    if text.count(OPEN) != 1 or text.count(CLOSE) != 1 or not text.startswith(OPEN):
        return 0.0
    _, _, answer = text.partition(CLOSE)
    return 1.0 if answer.strip() else 0.0


def after_thought(response: str) -> str | None:
    """Return what follows the thought: all of it without tags, None where `<think>` never closes."""
    closed = response.rfind(CLOSE)
    if response.rfind(OPEN) > closed:
        return None
    answer = response[closed + len(CLOSE) :] if closed >= 0 else response
    return strip_end_of_turn(answer).strip()


def combine(
    accuracy: float, format: float, *, accuracy_weight: float, format_weight: float
) -> float:
    """Return the total reward R = w_a R_accuracy + w_f R_format (report, eq. 3).

    Raises:
        ValueError: a weight is negative or the two do not add up to 1.
    """
    if min(accuracy_weight, format_weight) < 0 or abs(accuracy_weight + format_weight - 1) > 1e-9:
        raise ValueError(
            "reward: accuracy_weight and format_weight must be >= 0 and add up to 1, "
            f"got {accuracy_weight} and {format_weight}"
        )
    return accuracy_weight * accuracy + format_weight * format
