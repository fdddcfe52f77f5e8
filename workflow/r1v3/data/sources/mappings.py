"""How a row of each known data set becomes the fields of a record; `r1v3.data.validate` checks the result.

A mapping takes a row, after the entry's renames and constants, and the row's number in the source. It
returns fields, or raises `Refused`. Data sets of a record's own fields need none (`records`).
"""

import json
import re
from collections.abc import Callable

from r1v3.data.fields import KNOWN, Refused

CJK = re.compile(r"[\u4e00-\u9fff]")
INLINE = re.compile(
    r"(?:^|[\n\s])\(?([A-D])[.．、:)]\s*(.+?)(?=(?:[\n\s]\(?[A-D][.．、:)])|$)", re.DOTALL
)
BOXED = re.compile(r"\\boxed\{(.*)\}\s*$", re.DOTALL)
MARKS = re.compile(r"<image[ _]?\d*>")


def records(row: dict, number: int) -> dict:
    """A record's own fields; lists and `meta` may be written as JSON, as a TSV has to."""
    fields = {key: value for key, value in row.items() if value is not None}
    for name in ("options", "images", "edits"):
        if isinstance(fields.get(name), str):
            fields[name] = _json(name, fields[name], list)
    return fields


def mmk12(row: dict, number: int) -> dict:
    """FanqingM/MMK12: id, question, answer, subject, image. Options stand in the question's lines."""
    question = _text(row, "question")
    answer = _text(row, "answer").strip()
    kind = "mcq" if re.fullmatch(r"[A-D]", answer) and inline_options(question) else "fill"
    return _with_known(
        row,
        id=f"mmk12-{row.get('id') or number}",
        question=_marked(question, 1),
        answer=answer,
        answer_type=kind,
        images=[row.get("image")],
        domain={"math": "mathematics"}.get(str(row.get("subject")), str(row.get("subject"))),
        language=language_of(question),
    )


def virl39k(row: dict, number: int) -> dict:
    """TIGER-Lab/ViRL39K: question, answer in a box, two pass rates, category, source, qid, image paths."""
    question, answer = _text(row, "question"), _text(row, "answer").strip()
    boxed = BOXED.search(answer)
    answer = boxed[1].strip() if boxed else answer
    images = list(row.get("image") or ())
    letter = re.fullmatch(r"\(?([A-J])\)?\.?", answer)
    return _with_known(
        row,
        id=f"virl39k-{row.get('qid') or number}",
        question=_marked(question, len(images)),
        answer=letter[1] if letter else answer,
        answer_type="mcq" if letter else "fill",
        images=images,
        domain=DOMAINS_OF_VIRL.get(str(row.get("category")), str(row.get("category")).lower()),
        language=language_of(question),
        meta={
            "origin": str(row.get("source")),
            "pass_rates_of_source": {
                name: row.get(name) for name in ("PassRate_32BTrained", "PassRate_7BBase")
            },
        },
    )


# Its categories as the card names them; what is no domain of the report keeps its own name.
DOMAINS_OF_VIRL = {
    "(GradeSchool) Geometric": "mathematics",
    "(GradeSchool) Non-Geo Math": "mathematics",
    "(GradeSchool) Science": "science",
    "Broader STEM Topics": "stem",
    "Social/Economic Topics": "economics",
    "Spatial Reasoning": "spatial_reasoning",
    "Tables/Diagrams/Charts": "charts",
}


def scienceqa(row: dict, number: int) -> dict:
    """derek-thomas/ScienceQA: image, question, choices, answer (an index), hint, subject, topic, grade."""
    choices = [str(each) for each in row.get("choices") or ()]
    answer = row.get("answer")
    if not isinstance(answer, int) or not 0 <= answer < len(choices):
        raise Refused("wrong answer letter", f"index {answer} of {len(choices)} choices")
    hint = (row.get("hint") or "").strip()
    image = row.get("image")
    topic = str(row.get("topic") or "").replace("-", "_")
    return _with_known(
        row,
        id=f"scienceqa-{number}",
        question=f"{hint}\n{_text(row, 'question')}".strip(),
        options=choices,
        answer="ABCDEFGHIJ"[answer],
        answer_type="mcq",
        images=[image] if image else [],
        domain=DOMAINS_OF_SCIENCEQA.get(topic, topic),
        language="en",
        difficulty=str(row.get("grade") or "unknown"),
    )


DOMAINS_OF_SCIENCEQA = {
    "us_history": "history",
    "world_history": "history",
    "global_studies": "political_science",
    "civics": "political_science",
    "earth_science": "environmental_science",
    "science_and_engineering_practices": "engineering",
    "units_and_measurement": "physics",
    "figurative_language": "literature",
    "literacy_in_science": "education",
}


def geometry3k(row: dict, number: int) -> dict:
    """hiyouga/geometry3k: images, problem with its marks, answer."""
    problem, images = _text(row, "problem"), list(row.get("images") or ())
    return _with_known(
        row,
        id=f"geometry3k-{number}",
        question=_marked(problem, len(images)),
        answer=_text(row, "answer").strip(),
        answer_type="fill",
        images=images,
        language="en",
    )


MAPPINGS: dict[str, Callable[[dict, int], dict]] = {
    each.__name__: each for each in (records, mmk12, virl39k, scienceqa, geometry3k)
}


def language_of(text: str) -> str:
    """`zh` where a tenth of the letters or more are Chinese, else `en`."""
    return "zh" if 10 * len(CJK.findall(text)) >= max(1, sum(map(str.isalpha, text))) else "en"


def inline_options(question: str) -> list[str]:
    """The options that stand in a question as `A. ... B. ...`, in order; none unless they begin with A."""
    found = [(letter, text.strip()) for letter, text in INLINE.findall(question)]
    for begin in range(len(found)):
        letters = "".join(letter for letter, _ in found[begin:])
        if letters and "ABCD".startswith(letters) and len(letters) > 1:
            return [text for _, text in found[begin:]]
    return []


def _marked(question: str, pictures: int) -> str:
    """Our marker for each picture where theirs fit; else none, so that pictures come first."""
    question = MARKS.sub("<image>", question)
    if question.count("<image>") == pictures:
        return question
    return question.replace("<image>", "").strip()


def _with_known(row: dict, **fields) -> dict:
    """Mapped fields, and those that the entry's constants have set; the mapping's own come first."""
    return {**{key: row[key] for key in KNOWN & row.keys() - {"image"}}, **fields}


def _text(row: dict, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise Refused("missing field" if value is None else "wrong type of field", name)
    return value


def _json(name: str, text: str, kind: type):
    try:
        value = json.loads(text)
    except ValueError:
        raise Refused("wrong type of field", f"{name} is no JSON") from None
    if not isinstance(value, kind):
        raise Refused("wrong type of field", f"{name} is {type(value).__name__}")
    return value
