r"""Reads the letters that an answer to a multiple-choice question means.

Forms with only one meaning are read: letters in a wrapper (`\boxed{B}`, `**B**`, `Answer: B`, `["A", "C"]`),
and the text of an option, with or without its letter. A bare index is rejected, because it may count from 0
or from 1.
"""

import re
import unicodedata

from r1v3.data.fields import Rejected
from r1v3.data.literals import read_literal
from r1v3.data.records import LETTERS
from r1v3.data.sources.cell_texts import text_of_cell

LETTERED = re.compile(r"\s*[(\[（]?\s*([A-Za-z])\s*[.．、:：)\]）]\s*(.*)", re.DOTALL)
SPACED = re.compile(r"([A-Z])\s+(.*)", re.DOTALL)
WRAPPERS = tuple(
    re.compile(pattern, re.DOTALL | re.IGNORECASE)
    for pattern in (
        r"\\boxed\{(.*)\}",
        r"\\(?:text|textbf|mathrm|mathbf|rm)\s*\{(.*)\}",
        r"\$+([^$]*)\$+",
        r"\\\((.*)\\\)",
        r"\*+([^*]*)\*+",
        r"<answer>(.*)</answer>",
        r"\"([^\"]*)\"|'([^']*)'|“([^”]*)”",
        r"(?:the\s+)?(?:correct\s+|final\s+)?(?:answer|option|choice)(?:\s+is)?\s*[:：]?\s*(\W*[A-J]\W*)",
        r"(?:正确)?(?:答案|选项|故选|应选|选择|选)(?:是|为)?\s*[:：]?\s*(\W*[A-J]\W*)",
    )
)
AROUND = re.compile(r"[\s,;.、()]")
BETWEEN = re.compile(r"[\s,;.、()/|&+]|\band\b|[和与及]", re.IGNORECASE)


def letters_of(answer: object, options: list[object]) -> object:
    """Return the letter or letters that an answer means; return an answer without such a meaning unchanged.

    Raises:
        Rejected: the answer is a number that is not an option's text and could be an index.
    """
    if isinstance(answer, str) and answer.lstrip().startswith("["):
        try:
            answer = read_literal(answer)
        except ValueError:
            return answer
    if isinstance(answer, list | tuple) and len(answer) > 1:
        parts = [letters_of(each, options) for each in answer]
        if all(isinstance(each, str) and re.fullmatch("[A-J]", each) for each in parts):
            return "".join(map(str, parts))
    answer = text_of_cell("answer", answer)
    if isinstance(answer, bool) and options:
        answer = str(answer)
    if not isinstance(answer, str):
        return answer
    text = answer.strip()
    while True:
        if found := _letters_in(text, options):
            return found
        inner = next((each for each in (w.fullmatch(text) for w in WRAPPERS) if each), None)
        if inner is None:
            break
        text = next(group for group in inner.groups() if group is not None).strip()
    if options and re.fullmatch(r"\d{1,2}", text):
        allowed = LETTERS[: len(options)]
        raise Rejected(
            "wrong answer letter",
            f"{text} of {allowed}: an index from 0 belongs into the column answer_index",
        )
    return answer


def _letters_in(text: str, options: list[object]) -> str:
    """Return the letters that a text without a wrapper consists of, or that of its option; else ""."""
    allowed = LETTERS[: len(options)] if options else LETTERS
    texts = [str(each).strip() for each in options]
    narrow = unicodedata.normalize("NFKC", text)
    if (one := AROUND.sub("", narrow).upper()) and one in allowed and len(one) == 1:
        return one
    for same in (str, _folded):
        alike = [same(each) for each in texts]
        if alike.count(same(text)) == 1:
            return LETTERS[alike.index(same(text))]
    several = BETWEEN.sub("", narrow).upper()
    if len(several) > 1 and not set(several) - set(allowed):
        return several
    for begins in (LETTERED.fullmatch(text), SPACED.fullmatch(text)):
        letter = begins[1].upper() if begins and options else ""
        if begins and letter and letter in allowed:
            theirs = texts[allowed.find(letter)]
            if _folded(theirs) == _folded(begins[2]):
                return letter
    return ""


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip(" \t\r\n.。")
