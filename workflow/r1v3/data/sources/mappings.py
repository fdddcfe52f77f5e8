"""Maps the rows of each known data set to the fields of a record; `r1v3.data.validate` checks the result.

A mapping gets a row, after the entry's renames and constants, and the row's number in the source. It returns
fields, or raises `Rejected`. Data sets with a record's own fields need no other mapping than `records`.
"""

from collections.abc import Callable

from r1v3.data.picture_cells import pictures_of
from r1v3.data.sources import layouts, public_sets
from r1v3.data.sources.golds import gold_of, letter_of
from r1v3.data.sources.record_cells import letter_at, options_in_cell, read_record
from r1v3.data.sources.row_fields import (
    inline_options,
    json_of,
    language_of,
    marked,
    picture_in,
    text_of,
    with_known,
)


def records(row: dict, number: int) -> dict:
    """Map a record's own fields, in the forms that `r1v3.data.sources.record_cells` reads."""
    fields = read_record(row)
    if isinstance(fields.get("edits"), str):
        fields["edits"] = json_of("edits", fields["edits"], list)
    return fields


def mmk12(row: dict, number: int) -> dict:
    """Map FanqingM/MMK12: id, question, answer, subject, image. Options are lines of the question."""
    question = text_of(row, "question")
    answer = text_of(row, "answer").strip()
    letter = letter_of(answer) if inline_options(question) else None
    return with_known(
        row,
        id=f"mmk12-{row.get('id') or number}",
        question=marked(question, 1),
        answer=letter or answer,
        answer_type="mcq" if letter else "fill",
        images=[picture_in(row, "image")],
        domain={"math": "mathematics"}.get(str(row.get("subject")), str(row.get("subject"))),
        language=language_of(question),
    )


def virl39k(row: dict, number: int) -> dict:
    """Map TIGER-Lab/ViRL39K: question, boxed answer, two pass rates, category, source, qid, image paths."""
    question, answer = text_of(row, "question"), gold_of(text_of(row, "answer"))
    images, letter = pictures_of(row.get("image")), letter_of(answer)
    return with_known(
        row,
        id=f"virl39k-{row.get('qid') or number}",
        question=marked(question, len(images)),
        answer=letter or answer,
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


# Categories by their names on the card. A category that is no domain of the report keeps its name.
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
    """Map derek-thomas/ScienceQA: image, question, choices, answer (index), hint, subject, topic, grade."""
    choices = [str(each) for each in options_in_cell(row.get("choices") or [])]
    answer = letter_at(row.get("answer"), choices)
    hint = (row.get("hint") or "").strip()
    topic = str(row.get("topic") or "").replace("-", "_")
    return with_known(
        row,
        id=f"scienceqa-{number}",
        question=f"{hint}\n{text_of(row, 'question')}".strip(),
        options=choices,
        answer=answer,
        answer_type="mcq",
        images=pictures_of(row.get("image")),
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
    """Map hiyouga/geometry3k: images, problem with picture marks, answer."""
    problem, images = text_of(row, "problem"), pictures_of(row.get("images"))
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
        layouts.conversations,
        layouts.usual_names,
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
