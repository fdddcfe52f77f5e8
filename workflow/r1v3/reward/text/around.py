r"""Reads the text around a box: words or signs that turn its content into another answer, or into none.

`half of \boxed{6}`, `-\boxed{6}`, `\boxed{6}^2`, `the wrong answer is \boxed{6}` and `\boxed{6}?` do not
answer 6. No rule reads such a box; the verifier gets the whole answer.
"""

import re
from collections.abc import Sequence

from r1v3.reward.text.boxes import Box
from r1v3.reward.text.denial import denied_behind
from r1v3.reward.text.vocabulary import denies_or_computes

# Signs of the same formula, directly before or after the box. A bullet or a dash is not a minus.
_SIGN_BEFORE = re.compile(
    r"(?P<sign>[-+/^−±×÷√]|\\(?:cdot|times|div|pm|mp|sqrt|sin|cos|tan|log|ln|not|neg)"
    r"|\\[dt]?frac\s*(?:\{[^{}]*\})?)(?P<blank>[\s{(]*)\Z"
)
_SIGN_BEHIND = re.compile(
    r"[\s}]*(?:[-+/^_][\s{(]*(?:[\d\\({]|[A-Za-z](?![A-Za-z]))|\\(?:cdot|times|div|pm|mp)(?![a-z])|!\s*\$|=\s*-?[\d\\])"
)
_DEGREE = re.compile(r"\s*\}*\s*\^\s*\{?\s*\\?(?:circ|degree)")
_DRESS = re.compile(r"(?:[\s$*\"'“”‘(]|\\[(\[]|\\(?:displaystyle|text|quad|left)(?![a-z]))+\Z")
_WORD_BEFORE = re.compile(
    r"(?:(?<![A-Za-z])(?:half|twice|double|triple|thrice|minus|negative|plus|less|more|fewer|greater|larger|smaller"
    r"|not|never|neither|nor|except|excluding|without|unlike|ignore|avoid|reject|eliminate|maybe|perhaps|possibly"
    r"|probably\s+not|anything\s+but|all\s+but|(?:could|might|may|can)\s+be|at\s+least|at\s+most"
    r"|(?:multiples?|square|cube|square\s+root|reciprocal|opposite|inverse|power)(?=\s+of\b|\s*\Z)"
    r"|not\s+sure|unsure|(?:is|was)\s+it"
    r"|(?:do|does|did|would|should|could)(?:n['’]t|\s+not)\s+\w+|wrote|tried|try|some\s+\w+)"
    r"(?:\s+(?:of|than|equal|to|the|is|be|an?|option|answer|,))*|n['’]t"
    r"|不(?:是|等于|选|能|可能|会|到|该|应|为|要|可)*|非|没有|并非|排除|除了?|除去|(?:可能|也许|或许|大概|错误)(?:答案|的)?(?:是|为|选)?"
    r"|小于|大于|超过|少于|多于|至少|最多|负|一半|如果|假如|若)\Z",
    re.IGNORECASE,
)
_WORD_BEHIND = re.compile(
    r"\s*(?:squared|cubed|doubled|halved|factorial|percent\s+of"
    r"|(?:times|minus|plus|over|mod|less)(?=\s*[$\\(\d])|too\s+"
    r"|or\s+(?:so|more|less)|的(?:平方|立方|一半|倍数|相反数|倒数|约数|因数)|以上|以下|以内|以外|不对|分之)"
    r"(?![A-Za-z])",
    re.IGNORECASE,
)
_ASKED = re.compile(r"[\s$*)}\"'”’.]*[?？]")
_PHRASE = re.compile(
    r"(?:answers?|choice|option|solution|result|答案|选项|结果)\s*(?:应该|应当|应)?\s*(?:is|are|was|be|是|为|选)?\s*[:：=]?\Z",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[,;:.!?\n，；：。！？]|\b(?:since|because|so|thus|therefore|hence)\b", re.IGNORECASE
)
_DOUBTS = re.compile(
    r"(?<![A-Za-z])(?:doubt|nobody|wrong|incorrect|false|unlikely|least|worst|if|suppose|unless|is|isn['’]t"
    r"|first|previous|old|another|other|one|two|some)(?![A-Za-z])|错误|如果|假如|若",
    re.IGNORECASE,
)


def spoils(text: str, boxes: Sequence[Box]) -> bool:
    """Return whether the words or signs next to the last box change or deny its content."""
    before = text[max(0, boxes[-1].start - 120) : boxes[-1].start]
    behind = text[boxes[-1].end :][:120]
    bare = behind.lstrip(" $*)}")
    content = boxes[-1].content
    asked = _ASKED.match(behind) or (len(content) <= 40 and content.endswith(("?", "？")))
    if asked or denied_behind(bare, 0) or _WORD_BEHIND.match(bare):
        return True
    if _SIGN_BEHIND.match(behind) and not _DEGREE.match(behind):
        return True
    led = _DRESS.sub("", before)
    if _computes(before) or _WORD_BEFORE.search(led):
        return True
    clause = _CLAUSE.split(led.rstrip(":："))[-1] + led[len(led.rstrip(":：")) :]
    phrase = _PHRASE.search(clause)
    said = clause[: phrase.start()] if phrase else ""
    return denies_or_computes(said) or bool(_DOUBTS.search(said))


def _computes(before: str) -> bool:
    """Return whether a sign of the same formula stands directly before a box."""
    line = before.split("\n")[-1]
    found = _SIGN_BEFORE.search(line)
    if not found:
        return False
    if found.group("sign") not in "-+−":
        return True
    inside = line.count("$") % 2 == 1 or any(line.rfind(a) > line.rfind(b) for a, b in _OPENED)
    return inside or not found.group("blank")


_OPENED = ((r"\[", r"\]"), (r"\(", r"\)"))
