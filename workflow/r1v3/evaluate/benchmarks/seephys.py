"""SeePhys: the request is in the question's language and may ask for a number of significant figures."""

from r1v3.evaluate.items.item import Item, fill, make_item
from r1v3.evaluate.items.rows import Row
from r1v3.recipe.tables.benchmarks import Benchmark

CHINESE = (
    "\n请用推理来回答这个问题。首先在<think></think>标签中输出推理过程，"
    "然后在<answer></answer>标签中输入最终答案。"
)


def items_of_row(row: Row, entry: Benchmark) -> list[Item]:
    chinese = row.get("language", "English") != "English"
    text = row["question"] + CHINESE if chinese else fill(entry.prompt.open, row, entry, None)
    if row.get("sig_figs", ""):
        figures = _figures(row["sig_figs"])
        text += (
            f"最终答案应保留{figures}位有效数字。"
            if chinese
            else f"The final answer should retain {figures} significant figures."
        )
    return [make_item(row, entry, text=text)]


def _figures(text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise ValueError(f"sig_figs must be a number, not {text!r}") from None
