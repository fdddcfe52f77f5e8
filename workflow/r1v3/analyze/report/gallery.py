"""Figures 12 to 15: real responses of the final model to held-out questions, with their pictures.

Nothing is picked by hand: of each held-out set the first right answers, and the first wrong ones.
"""

import base64
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from r1v3.analyze.results import Scores
from r1v3.data.records import read_records, render_question

EACH = 2


@dataclass(frozen=True)
class Shown:
    """A question, its pictures as data URIs, and what was answered."""

    key: str
    question: str
    pictures: list[str]
    response: str
    right: bool
    gold: str
    reason: str


def gallery(scores: Scores, root: Path) -> list[Shown]:
    """Right and wrong answers of each held-out set; none where the verdicts or the data are not on this disk.

    Args:
        root: results/.
    """
    shown = []
    for name, id in scores.document["held_out"].items():
        verdicts = scores.path.parent / "verdicts" / f"held_out.{name}.parquet"
        data = root / "data" / id
        if not verdicts.exists() or not (data / "records.parquet").exists():
            continue
        table = pd.read_parquet(verdicts).sort_values("key")
        picked = pd.concat([table[table["correct"] == right].head(EACH) for right in (True, False)])
        records = {record.id: record for record in read_records(data)}
        for row in picked.itertuples():
            record = records[row.key]
            shown.append(
                Shown(
                    key=row.key,
                    question=asked(record.question, record.options),
                    pictures=[picture_uri(data / image) for image in record.images],
                    response=row.response,
                    right=bool(row.correct),
                    gold=record.answer,
                    reason=row.reason,
                )
            )
    return shown


def asked(question: str, options: tuple[str, ...] | None) -> str:
    """A question with its lettered options; the pictures stand beside it, so their marks are left out."""
    text = render_question(question.replace("<image>", " "), options, 0)
    return " ".join(text.split())


def picture_uri(path: Path) -> str:
    """A picture as a data URI, so that a page holds it."""
    kind = {"svg": "svg+xml", "jpg": "jpeg"}.get(path.suffix[1:], path.suffix[1:])
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
