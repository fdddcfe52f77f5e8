"""Reads a concluding sentence that says which option fits: `the triangle, which matches C`, `对应选项C`.

Only the last sentence is read. It must name exactly one option, and no word in it may deny or weigh.
"""

import re

from r1v3.reward.choice.options import Options, checked
from r1v3.reward.text.normalize import normalise
from r1v3.reward.text.vocabulary import SOMEBODY, denies_or_computes

_NAME = r"(?:(?:the\s+)?(?:option|choice|answer|figure|image|picture|diagram|shape|pattern)\s+)?"
_LETTER = r"[(\[\"'“‘*]*(?P<letter>[A-J])[)\]\"'”’*]*"
_CHINESE_LETTER = r"[(（\[【\"'“‘*]*(?P<letter>[A-J])[)）\]】\"'”’*]*\s*(?:选?项|图)?"
# `..., which matches option C.`
_ENDS_WITH = re.compile(
    r"(?<![A-Za-z])(?:match(?:es|ing)?|correspond(?:s|ing)?\s+(?:exactly\s+|directly\s+)?(?:to|with)"
    r"|consistent\s+with|agree(?:s|ing)?\s+with|align(?:s|ing)?\s+with|identical\s+(?:to|with)"
    r"|(?:is|are)\s+(?:the\s+same\s+as|equivalent\s+to)|(?:shown|given|depicted|represented|illustrated|displayed)\s+(?:in|by|as)"
    r"|leav(?:es|ing)(?:\s+(?:us|only))?(?:\s+with)?(?:\s+only)?|points?\s+to|leads?\s+(?:us\s+)?to"
    rf"|(?:I|we)(?:['’]d|\s+would)?\s+(?:say|go\s+(?:with|for)))\s+(?:exactly\s+)?{_NAME}{_LETTER}\W*\Z"
)
# `Option C fits the pattern.`, `Only C satisfies both.`, `C is the one that continues the pattern.`
_BEGINS_WITH = re.compile(
    r"(?:\A|,\s*|(?<![A-Za-z])(?:so|thus|hence|therefore|only|that)\s+)(?:only\s+)?(?:the\s+)?"
    rf"(?:(?:[Oo]ption|[Cc]hoice|[Ff]igure|[Ii]mage|[Pp]icture|[Dd]iagram|[Ss]hape|[Pp]attern)\s+)?{_LETTER}\s+"
    r"(?:(?:best|perfectly|exactly|correctly|clearly|alone)\s+)?"
    r"(?:match(?:es)?|fits?|satisf(?:y|ies)|continues|completes|follows|works|meets|complies|corresponds"
    r"|is\s+the\s+(?:only\s+)?(?:one|option|choice|figure|image|piece|answer)(?:\s+(?:that|which))?)(?![A-Za-z])",
    re.IGNORECASE,
)
_CHINESE = (
    re.compile(
        rf"(?:对应(?:的是|于|着)?|符合(?:的是|条件的是|题意的是)|匹配(?:的是)?|应?填入?|应为|应是|就是|所以是|因此是|即为?)"
        rf"\s*(?:选项|图)?\s*{_CHINESE_LETTER}\W*\Z"
    ),
    re.compile(
        rf"与\s*(?:选项|图)?\s*{_CHINESE_LETTER}\s*(?:完全)?(?:相符|一致|符合|吻合|匹配|对应|相同)\W*\Z"
    ),
    re.compile(
        rf"(?:只有|仅有?)\s*(?:选项|图)?\s*{_CHINESE_LETTER}\s*(?:完全)?(?:符合|满足|正确|成立|匹配|可以|对)"
    ),
)
_OPTIONS = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z'’])")
_ARTICLE = re.compile(
    r"(?<![A-Za-z])A(?=\s+[a-z])"
)  # `A triangle, which ...` at the start of a sentence
# Words that make a fit partial, tentative, or someone else's opinion.
_WEIGHED = re.compile(
    r"(?<![A-Za-z])(?:first|initially|seem\w*|appears?|appeared|looks?|might|may|could|would(?!\s+(?:say|go|be))|partly"
    r"|partially|some|somewhat|almost|nearly|closely|roughly|part|piece\s+of|half|then|suppose|check|let|does|do"
    r"|than|whether|guess|another|other|asks?|asked|question|exclud\w+|eliminat\w+|rul\w+\s+out)(?![A-Za-z])|[?？]|如果|若|可能|也许|部分|似乎|看起来|好像|首先|吗|呢|排除|问题"
    rf"|{SOMEBODY}",
    re.IGNORECASE,
)


def matched(ending: str, options: Options) -> str | None:
    """Return the letter of the option that a concluding sentence says fits, or None.

    Args:
        ending: the last sentence of an answer.
    """
    text = normalise(ending)
    begins = _ARTICLE.sub("", text, count=1) if text.startswith("A ") else text
    if len(set(_OPTIONS.findall(begins))) != 1 or _WEIGHED.search(text) or denies_or_computes(text):
        return None
    for form in (_ENDS_WITH, *_CHINESE, _BEGINS_WITH):
        found = form.search(text)
        if found and found["letter"].isupper():
            return checked(found["letter"], options)
    return None
