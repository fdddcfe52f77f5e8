"""Compares an answer with its question: echoes, frames around a blank, counted things, domains."""

import re
from functools import lru_cache

from r1v3.reward.text.normalize import normalise, squeeze
from r1v3.reward.text.vocabulary import is_counted

_PLAIN = re.compile(r"[^a-z0-9\u4e00-\u9fff]+")
_ASKS = re.compile(r"(?:the)?(?:final)?(?:answer|ans|答案)(?:is|是|为)?$")
_OPTION = re.compile(r"(?<![A-Za-z])[(（]?\s?[A-Ja-j]\s?[)）.、:：]")
MIN_ECHO = 12  # letters and digits; a shorter text may be an answer that the question contains


def echoes(text: str, question: str) -> bool:
    """Return whether a text repeats a piece of the question: its sentence, or its list of options.

    The text of one option is not an echo, although the question lists it.
    """
    if not question or len(text) > len(question) + 200:
        return False
    if _PLAIN.sub("", text[:40].casefold())[:8] not in _flat(question):
        return False
    said = _ASKS.sub("", _PLAIN.sub("", text.casefold()))
    if len(said) < MIN_ECHO or said not in _flat(question):
        return False
    return (
        len(_OPTION.findall(text)) >= 2
        or "?" in text
        or "？" in text
        or 2 * len(said) > len(_flat(question))
    )


@lru_cache(maxsize=4_096)
def _flat(question: str) -> str:
    return _PLAIN.sub("", question[:20_000].casefold())


def restates(answer: str, gold: str, question: str) -> bool:
    """Return whether an answer is an expression of the question that is not worked out.

    The answer equals its gold if it is computed. The numbers and letters of answer and question are compared,
    so another sign for a quotient, another order or a label in front does not count as work. If the question
    asks for that form, the gold is written in it.
    """
    if not question:
        return False
    said, wanted = squeeze(normalise(answer)), squeeze(normalise(gold))
    said = _HALF_POWER.sub(r"\\sqrt{\1}", said)
    if not said or re.fullmatch(rf"(?:.*[=:])?{re.escape(wanted)}[^\d]*", said):
        return False
    if _holds(_squeezed(question), said) or _holds(_unbraced(_squeezed(question)), _unbraced(said)):
        return True
    if _runs(said) and not _runs(wanted) and _RUN_ASKED.search(question):
        return True  # a sum sign instead of the sum that was to be worked out
    if wanted.isdigit() and _only_computes(_EQUALS.split(said)[-1], question):
        return True
    parts, worked_out = _leaves(_EQUALS.split(said)[-1]), _leaves(wanted)
    return len(parts) > 1 and parts != worked_out and parts in _spans(question)


_HALF_POWER = re.compile(r"(\d+)\^\{?(?:1/2|0\.5|\\frac\{?1\}?\{?2\}?)\}?")


def _only_computes(said: str, question: str) -> bool:
    """Return whether an expression only computes with numbers of the question: `46/2`, `3+4+5`."""
    if not _ARITHMETIC.fullmatch(said.replace(r"\left", "").replace(r"\right", "")):
        return False
    given = set(_NUMBER.findall(question[:20_000]))
    given.update(number for number, words in _IMPLIED if words.search(question))
    return set(_NUMBER.findall(said)) <= given


_ARITHMETIC = re.compile(
    r"(?=.*\d[)}\s]*(?:[-+*/^]|\\cdot|\\times|\\div)|.*\\(?:frac|sqrt))(?:[-+*/^(){}\d.%\s]|\\(?:cdot|times|div|frac|sqrt))+"
)
_IMPLIED = (
    ("2", re.compile(r"\b(?:half|twice|doubled?|squared?)\b|一半|两倍|平方", re.IGNORECASE)),
    ("3", re.compile(r"\b(?:triple|thrice|cubed?|third)\b|三分之一|立方", re.IGNORECASE)),
)
_EQUALS = re.compile(r"=(?![^{]*\})")  # not the equals sign of \\sum_{k=1}
_SHORT_FRACTION = re.compile(r"\\frac\s*(\d)\s*(\d)")
_LEAF = re.compile(r"\d+(?:\.\d+)?|\\[a-zA-Z]+|[A-Za-z]")
_JOINTS = frozenset(
    rf"\{name}"
    for name in ("frac", "cdot", "times", "div", "text", "left", "right", "displaystyle")
)
_RUNS = frozenset(rf"\{name}" for name in ("sum", "prod", "int", "lim"))


