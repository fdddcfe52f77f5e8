"""CSVQA: each row is asked in Chinese and in English; both wordings of a question hang together.

The answer of a choice may be several letters. The score is over all askings; each language's is a detail.
"""

from r1v3.evaluate.items.item import Item, Row, fill, make_item
from r1v3.recipe.tables.benchmarks import Benchmark

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


def read(row: Row, entry: Benchmark) -> list[Item]:
    items = []
    for language in ("zh", "en"):
        question = row[f"{language}_question"].replace("<image>", "")
        options = tuple(row[f"{language}_{x}"] for x in "ABCD" if row.get(f"{language}_{x}", ""))
        kind = "open" if row["question_type"].lower() == "open" else "choice"
        subject = SUBJECTS.get(row["category"], row["category"])
        wording = {**row, "question": question, "subject": subject}
        template = entry.prompt.choice if kind == "choice" else entry.prompt.open
        if language == "zh" and template.startswith("Below are Chinese"):
            template = CHINESE[kind]
        letters = "".join(sorted(x for x in row["answer"].upper() if x in "ABCDEFGH"))
        form = {
            "text": fill(template, wording, entry, options),
            "options": options or None,
            "golds": (row["answer"],) if kind == "open" else (letters,),
            "answer_type": "open"
            if kind == "open"
            else "mcq"
            if len(letters) == 1
            else "mcq_multi",
        }
        items.append(
            make_item(
                wording,
                entry,
                key=f"{row['index']}-{language}",
                cluster=row["index"],
                columns={**{name: row.get(name, "") for name in entry.by}, "language": language},
                **form,
            )
        )
    return items
