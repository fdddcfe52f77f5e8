"""Extracts the final answer of a response: the text after the thought, its last box, or an answer phrase."""

import re
from itertools import pairwise

from r1v3.reward.text.boxes import corrects, find_boxes, join_last_boxes
from r1v3.reward.text.cut import ends_on_joint
from r1v3.reward.text.denial import affirmed, behind_first_retraction
from r1v3.reward.text.format import after_thought
from r1v3.reward.text.vocabulary import denies_or_computes, is_plain

# Number of characters at the end of an answer that are read if nothing is boxed.
PHRASE_TAIL = 4_000

# Words at the start of an answer phrase. The pattern below is tried only at these words.
_KEYWORD = re.compile(
    "answer|Answer|ANSWER|choice|Choice|option|Option|solution|Solution|ans|Ans|答|选|選|结果|【|####"
)
_MARKER = re.compile(
    r"""
      【\s*答案\s*】\s*[:：]?
    | (?:答案|選項|选项|结果)\s*(?:应该|应当|应|就)?\s*(?P<denied>并?不)?(?:是|为|為|選|选)\s*[:：]?
    | 答案?\s*[:：]
    | (?<!不)(?<!不[能应该可要会])(?<!不应该)(?<!排除)
        [选選]\s*(?:择|項|项)?\s*(?:的是|是|为)?\s*[:：]?(?=\s*[(（\[【]?\s*[$*\\A-J])
    | \#{4}
    | (?<![A-Za-z])(?<!your\ )(?:answers?|choice|option|solution(?=\s+(?:is|to|of)\b))\b
        (?:\s+(?:to|for|of)\s+(?:the|this|that)\s+(?!(?:previous|last|other|next|first|second|old)\b)(?:\w+\s+){0,2}
           (?:question|problem|image|expression|equation))?
        (?:\s+(?:choice|option|value|here))?
        \s*(?:\*{1,2})?
        \s*(?:is|are|was|were|would\s+be|should\s+be|will\s+be|must\s+be|can\s+be|[:：=])
        (?:\s*(?:simply|therefore|thus|then|option|choice|likely|most\s+likely|probably|given\s+by))*
        \s*[:：]?
    | (?<![A-Za-z])ans\.?\s*[:=]
    | (?<![A-Za-z])answer\s+(?:[-–—→]|[-=]>|\\(?:to|rightarrow)\b)(?=\s)
    | (?<![A-Za-z])answer\s*\*{0,2}\s*(?:\n|(?=\s?(?:\$|\\[(\[])))
    """,
    re.VERBOSE | re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:.!?\n，；：。！？]|\d\)")
# Words that make an answer one of several, or somebody else's.
_ONE_OF_SEVERAL = re.compile(
    r"(?<![A-Za-z])(?:some|many|most|several|one|two|three|four|another|other|first|second|previous|old|former|earlier"
    r"|initial|his|her|their|friend['’]?s?)(?:\s+(?:of|the|my|possible|correct|right|all))*\s*\Z"
    r"|(?<![A-Za-z])an?\s+(?:possible|potential|plausible|candidate|common|popular|tempting|good|partial|rough)\s*\Z"
    # What is said about an answer is not the answer: `the square of the answer is`
    r"|(?<![A-Za-z])(?<!value\s)(?:of|than|times|minus|plus|half|twice)\s+(?:(?:the|this|that|my|correct|final|right)\s+)*\Z",
    re.IGNORECASE,
)
_BY_OTHERS = re.compile(
    r"(?:有的?人|别人|某人|他们?|她们?|大家|同学们?|很多人|许多人)(?:会|都|说|常)*\s*\Z|[A-J]\s*(?:还是|或者?|要么|不如)\s*\Z"
)
_AFFIRMS = re.compile(
    r"\s*(?:so|thus|therefore|hence)?\s*the\s+(?:correct|right|best)\s", re.IGNORECASE
)
_SENTENCE = re.compile(r"[.!?\n。！？]\s*")
_SUPPOSING = re.compile(
    r"\s*(?:if|unless|suppose|如果|若|假如|假设|除非)(?![A-Za-z])", re.IGNORECASE
)
_EOA = re.compile(r"<eo[aet]>.*", re.DOTALL)
_SENTENCE_END = re.compile(
    r"(?<=[^\d\s.][.!?])\s+(?=[A-Z])|(?<=[\d)])[.](?=\s|$)|[。！\n]|<eo[aet]>"
)
_RUNS = re.compile(r"[ \t\xa0]{3,}|\n{3,}|\\{5,}")
_HAS_RUNS = ("   ", "\t", "\xa0", "\n\n\n", "\\" * 5)  # other texts cannot match the pattern above
_GLUE = re.compile(r"^[\s:：*_]+|[\s*_]+$")


