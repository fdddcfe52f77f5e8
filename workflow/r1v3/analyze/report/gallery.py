"""Figures 12 to 15: responses of the final model to held-out questions, with their pictures.

Nobody chooses them. The page shows the first right and the first wrong answers of each held-out set.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from r1v3.analyze.results import Scores
from r1v3.data.records import read_records, render_question
from r1v3.render.picture import embedded_picture

EACH = 2


@dataclass(frozen=True)
class ShownAnswer:
    """A question, its pictures as data URIs, and the model's answer."""

    key: str
    question: str
    pictures: list[str]
    response: str
    right: bool
    gold: str
    reason: str


def gallery(scores: Scores, root: Path) -> list[ShownAnswer]:
    """Return right and wrong answers of each held-out set whose verdicts and data are on this disk.

    Args:
        root: results/.
    """
    shown: list[ShownAnswer] = []
    for name, id in scores.config.held_out.items():
        verdicts = scores.path.parent / "verdicts" / f"held_out.{name}.parquet"
        data = root / "data" / id
        if not verdicts.exists() or not (data / "records.parquet").exists():
            continue
        rows = pd.read_parquet(verdicts).sort_values("key").to_dict("records")
        right, wrong = ([r for r in rows if r["correct"] == each] for each in (True, False))
        records = {record.id: record for record in read_records(data)}
        for row in [*right[:EACH], *wrong[:EACH]]:
            record = records[row["key"]]
            shown.append(
                ShownAnswer(
                    key=row["key"],
                    question=question_with_options(record.question, record.options),
                    pictures=[embedded_picture(data / image) for image in record.images],
                    response=row["response"],
                    right=bool(row["correct"]),
                    gold=record.answer,
                    reason=row["reason"],
                )
            )
    return shown


def question_with_options(question: str, options: tuple[str, ...] | None) -> str:
    """Return a question with its lettered options and without picture marks; pictures are shown beside it."""
    text = render_question(question.replace("<image>", " "), options, 0)
    return " ".join(text.split())
