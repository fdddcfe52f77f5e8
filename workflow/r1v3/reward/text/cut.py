"""Whether a text was cut off: what is cut in mid-sentence counts only as far as it was concluded before."""

import re

# Words that no sentence ends with, and signs that want something behind them.
_DANGLING = re.compile(
    r"(?:(?<![A-Za-z])(?:a|an|the|of|to|and|or|but|so|thus|then|than|that|which|because|since|with|for|from|by|in|on"
    r"|at|as|if|is|are|was|were|be|has|have|had|we|it|its|their|this|weighs?|costs?|equals?|gets?|gives?|therefore"
    r"|hence|into|per|not|will|would|can|must|should|let|where|when|while|between|subtract|add|multiply|divide)"
    r"|的|和|与|或|是|为|因为|所以|因此|故|则|得|由|且|在|把|将|有|从|对|即|可得|等于|[-+=<>*/^_,，、;；(（\[{&≤≥≈×÷])\s*\Z"
)
_ENDED = re.compile(r"[.!?。！？．…:：)）\]】}\"'”’`*|$~✓✅>]\s*\Z")
_SENTENCE_BEFORE = re.compile(r"[A-Za-z\d)$][.!?]\s+(?=[A-Z$\\\d(])|[。！？]")
# A formula that opened and never closed; `$5` is a price.
_OPEN_FORMULA = re.compile(r"\$(?=[^$]*[\\\\={^])[^$]*\Z")
_END_MARKS = re.compile(r"(?:\s*<(?:eo[aet]|\|[a-z_]{1,24}\|[a-z]*)>\s*[a-z]*)+\Z")
_LINE = re.compile(r"(?:\A|\n)[^\n]*\Z")
SEARCHED = 2_000


def ends_within_sentence(text: str) -> bool:
    """Whether an answer breaks off in mid-sentence, as one does that met its limit of length.

    The last line breaks off where it ends with a word or sign that wants something behind it, or where a
    sentence of the same line was closed by a full stop and the last one is not. A single line without a
    stop, such as `12 cm` or `So it is B`, is whole.
    """
    tail = _END_MARKS.sub("", text[-SEARCHED:].rstrip()).rstrip("* _\n")
    line = _LINE.search(tail)
    last = line.group().strip() if line else tail
    if not last:
        return False
    if _DANGLING.search(last):
        return True
    if last.count("$") % 2 and _OPEN_FORMULA.search(last):
        return True
    if _ENDED.search(last):
        return False
    return bool(_SENTENCE_BEFORE.search(last))
