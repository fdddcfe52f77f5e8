"""Makes HTML pages from the templates in this folder. All share one frame and style, and load nothing."""

from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from r1v3.render.claim_plots import claim_plots


def render_page(template: str, **content: object) -> str:
    """Fill a template with content. All text is escaped.

    Raises:
        jinja2.UndefinedError: the template uses a name that `content` lacks.
    """
    return template_environment().get_template(template).render(**content)


@cache
def template_environment() -> jinja2.Environment:
    """Return the templates of all pages, with the filters `percent` and `effect`, and `claim_plots`."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(files("r1v3.render") / "templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["percent"] = percent
    found.filters["effect"] = effect
    found.globals["claim_plots"] = claim_plots
    style = files("r1v3.render") / "templates" / "page.css"
    found.globals["style"] = Markup(style.read_text(encoding="utf-8"))
    return found


def percent(share: float) -> str:
    """Write a share in [0, 1] in percent with one decimal."""
    return f"{100 * share:.1f}"


def effect(value: float | None, unit: str) -> str:
    """Write a signed effect: shares of right answers in points, other units with up to three decimals."""
    if value is None:
        return ""
    if unit == "points":
        return f"{100 * value:+.1f}"
    if unit == "tokens":
        return f"{value:+.1f}"
    return f"{value:+.3g}" if abs(value) < 0.001 else f"{value:+.3f}"
