"""Writes small copies of the public question sets in their published layout.

File names, columns, types and archives are the published ones. Rows are few and made up. Pictures are real if
the folder of the variable R1V3_REAL, or `shared/real` beside the checkout, has them; each is used once.
Otherwise they are drawn.
"""

import base64
import io
import json
import os
import random
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
from PIL import Image, ImageDraw

SIDE = 224  # pixels of the longer side: a tile or two, so that a rehearsal is quick
WORDS = """
amber anchor apple arrow basin beam bell bridge bronze canal candle carbon castle chain circle clock
cloud coil copper crane crystal curve desert dome engine falcon feather field flame forest fossil
garden gear glass granite harbour hill island ivory jungle kettle ladder lake lantern lever magnet
maple marble meadow mirror moon mortar needle ocean orbit palace paper pearl pebble pendulum pipe
planet plate prism pulley quarry river rocket rope sail salt sand shadow silver slope spring square
statue steel storm stream summit temple thread tower tunnel valley valve velvet violin wagon wall
water wheel willow window winter wire
""".split()  # noqa: SIM905
# One code of ISCED-F for each of the report's 20 domains.
CODES = """
0215 0222 0223 0231 0311 0312 0313 0314 0421 0511 0521 0531 0533 0541 0613 0715 0811 0912 0916 0111
""".split()  # noqa: SIM905


