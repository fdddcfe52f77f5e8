"""Markup, signs and labels around an answer do not change it; a struck-out or denied answer is none."""

import pytest

from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.judge import judge_response
from r1v3.evaluate.reply.markup import undressed

SAID = [
    "<b>{}</b>", "<strong>{}</strong>", "<u>{}</u>", "<p>{}</p>", "<h2>Answer: {}</h2>", "<mark>{}</mark>",
    '<span style="color:red">{}</span>', "The answer is <b>{}</b>.", "<answer><b>{}</b></answer>",
    "**Solution**: {}", "**Solution:** {}", "**Conclusion**: {}", "**Result**: {}", "Ans. {}", "> {}", "# {}",
    "## **{}**", "→ {}", "=> {}", "∴ {}", "✅ {}", "👉 **{}**", "**✓ {}**", "{} ✓", "| {} |", "«{}»",
    "<<{}>>",
    "{}!", "{{'answer': '{}'}}", "<final-answer>{}</final-answer>", "<correct_answer>{}</correct_answer>",
    "<selected_option>{}</selected_option>", '<answer type="choice">{}</answer>', "<letter>{}</letter>",
    "<|box_start|>{}<|box_end|>", "Réponse : {}", "La respuesta correcta es {}.",
    "Die richtige Antwort ist {}.",
    "Ответ: {}", "Правильный ответ: {}", "정답: {}", "정답은 {}입니다.", "答えは{}です。", "Đáp án: {}",
    "A is too small.\n\n**{}** ✅", "~~A~~ <b>{}</b>",
    "<option>A</option><option>{0}</option><answer>{0}</answer>",
    "Definitely {}.", "It must be {}!", "{} it is.", "I would say {}.", "So... {}.", "OK, {}.", "Correct: {}",
    "Looks like {} to me.", "Option {}, then.", "La opción correcta es {}", "Resposta: letra {}",
    "La respuesta correcta es la opción {}.", "A resposta correta é {}", "Alternativa {}",
    "La bonne réponse est l'option {}", "Die Antwort lautet {}", "Option {} ist richtig.",
    "Jawaban yang benar adalah {}", "正解は選択肢{}です", "{}が正解です", "정답은 {}번", "{}입니다",
    "คำตอบคือ {}", "उत्तर {} है", "- [ ] A\n- [x] {}\n- [ ] D", "A: False\n{}: True\nD: False",
    "| Option | Verdict |\n|---|---|\n| A | wrong |\n| {} | right |\n| D | wrong |",
]  # fmt: skip
NOT_SAID = [
    "~~B~~", "<s>B</s>", "<del>Answer: B</del>", "<b>B</b> or <b>C</b>", "<b>B</b> is wrong.", "<b>not B</b>",
    "**Solution**: not B", "**Solution**: B or C?", "**Wrong**: B", "<wrong>B</wrong>", "Respuesta: B o C",
    "Antwort: B oder C", "<option>A</option><option>B</option>", "{'wrong_answer': 'B'}", "❌ B", "- A\n- B",
    "> A\n> B", "Solution B is to add water", "If <b>B</b>, then", "I can rule out <b>B</b>.",
    "Definitely not B.", "I would not say B.", "So it is B or C.", "La opción B no es correcta.", "Hardly B.",
    "So it is B?", "A: True\nB: True", "- [x] A\n- [x] B", "- [ ] A\n- [ ] B", "A: True\nB: False",
    "Almost B.", "If B is right", "La opción A o B", "Then A, then B.",
]  # fmt: skip
ROWS = {
    "visulogic": {"index": "1", "question": "Choose", "answer": "B", "category": "x"},
    "phyx_mini_mc": {"index": "1", "question": "How fast?", "answer": "B", "category": "x"}
    | {"A": "2 m/s", "B": "3 m/s", "C": "4 m/s", "D": "5 m/s"},
}  # fmt: skip


def judged(table, tsv, picture, name, row, said):
    [item] = load_items(table[name], tsv([{"image": picture(), **row}], name))
    return judge_response(item, f"<think>\nA or D?\n</think>\n{said}", table[name]).verdict


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("said", SAID)
def test_a_letter_is_read_in_any_dress(table, tsv, picture, name, said):
    for letter in "BC":
        found = judged(table, tsv, picture, name, ROWS[name], said.format(letter))
        assert (found.extracted, found.correct) == (letter, letter == "B")


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("said", NOT_SAID)
def test_what_is_struck_out_denied_or_listed_is_no_answer(table, tsv, picture, name, said):
    assert judged(table, tsv, picture, name, ROWS[name], said).correct is not True


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("<b>12 cm</b>", True), ("The length is <strong>12 cm</strong>.", True), ("Respuesta: 12 cm", True),
        ("Antwort: 13 cm", False), ("<p>12&nbsp;cm</p>", True), ("~~12 cm~~ 13 cm", False),
        ("~~13 cm~~ 12 cm", True), ("<del>12 cm</del>", False), ("∴ the length is 12 cm", True),
        ("<final_answer>12 cm</final_answer>", True), ("12<sup>2</sup> cm", False),
        ("El resultado es 12 cm", True), ("Le résultat est 12 cm.", True), ("Das Ergebnis ist 13 cm.", False),
    ],
)  # fmt: skip
def test_open_answers_are_undressed_too(table, tsv, picture, said, right):
    row = {"index": "1", "question": "How long?", "answer": "12 cm", "choices": "[]"}
    row |= {"category": "x", "level": "1"}
    assert (judged(table, tsv, picture, "mathvision", row, said).correct is True) is right


@pytest.mark.parametrize(
    "said",
    ["A: True\nB: False\nC: True", "- [x] A\n- [ ] B\n- [x] C"],
)
def test_several_options_may_be_ticked(table, tsv, picture, said):
    for gold, right in (("A, C", True), ("C", False)):
        row = {"index": "1", "question": "Which?", "answer": gold, "skill": "x"}
        assert judged(table, tsv, picture, "logicvista", row, said).correct is right


def test_formulas_keep_their_signs():
    for text in ("a<b>c", "x < 3 and y > 4", r"5~\text{cm}", "$a \\to b$", "A & B \\\\ C & D"):
        assert undressed(text) == text
    assert undressed("10<sup>3</sup> m<sub>0</sub>") == "10^{3} m_{0}"


@pytest.mark.parametrize(
    "text",
    ["<b>" * 9_000, "<p>" * 9_000 + "</p>" * 9_000, "#" * 9_000, "~~" * 9_000, "✅" * 9_000,
     "réponse " * 9_000,
     "<p><div><b><i>" * 3_000, "_ " * 9_000 + "✅", "*" * 9_000, "'answer': '" * 3_000],
)  # fmt: skip
def test_hostile_markup_chooses_nothing_and_ends(table, tsv, picture, text):
    assert judged(table, tsv, picture, "visulogic", ROWS["visulogic"], text).extracted is None
