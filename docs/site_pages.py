"""The pages of the docs site that are made from the code at each build; a hook of MkDocs.

Commands come from the Makefile and `r1v3`, configuration from the pydantic models, modules from mkdocstrings.
CONTRIBUTING and CHANGELOG are shown with their links turned. Results are published as far as they are there.
"""

import ast
import contextlib
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic import BaseModel

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "workflow" / "r1v3"
sys.path[:0] = [str(ROOT / "docs"), str(ROOT / "workflow")]

from file_list import file_list  # noqa: E402
from site_results import KEPT, shrink, site_files, too_large  # noqa: E402

from r1v3.cli.app import app  # noqa: E402
from r1v3.recipe.schema.recipe import GrpoEntry, ModelEntry, Recipe, SftEntry  # noqa: E402
from r1v3.recipe.schema.studies import Claim, Study  # noqa: E402
from r1v3.recipe.tables.benchmarks import ListedBenchmark  # noqa: E402
from r1v3.recipe.tables.sources import SourceEntry  # noqa: E402

# Keywords of JSON schema that limit a number, as a reader writes them.
LIMITS = {"minimum": "≥ ", "exclusiveMinimum": "> ", "maximum": "≤ ", "exclusiveMaximum": "< "}


# The pages of the configuration: title, introduction, and the models whose keys they list.
CONFIGURATION = {
    "recipe_keys": (
        "Recipe keys",
        "A recipe is a file of `config/recipes/`. `paper.yaml` is complete: no key has a default in code."
        " Each other recipe is laid over it.",
        (Recipe,),
    ),
    "run_table": (
        "Run table",
        "`config/runs.yaml` has one entry for each run. `like` copies another entry, and `grid` makes many of"
        " one; what is left after that has these keys. [Studies and claims](../studies.md) tells how.",
        (ModelEntry, SftEntry, GrpoEntry),
    ),
    "benchmark_table": (
        "Benchmark table",
        "`config/benchmarks.yaml` has one entry for each benchmark."
        " [The 20 benchmarks](../benchmarks.md) says what each one tests.",
        (ListedBenchmark,),
    ),
    "source_table": (
        "Source table",
        "`config/sources.yaml` has one entry for each source of training data. [Data](../data.md) says what"
        " becomes of its rows.",
        (SourceEntry,),
    ),
    "study_table": (
        "Studies and claims, key by key",
        "`config/studies.yaml` says what is compared with what, `config/claims.yaml` what the report says."
        " [Studies and claims](../studies.md) has the meaning.",
        (Study, *get_args(get_args(Claim)[0])),
    ),
}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are made; called by MkDocs."""
    try:
        made = made_pages() | site_files(ROOT / "results", KEPT)
    except ValueError as error:
        raise PluginError(str(error)) from None
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to files of the root, which readers of the repository follow, lead to pages; called by MkDocs."""
    return markdown.replace("](../CONTRIBUTING.md", "](contributing.md")


def on_post_build(*, config: MkDocsConfig) -> None:
    """Keep the site small; called by MkDocs."""
    site = Path(config.site_dir)
    shrink(site)
    if fault := too_large(site):
        raise PluginError(fault)


def made_pages() -> dict[str, str]:
    """The text of each page by its place below docs/."""
    pages = {
        "contributing.md": turned(ROOT / "CONTRIBUTING.md"),
        "changelog.md": turned(ROOT / "CHANGELOG.md"),
        "reference/commands.md": commands_page(ROOT / "Makefile"),
        "reference/files.md": file_list(ROOT),
    }
    for name, (title, introduction, models) in CONFIGURATION.items():
        pages[f"reference/{name}.md"] = model_page(title, introduction, *models)
    for package in sorted(path for path in LIBRARY.iterdir() if (path / "__init__.py").is_file()):
        pages[f"reference/{package.name}.md"] = package_page(package)
    return pages


def turned(page: Path) -> str:
    """A page of the root, with its links as they are from docs/."""
    return page.read_text().replace("](docs/", "](")


def commands_page(makefile: Path) -> str:
    """The targets of make, each with its line of help, then the help of each command of `r1v3`."""
    found = re.findall(r"^([a-z-]+):[^#\n]*## *(.+)$", makefile.read_text(), re.M)
    rows = [f"| `make {name}` | {cell(text)} |" for name, text in found]
    lines = ["# Commands", "", "## make", "", "| command | does |", "|---|---|", *rows]
    lines += ["", "## r1v3", "", "```text", help_text([]), "```"]
    for words in subcommands(app):
        lines += ["", f"### r1v3 {' '.join(words)}", "", "```text", help_text(words), "```"]
    return "\n".join(lines) + "\n"


def subcommands(group: typer.Typer, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of every command that is not hidden, in the order of `r1v3 --help`."""
    found = []
    for command in group.registered_commands:
        if not command.hidden:
            name = command.name or command.callback.__name__.replace("_", "-")
            found.append((*before, name))
    for inner in group.registered_groups:
        found += subcommands(inner.typer_instance, (*before, inner.name))
    return found


def help_text(words: Sequence[str]) -> str:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        app(args=[*words, "--help"], prog_name="r1v3", standalone_mode=False)
    return shown.getvalue().rstrip()


def model_page(title: str, introduction: str, *models: type[BaseModel]) -> str:
    """A heading and a table of keys for each section that a model is made of, the outermost first."""
    sections: dict[str, dict] = {}
    for model in models:
        schema = model.model_json_schema(by_alias=True)
        sections |= {model.__name__: schema} | schema.get("$defs", {})
    lines = [f"# {title}", introduction.strip()]
    for name, schema in sections.items():
        if schema.get("type") != "object" or "properties" not in schema:
            continue
        lines += [f"## {name}", inline(schema.get("description", ""))]
        needed = schema.get("required", [])
        rows = [
            f"| `{key}` | {kind(field)} | {'' if key in needed else default(field)} |"
            f" {cell(field.get('description', ''))} |"
            for key, field in schema["properties"].items()
        ]
        lines.append("\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows]))
    return "\n\n".join(lines) + "\n"


def kind(field: dict) -> str:
    """What a field may hold, in words; names of sections are links."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for joined in ("anyOf", "oneOf"):
        if joined in field:
            return " or ".join(kind(choice) for choice in field[joined])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        if "prefixItems" in field:
            return "list: " + ", ".join(kind(item) for item in field["prefixItems"])
        return f"list of {kind(field.get('items', {}))}"
    if field.get("type") == "object":
        values = field.get("additionalProperties")
        return f"name: {kind(values)}" if isinstance(values, dict) else "keys and values"
    limits = [f"{sign}{field[word]:g}" for word, sign in LIMITS.items() if word in field]
    return " ".join([field.get("type", "anything"), *limits])


def default(field: dict) -> str:
    return f"`{field['default']}`" if "default" in field else ""


def cell(text: str) -> str:
    return inline(" ".join(text.split())).replace("|", "\\|")


def inline(text: str) -> str:
    return text.replace("<", "&lt;") if "`" not in text else text


def package_page(package: Path) -> str:
    """A floor's modules, each for mkdocstrings to fill in."""
    lines = [
        f"# r1v3.{package.name}",
        ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or "",
    ]
    for path in sorted(package.rglob("*.py")):
        if path.name.startswith("__"):
            continue
        dotted = ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts)
        lines.append(f"::: {dotted}")
    return "\n\n".join(lines) + "\n"
