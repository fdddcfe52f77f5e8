"""Without a box, only a concluding statement counts, and it is read as a whole.

Covers `text/`: conclude, cut, vocabulary.
"""

import pytest

from r1v3.reward import extract_letters, format_reward, grade
from r1v3.reward.text.cut import ends_within_sentence

LENGTHS = ["12", "15", "18", "21"]


@pytest.mark.parametrize(
    "text",
    ["The answer is half of 6", "The answer is 6 squared", "The answer is anything but 6.",
     "The answer is minus 6",
     "The answer is in picture 6, namely nine", "The answer is twice 6", "The answer is the square root of 6",
     "The answer is nine, see equation (6).", "This is question 6 of the exam",
     "I doubt that the answer is 6.",
     "If I had to guess, the answer is 6.", "The wrong answer is 6.",
     "Nobody would say that the answer is 6.",
     "The answer could be 6.", "There are 6 people in the picture. I do not know how much they weigh.",
     "I see 6 objects but I cannot tell what the question wants.", "The answer is 6 or 7.",
     "答案是6的倍数", "答案不可能是6", "故答案为：不为6", "答案是6的一半", "除了6都可能", "6不是答案"],
)  # fmt: skip
def test_a_number_that_a_sentence_only_mentions_is_no_answer(text):
    assert not grade(text, "6", "open").correct


@pytest.mark.parametrize(
    "text",
    ["The answer is 6.", "So the answer is 6 because 2 + 4 = 6.", "Therefore, the number of boxes is six.",
     "Thus there are 6 red balls.", "The area is $2\\times3=6$ square cm.", "答案是6",
     "所以面积为6平方厘米。",
     "So the sum is about 6.", "The final answer is **6**.", "Answer: 6", "综上所述，概率为6。"],
)  # fmt: skip
def test_a_concluding_statement_counts(text):
    assert grade(text, "6", "open").correct


def test_a_statement_may_repeat_the_words_of_its_question():
    question = "How many shipments did the harbour master register in the narrow lagoon?"
    text = "The harbour master registered 6 shipments in the narrow lagoon."
    assert grade(text, "6", "open", question=question).correct
    assert not grade(text, "6", "open").correct


RANGES = [
    "13 to 18", "13 and 18", "13 of 18", "13 as 18", "from 13 to 18", "13 through 18",
    "There are 13 to 18 marbles.",
    "The answer is 13 to 18.", "The answer is 13 and 18.", "So there are 13 of 18.",
    "The number is 13 by 18.",
    "The answer is 13 for 2 boxes.", "The answer is 13 marbles to 18 marbles.",
    "The answer is thirteen to eighteen.",
    "There are 13 marbles and 18 marbles.", "13 up to 18", "13到18个", "答案是13至18之间。",
]  # fmt: skip


@pytest.mark.parametrize("text", RANGES)
def test_a_range_or_a_pair_is_not_its_first_number(text):
    for question in (None, "How many marbles are in the box?"):
        assert not grade(text, "13", "open", question=question).correct


@pytest.mark.parametrize(
    "text",
    ["There are 13 marbles in the box.", "The answer is 13 rounded to two decimal places.",
     "thirteen marbles",
     "There are thirteen marbles.", "\\boxed{\\text{thirteen marbles}}",
     "The answer is 13 with a total of $40."],
)  # fmt: skip
def test_other_words_behind_a_number_leave_it_alone(text):
    assert grade(text, "13", "open", question="How many marbles are in the box?").correct


def test_a_number_for_each_is_no_number_of_all():
    for text in ("There are 6 dots per row.", "6 dots each", "The answer is 6 dots in every row."):
        assert not grade(text, "6", "open", question="How many dots are there?").correct
        asked = "How many dots are in each row?"
        assert grade(text, "6", "open", question=asked).correct


def test_a_number_in_words_may_have_a_unit():
    assert grade("\\boxed{six cm}", "6 cm", "open").correct
    assert not grade("\\boxed{six cm}", "6 mm", "open").correct


@pytest.mark.parametrize(
    "text", ["There are 3 ways:\n1. by car\n2. by bus", "We see:\n1) a ball\n2) a box"]
)
def test_the_number_of_a_lists_line_is_no_answer(text):
    assert not grade(text, "2", "open", question="How many are there?").correct


