"""Finds the value that an answer concludes with, and whether its whole statement was read."""

import re
from dataclasses import dataclass

from r1v3.reward.maths.quantity import same_leaf
from r1v3.reward.maths.shape import shape_of
from r1v3.reward.maths.units import parse_unit
from r1v3.reward.text.around import spoils
from r1v3.reward.text.boxes import find_boxes, join_last_boxes, leaves_box_open
from r1v3.reward.text.cut import ends_within_sentence
from r1v3.reward.text.denial import behind_first_retraction, behind_last_retraction
from r1v3.reward.text.extract import (
    PHRASE_TAIL,
    first_sentence,
    last_phrase,
    one_of_several,
    phrased_answers,
    superseding_answers,
)
from r1v3.reward.text.normalize import normalise, squeeze
from r1v3.reward.text.vocabulary import COUNTED, SOMEBODY, asked_for, is_counted, is_plain, words_of

_MATH_SPAN = re.compile(
    r"\$\$(?P<a>[^$]{1,400})\$\$|\\\[(?P<b>.{1,400}?)\\\]|\\\((?P<c>.{1,400}?)\\\)"
    r"|(?<![\\$\w])\$(?P<d>(?:[^$\\]|\\.){1,400}?)\$(?![\d$])",
    re.DOTALL,
)
_NUMBER_SPAN = re.compile(
    r"(?<![A-Za-z\d.,_^])[-+−]?(?:\\?\$|[€£¥])?\s?-?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:[.,]\d+)?"
    r"(?:\s?/\s?\d+(?![\d/])|(?:(?: : |[:∶])\d+(?:\.\d+)?)+)?\s?(?:\\?%|°)?(?!\d)"
)
_PROSE_WORD = re.compile(
    r"(?<![\\A-Za-z\d)])(?:[A-Za-z]{3,}(?![A-Za-z(\d])|(?:is|it|we|he|as|so|of|no|to|be|by|an|on|if)(?=\s))"
    r"|[\u4e00-\u9fff]{2,}",
    re.IGNORECASE,
)
_UNIT_BEHIND = re.compile(
    r"[ ]?(?:%|percent|pct|degrees?\s(?:Celsius|Fahrenheit)|(?:square|cubic)\s[a-z]{2,12}"
    r"|[A-Za-zμΩ°]{1,12}(?:/[A-Za-z]{1,4})?|[\u4e00-\u9fff]{1,6})"
    r"(?:[²³]|\^\{?\d\}?)?(?![A-Za-z])"
)
_FINAL = re.compile(r"\bfinal answer\s*(?:is|=|:)(?:\s*\*\*)?\s*:?\s*", re.IGNORECASE)
_CLOSING = re.compile(
    r"(?:^|\s)(?:I hope|Let me know|Do you (?:want|have)|Please (?:let|note)|Is there anything|Feel free)"
    r"[^\n]*|```.*?```",
    re.DOTALL,
)
_SENTENCES = re.compile(
    r"(?<=[^\d\s.][.!?])\s+|(?<=\d[.!?])\s+(?=[A-Z])|[。！？\n]+"
    r"|\s+(?=(?:Therefore|Thus|Hence|So|Consequently),?\s)"
)
_THUS = re.compile(
    r"^\W*(?:(?:and|but|in general)[\s,]+)*(?:therefore|thus|so|hence|consequently|in conclusion|overall"
    r"|finally|because of this|as a result|因此|所以|故|综上所述|综上|从而|于是|则|答)",
    re.IGNORECASE,
)
_OPENING = re.compile(
    rf"{_THUS.pattern}|^\W*(?:but|and|in general)(?![a-z])[\s,]*|^\W*(?:it|that)['’]s\s+(?=[-\d$\\])",
    re.IGNORECASE,
)
_BOLD = re.compile(r"\*\*\s*([^*\n]{1,40}?)\s*\*\*")
_NUMBER_WORD = (
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred"
    r"|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
    r"(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?)"
)
_VALUES = re.compile(
    rf"{_NUMBER_SPAN.pattern}|(?<![A-Za-z])(?:(?:minus|negative)\s)?{_NUMBER_WORD}(?![A-Za-z-])"
    r"|[零一二两三四五六七八九十百千万]+(?![\u4e00-\u9fff])",
    re.IGNORECASE,
)
# Words that say that a value is the value asked for.
_EQUATES = re.compile(
    r"(?:[=≈:：]|(?<![A-Za-z])(?:is|are|was|were|be|equals?|equal\s+to|has|have|had|gives?|gave|gets?|got|needs?"
    r"|costs?|spends?|spent|pays?|paid|takes?|took|makes?|made|sells?|sold|buys?|bought|earns?|earned|weighs?|measures?"
    r"|contains?|holds?|leaves?|leaving|find|found|obtain|us|(?:total|value|velocity|speed|sum|area|length|perimeter|accuracy)\s+of)"
    r"|为|是|有|等于|得|共|了|需要?|剩下?|出)\s*$",
    re.IGNORECASE,
)
_LEADS_BEHIND = re.compile(
    r"(?:(?<![A-Za-z])(?:only|exactly|about|approximately|around|simply|just|therefore|thus|then|indeed|also|now|likely)"
    r"|大约|约|只|一共|总共|共|恰好)\s*$",
    re.IGNORECASE,
)
# An answer is its value. What it contains, has or needs is something else.
_ANSWER = re.compile(
    r"(?<![A-Za-z])(?:answers?|solution|proof|explanation)(?![A-Za-z])|答案", re.IGNORECASE
)
_IS = re.compile(
    r"(?:(?<![A-Za-z])(?:is|are|was|were|be|equals?|equal\s+to|becomes?|gives?|get|got|us|of)|[=≈:：是为得于])\W*$",
    re.IGNORECASE,
)
_PERCENT_BEHIND = re.compile(r"[\s$}]*\\?%")
_SOMEBODY = re.compile(rf"{SOMEBODY}\b", re.IGNORECASE)
# A verb that leaves open whether the value is correct. Then a name inside a sentence, and the signs of a
# formula that is itself a relation.
_WEIGHED = re.compile(r"(?:could|might|may|can)\s+be\s*$", re.IGNORECASE)
_NAME = re.compile(r"(?<=[a-z,] )(?!(?:Not|No|Never|None)\b)[A-Z][a-z]+(?:'s)?\b")
_RELATES = re.compile(r"[=<>]|\\(?:n?eq?|[lg]eq?(?:slant)?|lt|gt|in|neq)(?![A-Za-z])")
# From these words on, a statement gives its reasons.
_EXPLAINED = re.compile(
    r"[,，;；]?\s*(?:(?<![A-Za-z])(?:because|since|due\s+to|based\s+on|according\s+to)(?![A-Za-z])|因为|由于)"
)
SUPPOSING = re.compile(
    r"\W*(?:(?:we|I)\s+)?(?:if|unless|suppose|supposing|assum(?:e|ing)|let|try|guess|(?:must|have\s+to|need\s+to|want\s+to|should|shall)\s+(?:show|prove|check|verify|find|decide)|要证|求证|如果|若|假如|假设|除非|设|令)(?![a-z])",
    re.IGNORECASE,
)
_BOLD_MARK = re.compile(r"\*\*|`")
_VERB = re.compile(
    r"(?<![A-Za-z\\])(?:is|are|was|were|be|been|has|have|had|do|does|did|can|cannot|will|would|should|must|may|might"
    r"|see|know|think|say|tell|get|find|need|see)(?![A-Za-z])|n['’]t|是|为|有|不|无法"
)


