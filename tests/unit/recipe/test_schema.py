"""The common parts of all levels of the schema, dates, and the machines of a layout."""

import pytest
from pydantic import ValidationError

from r1v3.recipe.schema.layout import Machines
from r1v3.recipe.schema.section import Positive, Rate, Section, Share
from r1v3.recipe.tables.dates import is_date


class Level(Section):
    share: Share
    count: Positive
    rate: Rate


def test_a_level_takes_the_ends_of_its_ranges():
    assert Level(share=0, count=1, rate=1e-9).share == 0
    assert Level(share=1, count=1, rate=1.0).share == 1


@pytest.mark.parametrize("wrong", [{"share": 1.01}, {"share": -0.01}, {"count": 0}, {"rate": 0}])
def test_a_number_out_of_its_range_is_refused(wrong):
    with pytest.raises(ValidationError):
        Level.model_validate({"share": 0.5, "count": 1, "rate": 1.0} | wrong)


def test_an_unknown_key_is_refused_and_a_value_cannot_be_changed():
    with pytest.raises(ValidationError, match="Extra inputs"):
        Level.model_validate({"share": 0.5, "count": 1, "rate": 1.0, "other": 1})
    level = Level(share=0.5, count=1, rate=1.0)
    with pytest.raises(ValidationError, match="frozen"):
        level.share = 0.6


@pytest.mark.parametrize("text", ["2024", "2024-02", "2024-02-29"])
def test_a_year_a_month_and_a_day_are_dates(text):
    assert is_date(text)


@pytest.mark.parametrize(
    "text", ["", "24", "2023-02-29", "2024-13", "2024-2", "2024-02-03T00", "May 2024"]
)
def test_other_texts_are_none(text):
    assert not is_date(text)


MACHINES = {"nodes": 1, "gpus": 8, "hours": 4.0, "memory_gb": None}


def test_engines_fill_a_node():
    assert Machines(**MACHINES, tensor_parallel=4, engine_memory=None).tensor_parallel == 4
    for gpus, parallel in ((8, 3), (0, 1)):
        with pytest.raises(ValidationError, match="tensor_parallel must divide gpus"):
            Machines(**MACHINES | {"gpus": gpus}, tensor_parallel=parallel, engine_memory=None)
