"""Options that a passage names, leads with, or calls right and wrong, without being letters alone."""

import re

from r1v3.reward.choice.options import Options, checked, option_of_text
from r1v3.reward.text.denial import denied_before, denied_behind
from r1v3.reward.text.extract import leads_up

# Words before a letter that only say that it is the answer.
NOISE = re.compile(
    r"^(?:(?i:(?:so|therefore|thus|hence),?\s+)?(?i:the\s+)?(?i:(?:correct|final|right|best|closest)\s+)?"
    r"(?i:answers?|options?|choices?|letters?|set|image|figure|picture|situation|statements?)"
    r"(?i:\s+(?:is|are)(?![A-Za-z]))?\s*[:：]?\s*(?=[^a-zA-Z]|[A-J](?![a-z]))"
    r"|(?:所以|因此|故|综上|本题|应该?|我)*\s*[,，]?\s*(?:正确(?:的)?(?:答案|选项|说法|结论)?(?:的?是|为)?|(?:最终)?答案(?:应该?)?[是为选]?"
    r"|选项|选择|应?选|选的是)\s*[:：]?\s*(?=[^\u4e00-\u9fff]))"
)


def leading(text: str, options: Options) -> str | None:
    """Read the letter a statement opens with: `(B) because ...`, `C, since ...`, `D. 12 cm`."""
    text = NOISE.sub("", text).strip(" *\"'\x93\x94")
    closing = re.fullmatch(r"(.{2,200}?)\s*\(([A-J])\)\W*", text)
    if closing and option_of_text(closing.group(1), options) == closing.group(2):
        return closing.group(2)
    match = re.match(
        r"[(\[]\s*([A-J])\s*[)\]]|([A-J])(?=\s*[.,:;)]|\s+(?:because|since|as|is|for)|\s*\(|$)"
        r"|([A-J])(?=\s*[\u4e00-\u9fff])|([B-HJ])(?=\s+[a-zA-Z\\])|([A-J])(?=\s+\d)",
        text,
    )
    if not match or denied_behind(text, match.end()) or weighs(text[match.end() :]):
        return None
    rest = text[match.end() : match.end() + 30]
    also = re.match(r"\s*(?:,|and|和|与)\s*[(\[]?([A-J])(?![A-Za-z])", rest)
    if also and denied_behind(rest, also.end()):  # "B, A is wrong", but "A and C are wrong"
        if "," not in also.group():
            return None
        also = None
    letters = next(g for g in match.groups() if g) + (also.group(1) if also else "")
    return checked(letters, options)


_WEIGHS = re.compile(
    r"^\s*\??\s*[,(;]?\s*(?:(?:and|or|but)\s+)?(?:\?|or\b|maybe\b|perhaps\b|possibly\b|probably\s+not|或|可能|也许)",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"\b(?:or|maybe|perhaps|possibly|alternatively)\s+(?:option\s+)?[(\[]?[A-J](?![A-Za-z'])|[或]\s*[(\[]?[A-J](?![A-Za-z])"
)


def weighs(behind: str) -> bool:
    """Whether the words behind a letter leave it open: `B or maybe C`, `A, C (or B)`, `A?`."""
    clause = _GROUNDS.split(behind[:120])[0]
    return bool(_WEIGHS.match(clause) or _OTHER.search(clause))


_GROUNDS = re.compile(r"[.;。；]|\b(?:because|since|as)\b|因为")
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


def named(passage: str, options: Options, question: str | None = None) -> str | None:
    """Return the one letter that a passage names, None for none or several."""
    found = {
        next(g for g in m.groups() if g)
        for m in NAMED.finditer(passage)
        if not (
            denied_before(passage, m.start())
            or denied_behind(passage, m.end(), True)
            or weighs(passage[m.end() :])
            or not leads_up(passage[: m.start()], question)
        )
    }
    return checked(found.pop(), options) if len(found) == 1 else None
