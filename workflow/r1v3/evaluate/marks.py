"""Marks that people gave. They take precedence over the verdicts of rules and judges.

A CSV `marks/<benchmark>.csv` in an evaluation's folder, with the columns run, index and points, is read when
the evaluation is scored. So people can mark worked solutions of an exam step by step, and score again.
"""

import csv
from pathlib import Path

import pandas as pd


def read_marks(path: Path) -> dict[tuple[int, str], float]:
    """Read points by run and question.

    Raises:
        ValueError: a column is missing, or a mark is no number or below 0. The message names the line.
    """
    marks: dict[tuple[int, str], float] = {}
    with open(path, newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                points = float(row["points"])
                if points < 0:
                    raise ValueError
                marks[int(row["run"]), row["index"]] = points
            except (KeyError, TypeError, ValueError):
                raise ValueError(
                    f"{path}, line {number}: run, index and points (0 or more) are expected"
                ) from None
    return marks


def apply_marks(judged: pd.DataFrame, marks: dict[tuple[int, str], float]) -> pd.DataFrame:
    """Replace the verdicts of one run by marks, for the questions that have one.

    Raises:
        ValueError: a mark exceeds the item's points.
    """
    judged = judged.copy()
    for place, row in judged.iterrows():
        given = marks.get((row["run"], row["key"]))
        if given is None:
            continue
        if given > row["points"]:
            raise ValueError(f"{row['key']}: {given} marks of {row['points']} points")
        share = given / row["points"]
        judged.loc[place, ["share", "correct", "judged"]] = [share, share == 1, True]
        judged.loc[place, ["by", "reason"]] = ["human", f"{given:g} of {row['points']:g} points"]
    return judged
