"""The error browser: one HTML page a benchmark with picture, question, thought, answer and verdict.

The page opens from the disk and asks nobody for anything: pictures are inside it. It shows items that
were wrong in any run, those that were right in most runs first.
"""

import base64
import html
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from r1v3.evaluate.items.item import Item
from r1v3.evaluate.items.load import load_asked
from r1v3.evaluate.pages.hallucination import find_phrase, split_reply
from r1v3.recipe.tables.benchmarks import Benchmark

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}
body{color:#1a1a1a;background:#fff}
article{border-top:1px solid #ccc;padding:1rem 0;display:grid;grid-template-columns:14rem 1fr;gap:1rem}
img{max-width:100%;min-width:8rem;image-rendering:pixelated;border:1px solid #ccc}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f5f5f2;padding:.5rem;margin:.3rem 0}
.right{color:#17693a}.wrong{color:#a3211b}.unjudged{color:#7a5b00}
summary{cursor:pointer}label{margin-right:1rem}
@media(max-width:40rem){article{grid-template-columns:1fr}}
@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}pre{background:#222}
.right{color:#6fcf97}.wrong{color:#ff8a80}.unjudged{color:#e6c15c}article{border-color:#444}}
"""
SCRIPT = """
const boxes=[...document.querySelectorAll('input[type=checkbox]')];
function show(){for(const a of document.querySelectorAll('article'))
a.hidden=boxes.some(b=>b.checked&&!a.dataset.marks.split(' ').includes(b.value));}
for(const b of boxes)b.addEventListener('change',show);
"""
MARKS = ("unanswered", "unjudged", "truncated", "blind")


def write_browser(
    title: str,
    entry: Benchmark,
    tsv: Path,
    verdicts: list[Path],
    output: Path,
    *,
    most: int = 200,
) -> int:
    """Write the page and return how many items it shows.

    Args:
        verdicts: the Parquet files of a benchmark's runs.
        most: how many items at most; those right in more of the runs come first.
    """
    every = pd.concat([pd.read_parquet(path) for path in sorted(verdicts)])
    right = every.groupby("key")["correct"].mean()
    wrong = right[right < 1].sort_values(ascending=False, kind="stable").index[:most]
    wanted = set(wrong)
    shown = {
        item.key: (item, pictures)
        for item, pictures in load_asked(entry, tsv, tsv.parent / "images")
        if item.key in wanted
    }
    groups = dict(tuple(every[every["key"].isin(wanted)].groupby("key")))
    articles = [_article(*shown[key], groups[key]) for key in wrong]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(_page(title, len(right), articles), encoding="utf-8")
    return len(articles)


def _page(title: str, items: int, articles: list[str]) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" value="{mark}"> only {mark}</label>' for mark in MARKS
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>{html.escape(title)}</h1><p>{len(articles)} of {items} items, wrong in at least one run."
        f" Blind: says that it cannot see the picture.</p><p>{boxes}</p>{''.join(articles)}"
        f"<script>{SCRIPT}</script></html>\n"
    )


def _article(item: Item, pictures: list[Path], runs: pd.DataFrame) -> str:
    marks = {mark for row in runs.to_dict("records") for mark in _marks(row)}
    images = "".join(_image(path, item.key) for path in pictures)
    answers = "".join(_answer(row) for row in runs.sort_values("run").to_dict("records"))
    gold = " or ".join(item.golds)
    return (
        f'<article data-marks="{" ".join(sorted(marks))}"><div>{images}</div><div>'
        f"<h2>{html.escape(item.key)}</h2><pre>{html.escape(item.prompt)}</pre>"
        f"<p>right answer: <b>{html.escape(gold)}</b>; right in {int(runs['correct'].sum())} of"
        f" {len(runs)} runs</p>{answers}</div></article>"
    )


def _answer(row: dict) -> str:
    thought, answer = split_reply(row["response"])
    kind = "right" if row["correct"] else "wrong" if row["judged"] else "unjudged"
    extracted = row["extracted"] if isinstance(row["extracted"], str) else "no answer"
    return (
        f'<details><summary>run {row["run"]}: <span class="{kind}">{kind}</span>,'
        f" {html.escape(extracted[:200])} <small>({html.escape(row['reason'])};"
        f" {row['tokens']} tokens, {row['finish_reason']})</small></summary>"
        f"<pre>{html.escape(thought)}</pre><pre>{html.escape(answer)}</pre></details>"
    )


def _marks(row: dict) -> Iterable[str]:
    if not isinstance(row["extracted"], str):
        yield "unanswered"
    if not row["judged"]:
        yield "unjudged"
    if row["finish_reason"] == "length":
        yield "truncated"
    if find_phrase(row["response"]):
        yield "blind"


def _image(path: Path, key: str) -> str:
    kind = "jpeg" if path.suffix == ".jpg" else "png"
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img src="data:image/{kind};base64,{data}" alt="picture of {html.escape(key)}">'
