"""The filters of section 3.2 as a chain of named steps. The recipe switches each step on or off.

The steps here use only the text. Chains that pass them go to a language model that judges rambling, and to a
reward model (`r1v3.data.sampling.critics`).
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from r1v3.data.decontamination.ngrams import words
from r1v3.recipe.schema.data import Filters
from r1v3.reward import format_reward

RECONSIDER = re.compile(
    r"\b(?:wait|alternatively|hmm|let me (?:check|think) again)\b", re.IGNORECASE
)
# Words of a thought that knows the answer beforehand. No solution needs them.
LEAK = re.compile(
    r"\banswer key\b|(?:reference|provided|given|standard|official|expected|ground[- ]truth)\s+answer\b"
    r"(?!\s+(?:choices|options))|标准答案|参考答案|正确答案已",
    re.IGNORECASE,
)
MATHS = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]|\\[a-zA-Z]+|</?\w+>", re.DOTALL)
SCRIPTS = {
    "Latin": re.compile(r"[A-Za-z\u00c0-\u024f]{3,}"),
    "Chinese": re.compile(r"[\u3400-\u9fff]"),
    "Japanese": re.compile(r"[\u3040-\u30ff]"),
    "Korean": re.compile(r"[\uac00-\ud7af]"),
    "Cyrillic": re.compile(r"[\u0400-\u04ff]{3,}"),
    "Arabic": re.compile(r"[\u0600-\u06ff]{2,}"),
    "Devanagari": re.compile(r"[\u0900-\u097f]{2,}"),
    "Thai": re.compile(r"[\u0e00-\u0e7f]{2,}"),
}
GRAM = 4  # number of words in a run that may be repeated
STEPS = ("overlong", "repetitive", "looping", "rambling", "mixed language", "format", "leakage")


@dataclass(frozen=True)
class FilterFailure:
    """The step that a response fails, and the measured value."""

    step: str
    detail: str


def first_failure(response: str, tokens: int, filters: Filters) -> FilterFailure | None:
    """Return the first step that a response fails, or None.

    Args:
        tokens: length of the response in the model's tokens.
        filters: the recipe's filters; a step that is None or False is off.
    """
    measures: list[tuple[str, float | None, Callable[[], float]]] = [
        ("overlong", filters.max_tokens, lambda: tokens),
        ("repetitive", filters.max_repetition, lambda: repetition(response)),
        ("looping", filters.max_repeated_grams, lambda: repeated_grams(response)),
        ("rambling", filters.max_reconsiderations, lambda: len(RECONSIDER.findall(response))),
        ("mixed language", filters.max_other_script, lambda: other_script(response)),
    ]
    for step, allowed, measure in measures:
        if allowed is not None and (found := measure()) > allowed:
            return FilterFailure(step, f"{found:.3g}, {allowed} allowed")
    if filters.format and not format_reward(response):
        return FilterFailure("format", "no closed thought before the answer")
    if filters.leakage and (leak := LEAK.search(response)):
        return FilterFailure("leakage", leak[0])
    return None


def repetition(text: str) -> float:
    """Return the share by which compression shortens a text, in [0, 1); 0 is incompressible.

    For some pages of English prose it is 0.5 to 0.65.
    """
    data = text.encode("utf-8", "surrogatepass")
    return max(0.0, 1 - len(zlib.compress(data, 9)) / max(1, len(data)))


def repeated_grams(text: str) -> float:
    """Return the share of a text's four-word runs that occur earlier in it, in [0, 1)."""
    found = words(text)
    runs = Counter(tuple(found[n : n + GRAM]) for n in range(len(found) - GRAM + 1))
    total = sum(runs.values())
    return 1 - len(runs) / total if total else 0.0


def other_script(text: str) -> float:
    """Return the share of words outside the main script, without formulas; a Chinese character is a word."""
    prose = MATHS.sub(" ", text)
    counts = [len(script.findall(prose)) for script in SCRIPTS.values()]
    return 1 - max(counts) / sum(counts) if sum(counts) else 0.0


def tells_answer(question: str, answer: str) -> bool:
    """Return whether a question gives its own answer at its end ("Answer: B")."""
    told = re.search(
        r"(?:answer|答案)\s*(?:is|为|是)?\s*[:：]?\s*(.{1,80})\s*\Z", question, re.IGNORECASE
    )
    return bool(told) and told[1].strip(" .。()（）$") == answer.strip()
