"""CSVQA: each row is asked in Chinese and in English. Both wordings of a question form a cluster.

The answer to a choice may be several letters. The score is over both languages; that of each is a detail.
"""

from typing import Any

from r1v3.data.tex import with_backslashes
from r1v3.evaluate.items.cells import letters_in
from r1v3.evaluate.items.item import Item, columns_of, fill, make_item
from r1v3.evaluate.items.options import bare_options
from r1v3.evaluate.items.rows import Row
from r1v3.recipe.tables.benchmarks import Benchmark
from r1v3.reward.choice.letters import gold_letters

LANGUAGES = ("zh", "en")
SUBJECTS = {"Math": "数学", "Biology": "生物", "Chemistry": "化学", "Physics": "物理"}
CHINESE = {
    "open": (
        "以下是中国{subject}高中习题：{question}。请依据题目的要求和所提供的信息计算得出答案。"
        "请使用一个单词或者短语回答这个问题。解答过程和结果中使用的变量和公式请使用LaTeX格式表示。"
        "请在最后严格以“所以最终答案是：\\boxed{}”输出结果。"
    ),
    "choice": (
        "以下是中国{subject}高中习题：{question}\n{options}。请依据题目的要求和所提供的信息计算得出答案。"
        "该题可能有一个或多个正确选项。解答过程和结果中使用的变量和公式请使用LaTeX格式表示。"
        "请在最后严格以“所以最终答案是：\\boxed{一个或多个选项字母，用英文逗号连接}”输出结果。"
    ),
}


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    answer = row["answer"].strip()
    if not answer:
        raise ValueError("the column answer is empty: there is no right answer")
    letters = letters_in(answer) or _letters_of_text(answer, row)
    is_open = row["question_type"].strip().lower() == "open" or not (
        row["question_type"].strip() or letters
    )
    kind = "open" if is_open else "choice"
    items = []
    for language, belongs in zip(LANGUAGES, describe_row(row, entry), strict=True):
        question = row[f"{language}_question"].replace("<image>", "")
        if not question.strip():
            raise ValueError(f"the column {language}_question is empty")
        options = () if is_open else _options(row, language)
        subject = SUBJECTS.get(row["category"], row["category"])
        wording = {**row, "question": question, "subject": subject}
        template = entry.prompt.choice if kind == "choice" else entry.prompt.open
        if language == "zh" and template.startswith("Below are Chinese"):
            template = CHINESE[kind]
        if kind == "choice" and not letters:
            raise ValueError(f"the answer {row['answer']!r} of a choice names none of its options")
        form = {
            "text": fill(template, wording, entry, options),
            "options": options or None,
            "golds": (with_backslashes(row["answer"]),) if kind == "open" else (letters,),
            "answer_type": "open"
            if kind == "open"
            else "mcq"
            if len(letters) == 1
            else "mcq_multi",
        }
        items.append(make_item(wording, entry, **belongs, **form))
    return items


def _options(row: Row, language: str) -> tuple[str, ...]:
    options = [row.get(f"{language}_{letter}", "").strip() for letter in "ABCD"]
    while options and not options[-1]:
        options.pop()
    return tuple(options)


def _letters_of_text(answer: str, row: Row) -> str:
    """Return the letters of an answer that is the text of an option in either language."""
    found = (gold_letters(answer, bare_options(_options(row, language))) for language in LANGUAGES)
    return next((letters for letters in found if letters), "")


def describe_row(row: Row, entry: Benchmark) -> list[dict[str, Any]]:
    return [
        {
            "key": f"{row['index']}-{language}",
            "cluster": row["index"],
            "columns": {**columns_of(row, entry), "language": language},
        }
        for language in LANGUAGES
    ]
