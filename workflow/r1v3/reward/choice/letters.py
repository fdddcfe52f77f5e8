"""Reads the option letters that a multiple-choice answer chooses: `B`, or `AC` for several options.

An answer that names no option is unanswered; no option is drawn at random. A passage that weighs several
options without a conclusion chooses none.
"""

import re
import string
from collections.abc import Sequence

from r1v3.reward.choice.matched import matched
from r1v3.reward.choice.named import NAMED, NOISE, leading, named, options_judged
from r1v3.reward.choice.options import (
    MAX_OPTIONS,
    Options,
    checked,
    option_mentioned,
    option_of_leading_word,
    option_of_text,
    option_to_decline,
    options_mentioned,
    options_of_texts,
    without_listing,
)
from r1v3.reward.text.around import spoils
from r1v3.reward.text.boxes import Box, find_boxes, join_last_boxes, leaves_box_open
from r1v3.reward.text.conclude import SUPPOSING, conclusion, declines, open_answer
from r1v3.reward.text.cut import ends_within_sentence
from r1v3.reward.text.denial import (
    behind_first_retraction,
    behind_last_retraction,
    denied_behind,
)
from r1v3.reward.text.extract import leads_up, phrased_answers, superseding_answers
from r1v3.reward.text.normalize import normalise, squeeze
from r1v3.reward.text.vocabulary import denies_or_computes

_SEPARATOR = r"\s*(?:,|;|&|\+|\band\b|和|与|及|\s)\s*(?:\band\b\s*)?(?:options?\s+)?"
_ONE = r"[(\[]?\s*([A-Ja-j])\s*[)\]]?"
_SINGLE = re.compile(rf"{_ONE}[.:]?")
_SEVERAL = re.compile(rf"{_ONE}(?:{_SEPARATOR}{_ONE})+[.]?")
_CALLED = re.compile(r"(?<=[A-J])\s*选?项$")
# Words and signs that leave the chosen options open, or add options that are not named.
_LEFT_OPEN = re.compile(
    r"(?<![A-Za-z])(?:maybe|perhaps|possibly|probably|likely|unlikely|might|may|could|or|unsure|not\s+sure|not\s+certain"
    r"|also|plus|as\s+well|etc|so\s+on|if|unless|torn|guess|uncertain|doubtful|unclear|questionable|either|one\s+of|two\s+of|among"
    r"|at\s+least|at\s+most)(?![A-Za-z])|之一|[A-J]\s*(?:中|里)的?|至少|至多|任[一选]|存疑"
    r"|可能|也许|或|大概|不确定|不知道|以及|还有|还是|等|外加|[?？…]|\.\.\.|(?<![A-Za-z])too\W*\Z",
    re.IGNORECASE,
)
# `B?` and `15?` are questions, and so is a short text that ends with `?`. A long text may end with an offer
# of help.
_ASKS = re.compile(r"(?<![A-Za-z])[A-J][)\]\"'*]*\s*[?？][\s*]*\Z|\A[^\n]{0,40}[?？][\s*]*\Z")
_QUOTED = r"[\"']?\s*[A-J]\s*[\"']?"
_BRACED = re.compile(rf"\\?[\[{{(]\s*{_QUOTED}(?:\s*[,;]?\s*{_QUOTED})*\s*\\?[\]}})]")
# A derivative, complement or negation of B is not an option.
_PRIMED = re.compile(
    r"\s*[~¬]\s*\(?[A-J]\)?\s*|\s*\(?[A-J]\)?\s*(?:['′’]+|\^\s*\{?\s*(?:'|\\prime)+\s*\}?)\s*"
)
_LED = re.compile(
    r"(?:[(\[]\s*([A-Ja-j])\s*[)\]][.:]?|([A-J])\s*[.:)\]](?!\d))\s*(.*)|([A-J])\s+(.*)|([A-J])(.+)",
    re.DOTALL,
)


def extract_letters(
    answer_text: str | None,
    options: Options = None,
    several: bool = True,
    question: str | None = None,
) -> str | None:
    """Return the letters that an answer chooses, sorted; None if it chooses none.

    Args:
        answer_text: the text after the thought, or an answer that was extracted from it.
        options: texts of the options in order. With them a text or a value can stand for its letter.
        several: whether more than one letter may be correct.
        question: the question; a concluding statement may repeat its words.
    """
    if not answer_text:
        return None
    boxes = find_boxes(answer_text)
    if boxes:
        return _from_boxes(answer_text, boxes, options, several)
    text = answer_text[-6_000:].strip(" \n\r\t\u200b")
    if _PRIMED.fullmatch(text):
        return None
    if (text.rstrip("\n\r\t *").endswith(("?", "？")) and _ASKS.search(text)) or leaves_box_open(
        text
    ):
        return None
    if several and _LEFT_OPEN.search(text[-60:] if len(text) > 60 else text):
        return None
    bare = read_letters(normalise(text), options) if len(text) <= 60 else None
    bare = bare or _restated(behind_last_retraction(text[-1_000:]), options)
    if bare:
        return bare
    if len(text) > 300:
        found, settled = _from_phrases(text, options, several, question)
        return (
            found
            if settled
            else _from_prose(without_listing(text).strip(), options, several, question)
        )
    text = without_listing(text).strip()
    one_line = "\n" not in text
    whole = _spelled_out(text, options, several) if one_line else None
    whole = whole or read_letters(normalise(text), options)
    if whole:
        return whole
    found, settled = _from_phrases(text, options, several, question)
    if settled:
        return found
    led = one_line and not ends_within_sentence(text)
    found = _judged_or_led(text, options, several) if led else None
    return found or _from_prose(text, options, several, question)


