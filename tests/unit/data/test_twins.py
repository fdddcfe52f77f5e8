"""Decontamination and near-duplicates: planted twins are found, and similar questions are not."""

import io
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from data_fixtures import CLEANING, listed, source_config
from evaluation_fixtures import indexed, write_benchmark
from PIL import Image, ImageDraw, ImageFont, ImageOps

from r1v3.data.decontamination.evaluation_index import EvaluationIndex, index_evaluations
from r1v3.data.decontamination.ngrams import Words, grams, jaccard, words
from r1v3.data.decontamination.parts import part_boxes
from r1v3.data.decontamination.phash import hashes, likeness, picture_hash, thumbnail
from r1v3.data.decontamination.question_text import question_words
from r1v3.data.prepare import prepare
from r1v3.data.records import Record, png_bytes, read_records, store_image, write_records
from r1v3.data.world import World
from r1v3.evaluate.questions import evaluation_questions
from r1v3.recipe.schema.cleaning import Cleaning
from r1v3.recipe.tables.benchmarks import load_table

ROOT = Path(__file__).parents[3]
LONG = (
    "A train leaves the station at nine and rides north for four hours at sixty kilometres an hour before it "
    "stops for twenty minutes and then rides on at half of that speed"
)


def drawing(seed: int) -> Image.Image:
    rng = random.Random(seed)
    image = Image.new("RGB", (360, 260), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(7):
        points = [(rng.randrange(30, 330), rng.randrange(25, 235)) for _ in range(3)]
        pen.polygon(points, outline="black", width=3)
    return image


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def cut(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    box = (left * width, top * height, width - right * width, height - bottom * height)
    return image.crop(tuple(map(round, box)))


CHANGES = {
    "same": lambda image: image,
    "recompressed": lambda image: jpeg(image, 30),
    "half as large": lambda image: image.resize((image.width // 2, image.height // 2)),
    "three times as large": lambda image: image.resize((image.width * 3, image.height * 3)),
    "squeezed": lambda image: image.resize((image.width, round(0.9 * image.height))),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "cut all around": lambda image: cut(image, 0.06, 0.06, 0.06, 0.06),
    "cut at two sides": lambda image: cut(image, 0.1, 0.0, 0.0, 0.08),
    "all of it": lambda image: jpeg(cut(image, 0.04, 0.0, 0.07, 0.02).resize((300, 230)), 50),
}


def record(number: int, question: str, *images: str, split: str = "test") -> Record:
    return Record(
        f"e{number}", question, None, "1", "open", images, "mathematics", "k12", "en", "made",
        "CC0-1.0", split,
    )  # fmt: skip


def page(seed: int) -> Image.Image:
    """Draw a page of text; another seed gives other words with the same overall look."""
    rng = random.Random(seed)
    image = Image.new("RGB", (400, 300), "white")
    pen = ImageDraw.Draw(image)
    for line in range(16):
        text = " ".join(
            "".join(rng.choices("abcdefghiklmnoprstuvw", k=rng.randint(3, 8))) for _ in range(9)
        )
        pen.text((10, 8 + 18 * line), text, fill="black")
    return image


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    """Make an index of twenty questions about drawings, a long text, and a short text."""
    folder = tmp_path_factory.mktemp("evaluation")
    records = [
        record(n, f"What is the angle {n}?", store_image(folder, drawing(n))) for n in range(20)
    ]
    records += [record(20, LONG), record(21, "What is two and two?")]
    write_records(folder, records)
    facts = index_evaluations(
        CLEANING, evaluation_questions({}, {}, {"held": folder}), folder / "index"
    )
    assert facts["by"]["held"] == {"questions": 22, "pictures": 20, "blank": 0}
    return EvaluationIndex(folder / "index", CLEANING)


def hits(evaluation, question: str, *images: Image.Image):
    texts = Words()([question_words(question, None)])
    cut = evaluation.looks.settings.cut
    looks = [[each for image in images if (each := picture_hash(image, cut=cut)) is not None]]
    return evaluation.hits(texts, np.array([bool(images)]), looks)[0]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_picture_of_an_evaluation_is_found_with_its_twin(evaluation, change):
    for number in range(0, 20, 4):
        found = hits(evaluation, "Quite another question?", CHANGES[change](drawing(number)))
        assert [(hit.twin, hit.kind) for hit in found] == [(f"held/e{number}", "picture")]


def test_an_index_of_an_earlier_version_is_read_where_its_keys_ask_for_no_more(
    evaluation, tmp_path
):
    shutil.copytree(evaluation.looks.folder.parent, tmp_path / "index")
    for name in ("colours.npy", "inner.npy"):
        (found,) = (tmp_path / "index").rglob(name)
        found.unlink()
    old = EvaluationIndex(tmp_path / "index", CLEANING)
    assert [hit.twin for hit in hits(old, "Another?", drawing(4))] == ["held/e4"]


def test_an_evaluation_that_shows_a_part_of_the_picture_is_found_too(evaluation):
    image = drawing(3)
    wider = Image.new("RGB", (round(image.width * 1.12), round(image.height * 1.1)), "white")
    wider.paste(image, (round(0.06 * image.width), round(0.05 * image.height)))
    assert [hit.twin for hit in hits(evaluation, "Another?", wider)] == ["held/e3"]


def test_other_pictures_are_no_twins(evaluation):
    for number in range(100, 160):
        assert hits(evaluation, "Quite another question?", drawing(number)) == []
    assert hits(evaluation, "Blank?", Image.new("RGB", (50, 50), "white")) == []


def test_a_text_is_found_whole_edited_and_inside_a_longer_one(evaluation):
    edited = LONG.replace("sixty kilometres", "sixty  KILOMETRES,").replace(
        "four hours", "five hours"
    )
    longer = f"{'Read this first. ' * 20} {LONG}. {'And then answer all of this. ' * 20}"
    for question in (LONG, edited, longer):
        assert [(h.twin, h.kind) for h in hits(evaluation, question)] == [("held/e20", "text")]
    assert hits(evaluation, LONG[:60]) == []


def test_few_words_say_enough_only_where_no_picture_is(evaluation):
    assert [hit.twin for hit in hits(evaluation, "What is two and two?")] == ["held/e21"]
    assert hits(evaluation, "What is two and two?", drawing(200)) == []
    assert hits(evaluation, "What is the angle 5?", drawing(201)) == []
    (hit,) = hits(evaluation, "What is the angle 5?", drawing(5))
    assert (hit.twin, hit.picture > 0.99) == ("held/e5", True)


def test_options_in_another_place_make_no_other_question():
    options = ("12", "15", "20")
    assert (
        question_words(LONG, options)
        == question_words(f"{LONG}\nA. 12\nB. 15\nC. 20", None).strip()
    )
    assert question_words("Which?", ("b", "a")) == question_words("Which?", ("a", "b"))


def test_boilerplate_says_nothing(tmp_path):
    phrase = "Look at the picture and choose the one option that is right for the figure shown"
    write_records(tmp_path, [record(n, f"{phrase}.") for n in range(12)])
    index_evaluations(CLEANING, evaluation_questions({}, {}, {"h": tmp_path}), tmp_path / "i")
    assert hits(EvaluationIndex(tmp_path / "i", CLEANING), phrase) == []


def test_words_are_those_of_the_normalised_text():
    assert words("Ｆｉｎｄ \\left( x^2 \\right) <image 1> 已知!") == ["find", "x", "2", "已", "知"]


def test_grams_agree_where_words_do():
    one, other = Words()(["a b c d", "z a b c"]), Words()(["x a b c y", "q"])
    first, starts = grams(one, 3)
    second, _ = grams(other, 3)
    assert starts.tolist() == [0, 2, 4]
    assert set(first.tolist()) & set(second.tolist()) == {first[0]}
    assert first[0] == first[3]
    assert len(second) == 4  # three runs, and a short text as a whole


def test_jaccard_counts_shared_of_all():
    assert jaccard(np.array([1, 2, 3]), np.array([2, 3, 4, 5])) == 2 / 5
    assert jaccard(np.array([]), np.array([1])) == 0.0


def test_hashes_of_trims_are_those_of_trimmed_pictures():
    image = drawing(1)
    ours = hashes(thumbnail(image))
    for trim, variant in ((0.05, 4 * 9 + 4), (0.10, 8 * 9 + 8)):
        theirs = hashes(thumbnail(cut(image, trim, trim, trim, trim)), trims=False)
        assert int(np.bitwise_count(ours[variant] ^ theirs[0])) <= 4
        assert (
            likeness(thumbnail(cut(image, trim, trim, trim, trim)), thumbnail(image), variant)[0]
            > 0.97
        )


def rows(folder, *fields: dict) -> dict:
    base = {
        "answer": "1",
        "answer_type": "fill",
        "domain": "d",
        "difficulty": "k12",
        "language": "en",
    }
    lines = [json.dumps({"id": f"q{n}", **base, **each}) for n, each in enumerate(fields)]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    return listed(folder / "rows.jsonl")


def saved(folder, name: str, image: Image.Image) -> str:
    (folder / name).write_bytes(png_bytes(image))
    return name


def test_near_duplicates_go_and_their_twins_are_named(tmp_path):
    a, b = (
        saved(tmp_path, "a.png", drawing(1)),
        saved(tmp_path, "b.png", CHANGES["all of it"](drawing(1))),
    )
    c = saved(tmp_path, "c.png", drawing(2))
    source = rows(
        tmp_path,
        {"question": "What is the angle?", "images": [a]},
        {"question": "What is the angle?", "images": [c]},  # another picture
        {"question": "How long is the side of it?", "images": [a]},  # another question
        {"question": "What is the angle?", "images": [b]},
        {"question": LONG},
        {"question": LONG.replace("nine", "ten")},
    )
    facts = prepare(source_config(source, 10, duplicates="drop"), tmp_path / "set")
    assert [each.id for each in read_records(tmp_path / "set")] == ["q0", "q1", "q2", "q4"]
    twins = [
        json.loads(line) for line in (tmp_path / "set" / "twins.jsonl").read_text().splitlines()
    ]
    assert [(t["id"], t["twin"], t["kind"]) for t in twins] == [
        ("q3", "q0", "text and picture"),
        ("q5", "q4", "text"),
    ]
    assert facts["rejected"] == {"duplicate": {"same text": 1, "same text and picture": 1}}
    assert len(list((tmp_path / "set" / "images").rglob("*.png"))) == 2
    listing = prepare(source_config(source, 10, duplicates="list"), tmp_path / "listed")
    assert listing["records"] == 6
    assert len((tmp_path / "listed" / "twins.jsonl").read_text().splitlines()) == 2


def test_planted_questions_of_a_benchmark_are_taken_out_of_a_training_set(tmp_path):
    """Put two pictures and one text of a MathVista miniature into the training rows."""
    entry = load_table(ROOT / "config" / "benchmarks.yaml")["mathvista_mini"]
    folder = tmp_path / "mathvista_mini-made"
    tsv = write_benchmark(folder, "mathvista_mini", entry, items=12)
    facts = index_evaluations(
        CLEANING,
        evaluation_questions(
            {"mathvista_mini": indexed(folder, entry)}, {"mathvista_mini": tsv}, {}
        ),
        tmp_path / "index",
    )
    assert facts["questions"] == 12
    pictures = sorted((folder / "images").rglob("*.png"))[:2]
    planted = [
        {"question": f"What is seen in place {n}?", "images": [saved(tmp_path, f"{n}.png", image)]}
        for n, image in enumerate(
            CHANGES["cut all around"](Image.open(path).convert("RGB").resize((112, 112)))
            for path in pictures
        )
    ]
    rng, world = random.Random(5), World("train")
    clean = [
        {"question": item.question, "images": [saved(tmp_path, f"c{n}.png", item.images[0])]}
        for n in range(20)
        if (item := world.item("sum", "open", "plain", rng))
    ]
    source = rows(tmp_path, *planted, *clean)
    found = prepare(
        source_config(source, 50, contaminated="drop"), tmp_path / "set", tmp_path / "index"
    )
    assert found["hits"] == {"mathvista_mini": 2}
    assert found["rejected"] == {"contaminated": {"same picture": 2}}
    assert [each.id for each in read_records(tmp_path / "set")] == [f"q{n}" for n in range(2, 22)]
    shown = found["examples"]["contaminated"][0]
    assert shown["id"] == "q0"
    assert shown["twin"].startswith("mathvista_mini/")


def test_pages_of_text_are_told_apart_and_found_again(tmp_path):
    record_of = record(1, "What does it say?", store_image(tmp_path, page(1)))
    write_records(tmp_path, [record_of])
    index_evaluations(
        CLEANING, evaluation_questions({}, {}, {"held": tmp_path}), tmp_path / "index"
    )
    index = EvaluationIndex(tmp_path / "index", CLEANING)
    for seed in range(2, 12):
        assert not hits(index, "Which word is it?", page(seed))
    assert hits(index, "Which word is it?", jpeg(page(1), 60))


def strict(**pictures) -> Cleaning:
    """Return the rules of the recipe `open`, with changed keys for pictures."""
    text = CLEANING.text.model_copy(update={"template": 3})
    keys = {"min_detail": 0.93, "turned": True, "cut": True, "colours": True, "max_replaced": 1}
    keys |= pictures
    return CLEANING.model_copy(
        update={"text": text, "pictures": CLEANING.pictures.model_copy(update=keys)}
    )


def index_of(folder: Path, cleaning: Cleaning, questions: list[tuple[str, Image.Image]]):
    rows = [
        record(n, text, store_image(folder, image)) for n, (text, image) in enumerate(questions)
    ]
    write_records(folder, rows)
    index_evaluations(cleaning, evaluation_questions({}, {}, {"held": folder}), folder / "index")
    return EvaluationIndex(folder / "index", cleaning)


def lines(number: int) -> Image.Image:
    """Draw one of several pages with three lines of equal lengths in small letters."""
    rng = random.Random(number)
    image = Image.new("RGB", (640, 360), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    for line in range(3):
        text = "".join(rng.choices("abcdefghiknopqrsuvxz ", k=58))
        pen.text((16, 16 + 26 * line), text, fill="black", font=font)
    return image


def test_negatives_and_pictures_turned_by_a_few_degrees_are_found(tmp_path):
    index = index_of(tmp_path, strict(), [("How many?", drawing(n)) for n in range(6)])
    plain = EvaluationIndex(tmp_path / "index", strict(turned=False))
    for number in range(6):
        negative = ImageOps.invert(drawing(number))
        assert [hit.twin for hit in hits(index, "Another?", negative)] == [f"held/e{number}"]
        assert hits(plain, "Another?", negative) == []
        turned = drawing(number).rotate(3, Image.Resampling.BICUBIC, fillcolor="white")
        assert [hit.twin for hit in hits(index, "Another?", turned)] == [f"held/e{number}"]
        assert hits(plain, "Another?", turned) == []
        assert hits(index, "Another?", drawing(number + 50)) == []


def test_few_lines_of_small_letters_are_told_apart_by_their_details(tmp_path):
    index = index_of(tmp_path, strict(), [("What does it say?", lines(n)) for n in range(8)])
    coarse = EvaluationIndex(tmp_path / "index", strict(min_detail=0.0))
    others = [lines(number) for number in range(100, 116)]
    assert any(hits(coarse, "Which word is it?", each) for each in others)
    assert not any(hits(index, "Which word is it?", each) for each in others)
    (hit,) = hits(index, "Which word is it?", jpeg(lines(2), 40))
    assert hit.twin == "held/e2"


def test_words_that_stand_beside_three_pictures_say_nothing_beside_a_fourth(tmp_path):
    index = index_of(tmp_path, strict(), [(LONG, drawing(n)) for n in range(3)])
    assert hits(index, LONG, drawing(70)) == []
    assert [hit.twin for hit in hits(index, LONG, drawing(1))] == ["held/e1"]
    assert len(hits(index, LONG)) == 3  # without a picture the words are all there is
    (tmp_path / "two").mkdir()
    two = index_of(tmp_path / "two", strict(), [(LONG, drawing(n)) for n in (0, 1, 1)])
    assert len(hits(two, LONG, drawing(70))) == 3  # three questions about two pictures


def wide(number: int) -> Image.Image:
    """Draw a picture five times as wide as high."""
    return drawing(number).resize((900, 180))


def under_text(image: Image.Image) -> Image.Image:
    taller = Image.new("RGB", (image.width, image.height + 120), "white")
    taller.paste(image, (0, 120))
    text = "7. Look at the drawing below and\nanswer the question in your book."
    font = ImageFont.load_default(30)
    ImageDraw.Draw(taller).multiline_text((30, 15), text, fill="black", font=font)
    return taller


def test_a_drawing_on_a_larger_sheet_or_under_lines_of_text_is_found(tmp_path):
    index = index_of(tmp_path, strict(), [("How many?", wide(n)) for n in range(6)])
    whole = EvaluationIndex(tmp_path / "index", strict(cut=False))
    for number in range(6):
        sheet = ImageOps.expand(wide(number), border=45, fill="white")
        for image in (sheet, under_text(wide(number))):
            assert [hit.twin for hit in hits(index, "Another?", image)] == [f"held/e{number}"]
        assert hits(whole, "Another?", under_text(wide(number))) == []
        assert hits(index, "Another?", under_text(wide(number + 50))) == []


def test_parts_of_a_picture_are_what_lies_within_its_margins_and_beyond_its_gaps():
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).rectangle((40, 90, 159, 179), fill="black")
    assert part_boxes(image) == ((40, 90, 160, 180), [])
    ImageDraw.Draw(image).rectangle((20, 20, 99, 29), fill="black")  # a line of text above
    assert part_boxes(image) == ((20, 20, 160, 180), [(40, 90, 160, 180)])
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)  # as a photograph
    assert part_boxes(Image.fromarray(noise)) == (None, [])
    assert part_boxes(Image.new("RGB", (200, 200), "white")) == (None, [])


def circles(*colours: str) -> Image.Image:
    """Draw nine circles in these colours, in turn."""
    image = Image.new("RGB", (300, 300), "white")
    pen = ImageDraw.Draw(image)
    for place in range(9):
        left, top = 20 + 95 * (place % 3), 20 + 95 * (place // 3)
        colour = colours[place % len(colours)]
        pen.ellipse((left, top, left + 70, top + 70), fill=colour, outline="black", width=2)
    return image


def test_a_pattern_in_other_colours_is_another_picture_and_a_copy_without_colours_is_not(tmp_path):
    cells = ["#8e7cc3", "#6fa8dc", "#8e7cc3", "#6fa8dc", "#f6b26b", "#6fa8dc"] + ["#8e7cc3"] * 3
    original = circles(*cells)
    index = index_of(tmp_path, strict(), [("Which colour?", original)])
    grey_only = EvaluationIndex(tmp_path / "index", strict(colours=False))
    yellow = circles(*[each.replace("#f6b26b", "#ffd966") for each in cells])
    assert hits(grey_only, "Another?", yellow)
    assert hits(index, "Another?", yellow) == []
    tinted = ImageOps.colorize(original.convert("L"), black="navy", white="lightyellow")
    faded = Image.blend(original, original.convert("L").convert("RGB"), 0.4)
    for copy in (original.convert("L").convert("RGB"), tinted, faded, jpeg(original, 40)):
        assert [hit.twin for hit in hits(index, "Another?", copy)] == ["held/e0"]


def digits(*numbers: int) -> Image.Image:
    """Draw a grid of nine numbers."""
    image = Image.new("RGB", (300, 300), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(40)
    for place, number in enumerate(numbers):
        left, top = 100 * (place % 3), 100 * (place // 3)
        pen.rectangle((left + 4, top + 4, left + 96, top + 96), outline="black", width=3)
        pen.text((left + 36, top + 28), str(number), fill="black", font=font)
    return image


def test_numbers_in_the_place_of_others_make_another_picture_and_a_watermark_does_not(tmp_path):
    original = digits(3, 7, 4, 1, 9, 2, 5, 8, 6)
    index = index_of(tmp_path, strict(), [("Which number?", original)])
    loose = EvaluationIndex(tmp_path / "index", strict(max_replaced=None))
    other = digits(3, 7, 4, 1, 4, 2, 5, 8, 6)
    assert hits(loose, "Another?", other)
    assert hits(index, "Another?", other) == []
    marked = original.copy()
    ImageDraw.Draw(marked).text((210, 284), "sheet 7", fill="grey", font=ImageFont.load_default(12))
    assert [hit.twin for hit in hits(index, "Another?", marked)] == ["held/e0"]
