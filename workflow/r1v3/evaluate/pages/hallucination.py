"""The audit of section 6.4: "I can't see the image" in the thought and in the answer, and its cost.

A list of phrases in English and Chinese marks answers. The audit compares accuracy with and without a phrase
(Table 5). A hard item may cause both the phrase and the wrong answer. So items that were answered both ways
in different runs are also compared with themselves, which holds that cause constant.
"""

import re
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from r1v3.evaluate.statistics import PairedComparison, contrast, has_contrast
from r1v3.model.prompt_template import END_OF_THINK

_NOT = r"(?:can\s*not|can[’']?t|could\s+not|couldn[’']?t)"
_UNABLE = r"(?:unable|not\s+able)\s+to"
_CANNOT = rf"(?:{_NOT}|(?:am\s+|was\s+)?{_UNABLE}|(?:don[’']?t|do\s+not)(?:\s+actually)?)"
_SEE = r"(?:(?:actually|directly|really)\s+)?(?:see|view|access|look\s+at|open|have\s+access\s+to)"
_PICTURE = r"(?:image|picture|figure|diagram|photo|graph|chart|attachment)s?"
_THE = r"(?:the|any|this|that|an?|your|these)\s+(?:\w+\s+){0,2}?"
_GIVEN = r"(?:provided|attached|visible|available|shown|included|given)"
# After "there is no image": a sentence that continues (of a dog, formed, with ...) is about something else.
_ENDS = (
    r"(?=\s*(?:[.,;:!?)\]—。，\"”]|$|here\b|so\b|and\b|but\b|to\s+(?:see|look|view|refer|work|go)\b"
    r"|(?:actually\s+|being\s+)?(?:provided|attached|visible|available|included)\b"
    r"|(?:in|with)\s+(?:the|this|your)\s+(?:question|prompt|message|conversation|input|problem|text)\b))"
)
_TU = "(?:图片|图像|图形|图表|附图)"
_ZHE = "(?:这张|这个|该|您的|你的|题目的|题中的)?"
PHRASES = re.compile(
    "|".join(
        [
            rf"\b(?:I|we)(?:[’'](?:m|re))?\s+{_CANNOT}\s+{_SEE}\s+{_THE}{_PICTURE}",
            rf"\b(?:I|we)(?:[’'](?:m|re))?\s+(?:{_NOT}|(?:am\s+)?{_UNABLE})\s+{_SEE}\s+(?:images|pictures|photos|attachments)\b",
            rf"(?:^|[.!?\n>(]\s*){_NOT}\s+{_SEE}\s+{_THE}{_PICTURE}",
            rf"\b(?:without|{_UNABLE})\s+(?:see|seeing|view|viewing)\s+{_THE}{_PICTURE}",
            rf"\b{_PICTURE}\s+(?:is|was|are|were)(?:n[’']t|\s+not)\s+{_GIVEN}",
            rf"\bno\s+{_PICTURE}\s+(?:is|was|are|were|has\s+been|have\s+been)\s+{_GIVEN}",
            r"\bthere(?:[’']s|\s+(?:is|was|are|were))(?:\s+no|n[’']t\s+(?:an?|any)|\s+not\s+(?:an?|any))\s+"
            rf"(?:(?:actual|attached|visible)\s+)?(?:image|picture|photo|figure|diagram|attachment)s?\b{_ENDS}",
            "(?:无法|不能|没办法|没法)(?:直接|实际)?(?:看到|看见|查看|观察|访问|打开)"
            f"{_ZHE}(?:{_TU}|图)",
            f"(?:看不到|看不见|没有看到|没看到)(?:任何|{_ZHE})(?:{_TU}|图)",
            f"(?:没有|没|未)(?:提供|给出|附上|上传|收到)(?:任何|相应的|具体的)?{_TU}",
            "(?:没有|缺少|缺乏)(?:任何|相应的|具体的|实际的)?(?:图片|附图|配图)(?![中里内上的所])",
            "(?:图片|附图|配图)(?:缺失|(?:没有|未)(?:提供|给出|上传|显示))",
        ]
    ),
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Audit:
    """Accuracy with and without the phrase; shares are in [0, 1], `None` if nothing was counted.

    `within_items` is the mean, over items that were answered both ways, of accuracy with the phrase minus
    accuracy without. `within_count` is the number of such items.
    """

    answers: int
    with_phrase: int
    in_thought: int
    in_answer: int
    accuracy: float
    accuracy_with: float | None
    accuracy_without: float | None
    within_count: int
    within_items: float | None


def find_phrase(text: str) -> str | None:
    """Return the first phrase that says that the picture cannot be seen, or None."""
    found = PHRASES.search(text)
    return found[0] if found else None


def split_reply(response: str) -> tuple[str, str]:
    """Split a response into thought and answer; if its thought never closes, the answer is empty."""
    thought, closed, answer = response.rpartition(END_OF_THINK)
    if closed:
        return thought, answer
    return (response, "") if response.startswith("<think>") else ("", response)


def _phrase_in_thought(parts: tuple[str, str]) -> bool:
    return find_phrase(parts[0]) is not None


def _phrase_in_answer(parts: tuple[str, str]) -> bool:
    return find_phrase(parts[1]) is not None


def audit(verdicts: pd.DataFrame) -> Audit:
    """Audit the verdicts of one benchmark over all runs: key, run, response, correct."""
    parts = verdicts["response"].map(split_reply)
    thought = parts.map(_phrase_in_thought).astype(bool)
    said = parts.map(_phrase_in_answer).astype(bool)
    marked = thought | said
    right = verdicts["correct"].astype(float)
    frame = pd.DataFrame({"key": verdicts["key"], "marked": marked, "right": right})
    both = frame.groupby(["key", "marked"])["right"].mean().unstack("marked")
    both = both.dropna() if {True, False} <= set(both.columns) else both.iloc[:0]
    return Audit(
        answers=len(frame),
        with_phrase=int(marked.sum()),
        in_thought=int(thought.sum()),
        in_answer=int(said.sum()),
        accuracy=float(right.mean()),
        accuracy_with=_mean(right[marked]),
        accuracy_without=_mean(right[~marked]),
        within_count=len(both),
        within_items=float((both[True] - both[False]).mean()) if len(both) else None,
    )


def phrase_contrast(
    verdicts: pd.DataFrame, *, confidence: float, resamples: int, seed: int
) -> PairedComparison | None:
    """Compute accuracy of answers with the phrase minus that of answers without, resampled by cluster.

    None if fewer than two items have answers with the phrase, or fewer than two have answers without.

    Args:
        verdicts: verdicts on one benchmark over all runs: cluster, response, correct.
    """
    says = np.array([find_phrase(text) is not None for text in verdicts["response"]], dtype=bool)
    cluster = verdicts["cluster"].astype(str).to_numpy()
    if not has_contrast(says, cluster):
        return None
    right = verdicts["correct"].astype(float).to_numpy()
    settings = {"confidence": confidence, "resamples": resamples, "seed": seed}
    return contrast(right, says, cluster, **settings)


def table_5(found: Audit) -> list[dict]:
    """Return the audit as the rows of the report's Table 5, with the published values."""
    return [
        {"subset": "all", "n": found.answers, "accuracy": found.accuracy, "published": 0.760},
        {
            "subset": "without the phrase",
            "n": found.answers - found.with_phrase,
            "accuracy": found.accuracy_without,
            "published": 0.773,
        },
        {
            "subset": "with the phrase",
            "n": found.with_phrase,
            "accuracy": found.accuracy_with,
            "published": 0.511,
        },
    ]


def as_row(found: Audit) -> dict:
    """Return the audit as plain values."""
    return asdict(found)


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if len(values) else None
