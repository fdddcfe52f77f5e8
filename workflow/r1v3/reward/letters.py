"""Read the chosen option letters of a multiple-choice answer: 'B', or 'AC' where several are chosen."""

import re
import string

from r1v3.reward.extract import boxed_answer, phrased_answer
from r1v3.reward.normal import normalise, squeeze

MAX_OPTIONS = 10  # A to J

_NOISE = re.compile(
    r"^(?:the\s+)?(?:correct\s+|final\s+|right\s+|best\s+)?(?:answer|option|choice|选项|答案|选择|故选|应选|选)"
    r"s?\s*(?:is|are|为|是)?\s*[:：]?\s*",
    re.IGNORECASE,
)
_SEPARATOR = r"(?:\s*(?:,|;|/|&|\+|and|或|和|与|及|、)\s*(?:and\s+)?(?:options?\s+)?|\s+)"
_ONE = r"[(\[]?\s*([A-Ja-j])\s*[)\]]?"
_LABELLED = re.compile(
    r"[(\[]\s*([A-Ja-j])\s*[)\]]|([A-J])\s*[.:)\]](?![0-9A-Za-z])|([A-J])\s*(?=[\u4e00-\u9fff])"
)


def allowed_letters(options: list[str] | None) -> str:
    """Return the letters that may be chosen."""
    count = min(len(options), MAX_OPTIONS) if options else MAX_OPTIONS
    return string.ascii_uppercase[:count]


def extract_letters(
    answer_text: str | None, options: list[str] | None = None, several: bool = True
) -> str | None:
    """Return the letters an answer chooses, sorted, or None where it chooses none.

    Args:
        answer_text: the text after the thought, or an answer already cut out of it.
        options: the option texts in order, which lets a text stand for its letter.
    """
    if not answer_text:
        return None
    boxed = boxed_answer(answer_text)
    if boxed is not None:
        return _from_statement(boxed, options)
    if len(answer_text) <= 200:
        whole = read_letters(normalise(answer_text), options)
        if whole:
            return whole
    phrased = phrased_answer(answer_text)
    if phrased is not None:
        found = _from_statement(phrased, options)
        if found:
            return found
    return _from_prose(answer_text[-4_000:], options)


def _from_statement(said: str, options: list[str] | None) -> str | None:
    text = normalise(said)
    found = read_letters(text, options) or letters_of_text(text, options)
    return found or _leading_letter(text, options)


def read_letters(text: str, options: list[str] | None = None) -> str | None:
    """Read a normalised text that is nothing but letters, or a letter with its option behind it."""
    text = _NOISE.sub("", text).strip(" .,;:*_")
    allowed = allowed_letters(options)
    if not text:
        return None
    compact = re.sub(r"[\s{}]", "", text)
    if len(compact) <= MAX_OPTIONS and compact.isalpha() and compact.isupper():
        return _checked(compact, allowed)
    single = re.fullmatch(_ONE, text)
    if single:
        return _checked(single.group(1), allowed)
    if re.fullmatch(rf"{_ONE}(?:{_SEPARATOR}{_ONE})+", text):
        return _checked("".join(re.findall(r"(?<![A-Za-z])[A-Ja-j](?![A-Za-z])", text)), allowed)
    labelled = _LABELLED.match(text)
    if labelled:
        letter = _checked("".join(g for g in labelled.groups() if g), allowed)
        rest = text[labelled.end() :]
        more = _LABELLED.findall(rest)
        if letter and not more:
            return letter
    return None


def _checked(letters: str, allowed: str) -> str | None:
    chosen = sorted(set(letters.upper()))
    if not chosen or any(letter not in allowed for letter in chosen):
        return None
    if len(letters) != len(chosen):
        return None if len(letters) > 2 * len(chosen) else "".join(chosen)
    return "".join(chosen)


def letters_of_text(text: str, options: list[str] | None) -> str | None:
    """Return the letter of the one option whose text equals `text`."""
    if not options:
        return None
    wanted = squeeze(text)
    hits = [
        i for i, option in enumerate(options[:MAX_OPTIONS]) if squeeze(normalise(option)) == wanted
    ]
    return string.ascii_uppercase[hits[0]] if len(hits) == 1 else None


def _leading_letter(text: str, options: list[str] | None) -> str | None:
    match = re.match(r"(?:option|choice|选项)?\s*[(\[*]*\s*([A-J])(?![A-Za-z0-9'_^])", text)
    if not match or re.match(r"A\s+[a-z]", text[match.start(1) :]):
        return None
    return _checked(match.group(1), allowed_letters(options))


_IN_PROSE = re.compile(
    r"\(([A-J])\)|\*\*\s*([A-J])\s*[*.:)]|(?:option|choice|answer|选项|选择|选)\s*[(\"'*]*\s*([A-J])(?![A-Za-z])"
    r"|(?<![A-Za-z])([A-J])\s+(?:is|was)\s+(?:the\s+)?(?:correct|right|best|answer)"
    r"|(?:^|\n)\s*([A-J])[.):](?![0-9A-Za-z])"
)


def _from_prose(text: str, options: list[str] | None) -> str | None:
    found = [next(g for g in m.groups() if g) for m in _IN_PROSE.finditer(text)]
    found = [letter for letter in found if letter in allowed_letters(options)]
    if found:
        return found[-1]
    if not options:
        return None
    flat = normalise(text).casefold()
    spots = [(flat.rfind(normalise(o).casefold()), i) for i, o in enumerate(options[:MAX_OPTIONS])]
    spots = [(spot, i) for spot, i in spots if spot >= 0 and len(options[i]) > 1]
    return string.ascii_uppercase[max(spots)[1]] if spots else None


def gold_letters(gold: str, options: list[str] | None) -> str | None:
    """Return the letters of a gold, which may be letters, a list of them, or an option's text."""
    clean = normalise(gold)
    return (
        letters_of_text(clean, options)
        if len(clean) > 1 and letters_of_text(clean, options)
        else (read_letters(clean, options))
    )
