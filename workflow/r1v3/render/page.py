"""Pages from templates: one style in every page, nothing from outside."""

from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup


@cache
def environment() -> jinja2.Environment:
    """The templates of all pages; a name that one misspells is an error."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(files("r1v3.render") / "templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["percent"] = percent
    found.filters["effect"] = effect
    style = files("r1v3.render") / "templates" / "report.css"
    found.globals["style"] = Markup(style.read_text(encoding="utf-8"))
    return found


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def effect(value: float | None, unit: str) -> str:
    """An effect in its unit: points for shares of right answers, else four digits at most."""
    if value is None:
        return ""
    if unit == "points":
        return f"{100 * value:+.1f}"
    if unit == "tokens":
        return f"{value:+.1f}"
    return f"{value:+.3g}" if abs(value) < 0.001 else f"{value:+.3f}"
