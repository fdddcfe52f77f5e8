"""Removes markup around an answer that does not change it: HTML, quotes, check marks, and labels.

Only the form is rewritten, so that the rules of `r1v3.reward` can read it. Text that was struck out is
removed. A last line such as `**Solution**: B` or `Respuesta: B` becomes `Answer: B`, and the rules still
weigh its words.
"""

import html
import re

from r1v3.evaluate.reply.last_line import chosen_in_plain_words, ticked

_STRUCK = re.compile(
    r"<(s|del|strike)>.{0,400}?</\1>|(?<![\\~\w])~~(?=[^\s~])[^~\\\n]{1,80}(?<=\S)~~(?![~\w])",
    re.DOTALL | re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|hr)\s*/?>", re.IGNORECASE)
_RAISED = re.compile(r"<(sup|sub)>\s*([^<>]{1,40}?)\s*</\1>", re.IGNORECASE)
_BLOCK = re.compile(
    r"<(p|div|h[1-6]|li|ul|ol|center|blockquote|section|table|tr|td|pre)(?:\s[^<>]{0,200})?>(.{0,2000}?)</\1>",
    re.DOTALL | re.IGNORECASE,
)
_BOLD = re.compile(
    r"<(b|strong|mark)(?:\s[^<>]{0,200})?>\s*(.{0,400}?)\s*</\1>", re.DOTALL | re.IGNORECASE
)
_INLINE = re.compile(
    r"<(i|em|u|ins|span|font|big|small|code|kbd|tt|a)(?:\s[^<>]{0,200})?>(.{0,2000}?)</\1>",
    re.DOTALL | re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:nbsp|lt|gt|le|ge|amp|quot|#39|times|deg|minus|pi|plusmn|frac12);")
_NESTED = 4  # levels of nested tags that are removed
SEARCHED = 6_000  # characters at the end that are searched for a conclusion

_LETTER = r"[(\[（【「『\"'“‘*`_$ ]*(?P<letter>[A-J])[ )\]）】」』\"'”’*`_$]*"
# A line with only a letter and signs around it. A list's `- B` and `* B`, and the label `####`, are excluded.
_MARKED_LINE = re.compile(
    r"^(?![ \t]*(?:[-*•][ \t]|\#{4}(?!\#)))[#><«|→⇒➡\uFE0F\-=∴✓✔✅☑👉🎯➤► \t*(\[（【\"'“‘`_$]*"
    r"(?P<letter>[A-J])[ \t)\]）】\"'”’*`_$.。!！;,✓✔\uFE0F✅☑|<>»]*$",
    re.MULTILINE,
)
_SIGNS = frozenset("#><«|→⇒➡∴✓✔✅☑👉🎯➤►!！;")
_RULE_AT_END = re.compile(r"(?:\n[ \t]*(?:-{3,}|={3,}|\*{3,}|_{3,})[ \t]*)+\s*\Z")
_THEREFORE = re.compile(r"^[ \t]*∴[ \t]*", re.MULTILINE)

# Labels of a last line. Some of them often introduce a worked solution, so only a letter counts after them.
_LAST_LINE = re.compile(r"(?:\A|(?<=\n))[ \t]*(?P<line>[^\n]{1,300}?)\s*\Z")
_WEAK = (
    r"(?:(?:final\s+)?(?:solution|conclusion|result|verdict|decision|selection)"
    r"|final(?:\s+(?:pick|guess|choice|letter|option))?|(?:my\s+)?(?:pick|choice|guess)"
    r"|so|thus|hence|therefore|结论|最终结论|最终选择|因此|所以)"
)
_NAMES_OF_ANSWERS = (
    r"(?:(?:la|le|el|il|a|o|die|den|das)\s+)?(?:bonne\s+|richtige\s+|korrekte\s+)?"
    r"(?:réponse|respuesta|resposta|risposta|antwort|lösung|antwoord|svar|odpowiedź|cevap|jawaban|đáp\s+án"
    r"|résultat|resultado|risultato|ergebnis|resultaat|результат|wynik|sonuç"
    r"|ответ|відповідь|정답|답변?|正解|答え|解答|回答|الإجابة|الجواب|उत्तर|คำตอบ)"
    r"(?:\s+(?:correcte|correcta|corretta|finale?|final|exacte|est\s+la))?"
)
_FOREIGN = rf"(?:правильный\s+)?{_NAMES_OF_ANSWERS}"
_IS = r"(?:\s*[:：]\s*|\s+(?:est|es|é|è|ist|is|adalah|là|—|-)\s+(?:la\s+)?|\s*[은는は]\s*)"
_DRESS = r"[\s*_#>]*"
_VALUE = r"[-−+]?\d[\d.,/]*(?:\s*[^\s\d]{1,8})?|\$[^$]{1,60}\$|\\\(.{1,60}?\\\)"
_POLITE = r"(?:입니다|이다|です|だ)?"
_LABELLED = re.compile(
    rf"{_DRESS}(?:(?:{_WEAK}|(?P<foreign>{_FOREIGN})){_DRESS}{_IS}|ans\.\s+){_DRESS}"
    rf"(?P<said>{_LETTER}(?:\s*[.):：]\s*(?P<text>[^\n]{{1,120}}))?|(?P<value>{_VALUE}))"
    rf"{_DRESS}{_POLITE}\s*[.。]?{_DRESS}",
    re.IGNORECASE,
)
# The answer in a JSON or Python object; other keys are ignored.
_QUOTED = re.compile(
    r"[{,]\s*(?P<q>['\"])(?:(?:final|correct|selected)[_ ]?)?(?:answer|choice|option|letter)(?P=q)\s*:\s*"
    r"(?:(?P<r>['\"])(?P<said>[^'\"\n]{1,100})(?P=r)|(?P<number>-?\d[\d.]*))\s*[,}]",
    re.IGNORECASE,
)


def undressed(answer: str) -> str:
    """Return the text after a thought, its end without markup and with its last label in English."""
    before, answer = answer[:-SEARCHED], answer[-SEARCHED:]
    return before + _undressed(answer)


def _undressed(answer: str) -> str:
    if "<" in answer or "~~" in answer:
        answer = _STRUCK.sub(" ", answer)
    answer = without_html(answer)
    if not _SIGNS.isdisjoint(answer):
        answer = _MARKED_LINE.sub(lambda line: line["letter"], answer)
        answer = _THEREFORE.sub("So ", answer)
    return _with_label(_RULE_AT_END.sub("", answer))


def without_html(text: str) -> str:
    """Remove HTML: bold becomes `**`, a superscript `^{}`, a block a line, and `&lt;` a sign."""
    if "<" in text:
        text = _without_tags(text)
    if "&" in text:
        text = _ENTITY.sub(lambda found: html.unescape(found.group()).replace("\xa0", " "), text)
    return text


def _without_tags(text: str) -> str:
    text = _RAISED.sub(
        lambda found: f"{'^' if found[1].casefold() == 'sup' else '_'}{{{found[2]}}}",
        _BREAK.sub("\n", text),
    )
    for _ in range(_NESTED):
        before = text
        text = _BOLD.sub(r"**\2**", _INLINE.sub(r"\2", _BLOCK.sub(r"\n\2\n", text)))
        if text == before:
            break
    return text


def _with_label(answer: str) -> str:
    quoted = _QUOTED.search(answer)
    if quoted:
        said = (quoted["said"] or quoted["number"]).replace("\\\\", "\\")
        return f"{answer[: quoted.start()]}\nAnswer: {said}"
    last = _LAST_LINE.search(answer)
    label = _LABELLED.fullmatch(last["line"]) if last else None
    letter = chosen_in_plain_words(last["line"]) if last and not label else None
    if last and letter:
        above = _LAST_LINE.search(answer[: last.start("line")])
        several = above is not None and chosen_in_plain_words(above["line"])
        return answer if several else f"{answer[: last.start('line')]}Answer: {letter}"
    if last is None or label is None:
        letter = ticked(answer)
        return f"{answer}\nAnswer: {letter}" if letter else answer
    letter = label["letter"]
    if letter is None and label["foreign"] is None:
        return answer
    if letter is not None and not letter.isupper():
        return answer
    said = label["value"] if letter is None else letter
    text = f". {label['text']}" if label["text"] else ""
    return f"{answer[: last.start('line')]}Answer: {said}{text}"
