"""Reads the answer of a reply that uses a model's own tags, or that was cut off.

A tagged answer is rewritten as a box, which every rule of `r1v3.reward` reads as a conclusion. The tags are
those of published models: `<answer>` (many), `<|begin_of_box|>` (GLM-4.1V), `<CONCLUSION>` (LLaVA-CoT),
`◁/think▷` (Kimi-VL), `[/THINK]` (Magistral) and similar ones.
"""

import re

from r1v3.evaluate.reply.markup import undressed
from r1v3.reward.text.boxes import find_boxes
from r1v3.reward.text.cut import ends_within_sentence
from r1v3.reward.text.denial import behind_first_retraction
from r1v3.reward.text.extract import final_text, last_phrase

_OPEN_THOUGHT = re.compile(
    r"◁think▷|<(?:seed:think|reason|thinking|thought|reasoning)>|<unused94>(?:thought\s)?"
    r"|<\|(?:begin_of_thought|thought_begin|thinking)\|>|\[THINK\]|<\|channel\|>analysis<\|message\|>",
    re.I,
)
_CLOSED_THOUGHT = re.compile(
    r"◁/think▷|</(?:seed:think|reason|thinking|thought|reasoning)>|<unused95>"
    r"|<\|(?:end_of_thought|thought_end|/thinking)\|>|\[/THINK\]|<\|channel\|>final<\|message\|>",
    re.I,
)
# A box whose backslash is missing, or was read as an escape: `boxed{B}`, or backspace and `oxed{B}`.
_LOST_BACKSLASH = re.compile(r"(?<![\\A-Za-z])boxed\{|\x08oxed\{")
_NAMES = (
    r"(?:(?:(?:final|correct|selected|chosen|best|my)[ _-]?)?"
    r"(?:answer|ans|choice|option|selection)(?:[ _-]?letter)?"
    r"|final|letter|verdict|decision|prediction|conclusion|solution|output|response|result|boxed)"
)
_NAME = rf"(?P<name>{_NAMES})"
_ATTRIBUTES = r"(?:\s[^<>]{0,100})?"
_TAGGED = re.compile(
    rf"<{_NAME}{_ATTRIBUTES}>\s*:?(?P<a>(?:(?!<{_NAMES}{_ATTRIBUTES}>).)*?)</(?P=name)>"
    r"|(?:<\|box(?:_start)?\|>|<box>)(?P<f>\W{0,4}[A-J]\W{0,4})(?:<\|(?:box_end|/box)\|>|</box>)"
    r"|<\|begin_of_(?P<kind>box|solution|answer)\|>(?P<b>(?:(?!<\|begin_of_).)*?)<\|end_of_(?P=kind)\|>"
    r"|<\|answer(?:_start)?\|>(?P<d>(?:(?!<\|answer(?:_start)?\|>).)*?)<\|(?:/answer|answer_end)\|>"
    r"|(?:\A|(?<=\n))\[\[(?P<e>[^\[\]\n]{1,100})\]\](?=\s*\Z)"
    r"|\[(?P<bracket>ANSWER|FINAL ANSWER)\](?P<c>.*?)\[/(?P=bracket)\]",
    re.DOTALL | re.IGNORECASE,
)
# A tag that the model left open at the end of a turn, or a label that looks like a tag (We-Math's).
_LEFT_OPEN = re.compile(
    rf"(?:<{_NAME}{_ATTRIBUTES}>|<\|begin_of_(?:box|answer)\|>|<\|answer\|>|\[answer\](?=\s*:))\s*:?\s*(?P<a>[^\n<]{{1,100}}|<<[^<>\n]{{1,20}}>>)\s*\Z",
    re.IGNORECASE,
)
_AROUND = re.compile(r"\A[\s*<>\"'`]+|[\s*<>\"'`]+\Z")
_LABEL = re.compile(
    r"\A(?:(?:so|therefore|thus|hence),?\s+)?(?:the\s+)?(?:(?:final|correct|right)\s+)?(?:answer|option|choice)"
    r"(?:\s+is|\s*[:：])+\s*",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]{2,}|[\u4e00-\u9fff]")
