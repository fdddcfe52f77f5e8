"""Generates the rows that `data.py` cleans: questions, a twentieth of them with a picture, and planted rows.

Planted rows are near-duplicates of earlier rows; questions of the evaluation with a changed word; pictures of
the evaluation that were cropped, resized and compressed again; and rows that must be rejected. The id of a
planted row names its kind, so that found rows can be counted.
"""

import io
import json
import random
from pathlib import Path

from PIL import Image, ImageDraw

from r1v3.data.records import Record, store_image, write_records

WORDS = [
    f"{a}{b}{c}"
    for a in "bcdfglmnprst"
    for b in "aeiou"
    for c in ("n", "ral", "tis", "mo", "ke", "")
]
SHAPES = ("polygon", "ellipse", "line", "text")
EVALUATION = 20_000  # questions, half of them with a picture
PICTURED = 20  # one row in 20 has a picture
PLANTED = {"duplicate": 0.005, "text": 0.001, "picture": 0.001, "hostile": 0.002}


def question(number: int, kind: str) -> str:
    """Return a question of 20 to 60 words; the same number gives the same question."""
    rng = random.Random(f"{kind}{number}")
    said = " ".join(rng.choices(WORDS, k=rng.randrange(16, 56)))
    return f"Given {rng.randrange(1000)}: {said}, find the value of x{rng.randrange(10**6)}."


def diagram(number: int, kind: str) -> Image.Image:
    """Return a line drawing of about 240 x 200 pixels."""
    rng = random.Random(f"{kind}{number}")
    image = Image.new("RGB", (rng.randrange(200, 280), rng.randrange(160, 240)), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(rng.randrange(5, 10)):
        points = [(rng.randrange(image.width), rng.randrange(image.height)) for _ in range(3)]
        shape = rng.choice(SHAPES)
        if shape == "polygon":
            pen.polygon(points, outline="black", fill=rng.choice(("#dde6f0", None)), width=2)
        elif shape == "line":
            pen.line(points, fill="black", width=3)
        elif shape == "text":
            pen.text(points[0], rng.choice("ABCDXYZ"), fill="black", font_size=28)
        else:
            (a, b), (c, d), _ = points
            pen.ellipse(
                (min(a, c), min(b, d), max(a, c) + 2, max(b, d) + 2), outline="black", width=2
            )
    return image


def altered(image: Image.Image, rng: random.Random) -> bytes:
    """Return a picture with up to a tenth cropped off each side, resized and compressed again."""
    cut = [rng.choice((0.0, rng.uniform(0, 0.1))) for _ in range(4)]
    width, height = image.size
    box = (cut[0] * width, cut[1] * height, width - cut[2] * width, height - cut[3] * height)
    image = image.crop(tuple(map(round, box)))
    factor = rng.uniform(0.6, 1.8)
    image = image.resize((round(image.width * factor), round(image.height * factor)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=rng.randrange(45, 90))
    return buffer.getvalue()


def write_evaluation(folder: Path) -> None:
    """Write a held-out set that training rows are compared with."""
    folder.mkdir(parents=True, exist_ok=True)

    def records():
        for number in range(EVALUATION):
            images = ()
            if number % 2:
                images = (store_image(folder, diagram(number, "e")),)
            yield Record(
                f"e{number}", question(number, "e"), None, "1", "open", images, "mathematics", "k12",
                "en", "made", "CC0-1.0", "test",
            )  # fmt: skip

    write_records(folder, records())


def write_rows(folder: Path, count: int) -> dict[str, int]:
    """Write `rows.jsonl` and pictures, and return the number of planted rows of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    planted = dict.fromkeys(PLANTED, 0)
    with open(folder / "rows.jsonl", "w") as file:
        for number in range(count):
            rng = random.Random(number)
            row = {
                "id": f"r{number}", "question": question(number, "t"), "answer": str(number % 97),
                "answer_type": "fill", "domain": "mathematics", "difficulty": "k12", "language": "en",
            }  # fmt: skip
            image = diagram(number, "t") if number % PICTURED == 0 else None
            kind = _kind(rng, number)
            if kind:
                planted[kind] += 1
                row["id"] = f"{kind}-{number}"
                image = _plant(row, kind, number, image, rng)
            if image is not None:
                data = image if isinstance(image, bytes) else _png(image)
                suffix = "jpg" if data[:1] == b"\xff" else "png"
                place = f"pictures/{number // 1000}/{number}.{suffix}"
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                (folder / place).write_bytes(data)
                row["images"] = [place]
            file.write(json.dumps(row) + "\n")
    return planted


def _kind(rng: random.Random, number: int) -> str | None:
    draw = rng.random()
    for kind, share in PLANTED.items():
        if draw < share:
            return kind if number > 100 or kind != "duplicate" else None
        draw -= share
    return None


def _plant(row: dict, kind: str, number: int, image, rng: random.Random):
    """Turn a row into a planted row, and return its picture."""
    if kind == "duplicate":
        earlier = rng.randrange(1, number)
        earlier += earlier % PICTURED == 0  # one without a picture
        row["question"] = _one_word_changed(question(earlier, "t"), rng)
        return None
    if kind == "text":
        row["question"] = _one_word_changed(question(2 * rng.randrange(EVALUATION // 2), "e"), rng)
        return None
    if kind == "picture":
        return altered(diagram(2 * rng.randrange(EVALUATION // 2) + 1, "e"), rng)
    row["answer_type"], row["answer"] = rng.choice((("mcq", "Q"), ("fill", " "), ("essay", "1")))
    return image


def _one_word_changed(text: str, rng: random.Random) -> str:
    """Replace any but the first ten words in a long text, or the last word in a short one.

    In both cases the Jaccard similarity of shingles stays above 0.8.
    """
    words = text.split()
    place = rng.randrange(10, len(words)) if len(words) > 45 else len(words) - 1
    words[place] = "another"
    return " ".join(words)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