MAX_VALUES = 12  # largest number of values of a statement that are tried, from its end

# `There are 4 years in which 3 ...` counts 4 of something, whatever follows.
_COUNTS = re.compile(r"^\W*there\s+(?:is|are|was|were)\s+", re.IGNORECASE)


@dataclass(frozen=True)
class Concluded:
    """The conclusion of an answer.

    Attributes:
        text: the value as it is written.
        where: box, phrase (`The answer is`), bare (the text is the answer) or sentence (the concluding
            sentence).
        whole: whether the whole statement was read. If not, only the verifier may judge it, never a rule.
    """

    text: str
    where: str
    whole: bool


def concluded(answer_text: str, question: str | None = None) -> Concluded | None:
    """Return the answer to an open question: boxed, phrased, bare, or stated by the last sentence.

    Args:
        answer_text: the text after the thought.
        question: the question; a concluding sentence may repeat its words.
    """
    boxes = find_boxes(answer_text)
    if boxes:
        behind = answer_text[boxes[-1].end :]
        superseded = _corrected(behind)
        content = join_last_boxes(answer_text, boxes)
        spoilt = not superseded and (
            bool(behind_first_retraction(behind))
            or spoils(answer_text, boxes)
            or _says_another(behind, content)
        )
        if _PERCENT_BEHIND.match(behind):
            content += "%"
        return Concluded(superseded or content, "box", not spoilt)
    if leaves_box_open(answer_text):
        return None
    phrase = last_phrase(answer_text, question)
    if phrase is not None:
        retold = behind_last_retraction(answer_text[answer_text.rfind(phrase) + len(phrase) :])
        if retold:
            value = stated(sentences_of(retold)[-1], question)
            return Concluded(value or retold.strip() or phrase, "sentence", value is not None)
        return _said(phrase, "phrase", question)
    text = answer_text.strip()
    if ends_within_sentence(text):
        return None
    if len(text) <= 120 and len(sentences_of(text)) == 1:
        return None if declines(text) else _said(text, "bare", question)
    ending = conclusion(text)
    if not ending or declines(ending):
        return None
    value = stated(ending, question) or _stated_elsewhere(text, ending, question)
    return Concluded(value or ending, "sentence", value is not None)


