"""Columns under their usual names, and conversations, become records."""

import json

import pytest

from r1v3.data.fields import Rejected
from r1v3.data.sources.mappings import MAPPING_FUNCTIONS

MATH_V = {
    "id": "7", "question": "How long?\n<image1>", "options": ["3", "4"], "answer": "B",
    "image": "images/7.jpg", "level": 4, "subject": "counting", "solution": None,
}  # fmt: skip


def read(mapping: str, row: dict) -> dict:
    return MAPPING_FUNCTIONS[mapping](row, 5)


def test_a_table_of_questions_is_read_by_the_usual_names_of_its_columns():
    found = read("usual_names", MATH_V)
    assert found["question"] == "How long?\n<image>"
    assert (found["options"], found["answer"], found["answer_type"]) == (["3", "4"], "B", "mcq")
    assert (found["images"], found["difficulty"]) == (["images/7.jpg"], "4")
    blank = read("usual_names", MATH_V | {"options": [], "answer": 7.0})
    assert (blank["answer_type"], blank["answer"]) == ("fill", "7")


@pytest.mark.parametrize(
    "row",
    [
        {"index": 7, "Question": "How long?", "A": "3", "B": "4", "C": None, "answer": "B"},
        {"pid": "7", "problem": "How long?", "choices": "['3', '4']", "answer": "4"},
        {"qid": 7, "query": "How long?", "Choice A": 3, "Choice B": 4, "gold": "(B)"},
        {"id": "7", "problem_text": "How long?", "options": ["3", "4"], "answer_index": 1},
    ],
)
def test_each_way_to_name_columns_makes_the_same_question(row):
    found = read("usual_names", row)
    assert (found["id"], found["question"]) == ("7", "How long?")
    assert (found["options"], found["answer"]) == (["3", "4"], "B")


def test_numbered_pictures_come_in_the_order_of_their_marks():
    row = {"question": "<image 2> or <image 1>?", "image_1": "a", "image_2": "b", "answer": "5"}
    assert read("usual_names", row)["images"] == ["b", "a"]


def test_a_row_without_a_question_is_refused_with_its_columns():
    with pytest.raises(Rejected, match="missing field: question; there are text, label"):
        read("usual_names", {"text": "x", "label": 1})


def turns(*texts: str, roles=("human", "gpt")) -> list[dict]:
    return [{"from": roles[n % 2], "value": text} for n, text in enumerate(texts)]


THOUGHT = "<think>3 + 2</think>"


@pytest.mark.parametrize(
    ("response", "answer", "kind"),
    [
        (THOUGHT + r"It is \boxed{5}.", "5", "fill"),
        (THOUGHT + "<answer>5</answer>", "5", "fill"),
        (THOUGHT + "5", "5", "fill"),
        (THOUGHT + "<answer>B</answer>", "B", "mcq"),
    ],
)
def test_a_conversation_of_one_question_keeps_its_response(response, answer, kind):
    question = "<image>\nHow many?\nA. 4\nB. 5"
    found = read("conversations", {"image": "a.png", "conversations": turns(question, response)})
    assert (found["question"], found["images"]) == (question, ["a.png"])
    assert (found["answer"], found["answer_type"]) == (answer, kind)
    assert found["response"] == response


def test_turns_may_be_text_or_lists_by_their_names():
    pair = turns("How many?", "5")
    lists = {"from": ["human", "gpt"], "value": ["How many?", "5"]}
    for cell in (pair, json.dumps(pair), str(pair), lists):
        found = read("conversations", {"conversations": cell})
        assert (found["question"], found["answer"], found["response"]) == ("How many?", "5", "5")


def test_messages_may_hold_their_pictures_as_parts():
    url = {"url": "data:image/png;base64,AAAA"}
    parts = [{"type": "image_url", "image_url": url}, {"type": "text", "text": "How many?"}]
    messages = [
        {"role": "system", "content": "Think."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": [{"type": "text", "text": "5"}]},
    ]
    found = read("conversations", {"messages": messages})
    assert (found["question"], found["images"]) == ("<image>\nHow many?", [parts[0]])
    messages[1] = {"role": "user", "content": [{"type": "image"}, parts[1]]}
    found = read("conversations", {"messages": messages, "images": ["a.png"]})
    assert (found["question"], found["images"]) == ("<image>\nHow many?", ["a.png"])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"conversations": turns("a?", "1", "b?", "2")}, "several turns"),
        ({"conversations": turns("a?")}, "several turns"),
        ({"conversations": turns("a?", "A long text. " * 20)}, "answer is no short one"),
        ({"conversations": turns("a?", "1", roles=("human", "tool"))}, "wrong type of field"),
        ({"messages": "a?"}, "missing field"),
    ],
)
def test_what_is_no_question_with_one_answer_is_refused(row, reason):
    with pytest.raises(Rejected) as refused:
        read("conversations", row)
    assert refused.value.reason == reason
