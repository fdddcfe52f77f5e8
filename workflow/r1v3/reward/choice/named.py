"""Options that a passage names, leads with, or calls right and wrong, without being letters alone."""

import re

from r1v3.reward.choice.options import Options, checked
from r1v3.reward.text.denial import denied_before, denied_behind

NOISE = re.compile(
    r"^(?:so\s+|therefore,?\s+|thus,?\s+)?(?:the\s+)?(?:correct\s+|final\s+|right\s+|best\s+|closest\s+)?"
    r"(?:answers?|options?|choices?|选项|答案|选择|故选|应选|选|set|image|figure|picture|situation|statements?)"
    r"\s*(?:is|are|为|是)?\s*[:：]?\s*(?=[^a-z])",
    re.IGNORECASE,
)


def leading(text: str, options: Options) -> str | None:
    """Read the letter a statement opens with: `(B) because ...`, `C, since ...`, `D. 12 cm`."""
    text = NOISE.sub("", text).strip(" *\"'\x93\x94")
    match = re.match(
        r"[(\[]\s*([A-J])\s*[)\]]|([A-J])(?=\s*[.,:;)]|\s+(?:because|since|as|is|for)|\s*\(|$)"
        r"|([A-J])(?=\s*[\u4e00-\u9fff])|([B-HJ])(?=\s+[a-zA-Z\\])|([A-J])(?=\s+\d)",
        text,
    )
    if not match or denied_behind(text, match.end()):
        return None
    rest = text[match.end() : match.end() + 30]
    also = re.match(r"\s*(?:,|and|or|和|与)\s*[(\[]?([A-J])(?![A-Za-z])", rest)
    if also and denied_behind(rest, also.end()):  # "B, A is wrong", but "A and C are wrong"
        if "," not in also.group():
            return None
        also = None
    letters = next(g for g in match.groups() if g) + (also.group(1) if also else "")
    return checked(letters, options)


_JUDGED = re.compile(
    r"(?<![A-Za-z])\(?([A-J])\)?\s*(?:选?项|说法)?(?:\s+is\s+|\s*是?)"
    r"(?:(正确|对|成立|correct\b|true\b|right\b)|不(?:正确|对|成立)|错误?|not\s|(?:in)?correct\b|wrong\b|false\b)"
)


def judged(text: str, options: Options, several: bool) -> str | None:
    """Read a text that calls each of several options right or wrong: `A正确，B错误，C正确`."""
    found = {match.group(1): bool(match.group(2)) for match in _JUDGED.finditer(text)}
    right = [letter for letter, is_right in found.items() if is_right]
    if len(found) < 2 or not right or (len(right) > 1 and not several):
        return None
    return checked("".join(right), options)


NAMED = re.compile(
    r"\(([A-J])\)|\*\*\s*\(?([A-J])\s*[*.:)]|(?:选项|选择|选|答案)\s*[(\"'*]*\s*([A-J])(?![A-Za-z])"
    r"|\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ss]et|[Ii]mage|[Ff]igure|[Pp]icture|[Pp]iece|[Bb]ox|[Bb]all"
    r"|[Ss]ituation|[Ss]cenario|[Dd]iagram|[Ss]hape|[Pp]attern|[Pp]oint|[Ll]etter|[Ss]elect)s?\s+[(\"'*]*([A-J])\b(?!')"
    r"|\b(?:[Cc]hoose|[Pp]ick|[Cc]hose|[Pp]icked|(?:[Gg]o|[Gg]oing|[Ww]ent|[Oo]pt)\s+(?:with|for))\s+[(\"'*]*([A-J])\b(?!')"
    r"|\b(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),?\s+([A-J])(?=\s*\.?\s*$)"
    r"|(?<![A-Za-z])([B-HJ])\s+\((?=[A-Za-z0-9])"
    r"|(?<![A-Za-z\-])([A-J])\s+(?:is|was|would be)\s+(?:the\s+)?(?:correct|right|best|answer|valid|true)"
    r"|(?:\b(?:is|be|by|are)|\b[Ii]t['’]s)\s+[\"'*]*([A-J])[\"'*]*(?=\s*[.;]|,(?!\s*[A-J]\b)|\s*$|\s+because)|(?:^|\n)\s*([A-J])[.):](?![0-9A-Za-z])"
)


def named(passage: str, options: Options) -> str | None:
    """Return the one letter that a passage names, None for none or several."""
    found = {
        next(g for g in m.groups() if g)
        for m in NAMED.finditer(passage)
        if not (denied_before(passage, m.start()) or denied_behind(passage, m.end(), True))
    }
    return checked(found.pop(), options) if len(found) == 1 else None
