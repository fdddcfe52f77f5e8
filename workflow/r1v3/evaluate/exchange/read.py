"""Reads answers from files of another harness, and matches them to the questions of our benchmark.

A result of VLMEvalKit (`.xlsx`, `.tsv`, `.csv` or `.json`) has the columns `index` and `prediction`. A sample
log of lmms-eval (`.jsonl`) has `doc_id` and `filtered_resps`. The columns, not the file's name, tell which.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from r1v3.evaluate.exchange.workbook import read_workbook
from r1v3.evaluate.items.item import MARK, Item
from r1v3.evaluate.items.rows import SEPARATORS, read_benchmark_rows

FORMS = (*SEPARATORS, ".xlsx", ".json", ".jsonl")


@dataclass(frozen=True)
class ForeignAnswer:
    """A question as another harness names it, and its answers, one a run.

    `index` is the row's own name, `place` its number in the file (from 0), `asked` the text that was sent.
    `damage` says why a row cannot be read.
    """

    index: str | None
    place: int | None
    asked: str
    target: str
    texts: tuple[str, ...]
    damage: str | None = None


@dataclass(frozen=True)
class Matched:
    """Answers by our keys; `unmatched` names rows that match no question of ours."""

    texts: dict[str, tuple[str, ...]]
    unmatched: list[str]

    @property
    def runs(self) -> int:
        """Return the largest number of answers to one question."""
        return max((len(texts) for texts in self.texts.values()), default=0)


def read_foreign(path: Path) -> list[ForeignAnswer]:
    """Read the answers of a file.

    Raises:
        ValueError: the file has neither format. The message names the file and what is missing.
    """
    if not path.is_file():
        raise ValueError(f"{path}: the file is not there")
    rows = list(_rows(path))
    columns = {name for row in rows if isinstance(row, dict) for name in row}
    if "prediction" in columns and columns & {"index", "question"}:
        return [_damaged(row) if isinstance(row, str) else _of_kit(row) for row in rows]
    if columns & {"filtered_resps", "resps"}:
        return [_damaged(row) if isinstance(row, str) else _of_lmms(row) for row in rows]
    damage = next((row for row in rows if isinstance(row, str)), None)
    has = ", ".join(sorted(columns)) if columns else damage or "no rows"
    raise ValueError(
        f"{path}: a result of VLMEvalKit has the columns index and prediction, a sample log of lmms-eval"
        f" resps or filtered_resps; this file has {has}"
    )


def _damaged(reason: str) -> ForeignAnswer:
    return ForeignAnswer(None, None, "", "", (), reason)


def _rows(path: Path) -> Iterator[dict[str, Any] | str]:
    """Yield each row, or the reason why it cannot be read."""
    if path.suffix in SEPARATORS:
        for line in read_benchmark_rows(path):
            yield f"on line {line.number}: {line.reason}" if line.reason else dict(line.row)
    elif path.suffix == ".xlsx":
        yield from read_workbook(path)
    elif path.suffix in (".json", ".jsonl"):
        yield from _json_rows(path)
    else:
        raise ValueError(f"{path}: one of {', '.join(FORMS)} is expected")


def _json_rows(path: Path) -> Iterator[dict[str, Any] | str]:
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if path.suffix == ".json":
        try:
            found = json.loads(text)
        except ValueError as error:
            raise ValueError(f"{path}: it is not JSON ({error})") from None
        if isinstance(found, dict) and isinstance(found.get("logs"), list):
            found = found["logs"]  # an older format of lmms-eval's logs, before JSON lines
        if isinstance(found, dict):  # a table by column, as pandas writes it
            columns = {name: _column(cells) for name, cells in found.items()}
            found = [dict(zip(columns, cells)) for cells in zip(*columns.values())]
        for number, row in enumerate(found, 1):
            yield row if isinstance(row, dict) else f"number {number}: it is not an object"
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            yield f"on line {number}: it is not JSON ({error})"
        else:
            yield row if isinstance(row, dict) else f"on line {number}: it is not an object"


def _column(cells: Any) -> list[Any]:
    if isinstance(cells, dict):
        return list(cells.values())
    return list(cells) if isinstance(cells, list) else [cells]


def _of_kit(row: dict[str, Any]) -> ForeignAnswer:
    text = _said(row.get("prediction"))
    thought = _said(row.get("thinking"))  # SPLIT_THINK puts the thought into its own column
    whole = f"<think>{thought}</think>{text}" if thought else text
    # pandas writes integers with decimals in a column that has an empty cell.
    index = re.sub(r"\.0+$", "", _said(row.get("index"))) or None
    asked = "\n".join(_said(row.get(name)) for name in ("question", *ascii_uppercase))
    return ForeignAnswer(index, None, asked, _said(row.get("answer")), (whole,))


def _of_lmms(row: dict[str, Any]) -> ForeignAnswer:
    texts = tuple(_flat(row.get("resps", row.get("filtered_resps"))))
    asked = "\n".join(_words(row.get("input") or row.get("arguments") or row.get("doc")))
    document = row.get("doc")
    index = row.get("index", document.get("index") if isinstance(document, dict) else None)
    place = row.get("doc_id")
    return ForeignAnswer(
        None if index is None else str(index),
        place if isinstance(place, int) else None,
        asked,
        str(row.get("target", "")),
        texts,
    )


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for each in value:
            yield from _flat(each)
    else:
        yield _said(value)


def _words(value: Any) -> Iterator[str]:
    """Yield all texts of what was asked: a text, turns with parts, or a document."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _words(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words(each)
    elif isinstance(value, str):
        yield value


