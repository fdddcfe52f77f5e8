"""Rows of the public sets become records as their owners mean them."""

import json

import pytest

from r1v3.data.fields import Rejected
from r1v3.data.sources.mappings import MAPPING_FUNCTIONS

K12 = {
    "hash_id": "h1",
    "question": "如图，求电阻。",
    "img": "aGVsbG8=",
    "type": "fill-in-the-blank",
    "subject": "physics",
    "difficulty": "hard",
    "knowledge_point": "Ohm",
    "format_answer": {"ground_truth": ["$12$"], "format_solution": "..."},
}
CMM = {
    "id": 7,
    "question": "看图<ImageHere>，选哪个？",
    "options": "A. 1\nB. 2\nC. <ImageHere>3\nD. 4",
    "answer": "C",
    "image": '["7_0.png"]',
    "level": "七年级",
    "subject": "几何",
}
BMMR = {
    "id": "b1",
    "question": "Which is a vowel? A. b B. e",
    "image": "['aGVsbG8=', 'aGVsbG8=']",
    "answer": "['B']",
    "language": "en",
    "cot": True,
    "category_id": "['0915', '0916']",
}
PUZZLE = {
    "image": "images/x/x_0001.png",
    "question": "What is missing?",
    "options": [6, 3, 4, 2],
    "answer": "4",
}


def fields(mapping: str, row: dict) -> dict:
    return MAPPING_FUNCTIONS[mapping](row, 3)


def test_a_school_question_keeps_its_one_blank_without_dollars():
    found = fields("k12_vista", K12)
    assert (found["answer"], found["answer_type"], found["domain"]) == ("12", "fill", "physics")
    assert (found["id"], found["difficulty"], found["language"]) == ("k12_vista-h1", "hard", "zh")
    assert found["images"] == ["aGVsbG8="]


@pytest.mark.parametrize("answers", [["1", "2"], [], [None]])
def test_a_school_question_of_several_blanks_or_none_is_refused(answers):
    row = K12 | {"format_answer": json.dumps({"ground_truth": answers})}
    with pytest.raises(Rejected, match="several blanks"):
        fields("k12_vista", row)


def test_chinese_mathematics_has_its_options_by_line_and_its_mark_at_the_picture():
    found = fields("cmm_math", CMM)
    assert found["question"] == "看图<image>，选哪个？"
    assert found["options"] == ["1", "2", "3", "4"]
    assert (found["answer"], found["answer_type"], found["difficulty"]) == ("C", "mcq", "七年级")
    fill = fields("cmm_math", CMM | {"options": "[]", "answer": "12 cm"})
    assert (fill["answer_type"], "options" in fill) == ("fill", False)


def test_a_choice_may_have_several_letters_or_its_options_in_the_picture():
    several = MAPPING_FUNCTIONS["cmm_math"](
        CMM | {"options": "A. 1\nB. 2\nC. 3", "answer": "AC"}, 1
    )
    assert (several["answer_type"], several["answer"]) == ("mcq_multi", "AC")
    seen = MAPPING_FUNCTIONS["k12_vista"](
        K12 | {"type": "choice", "format_answer": '{"ground_truth": ["B"]}'}, 1
    )
    assert (seen["answer_type"], seen["answer"]) == ("mcq", "B")


def test_choices_that_are_pictures_stay_beside_their_letters():
    row = {"options": "A. <ImageHere>\nB. <ImageHere>", "answer": "B", "image": ["0", "1", "2"]}
    fields = MAPPING_FUNCTIONS["cmm_math"](CMM | row, 1)
    assert fields["question"] == "看图<image>，选哪个？\nA. <image>\nB. <image>"
    assert ("options" in fields, fields["images"]) == (False, ["0", "1", "2"])


