"""A question of a benchmark, and how a row of its TSV becomes one.

A row that cannot become one raises a ValueError that says why. `r1v3.evaluate.items.load` adds file,
benchmark and row, and continues with the next row.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from r1v3.data.records import LETTERS
from r1v3.data.tex import with_backslashes
from r1v3.evaluate.items.cells import letters_in, read_list, read_number_of_points
from r1v3.evaluate.items.options import bare_options, read_options, without_letters, write_options
from r1v3.evaluate.items.rows import Row
from r1v3.recipe.tables.benchmarks import FOUND, Benchmark
from r1v3.reward.choice.letters import gold_letters
from r1v3.reward.text.yes_no import yes_or_no_if_asked

# Spellings of yes and no in some files.
FLAGS = {"1": True, "1.0": True, "0": False, "0.0": False}
MARK = re.compile(r"<image(?:[ _]?(\d+))?>")
PLACEHOLDER = re.compile(r"(?<![A-Za-z])\{([^\W\d][\w-]*)\}")
ONE_IN_LIST = re.compile(r"\[\s*(['\"]).*\1\s*\]", re.DOTALL)
LED_TEXT = re.compile(r"[(（]?([A-J])\s*[)）.．、:：]\s*(.+)", re.DOTALL)


@dataclass(frozen=True)
class Item:
    """A question as it is asked and as it will be judged.

    `prompt` is the text of the user turn, with an `<image>` marker for each of `images`. These are indices of
    the row's pictures (from 0), in the order of the markers. Any of `golds` is a right answer. `cluster`
    names what is resampled together. `columns` are the values that the metric groups by.
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
    extra: dict[str, Any] = field(default_factory=dict)


def plain_items(row: Row, entry: Benchmark) -> list[Item]:
    """Make the items of a row whose benchmark needs nothing beyond its entry.

    Raises:
        ValueError: see `make_item`; or a row of an exam has no number of points.
    """
    if entry.scorer == "points":
        return [make_item(row, entry, points=read_number_of_points(row))]
    return [make_item(row, entry)]


def make_item(row: Row, entry: Benchmark, **changes: Any) -> Item:
    """Read a row by its entry; `changes` replaces fields that the entry cannot express.

    Raises:
        ValueError: the answer is empty, or names none of a choice's options, or there is no question.
    """
    if not row.get("question", "").strip() and row.get("pictures") == "0":
        raise ValueError("there is neither a question nor a picture")
    of_the_user = entry.answer.options == FOUND
    entry = _with_options_found(row, entry)
    options = changes.pop("options") if "options" in changes else read_options(row, entry)
    if options and of_the_user:
        options = without_letters(options)  # the prompt adds them
    form = entry.answer.form
    if form == "mixed":
        form = "choice" if options else "open"
    if form == "letters" and not options and row.get(entry.answer.column, "").strip().isdigit():
        form = "open"  # for example LogicVista's v1_20: `Select from 1-5`
    golds = changes.pop("golds", None) or read_golds(row, entry, form, options)
    if options and not _names_options(golds, options):
        if _pictured(entry) or entry.answer.options == "question":
            options = None  # the columns have less than the picture, or its text lists other things
        else:
            raise ValueError(f"the right option, {' or '.join(golds)}, is empty or not there")
    template = changes.pop("template", entry.prompt.choice if form != "open" else entry.prompt.open)
    listed = None if entry.answer.options == "question" else options
    text = changes.pop("text", None) or fill(template, row, entry, listed)
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
        "cluster": cluster_of(row, entry),
        "columns": columns_of(row, entry),
    }
    return Item(**{**known, **changes})


def cluster_of(row: Row, entry: Benchmark) -> str:
    """Return the cluster with which a row is resampled; by default the row is its own cluster."""
    named = [row.get(column, "") for column in entry.cluster]
    return "/".join(named) if any(named) else row["index"]


def columns_of(row: Row, entry: Benchmark) -> dict[str, str]:
    """Return the values that the metric groups a row by."""
    return {column: row.get(column, "") for column in entry.by}


