"""Finds the options of a question in its text, and matches a text or value to one of them."""

import re
import string
from functools import lru_cache

from r1v3.reward.maths.compare import Comparison
from r1v3.reward.maths.quantity import read_quantity, same_words
from r1v3.reward.text.cut import ends_on_sign
from r1v3.reward.text.normalize import normalise, squeeze
from r1v3.reward.text.yes_no import leading_yes_or_no, yes_or_no_if_asked

MAX_OPTIONS = 10  # A to J

# Texts of a question's options in order; None if it has none.
Options = list[str] | tuple[str, ...] | None


def checked(letters: str, options: Options) -> str | None:
    """Return letters in upper case, sorted; None if one is not an option or occurs twice."""
    letters = letters.upper()
    allowed = string.ascii_uppercase[: min(len(options), MAX_OPTIONS) if options else MAX_OPTIONS]
    chosen = sorted(set(letters))
    if len(chosen) != len(letters) or any(letter not in allowed for letter in chosen):
        return None
    return "".join(chosen)


_MARKER = re.compile(r"(?<![A-Za-z\\])[(（\[]?\s?([A-J])\s?[)）\].．、:：]\s*")


@lru_cache(maxsize=4_096)
def options_in(question: str) -> tuple[str, ...] | None:
    """Return the options that a question lists as `(A) .. (B) ..` or `A. .. B. ..`; None if it lists none."""
    text = question[-6_000:]
    found: list[re.Match[str]] = []
    best: list[re.Match[str]] = []
    for marker in _MARKER.finditer(text):
        expected = string.ascii_uppercase[len(found)] if len(found) < MAX_OPTIONS else ""
        if marker.group(1) == expected:
            found.append(marker)
        elif marker.group(1) == "A":
            found = [marker]
        if len(found) >= len(best):
            best = list(found)
    if len(best) < 2:
        return None
    ends = [marker.start() for marker in best[1:]] + [len(text)]
    return tuple(
        text[m.end() : end].strip(" \n\t,;.，；") for m, end in zip(best, ends, strict=True)
    )


_CHOOSING = re.compile(
    r"(?:\bis|\bbe|answer|option|choice|choose|select|选|答案|为)\W*$", re.IGNORECASE
)


def without_listing(text: str) -> str:
    """Remove repeated lists of three or more options, because such a list chooses none."""
    run: list[re.Match[str]] = []
    spans = []
    if "A" not in text or "B" not in text or "C" not in text:
        return text
    for marker in _MARKER.finditer(text):
        chosen = _CHOOSING.search(text[max(0, marker.start() - 24) : marker.start()])
        if run and marker.group(1) == chr(ord(run[-1].group(1)) + 1) and not chosen:
            run.append(marker)
            continue
        if len(run) >= 3:
            spans.append((run[0].start(), _line_end(text, run[-1].end(), marker.start())))
        run = [marker] if marker.group(1) == "A" else []
    if len(run) >= 3:
        spans.append((run[0].start(), _line_end(text, run[-1].end(), len(text))))
    for start, end in reversed(spans):
        text = text[:start] + "\n" + text[end:]
    return text


def _line_end(text: str, start: int, limit: int) -> int:
    end = text.find("\n", start)
    return min(limit, end if end >= 0 else limit)


def option_of_text(text: str, options: Options) -> str | None:
    """Return the letter of the only option that a normalised text repeats or equals in value."""
    if not options or not text:
        return None
    wanted = squeeze(text)
    clean = [normalise(option) for option in options[:MAX_OPTIONS]]
    exact = [i for i, option in enumerate(clean) if option and squeeze(option) == wanted]
    if exact:
        return string.ascii_uppercase[exact[0]]
    if ends_on_sign(text):  # `18 -` is not complete
        return None
    soft = [i for i, option in enumerate(clean) if option and same_words(text, option)]
    if len(soft) == 1:
        return string.ascii_uppercase[soft[0]]
    return _option_of_value(text, clean) or _option_that_says(yes_or_no_if_asked(text), options)


def option_of_leading_word(text: str, options: Options) -> str | None:
    """Return the letter of the option yes or no that a statement starts with: `No, the left one is`."""
    return _option_that_says(leading_yes_or_no(text), options)


def _option_that_says(said: bool | None, options: Options) -> str | None:
    """Return the letter of the option that means yes (or no), if exactly one option means each."""
    if said is None or not options:
        return None
    meant = [yes_or_no_if_asked(normalise(option)) for option in options[:MAX_OPTIONS]]
    if meant.count(True) != 1 or meant.count(False) != 1:
        return None
    return string.ascii_uppercase[meant.index(said)]


