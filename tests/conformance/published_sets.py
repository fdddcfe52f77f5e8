"""Writes real questions with real pictures as files that our evaluation reads, with their answers.

MATH-V comes with its published answers and verdicts. GAOKAO-MM comes without answers: three replies are made
for each question, in its own form, so that the right verdict is known. Its questions whose options are
pictures also become a file in EMMA's layout, with the pictures between the options.
"""

import base64
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
from PIL import Image, ImageDraw
from replay import Answer, Asked, Piece

from r1v3.recipe.tables.benchmarks import load_table

ROOT = Path(__file__).resolve().parents[2]
TABLE = load_table(ROOT / "config/benchmarks.yaml")
GEMINI = "Gemini/Gemini-Pro-CoT"
MODELS = {"gemini_pro_cot": GEMINI, "qwen_vl_max": "Qwen/Qwen-VL-Max"}
SETTLED = {
    "gemini_pro_cot": (ROOT / "tests/unit/reward/adjudicated.jsonl", "mathvision/gemini"),
    "qwen_vl_max": (ROOT / "tests/conformance/adjudicated.jsonl", "mathvision/qwen"),
}
EMMA_FILES = TABLE["emma_mini"].source.files
OPTION = re.compile(r"^\s*[A-D]\s*[.．、]", re.MULTILINE)
# A question's own picture, and one for each of three or four options.
PICTURED_OPTIONS = range(4, 6)
MARK = re.compile(r"<image\d+>")


def real_folder() -> Path:
    """Return the folder of the real questions: R1V3_REAL, else one beside the repository."""
    return Path(os.environ.get("R1V3_REAL") or ROOT.parent / "shared/real")


@dataclass(frozen=True)
class Expected:
    """The published or constructed verdict on one answer, and why it is wrong if it is."""

    right: bool
    gold: str
    why_not: str | None = None

    @property
    def settled(self) -> bool:
        """The verdict that a person gives."""
        return self.right if self.why_not is None else not self.right


@dataclass(frozen=True)
class ReplayedSet:
    """A benchmark's file for one model: the questions that are asked and the answers to be given."""

    name: str
    benchmark: str
    answers: dict[Asked, Answer]
    expected: dict[str, Expected]
    drawn: int = 0  # pictures that stand for one that is not at hand


def _lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _drawn(text: str) -> bytes:
    """Draw a picture in place of a missing one, different for each question."""
    image = Image.new("L", (112, 56), 255)
    ImageDraw.Draw(image).text((4, 20), text, fill=0)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def math_v(model: str, folder: Path, limit: int | None = None) -> ReplayedSet:
    """Write MATH-V for one model as `MathVision.tsv`, in the columns of VLMEvalKit.

    Args:
        limit: most questions, taken from those with their own picture; None for all.
    """
    source = real_folder() / "mathllm+MATH-V"
    responses = {
        row["id"]: row for row in _lines(source / f"outputs/closed-source/{MODELS[model]}.jsonl")
    }
    path, name = SETTLED[model]
    settled = {row["id"]: row["why"] for row in _lines(path) if row["set"] == name}
    rows, answers, expected, drawn = [], {}, {}, 0
    for item in _lines(source / "data/test.jsonl"):
        file = source / item["image"]
        if limit is not None and (len(rows) == limit or not file.is_file()):
            continue
        data = file.read_bytes() if file.is_file() else _drawn(item["id"])
        drawn += not file.is_file()
        choices = " ".join(f"({letter}) {text}" for letter, text in zip("ABCDE", item["options"]))
        question = item["question"] + (f"\nChoices: {choices}" if choices else "")
        rows.append(
            {
                "index": item["id"],
                "question": question,
                "choices": str(item["options"]),
                "answer": item["answer"],
                "category": item["subject"],
                "level": item["level"],
                "image": base64.b64encode(data).decode(),
            }
        )
        text = MARK.sub("", question).strip("\n")
        asked: Asked = (("image", _sha256(data)), *([("text", text)] if text else []))
        response = responses[item["id"]]
        if asked in answers:
            raise ValueError(f"MATH-V {item['id']}: the same question and picture twice")
        answers[asked] = Answer(response["response"] or "")
        why = settled.get(item["id"])
        expected[item["id"]] = Expected(response["correct"], item["answer"], why)
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / "MathVision.tsv", sep="\t", index=False)
    return ReplayedSet(f"MATH-V, {model}", "mathvision", answers, expected, drawn)


def published_math_v(model: str) -> float:
    """Return the accuracy that MATH-V's authors published, in [0, 1]."""
    path = real_folder() / f"mathllm+MATH-V/outputs/closed-source/{MODELS[model]}_result.json"
    right, _, total = json.loads(path.read_text())["-all"].partition("=")[0].partition("/")
    return int(right) / int(total)


