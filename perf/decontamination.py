"""Count true and false matches of decontamination on real questions: planted disguises, and unrelated sets.

Indexes MATH-V's questions that have a picture. Plants 30 of them in each of 14 disguises. If the picture is
disguised, the words are replaced too, so that only the picture can be recognised. Then searches for every
question of five other sets, which have none of MATH-V's questions, and for two sets of templates. One
compares PuzzleVQA's odd questions with its even ones; identical pictures are no false matches. The other
compares 300 questions that are drawn as pages of text with 300 others. Prints each false match and a table,
and ends with one JSON line. `ahead` is true if 95 % of each disguise except those in BEYOND are found, and
every set has less than 0.5 % false matches.

    R1V3_REAL=<folder> .venv/bin/python perf/decontamination.py [--recipe open-1b]

The folder contains public repositories as `<owner>+<name>`; see `SETS`.
"""

import argparse
import io
import json
import os
import re
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

from r1v3.data.decontamination.evaluation_index import (  # noqa: E402
    EvaluationIndex,
    Hit,
    IndexedQuestion,
    index_evaluations,
)
from r1v3.data.decontamination.ngrams import Words  # noqa: E402
from r1v3.data.decontamination.phash import picture_hash  # noqa: E402
from r1v3.data.decontamination.question_text import question_words  # noqa: E402
from r1v3.recipe.load import load_project  # noqa: E402
from r1v3.recipe.schema.cleaning import CleaningRules  # noqa: E402

PLANTED, PAGES = 30, 300
BEYOND = ("rotated by 10 degrees", "mirrored")  # disguises that the detector is not meant to find
LEAST_FOUND, MOST_FALSE = 0.95, 0.005
OTHER_WORDS = "What does the drawing that belongs to task {} of this sheet show?"


@dataclass(frozen=True)
class Asked:
    """A question with its pictures, as files or as drawn images."""

    name: str
    text: str
    options: tuple[str, ...]
    pictures: tuple[Path | Image.Image, ...]

    def opened(self) -> list[Image.Image]:
        return [_rgb(each) for each in self.pictures]


def _rgb(picture: Path | Image.Image) -> Image.Image:
    """Return a picture in RGB, with a white background if it is transparent."""
    if isinstance(picture, Path):
        with Image.open(picture) as image:
            picture = image.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")


def math_v(folder: Path) -> Iterator[Asked]:
    for row in _lines(folder / "mathllm+MATH-V" / "data" / "test.jsonl"):
        picture = folder / "mathllm+MATH-V" / row["image"]
        if picture.exists():
            text = re.sub(r"<image\d+>", "", row["question"])
            yield Asked(row["id"], text, tuple(row["options"]), (picture,))


def gaokao(folder: Path) -> Iterator[Asked]:
    data = folder / "OpenMOSS+GAOKAO-MM" / "Data"
    for path in sorted(data.glob("*.json")):
        for number, row in enumerate(json.loads(path.read_text(encoding="utf-8"))["example"]):
            named = [data.parent / each.removeprefix("../") for each in row.get("picture") or []]
            pictures = tuple(each for each in named if each.exists())
            yield Asked(f"{path.stem}-{number}", row["question"], (), pictures)


def k12(folder: Path) -> Iterator[Asked]:
    home = folder / "ModalMinds+MM-EUREKA" / "eval" / "k12"
    pictures = {path.name: path for path in sorted(home.rglob("*")) if path.is_file()}
    for row in json.loads((home / "k12.json").read_text(encoding="utf-8")):
        name = Path(row["image_path"]).name
        yield Asked(str(row["id"]), row["question"], (), (pictures[name],))


def logic_vista(folder: Path) -> Iterator[Asked]:
    home = folder / "Yijia-Xiao+LogicVista" / "data"
    for key, row in json.loads((home / "dataset.json").read_text(encoding="utf-8")).items():
        yield Asked(key, row["question"], (), (home / "images" / row["imagename"],))


def puzzle_vqa(folder: Path) -> Iterator[Asked]:
    home = folder / "declare-lab+LLM-PuzzleTest" / "PuzzleVQA" / "data"
    for path in sorted(home.glob("*.json")):
        for number, row in enumerate(_lines(path)):
            options = tuple(str(each) for each in row["options"])
            yield Asked(f"{path.stem}-{number}", row["question"], options, (home / row["image"],))