_APART = re.compile(r"\s*(?:;|,|\band\b|以及|和|与|及)\s*")


def options_of_texts(text: str, options: Options) -> str | None:
    """Return the letters of two or more options whose texts a normalised text lists."""
    parts = [part for part in _APART.split(text) if part]
    if not options or not 2 <= len(parts) <= MAX_OPTIONS:
        return None
    found = [option_of_text(part, options) for part in parts]
    letters = [letter for letter in found if letter]
    if len(letters) < len(parts) or len(set(letters)) < len(letters):
        return None
    return "".join(sorted(letters))


def _option_of_value(text: str, clean: list[str]) -> str | None:
    if len(text) > 120 or not any(char.isdigit() or char == "\\" for char in text):
        return None
    comparison = Comparison(blanks_ordered=True, commas_ordered=True)
    equal = [i for i, option in enumerate(clean) if option and comparison.same_text(text, option)]
    if len(equal) != 1:
        written = read_quantity(text)
        equal = [i for i in equal if read_quantity(clean[i]).unit == written.unit]
    return string.ascii_uppercase[equal[0]] if len(equal) == 1 else None


def option_mentioned(text: str, options: Options) -> str | None:
    """Return the letter of the only option whose text a passage contains as whole words."""
    found = options_mentioned(text, options)
    return found[0] if len(found) == 1 else None


def options_mentioned(text: str, options: Options) -> list[str]:
    """Return the letters of all options whose texts a passage contains; skip parts of longer option texts."""
    if not options:
        return []
    flat = _flatten(text)
    hits: dict[int, str] = {}
    for index, option in enumerate(options[:MAX_OPTIONS]):
        words = _flatten(option)
        if (len(words) > 1 or words.isdigit()) and _occurs(words, flat):
            hits[index] = words
    if not hits:
        spread = _option_spread(flat, options)
        return [] if spread is None else [string.ascii_uppercase[spread]]
    return [
        string.ascii_uppercase[index]
        for index, words in hits.items()
        if not any(words != other and words in other for other in hits.values())
    ]


def _occurs(words: str, flat: str) -> bool:
    return words in flat and bool(_as_whole_words(words).search(flat))


@lru_cache(maxsize=8_192)
def _as_whole_words(words: str) -> re.Pattern[str]:
    """Return a pattern that matches a text only where its words and numbers end at the text's ends."""
    begins = r"(?<!\w)" if re.match(r"\w", words, re.ASCII) else ""
    number = r"(?<!\d[.,-])" if words[0].isdigit() else ""
    ends = r"(?!\w)" if re.match(r"\w", words[-1], re.ASCII) else ""
    return re.compile(rf"{begins}{number}{re.escape(words)}{ends}(?![.,]\d)", re.ASCII)


_UNDECIDED = re.compile(
    r"impossible|cannot|can't|insufficient|not (?:enough|sufficient|certain)|no (?:way|information)"
    r"|not determined|undetermined|无法|不能确定",
    re.IGNORECASE,
)


def option_to_decline(options: Options) -> str | None:
    """Return the letter of the only option that says 'cannot be determined' or similar."""
    found = [
        i for i, option in enumerate((options or ())[:MAX_OPTIONS]) if _UNDECIDED.search(option)
    ]
    return string.ascii_uppercase[found[0]] if len(found) == 1 else None


def _option_spread(flat: str, options: list[str] | tuple[str, ...]) -> int | None:
    """Return the index of the only option whose words all occur in the passage, in any order."""
    present = set(_TOKEN.findall(flat))
    wanted = [frozenset(_TOKEN.findall(_flatten(option))) for option in options[:MAX_OPTIONS]]
    full = [i for i, words in enumerate(wanted) if len(words) >= 2 and words <= present]
    return full[0] if len(full) == 1 else None


_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[a-z]+|[\u4e00-\u9fff]")


@lru_cache(maxsize=8_192)
def _flatten(text: str) -> str:
    text = normalise(text[-1_900:]).casefold()
    text = re.sub(r"(?<=\d)'s", "s", text)
    return re.sub(
        r"(?<=\d)\s+(?=(?!(?:and|or|to|is|but)\b)[a-z%])|\s+(?=[.,;])",
        "",
        re.sub(r"[\s\"'*]+", " ", text),
    ).strip()