def test_pictures_choices_and_indices_may_be_text():
    virl = {"question": "<image>x?", "answer": r"$\boxed{\text{B}}$", "image": "images/1.png"}
    fields = MAPPING_FUNCTIONS["virl39k"](virl, 1)
    assert (fields["images"], fields["answer"]) == (["images/1.png"], "B")
    science = {"question": "Which?", "choices": "['a', 'b']", "answer": "1", "image": None}
    fields = MAPPING_FUNCTIONS["scienceqa"](science, 1)
    assert (fields["options"], fields["answer"], fields["images"]) == (["a", "b"], "B", [])
    fields = MAPPING_FUNCTIONS["puzzle_vqa"](PUZZLE | {"options": [1.0, 2.0], "answer": 2}, 1)
    assert (fields["options"], fields["answer"]) == (["1", "2"], "B")


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (r"The answer is \boxed{7}.", "7"),
        (r"$\boxed{\frac{1}{2}}$", r"\frac{1}{2}"),
        (r"\boxed{1}, \boxed{2}", r"\boxed{1}, \boxed{2}"),
    ],
)
def test_one_box_is_opened_and_several_stay(gold, answer):
    row = {"question": "x?", "answer": gold, "image": []}
    assert MAPPING_FUNCTIONS["virl39k"](row, 1)["answer"] == answer


def test_an_answer_that_is_an_essay_is_refused():
    with pytest.raises(Rejected, match="answer is no short one"):
        fields("cmm_math", CMM | {"options": "[]", "answer": "证明：" + "因为" * 60})


def test_bmmr_takes_the_first_code_that_is_a_domain_and_all_pictures():
    found = fields("bmmr", BMMR)
    assert (found["domain"], found["answer"], found["answer_type"]) == ("pharmacy", "B", "mcq")
    assert len(found["images"]) == 2
    assert fields("bmmr", BMMR | {"category_id": "['0999']"})["domain"] == "other"


def test_a_puzzle_answers_by_the_letter_of_its_option():
    found = fields("puzzle_vqa", PUZZLE)
    assert (found["answer"], found["options"]) == ("C", ["6", "3", "4", "2"])
    with pytest.raises(Rejected, match="wrong answer letter"):
        fields("puzzle_vqa", PUZZLE | {"answer": 9})
    many = [str(n) for n in range(12)]
    with pytest.raises(Rejected, match="wrong answer letter"):
        fields("puzzle_vqa", PUZZLE | {"options": many, "answer": "11"})


def test_a_paper_figure_loses_the_letters_in_its_choices():
    row = {"Figure_path": "a.jpg", "Question": "What is shown?", "Answer": "a liver"}
    row |= {f"Choice {x}": f" {x}: thing {x}" for x in "ABCD"} | {"Answer_label": "D"}
    found = fields("pmc_vqa", row)
    assert (found["options"][0], found["answer"], found["domain"]) == ("thing A", "D", "medicine")


def test_competition_sets_tell_choice_from_blank_by_the_options_in_the_question():
    choice = {"images": [b"x"], "problem": "<image>Which? A. 1 B. 2", "answer": "B"}
    assert fields("mmr1_math", choice)["answer_type"] == "mcq"
    blank = choice | {"problem": "<image>What is B?"}
    assert fields("mmr1_math", blank)["answer_type"] == "fill"
    pro = {"question_id": 4, "question": "Find x.", "image": b"x", "answer": "\\boxed{3}"}
    found = fields("we_math_pro", pro | {"difficulty": "2step"})
    assert (found["answer"], found["difficulty"]) == ("3", "2step")
    for written, answer in (
        (0, "0"),
        ("$x$ or $y$", "$x$ or $y$"),
        (r"$\boxed{3}$", "3"),
        ("$4$", "4"),
    ):
        assert fields("we_math_pro", pro | {"answer": written})["answer"] == answer


def test_science_with_a_context_keeps_it_before_the_question():
    row = {"id": "p-1", "question": "Which?", "context": "Look.", "choices": ["x", "y"]}
    row |= {"answer": "A", "image": b"x", "domain": "science", "topic": "physics"}
    found = fields("m3cot", row)
    assert (found["question"], found["domain"], found["answer"]) == (
        "Look.\nWhich?",
        "physics",
        "A",
    )
