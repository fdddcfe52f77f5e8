"""Reads rows in layouts that many sets share: columns with usual names, and conversations.

`usual_names` reads tables of questions such as MATH-V's, MathVista's, LogicVista's, and the TSV files of
VLMEvalKit. `conversations` reads data for tuning models, in the layouts of LLaVA and OpenAI. An entry's
`rename` and `constants` are applied first.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping

from r1v3.data.fields import Rejected
from r1v3.data.literals import read_literal
from r1v3.data.picture_cells import pictures_of
from r1v3.data.sources.cell_texts import is_null, text_of_cell
from r1v3.data.sources.letters import letters_of
from r1v3.data.sources.public_sets import question_fields
from r1v3.data.sources.record_cells import letter_at, options_in_cell, with_marks
from r1v3.data.sources.row_fields import MARKS, marked, with_pictured_options
from r1v3.reward.text.boxes import find_boxes

NAMES = {
    "id": ("id", "qid", "question_id", "pid", "index", "idx", "uid", "sample_index"),
    "question": ("question", "problem", "problem_text", "query", "instruction", "prompt"),
    "options": ("options", "choices", "choice"),
    "answer": ("answer", "gold", "final_answer", "correct_answer", "ground_truth", "label"),
    "images": (
        "images", "decoded_image", "image", "img", "image_path", "img_path", "imagename",
        "image_file", "image_bytes", "picture", "pictures", "figure_path",
    ),
    "domain": ("domain", "subject", "category"),
    "difficulty": ("difficulty", "level", "grade"),
}  # fmt: skip
NUMBERED = re.compile(r"(?:image|img|picture)_?(\d{1,2})")
OPTION_COLUMN = re.compile(r"(?:(?:option|choice)[ _]?)?([a-j])")
THOUGHT = re.compile(r"\A.*</think>", re.DOTALL)
ANSWERED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
ASKS, ANSWERS, TELLS = ("human", "user"), ("gpt", "assistant", "model"), ("system", "developer")


def usual_names(row: dict, number: int) -> dict:
    """Map a question whose columns have names of NAMES, in any case; options may be columns A, B, C."""
    cells = {str(name).strip().lower(): value for name, value in row.items() if not _empty(value)}
    found = {field: _first(cells, names) for field, names in NAMES.items()}
    if not isinstance(found["question"], str):
        raise Rejected("missing field", f"question; there are {', '.join(map(str, row))}"[:200])
    pictures = [cells[name] for name in sorted(filter(NUMBERED.fullmatch, cells), key=_number)]
    images = pictures_of(pictures or found["images"])
    options = [str(each) for each in _options(cells, found["options"])]
    answer = found["answer"]
    if answer is None and "answer_index" in cells:
        answer = letter_at(cells["answer_index"], options)
    if options and answer is not None:
        answer = letters_of(answer, list(options))
    shown = with_pictured_options(found["question"], options)
    question = shown["question"]
    if len(MARKS.findall(question)) == len(images):
        ordered = with_marks({"question": question, "images": images})
        question, images = ordered["question"], ordered["images"]
    return question_fields(
        row,
        id=str(text_of_cell("id", found["id"] or number)),
        question=marked(question, len(images)),
        options=shown["options"] or None,
        answer=answer,
        images=images,
        chosen=bool(options),
        domain=str(found["domain"] or "unknown"),
        difficulty=str(text_of_cell("difficulty", found["difficulty"] or "unknown")),
    )


def conversations(row: dict, number: int) -> dict:
    """Map a conversation of one question.

    The column is `conversations` with `from` and `value`, or `messages` with `role` and `content`. The answer
    is the row's own, else the box of the response or the text after its thought.
    """
    turns = _turns(row.get("conversations") or row.get("messages"))
    asked, answered, images = [], [], []
    for turn in turns:
        role = str(turn.get("from") or turn.get("role")).lower()
        text, pictures = _parts(turn["value"] if "value" in turn else turn.get("content"))
        images += pictures
        if role in ASKS:
            asked.append(text)
        elif role in ANSWERS:
            answered.append(text)
        elif role not in TELLS:
            raise Rejected("wrong type of field", f"a turn of {role[:50]!r}")
    if len(asked) != 1 or len(answered) != 1:
        raise Rejected("several turns", f"{len(asked)} questions, {len(answered)} answers")
    cells = {str(name).strip().lower(): value for name, value in row.items() if not _empty(value)}
    images = images or pictures_of(_first(cells, NAMES["images"]))
    response = answered[0].strip()
    answer = _first(cells, NAMES["answer"])
    fields = question_fields(
        row,
        id=str(text_of_cell("id", _first(cells, NAMES["id"]) or number)),
        question=marked(asked[0], len(images)).strip(),
        answer=_said(response) if answer is None else answer,
        images=images,
        domain=str(_first(cells, NAMES["domain"]) or "unknown"),
    )
    return {**fields, "response": response}


def _turns(cell: object) -> list[Mapping]:
    """Return the turns of a cell: a list, a list as text, or lists by name, as `datasets` stores them."""
    if isinstance(cell, str):
        with contextlib.suppress(ValueError):
            cell = read_literal(cell)
    if isinstance(cell, Mapping) and all(isinstance(each, list) for each in cell.values()):
        columns = zip(*cell.values(), strict=False)
        return [dict(zip(cell, each, strict=False)) for each in columns]
    if not isinstance(cell, list) or not all(isinstance(each, Mapping) for each in cell):
        raise Rejected("missing field", "conversations or messages")
    return cell


def _parts(content: object) -> tuple[str, list[object]]:
    """Return the text of a turn, with a marker for each picture in it, and these pictures."""
    if isinstance(content, str):
        return content, []
    if not isinstance(content, Iterable):
        raise Rejected("wrong type of field", f"a turn is {type(content).__name__}")
    texts, pictures = [], []
    for part in content:
        if isinstance(part, Mapping) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, str):
            texts.append(part)
        else:
            texts.append("<image>")
            pictures.append(part)
    given = [each for each in pictures if not _is_placeholder(each)]
    return "\n".join(texts), given


def _is_placeholder(part: object) -> bool:
    """Return whether a part only marks the place of a picture, as `{"type": "image"}` does."""
    return isinstance(part, Mapping) and not any(
        value for key, value in part.items() if key not in ("type", "index", "text")
    )


def _said(response: str) -> str:
    """Return the answer of a response."""
    rest = THOUGHT.sub("", response).strip()
    if found := ANSWERED.search(rest):
        rest = found[1].strip()
    boxes = find_boxes(rest)
    return boxes[-1].content if boxes else rest


def _options(cells: Mapping[str, object], cell: object) -> list[object]:
    """Return the options of one cell, or of one column each."""
    if cell is not None:
        return options_in_cell(cell)
    columns = {
        found[1]: value for name, value in cells.items() if (found := OPTION_COLUMN.fullmatch(name))
    }
    return options_in_cell(columns) if len(columns) > 1 else []


def _first(cells: Mapping[str, object], names: tuple[str, ...]) -> object:
    return next((cells[name] for name in names if name in cells), None)


def _empty(cell: object) -> bool:
    return is_null(cell) or (isinstance(cell, str) and not cell.strip())


def _number(name: str) -> int:
    found = NUMBERED.fullmatch(name)
    assert found is not None  # the names match this pattern
    return int(found[1])
