"""Marks that people gave: they stand above what a rule or a judge decided.

A CSV `marks/<benchmark>.csv` in an evaluation's folder, with the columns run, index and points, is read
when it is scored; so an exam's worked solutions can be marked step by step and scored again.
"""

import csv
from pathlib import Path

import pandas as pd


def read_marks(path: Path) -> dict[tuple[int, str], float]:
    """Points by run and question.

    Raises:
        ValueError: a column is missing, or a mark is no number or below 0; the message names the line.
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
    """The judged items of one run with the marks in place.

    Raises:
        ValueError: a mark is more than the item's points.
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
