"""Maps rows of public question sets to records: school sets, puzzles, and sets of many subjects.

Each function names the columns that it reads, as their owners publish them. `config/sources.yaml` has entries
for each of them, and docs/open.md says what they replace.
"""

import ast
import json
import re

from r1v3.data.fields import Rejected
from r1v3.data.picture_cells import pictures_of
from r1v3.data.records import LETTERS
from r1v3.data.sources.cell_texts import text_of_cell
from r1v3.data.sources.golds import gold_of, letter_of, letters_of_several
from r1v3.data.sources.letters import letters_of
from r1v3.data.sources.row_fields import (
    inline_options,
    language_of,
    marked,
    picture_in,
    text_of,
    with_pictured_options,
)

CHOICE = re.compile(
    "choice|select|mcq|选择|单选|多选", re.IGNORECASE
)  # a type whose gold is a letter
OPTION = re.compile(
    r"(?:^|[\n\s])\(?([A-J])[.．、:：)]\s*(.*?)(?=[\n\s]\(?[A-J][.．、:：)]|$)", re.DOTALL
)
CONSTANTS = ("domain", "difficulty", "date", "licence")  # fields that an entry may set for all rows
LONGEST_ANSWER = 80  # characters; a longer answer is a solution or an essay, which no rule grades

# Words in a subject's name, in English and Chinese, and the report's domain.
SUBJECTS = {
    "math": "mathematics",
    "数学": "mathematics",
    "physic": "physics",
    "物理": "physics",
    "chem": "chemistry",
    "化学": "chemistry",
    "biolog": "biology",
    "生物": "biology",
    "geograph": "geography",
    "地理": "geography",
}
# ISCED-F codes, by which BMMR names a question's subjects. The longest matching code is used.
DOMAINS_OF_ISCED = {
    "011": "education",
    "0215": "music",
    "0222": "history",
    "0223": "philosophy",
    "0231": "literature",
    "0232": "literature",
    "0311": "economics",
    "0312": "political_science",
    "0313": "psychology",
    "0314": "sociology",
    "042": "law",
    "051": "biology",
    "052": "environmental_science",
    "0531": "chemistry",
    "0533": "physics",
    "054": "mathematics",
    "06": "computer_science",
    "07": "engineering",
    "08": "agriculture",
    "0912": "medicine",
    "0916": "pharmacy",
}


def k12_vista(row: dict, number: int) -> dict:
    """Map lipku1999/K12-Vista.

    Columns: hash_id, question, img (base64), type, subject, difficulty, knowledge_point and format_answer. In
    format_answer, ground_truth lists the blanks and format_solution is a solution.
    """
    answers = _parsed(row.get("format_answer"))
    truth = _parsed(answers.get("ground_truth")) if isinstance(answers, dict) else answers
    truth = list(truth.values()) if isinstance(truth, dict) else truth
    truth = truth if isinstance(truth, list) else [truth]
    if len(truth) != 1 or truth[0] is None:
        raise Rejected("several blanks", f"{len(truth)} answers")
    question = _without_marks(text_of(row, "question"))
    return question_fields(
        row,
        chosen=_is_choice(row.get("type")),
        id=f"k12_vista-{row.get('hash_id') or number}",
        question=question,
        answer=truth[0],
        images=pictures_of(row.get("img")),
        domain=_subject(row.get("subject")),
        difficulty=str(row.get("difficulty") or "unknown"),
        meta={"knowledge_point": row.get("knowledge_point"), "type": row.get("type")},
    )


def cmm_math(row: dict, number: int) -> dict:
    """Map ecnu-icalk/cmm-math.

    Columns: id, question with <ImageHere>, options in lines (or "[]"), answer, image (a list, or its JSON),
    solution, analysis, level, subject.
    """
    lines = row.get("options")
    lines = "\n".join(map(str, lines)) if isinstance(lines, list) else str(lines or "")
    options = [text for _, text in OPTION.findall(lines)]
    images = pictures_of(row.get("image"))
    question = text_of(row, "question").replace("<ImageHere>", "<image>")
    if question.count("<image>") < len(images):
        shown = with_pictured_options(question, options)
        question, options = shown["question"], shown["options"] or []
    return question_fields(
        row,
        id=f"cmm_math-{row.get('id') or number}",
        question=marked(question, len(images)),
        options=[_without_marks(each) for each in options] if len(options) > 1 else None,
        answer=_without_marks(text_of(row, "answer")),
        images=images,
        domain="mathematics",
        difficulty=str(row.get("level") or "unknown"),
        meta={"subject": row.get("subject")},
    )


def mmr1_math(row: dict, number: int) -> dict:
    """Map MMR1/MMR1-Math-RL-Data-v0: images, problem, answer."""
    images = pictures_of(row.get("images"))
    return question_fields(
        row,
        id=f"mmr1_math-{number}",
        question=marked(text_of(row, "problem"), len(images)),
        answer=text_of(row, "answer"),
        images=images,
        domain="mathematics",
    )


def we_math_pro(row: dict, number: int) -> dict:
    """Map We-Math/We-Math2.0-Pro: question_id, question, image, difficulty, knowledge points, idx, answer."""
    images = pictures_of(row.get("image"))
    named = row.get("question_id") or row.get("idx") or number
    return question_fields(
        row,
        id=f"we_math_pro-{named}-{number}",
        question=marked(text_of(row, "question"), len(images)),
        answer=row.get("answer"),
        images=images,
        domain="mathematics",
        difficulty=str(row.get("difficulty") or "unknown"),
        meta={"knowledge_points": row.get("knowledge points")},
    )


