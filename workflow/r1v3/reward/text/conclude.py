"""Find the value that an unboxed answer arrives at: its phrase, its conclusion, its last number."""

import re

from r1v3.reward.maths.units import parse_unit
from r1v3.reward.text.boxes import find_boxes, join_last_boxes
from r1v3.reward.text.denial import denied_behind, hedged
from r1v3.reward.text.extract import (
    PHRASE_TAIL,
    extract_answer,
    first_sentence,
    phrased_answer,
    superseding_answers,
)
from r1v3.reward.text.normalize import normalise

_MATH_SPAN = re.compile(
    r"\$\$(?P<a>[^$]{1,400})\$\$|\\\[(?P<b>.{1,400}?)\\\]|\\\((?P<c>.{1,400}?)\\\)"
    r"|(?<![\\$\w])\$(?P<d>(?:[^$\\]|\\.){1,400}?)\$(?![\d$])",
    re.DOTALL,
)
_NUMBER_SPAN = re.compile(
    r"(?<![A-Za-z\d.,_^])[-+−]?(?:\\?\$|[€£¥])?\s?-?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:[.,]\d+)?"
    r"(?:\s?/\s?\d+(?![\d/]))?\s?(?:\\?%|°)?(?!\d)"
)
_PROSE_WORD = re.compile(r"(?<![\\A-Za-z\d)])[A-Za-z]{3,}(?![A-Za-z(\d])|[\u4e00-\u9fff]{2,}")
_UNIT_BEHIND = re.compile(
    r"[ ]?(?:%|percent|pct|(?:square|cubic)\s[a-z]{2,12}|[A-Za-zμΩ°]{1,12}(?:/[a-z]{1,4})?"
    r"|[\u4e00-\u9fff]{1,6})"
    r"(?:[²³]|\^\{?\d\}?)?(?![A-Za-z])"
)
_FINAL = re.compile(r"\bfinal answer\s*(?:is|=|:)(?:\s*\*\*)?\s*:?\s*", re.IGNORECASE)
_CLOSING = re.compile(
    r"(?:^|\s)(?:I hope|Let me know|Do you (?:want|have)|Please (?:let|note)|Is there anything|Feel free)"
    r"[^\n]*|```.*?```",
    re.DOTALL,
)
_SENTENCES = re.compile(r"(?<=[^\d\s.][.!?])\s+|(?<=\d[.!?])\s+(?=[A-Z])|[。！？\n]+")
_THUS = re.compile(
    r"^\W*(?:(?:and|but)\s+)?(?:therefore|thus|so|hence|consequently|in conclusion|overall|finally"
    r"|because of this|as a result|因此|所以|故|综上|从而|于是|则|答)",
    re.IGNORECASE,
)
_BOLD = re.compile(r"\*\*\s*([^*\n]{1,40}?)\s*\*\*")
_STATED = re.compile(
    r"(?:[=≈]\s*|\b(?:there\s+(?:is|are|was|were|will\s+be)|is|are|was|were|be|equals?|has|have|gives?|get|needs?|spend|approximately|about)\s+"
    r"(?:only\s+|exactly\s+|about\s+|approximately\s+|around\s+|a\s+total\s+of\s+)*)(?=[-−]?[$€£¥]?\s?\.?\d)",
    re.IGNORECASE,
)


_COUNTED = re.compile(
    r"^\W*(?:\w+,?\s+){0,2}there\s+(?:is|are|was|were|will\s+be)\s+(?:only\s+|exactly\s+|a\s+total\s+of\s+)?(?=\d)",
    re.IGNORECASE,
)


def open_answer(answer_text: str) -> str | None:
    """Return the answer to an open question: boxed, phrased, bare, or what is concluded."""
    boxes = find_boxes(answer_text)
    if boxes:
        superseded = _corrected(answer_text[boxes[-1].end :])
        return superseded or join_last_boxes(answer_text, boxes)
    phrased = phrased_answer(answer_text)
    if phrased is not None:
        return value_in(phrased) or phrased
    text = answer_text.strip()
    if len(text) <= 120 and "\n" not in text:
        return None if declines(text) else value_in(text) or text
    ending = conclusion(text)
    if declines(ending):
        return None
    if _VALUE.fullmatch(ending):
        return ending
    found = value_in(ending)
    if not found and any(hedged(ending, span.start()) for span in _NUMBER_SPAN.finditer(ending)):
        return ending
    return found or value_in(text[-PHRASE_TAIL:]) or extract_answer(text)


def conclusion(text: str) -> str:
    """Return the sentence that concludes a passage: the last 'therefore', else the last one."""
    text = _CLOSING.sub(" ", text[-PHRASE_TAIL:])
    sentences = [part.strip() for part in _SENTENCES.split(text) if part and part.strip()]
    if not sentences:
        return ""
    for sentence in reversed(sentences):
        if _THUS.match(sentence):
            after_all = declines(sentence) and not declines(sentences[-1])
            return sentences[-1] if after_all else sentence
    bold = {match.group(1) for match in _BOLD.finditer(text) if _VALUE.fullmatch(match.group(1))}
    if len(bold) == 1:
        return bold.pop()
    return sentences[0] if _COUNTED.match(sentences[0]) else sentences[-1]


