"""How a row of each known data set becomes the fields of a record; `r1v3.data.validate` checks the result.

A mapping takes a row, after the entry's renames and constants, and the row's number in the source. It
returns fields, or raises `Rejected`. Data sets of a record's own fields need none (`records`).
"""

import re
from collections.abc import Callable

from r1v3.data.fields import Rejected
from r1v3.data.sources import public_sets
from r1v3.data.sources.record_cells import read_record
from r1v3.data.sources.row_fields import (
    BOXED,
    inline_options,
    json_of,
    language_of,
    marked,
    picture_in,
    text_of,
    with_known,
)


def records(row: dict, number: int) -> dict:
    """A record's own fields, in the forms that `r1v3.data.sources.record_cells` reads."""
    fields = read_record(row)
    if isinstance(fields.get("edits"), str):
        fields["edits"] = json_of("edits", fields["edits"], list)
    return fields


def mmk12(row: dict, number: int) -> dict:
    """FanqingM/MMK12: id, question, answer, subject, image. Options stand in the question's lines."""
    question = text_of(row, "question")
    answer = text_of(row, "answer").strip()
    kind = "mcq" if re.fullmatch(r"[A-D]", answer) and inline_options(question) else "fill"
    return with_known(
        row,
        id=f"mmk12-{row.get('id') or number}",
        question=marked(question, 1),
        answer=answer,
        answer_type=kind,
        images=[picture_in(row, "image")],
        domain={"math": "mathematics"}.get(str(row.get("subject")), str(row.get("subject"))),
        language=language_of(question),
    )


def virl39k(row: dict, number: int) -> dict:
    """TIGER-Lab/ViRL39K: question, answer in a box, two pass rates, category, source, qid, image paths."""
    question, answer = text_of(row, "question"), text_of(row, "answer").strip()
    boxed = BOXED.search(answer)
    answer = boxed[1].strip() if boxed else answer
    images = list(row.get("image") or ())
    letter = re.fullmatch(r"\(?([A-J])\)?\.?", answer)
    return with_known(
        row,
        id=f"virl39k-{row.get('qid') or number}",
        question=marked(question, len(images)),
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
    "Social Science": "social_science",
    "Commonsense": "commonsense",
    "Spatial Reasoning": "spatial_reasoning",
    "Tables/Diagrams/Charts": "charts",
}


def scienceqa(row: dict, number: int) -> dict:
    """derek-thomas/ScienceQA: image, question, choices, answer (an index), hint, subject, topic, grade."""
    choices = [str(each) for each in row.get("choices") or ()]
    answer = row.get("answer")
    if not isinstance(answer, int) or not 0 <= answer < len(choices):
        raise Rejected("wrong answer letter", f"index {answer} of {len(choices)} choices")
    hint = (row.get("hint") or "").strip()
    image = row.get("image")
    topic = str(row.get("topic") or "").replace("-", "_")
    return with_known(
        row,
        id=f"scienceqa-{number}",
        question=f"{hint}\n{text_of(row, 'question')}".strip(),
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
    problem, images = text_of(row, "problem"), list(row.get("images") or ())
    return with_known(
        row,
        id=f"geometry3k-{number}",
        question=marked(problem, len(images)),
        answer=text_of(row, "answer").strip(),
        answer_type="fill",
        images=images,
        language="en",
    )


MAPPING_FUNCTIONS: dict[str, Callable[[dict, int], dict]] = {
    each.__name__: each
    for each in (
        records,
        mmk12,
        virl39k,
        scienceqa,
        geometry3k,
        public_sets.bmmr,
        public_sets.cmm_math,
        public_sets.k12_vista,
        public_sets.m3cot,
        public_sets.mmr1_math,
        public_sets.pmc_vqa,
        public_sets.puzzle_vqa,
        public_sets.we_math_pro,
    )
}