LONGEST_ANSWER = 200  # most characters of an answer; a longer text is read as an explanation
_SPOKEN = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}(?![A-Za-z{])")
_LETTER_AT_END = re.compile(r"(?<![A-Za-z\\{])[A-J]\W*\Z")
FEWEST_SPOKEN = 4  # fewest words that make an answer a sentence
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？\n]|[.!?]\Z")
_TURNS = re.compile(
    r"\W*(?:wait|but|however|hmm+|no|not|actually|alternatively|although|unless|sorry|oops|let me re"
    r"|但|不过|然而|等等|等一下|不对|不是|其实|实际上|慢着)(?![a-z])",
    re.IGNORECASE,
)


def with_boxes(response: str, *, cut: bool = False) -> str:
    """Rewrite a response so that thought and answer have the tags of `r1v3.reward`.

    Args:
        cut: whether the limit of length cut it off. An answer's tag that is still open is then ignored.
    """
    response = _LOST_BACKSLASH.sub(r"\\boxed{", response)
    if "＜" in response:
        response = response.replace("＜", "<").replace("＞", ">")
    text = _CLOSED_THOUGHT.sub("</think>", _OPEN_THOUGHT.sub("<think>", response))
    behind = text.rfind("</think>") + len("</think>") if "</think>" in text else 0
    answer = undressed(text[behind:])
    found = list(_TAGGED.finditer(answer))
    left_open = None if cut else _LEFT_OPEN.search(answer, found[-1].end() if found else 0)
    last = left_open or (found[-1] if found else None)
    if last is None or _is_listing(found):
        return text[:behind] + answer
    inside = next(
        part for part in last.groupdict().items() if part[0] in "abcdef" and part[1] is not None
    )
    return f"{text[:behind]}\n{_boxed(inside[1])}{answer[last.end() :]}"


def _is_listing(found: list[re.Match[str]]) -> bool:
    """Return whether the tags mark a list of options, side by side, so that none of them is chosen."""
    names = [(tag["name"] or "").casefold() for tag in found]
    listed = {
        tag["a"].strip()
        for name, tag in zip(names, found, strict=True)
        if name in ("option", "choice", "letter")
    }
    return len(listed) > 1 and names[-1] in ("option", "choice", "letter")


def _boxed(inside: str) -> str:
    if find_boxes(inside):
        return inside
    bare = _LABEL.sub("", _AROUND.sub("", inside)).rstrip(" .")
    if not bare or len(bare) > LONGEST_ANSWER or "\n" in bare or _is_prose(bare):
        return inside
    if bare.count("{") != bare.count("}"):
        return inside
    return f"\\boxed{{{bare}}}"


def _is_prose(text: str) -> bool:
    """Return whether a text is a sentence that ends with a letter: `It moves at 4 m/s, so C`."""
    return len(_SPOKEN.findall(text)) >= FEWEST_SPOKEN and bool(_LETTER_AT_END.search(text))


def as_concluded(text: str, *, cut: bool) -> str | None:
    """Return the part of a reply that counts, or None if it was cut off before any conclusion.

    A reply that was cut off counts as a whole if it has a box. Otherwise it counts up to its last whole
    sentence, if that states an answer.

    Args:
        text: a response after `with_boxes`.
        cut: whether the limit of length cut it off.
    """
    if not cut:
        return text
    answer = final_text(text)
    if not answer:
        return None
    if find_boxes(answer):
        return text
    ends = list(_SENTENCE_END.finditer(answer))
    whole = answer[: ends[-1].end()] if ends else ""
    begun = answer[len(whole) :]  # an unfinished sentence, which may take the answer back
    if behind_first_retraction(begun) or _TURNS.match(begun):
        return None
    return whole if last_phrase(whole) else None


def is_broken_off(text: str) -> bool:
    """Return whether a reply that no limit cut off ends in mid-sentence, without a box. A grid of numbers has
    no sentence.
    """
    answer = final_text(text) or ""
    prose = _WORD.search(answer.rstrip().rpartition("\n")[2])
    return bool(prose) and ends_within_sentence(answer) and not find_boxes(answer)
