"""Find the final answer of a response: after the thought, last box, else the answer phrase."""

import re

from r1v3.reward.boxes import find_boxes, join_last_boxes
from r1v3.reward.normal import normalise
from r1v3.reward.template import after_thought
from r1v3.reward.units import parse_unit

# What a reader looks at where nothing is boxed.
PHRASE_TAIL = 4_000

_MARKER = re.compile(
    r"""
      【\s*答案\s*】\s*[:：]?
    | (?:正确|最终|最后的?|所以|因此)?\s*(?:答案|選項|选项|结果)\s*(?:应该|应当|应)?\s*(?:是|为|為|選|选)\s*[:：]?
    | (?:答案|答)\s*[:：]
    | (?:故|应|因此|所以|本题|正确的?)?\s*[选選]\s*(?:择|項|项)?\s*(?:的是|是|为)?\s*[:：]?(?=\s*[(（\[【]?\s*[$*\\A-J])
    | \#{4}
    | (?:final|correct|best|right|overall)?\s*\b(?:answer|choice|option|solution)\b
        (?:\s+(?:to|for|of)\s+(?:the|this|that)\s+(?:\w+\s+){0,2}(?:question|problem|image|expression|equation))?
        (?:\s+(?:choice|option|value|here))?
        \s*(?:\*{1,2})?\s*(?:is|are|was|would\s+be|should\s+be|will\s+be|must\s+be|can\s+be|[:：=])
        (?:\s*(?:simply|therefore|thus|then|option|choice|likely|most\s+likely|probably|given\s+by))*\s*[:：]?
    | \banswer\s*\*{0,2}\s*\n
    """,
    re.VERBOSE | re.IGNORECASE,
)
_EOA = re.compile(r"<eo[aet]>.*", re.DOTALL)
_SENTENCE_END = re.compile(
    r"(?<=[^\d\s.][.!?])\s+(?=[A-Z])|(?<=[\d)])[.](?=\s|$)|[。！\n]|<eo[aet]>"
)
_GLUE = re.compile(r"^[\s:：*_]+|[\s*_]+$")


def final_text(response: str) -> str | None:
    """Return what stands after the thought, or None where the thought never closed."""
    return after_thought(response)


def boxed_answer(answer_text: str) -> str | None:
    """Return the content of the last box (with the boxes tied to it), or None."""
    boxes = find_boxes(answer_text)
    return join_last_boxes(answer_text, boxes) if boxes else None


def phrased_answer(answer_text: str) -> str | None:
    """Return what follows the last 'the answer is', '答案是', '故选' and the like, or None."""
    tail = answer_text[-PHRASE_TAIL:]
    for marker in reversed(list(_MARKER.finditer(tail))):
        rest = tail[marker.end() :]
        rest = _EOA.sub("", rest) if "<eo" in rest[:400] else rest
        said = _first_sentence(rest)
        if said:
            return said
    return None


def _first_sentence(rest: str) -> str:
    rest = _GLUE.sub("", rest[:1_000]).lstrip(":：* \n")
    if rest.startswith("$$"):
        rest = rest[2:].split("$$")[0]
    end = _SENTENCE_END.search(rest)
    return _GLUE.sub("", rest[: end.start()] if end else rest)


def extract_answer(response: str) -> str | None:
    """Return the text of the final answer: last box, else the answer phrase, else a bare answer.

    A bare answer is a response (after its thought) of one short line. A longer text without box and
    phrase gives its last line, as a reader would take it.
    """
    text = final_text(response)
    if not text:
        return None
    boxed = boxed_answer(text)
    if boxed is not None:
        return boxed
    phrased = phrased_answer(text)
    if phrased is not None:
        return phrased
    lines = [line.strip() for line in text[-PHRASE_TAIL:].splitlines() if line.strip()]
    return lines[-1] if lines else None


