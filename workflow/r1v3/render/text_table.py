"""Writes a table of texts as HTML, Markdown, LaTeX and CSV. Each format escapes its own markup."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from r1v3.base.atomic_write import write_text
from r1v3.render.page import render_page, template_environment

FORMULA = ("=", "+", "-", "@", "\t", "\r")
LATEX = str.maketrans(
    {
        **{char: f"\\{char}" for char in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)
NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?%?|-")


@dataclass(frozen=True)
class TextTable:
    """A table of texts. A row with a single cell is the heading of the rows below it."""

    caption: str
    header: list[str]
    rows: list[list[str]]

    def is_heading(self, row: list[str]) -> bool:
        """Return whether a row is the heading of a group."""
        return len(row) == 1 and len(self.header) > 1


def as_html(table: TextTable) -> str:
    """Return the table as a `<table>` element."""
    template = template_environment().get_template("text_table.html.j2")
    return str(template.make_module().text_table(table))  # pyright: ignore[reportAttributeAccessIssue]


def as_markdown(table: TextTable) -> str:
    """Return the table in GitHub's Markdown, with its caption below."""
    grid = _drawn(table, "pipe", _markdown_text, "**{}**")
    return f"{grid}\n\n{_markdown_text(table.caption)}\n"


def as_latex(table: TextTable) -> str:
    """Return the table as a LaTeX `table` with its caption."""
    grid = _drawn(table, "latex_raw", _latex_text, r"\textit{{{}}}")
    caption = rf"\caption{{{_latex_text(table.caption)}}}"
    return "\n".join([r"\begin{table}", grid, caption, r"\end{table}", ""])


def as_csv(table: TextTable) -> str:
    """Return the table as CSV, with the heading of each group in the first column."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["Group", *map(spreadsheet_cell, table.header)])
    group = ""
    for row in table.rows:
        if table.is_heading(row):
            group = row[0]
        else:
            writer.writerow([spreadsheet_cell(text) for text in (group, *row)])
    return target.getvalue()


def spreadsheet_cell(text: str) -> str:
    """Put an apostrophe before =, +, -, @ or a tab, so that no spreadsheet takes the text for a formula.

    Signed numbers, and the dash of an empty cell, stay as they are.
    """
    if text.startswith(FORMULA) and not NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def write_tables(table: TextTable, folder: Path, name: str, heading: str = "") -> list[Path]:
    """Write `<name>.html` (a whole page), `.md`, `.tex` and `.csv`, and return their paths.

    Args:
        heading: heading of the page, for a page of benchmarks; `name` if it is empty.
    """
    texts = {
        "html": render_page("table.html.j2", heading=heading, name=name, table=table),
        "md": as_markdown(table),
        "tex": as_latex(table),
        "csv": as_csv(table),
    }
    paths = [folder / f"{name}.{suffix}" for suffix in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_text(path, text)
    return paths


def _drawn(table: TextTable, style: str, escape: Callable[[str], str], heading: str) -> str:
    """Format rows in one of tabulate's styles; `heading` is the format of a group heading's first cell."""
    rows = [
        [heading.format(escape(row[0]))] if table.is_heading(row) else [*map(escape, row)]
        for row in table.rows
    ]
    width = len(table.header)
    return tabulate(
        [row + [""] * (width - len(row)) for row in rows],
        headers=[*map(escape, table.header)],
        tablefmt=style,
        disable_numparse=True,
        colalign=["left", *["right"] * (width - 1)] if rows else None,
    )


def _markdown_text(text: str) -> str:
    text = re.sub(r"([\\`*_<|])", r"\\\1", " ".join(text.split()))
    return text.replace("](", r"]\(")


def _latex_text(text: str) -> str:
    return text.translate(LATEX)
