"""CSVQA: each row is asked in Chinese and in English; both wordings of a question hang together.

The answer of a choice may be several letters. The score is over all askings; each language's is a detail.
"""

from typing import Any

from r1v3.data.tex import with_backslashes
from r1v3.evaluate.items.cells import letters_in
from r1v3.evaluate.items.item import Item, columns_of, fill, make_item
from r1v3.evaluate.items.rows import Row
from r1v3.recipe.tables.benchmarks import Benchmark

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
    items = []
    for language, belongs in zip(LANGUAGES, describe_row(row, entry), strict=True):
        question = row[f"{language}_question"].replace("<image>", "")
        options = tuple(row.get(f"{language}_{x}", "").strip() for x in "ABCD")
        kind = "open" if row["question_type"].lower() == "open" else "choice"
        if kind == "open" or not any(options):
            options = ()
        while options and not options[-1]:
            options = options[:-1]
        subject = SUBJECTS.get(row["category"], row["category"])
        wording = {**row, "question": question, "subject": subject}
        template = entry.prompt.choice if kind == "choice" else entry.prompt.open
        if language == "zh" and template.startswith("Below are Chinese"):
            template = CHINESE[kind]
        letters = letters_in(row["answer"])
        if not row["answer"].strip() or (kind == "choice" and not letters):
            raise ValueError(f"answer must be letters or a text, not {row['answer']!r}")
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


def describe_row(row: Row, entry: Benchmark) -> list[dict[str, Any]]:
    return [
        {
            "key": f"{row['index']}-{language}",
            "cluster": row["index"],
            "columns": {**columns_of(row, entry), "language": language},
        }
        for language in LANGUAGES
    ]