def _said(text: str, where: str, question: str | None) -> Concluded:
    """Read a short text that is a value or states one. A text that is itself a question answers nothing."""
    asks = text.rstrip(" *").endswith(("?", "？"))
    value = None if asks else stated(text, question)
    is_value = not (asks or _is_sentence(text) or SUPPOSING.match(text))
    return Concluded(value or text, where, value is not None or is_value)


def _stated_elsewhere(text: str, ending: str, question: str | None) -> str | None:
    """Return the value of another sentence if the concluding one states none.

    It is the last sentence, a single one with a bold value, or the first one if it counts what the question
    asks to count.
    """
    sentences = sentences_of(text)
    if declines(sentences[-1]):
        return None
    bold = [
        part
        for part in sentences
        if any(_VALUE.fullmatch(m.group(1)) for m in _BOLD.finditer(part))
    ]
    for sentence in (sentences[-1], *(bold if len(bold) == 1 else ())):
        value = stated(sentence, question) if sentence != ending else None
        if value:
            return value
    counted = bool(question) and bool(asked_for(question) & words_of(sentences[0]))
    if counted and not any(map(_works_on, sentences[1:])):
        return stated(sentences[0], question)
    return None


def _works_on(sentence: str) -> bool:
    """Return whether a later sentence computes with the first one's count, as one with a single number may.

    Several numbers are a list of the counted things.
    """
    return bool(_COMPUTES.search(sentence)) or len(_VALUES.findall(_ONE.sub(" ", sentence))) == 1


_ONE = re.compile(
    r"(?<![A-Za-z])(?:one|一)(?![A-Za-z])", re.IGNORECASE
)  # `one of them` is not a count
_COMPUTES = re.compile(
    r"(?<![A-Za-z])(?:leav(?:e|es|ing)|left|remain(?:s|ing)?|remov\w+|subtract\w*|add(?:s|ed|ing)?|minus|plus|tak\w+\s+away"
    r"|times|divid\w+|multipl\w+|gives|makes|becomes|in\s+total|altogether|so|thus|therefore|hence)(?![A-Za-z])"
    r"|[=+×÷]|减|加|剩|所以|因此|一共",
    re.IGNORECASE,
)


def sentences_of(text: str) -> list[str]:
    """Return the sentences at the end of a passage, without closing courtesies."""
    text = _without_list_numbers(_CLOSING.sub(" ", text[-PHRASE_TAIL:]))
    return [part.strip() for part in _SENTENCES.split(text) if part and part.strip()] or [""]


def _without_list_numbers(text: str) -> str:
    """Return a text without the line numbers of a list, if they run from 1."""
    numbers = list(_LIST_NUMBER.finditer(text))
    if [int(found[1]) for found in numbers] != list(range(1, len(numbers) + 1)):
        return text
    return _LIST_NUMBER.sub("", text) if len(numbers) > 1 else text


_LIST_NUMBER = re.compile(r"^[ \t]*[(（]?(\d{1,2})[.)）、][ \t]*(?=[^\s\d])", re.MULTILINE)


def open_answer(answer_text: str, question: str | None = None) -> str | None:
    """Return the text of a concluded answer if its whole statement was read, else None."""
    found = concluded(answer_text, question)
    return found.text if found and found.whole else None


def _is_sentence(text: str) -> bool:
    """Return whether a text says something about a value, instead of being the value."""
    return bool(_VERB.search(_MATH_SPAN.sub(" ", text)))