def _from_phrases(
    text: str, options: Options, several: bool, question: str | None
) -> tuple[str | None, bool]:
    """Return the letters that the answer phrases choose, and whether they decide the answer."""
    for said, firm in phrased_answers(text, question):
        found = read_letters(normalise(said), options)
        if found:
            return found, True
        said = without_listing(said)
        found = _statement(said, options, several) or named(said, options, question)
        if found:
            return found, True
        if firm:
            return option_mentioned(said, options), True
    return None, False


_RESTATED = re.compile(
    r"(?:^|[.,;:!，。！])\s*(?:so\s+|then\s+|no,?\s+)?(?:it|this|that)(?:['’]s|\s+is|\s+should\s+be|\s+must\s+be)"
    r"\s+(?:actually\s+)?(?:option\s+)?[(\"'*]*([A-J])[)\"'*]*(?=\W*(?:$|[.,;]))|应该?[是为]\s*([A-J])(?![A-Za-z])",
    re.IGNORECASE,
)


def _restated(behind: str, options: Options) -> str | None:
    """Return the option that stands alone, or in `it is B`, after words that retract an earlier answer."""
    if not behind or phrased_answers(behind):
        return None
    found = [m for m in _RESTATED.finditer(behind) if (m.group(1) or m.group(2)).isupper()]
    if found:
        return checked(found[-1].group(1) or found[-1].group(2), options)
    return read_letters(normalise(behind), options) if len(behind) <= 60 else None


def _from_boxes(text: str, boxes: Sequence[Box], options: Options, several: bool) -> str | None:
    behind = text[boxes[-1].end :]
    if _ASKS.search(boxes[-1].content):
        return None
    for said in superseding_answers(behind):
        found = _statement(said, options, several)
        if found:
            return found
    content = join_last_boxes(text, boxes)
    found = (
        None if several and _LEFT_OPEN.search(content) else _statement(content, options, several)
    )
    phrased = [_statement(said, options, several) for said, _ in phrased_answers(behind, led=False)]
    said = next((letters for letters in phrased if letters), None)
    if found:
        other = said if said != found else None
        return None if other or spoils(text, boxes) or behind_first_retraction(behind) else found
    if said:
        return said
    return read_letters(normalise(behind), options) or named(behind, options)


def _statement(said: str, options: Options, several: bool) -> str | None:
    """Read a short statement: letters, a letter with its option's text, an option's text, or a value."""
    if _PRIMED.fullmatch(said):
        return None
    return _spelled_out(said, options, several) or _judged_or_led(said, options, several)


def _judged_or_led(said: str, options: Options, several: bool) -> str | None:
    """Read options that are called right or wrong, or the letter at the start of a statement."""
    if several and _LEFT_OPEN.search(said):
        return None
    return (
        options_judged(said, options, several)
        or leading(normalise(said), options)
        or option_of_leading_word(said, options)
    )


def _spelled_out(said: str, options: Options, several: bool) -> str | None:
    """Read a statement that consists only of letters, option texts, or a value."""
    text = normalise(said)
    spelled = None if re.fullmatch("[A-Za-z]", text) else option_of_text(text, options)
    letters = read_letters(text, options)
    if text.islower() and spelled and text in map(normalise, options or ()):
        return spelled  # with options (c), (a), (b), "(b)" is the text, not the letter
    if letters and (len(letters) == 1 or not spelled):
        return letters
    return spelled or letters or (options_of_texts(text, options) if several else None)


