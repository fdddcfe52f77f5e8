"""The chat template's thought: format reward (report, eq. 1) and its place in the total (eq. 3).

Grammar of a well-formed response, white space between the parts being free:

    response = "<think>" thought "</think>" answer [end-of-turn tokens]

`thought` and `answer` hold neither `<think>` nor `</think>`; `answer` has at least one character that a
reader sees, and nothing stands behind an end-of-turn token; `thought` may be empty (that is what the
NoThink mode forces). Tags are lower case.
So nested, repeated, missing, crossed or unclosed tags, text before `<think>`, and an output that was
cut inside the thought or right behind it, all score 0.
"""

import re
import unicodedata

OPEN = "<think>"
CLOSE = "</think>"
_TURN = re.compile(
    r"<\|(?:im_end|im_start|endoftext|end_of_text|eot_id|eom_id|end|end_of_turn|return|user|assistant|system)\|>"
    r"|</s>|<eos>|<end_of_turn>"
)
# What a page does not show: comments, tags, entities for blanks, and LaTeX that leaves a gap.
_UNSEEN = re.compile(
    r"<!--.*?(?:-->|\Z)|</?[a-zA-Z][^<>]{0,200}>|&(?:nbsp|zwnj|zwj|thinsp|ensp|emsp|#\d{1,6}|#x[0-9a-fA-F]{1,5});"
    r"|\\[hv]?phantom\s*\{[^{}]*\}|\\[hv]space\*?\s*\{[^{}]*\}|\\q?quad(?![a-zA-Z])|\\[,;:!> ]",
    re.DOTALL,
)
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters and signs without ink
_MARKUP = frozenset("$*_{}\\`~#")


def before_end_of_turn(text: str) -> str:
    """Return the text up to the first token that ends a turn; what stands behind it is nobody's answer."""
    return _TURN.split(text, maxsplit=1)[0]


def is_visible(text: str) -> bool:
    """Whether a reader sees anything: blanks, zero-width characters, comments and phantoms are nothing."""
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
    """Return what follows the thought: all of it without tags, None where `<think>` never closes."""
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
        ValueError: a weight is negative or the two do not add up to 1.
    """
    if min(accuracy_weight, format_weight) < 0 or abs(accuracy_weight + format_weight - 1) > 1e-9:
        raise ValueError(
            "reward: accuracy_weight and format_weight must be >= 0 and add up to 1, "
            f"got {accuracy_weight} and {format_weight}"
        )
    return accuracy_weight * accuracy + format_weight * format
