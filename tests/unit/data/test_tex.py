"""Backslashes of TeX that some program read as escapes."""

import json

import pytest
from data_fixtures import listed, source_config

from r1v3.data.prepare import prepare
from r1v3.data.records import read_records
from r1v3.data.tex import with_backslashes


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\x0crac{36}{13}", r"\frac{36}{13}"),
        ("$\x08eta+\x07lpha$", r"$\beta+\alpha$"),
        ("\x0bec{a} \x0borall", "\\vec{a} \x0borall"),
        ("3 \times 4 \theta", r"3 \times 4 \theta"),
        ("a\neq b", r"a\neq b"),
        ("(1\right)", r"(1\right)"),
        ("\x08egin{array}", r"\begin{array}"),
        ("a\tbetter", "a\tbetter"),
        ("x\n\nequal sides", "x\n\nequal sides"),
        ("one\ttext of it", "one\ttext of it"),
        (r"\frac{1}{2}", r"\frac{1}{2}"),
        ("\x0cracture", "\x0cracture"),
        ("$\tau$ and $\rho$, $x_\nu$", r"$\tau$ and $\rho$, $x_\nu$"),
        ("\tan x", r"\tan x"),
        ("a\tan example", "a\tan example"),
        ("1\tan apple", "1\tan apple"),
        ("$$\nu = 3$$", "$$\nu = 3$$"),
        ("x =\nu + 1", "x =\nu + 1"),
    ],
)
def test_a_lost_backslash_is_put_back_before_the_rest_of_a_known_command(text, wanted):
    assert with_backslashes(text) == wanted


def test_a_row_is_kept_and_the_repair_is_noted(tmp_path):
    row = {
        "id": "q", "question": "How long? \x0crac{1}{2}", "answer": "\x0crac{36}{13}", "answer_type": "fill",
        "domain": "mathematics", "difficulty": "5", "language": "en",
    }  # fmt: skip
    (tmp_path / "x.jsonl").write_text(json.dumps(row))
    prepare(source_config(listed(tmp_path / "x.jsonl"), 5), tmp_path / "set")
    (record,) = read_records(tmp_path / "set")
    assert record.answer == r"\frac{36}{13}"
    assert record.edits == (
        "validate: question: lost backslashes of TeX",
        "validate: answer: lost backslashes of TeX",
    )
