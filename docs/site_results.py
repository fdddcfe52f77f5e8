"""Results for the docs site: the pages of a finished checkout, made static, as far as they are there.

Pages keep their inline SVG. Links to what is not published become text. Nothing is loaded from a network.

    python docs/site_results.py     # keeps this checkout's pages in docs/published/, for git

A checkout without results shows what is kept there.
"""

import html
import json
import posixpath
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "published"
INDEX = "README.md"  # of what is kept, so that a reader of the repository sees it below the folder's files
MOST_BYTES = 15_000_000  # of the whole site
MOST_JSON = 300_000
# What is published, in the order in which it is listed; a study's figures stand in its page.
PAGES = (
    "report.html",
    "summary.html",
    "claims.html",
    "studies/*.html",
    "branches/*.html",
    "pages/*.html",
)
DATA = ("summary.json", "claims.json", "claims_summary.json")
LINK = re.compile(
    r"""<a\b(?P<before>[^>]*?)\s(?P<kind>xlink:href|href)="(?P<to>[^"]*)"(?P<after>[^>]*)>(?P<text>.*?)</a>""",
    re.S,
)
LOADED = re.compile(
    r"""<(?:script|link|img|iframe|image|source|object|embed|video|audio)\b[^>]*?\s(?:xlink:href|href|src|data)=["']?\s*(?:https?:)?//[^\s"'>]*""",
    re.I,
)
OWN_PAGES = re.compile(r"""<section aria-labelledby="(?:studies|claims)">.*?</section>""", re.S)
FIGURE = re.compile(r"<figure\b.*?</figure>", re.S)
PATH = re.compile(r"""\bd="M[^"]*\"""", re.S)
DECIMALS = re.compile(r"(-?\d+\.\d)\d+")
SCRIPT = re.compile(r"<script\b[^>]*>.*?</script>", re.S | re.I)


NO_RESULTS = """# Results

This site was built on a machine without results, so there is none to show. They appear after

```bash
make demo             # the report
make studies SEEDS=5  # claims, studies, and the summary
make site             # this site again
```
"""


@dataclass(frozen=True)
class Origin:
    """Where results come from: the command, the last day of its runs, the machines, the code."""

    recipe: str
    seeds: int
    command: str
    date: str
    machines: tuple[str, ...]
    commits: tuple[str, ...]


def published(results: Path) -> dict[str, str]:
    """Pages and data by their place below results/, ready for a static site.

    Raises:
        ValueError: a page loads something from a network.
    """
    found = [path for pattern in PAGES for path in sorted(results.glob(pattern))]
    if not found:
        return {}
    data = [results / name for name in DATA if (results / name).is_file()]
    texts = {path.relative_to(results).as_posix(): path.read_text("utf-8") for path in found}
    known = {*texts, *(path.name for path in data)}
    origin = origin_of(results)
    pages = {name: static(name, text, known, origin) for name, text in texts.items()}
    small = {
        path.name: path.read_text("utf-8") for path in data if path.stat().st_size <= MOST_JSON
    }
    return pages | small


def keep(results: Path, kept: Path) -> int:
    """Replace what is kept by the pages of finished results.

    Returns:
        Bytes that are kept.

    Raises:
        ValueError: there are no results, or a page loads something from a network.
    """
    texts = published(results)
    if not texts:
        raise ValueError(f"{results}: no pages are there; `make studies` makes them")
    shutil.rmtree(kept, ignore_errors=True)
    texts[INDEX] = results_page(results, texts, place="")
    for name, text in texts.items():
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_text(text, "utf-8")
    return sum(len(text.encode()) for text in texts.values())


def site_files(results: Path, kept: Path) -> dict[str, str]:
    """What the site shows by its place: `results.md`, and the pages below `results/`.

    They are this checkout's own where it has results, else those that are kept.
    """
    if texts := published(results):
        index = results_page(results, texts)
    elif (kept / INDEX).is_file():
        paths = [path for path in sorted(kept.rglob("*")) if path.is_file() and path.name != INDEX]
        texts = {path.relative_to(kept).as_posix(): path.read_text("utf-8") for path in paths}
        index = re.sub(r"\]\((?!https?:)", "](results/", (kept / INDEX).read_text("utf-8"))
    else:
        index = NO_RESULTS
    return {"results.md": index} | {f"results/{name}": text for name, text in texts.items()}


def static(name: str, text: str, known: set[str], origin: Origin) -> str:
    """A page without scripts, whose links lead to what is published, with its origin at the top.

    Raises:
        ValueError: it loads something from a network.
    """

    def turned(link: re.Match[str]) -> str:
        to = html.unescape(link["to"])
        if to.startswith(("#", "https://", "http://", "mailto:")):
            return link[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(name), to.partition("#")[0]))
        return (
            link[0]
            if place in known
            else f"<span{link['before']}{link['after']}>{link['text']}</span>"
        )

    page = compact(LINK.sub(turned, SCRIPT.sub("", text)))
    if loaded := LOADED.search(page):
        raise ValueError(f"results/{name} loads from a network: {loaded[0][:120]}")
    up = "../" * (name.count("/") + 1)
    told = html.escape(f"{origin.command}; {origin.date}; {'; '.join(origin.machines)}")
    banner = f'<p style="margin: .5rem 1rem"><a href="{up}results.html">Published results</a>: {told}.</p>'
    return re.sub(r"(<body\b[^>]*>)", lambda body: body[0] + "\n" + banner, page, count=1)


