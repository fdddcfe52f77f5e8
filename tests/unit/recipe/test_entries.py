"""A table of named entries is read whole, or every mistake in it is reported."""

import pytest
from pydantic import BaseModel

from r1v3.recipe.entries import read_entries
from r1v3.recipe.errors import RecipeError


class Colour(BaseModel, extra="forbid"):
    hue: int


def read(path):
    return read_entries(path, Colour.model_validate, lambda _: Colour)


def test_entries_keep_the_order_of_the_file(tmp_path):
    path = tmp_path / "colours.yaml"
    path.write_text("red: {hue: 0}\nblue: {hue: 240}\n")
    assert list(read(path)) == ["red", "blue"]
    assert read(path)["blue"] == Colour(hue=240)


def test_all_mistakes_are_reported_at_once_with_file_and_entry(tmp_path):
    path = tmp_path / "colours.yaml"
    path.write_text("Red: {hue: 0}\nblue: {hue: wide}\ngreen: {hues: 120}\nwhite: {hue: 0}\n")
    with pytest.raises(RecipeError) as error:
        read(path)
    said = str(error.value)
    assert "colours.yaml: Red: a name has lower-case letters" in said
    assert "colours.yaml: blue: hue: " in said
    assert "colours.yaml: green: " in said
    assert "white" not in said
