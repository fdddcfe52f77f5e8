"""Reads options that a passage names, starts with, or calls right or wrong."""

import re

from r1v3.reward.choice.options import Options, checked, option_of_text
from r1v3.reward.text.denial import denied_before, denied_behind
from r1v3.reward.text.extract import leads_up
from r1v3.reward.text.normalize import normalise, squeeze
from r1v3.reward.text.vocabulary import SOMEBODY, denies_or_computes

# Words before a letter that only announce an answer.
NOISE = re.compile(
    r"^(?:(?i:(?:so|therefore|thus|hence),?\s+)?(?i:the\s+)?(?i:(?:correct|final|right|best|closest)\s+)?"
    r"(?i:answers?|options?|choices?|letters?|set|image|figure|picture|situation|statements?)"
    r"(?i:\s+(?:is|are)(?![A-Za-z]))?\s*[:：]?\s*(?=[^a-zA-Z]|[A-J](?![a-z]))"
    r"|(?i:(?:so\s+)?(?:(?:(?:I|we)\s+(?:would\s+)?)?(?:choose|pick|select)|it\s+is))\s+(?i:option\s+|choice\s+|letter\s+)?(?=[(\[]?[A-J](?![A-Za-z]))|【\s*答案\s*】|只有(?=[A-J])"
    r"|(?:所以|因此|故|综上|本题|应该?|该|我)*\s*[,，]?\s*(?:正确(?:的)?(?:答案|选项|说法|结论)?(?:的?是|的?有|为)?|(?:最终)?答案(?:应该?)?[是为选]?"
    r"|选项|选择|应?选|选的是)\s*[:：]?\s*(?=[^\u4e00-\u9fff]))"
)


def leading(text: str, options: Options) -> str | None:
    """Read the letter at the start of a statement: `(B) because ...`, `C, since ...`, `D. 12 cm`."""
    text = NOISE.sub("", text).strip(" *\"'\x93\x94")
    closing = re.fullmatch(r"(.{2,200}?)\s*\(([A-J])\)\W*", text)
    if closing and option_of_text(closing.group(1), options) == closing.group(2):
        return closing.group(2)
    match = _LEADING.match(text)
    if not match or denied_behind(text, match.end()) or weighs(text[match.end() :]):
        return None
    aside = _ASIDE.match(text, match.end())
    if (
        aside
        and (denies_or_computes(aside.group(1)) or _SET_ASIDE.search(aside.group(1)))
        and not _fits(aside.group(1), match.group(0)[:1], options)
    ):
        return None
    if match.group("loose") and not _fits(text[match.end() :], match.group("loose"), options):
        return None
    rest = text[match.end() : match.end() + 30]
    also = re.match(r"\s*(?:,|and|和|与)\s*[(\[]?([A-J])(?![A-Za-z])", rest)
    if also and denied_behind(rest, also.end()):  # `B, A is wrong`, but `A and C are wrong`
        if "," not in also.group():
            return None
        also = None
    if also and (_GOES_ON.match(rest, also.end()) or not _ENDS_THERE.match(rest[also.end() :])):
        return None
    if _PREDICATE.match(text, match.end()) and not _RIGHT.match(text, match.end()):
        return None
    letters = next(g for g in match.groups() if g) + (also.group(1) if also else "")
    return checked(letters, options)


_LEADING = re.compile(
    r"[(\[]\s*([A-J])\s*[)\]]|([A-J])(?=\s*[.,:;)]|\s+(?:because|since|as|for)\b|\s*\(|$)"
    r"|(?P<loose>[A-J])(?=\s*[\u4e00-\u9fff]|\s+[a-zA-Z\\\d])"
)
_GOES_ON = re.compile(r"\s*(?:,|;|、|and|和|与|or|或)\s*[(\[]?[A-J](?![A-Za-z])")
_PREDICATE = re.compile(
    r"\s*(?:is|are|was|seems|looks|appears|contradicts|conflicts|disagrees)(?![A-Za-z])"
)
_ASIDE = re.compile(r"\s*[)\].:]?\s*\(([^()]{1,60})\)")  # `B (wrong)`
_SET_ASIDE = re.compile(
    r"(?<![A-Za-z])(?:eliminat|exclud|ruled|reject|discard|trap|distract|doubt|uncertain|unclear|invalid|mistak|impossible"
    r"|fail|contradict)|排除|存疑|陷阱|干扰",
    re.IGNORECASE,
)
_RIGHT = re.compile(
    r"\s*(?:is|are|was|would\s+be)\s+(?:therefore\s+|thus\s+)?(?:the\s+)?(?:only\s+)?(?:correct|right|best|true|answer)"
    r"|\s*选?项?\s*(?:是|为)?(?:正确|对|成立|符合)"
)

_VALUE_BEHIND = re.compile(r"\s+[$€]?\d[\d.,$% ]*(?:[A-Za-z]{1,10}\s*)?(?:[.,;]|$)")  # `A 30,430.`


def _fits(rest: str, letter: str, options: Options) -> bool:
    """Return whether the words after a letter are the text of its option, or say that it is right."""
    if _RIGHT.match(rest) or _VALUE_BEHIND.match(rest):
        return True
    place = "ABCDEFGHIJ".index(letter)
    if not options or place >= len(options):
        return False
    own, said = (squeeze(normalise(text)).strip("().") for text in (options[place], rest))
    return bool(own) and (said.startswith(own) or (len(said) > 3 and own.startswith(said)))


