"""Cells of text that hold a list or a structure as JSON, Python or numpy writes it."""

import base64

import pytest
from picture_files import PNG

from r1v3.data.fields import Rejected
from r1v3.data.literals import read_literal
from r1v3.data.picture_cells import content, pictures_of
from r1v3.data.picture_files import PictureFiles
from r1v3.data.sources.record_cells import options_in_cell

BASE64 = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("['a' 'b']", ["a", "b"]), ("['a'\n \"b's\"]", ["a", "b's"]), ("[1 2.5 -3]", ["1", "2.5", "-3"]),
        ("array(['a', 'b'], dtype=object)", ["a", "b"]), ("np.array(['a' 'b'])", ["a", "b"]),
        ("[np.str_('a (1)'), np.int64(2)]", ["a (1)", 2]), ("['a', nan, 'c']", ["a", None, "c"]),
        ('["a", null]', ["a", None]),
        ("{'A': 'x'}", {"A": "x"}), ("b'ab'", b"ab"), ("('a', 'b')", ("a", "b")),
    ],
)  # fmt: skip
def test_a_value_is_read_however_it_was_printed(text, value):
    assert read_literal(text) == value


@pytest.mark.parametrize(
    "text", ["['a', 'b'", "[image]", "{", "b'", "array(x)", "(1) first", "[" * 9_000]
)
def test_what_holds_no_value_is_said(text):
    with pytest.raises(ValueError, match="no value of JSON, Python or numpy"):
        read_literal(text)


@pytest.mark.parametrize(
    "cell",
    [
        str([BASE64, BASE64]), f"['{BASE64}' '{BASE64}']", str([PNG, PNG]), "['a.png', 'a.png']",
        "array(['a.png', 'a.png'], dtype=object)", str([{"path": "a.png", "bytes": None}] * 2),
        str([{"path": None, "bytes": PNG}] * 2),
    ],
)  # fmt: skip
def test_a_cell_of_text_holds_several_pictures(tmp_path, cell):
    (tmp_path / "a.png").write_bytes(PNG)
    files = PictureFiles(tmp_path, scratch=tmp_path)
    assert [content(each, files, 10**6)[0] for each in pictures_of(cell)] == [PNG, PNG]


@pytest.mark.parametrize("cell", [str(PNG), f"b'{BASE64}'", str({"path": "a.png", "bytes": None})])
def test_a_cell_of_text_holds_one_picture(tmp_path, cell):
    (tmp_path / "a.png").write_bytes(PNG)
    files = PictureFiles(tmp_path, scratch=tmp_path)
    assert [content(each, files, 10**6)[0] for each in pictures_of(cell)] == [PNG]


@pytest.mark.parametrize("cell", ["nan", "None", "<NA>", "[]", "['nan', None]"])
def test_a_cell_that_was_written_as_empty_holds_none(cell):
    assert list(pictures_of(cell)) == []


@pytest.mark.parametrize("cell", ["[1].png", "(a).png", "b'.png", "{x}.png"])
def test_a_path_may_begin_as_a_list_does(cell):
    assert pictures_of(cell) == [cell]


@pytest.mark.parametrize(
    "cell", ["['a' 'b']", "array(['a', 'b'], dtype=object)", "[['a', 'b']]", "[np.str_('a'), np.str_('b')]"]
)  # fmt: skip
def test_options_are_read_however_they_were_printed(cell):
    assert options_in_cell(cell) == ["a", "b"]


def test_an_empty_option_is_refused_in_any_notation():
    with pytest.raises(Rejected, match="wrong options"):
        options_in_cell("['a', nan, 'c']")