def gaokao_questions() -> Iterator[tuple[str, dict, list[bytes]]]:
    """Yield each question of GAOKAO-MM with a picture and with one or several right letters."""
    data = real_folder() / "OpenMOSS+GAOKAO-MM/Data"
    for file in sorted(data.glob("*_MCQs.json")):
        for item in json.loads(file.read_text("utf-8"))["example"]:
            paths = [data / each.removeprefix("../Data/") for each in item.get("picture", [])]
            letters = "".join(item["answer"])
            if paths and re.fullmatch("[A-D]+", letters):
                key = f"{file.stem.removesuffix('_MCQs')}-{item['index']}"
                yield key, item, [path.read_bytes() for path in paths]


def _made_replies(letters: str, number: int) -> tuple[Answer, bool]:
    """Return replies to a question by its number: right, wrong, or truncated before the conclusion."""
    other = next(letter for letter in "ABCD" if letter not in letters)
    thought = "【解析】 由图可知, A 项和 B 项需要比较. <eoe>\n"
    made = [
        (Answer(f"{thought}【答案】 {letters} <eoa>"), True),
        (Answer(f"{thought}【答案】 {other} <eoa>"), False),
        (Answer("【解析】 由图可知, A 项和 B 项需要比较, 所以选", "length"), False),
    ]
    return made[number % len(made)]


def gaokao_mm(folder: Path, limit: int | None = None) -> ReplayedSet:
    """Write GAOKAO-MM as `gaokao_mm.tsv`, with pictures before the question."""
    rows, answers, expected = [], {}, {}
    for number, (key, item, pictures) in enumerate(gaokao_questions()):
        if number == limit:
            break
        letters = "".join(item["answer"])
        encoded = [base64.b64encode(each).decode() for each in pictures]
        rows.append(
            {
                "index": key,
                "question": item["question"],
                "answer": letters,
                "subject": key.partition("-")[0],
                "image": encoded[0] if len(encoded) == 1 else str(encoded),
            }
        )
        shown: list[Piece] = [("image", _sha256(each)) for each in pictures]
        answer, right = _made_replies(letters, number)
        answers[(*shown, ("text", item["question"].strip("\n")))] = answer
        expected[key] = Expected(right, letters)
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / "gaokao_mm.tsv", sep="\t", index=False)
    return ReplayedSet("GAOKAO-MM, replies made", "gaokao_mm", answers, expected)


def emma_like(folder: Path, limit: int | None = None) -> ReplayedSet:
    """Write GAOKAO-MM's picture options as EMMA's Parquet, with marks in the question and in each option."""
    rows, answers, expected = [], {}, {}
    for key, item, pictures in gaokao_questions():
        gold = "".join(item["answer"])
        pictured = not OPTION.search(item["question"]) and len(pictures) in PICTURED_OPTIONS
        if not pictured or len(gold) != 1 or len(rows) == limit:
            continue
        own = len(pictures) - 4
        marks = [f"<image_{number + 1}>" for number in range(len(pictures))]
        question = "\n".join([*marks[:own], item["question"]])
        row = {"pid": key, "question": question, "context": "", "options": marks[own:]}
        row |= {"answer": gold, "subject": "Physics", "task": "", "type": "Multiple Choice"}
        images = [{"bytes": each, "path": None} for each in pictures]
        row |= {f"image_{number + 1}": None for number in range(5)}
        rows.append(row | {f"image_{n}": image for n, image in enumerate(images, 1)})
        hashes: list[Piece] = [("image", _sha256(each)) for each in pictures]
        asked: list[Piece] = [*hashes[:own], ("text", f"{item['question']}\n\nA: ")]
        for letter, shown in zip("ABCD", hashes[own:], strict=True):
            asked += [shown, ("text", f"{chr(ord(letter) + 1)}: ")] if letter < "D" else [shown]
        ending = "Answer with the option's letter from the given choices."
        asked.append(("text", f"{ending} Please solve the problem step by step. "))
        answer, right = _made_replies(gold, len(rows))
        answers[tuple((kind, text.strip("\n")) for kind, text in asked)] = answer
        expected[key] = Expected(right, gold)
    parts = [rows[n :: len(EMMA_FILES)] for n in range(len(EMMA_FILES))]
    for name, part in zip(EMMA_FILES, parts, strict=True):
        path = folder / "luckychao/EMMA-mini" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.Table.from_pylist(part, schema=EMMA_SCHEMA), path)
    return ReplayedSet("EMMA's layout, replies made", "emma_mini", answers, expected)


PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
EMMA_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("pid", "question", "context")),
        ("options", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("answer", "subject", "task", "type")),
        *((f"image_{number}", PICTURE) for number in range(1, 6)),
    ]
)