_VALUE = re.compile(r"[$€£¥]?-?\d[\d.,]*\s?%?")


def declines(sentence: str) -> bool:
    """Whether a conclusion says that there is no answer, or none among the options."""
    found = _DECLINES.search(sentence)
    return bool(found) and not re.search(r"\bbut\b|\bhowever\b|但", sentence[found.end() :])


_DECLINES = re.compile(
    r"(?:cannot|can't|can not|could not|unable to|impossible to|not possible to|not able to|difficult to)"
    r"\s+(?:be\s+|to\s+)?(?:\w+ly\s+)?(?:answer|determine|solve|provide|process|help|assist|identif|view"
    r"|say|comply|find|show|evaluate|make)"
    r"|(?:not|n't)\s+(?:\w+\s+)?(?:enough|sufficient|any)?\s*information"
    r"|none of the\s+(?:\w+\s+)?(?:options|choices)"
    r"|not\s+(?:\w+\s+)?(?:in|among|one of|an?)\s+(?:\w+\s+)?(?:\w+\s+)?(?:options?|choices?)"
    r"|mistake in the (?:question|problem|options|choices)"
    r"|题目(?:可能)?有误|无正确答案|无法(?:确定|判断|回答)",
    re.IGNORECASE,
)


def _corrected(rest: str) -> str | None:
    """Return what supersedes the last box: a 'final answer is' behind it, or any answer phrase
    that follows words which take the box back."""
    found = list(_FINAL.finditer(rest[-PHRASE_TAIL:]))
    finals = [first_sentence(rest[-PHRASE_TAIL:][m.end() :]) for m in found[-1:]]
    for said in finals + superseding_answers(rest):
        value = _MATH_SPAN.match(said) or _NUMBER_SPAN.match(said)
        if value:
            return next(g for g in (*value.groups(), value.group()) if g) + _unit_behind(
                said, value.end()
            )
    return None


def value_in(said: str) -> str | None:
    """Return the value a sentence states; None where the text is itself the value."""
    said = said.strip()
    spans = [span for span in _MATH_SPAN.finditer(said) if _is_formula(span)]
    bare = said
    for span in reversed(spans):
        bare = bare[: span.start()] + " " * (span.end() - span.start()) + bare[span.end() :]
    if not _PROSE_WORD.search(bare):
        if len(spans) == 1 and spans[0].group() != said:
            return said[: spans[0].start()] + _inside(spans[0]) + said[spans[0].end() :]
        return None
    if re.match(r"[-+$\\\d.(\[{]", said) and len(said) <= 60 and len(spans) <= 1:
        opening = _NUMBER_SPAN.match(said)
        if opening and denied_behind(said, opening.end()):
            return None
        if not opening or len(_PROSE_WORD.findall(said)) < 3 or "=" in said:
            return None
        return opening.group() + _unit_behind(said, opening.end())
    bold = [match.group(1) for match in _BOLD.finditer(said) if _NUMBER_SPAN.search(match.group(1))]
    if bold:
        return value_in(bold[-1]) or bold[-1]
    return _last_value(said, bare, spans)


def _last_value(said: str, bare: str, spans: list[re.Match[str]]) -> str | None:
    spans = [span for span in spans if not hedged(said, span.start())]
    last_span = spans[-1] if spans else None
    stated = [_NUMBER_SPAN.match(bare, match.end()) for match in _STATED.finditer(bare)]
    counted = _COUNTED.search(bare)
    if counted and not spans and "=" not in bare:
        number = _NUMBER_SPAN.match(bare, counted.end())
        return number.group() + _unit_behind(said, number.end()) if number else None
    stated = [number for number in stated if number]
    numbers = stated[-1:] if stated and not spans else list(_NUMBER_SPAN.finditer(bare))
    numbers = [number for number in numbers if not hedged(bare, number.start())]
    last_number = numbers[-1] if numbers else None
    if last_number and (not last_span or last_number.start() > last_span.start()):
        return last_number.group() + _unit_behind(said, last_number.end())
    if last_span:
        return _inside(last_span) + _unit_behind(said, last_span.end())
    return None


def _inside(span: re.Match[str]) -> str:
    return next(group for group in span.groups() if group)


def _is_formula(span: re.Match[str]) -> bool:
    """Whether a span between dollars is a formula rather than prose between two prices."""
    inside = re.sub(r"\\[a-z]+\s*\{[^{}]*\}", "", _inside(span))
    return len(re.findall(r"(?<!\\)\b[A-Za-z]{3,}\b", inside)) < 2


def _unit_behind(said: str, at: int) -> str:
    unit = _UNIT_BEHIND.match(said, at)
    return unit.group() if unit and parse_unit(normalise(unit.group())) else ""