def _with_options_found(row: Row, entry: Benchmark) -> Benchmark:
    """Return the entry with the place of this row's options, if the entry says that they must be found."""
    if entry.answer.options != FOUND:
        return entry
    place = "question" if entry.answer.form in ("choice", "letters") else None
    if row.get("options", "").strip():
        place = "options"
    if row.get("A", "").strip() or row.get("B", "").strip():
        place = "columns"
    answer = entry.answer.model_copy(update={"options": place})
    return entry.model_copy(update={"answer": answer})


def _pictured(entry: Benchmark) -> bool:
    """Return whether a choice's options are in the picture, and columns only help to read an answer."""
    return "{options}" not in entry.prompt.choice and entry.answer.options == "columns"


def _names_options(golds: tuple[str, ...], options: tuple[str, ...]) -> bool:
    filled = {
        letter for letter, text in zip(ascii_uppercase, options, strict=False) if text.strip()
    }
    return all(set(gold) <= filled for gold in golds if gold.isalpha() and gold.isupper())


def read_golds(
    row: Row, entry: Benchmark, form: str, options: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Return the right answers of a row: letters for a choice, else texts, any of which is right.

    Raises:
        ValueError: there is none, or it has another form.
    """
    column = entry.answer.column
    answer = with_backslashes(row.get(column, "")).strip()
    if not answer:
        raise ValueError(f"the column {column} is empty: there is no right answer")
    if form == "yes_no":
        said = FLAGS.get(answer, yes_or_no_if_asked(answer))
        if said is None:
            raise ValueError(f"{column} must be Yes or No, not {answer!r}")
        return ("A",) if said else ("B",)
    if form == "choice":
        open_list = _pictured(entry) or entry.answer.options == "question"
        return (read_letter(answer, options, pictured=open_list),)
    if form == "letters":
        letters = letters_in(answer) or gold_letters(answer, options and bare_options(options))
        if not letters:
            raise ValueError(f"{column} must be letters, not {answer!r}")
        return (letters,)
    if entry.answer.alternatives and answer.startswith("["):
        given = [with_backslashes(str(gold)) for gold in read_list(answer) if gold is not None]
        golds = tuple(gold for gold in given if gold.strip())
        if not golds:
            raise ValueError(f"{column} is a list without a right answer: {answer!r}")
        return golds
    if ONE_IN_LIST.fullmatch(answer) and len(alone := read_list(answer)) == 1:
        return (str(alone[0]),)
    return (answer,)


def read_letter(answer: str, options: tuple[str, ...] | None, *, pictured: bool = False) -> str:
    """Return the letter that a choice's answer names: `B`, `(b)`, `Option B`, or the text of an option.

    Raises:
        ValueError: it names no option.
    """
    allowed = ascii_uppercase[: len(options)] if options and not pictured else LETTERS
    if answer.startswith("[") and len(alone := read_list(answer)) == 1:
        answer = str(alone[0])
    texts = [option.strip() for option in options or ()]
    if answer.strip() in set(allowed):
        return answer.strip()
    if answer.strip() in texts:
        return ascii_uppercase[texts.index(answer.strip())]
    letter = answer.strip(" ()（）[].．:：、$*").upper()
    if letter in set(allowed):
        return letter
    led = LED_TEXT.match(answer.strip())  # such as `B. 12 N`
    if led and led[1] in set(allowed) and led[2] == texts[ascii_uppercase.index(led[1])]:
        return led[1]
    bare = bare_options(options) if options else None
    found = gold_letters(unicodedata.normalize("NFKC", answer), bare)
    if found is not None and found in set(allowed):
        return found
    raise ValueError(f"the answer {answer!r} is none of {', '.join(allowed)}")


def fill(template: str, row: Row, entry: Benchmark, options: tuple[str, ...] | None) -> str:
    """Fill a template. A line whose placeholders are all empty is left out.

    The answer's column is never filled in. A brace after a letter is no placeholder, as in
    `\\boxed{answer}`.
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
    """Put one `<image>` marker where each picture belongs, and return which picture each marker shows."""
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
