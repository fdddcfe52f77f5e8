"""Cells in the forms that people write: each is read in its only meaning, or refused with its name."""

import datetime
from decimal import Decimal

import pytest

from r1v3.data.fields import Rejected
from r1v3.data.picture_cells import pictures_of
from r1v3.data.sources.mappings import MAPPING_FUNCTIONS

ROW = {
    "id": "q1", "question": "What is shown here?", "answer": "B", "answer_type": "mcq",
    "options": ["5", "7", "9"], "domain": "logic", "difficulty": "k12", "language": "en",
}  # fmt: skip
NAN = float("nan")


def read(**changed) -> dict:
    return MAPPING_FUNCTIONS["records"](ROW | changed, 1)


def refusal(**changed) -> tuple[str, str]:
    with pytest.raises(Rejected) as refused:
        read(**changed)
    return refused.value.reason, refused.value.detail


@pytest.mark.parametrize(
    "options",
    [
        ["5", "7", "9"],
        [5, 7.0, Decimal("9")],
        ["5", "7", "9", None, NAN, ""],
        {"A": "5", "B": "7", "C": "9"},
        {"C": "9", "a": "5", "B": 7},
        {"A": "5", "B": "7", "C": "9", "D": None},
        [("A", "5"), ("B", "7"), ("C", "9")],
        {"label": ["A", "B", "C"], "text": ["5", "7", "9"]},
        [{"key": "A", "value": "5"}, {"key": "B", "value": "7"}, {"key": "C", "value": "9"}],
        '["5", "7", "9"]',
        '{"A": "5", "B": "7", "C": "9"}',
        "['5', '7', '9']",
        "(A) 5\n(B) 7\n(C) 9",
        "A. 5\r\nB. 7\r\nC. 9",
        "A、5\nB、7\nC、9",
        "A: 5\nB: 7\nC: 9",
        "A．5 B．7 C．9",
        "（A）5\n（B）7\n（C）9",
        ["A. 5", "B. 7", "C. 9"],
        ["(A) 5", "(B) 7", "(C) 9"],
        ["C. 9", "A. 5", "B. 7"],
        [["A", "5"], ["B", "7"], ["C", "9"]],
        [{"A": "5"}, {"B": "7"}, {"C": "9"}],
        [{"id": "A", "content": "5"}, {"id": "B", "content": "7"}, {"id": "C", "content": "9"}],
        [{"text": "5", "right": False}, {"text": 7, "right": True}, {"text": "9", "right": False}],
        {"option_a": "5", "option_b": "7", "option_c": "9"},
        {"Choice A": "5", "Choice B": "7", "Choice C": "9"},
    ],
)
def test_options_of_each_form_are_the_same(options):
    found = read(options=options)
    assert (found["options"], found["answer"]) == (["5", "7", "9"], "B")


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        ({"A": "5", "C": "9"}, "named A, C"),
        ({"A": None, "B": "7"}, "A is empty"),
        ({"option_a": "5", "choice_a": "7"}, "named option_a, choice_a"),
        ({"x": "5", "y": "7"}, "named x, y"),
        ({"A": "5", "a": "7"}, "two have one letter"),
        (["5", None, "9"], "one of them is empty"),
        ("5\n7\n9", "options is neither JSON nor lines that begin with A, B, C"),
        ("A. 5\nC. 9", "options is neither JSON nor lines that begin with A, B, C"),
        ([{"image": "a.png"}], "an option is an object of image"),
        (5, "options is int"),
    ],
)
def test_options_that_could_be_misread_are_refused(options, detail):
    assert refusal(options=options)[1] == detail


@pytest.mark.parametrize("options", [None, NAN, [], "", "[]", {}, [None, None]])
def test_no_options_are_none(options):
    assert "options" not in read(options=options)


def test_names_with_initials_keep_them():
    names = ["A. Smith", "B. Jones", "A. Miller"]
    assert read(options=names)["options"] == names


@pytest.mark.parametrize(
    "answer", ["B", "b", "(B)", "B.", "B. 7", "7", 7, 7.0, r"\boxed{B}", "$B$", "Ｂ", ["B"]]
)  # fmt: skip
def test_a_letter_of_each_form_is_that_letter(answer):
    assert read(answer=answer)["answer"] == "B"