def stated(said: str, question: str | None = None) -> str | None:
    """Return the value that a statement names, if all its other words pass; else None.

    `So the area is 12 square cm` states 12 square cm. `The answer is half of 6` states nothing that a rule
    can read.
    """
    said = _EXPLAINED.split(_OPENING.sub("", _BOLD_MARK.sub("", said.strip())), maxsplit=1)[
        0
    ].strip(" :,，：")
    if SUPPOSING.match(said):
        return None
    spans = [span for span in _MATH_SPAN.finditer(said) if _is_formula(span)]
    bare = said
    for span in reversed(spans):
        bare = bare[: span.start()] + "\0" * (span.end() - span.start()) + bare[span.end() :]
    if not _PROSE_WORD.search(bare):
        if len(spans) == 1 and spans[0].group() != said:
            return said[: spans[0].start()] + _inside(spans[0]) + said[spans[0].end() :]
        return said or None
    values = [(m.start(), m.end(), m.group()) for m in _VALUES.finditer(bare)]
    values += [(span.start(), span.end(), _inside(span)) for span in spans]
    counts = bool(_COUNTS.match(bare))
    tried = sorted(values)[:1] if counts else sorted(values, reverse=True)[:MAX_VALUES]
    for start, end, value in tried:
        unit = _unit_behind(said, end)
        front, behind = bare[:start], bare[end + len(unit) :]
        if _passes_behind(behind, unit, question) and _introduces(front, value, behind, question):
            counted = behind.strip(" .。!！,，;；*)）").casefold()
            return f"{value.strip()} {counted}" if not unit and counted in COUNTED else value + unit
    return None


def stated_in_box(content: str, question: str | None) -> str | None:
    """Return the value at the end of a sentence in a box: `面积为12`, `The maximum is 12`."""
    text = normalise(content)
    if shape_of(text).kind == "relation":
        return None
    said = stated(text, question) if len(text) <= 80 and _is_sentence(text) else None
    return said if said and said != text and text.endswith(said.strip()) else None


def _passes_behind(behind: str, unit: str, question: str | None) -> bool:
    words = behind.strip(" .。!！,，;；*)）")
    if not words:
        return True
    if words[0] == "的":  # 6的因数 means a factor of 6
        return False
    if _GOES_ON.search(words) or _TO_ANOTHER.match(words) or _OF_WORKING.search(words):
        return False
    if re.search(r"\d|\0", words) and not question:
        return False
    if _OF_EACH.search(words) and not _OF_EACH.search(question or ""):
        return False
    return is_counted(words, question) or is_plain(words, question)


# `24 dots per row` is not a number of dots, unless the question asks for it.
_OF_EACH = re.compile(r"(?<![A-Za-z])(?:per|each|every|apiece)(?![A-Za-z])", re.IGNORECASE)
# The value is one of two or the start of a range: `13 to 18`, `13 marbles and 18 more`, `13 of 18`.
_NEXT_VALUE = (
    rf"(?:about\s+)?(?:[-\d\0$]|{_NUMBER_WORD}(?![A-Za-z-]))"
    r"(?!\w*\s+(?:decimal|significant|places?|digits?)\b)"
)
_TO_ANOTHER = re.compile(
    rf"(?:(?:.*\s)?(?:to|and|through|until|till)|of|out\s+of|by|from|as|for|per|in|on|at|with)\s+{_NEXT_VALUE}",
    re.IGNORECASE,
)
# `6 steps in my solution` counts parts of the solution itself.
_OF_WORKING = re.compile(
    r"(?<![A-Za-z])(?:in|of|to)\s+(?:my|our|the|this)\s+(?:solution|proof|reasoning|working|explanation|argument"
    r"|page|question|problem|exercise)"
    r"(?![A-Za-z])|(?<![A-Za-z])at\s+first(?![A-Za-z])",
    re.IGNORECASE,
)
# The value is part of a computation.
_GOES_ON = re.compile(
    rf"[/*^+=<>]|(?<![A-Za-z])-|-(?![A-Za-z])|(?<![A-Za-z])times\s+(?:\d|{_NUMBER_WORD})"
)