def compact(page: str) -> str:
    """The page with SVG coordinates to a tenth of a pixel, and without figures that other pages have too."""
    page = OWN_PAGES.sub(
        lambda section: FIGURE.sub("<p>Its figures stand on its page.</p>", section[0]), page
    )
    return PATH.sub(lambda path: " ".join(DECIMALS.sub(r"\1", path[0]).split()), page)


def origin_of(results: Path) -> Origin:
    """Command, date and machines, read from manifests and from what the pages' own JSON says."""
    manifests = list(_manifests(results))
    claims = _read(results / "claims.json")
    recipe = claims.get("recipe") or _read(results / "mlflow.json").get("experiment") or "tiny"
    seeds = int(claims.get("seeds") or 1)
    named = {claim["study"] for claim in claims.get("claims", [])}
    every = any(page.stem not in named for page in results.glob("studies/*.html"))
    command = f"make {'studies' if every else 'claims'} SEEDS={seeds}" if claims else "make demo"
    if recipe != "tiny":
        target = "studies" if every else "results/summary.html"
        target = f" seeds={seeds} -- {target}" if claims else ""
        command = f"snakemake --cores all --config recipe={recipe}{target}"
    days = sorted(each["created"][:10] for each in manifests if each.get("created"))
    date = " to ".join(sorted({days[0], days[-1]})) if days else "date not known"
    known = [each.get("environment") or {} for each in manifests]
    machines = sorted({_machine(each["machine"]) for each in known if each.get("machine")})
    commits = sorted({each["commit"][:10] for each in known if each.get("commit")})
    return Origin(
        recipe, seeds, command, date, tuple(machines) or ("machine not known",), tuple(commits)
    )


def _manifests(results: Path) -> Iterator[dict]:
    for path in sorted(results.glob("runs/*/manifest.json")):
        yield _read(path)


def _machine(machine: dict) -> str:
    """A machine without its name in a network."""
    gpus = machine.get("gpus") or []
    names = [each if isinstance(each, str) else str(each.get("name", "GPU")) for each in gpus]
    return ", ".join(
        [
            f"{machine.get('cores', '?')} cores of {machine.get('cpu', '?')}",
            f"{machine.get('memory_gib', '?')} GiB",
            *names,
        ]
    )


def _read(path: Path) -> dict:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def results_page(results: Path, texts: dict[str, str], place: str = "results/") -> str:
    """What was published and how it was made, as Markdown.

    Args:
        texts: what `published` gives.
        place: of the published pages, as seen from this one.
    """
    origin = origin_of(results)
    rows = [
        f"| [{title(name, text)}]({place}{name}) | `{source(name, origin)}` |"
        for name, text in texts.items()
        if name.endswith(".html")
    ]
    data = [f"[{name}]({place}{name})" for name in texts if name.endswith(".json")]
    lines = [
        "# Results", "",
        "These are the pages of one finished checkout, as they were made there. Their numbers come from a",
        "model of under two million parameters on drawn pictures, unless the recipe says otherwise.", "",
        "| | |", "|---|---|",
        f"| recipe | `{origin.recipe}`, {origin.seeds} seed{'' if origin.seeds == 1 else 's'} |",
        f"| command | `{origin.command}` |",
        f"| date | {origin.date} |",
        f"| machine | {'; '.join(origin.machines)} |",
        f"| code | {', '.join(f'`{each}`' for each in origin.commits) or 'not known'} |",
        "", "| page | made by |", "|---|---|", *rows, "",
    ]  # fmt: skip
    lines += [f"As data: {', '.join(data)}.", ""] if data else []
    lines += [
        "Links of these pages to files that are not published here, such as logs and checkpoints, are",
        "text.",
    ]
    return "\n".join(lines) + "\n"


def title(name: str, text: str) -> str:
    found = re.search(r"<title>(.*?)</title>", text, re.S)
    plain = html.unescape(" ".join(found[1].split())) if found else name
    return plain.replace("|", "\\|").replace("[", "(").replace("]", ")")


def source(name: str, origin: Origin) -> str:
    """The command that makes one page alone."""
    settings = [f"recipe={origin.recipe}"] if origin.recipe != "tiny" else []
    settings += [f"seeds={origin.seeds}"] if origin.seeds != 1 else []
    target = "results/pages/index.html" if name.startswith("pages/") else f"results/{name}"
    return " ".join(["snakemake", *(["--config", *settings, "--"] if settings else []), target])


def shrink(site: Path) -> None:
    """Remove what no reader of this site needs: maps of minified code, and search in other languages."""
    for path in [*site.rglob("*.map"), *site.glob("assets/javascripts/lunr/**/*.js")]:
        path.unlink()


def too_large(site: Path, most: int = MOST_BYTES) -> str | None:
    """What is wrong with the size of a built site; None where it is small enough."""
    sizes = {path: path.stat().st_size for path in site.rglob("*") if path.is_file()}
    whole = sum(sizes.values())
    if whole <= most:
        return None
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:5]
    shown = ", ".join(f"{path.relative_to(site)} {sizes[path] / 1e6:.1f}" for path in largest)
    return (
        f"{site} has {whole / 1e6:.1f} MB, and {most / 1e6:.0f} are the most; the largest: {shown}"
    )


if __name__ == "__main__":
    try:
        size = keep(ROOT / "results", KEPT)
    except ValueError as error:
        sys.exit(f"site_results: {error}")
    print(f"{KEPT.relative_to(ROOT)}: {size / 1e6:.1f} MB")
