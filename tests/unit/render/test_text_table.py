"""A table of texts in four formats: it has every cell, and no cell is read as markup."""

import csv
import io

import pytest
from page_reader import Page, without_tags

from r1v3.render.text_table import TextTable, as_csv, as_html, as_latex, as_markdown, write_tables

TABLE = TextTable(
    "80 % of <all> items.",
    ["Benchmark", "n", "ours"],
    [["General"], ["MMMU", "900", "71.2 [68.0, 74.1]"], ["a_b | c", "-", "49.9*"]],
)


def with_cell(text: str) -> TextTable:
    return TextTable("caption", ["name", "value"], [["row", text]])


def test_html_has_headings_rows_and_escaped_text():
    text = as_html(TABLE)
    Page(text)  # every tag is closed
    assert '<th colspan="3" scope="colgroup">General</th>' in text
    assert "MMMU 900 71.2 [68.0, 74.1] a_b | c - 49.9*" in without_tags(text)
    assert "80 % of &lt;all&gt; items." in text


def test_markdown_has_as_many_columns_in_every_line():
    lines = as_markdown(TABLE).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines[:5]]
    assert cells[0] == ["Benchmark", "n", "ours"]
    assert cells[2] == ["**General**", "", ""]
    assert cells[3] == ["MMMU", "900", "71.2 [68.0, 74.1]"]
    assert r"a\_b \| c" in lines[4]
    assert lines[-1] == r"80 % of \<all> items."


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("*a* `b` <c>", r"\*a\* \`b\` \<c>"),
        ("[a](b)", r"[a]\(b)"),
        ("two\nlines", "two lines"),
        ("\\|", r"\\\|"),
    ],
)
def test_markdown_reads_a_cell_as_text(text, escaped):
    row = as_markdown(with_cell(text)).splitlines()[2]
    assert row.removeprefix("| row").removesuffix("|").strip().removeprefix("| ").strip() == escaped


def test_latex_has_a_line_for_each_row_and_escapes_every_special_character():
    text = as_latex(TABLE)
    assert text.count(r"\\") == 1 + len(TABLE.rows)
    assert r"\textit{General}" in text
    assert r"\caption{80 \% of \textless{}all\textgreater{} items.}" in text
    escaped = as_latex(with_cell(r"\ { } $ & # ^ _ ~ %"))
    assert r"\textbackslash{} \{ \} \$ \& \# \textasciicircum{} \_ \textasciitilde{} \%" in escaped


def test_csv_names_the_group_of_each_row():
    rows = list(csv.reader(io.StringIO(as_csv(TABLE))))
    assert rows == [
        ["Group", "Benchmark", "n", "ours"],
        ["General", "MMMU", "900", "71.2 [68.0, 74.1]"],
        ["General", "a_b | c", "-", "49.9*"],
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd", "'+cmd"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("-0.4", "-0.4"),
        ("+1,200.5", "+1,200.5"),
        ("-", "-"),
        ("a=b", "a=b"),
    ],
)
def test_a_csv_cell_is_no_formula(text, written):
    assert list(csv.reader(io.StringIO(as_csv(with_cell(text)))))[1] == ["", "row", written]


def test_a_table_without_rows_has_its_header():
    empty = TextTable("caption", ["a", "b"], [])
    for text in (as_html(empty), as_markdown(empty), as_latex(empty), as_csv(empty)):
        assert "a" in text
        assert "b" in text


def test_the_four_files_are_written(tmp_path):
    paths = write_tables(TABLE, tmp_path, "table_1")
    assert [path.name for path in paths] == [
        "table_1.html",
        "table_1.md",
        "table_1.tex",
        "table_1.csv",
    ]
    assert paths[1].read_text() == as_markdown(TABLE)
