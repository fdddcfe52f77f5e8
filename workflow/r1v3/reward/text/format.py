"""The thought of the chat template: format reward (report, eq. 1) and its weight in the total (eq. 3).

Grammar of a well-formed response, with any white space between the parts:

    response = "<think>" thought "</think>" answer [end-of-turn tokens]

`thought` and `answer` contain neither `<think>` nor `</think>`. `answer` has at least one visible character,
and nothing visible follows an end-of-turn token. `thought` may be empty, as the NoThink mode forces it to be.
Tags are lower case.

So the reward is 0 for nested, repeated, missing, crossed or unclosed tags, for text before `<think>`, and for
an output that was cut off inside the thought or directly after it.
"""

import re
import unicodedata

OPEN = "<think>"
CLOSE = "</think>"
_TURN = re.compile(
    r"<\|(?:im_end|im_start|endoftext|end_of_text|eot_id|eom_id|end|end_of_turn|return|user|assistant|system)\|>"
    r"|</s>|<eos>|<end_of_turn>"
)
# Text that a page does not show: comments, tags, entities for blanks, and LaTeX that leaves a gap.
_UNSEEN = re.compile(
    r"<!--.*?(?:-->|\Z)|</?[a-zA-Z][^<>]{0,200}>|&(?:nbsp|zwnj|zwj|thinsp|ensp|emsp|#\d{1,6}|#x[0-9a-fA-F]{1,5});"
    r"|\\[hv]?phantom\s*\{[^{}]*\}|\\[hv]space\*?\s*\{[^{}]*\}|\\q?quad(?![a-zA-Z])|\\[,;:!> ]",
    re.DOTALL,
)
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters and signs without ink
_MARKUP = frozenset("$*_{}\\`~#")


def before_end_of_turn(text: str) -> str:
    """Return the text up to the first end-of-turn token. Text after it belongs to no answer."""
    return _TURN.split(text, maxsplit=1)[0]


def is_visible(text: str) -> bool:
    """Return whether a text shows anything; blanks, zero-width characters, comments and phantoms do not."""
    return any(
        unicodedata.category(char)[0] in "LNPS"
        and char not in _BLANK_LETTERS
        and char not in _MARKUP
        for char in _UNSEEN.sub("", text)
    )


def format_reward(response: str) -> float:
    """Return 1.0 for a response that follows the template, else 0.0 (report, eq. 1)."""
    text = response.strip()
    if text.count(OPEN) != 1 or text.count(CLOSE) != 1 or not text.startswith(OPEN):
        return 0.0
    _, _, answer = text.partition(CLOSE)
    said = before_end_of_turn(answer)
    behind = _TURN.sub("", answer[len(said) :])
    return 1.0 if is_visible(said) and not is_visible(behind) else 0.0


def after_thought(response: str) -> str | None:
    """Return the text after the thought: the whole text without tags, None if `<think>` is not closed."""
    closed = response.rfind(CLOSE)
    if response.rfind(OPEN) > closed:
        return None
    answer = response[closed + len(CLOSE) :] if closed >= 0 else response
    return before_end_of_turn(answer).strip()


def combine(
    accuracy: float, format: float, *, accuracy_weight: float, format_weight: float
) -> float:
    """Return the total reward R = w_a R_accuracy + w_f R_format (report, eq. 3).

    Raises:
        ValueError: a weight is negative, or the two do not add up to 1.
    """
    if min(accuracy_weight, format_weight) < 0 or abs(accuracy_weight + format_weight - 1) > 1e-9:
        raise ValueError(
            "reward: accuracy_weight and format_weight must be >= 0 and add up to 1, "
            f"got {accuracy_weight} and {format_weight}"
        )
    return accuracy_weight * accuracy + format_weight * format