def _introduces(front: str, value: str, behind: str, question: str | None) -> bool:
    """Return whether the words before a value all pass, and present it as the answer.

    A verb, a relation, or the thing that the question asks to count presents a value as the answer.
    """
    front = _LEADS_BEHIND.sub("", front.rstrip("'\"“‘ ")).rstrip("'\"“‘ ")
    if not front.strip(" ,:"):
        return True
    if not is_plain(_NAME.sub(" ", front), question) or _WEIGHED.search(front):
        return False
    answer = _ANSWER.search(front)
    if answer and (not _IS.search(front) or one_of_several(front[: answer.start()])):
        return False
    if _ANOTHER_BEFORE.match(front, answer.end() if answer else 0):
        return False
    if _SOMEBODY.search(front) and not question:
        return False
    if _EQUATES.search(front) or _RELATES.search(value):
        return True
    counted = re.match(r"\s*([A-Za-z]+)", behind)
    if counted is None or not question:
        return False
    return counted.group(1).casefold() in asked_for(question)


# `The answer is 13 with a total of`: the next value is not the answer.
_ANOTHER_BEFORE = re.compile(
    rf"(?:\s*(?:is|are|was|be|:)\s)?\s*(?:{_VALUES.pattern})"
    r"[A-Za-z ]*?\s(?:with|for|and|from|out|in|by|at|per)\s",
    re.IGNORECASE,
)


def conclusion(text: str) -> str:
    """Return the concluding sentence of a passage: the last with 'therefore' or similar, or the last one."""
    sentences = sentences_of(text)
    for sentence in reversed(sentences):
        if _THUS.match(sentence):
            after_all = declines(sentence) and not declines(sentences[-1])
            return sentences[-1] if after_all else sentence
    return sentences[-1]


_VALUE = re.compile(r"[$€£¥]?-?\d[\d.,]*\s?%?")


def declines(sentence: str) -> bool:
    """Return whether a conclusion says that there is no answer, or none among the options."""
    found = _DECLINES.search(sentence)
    return bool(found) and not re.search(r"\bbut\b|\bhowever\b|但", sentence[found.end() :])


_DECLINES = re.compile(
    r"(?:cannot|can't|can not|could not|unable to|impossible to|not possible to|not able to|difficult to)"
    r"\s+(?:be\s+|to\s+)?(?:\w+ly\s+)?(?:answer|determine|solve|provide|process|help|assist|identif|view"
    r"|tell|say|comply|find|show|evaluate|make)"
    r"|(?:do\s+not|don['’]t)\s+know|不知道"
    r"|(?:not|n't)\s+(?:\w+\s+)?(?:enough|sufficient|any)?\s*information"
    r"|none of the\s+(?:\w+\s+)?(?:options|choices)"
    r"|not\s+(?:\w+\s+)?(?:in|among|one of|an?)\s+(?:\w+\s+)?(?:\w+\s+)?(?:options?|choices?)"
    r"|mistake in the (?:question|problem|options|choices)"
    r"|题目(?:可能)?有误|无正确答案|无法(?:确定|判断|回答)",
    re.IGNORECASE,
)


def _corrected(rest: str) -> str | None:
    """Return the value that replaces the last box, if there is one.

    It follows 'final answer is' after the box, or any answer phrase after words that retract the box.
    """
    found = list(_FINAL.finditer(rest[-PHRASE_TAIL:]))
    finals = [first_sentence(rest[-PHRASE_TAIL:][m.end() :]) for m in found[-1:]]
    values = map(_leading_value, finals + superseding_answers(rest))
    return next((value + unit for value, unit in values if value), None)


def _says_another(behind: str, content: str) -> bool:
    """Return whether an answer phrase after a box gives a value that differs from the box."""
    boxed = squeeze(normalise(content))
    for said, _ in phrased_answers(behind, led=False):
        if other := normalise(_leading_value(said)[0]):
            return squeeze(other) not in boxed and not same_leaf(other, normalise(content))
    return False


def _leading_value(said: str) -> tuple[str, str]:
    """Return the formula or number at the start of a statement and its unit; both "" if there is none."""
    value = _MATH_SPAN.match(said) or _NUMBER_SPAN.match(said)
    if not value:
        return "", ""
    return next(g for g in (*value.groups(), value.group()) if g), _unit_behind(said, value.end())


def _inside(span: re.Match[str]) -> str:
    return next(group for group in span.groups() if group)


def _is_formula(span: re.Match[str]) -> bool:
    """Return whether a span between dollar signs is a formula rather than prose between two prices."""
    inside = re.sub(r"\\[a-z]+\s*\{[^{}]*\}", "", _inside(span))
    return len(re.findall(r"(?<!\\)\b[A-Za-z]{3,}\b", inside)) < 2


def _unit_behind(said: str, at: int) -> str:
    unit = _UNIT_BEHIND.match(said, at)
    return unit.group() if unit and parse_unit(normalise(unit.group())) else ""