_RUN_ASKED = re.compile(
    r"\\(?:sum|prod|int|lim|[lc]?dots)|\.{3}|…|\b(?:sum|product|integral|limit)\b|和|积|极限",
    re.IGNORECASE,
)


def _runs(text: str) -> bool:
    return any(name in text for name in _RUNS)


@lru_cache(maxsize=4_096)
def _leaves(text: str) -> tuple[str, ...]:
    """Return the numbers, letters and functions of a normalised formula, sorted, without 0 and 1.

    All letters of a sum become one letter, because a bound variable may have any name.
    """
    text = _SHORT_FRACTION.sub(r"\\frac \1 \2", text)
    found = [leaf for leaf in _LEAF.findall(text) if leaf not in _JOINTS and leaf not in ("0", "1")]
    if _RUNS & set(found):
        found = ["x" if len(leaf) == 1 and leaf.isalpha() else leaf for leaf in found]
    return tuple(sorted(found))


@lru_cache(maxsize=4_096)
def _spans(question: str) -> frozenset[tuple[str, ...]]:
    """Return the leaves of each formula of a question, and of each computation in its text."""
    question = question[:20_000]
    found = [next(part for part in parts if part) for parts in _SPAN.findall(question)]
    computed = [" ".join(_NUMBER.findall(part)) for part in _COMPUTATION.findall(question)]
    texts = [squeeze(normalise(part)) for part in [*found, *computed]]
    return frozenset(_leaves(_EQUALS.split(text)[0]) for text in texts) | frozenset(
        map(_leaves, texts)
    )


_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SPAN = re.compile(r"\$+([^$]{1,400})\$+|\\\((.{1,400}?)\\\)|\\\[(.{1,400}?)\\\]")
_COMPUTATION = re.compile(
    r"\d[\d.]*%?(?:\s*(?:[-+*/×÷^]|(?:of|times|plus|minus|divided\s+by|multiplied\s+by|and)(?=\s)|[加减乘和与]|乘以|除以)"
    r"\s*\(?\d[\d.]*\)?%?)+"
)


@lru_cache(maxsize=4_096)
def _squeezed(question: str) -> str:
    return squeeze(normalise(question[:2_000]))


def _unbraced(text: str) -> str:
    return _SIGNED.sub(r"\1", text)


_SIGNED = re.compile(r"(?<![\w}])\{(-\w+)\}")


def _holds(question: str, said: str) -> bool:
    """Return whether the question contains an expression that no digit or letter continues at its ends."""
    if len(said) < 2 or said not in question:
        return False
    before = r"(?<!\d)" if said[0].isdigit() else ""
    behind = r"(?!\d)" if said[-1].isdigit() else ""
    return bool(re.search(rf"(?<![.^_]){before}{re.escape(said)}{behind}", question))


_BLANK = re.compile(r"_{2,}|[(（]\s*[)）]|几|多少")


def same_in_frame(answer: str, gold: str, question: str) -> bool:
    """Return whether answer and gold differ only by the words around a blank: `第____象限`, 二, 第二象限."""
    if question.isascii() or answer.isascii() or gold.isascii():
        return False
    a, g = normalise(answer), normalise(gold)
    for blank in _BLANK.finditer(question[:4_000]):
        before, behind = question[: blank.start()][-6:], question[blank.end() :][:6]
        one, other = _unframed(a, before, behind), _unframed(g, before, behind)
        if one and one == other:
            return True
    return False


def _unframed(text: str, before: str, behind: str) -> str:
    for size in range(min(len(before), len(text) - 1), 0, -1):
        if text.startswith(before[-size:]):
            text = text[size:]
            break
    for size in range(min(len(behind), len(text) - 1), 0, -1):
        if text.endswith(behind[:size]):
            return text[:-size]
    return text