_ANSWER_TAG = re.compile(r"</?answer>")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def final_text(response: str) -> str | None:
    """Return the text after the thought, or None if the thought is not closed."""
    text = after_thought(response)
    if text and "answer>" in text:
        text = _ANSWER_TAG.sub(" ", text).strip()
    if text and "<!--" in text:
        text = _COMMENT.sub(" ", text)
    if text and any(run in text for run in _HAS_RUNS):
        text = _RUNS.sub(lambda run: run.group()[:2], text)
    return text.replace("根号", "√") if text else text


def boxed_answer(answer_text: str) -> str | None:
    """Return the content of the last box, joined with the boxes that belong to it; None without a box."""
    boxes = find_boxes(answer_text)
    return join_last_boxes(answer_text, boxes) if boxes else None


def phrased_answers(
    answer_text: str, question: str | None = None, led: bool = True
) -> list[tuple[str, bool]]:
    """Return the texts after 'the answer is', '答案是', '故选' and similar phrases, the last one first.

    The words before a phrase must pass, because `the wrong answer is` and `I doubt that the answer is`
    conclude nothing. With `led=False` they need not pass; this is for answers that contradict another one.
    Each text comes with a flag: whether its marker is firm (`Answer:`, `【答案】`) and at the start of its
    line, so that only the answer follows.
    """
    tail = answer_text[-PHRASE_TAIL:]
    found = []
    keywords = [keyword.start() for keyword in _KEYWORD.finditer(tail)][-40:]
    cut = bool(keywords) and ends_on_joint(tail)
    for start in reversed(keywords):
        marker = _MARKER.match(tail, start)
        if marker is None or one_of_several(_CLAUSE.split(tail[:start][-300:])[-1]):
            continue
        if led and not leads_up(tail[:start], question):
            continue
        said = first_sentence(tail[marker.end() :])
        if cut and tail.rstrip().endswith(said):
            continue
        said = affirmed(said, denied=bool(marker.group("denied")))
        if said:
            firm = marker.group().rstrip(" *\n").endswith((":", "：", "】", "####"))
            line = tail[tail.rfind("\n", 0, start) + 1 : start]
            found.append((said, firm and len(line.strip(" *#")) <= 12))
    return found


def leads_up(before: str, question: str | None) -> bool:
    """Return whether the words of the clause before an answer phrase pass."""
    clause = _CLAUSE.split(before[-300:])[-1]
    passes = is_plain(clause, question) or (
        bool(_AFFIRMS.match(clause)) and not denies_or_computes(clause)
    )
    return (
        passes
        and (clause.isascii() or not _BY_OTHERS.search(clause))
        and not _SUPPOSING.match(_SENTENCE.split(before[-600:])[-1])
    )


def one_of_several(before: str) -> bool:
    """Return whether the words before `answer` make it one of several, or somebody else's."""
    return bool(_ONE_OF_SEVERAL.search(before))


def superseding_answers(behind_box: str) -> list[str]:
    """Return the answer phrases after words that retract a box, the last one first."""
    behind = behind_first_retraction(behind_box)
    return [said for said, _ in phrased_answers(behind)] if behind else []


def last_phrase(answer_text: str, question: str | None = None) -> str | None:
    """Return the text that the last answer phrase states, or None."""
    found = phrased_answers(answer_text, question)
    return found[0][0] if found else None


def first_sentence(rest: str) -> str:
    """Return the text up to the end of its first sentence or line."""
    rest = _EOA.sub("", rest) if "<eo" in rest[:400] else rest
    rest = _GLUE.sub("", rest[:1_000]).lstrip(":：* \n")
    for opening, closing in (("$$", "$$"), ("\\[", "\\]")):
        if rest.startswith(opening):
            rest = " ".join(rest[2:].split(closing)[0].split())
    end = _SENTENCE_END.search(rest)
    return _GLUE.sub("", rest[: end.start()] if end else rest)


def extract_answer(response: str) -> str | None:
    """Return the text of the final answer: the last box, else the answer phrase, else a bare answer.

    A bare answer is a response (after its thought) of one short line. Of a longer text without a box and a
    phrase, the last line is the answer.
    """
    text = final_text(response)
    if not text:
        return None
    boxed = boxed_answer(text)
    if boxed is not None:
        return boxed
    phrased = last_phrase(text)
    if phrased is not None:
        return phrased
    lines = [line.strip() for line in text[-PHRASE_TAIL:].splitlines() if line.strip()]
    return lines[-1] if lines else None


def several_boxes(answer_text: str) -> str | None:
    """Return all boxes as one list, for golds of several blanks with a box for each blank.

    If a correction stands between boxes, only the last box is the answer, and the result is None.
    """
    boxes = find_boxes(answer_text)
    if not 2 <= len(boxes) <= 12:
        return None
    if any(corrects(answer_text[a.end : b.start]) for a, b in pairwise(boxes)):
        return None
    if superseding_answers(answer_text[boxes[-1].end :]):
        return None
    return "; ".join(box.content for box in boxes)