@pytest.mark.parametrize("answer", ["AC", "A, C", "A、C", ["A", "C"], ["5", "9"], "a;c"])
def test_several_letters_of_each_form_are_those_letters(answer):
    assert read(answer=answer, answer_type="mcq_multi")["answer"] == "AC"


@pytest.mark.parametrize(
    "answer",
    [r"$\boxed{B}$", r"\boxed{\text{B}}", "**B**", '"B"', "'B'", '["B"]', "['B']", "Option B",
     "<answer>B</answer>", "Answer: B", "The correct answer is B.", "答案：B", "故选B", "B 7", "(b) 7."],
)  # fmt: skip
def test_a_letter_in_a_wrapper_is_that_letter(answer):
    assert read(answer=answer)["answer"] == "B"


@pytest.mark.parametrize(
    "answer", ["['A', 'C']", '["A", "C"]', "A and C", "A/C", "A | C", "A & C", "A和C"]
)
def test_several_letters_in_a_wrapper_are_those_letters(answer):
    assert read(answer=answer, answer_type="mcq_multi")["answer"] == "AC"


@pytest.mark.parametrize(
    ("options", "answer", "letter"),
    [
        (["AB", "BC", "CD"], "BC", "B"),
        (["O-", "B+", "A+"], "A+", "C"),
        (["A only", "A and C", "C only"], "A and C", "B"),
        (["A", "B", "C"], "C", "C"),
        (["B", "A", "C"], "B", "B"),
        (["Red", "blue"], "Blue.", "B"),
        ([True, False], False, "B"),
        (["yes", "no", "No"], "No", "C"),
    ],
)
def test_an_option_s_own_text_comes_before_letters_in_it(options, answer, letter):
    assert read(options=options, answer=answer)["answer"] == letter


def test_options_that_are_pictures_stand_in_the_question():
    found = read(options=["<image>", "<image 3>"], question="Which fits <image>?")
    assert "options" not in found or found["options"] is None
    assert found["question"] == "Which fits <image>?\nA. <image>\nB. <image>"


@pytest.mark.parametrize("cell", ["nan", "NaN", " <NA>"])
def test_what_programs_write_for_an_empty_cell_is_no_answer(cell):
    assert "answer" not in read(answer=cell)
    assert read(options=["nan", "0"], answer="B")["options"] == ["nan", "0"]


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2023-05-01T10:00:00Z", "2023-05-01"), ("2023/5/1", "2023-05-01"), ("2023.05", "2023-05"),
        ("2023年5月", "2023-05"), ("2023年5月1日", "2023-05-01"), ("2023", "2023"),
        ("2023-05-01 10:00:00.000000", "2023-05-01"), ("05/01/2023", "05/01/2023"),
    ],
)  # fmt: skip
def test_a_date_that_begins_with_its_year_is_read(written, date):
    assert read(date=written)["date"] == date


@pytest.mark.parametrize(
    ("written", "kind"),
    [("MCQ", "mcq"), (" fill ", "fill"), ("multiple-choice", "mcq"), ("fill_in_the_blank", "fill"),
     ("填空题", "fill"), ("Open-Ended", "open"), ("essay", "essay")],
)  # fmt: skip
def test_a_kind_of_answer_is_known_by_its_usual_names(written, kind):
    assert read(answer_type=written, answer="B")["answer_type"] == kind


def test_columns_under_meta_are_kept_there():
    assert read(**{"meta.level": 4, "meta": {"of": "x"}})["meta"] == {"of": "x", "level": 4}


@pytest.mark.parametrize("answer", [1, "1", "0", 2.0])
def test_an_index_is_never_guessed(answer):
    reason, detail = refusal(answer=answer)
    assert reason == "wrong answer letter"
    assert "index from 0 belongs into the column answer_index" in detail


@pytest.mark.parametrize("index", [1, "1", 1.0])
def test_a_column_of_indices_counts_from_0(index):
    assert read(answer=None, answer_index=index)["answer"] == "B"