_COUNT = re.compile(
    r"([-+]?\d[\d.,/ ]*|[-+]?\\frac\{\d+\}\{\d+\})\s*([A-Za-z][A-Za-z ]*|[\u4e00-\u9fff]+)"
)


def without_counted(answer: str, question: str) -> str:
    """Return only the number of an answer whose other words repeat what the question counts."""
    found = _COUNT.fullmatch(normalise(answer))
    return found.group(1) if found and is_counted(found.group(2), question) else answer


_DOMAIN = r"[a-zA-Z](?:_\{?\w\}?)?\s*(?:>=?|<=?|\\[gl]e|\\in|\\ne)\s*[^,=]{1,30}"
_FOR_ALL = re.compile(
    rf"\\forall\s*(?:{_DOMAIN}|[a-zA-Z])?\s*[,:]\s*(?P<one>.+)|(?P<two>.+?)\s*,?\s*\\forall\s*{_DOMAIN}"
)
_LIMITED = (
    r"(?:-?\d+\s*(?:<=?|\\le)\s*)?(?P<letter>[a-z])(?:\s*(?:>=?|<=?|\\[gl]e|\\ne)(?![a-z])\s*-?\d+"
    r"|\s*\\in(?![a-z])\s*[^,=]{1,30}?)"
)
# A formula and the domain of its variable, after a comma or in brackets: `2n-1, n \ge 1`.
_BEHIND = re.compile(rf"(?P<one>[^,;]*[^,;\s])\s*(?:,\s*\(?|\()\s*{_LIMITED}\s*\)?", re.DOTALL)
_COMPARED = re.compile(r"[<>]|\\(?:in|notin|ge|le|ne|cup|infty)(?![a-zA-Z])")
_KIND_OF_NUMBER = r"(?:(?:real|positive|natural|whole)\s+)*(?:numbers?|integers?)"
# The same in words: `2n for n > 0`, `2n for every integer n`, `x + c, where c is any constant`.
_FOR = re.compile(
    rf"(?P<one>[^,]+?)\s*,?\s*(?:(?:for|where|when|if)\s+(?:(?:all|any|every|each)\s+)?{_DOMAIN}"
    rf"|for\s+(?:all|any|every|each)\s+(?:(?:real|{_KIND_OF_NUMBER})\s+)?[a-z]|for\s+some\s+constant\s+[a-z]"
    rf"|where\s+[a-zA-Z]\s+is\s+(?:an?|any|some)\s+(?:{_KIND_OF_NUMBER}|(?:real\s+|arbitrary\s+)*constant))"
)
_LIMITS = re.compile(r"\\forall|\b(?:for|where|when|if)\b")
_COUNTS_ON = re.compile(
    r"\s*[,(]\s*\(?\s*[a-z]\s*=\s*(?:0\s*,\s*)?1\s*,\s*2\s*(?:,\s*3\s*)?,?\s*(?:\\[lc]?dots|\.{3}|…)?\s*\)?\s*\Z"
)


def without_count(answer: str) -> str:
    """Return an answer without the list of its index's values: `a_n=2n, n=1,2,3,...`."""
    return _COUNTS_ON.sub("", answer) if "=" in answer else answer


def without_domain(answer: str, gold: str) -> str:
    """Return a normalised answer without its domain, if the gold does not name one."""
    if _LIMITS.search(gold):
        return answer
    answer = without_count(answer)
    if r"\forall" in answer:
        found = _FOR_ALL.fullmatch(answer)
        return (found.group("one") or found.group("two")).strip() if found else answer
    if behind := _BEHIND.fullmatch(answer):
        head, letter = behind.group("one").strip(), behind.group("letter")
        bound = bool(_COMPARED.search(gold) or _COMPARED.search(head)) or head == letter
        named = re.search(rf"(?<![A-Za-z\\]){letter}(?![A-Za-z])", head)
        return answer if bound or not named else head
    found = _FOR.fullmatch(answer) if _LIMITS.search(answer) else None
    return found.group("one").strip() if found else answer