_MATH_SPAN = re.compile(
    r"\$\$(?P<a>[^$]{1,400})\$\$|\\\[(?P<b>.{1,400}?)\\\]|\\\((?P<c>.{1,400}?)\\\)|(?<!\\)\$(?P<d>(?:[^$\\]|\\.){1,400}?)\$",
    re.DOTALL,
)
_NUMBER_SPAN = re.compile(
    r"(?<![A-Za-z\d.,])[-+]?(?:\\\$|[$€£¥])?\s?-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:[.,]\d+)?(?:\s?/\s?\d+)?"
    r"\s?(?:%|°)?(?![\d])"
)


def open_answer(answer_text: str) -> str | None:
    """Return the answer to an open question: boxed, phrased, bare, or the last thing computed."""
    boxes = find_boxes(answer_text)
    if boxes:
        return corrected_box(answer_text[boxes[-1].end :]) or join_last_boxes(answer_text, boxes)
    phrased = phrased_answer(answer_text)
    if phrased is not None:
        return value_in(phrased) or phrased
    if len(answer_text) <= 120 and "\n" not in answer_text:
        return value_in(answer_text) or answer_text
    return value_in(answer_text[-PHRASE_TAIL:]) or extract_answer(answer_text)


def corrected_box(rest: str) -> str | None:
    """Return what a 'final answer is' behind the last box states, for it supersedes the box."""
    found = list(_FINAL.finditer(rest[-PHRASE_TAIL:]))
    if not found:
        return None
    said = _first_sentence(rest[-PHRASE_TAIL:][found[-1].end() :])
    value = _MATH_SPAN.match(said) or _NUMBER_SPAN.match(said)
    return next(g for g in (*value.groups(), value.group()) if g) if value else None


_FINAL = re.compile(r"\bfinal answer\s*(?:is|=|:)(?:\s*\*\*)?\s*:?\s*", re.IGNORECASE)


def value_in(said: str) -> str | None:
    """Return the value a sentence ends on; None where the text is itself the value."""
    said = said.strip()
    words = _PROSE_WORD.findall(_MATH_SPAN.sub(" ", said))
    spans = list(_MATH_SPAN.finditer(said))
    if not words:
        if len(spans) == 1 and spans[0].group() != said:
            inside = next(group for group in spans[0].groups() if group)
            return said[: spans[0].start()] + inside + said[spans[0].end() :]
        return None
    if re.match(r"[-+$\\\d.(\[{]", said) and len(said) <= 60 and len(spans) <= 1:
        return None
    covered = [span.span() for span in spans]
    numbers = [
        number
        for number in _NUMBER_SPAN.finditer(said)
        if not any(start <= number.start() < end for start, end in covered)
    ]
    last_span, last_number = spans[-1] if spans else None, numbers[-1] if numbers else None
    if last_number and (not last_span or last_number.start() > last_span.start()):
        return last_number.group() + _unit_behind(said, last_number.end())
    if last_span:
        inside = next(group for group in last_span.groups() if group)
        return inside + _unit_behind(said, last_span.end())
    return None


def _unit_behind(said: str, at: int) -> str:
    unit = _UNIT_BEHIND.match(said, at)
    return unit.group() if unit and parse_unit(normalise(unit.group())) else ""


_PROSE_WORD = re.compile(r"(?<![\\A-Za-z\d)])[A-Za-z]{3,}(?![A-Za-z(\d])|[\u4e00-\u9fff]{2,}")
_UNIT_BEHIND = re.compile(
    r"\s?(?:%|percent|pct|(?:square|cubic)\s[a-z]{2,12}|[A-Za-zμΩ°]{1,12}(?:/[a-z]{1,4})?|[\u4e00-\u9fff]{1,6})"
    r"(?:[²³]|\^\{?\d\}?)?(?![A-Za-z])"
)


def several_boxes(answer_text: str) -> str | None:
    """Return all boxes as one list, for golds of several blanks that were boxed one by one."""
    boxes = find_boxes(answer_text)
    return "; ".join(box.content for box in boxes) if 2 <= len(boxes) <= 12 else None