def _said(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def match(answers: list[ForeignAnswer], items: list[Item]) -> Matched:
    """Find the question of each answer, by its index or else by the text that was asked.

    If a row's text is the question of another item than its index says, the text counts, because some files
    are numbered anew. If several items match, the one at the row's place in the file is taken, if it is among
    them. If a question is answered twice, its first answer is kept.
    """
    known = {item.key: item for item in items}
    squeezed = [(_squeezed(item.question), item) for item in items]
    texts: dict[str, tuple[str, ...]] = {}
    unmatched = []
    for number, answer in enumerate(answers):
        if answer.damage:
            unmatched.append(answer.damage)
            continue
        item = known.get(answer.index or "")
        if item is None or (answer.asked and not _asks(answer, item)):
            item = (_by_text(answer, squeezed) if answer.asked.strip() else None) or item
        if item is None or item.key in texts:
            twice = "answered twice" if item is not None else "no question of ours"
            name = answer.index if answer.index is not None else f"number {number}"
            unmatched.append(f"{name}: {twice}")
        else:
            texts[item.key] = answer.texts
    return Matched(texts, unmatched)


def _asks(answer: ForeignAnswer, item: Item) -> bool:
    return _squeezed(item.question) in _squeezed(answer.asked)


def _by_text(answer: ForeignAnswer, squeezed: list[tuple[str, Item]]) -> Item | None:
    asked = _squeezed(answer.asked)
    place = answer.place
    if place is not None and place < len(squeezed):
        question, item = squeezed[place]
        if question and question in asked and _has_options(item, asked):
            return item
    found = [item for question, item in squeezed if question and question in asked]
    longest = max((len(_squeezed(item.question)) for item in found), default=0)
    found = [item for item in found if len(_squeezed(item.question)) == longest]
    if len(found) > 1:
        found = [item for item in found if _has_options(item, asked)]
    return found[0] if len(found) == 1 else None


def _has_options(item: Item, asked: str) -> bool:
    """Return whether the options are in the text, in their order."""
    place = 0
    for option in item.options or ():
        place = asked.find(_squeezed(option), place)
        if place < 0:
            return False
    return True


def _squeezed(text: str) -> str:
    return "".join(MARK.sub("", text).split())