@pytest.mark.parametrize("index", [3, -1, "B", 1.5, True])
def test_an_index_of_no_option_is_refused(index):
    reason, detail = refusal(answer=None, answer_index=index)
    assert (reason, detail) == ("wrong answer letter", f"index {index!r} of 3 options")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4, "4"), (4.0, "4"), (0.1, "0.1"), (1e-7, "1e-07"), (-3, "-3"), (2**70, str(2**70)),
        (Decimal("3.50"), "3.50"), (["4"], "4"), (b"4", "4"), ("04", "04"),
    ],
)  # fmt: skip
def test_a_number_as_gold_is_the_text_that_people_write(value, text):
    assert read(answer=value, answer_type="fill", options=None)["answer"] == text


def test_what_no_text_stands_for_is_refused():
    assert refusal(answer=float("inf"), answer_type="fill") == (
        "wrong type of field", "answer is inf",
    )  # fmt: skip
    assert refusal(answer=b"\xff", answer_type="fill")[0] == "not valid Unicode"
    assert refusal(answer=10**5000, answer_type="fill")[0] == "text is too long"
    assert read(answer=True, answer_type="fill")["answer"] is True  # for the record's own check


@pytest.mark.parametrize(
    "date",
    [
        datetime.date(2023, 5, 1),
        datetime.datetime(2023, 5, 1, 23, 59, tzinfo=datetime.UTC),
        "2023-05-01",
    ],
)
def test_a_date_of_a_table_is_written_as_iso(date):
    assert read(date=date)["date"] == "2023-05-01"


@pytest.mark.parametrize(("language", "short"), [("zh-CN", "zh"), ("EN", "en"), ("pt_BR", "pt")])
def test_a_language_is_known_without_its_region(language, short):
    assert read(language=language)["language"] == short


def test_columns_of_an_index_are_no_fields():
    found = read(**{"": "0", "Unnamed: 0": "0", "__index_level_0__": 4})
    assert set(found) == set(ROW)


@pytest.mark.parametrize(
    "mark",
    [
        "<image>", "<image1>", "<image 1>", "<image_1>", "<|image_1|>", "<|image|>", "<img>", "<IMAGE>",
        "<ImageHere>", "<image-placeholder>", "[image]", "<IMG_CONTEXT>", "<|image_pad|>", "<image/>",
        "<|vision_start|><|image_pad|><|vision_end|>", "<img><IMG_CONTEXT></img>", "![a](b.png)",
        "<image></image>",
    ],
)  # fmt: skip
def test_each_spelling_of_a_mark_is_our_marker(mark):
    found = read(question=f"Look at {mark}: what is it?", images=["a.png"])
    assert found["question"] == "Look at <image>: what is it?"
    assert found["images"] == ["a.png"]


@pytest.mark.parametrize("text", ["a[img] = 3", r"\text{image}", "the <imagination>", "if a<image"])
def test_words_that_look_like_a_mark_stay(text):
    assert read(question=text, images=["a.png"])["question"] == text


def test_numbered_marks_put_pictures_into_their_order():
    question = "First <image2>, then <image1>?"
    found = read(question=question, images=["a.png", "b.png"])
    assert (found["question"], found["images"]) == (
        "First <image>, then <image>?", ["b.png", "a.png"],
    )  # fmt: skip
    found = read(question="First <image_1>, then <image_0>?", images=["a.png", "b.png"])
    assert found["images"] == ["b.png", "a.png"]


@pytest.mark.parametrize(
    ("question", "detail"),
    [
        ("See <image1> and <image3>?", "picture 3 of 2"),
        ("See <image1> and <image1>?", "a picture is marked twice, of 2"),
    ],
)
def test_numbered_marks_of_no_picture_or_of_one_twice_are_refused(question, detail):
    assert refusal(question=question, images=["a.png", "b.png"]) == ("markers do not fit", detail)


@pytest.mark.parametrize("empty", [None, "", " ", NAN])
def test_a_gap_among_pictures_is_a_lost_picture(empty):
    assert pictures_of(["a.png", "b.png", empty, empty]) == ["a.png", "b.png"]
    for cell, detail in (
        (["a.png", empty, "b.png"], "number 2 of 3 is empty"),
        ([empty, "a.png"], "number 1 of 2 is empty"),
    ):
        with pytest.raises(Rejected) as refused:
            pictures_of(cell)
        assert (refused.value.reason, refused.value.detail) == ("picture is missing", detail)
