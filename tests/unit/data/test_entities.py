"""Characters that are written as named HTML entities."""

import json

import pytest
from data_fixtures import listed, source_config

from r1v3.data.entities import without_entities
from r1v3.data.prepare import prepare
from r1v3.data.records import read_records


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("3 &lt; 4 &amp; 5&nbsp;&gt; 2", "3 < 4 & 5 > 2"),
        ("it&#39;s &#x4e2d;", "it's 中"),
        (r"\begin{array} a & b; c & d; \end{array}", r"\begin{array} a & b; c & d; \end{array}"),
        ("R&D; AT&T", "R&D; AT&T"),
    ],
)
def test_names_of_characters_become_the_characters(text, wanted):
    assert without_entities(text) == wanted


def test_the_repair_is_noted_and_leaves_a_response_as_it_is(tmp_path):
    row = {
        "id": "q", "question": "Is 3 &lt; 4?", "answer": "A", "answer_type": "mcq",
        "options": ["3 &lt; 4", "no"], "domain": "mathematics", "difficulty": "5", "language": "en",
        "response": "&lt;",
    }  # fmt: skip
    (tmp_path / "x.jsonl").write_text(json.dumps(row))
    prepare(source_config(listed(tmp_path / "x.jsonl"), 5), tmp_path / "set")
    (record,) = read_records(tmp_path / "set")
    assert (record.question, record.options, record.response) == (
        "Is 3 < 4?", ("3 < 4", "no"), "&lt;",
    )  # fmt: skip
    assert record.edits == (
        "validate: question: characters of HTML", "validate: options: characters of HTML",
    )  # fmt: skip