def bmmr(row: dict, number: int) -> dict:
    """Map guanyu615/BMMR.

    Columns: id, question, image (a list of base64), answer, task_type, language, cot (a flag) and category_id
    (a list of ISCED-F codes). Each question occurs twice, with the flag and without.
    """
    codes = _parsed(row.get("category_id"))
    codes = codes if isinstance(codes, list) else [codes]
    domains = [domain for domain in map(_domain_of_code, codes) if domain]
    images = pictures_of(row.get("image"))
    answer = _parsed(row.get("answer"))
    if isinstance(answer, list):
        if len(answer) != 1:
            raise Rejected("several blanks", f"{len(answer)} answers")
        answer = answer[0]
    return question_fields(
        row,
        chosen=_is_choice(row.get("task_type")),
        id=f"bmmr-{row.get('id') or number}",
        question=marked(text_of(row, "question"), len(images)),
        answer=answer,
        images=images,
        domain=domains[0] if domains else "other",
        meta={"category_id": [str(each) for each in codes], "task_type": row.get("task_type")},
    )


def pmc_vqa(row: dict, number: int) -> dict:
    """Map xmcmic/PMC-VQA: Figure_path, Question, Choice A to D (often "A:..."), Answer, Answer_label."""
    options = [
        re.sub(r"^\s*[A-D]\s*[:.]\s*", "", str(row.get(name) or row.get(f" {name}") or "")).strip()
        for name in ("Choice A", "Choice B", "Choice C", "Choice D")
    ]
    label = letters_of(str(row.get("Answer_label") or row.get("Answer") or ""), list(options))
    return question_fields(
        row,
        id=f"pmc_vqa-{row.get('index') or number}",
        question=text_of(row, "Question").strip(),
        options=options,
        answer=label,
        images=[picture_in(row, "Figure_path")],
        domain="medicine",
    )


def m3cot(row: dict, number: int) -> dict:
    """Map LightChen2333/M3CoT.

    Columns: id, category, question, choices, context, answer, rationale, split, image, domain, topic.
    """
    choices = _parsed(row.get("choices"))
    images = pictures_of(row.get("image"))
    context = str(row.get("context") or "").strip()
    topic = str(row.get("topic") or row.get("domain") or "").lower()
    return question_fields(
        row,
        id=f"m3cot-{row.get('id') or number}",
        question=_without_marks(f"{context}\n{text_of(row, 'question')}".strip()),
        options=[str(each) for each in choices] if isinstance(choices, list) else None,
        answer=text_of(row, "answer"),
        images=images,
        domain=_subject(topic, topic.replace("-", "_") or "unknown"),
    )


def puzzle_vqa(row: dict, number: int) -> dict:
    """Map declare-lab/PuzzleVQA.

    Columns: image (a path), question, options (texts or numbers), answer (one of them), caption, explanation,
    deduction.
    """
    parsed = _parsed(row.get("options"))
    parsed = parsed if isinstance(parsed, list | tuple) else []
    options = [str(text_of_cell("options", each)) for each in parsed]
    answer = str(text_of_cell("answer", row.get("answer")))
    if answer not in options[: len(LETTERS)]:
        raise Rejected("wrong answer letter", f"{answer[:50]!r} is none of the options")
    image = row.get("image")
    name = image if isinstance(image, str) else str(number)
    return question_fields(
        row,
        id=f"puzzle_vqa-{name.rpartition('.')[0] or name}",
        question=text_of(row, "question"),
        options=options,
        answer=LETTERS[options.index(answer)],
        images=[picture_in(row, "image")],
        domain="logic",
    )


def question_fields(
    row: dict, *, answer: object, images: list, options=None, chosen: bool = False, **fields
) -> dict:
    """Return a record's fields; options decide the answer's form, and the question's text the language.

    Args:
        chosen: whether the row says that its answer is a choice; its options may be in the picture.
    """
    answer = text_of_cell("answer", answer)
    text = "" if answer is None else gold_of(str(answer))
    question = fields["question"]
    choice = chosen or options or inline_options(question)
    if choice and (letter := letter_of(text)):
        kind, text = "mcq", letter
    elif choice and (letters := letters_of_several(text)):
        kind, text = "mcq_multi", letters
    else:
        kind = "fill"
        if not text:
            raise Rejected("empty field", "answer")
        if len(text) > LONGEST_ANSWER:
            raise Rejected("answer is no short one", f"{len(text)} characters")
        if options:
            raise Rejected("wrong answer letter", repr(text[:50]))
    constant = {name: row[name] for name in CONSTANTS if isinstance(row.get(name), str)}
    return {
        "language": language_of(question),
        "difficulty": "unknown",
        **constant,
        **fields,
        "answer": text,
        "answer_type": kind,
        "images": images,
        **({"options": options} if options else {}),
    }


def _is_choice(kind: object) -> bool:
    return isinstance(kind, str) and CHOICE.search(kind) is not None


def _parsed(value: object) -> object:
    """Parse a text cell with JSON or a Python literal; return other values unchanged."""
    if not isinstance(value, str) or value.strip()[:1] not in ("[", "{"):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    return value


def _without_marks(text: str) -> str:
    return marked(text.replace("<ImageHere>", "<image>"), 0)


def _subject(name: object, otherwise: str | None = None) -> str:
    text = str(name or "").lower()
    found = next((domain for word, domain in SUBJECTS.items() if word in text), None)
    return found or otherwise or text or "unknown"


def _domain_of_code(code: object) -> str | None:
    digits = re.sub(r"\D", "", str(code))
    for length in range(len(digits), 1, -1):
        if domain := DOMAINS_OF_ISCED.get(digits[:length]):
            return domain
    return None
