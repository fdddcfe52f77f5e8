"""The error browser: a page for each benchmark with picture, question, thought, answer and verdict.

The page needs no server and loads nothing, because it contains its pictures. It shows items that were wrong
in any run; those that were right in most runs come first.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from r1v3.base.atomic_write import write_text
from r1v3.evaluate.items.item import Item
from r1v3.evaluate.items.load import load_asked
from r1v3.evaluate.pages.hallucination import find_phrase, split_reply
from r1v3.evaluate.probes import probe_item, probed_pictures
from r1v3.recipe.graph.configs import Probe
from r1v3.recipe.tables.benchmarks import Benchmark
from r1v3.render.page import render_page
from r1v3.render.picture import embedded_picture

MARKS = ("unanswered", "unjudged", "truncated", "blind")
LONGEST_SHOWN = 200  # most characters of an extracted answer in its summary line


def write_browser(
    title: str,
    entry: Benchmark,
    tsv: Path,
    verdicts: list[Path],
    output: Path,
    *,
    most: int = 200,
    probe: Probe | None = None,
    seed: int = 0,
) -> int:
    """Write the page and return how many items it shows.

    Args:
        verdicts: the Parquet files of a benchmark's runs.
        most: most items to show; those that were right in more runs come first.
        probe: how the questions were changed, by the evaluation's seed.
    """
    answers = pd.concat([pd.read_parquet(path) for path in sorted(verdicts)])
    answers = answers[answers["finish_reason"] != "unreadable"]  # the table of files lists these
    right = answers.groupby("key")["correct"].mean()
    wrong = right[right < 1].sort_values(ascending=False, kind="stable").index[:most]
    wanted = set(wrong)
    images = tsv.parent / "images"
    asked: dict[str, tuple[Item, list[Path]]] = {}
    for plain, pictures in load_asked(entry, tsv, images):
        if plain.key in wanted:
            item = probe_item(plain, probe, entry, seed).item
            asked[plain.key] = (item, probed_pictures(plain, item, pictures, probe, images))
    by_key = {key: rows for key, rows in answers[answers["key"].isin(wanted)].groupby("key")}
    items = [_shown_item(*asked[key], by_key[key]) for key in wrong]
    page = render_page("errors.html.j2", title=title, asked=len(right), items=items, marks=MARKS)
    write_text(output, page)
    return len(items)


def _shown_item(item: Item, pictures: list[Path], runs: pd.DataFrame) -> dict[str, Any]:
    rows: list[dict[str, Any]] = runs.sort_values("run").to_dict("records")  # pyright: ignore[reportAssignmentType]
    return {
        "key": item.key,
        "prompt": item.prompt,
        "golds": item.golds,
        "pictures": [embedded_picture(path) for path in pictures],
        "marks": sorted({mark for row in rows for mark in _marks(row)}),
        "right": int(runs["correct"].sum()),
        "answers": [_shown_answer(row) for row in rows],
    }


def _shown_answer(row: dict[str, Any]) -> dict[str, Any]:
    thought, reply = split_reply(row["response"])
    extracted = row["extracted"] if isinstance(row["extracted"], str) else "no answer"
    return {
        "run": row["run"],
        "outcome": "right" if row["correct"] else "wrong" if row["judged"] else "unjudged",
        "extracted": extracted[:LONGEST_SHOWN],
        "reason": row["reason"],
        "tokens": row["tokens"],
        "finish_reason": row["finish_reason"],
        "thought": thought,
        "reply": reply,
    }


def _marks(row: dict[str, Any]) -> Iterator[str]:
    if not isinstance(row["extracted"], str):
        yield "unanswered"
    if not row["judged"]:
        yield "unjudged"
    if row["finish_reason"] == "length":
        yield "truncated"
    if find_phrase(row["response"]):
        yield "blind"
