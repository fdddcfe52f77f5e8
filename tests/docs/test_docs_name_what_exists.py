"""The README and the docs name only files, modules and pages that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from r1v3.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LIBRARY = ROOT / "workflow" / "r1v3"
# Decisions and changes also tell of what was there before.
HISTORY = {"CHANGELOG.md", "decisions.md"}
# Where a path that a page shortens may begin.
BASES = (ROOT, ROOT / "workflow", LIBRARY, ROOT / "tests", ROOT / "docs")
PATH = re.compile(
    r"(?<![\w./<>*{-])((?:[\w.-]+/)+[\w-]+\.(?:py|smk|yaml|yml|txt|md|sh|toml|json))\b"
)
MODULE = re.compile(r"(?<![\w.])r1v3((?:\.[a-z_]\w*)+)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Made by a run or by the user, so no file of git.
MADE = ("results/", "data/", "dvc_plots/", "marks/", "responses/", "verdicts/", "reference/")
# Pages that `make site` writes.
GENERATED = {"docs/contributing.md", "docs/changelog.md"}

ids = [str(page.relative_to(ROOT)) for page in PAGES]


def exists(name: str) -> bool:
    """Return whether a path, or the end of one, is a file of the repository."""
    if name.startswith(MADE):
        return True
    return any((base / name).exists() for base in BASES)


def module_exists(dotted: str) -> bool:
    """Return whether `r1v3` followed by `dotted` is a module, or a name that a module defines."""
    parts = dotted.strip(".").split(".")
    for count in range(len(parts), 0, -1):
        place = LIBRARY.joinpath(*parts[:count])
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if not file.is_file():
            continue
        rest = parts[count:]
        return not rest or bool(
            re.search(rf"^\s*(?:class |def |async def )?{rest[0]}\b", file.read_text(), re.M)
        )
    return False


def anchors(page: Path) -> set[str]:
    """Return the link anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


def shell_lines(text: str) -> Iterator[str]:
    """Return the lines of a page's code, in blocks and in sentences, without their comments."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.M | re.S)
    lines = [line for block in blocks for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    lines += re.findall(r"^    (.*)$", text, re.M)
    lines += [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
    for line in lines:
        yield line.partition(" #")[0].strip()


def wrong_command(line: str) -> str | None:
    """Return a make target, or a command or option of `r1v3`, that a line calls and that does not exist."""
    if found := re.match(r"make ([a-z-]+)", line):
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
        return None if found[1] in targets else f"make {found[1]}"
    found = re.match(r"(?:[A-Z0-9_]+=\S+ )*r1v3 (.+)", line)
    if found is None:
        return None
    command, words = typer.main.get_command(app), found[1].split()
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    if hasattr(command, "commands") and words and words[0][0].isalpha():
        return f"r1v3 {words[0]}"
    known = {each for own in command.params for each in (*own.opts, *own.secondary_opts)}
    wrong = [word for word in words if re.match(r"--\w", word) and word.split("=")[0] not in known]
    return next((f"{line}: {word}" for word in wrong if word != "--help"), None)


def without_history(page: Path) -> str:
    return "" if page.name in HISTORY else page.read_text()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_path_that_a_page_names_exists(page):
    assert [name for name in PATH.findall(without_history(page)) if not exists(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_module_that_a_page_names_exists(page):
    assert [f"r1v3{n}" for n in MODULE.findall(without_history(page)) if not module_exists(n)] == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_relative_link_leads_to_a_page_and_a_heading(page):
    broken = []
    for target in LINK.findall(page.read_text()):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        generated = file.parent == ROOT / "docs/reference" or any(
            file == ROOT / made for made in GENERATED
        )
        if not generated and (not file.exists() or (anchor and anchor not in anchors(file))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_no_line_of_a_page_is_longer_than_100_columns(page):
    code = False
    too_long = []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        code ^= line.startswith("```")
        free = code or line.startswith(("|", "    ")) or LINK.search(line) or "://" in line
        if len(line) > 100 and not free:
            too_long.append(number)
    assert too_long == []


def test_a_readme_has_its_status_on_the_third_line_and_at_most_120_lines():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    assert "not been run" in lines[2] or "Status" in lines[2]


@pytest.mark.parametrize("command", ["snakemake ", "r1v3 "])
def test_a_readme_activates_the_environment_before_the_first_bare_command(command):
    text = (ROOT / "README.md").read_text()
    first = re.search(rf"^    {command}", text, re.M)
    if first:
        assert "source .venv/bin/activate" in text[: first.start()]


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_command_and_option_that_a_page_names_exists(page):
    found = [wrong_command(line) for line in shell_lines(without_history(page))]
    assert [wrong for wrong in found if wrong] == []


def test_a_command_an_option_and_a_target_that_do_not_exist_are_seen():
    text = (
        "`make demos`, `r1v3 tracks rl`\n\n```\nR1V3_X=1 r1v3 evaluate a \\\n    --export b\n```\n"
    )
    assert sorted(filter(None, map(wrong_command, shell_lines(text)))) == [
        "R1V3_X=1 r1v3 evaluate a --export b: --export",
        "make demos",
        "r1v3 tracks",
    ]
    fine = "`r1v3 model check ORG/NAME`, `r1v3 claims`, `make demo`, `r1v3 --help`"
    assert [wrong_command(line) for line in shell_lines(fine)] == [None] * 4


def test_a_path_that_is_nowhere_and_a_module_that_is_none_are_seen():
    assert not exists("train/grpo/nowhere.py")
    assert exists("train/grpo/trainer.py")
    assert not module_exists(".train.nowhere")
    assert module_exists(".train.grpo.trainer")
    assert not module_exists(".train.grpo.trainer.no_such_name")
