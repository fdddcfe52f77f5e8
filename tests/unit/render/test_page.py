"""The frame that all pages share."""

import re
from importlib.resources import files

import jinja2
import pytest

from r1v3.render.page import effect, render_page, template_environment

TEMPLATES = files("r1v3.render") / "templates"
FRAGMENTS = {"funnel", "parts", "section", "text_table", "claims_body"}


def page_templates() -> list[str]:
    names = [path.name for path in TEMPLATES.iterdir()]
    stems = [name.removesuffix(".html.j2") for name in names if name.endswith(".html.j2")]
    return sorted(s for s in stems if s not in FRAGMENTS | {"page"} and not s.startswith("report_"))


@pytest.mark.parametrize("name", page_templates())
def test_every_page_extends_the_frame_and_loads_nothing(name):
    source, _, _ = template_environment().loader.get_source(
        template_environment(), f"{name}.html.j2"
    )
    assert source.startswith('{% extends "page.html.j2" %}')
    assert "<html" not in source
    assert "<link" not in source
    assert 'src="http' not in source


@pytest.mark.parametrize("name", sorted(path.name for path in TEMPLATES.iterdir()))
def test_no_page_prints_a_method_of_a_mapping_for_its_key(name):
    # In a template `row.items` is the method of a dict, although the dict has a key `items`.
    method = re.compile(r"\w\.(?:items|keys|values|get|update|pop|copy|clear)\b(?!\()")
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    assert not [
        found[0] for found in re.finditer(r"{[{%].*?[}%]}", source) if method.search(found[0])
    ]


def test_text_is_escaped_and_a_missing_name_is_an_error():
    common = {"asked": 1, "marks": [], "items": []}
    assert "&lt;b&gt;" in render_page("errors.html.j2", title="<b>", **common)
    with pytest.raises(jinja2.UndefinedError, match="title"):
        render_page("errors.html.j2", **common)


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.125, "points", "+12.5"),
        (-3.04, "tokens", "-3.0"),
        (0.25, "nats", "+0.250"),
        (0.00012, "nats", "+0.00012"),
        (None, "points", ""),
    ],
)
def test_an_effect_is_written_in_its_unit(value, unit, written):
    assert effect(value, unit) == written
