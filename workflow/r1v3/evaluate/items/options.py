"""Finds the options of a row: in columns, in a list, or in lines of the question."""

import re
from functools import lru_cache
from itertools import pairwise
from string import ascii_uppercase

from r1v3.data.records import LETTERS
from r1v3.data.tex import with_backslashes
from r1v3.evaluate.items.cells import NO_CELL, read_list, read_texts
from r1v3.evaluate.items.rows import Row
from r1v3.evaluate.reply.markup import without_html
from r1v3.recipe.tables.benchmarks import Benchmark, BenchmarkPrompt
from r1v3.reward.choice.options import options_in

OPTION_LINE = re.compile(
    r"^\s*(?:[-*•]\s+)?(?:[Oo]ption\s+|选项\s*)?(?:\*\*|\$)?[(（\[［【<]?\s*([A-J])"
    r"(?:\$|\*\*)?\s*(?:[)）\].．、:：\]］】>]|[-–—](?=\s))(?:\*\*)?\s*(.*?)\s*$"
)
BARE_LINE = re.compile(
    r"^\s*([A-J])\s+(.*?)\s*$"
)  # such as `A 10 N`, which may also begin a sentence
SMALL_LINE = re.compile(
    r"^\s*[(（]?([a-j])\s*[)）.．:：]\s*(.*?)\s*$"
)  # such as `a) 10 N`; these may also be parts of a question
FEWEST_BARE = 3
# A line after the last option that says how to answer.
INSTRUCTION = re.compile(
    r"\s*[(（\[*_]*(?:(?:Please|Answer|Choose|Select|Pick|Give|Write|Respond|Reply|Return|Output|Provide|Put|End"
    r"|Think|Note|Hint|Remember|Your|The\s+(?:final\s+)?answer)(?![a-z])|请|回答|作答|注意|提示)"
)
# Marks for the end of a line and for a letter, in layouts that are not plain text.
BREAKS = re.compile(
    r"<br\s*/?>|</?(?:p|li|div)>|\\n(?=\s*[(（]?[A-J]\s*[)）.．、:：])|\r\n?", re.IGNORECASE
)
DRESSED_LETTER = re.compile(
    r"\$?\\(?:textbf|text|textrm|mathrm|mathbf|mathsf|rm|bf)\s*\{\s*([(（]?[A-J]\s*[)）.．、:：]?)\s*\}\$?"
    r"|</?(?:b|strong)>"
)
# For example `Choices: ['2', '3']` at the end of a question.
LIST_AT_END = re.compile(
    r"(?:choices|options|选项)\W{0,3}[:：]\s*(\[.*\])\s*\Z", re.IGNORECASE | re.DOTALL
)
RULE = frozenset("-:= ")  # characters of a table's line between head and rows
APART = ("\n", "|", ";", "；")  # separators of options in one cell
LED = re.compile(
    r"\s*(?:[(（\[【]\s*([A-J])\s*[)）\]】][.:：、]?|([A-J])\s*[)）.．、:：](?!\d))\s*(\S.*)",
    re.DOTALL,
)


def read_options(row: Row, entry: Benchmark) -> tuple[str, ...] | None:
    """Return the options of a row in the order of their letters; an empty option keeps its letter."""
    source = entry.answer.options
    if source is None or source == "picture":
        return None
    if source == "question":
        return options_in_text(row.get("question", ""))
    answer = row.get(entry.answer.column, "")
    if source == "columns":
        found = [row.get(letter, "") for letter in ascii_uppercase]
    else:
        found = read_texts(source, row.get(source, ""))
        if len(found) > 1 and not any(map(str.strip, found)):  # the options are in the picture
            letters = tuple(ascii_uppercase[: len(found)])
            return letters if answer.strip() in letters else None
    found = _without_none(found, answer)
    while found and not found[-1].strip():
        found.pop()
    if len(found) == 1:  # one cell has all options, as in MMMU-Pro's validation_Accounting_29
        found = _in_one_cell(found[0], split=source != "columns")
    return tuple(map(with_backslashes, found)) or None


def _in_one_cell(text: str, *, split: bool) -> list[str]:
    """Return the options in one cell."""
    nested = read_texts("the only option", text)
    if len(nested) > 1:
        return nested
    listed = options_in_text(text)
    if listed:
        return list(listed)
    for separator in APART if split else ():
        parts = [part.strip() for part in text.split(separator) if part.strip()]
        if len(parts) > 1:
            return parts
    return nested


