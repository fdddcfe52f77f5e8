"""Detects text that was cut off. Of a text that ends within a sentence only earlier conclusions count."""

import re

# Words that cannot end a sentence, and signs that need something after them.
_DANGLING = re.compile(
    r"(?:(?<![A-Za-z])(?:a|an|the|of|to|and|or|but|so|thus|then|than|that|which|because|since|with|for|from|by|in|on"
    r"|at|as|if|is|are|was|were|be|has|have|had|we|it|its|their|this|weighs?|costs?|equals?|gets?|gives?|therefore"
    r"|(?:must|should|will|can|have\s+to|need\s+to)\s+(?:now|then|next)|hence|into|per|not|will|would|can|must|should|let|where|when|while|between|subtract|add|multiply|divide|times|minus|plus)"
    r"|的|和|与|或|(?<![:：“\"*])(?:是|有|(?<!不)对)|为|因为|所以|因此|故|则|得|由|且|在|把|将|从|即|而|但|但是|如果|当|由于|其中|那么|接下来|然后|我们|再|可得|可知|得知|可见|等于|得到|求|减去|加上|乘以|除以|代入|[-+=<>*/^_,，、;；(（\[{&≤≥≈×÷])\s*\Z"
)
# A clause that names its subject but says nothing about it: `x = 5, so the area`.
_WITHOUT_VERB = re.compile(
    r"(?:[,;]\s*(?:so|therefore|thus|hence|then|and|but|which\s+makes)\s+|;\s*)(?:the|its|their|this|that)"
    r"(?:\s+(?!is\b|are\b|was\b|were\b|has\b|have\b|equals?\b|gives?\b)[a-z]+){1,4}\s*\Z"
    r"|[\d$}]\s+and\s+(?:the|its|their|each)(?:\s+(?!is\b|are\b|was\b|were\b|has\b|have\b)[a-z]+){1,3}\s*\Z"
    r"|[,;]\s*(?:so|thus|then|hence|therefore)\s+(?:angle|side|edge|triangle|line|segment)\s+[A-Z]{1,3}\s*\Z"
    r"|(?:[,，;；]\s*(?:所以|因此|于是|那么|则|故)|\d[^,，;；]{0,8}[,，;；]\s*)(?:另|其|它|该|这|那|两|的|一|外|个|条)*"
    r"(?:边长?|高|底边?|斜边|直角边|腰|角|[棱弦]长|长|宽|半径|直径|周长|[表侧]?面积|体积|速度|时间|距离|总数|概率)\s*\Z"
    r"|[,，;；]\s*(?:从而|所以|因此|于是|则|故|而|且)\s*(?:[a-z]|每|两)\s*\Z"
    r"|[,;]\s*then\s+[a-z]+\s*\Z|[,，;；]\s*(?:其中|剩下|另外)的?[\u4e00-\u9fff]{1,6}\s*\Z"
    r"|[,，;；]\s*(?:所以|因此|于是|那么|再|还|然后|接着|下面|我们|需要?|只要|继续|就)+(?:我们|要|计算|求出?|看看?|比较|考虑|讨论"
    r"|验证|代入)*\s*\Z"
    r"|=.*\s(?:and|so|but)\s+(?:(?:thus|so|hence|then|therefore)\s+)?\$?[a-z]\$?\s*\Z"
)
_ENDED = re.compile(r"[.!?。！？．…:：)）\]】}\"'”’`*|$~✓✅>]\s*\Z")
_SENTENCE_BEFORE = re.compile(r"[A-Za-z\d)$][.!?]\s+(?=[A-Z$\\\d(])|[。！？]")
# A formula that was opened and never closed. `$5` is a price.
_OPEN_FORMULA = re.compile(r"\$(?=[^$]*[\\\\={^])[^$]*\Z")
_END_MARKS = re.compile(r"(?:\s*<(?:eo[aet]|\|[a-z_]{1,24}\|[a-z]*)>\s*[a-z]*)+\Z")
SEARCHED = 2_000
MARKED = 60  # number of characters at the end in which the end marks must begin


def ends_within_sentence(text: str) -> bool:
    """Return whether an answer breaks off within a sentence, as it does at its length limit.

    The last line breaks off in two cases. It ends with a word or sign that needs something after it. Or an
    earlier sentence of the line ends with a full stop, and its last sentence does not. A single line without
    a full stop, such as `12 cm` or `So it is B`, is complete.
    """
    last = _last_line(text)
    if not last:
        return False
    if _DANGLING.search(last) or _WITHOUT_VERB.search(last):
        return True
    if last.count("$") % 2 and _OPEN_FORMULA.search(last):
        return True
    if _ENDED.search(last):
        return False
    return bool(_SENTENCE_BEFORE.search(last))


def ends_on_joint(text: str) -> bool:
    """Return whether a text ends with a word or sign that needs something after it: `x = 5, so`, `15，而`."""
    last = _last_line(text)
    return bool(_DANGLING.search(last) or _WITHOUT_VERB.search(last))


def _last_line(text: str) -> str:
    tail = text[-SEARCHED:].rstrip()
    if "<" in tail[-MARKED:]:
        tail = _END_MARKS.sub("", tail)
    tail = tail.rstrip("* _\n")
    return tail[tail.rfind("\n") + 1 :].strip()


_SIGN_AT_END = re.compile(
    r"(?<=\S)\s*(?:[-+*/^_=<>×÷:]|\\(?:cdot|times|div|frac|pm|mp|sqrt|to|le|ge|ne))\s*\Z"
)
_BRACKETS = re.compile(r"\\?[()\[\]{}]")


def ends_on_sign(text: str) -> bool:
    """Return whether a formula ends with a sign that needs something after it: `18 -`."""
    return bool(_SIGN_AT_END.search(text))


def is_broken(text: str) -> bool:
    """Return whether a formula ends with a sign that needs something after it, or lacks a bracket."""
    if ends_on_sign(text):
        return True
    depth = sum(1 if mark[-1] in "([{" else -1 for mark in _BRACKETS.findall(text))
    return depth != 0


_ENDLESS = re.compile(r"(?:\.{2,}|…|。{2,}|\\[lc]?dots[a-z]?)[\s$.)}\]\\]*\Z")


def goes_on(text: str) -> bool:
    """Return whether a text ends with dots that stand for a continuation: `12...`, `1, 2, …`."""
    return bool(_ENDLESS.search(text))