def geometry3k(folder: Path) -> Iterator[Asked]:
    for path in sorted((folder / "lupantech+InterGPS").rglob("data.json")):
        row = json.loads(path.read_text(encoding="utf-8"))
        pictures = tuple(sorted(path.parent.glob("*.png")))[:1]
        yield Asked(path.parent.name, row["problem_text"], tuple(row["choices"]), pictures)


SETS: dict[str, Callable[[Path], Iterator[Asked]]] = {
    "GAOKAO-MM": gaokao,
    "MM-EUREKA K12": k12,
    "LogicVista": logic_vista,
    "PuzzleVQA": puzzle_vqa,
    "Geometry3K": geometry3k,
}


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def recompressed(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer).convert("RGB")


def scaled(image: Image.Image) -> Image.Image:
    return image.resize((max(1, image.width * 6 // 10), max(1, image.height * 6 // 10)))


def cropped(image: Image.Image) -> Image.Image:
    aside, down = image.width // 20, image.height // 20
    return image.crop((aside, down, image.width - aside, image.height - down))


def padded(image: Image.Image) -> Image.Image:
    return ImageOps.expand(image, border=max(image.size) // 20, fill="white")


def recoloured(image: Image.Image) -> Image.Image:
    return ImageOps.colorize(image.convert("L"), black="navy", white="lightyellow")


def noisy(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(1).normal(0, 12, (image.height, image.width, 1))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def marked(image: Image.Image) -> Image.Image:
    """Add a small watermark in a corner."""
    copy = image.copy()
    size = max(6, image.height // 20)
    place = (image.width * 3 // 4, image.height - 2 * size)
    ImageDraw.Draw(copy).text(place, "sheet 7", fill="grey", font=ImageFont.load_default(size))
    return copy


def text_above(image: Image.Image) -> Image.Image:
    """Add two lines of text above, in the same picture."""
    size = max(10, image.width // 30)
    taller = Image.new("RGB", (image.width, image.height + 4 * size), "white")
    taller.paste(image, (0, 4 * size))
    text = "7. Look at the drawing below and\nanswer the question in your book."
    font = ImageFont.load_default(size)
    ImageDraw.Draw(taller).multiline_text((size, size // 2), text, fill="black", font=font)
    return taller


def rotated(degrees: float) -> Callable[[Image.Image], Image.Image]:
    def turn(image: Image.Image) -> Image.Image:
        return image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor="white")

    return turn


DISGUISES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda image: image,
    "recompressed, JPEG at 40": recompressed,
    "0.6 times as large": scaled,
    "5 % cropped off each side": cropped,
    "5 % of white around": padded,
    "recoloured": recoloured,
    "noise": noisy,
    "watermark in a corner": marked,
    "negative": ImageOps.invert,
    "text printed above": text_above,
    "rotated by 2 degrees": rotated(2),
    "rotated by 10 degrees": rotated(10),
    "mirrored": ImageOps.mirror,
}
RE_OPTIONED = "other options, without its picture"


def hits(index: EvaluationIndex, questions: list[Asked]) -> list[list[Hit]]:
    """Return the twins of each question, found as `r1v3.data.pool` finds them."""
    texts = Words()([question_words(each.text, each.options or None) for each in questions])
    pictured = np.array([bool(each.pictures) for each in questions])
    cut = index.looks.settings.cut
    looks = [
        [seen for image in each.opened() if (seen := picture_hash(image, cut=cut)) is not None]
        for each in questions
    ]
    return index.hits(texts, pictured, looks)


def indexed(questions: list[Asked], cleaning: CleaningRules, folder: Path) -> EvaluationIndex:
    """Write an index of questions, and open it."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    rows = []
    for number, each in enumerate(questions):
        files = []
        for part, image in enumerate(each.opened()):
            files.append(pictures / f"{number}-{part}.png")
            image.save(files[-1])
        text = question_words(each.text, each.options or None)
        rows.append(IndexedQuestion(f"evaluation/{each.name}", text, tuple(files)))
    index_evaluations(cleaning, rows, folder / "index")
    return EvaluationIndex(folder / "index", cleaning)


def planted(evaluation: list[Asked], index: EvaluationIndex) -> list[dict]:
    """Return how many of the planted questions are found, with a row for each disguise."""
    chosen = evaluation[:: len(evaluation) // PLANTED][:PLANTED]
    rows = []
    for name, disguise in DISGUISES.items():
        asked = [
            Asked(each.name, OTHER_WORDS.format(number), (), (disguise(each.opened()[0]),))
            for number, each in enumerate(chosen)
        ]
        rows.append(_found(name, asked, index))
        print(f"  {name}: missed {rows[-1]['missed']}", flush=True)
    long = [each for each in evaluation if len(each.text.split()) >= 20][:PLANTED]
    other = [Asked(each.name, each.text, ("all", "none", "both"), ()) for each in long]
    return [*rows, _found(RE_OPTIONED, other, index)]


def _found(disguise: str, asked: list[Asked], index: EvaluationIndex) -> dict:
    found = [
        f"evaluation/{each.name}" in {hit.twin for hit in twins}
        for each, twins in zip(asked, hits(index, asked), strict=True)
    ]
    missed = [each.name for each, hit in zip(asked, found, strict=True) if not hit]
    return {"disguise": disguise, "found": sum(found), "of": len(asked), "missed": missed}


def _is_copy(one: Asked, other: Asked) -> bool:
    """Return whether two questions have identical pixels, so that a match is not false."""
    first, second = one.opened(), other.opened()
    return bool(first) and [each.tobytes() for each in first] == [each.tobytes() for each in second]


def unrelated(
    name: str, questions: list[Asked], evaluation: list[Asked], index: EvaluationIndex
) -> dict:
    """Return how many questions match, of a set that has none of the evaluation's questions."""
    known = {f"evaluation/{each.name}": each for each in evaluation}
    twins = [
        [hit for hit in found if not _is_copy(each, known[hit.twin])]
        for each, found in zip(questions, hits(index, questions), strict=True)
    ]
    false = [(each.name, found[0]) for each, found in zip(questions, twins, strict=True) if found]
    for asked, hit in false:
        print(f"  {name} {asked}: {hit.twin} text {hit.text:.2f} picture {hit.picture:.2f}")
    return {"set": name, "false": len(false), "of": len(questions)}


def page(text: str) -> Image.Image:
    """Draw a question as a page of text."""
    image = Image.new("RGB", (640, 360), "white")
    lines = "\n".join(textwrap.wrap(text, 60)[:14])
    font = ImageFont.load_default(18)
    ImageDraw.Draw(image).multiline_text((16, 16), lines, fill="black", font=font)
    return image


def pages(folder: Path) -> tuple[list[Asked], list[Asked]]:
    """Return two halves of questions that are drawn as pages of different text, with equal prompts."""
    lines = _lines(folder / "mathllm+MATH-V" / "data" / "test.jsonl")
    texts = sorted({row["question"] for row in lines if len(row["question"].split()) >= 12})
    drawn = [
        Asked(f"page-{number}", "Answer the question in the picture.", (), (page(text),))
        for number, text in enumerate(texts[:: len(texts) // (2 * PAGES)][: 2 * PAGES])
    ]
    return drawn[::2], drawn[1::2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--real", type=Path, default=os.environ.get("R1V3_REAL"))
    parser.add_argument("--recipe", default="open-1b")
    options = parser.parse_args()
    if options.real is None or not Path(options.real).is_dir():
        parser.error("name the folder of real sets with --real or R1V3_REAL")
    real, begun = Path(options.real), time.process_time()
    cleaning = load_project(ROOT, options.recipe).recipe.cleaning
    with tempfile.TemporaryDirectory() as place:
        evaluation = list(math_v(real))
        index = indexed(evaluation, cleaning, Path(place) / "math_v")
        disguises = planted(evaluation, index)
        sets = [unrelated(name, list(read(real)), evaluation, index) for name, read in SETS.items()]
        puzzles, (known, others) = list(puzzle_vqa(real)), pages(real)
        index = indexed(puzzles[::2], cleaning, Path(place) / "puzzles")
        sets.append(unrelated("PuzzleVQA, odd against even", puzzles[1::2], puzzles[::2], index))
        index = indexed(known, cleaning, Path(place) / "pages")
        sets.append(unrelated("pages of text", others, known, index))
    print("| disguise | found |\n| -- | -- |")
    for row in disguises:
        print(f"| {row['disguise']} | {row['found']} of {row['of']} |")
    print("\n| unrelated set | false hits |\n| -- | -- |")
    for row in sets:
        print(f"| {row['set']} | {row['false']} of {row['of']} |")
    ahead = all(
        row["found"] >= LEAST_FOUND * row["of"]
        for row in disguises
        if row["disguise"] not in BEYOND
    ) and all(row["false"] < MOST_FALSE * row["of"] for row in sets)
    seconds = round(time.process_time() - begun, 1)
    print(json.dumps({"disguises": disguises, "sets": sets, "seconds": seconds, "ahead": ahead}))
    return 0 if ahead else 1


if __name__ == "__main__":
    sys.exit(main())
