"""Words that deny an answer (`not B`, `B is wrong`, `不选B`) or retract it (`Wait, that is wrong.`)."""

import re

# Denied answers: an option, a number or a formula. "not enough information" is itself an answer.
_DENIED_SAID = re.compile(
    r"(?:n['’]t|not|never)\s+(?:equal\s+to\s+|option\s+)?(?=\(?[A-J](?![A-Za-z])|[-−$\\\d.(√π*])"
)
_INSTEAD = re.compile(
    r"\b(?:but|rather)\s+(?:rather\s+|instead\s+|is\s+)?(?=\S)|而(?:应该?)?是|(?<=[,，])应?(?:该?[是为]|选)"
    r"|[,;.]\s*it(?:['’]s|\s+is)\s+(?=\S)"
)
_NOT_ANOTHER = re.compile(r"(?<=[\dA-J$)}]),\s*(?:and\s+)?not\s+[^\s,]{1,20}\Z")  # `6, not 7`
_DENIED_BEFORE = re.compile(
    r"(?:\b(?:not|nor|neither|cannot|than|instead of|unlike)\b|n['’]t\b|不是|并非|排除)[^.;。]*$"
    r"|不(?:能|应该?|该|可|要|会)?\s*选?$"
)
_DENIED_BEHIND = re.compile(
    r"""[)\]"'*]*\s*(?:
      (?:(?:is|was|are|were|seems?|looks?|must\s+be|would\s+be|can\s+be)\s+
         (?:(?:also|both|all|clearly|definitely|certainly|obviously|therefore|thus|simply)\s+)*
       |(?:is|was|are|were)(?=n['’]t))
      (?:wrong|incorrect|false|invalid|impossible|eliminated|excluded|ruled\s+out|out\b|mistaken
        |(?:not|n['’]t)\b(?!\s+only))
    | (?:clearly\s+|also\s+)?(?:fails?\b|failed\b|contradicts\b|violates\b|(?:does|do|did)(?:\s+not|n['’]t)\b)
    | (?:cannot|can['’]t|could\s*n['’]t|can\s+not)\s+(?:both\s+|all\s+)?be\b
    | (?:选?项|说法|答案)?\s*(?:[也都]?是?)?\s*(?:
        不(?:正确|对|是(?:正确|答案|最)|成立|符合|合题意|合适|选|满足)|错误?|有误|应?排除|被排除|并非)
    )""",
    re.VERBOSE,
)
_RETRACTS = re.compile(
    r"""\b(?:wait|hold\s+on|oops|sorry|correction|scratch\s+that|on\s+second\s+thought)\b
    | \b(?:that|this|it|which)(?:\s+is|\s+was|['’]s)\s+(?:wrong|incorrect|not\s+(?:right|correct))\b
    | \bI\s+(?:made|have\s+made|was|am)\s+(?:an?\s+)?(?:\w+\s+)?(?:mistaken?|error|wrong)\b
    | \bno,\s | \bactually,?\s+(?=it\b|the\b|\$|\d|\(?[A-J]\b)
    | \blet\s+me\s+(?:correct|redo|reconsider)\b
    | 不对|错了|等等|等一下|更正|纠正|重新(?:计算|检查|考虑|审题)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LISTED = re.compile(
    r"[)\]\"'*]*(?:\s*[,、]\s*\(?[A-J]\)?)*(?:\s*,?\s*(?:and|or|和|与|、)\s*\(?[A-J](?![A-Za-z]))"
)
_CUES = (
    "wait", "hold on", "oops", "sorry", "correction", "incorrect", "not correct", "not right", "wrong",
    "scratch that", "second thought", "mistake", "error", "let me correct", "let me redo",
    "let me reconsider", "no,", "actually", "不对", "错了", "等等", "等一下", "更正", "纠正", "重新",
)  # fmt: skip


def denied_before(text: str, at: int) -> bool:
    """Return whether the words before a position deny the text there: `it is not B`."""
    return bool(_DENIED_BEFORE.search(text[max(0, at - 40) : at]))


def denied_behind(text: str, at: int, listed: bool = False) -> bool:
    """Return whether the words after a position deny the text before it: `B is wrong`, `B不正确`.

    Args:
        listed: whether that text may begin a list that is denied as a whole: `options B and C are wrong`.
    """
    more = _LISTED.match(text, at) if listed else None
    at = more.end() if more else at
    return bool(_DENIED_BEHIND.match(text[at : at + 60]))


def affirmed(said: str, denied: bool) -> str:
    """Return what a phrase states: the phrase, the replacement in `not 5 but 6`, or nothing (`not 5`).

    Args:
        denied: whether the words before the phrase already deny it, as in `答案不是`.
    """
    if not denied and not _DENIED_SAID.match(said):
        return _NOT_ANOTHER.sub("", said)
    instead = _INSTEAD.search(said)
    return said[instead.end() :].strip() if instead else ""


def _has_cue(text: str) -> bool:
    """Return whether a text may contain a retraction. A search for plain words is much cheaper."""
    folded = text.casefold()
    return len(text) > 1 and any(cue in folded for cue in _CUES)


def behind_first_retraction(text: str) -> str:
    """Return the text after the first words that retract an earlier answer; "" without such words."""
    if denied_behind(text, 0):
        return text
    found = _RETRACTS.search(text) if _has_cue(text) else None
    return text[found.end() :] if found else ""


def behind_last_retraction(text: str) -> str:
    """Return the text after the last words that retract an answer; "" without such words."""
    found = list(_RETRACTS.finditer(text)) if _has_cue(text) else []
    return text[found[-1].end() :] if found else ""
