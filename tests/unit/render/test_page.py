"""The frame that all pages share."""

from importlib.resources import files

import jinja2
import pytest

from r1v3.render.page import effect, environment, render_page

FRAGMENTS = {"funnel", "parts", "section", "text_table", "claims_body"}


def page_templates() -> list[str]:
    names = [path.name for path in (files("r1v3.render") / "templates").iterdir()]
    stems = [name.removesuffix(".html.j2") for name in names if name.endswith(".html.j2")]
    return sorted(s for s in stems if s not in FRAGMENTS | {"page"} and not s.startswith("report_"))


@pytest.mark.parametrize("name", page_templates())
def test_every_page_extends_the_frame_and_loads_nothing(name):
    source, _, _ = environment().loader.get_source(environment(), f"{name}.html.j2")
    assert source.startswith('{% extends "page.html.j2" %}')
    assert "<html" not in source
    assert "<link" not in source
    assert 'src="http' not in source


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