class Maker:
    """Makes questions and pictures, each wording and each picture only once."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        real = Path(os.environ.get("R1V3_REAL") or Path(__file__).parents[3] / "shared/real")
        found = sorted(real.rglob("*")) if real.is_dir() else []
        self.real = [path for path in found if path.suffix.lower() in (".png", ".jpg", ".jpeg")]
        self.rng.shuffle(self.real)

    def words(self, count: int = 18) -> str:
        return " ".join(self.rng.sample(WORDS, count))

    def picture(self, form: str = "PNG") -> bytes:
        image = self._real() if self.real else None
        image = image or self._drawn()
        image.thumbnail((SIDE, SIDE))
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, form)
        return buffer.getvalue()

    def _real(self) -> Image.Image | None:
        while self.real:
            try:
                with Image.open(self.real.pop()) as image:
                    image.load()
                    if min(image.size) >= 32:
                        return image.convert("RGB")
            except (OSError, Image.DecompressionBombError):
                continue
        return None

    def _drawn(self) -> Image.Image:
        image = Image.new("RGB", (SIDE, SIDE), self._colour())
        pen = ImageDraw.Draw(image)
        for _ in range(14):
            corners = sorted(self.rng.randrange(SIDE) for _ in range(2))
            sides = sorted(self.rng.randrange(SIDE) for _ in range(2))
            box = (corners[0], sides[0], corners[1] + 1, sides[1] + 1)
            (pen.rectangle if self.rng.random() < 0.5 else pen.ellipse)(box, fill=self._colour())
        return image

    def _colour(self) -> tuple[int, int, int]:
        return (self.rng.randrange(256), self.rng.randrange(256), self.rng.randrange(256))

    def choice(self) -> tuple[str, list[str], str]:
        """Make a question, four options, and the letter of the right one."""
        return f"Which {self.words()}?", self.rng.sample(WORDS, 4), self.rng.choice("ABCD")

    def blank(self) -> tuple[str, str]:
        """Make a question and a number."""
        return f"How many {self.words()}?", str(self.rng.randrange(1000))


def lettered(options: list[str]) -> str:
    return "\n".join(f"{letter}. {text}" for letter, text in zip("ABCD", options, strict=True))


def write_sets(folder: Path, seed: int = 1) -> dict[str, Path]:
    """Write every data set below a folder, and return their folders by id."""
    make = Maker(seed)
    for write in (k12_vista, cmm_math, mmk12, virl39k, we_math_pro, mmr1_math, bmmr, pmc_vqa, puzzle_vqa,
                  scienceqa, m3cot, geometry3k):  # fmt: skip
        id, files = write(make)
        for name, data in files.items():
            path = folder / id / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return datasets(folder)


def datasets(folder: Path) -> dict[str, Path]:
    """Return the folder of each repository below a folder, by its id."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.glob("*/*"))}


Files = tuple[str, dict[str, bytes]]


def k12_vista(make: Maker) -> Files:
    subjects = ("math", "physics", "chemistry", "biology", "geography")
    rows = []
    for number in range(150):
        choice = number % 3 > 0
        question, options, answer = make.choice()
        if not choice:
            question, answer = make.blank()
        rows.append(
            {
                "hash_id": f"{number:032x}",
                "question": f"{question}\n{lettered(options)}" if choice else question,
                "img": base64.b64encode(make.picture("JPEG")).decode(),
                "type": "multiple-choice" if choice else "fill-in-the-blank",
                "subject": subjects[number % 5],
                "difficulty": ("easy", "medium", "hard")[number % 3],
                "knowledge_point": make.rng.choice(WORDS),
                "format_answer": {"ground_truth": [answer], "format_solution": make.words()},
            }
        )
    return "lipku1999/K12-Vista", {"K12_Vista.jsonl": _lines(rows)}


def cmm_math(make: Maker) -> Files:
    pictures: dict[str, bytes] = {}
    files: dict[str, bytes] = {}
    for part, count in (("train", 40), ("test", 60)):
        rows = []
        for number in range(count):
            question, options, answer = make.choice()
            if number % 4 == 3:
                question, answer = make.blank()
            name = f"{part}_{number}.png"
            pictures[f"images/{part}/{name}"] = make.picture()
            rows.append(
                {
                    "id": f"{part}-{number}",
                    "question": f"<ImageHere>{question}",
                    "options": "[]" if number % 4 == 3 else lettered(options),
                    "answer": answer,
                    "image": [name],
                    "solution": make.words(),
                    "analysis": make.words(),
                    "level": "七年级",
                    "subject": "几何",
                }
            )
        files[f"{part}_data.jsonl"] = _lines(rows)
    return "ecnu-icalk/cmm-math", {**files, "images.zip": _zip(pictures)}


def mmk12(make: Maker) -> Files:
    rows = []
    for number in range(40):
        question, answer = make.blank()
        rows.append({"id": f"a{number}", "question": f"<image>{question}", "answer": answer,
                     "subject": "math", "image": _image(make)})  # fmt: skip
    return "FanqingM/MMK12", {"data/train-00000-of-00001.parquet": _parquet(rows)}


def virl39k(make: Maker) -> Files:
    categories = ("(GradeSchool) Geometric", "(GradeSchool) Non-Geo Math", "(GradeSchool) Science",
                  "Broader STEM Topics", "Social Science")  # fmt: skip
    rows, pictures = [], {}
    for number in range(100):
        question, answer = make.blank()
        name = f"images/q-{number}-0.jpg"
        pictures[name] = make.picture("JPEG")
        rows.append(
            {
                "question": f"<image>\n{question}",
                "answer": f"\\boxed{{{answer}}}",
                "PassRate_32BTrained": (0.25, 0.125, -1.0, 0.75)[number % 4],
                "PassRate_7BBase": 0.0,
                "category": categories[number % 2 if number % 4 < 2 else number % 5],
                "source": "Processed",
                "qid": f"q-{number}",
                "image": [name],
            }
        )
    return "TIGER-Lab/ViRL39K", {"39Krelease.parquet": _parquet(rows), "images.zip": _zip(pictures)}


def we_math_pro(make: Maker) -> Files:
    rows = []
    for number in range(20):
        question, answer = make.blank()
        rows.append({"question_id": str(number), "question": question, "image": _image(make),
                     "difficulty": "2", "knowledge points": "x", "idx": number,
                     "answer": answer})  # fmt: skip
    return "We-Math/We-Math2.0-Pro", {"data/pro-00000-of-00001.parquet": _parquet(rows)}


def mmr1_math(make: Maker) -> Files:
    rows = []
    for _ in range(20):
        question, answer = make.blank()
        rows.append({"images": [_image(make)], "problem": f"<image>{question}", "answer": answer})
    return "MMR1/MMR1-Math-RL-Data-v0", {
        "data/train-00000-of-00001.parquet": _parquet(rows),
        "data/validation-00000-of-00001.parquet": _parquet(rows[:1]),
    }


def bmmr(make: Maker) -> Files:
    lines = [
        "\t".join(
            ("id", "question", "image", "answer", "task_type", "language", "cot", "category_id")
        )
    ]
    for number in range(200):
        question, options, answer = make.choice()
        image = str([base64.b64encode(make.picture("JPEG")).decode()])
        cells = (f"b{number}", f'"{question}\n{lettered(options)}"', image, answer, "choice", "en",
                 str(number % 2 == 0), str([CODES[number % len(CODES)]]))  # fmt: skip
        lines.append("\t".join(cells))
    return "guanyu615/BMMR", {"testset/BMMR.tsv": ("\n".join(lines) + "\n").encode()}


def pmc_vqa(make: Maker) -> Files:
    lines, pictures = (
        ["index,Figure_path,Caption,Question,Choice A,Choice B,Choice C,Choice D,Answer,split"],
        {},
    )
    for number in range(12):
        question, options, answer = make.choice()
        name = f"PMC{number}_F1.jpg"
        pictures[f"figures/{name}"] = make.picture("JPEG")
        choices = [f" {letter}:{text}" for letter, text in zip("ABCD", options, strict=True)]
        lines.append(",".join((str(number), name, "none", question, *choices, answer, "train")))
    return "xmcmic/PMC-VQA", {
        "train_2.csv": ("\n".join(lines) + "\n").encode(),
        "images_2.zip": _zip(pictures),
    }


def puzzle_vqa(make: Maker) -> Files:
    files: dict[str, bytes] = {}
    for pattern in ("color_grid", "circle_size_number"):
        rows = []
        for number in range(8):
            question, options, answer = make.choice()
            name = f"images/{pattern}/{pattern}_{number:04d}.png"
            files[f"data/{name}"] = make.picture()
            rows.append({"image": name, "question": question, "options": options,
                         "answer": options["ABCD".index(answer)], "caption": "x", "explanation": "x",
                         "deduction": "x"})  # fmt: skip
        files[f"data/{pattern}.json"] = _lines(rows)  # JSON lines in spite of the name
    return "declare-lab/PuzzleVQA", files


def scienceqa(make: Maker) -> Files:
    rows = []
    for number in range(24):
        question, options, answer = make.choice()
        rows.append({"image": _image(make), "question": question, "choices": options,
                     "answer": "ABCD".index(answer), "hint": "", "task": "closed choice", "grade": "grade4",
                     "subject": ("natural science", "language science")[number % 2],
                     "topic": ("physics", "literacy-in-science")[number % 2], "category": "x", "skill": "x",
                     "lecture": "", "solution": ""})  # fmt: skip
    return "derek-thomas/ScienceQA", {"data/train-00000-of-00001.parquet": _parquet(rows)}


def m3cot(make: Maker) -> Files:
    rows = []
    for number in range(12):
        question, options, answer = make.choice()
        rows.append({"id": f"m-{number}", "category": "x", "question": question, "choices": options,
                     "context": "", "answer": answer, "rationale": make.words(), "split": "train",
                     "image": _image(make), "domain": "science", "topic": "natural-science"})  # fmt: skip
    return "LightChen2333/M3CoT", {"data/train-00000-of-00001.parquet": _parquet(rows)}


def geometry3k(make: Maker) -> Files:
    rows = []
    for _ in range(12):
        question, answer = make.blank()
        rows.append({"images": [_image(make)], "problem": f"<image>{question}", "answer": answer})
    return "hiyouga/geometry3k", {"data/train-00000-of-00001.parquet": _parquet(rows)}


def _image(make: Maker) -> dict[str, object]:
    return {"bytes": make.picture(), "path": None}


def _lines(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _parquet(rows: list[dict]) -> bytes:
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    kinds: dict[str, pa.DataType] = {"image": image, "images": pa.list_(image)}

    def kind(name: str, value: object) -> pa.DataType:
        if name in kinds and not (isinstance(value, list) and isinstance(value[0], str)):
            return kinds[name]
        return pa.float32() if isinstance(value, float) else pa.infer_type([value])

    schema = pa.schema([(name, kind(name, value)) for name, value in rows[0].items()])
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), buffer)
    return buffer.getvalue()


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()