def test_what_no_rule_reads_goes_to_the_verifier_with_its_text():
    verdict = grade("The lagoon was surveyed and 6 came out of it.", "6", "open")
    assert (verdict.correct, verdict.by) == (False, "rule:unreadable")
    assert "lagoon" in verdict.extracted


@pytest.mark.parametrize(
    "text",
    ["We have 3x + 15 = 60, so", "Step 1: compute 6*3 = 18. Step 2: subtract 3 from 18 and",
     "First we list: the red ball weighs 15 g. The blue ball weighs",
     "Area $=12$. Now subtract the area of the",
     "首先我们有面积为12。然后减去", "The length is 12. We then look at the other side of it"],
)  # fmt: skip
def test_a_text_that_breaks_off_concludes_nothing(text):
    assert ends_within_sentence(text)
    assert extract_letters(text, LENGTHS) is None
    assert not grade(text, "12", "open").correct


@pytest.mark.parametrize(
    "text", ["12 cm", "So it is B", "The answer is 12.", "**Answer: B**", "选B", "It costs $12", ""]
)
def test_a_text_without_a_full_stop_may_be_whole(text):
    assert not ends_within_sentence(text)


def test_what_was_concluded_before_the_cut_counts():
    assert grade("The answer is 12. We check this by", "12", "open").correct
    assert extract_letters("The answer is B. We check this by", LENGTHS) == "B"


@pytest.mark.parametrize(
    "text",
    ["无法选择B", "The wrong answer is B.", "Incorrect answer: B", "Many would answer B, but that is a trap.",
     "The answer is B or maybe C.", "The least likely answer is B", "B or C", "B或C", "The answer is B?",
     "I would never choose B.", "错误的选项是B", "不应该选B"],
)  # fmt: skip
def test_a_letter_that_is_denied_or_weighed_is_not_chosen(text):
    assert extract_letters(text, LENGTHS) is None


@pytest.mark.parametrize(
    "text", ["The answer is A, C (or B)", "A, C? or A, B?", "A, C, and perhaps D", "A or C"]
)
def test_sets_of_letters_are_not_weighed(text):
    assert not grade(text, "AC", "mcq_multi", options=LENGTHS).correct


@pytest.mark.parametrize(
    ("text", "letter"),
    [("A: no, B: no, C: no, D: no", None), ("The answer is A. Wait, it is B.", "B"),
     ("选A。不对，应该是B", "B"),
     ("The answer is A. Wait, option B, which has four sides, is a square.", "A")],
)  # fmt: skip
def test_what_stands_behind_a_doubt_is_chosen_only_where_it_is_called_the_answer(text, letter):
    assert extract_letters(text, LENGTHS, several=False) == letter


@pytest.mark.parametrize(
    "text",
    [r"\boxed{选择B}", r"\boxed{故选B}", r"\boxed{正确选项为B}", r"\boxed{\textcolor{red}{B}}",
     r"\boxed{\text{Letter B}}",
     r"\boxed{正确答案是B}", r"\boxed{\color{blue}B}", r"\boxed{应选B}", r"\boxed{\text{Option B}}",
     "正确的是B"],
)  # fmt: skip
def test_a_letter_may_wear_any_dress(text):
    assert extract_letters(text, LENGTHS) == "B"


@pytest.mark.parametrize(
    "answer",
    ["\u200b", "\u200b\u200d\ufeff", "\x00", "<!-- 12 -->", "\\phantom{12}", "&nbsp;", "\u3164", "\u2800",
     "$$", "**", "\\quad", "<br>", "\ud800"],
)  # fmt: skip
def test_an_answer_that_nobody_sees_is_no_format(answer):
    assert format_reward(f"<think>a</think>{answer}") == 0.0
    assert format_reward(f"<think>a</think>{answer}12") == 1.0


@pytest.mark.parametrize("token", ["<|im_end|>", "<|endoftext|>", "</s>", "<|im_start|>user"])
def test_text_behind_the_end_of_a_turn_earns_nothing(token):
    assert format_reward(f"<think>a</think>{token}12") == 0.0
    assert format_reward(f"<think>a</think>13{token}\\boxed{{12}}") == 0.0
    assert not grade(f"<think>a</think>13{token}\\boxed{{12}}", "12", "open").correct