def _without_none(options: list[str], answer: str) -> list[str]:
    """Replace the texts that programs write for an empty cell by empty texts.

    `None` may be an option, as in `How many? One, Two, None`. Two of them in a row are empty cells.
    """
    places = [place for place, text in enumerate(options) if text.strip() in NO_CELL]
    named = answer.strip(" ().").upper()
    sure = {text for text in NO_CELL if text != "None"}
    empty = {
        place
        for place in places
        if (len(places) > 1 or options[place].strip() in sure)
        and named not in (ascii_uppercase[place : place + 1], options[place].strip().upper())
    }
    return ["" if place in empty else text for place, text in enumerate(options)]


def options_in_text(question: str) -> tuple[str, ...] | None:
    """Return the options that a question lists: one a line (`A. 10 N`), in a table or a list at its end, or
    within its lines; None if there are none.
    """
    question = DRESSED_LETTER.sub(lambda found: found[1] or "", BREAKS.sub("\n", question))
    best = _listed(question, OPTION_LINE) or _in_table(question)
    for loose in (BARE_LINE, SMALL_LINE):
        if not best:
            bare = _listed(question, loose)
            best = bare if len(bare) >= FEWEST_BARE else []
    if any(best):
        return tuple(best)
    if best:
        return None
    at_end = LIST_AT_END.search(question)
    listed = [str(text) for text in read_list(at_end[1]) if text is not None] if at_end else []
    return tuple(listed) if len(listed) > 1 else options_in(question)


def _listed(question: str, form: re.Pattern[str]) -> list[str]:
    """Return the longest run of lines A, B, ... in a form; a line between two continues the one above it."""
    best: list[str] = []
    run: list[str] = []
    for line in question.split("\n"):
        match = form.match(line)
        if match and run and match[1].upper() == LETTERS[len(run) : len(run) + 1]:
            run.append(match[2])
        elif match and match[1].upper() == "A":
            run = [match[2]]
        elif run and line.strip() and not INSTRUCTION.match(line):
            run[-1] = f"{run[-1]} {line.strip()}".strip()
        else:
            run = []
        if len(run) >= max(2, len(best)):
            best = list(run)
    return best


def _in_table(question: str) -> list[str]:
    """Return the options of a Markdown table, with letters above the texts or beside them."""
    lines = [
        line.strip().strip("|") for line in question.split("\n") if "|" in line.strip().strip("|")
    ]
    rows = [
        [cell.strip(" *") for cell in line.split("|")]
        for line in lines
        if not set(line) <= {*RULE, "|"}
    ]
    for head, below in pairwise(rows):
        if head == list(LETTERS[: len(head)]) and len(below) == len(head):
            return below
    pairs = [row for row in rows if len(row) == 2 and row[0].strip("().") in LETTERS]
    beside = [row[0].strip("().") for row in pairs]
    return (
        [row[1] for row in pairs]
        if len(pairs) > 1 and beside == list(LETTERS[: len(pairs)])
        else []
    )


@lru_cache(maxsize=4_096)
def bare_options(options: tuple[str, ...]) -> tuple[str, ...]:
    """Return options as answers are compared with them: without markup, and without the letter before each
    (`A. 10 N`).
    """
    plain = tuple(
        without_html(option).strip("* ") if "<" in option else option for option in options
    )
    return without_letters(plain)


def without_letters(options: tuple[str, ...]) -> tuple[str, ...]:
    """Remove the options' letters, if each option that is not empty begins with its own letter."""
    led = [LED.fullmatch(option) for option in options]
    own = [
        bool(found) and (found[1] or found[2]) == letter
        for found, letter in zip(led, ascii_uppercase, strict=False)
    ]
    filled = [place for place, option in enumerate(options) if option.strip()]
    if len(filled) < 2 or not all(own[place : place + 1] == [True] for place in filled):
        return options
    return tuple(found[3] if found else option for found, option in zip(led, options, strict=True))


def write_options(options: tuple[str, ...], prompt: BenchmarkPrompt) -> str:
    """Write the options in the form of the prompt, one a line."""
    return "\n".join(
        prompt.option.replace("{letter}", letter).replace("{text}", text)
        for letter, text in zip(ascii_uppercase, options, strict=False)
        if text.strip()
    )
