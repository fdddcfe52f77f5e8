"""One question of a benchmark, and how a row of its TSV becomes one."""

import ast
import json
import re
from dataclasses import dataclass, field
from string import ascii_uppercase

from r1v3.recipe.tables.benchmarks import Benchmark, BenchmarkPrompt

MARK = re.compile(r"<image(?:[ _]?(\d+))?>")
PLACEHOLDER = re.compile(r"(?<![A-Za-z])\{([^\W\d][\w-]*)\}")
Row = dict[str, str]


@dataclass(frozen=True)
class Item:
    """A question as it is asked and as it will be judged.

    `prompt` is the text of the user turn with an `<image>` marker for each of `images`, which are
    numbers of the row's pictures (from 0, in the order of the markers). Any of `golds` is right.
    `cluster` names what is resampled together; `columns` is what the metric groups by.
    """

    key: str
    prompt: str
    images: tuple[int, ...]
    question: str
    golds: tuple[str, ...]
    answer_type: str
    options: tuple[str, ...] | None
    cluster: str
    columns: dict[str, str]
    tolerance: float | None = None
    points: float = 1.0
    extra: dict = field(default_factory=dict)


def plain_items(row: Row, entry: Benchmark) -> list[Item]:
    """The item of a row for which the entry says all there is to say."""
    return [make_item(row, entry)]


def make_item(row: Row, entry: Benchmark, **changes) -> Item:
    """Read a row by its entry; `changes` replaces fields that the entry cannot express.

    Raises:
        ValueError: the answer of a choice is no letter of its options.
    """
    options = changes.pop("options", read_options(row, entry))
    form = entry.answer.form
    if form == "mixed":
        form = "choice" if options else "open"
    golds = changes.pop("golds", None) or read_golds(row, entry, form, options)
    template = changes.pop("template", entry.prompt.choice if form != "open" else entry.prompt.open)
    text = changes.pop("text", None) or fill(template, row, entry, options)
    text, images = place_images(text, int(row.get("pictures", "1")), entry.prompt.images)
    if form == "yes_no":
        options = ("Yes", "No")
    known = {
        "key": row["index"],
        "prompt": text,
        "images": images,
        "question": row.get("question", ""),
        "golds": golds,
        "answer_type": {"letters": "mcq_multi", "open": "open"}.get(form, "mcq"),
        "options": options,
        "cluster": "/".join(row.get(column, "") for column in entry.cluster),
        "columns": {column: row.get(column, "") for column in entry.by},
    }
    return Item(**{**known, **changes})


def read_options(row: Row, entry: Benchmark) -> tuple[str, ...] | None:
    """The options of a row, in the order of their letters."""
    source = entry.answer.options
    if source is None or source == "picture":
        return None
    if source == "columns":
        found = [row[letter] for letter in ascii_uppercase if row.get(letter, "") != ""]
    else:
        found = [str(option) for option in read_list(row.get(source, ""))]
    return tuple(found) or None


def read_golds(row: Row, entry: Benchmark, form: str, options) -> tuple[str, ...]:
    """The right answers of a row: letters for a choice, else the texts of which any is right."""
    answer = row.get(entry.answer.column, "").strip()
    if form == "yes_no":
        if answer.lower() not in ("yes", "no"):
            raise ValueError(f"row {row['index']}: answer must be Yes or No, not {answer!r}")
        return ("A",) if answer.lower() == "yes" else ("B",)
    if form == "choice":
        letters = ascii_uppercase[: len(options)] if options else ascii_uppercase
        if answer.upper() not in set(letters):
            raise ValueError(f"row {row['index']}: answer {answer!r} is none of {letters}")
        return (answer.upper(),)
    if form == "letters":
        return ("".join(sorted(set(re.findall(r"[A-Z]", answer.upper())))),)
    if entry.answer.alternatives and answer.startswith("["):
        return tuple(str(gold) for gold in read_list(answer))
    return (answer,)


def read_list(text: str) -> list:
    """A list written as Python or JSON; anything else is a list of one, the empty text of none."""
    text = text.strip()
    if not text:
        return []
    if text[0] in "[(":
        for parse in (ast.literal_eval, json.loads):
            try:
                return list(parse(text))
            except (ValueError, SyntaxError):
                continue
    return [text]


def write_options(options: tuple[str, ...], prompt: BenchmarkPrompt) -> str:
    """The options as the prompt writes them, one a line."""
    return "\n".join(
        prompt.option.replace("{letter}", letter).replace("{text}", text)
        for letter, text in zip(ascii_uppercase, options, strict=False)
    )


def fill(template: str, row: Row, entry: Benchmark, options) -> str:
    """Fill a template; a line whose placeholders are all empty is left out.

    The answer's column is never filled in, and a brace behind a letter, as in `\\boxed{answer}`, is no
    placeholder.
    """
    values = {name: text for name, text in row.items() if name != entry.answer.column}
    values["options"] = write_options(options, entry.prompt) if options else ""
    lines = []
    for line in template.split("\n"):
        asked = PLACEHOLDER.findall(line)
        if asked and not any(values.get(name, "") for name in asked):
            continue
        lines.append(PLACEHOLDER.sub(lambda match: values.get(match[1], ""), line))
    return "\n".join(lines).lstrip("\n")


def place_images(text: str, count: int, where: str) -> tuple[str, tuple[int, ...]]:
    """Put one `<image>` marker where each picture belongs, and say which picture each marker shows."""
    if where != "marked":
        text = MARK.sub("", text)
        markers = "\n".join(["<image>"] * count)
        both = (markers, text) if where == "first" else (text, markers)
        return "\n".join(part for part in both if part), tuple(range(count))
    order: list[int] = []

    def marker(match: re.Match) -> str:
        number = int(match[1]) - 1 if match[1] else len(order)
        if not 0 <= number < count:
            return ""
        order.append(number)
        return "<image>"

    text = MARK.sub(marker, text)
    unmarked = [number for number in range(count) if number not in order]
    return "<image>\n" * len(unmarked) + text, (*unmarked, *order)
