"""Pages from templates: one style in every page, nothing from outside."""

from functools import cache
from importlib.resources import files

import jinja2

from r1v3.analyze.tables import percent


@cache
def environment() -> jinja2.Environment:
    """The templates; a name that one misspells is an error."""
    folder = files("r1v3.analyze") / "templates"
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(folder)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["percent"] = percent
    found.filters["effect"] = effect
    found.globals["style"] = (folder / "report.css").read_text(encoding="utf-8")
    return found


def effect(value: float | None, unit: str) -> str:
    """An effect in its unit: points for shares of right answers, else four digits at most."""
    if value is None:
        return ""
    if unit == "points":
        return f"{100 * value:+.1f}"
    if unit == "tokens":
        return f"{value:+.1f}"
    return f"{value:+.3g}" if abs(value) < 0.001 else f"{value:+.3f}"