def read_letters(text: str, options: Options = None) -> str | None:
    """Read a normalised text that consists only of letters, or of a letter and its option's text."""
    text = NOISE.sub("", re.sub(r"^\d\s*[.)]\s+", "", text)).strip(" .,;:*_\"'\x93\x94「」『』")
    text = _CALLED.sub("", text)
    if not text:
        return None
    if options:
        led = _letter_with_text(text, options)
        if led:
            return led
    compact = re.sub(r"[\s{}]", "", text)
    if (
        len(compact) <= MAX_OPTIONS
        and compact.isascii()
        and compact.isalpha()
        and compact.isupper()
    ):
        return checked(compact, options)
    if re.fullmatch(r"[a-j]{2,6}", compact) and list(compact) == sorted(set(compact)):
        return checked(compact, options)
    if re.fullmatch(r"(?:[(\[]\s*[A-J]\s*[)\]]\s*){2,}", text):
        return checked(re.sub(r"[^A-J]", "", text), options)
    if _BRACED.fullmatch(text):
        return checked("".join(re.findall("[A-J]", text)), options)
    single = _SINGLE.fullmatch(text)
    if single:
        return checked(single.group(1), options)
    if _SEVERAL.fullmatch(text):
        marks = re.findall(r"[(\[]\s*[A-Ja-j]\s*[)\]]|(?<![A-Za-z])[A-Ja-j](?![A-Za-z])", text)
        if marks[0][0] in "([" and all(mark[0] not in "([" for mark in marks[1:]):
            return checked(marks[0][1:-1].strip(), options)
        return checked("".join(re.sub(r"[^A-Za-z]", "", mark) for mark in marks), options)
    return None


def _letter_with_text(text: str, options: list[str] | tuple[str, ...]) -> str | None:
    """Read `(F) C, A, B, D`, `B. 12 cm` or `E2`: a letter followed by the text of its own option."""
    led = _LED.match(text)
    if not led:
        return None
    letter = next(g for g in (led.group(1), led.group(2), led.group(4), led.group(6)) if g).upper()
    rest = led.group(3) or led.group(5) or led.group(7) or ""
    index = string.ascii_uppercase.index(letter)
    if index < len(options) and rest.strip(" ()"):
        for given in (rest, rest.strip("() ")):
            if squeeze(normalise(given)) == squeeze(normalise(options[index])):
                return letter
    return None


_ALONE = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z])")
_ENUMERATION = re.compile(
    r"(?<![A-Za-z])[A-J](?:\s*,\s*[A-J])*\s*,?\s*(?:\band\b|&|和|与)\s*[A-J](?![A-Za-z])"
)


_COMPARES = re.compile(
    r"(?<![A-Za-z])(?:(?:more|less|greater|fewer|larger|smaller|higher|lower|other)\s+than|at\s+(?:least|most)|between"
    r"|over|under|above|below|too)\s|大于|小于|超过|不到|至少|最多",
    re.IGNORECASE,
)


def _lists_options(letters: str) -> bool:
    """Return whether the letters are those of the first three or more options."""
    return len(letters) > 2 and string.ascii_uppercase.startswith(letters)


def _spelled(line: str, options: Options) -> str | None:
    """Return the letter of the option whose text a line contains after its list number."""
    return option_of_text(re.sub(r"^\d\s*[.)]\s+", "", line), options)


def _from_prose(text: str, options: Options, several: bool, question: str | None) -> str | None:
    """Read a passage without a box or an answer phrase: first its conclusion, then the rest."""
    if ends_within_sentence(text):
        return None
    lines = [normalise(line) for line in text.splitlines()[-8:] if len(line) <= 120]
    alone = {read_letters(line, options) or _spelled(line, options) for line in lines} - {None}
    if not several:  # a line `A, B, C, D` lists the options; `A and D` chooses two
        alone = {letters for letters in alone if letters and not _lists_options(letters)}
    if len(alone) == 1:
        return alone.pop()
    ending = conclusion(text)
    if len(alone) > 1:
        return None
    if declines(ending):
        return option_to_decline(options)
    enumerated = list(_ENUMERATION.finditer(ending)) if several else []
    enumerated = [m for m in enumerated if not denied_behind(ending, m.end())]
    if enumerated:
        last = enumerated[-1]
        if _LEFT_OPEN.search(ending) or not leads_up(ending[: last.start()], question):
            return None
        return checked("".join(_ALONE.findall(last.group())), options)
    fitting = matched(ending, options)
    if fitting:
        return fitting
    for passage in (ending, text):
        found = named(passage, options, question)
        turned = len(passage) <= 80 and (
            denies_or_computes(passage) or SUPPOSING.match(passage) or _COMPARES.search(passage)
        )
        found = found or (None if turned else option_mentioned(passage, options))
        if found:
            return found
    weighed = len(options_mentioned(ending, options)) > 1 and "=" not in ending
    value = open_answer(text, question) if options and not weighed else None
    if value and len(value) <= 60:
        return option_of_text(normalise(value), options)
    last = [next(g for g in m.groups() if g) for m in NAMED.finditer(ending)]
    if several and len(last) > 1:
        return checked("".join(dict.fromkeys(last)), options)
    return None


def gold_letters(gold: str, options: Options) -> str | None:
    """Return the letters of a gold: letters, a list of letters, or the text of an option."""
    clean = normalise(gold)
    letters = read_letters(clean, options)
    if letters and re.fullmatch(r"[A-J](?:[\s,;、]*[A-J])*", clean):
        return letters
    return option_of_text(clean, options) or letters or options_of_texts(clean, options)
