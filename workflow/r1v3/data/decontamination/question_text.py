"""Extracts the words and the content of a question, for comparison with others."""

import re
from hashlib import blake2b

from r1v3.data.decontamination.ngrams import words
from r1v3.data.records import LETTERS
from r1v3.data.sources.row_fields import inline_options

# "A. ... B. ..." inside a question: an option A followed by an option B.
FIRST_OPTION = re.compile(r"(?:^|\s)\(?A\s*[.．、:)](?=.*\s\(?B\s*[.．、:)])", re.DOTALL)
FEW = 13  # number of words
BLANKS = re.compile(r"[\s$]+")


def question_words(question: str, options: tuple[str, ...] | None) -> str:
    """Return a question's text without its options, or with them if the text alone is too short.

    Options are sorted, because another order does not make another question. If there are several lists of
    options, only the last one is left out, because a passage may contain lists.
    """
    begins = [match.start() for match in FIRST_OPTION.finditer(question)]
    text = question[: begins[-1]] if begins else question
    if len(text.split()) >= FEW or len(text) >= 8 * FEW:
        return text
    return " ".join([text, *sorted(options)]) if options else question


def question_fingerprint(question: str, options: tuple[str, ...] | None, answer: str) -> int:
    """Return a 64-bit fingerprint of options, answer, numbers and names. Equal questions have equal ones.

    Options count in any order, and a letter counts as its option's text. Numbers and single letters of the
    text count exactly: another length or another point makes another question.
    """
    texts = [_plain(each) for each in options or inline_options(question)]
    letters = [LETTERS.find(each) for each in answer]
    if texts and letters and all(0 <= each < len(texts) for each in letters):
        right = sorted(texts[each] for each in letters)
    else:
        right = [_plain(answer)]
    exact = sorted(word for word in words(question_words(question, None)) if _is_exact(word))
    parts = "\0".join(["\1".join(sorted(texts)), "\1".join(right), " ".join(exact)])
    digest = blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _plain(text: str) -> str:
    return BLANKS.sub("", text.casefold())


def _is_exact(word: str) -> bool:
    return any(map(str.isdigit, word)) or (len(word) == 1 and word.isascii() and word != "a")