_WEIGHS = re.compile(
    r"^\s*(?:\.{2,}|…)|^\s*\??\s*[,(;]?\s*(?:(?:and|or|but)\s+)?(?:but\b|though\b|however\b|yet\b|no\b|not\b(?!\s+[A-J]\b)|then\b|if\b|unless\b|但|如果|若|\?|or\b|hmm+\b|maybe\b|perhaps\b|possibly\b|probably\s+not|或|可能|也许)",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"\b(?:would|could|might)\b.*\b(?:if|unless)\b|\b(?:or|maybe|perhaps|possibly|alternatively)\s+(?:option\s+)?[(\[]?[A-J](?![A-Za-z'])|[或]\s*[(\[]?[A-J](?![A-Za-z])"
)

_TWO_VALUES = re.compile(r"\A\W*\d[\d.,]*\s*(?:or|或)\s*\d")


def weighs(behind: str) -> bool:
    """Return whether the words after a letter leave it open: `B or maybe C`, `A, C (or B)`, `A?`."""
    clause = _GROUNDS.split(behind[:120])[0]
    return bool(_WEIGHS.match(clause) or _OTHER.search(clause) or _TWO_VALUES.search(clause))


_GROUNDS = re.compile(r"(?<!\.)\.(?!\.)|[;。；]|\b(?:because|since|as)\b|因为")
_JUDGED = re.compile(
    r"(?<![A-Za-z])\(?([A-J])\)?\s*(?:选?项|说法)?(?:\s+is\s+|\s*[:：=]\s*|\s*是?)"
    r"(?:(正确|对|成立|correct\b|true\b|right\b|yes\b|[✓✔√✅])"
    r"|不(?:正确|对|成立)|错误?|not\s|(?:in)?correct\b|wrong\b|false\b|no\b|[✗✘×❌])"
)


def options_judged(text: str, options: Options, several: bool) -> str | None:
    """Read a text that calls several options right or wrong: `A正确，B错误，C正确`."""
    found = {match.group(1): bool(match.group(2)) for match in _JUDGED.finditer(text)}
    right = [letter for letter, is_right in found.items() if is_right]
    if len(found) < 2 or not right or (len(right) > 1 and not several):
        return None
    return checked("".join(right), options)


NAMED = re.compile(
    r"\(([A-J])\)|\*\*\s*\(?([A-J])\s*[*.:)]|(?:选项|选择|选|答案)\s*[(\"'*]*\s*([A-J])(?![A-Za-z])"
    r"|\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ss]et|[Ii]mage|[Ff]igure|[Pp]icture|[Pp]iece|[Bb]ox|[Bb]all"
    r"|[Ss]ituation|[Ss]cenario|[Dd]iagram|[Ss]hape|[Pp]attern|[Pp]oint|[Ll]etter|[Ss]elect)s?\s+[(\"'*]*([A-J])\b(?!')"
    r"|\b(?:[Cc]hoose|[Pp]ick|[Cc]hose|[Pp]icked|(?:[Gg]o|[Gg]oing|[Ww]ent|[Oo]pt)\s+(?:with|for))\s+(?:[Oo]ption\s+)?[(\"'*]*([A-J])\b(?!')"
    r"|\b(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),?\s+([A-J])(?=\s*\.?\s*$)"
    r"|(?<![A-Za-z])([B-HJ])\s+\((?=[A-Za-z0-9])"
    r"|(?<![A-Za-z\-])([A-J])\s+(?:is|was|would be)\s+(?:the\s+)?(?:correct|right|best|answer|valid|true)"
    r"|(?:\b(?:is|be|by|are)|\b[Ii]t['’]s)\s+[\"'*]*([A-J])[\"'*]*(?=\s*[.;]|,(?!\s*[A-J]\b)|\s*$|\s+because)|(?:^|\n)\s*([A-J])[.):](?![0-9A-Za-z])"
)


# A letter is chosen if its statement ends after it, gives reasons, or calls it right.
_ENDS_THERE = re.compile(
    r"[)\]\"'*\s]*(?:$|[.,;:!?\n。，；(（-]|(?:because|since|as|for|based|due|in|from|among)\b|[\d$]"
    rf"|{_RIGHT.pattern})",
    re.IGNORECASE,
)

MAX_NAMED = 60  # a passage that names more options than this discusses them and chooses none
_MAY = re.compile(r"(?:could|might|may|can)\s*$", re.IGNORECASE)

_SOMEBODY = re.compile(rf"{SOMEBODY}\s*\Z", re.IGNORECASE)
# `In figure B, we see a cat`.
_SEEN = re.compile(r"(?:\A\W*in|\bsee)\s+(?:the\s+)?\Z", re.IGNORECASE)


def named(passage: str, options: Options, question: str | None = None) -> str | None:
    """Return the letter that a passage names; None if it names no letter or several."""
    found: set[str] = set()
    for count, match in enumerate(NAMED.finditer(passage)):
        if count == MAX_NAMED:
            return None
        place = next(index for index, letter in enumerate(match.groups(), start=1) if letter)
        letter, rest = match.group(place), passage[match.end(place) :][:400]
        before = passage[max(0, match.start() - 600) : match.start()]
        if (
            denied_before(before, len(before))
            or denied_behind(passage, match.end(), True)
            or weighs(rest)
            or _MAY.search(before[-12:])
            or _SEEN.search(before)
            or _SOMEBODY.search(before[-40:])
            or not leads_up(before, question)
        ):
            continue
        said = rest.lstrip(")]\"'* ")
        if _ENDS_THERE.match(rest) or said[:1] == letter or _fits(said, letter, options):
            found.add(letter)
        if len(found) > 1:
            return None
    return checked(found.pop(), options) if found else None
