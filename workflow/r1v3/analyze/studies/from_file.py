"""Judges claims from a table of runs, checkpoints and scores instead of results/, so anyone's results fit.

A row is one number of one arm of a study (config/studies.yaml) with one seed:

    study, arm, seed, measure, item, step, value, low, high, standard_error, clusters

With `item`, the number is a question's share of right answers over its runs, or its tokens (`tokens:...`).
With `step`, it is a point of a training curve, or a reading of a kept checkpoint (`critical words/mean`,
`reward`, an accuracy). With neither, it is the score on a whole benchmark as a share, with its interval.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from r1v3.analyze.studies.checkpoints import READINGS
from r1v3.analyze.studies.effects import NothingToCompareWith
from r1v3.analyze.studies.evidence import Evidence, NotMeasured
from r1v3.analyze.studies.verdicts import NOT_TESTABLE, ClaimVerdict, judge_claim
from r1v3.recipe.errors import unknown
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.schema.studies import (
    Claim,
    CorrelationClaim,
    CurveChange,
    CurveDifference,
    Difference,
    Regret,
    Score,
    Study,
)

NEEDED = ("study", "arm", "seed", "measure", "value")
PLACES = ("item", "step")
OF_A_SCORE = ("low", "high", "standard_error", "clusters")
NUMBERS = ("seed", "step", "value", *OF_A_SCORE)
PARTS = ("mean", "low", "high", "count")  # parts of a checkpoint's reading


@dataclass(frozen=True)
class TableRow:
    """One number of one arm with one seed; `item` is empty and `step` is None if the row has none."""

    study: str
    arm: str
    seed: int
    measure: str
    item: str
    step: int | None
    value: float
    interval: dict[str, float | None]


def read_table(path: Path, graph: ResultGraph) -> list[TableRow]:
    """Read and check a CSV file.

    Raises:
        ValueError: a column, study or arm is unknown, or a value is no number. The message names the line.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            rows, columns = list(reader), list(reader.fieldnames or [])
    except (csv.Error, UnicodeError) as error:
        raise ValueError(f"{path}: not a CSV file in UTF-8 ({error})") from None
    known = (*NEEDED, *PLACES, *OF_A_SCORE)
    if strange := [name for name in columns if name not in known]:
        raise ValueError(f"{path}: {unknown('column', strange[0], known)}")
    if absent := [name for name in NEEDED if name not in columns]:
        raise ValueError(f"{path}: no column {', '.join(absent)}")
    found: list[TableRow] = []
    seen: set[tuple[str, ...]] = set()
    for line, row in enumerate(rows, 2):  # line 1 has the column names
        found.append(_row(f"{path}, line {line}", row, graph))
        place = tuple(row.get(name) or "" for name in ("study", "arm", "seed", "measure", *PLACES))
        if place in seen:
            raise ValueError(
                f"{path}, line {line}: the same number stands above; a row is one number"
            )
        seen.add(place)
    return found


def _row(where: str, row: dict[str, str], graph: ResultGraph) -> TableRow:
    studies = graph.project.studies
    if None in row:
        raise ValueError(f"{where}: more values than columns")
    if row["study"] not in studies:
        raise ValueError(f"{where}: {unknown('study', row['study'], studies)}")
    if row["arm"] not in studies[row["study"]].arms:
        raise ValueError(f"{where}: {unknown('arm', row['arm'], studies[row['study']].arms)}")
    if row.get("item") and row.get("step"):
        raise ValueError(f"{where}: item or step, not both")
    numbers = {name: _number(where, name, row.get(name, "")) for name in NUMBERS}
    value, seed = numbers["value"], numbers["seed"]
    if value is None or seed is None:
        name = "value" if value is None else "seed"
        raise ValueError(f"{where}: {name}: a number is needed, not ''")
    step = numbers["step"]
    return TableRow(
        row["study"],
        row["arm"],
        int(seed),
        row["measure"],
        row.get("item", ""),
        None if step is None else int(step),
        value,
        {name: numbers[name] for name in OF_A_SCORE},
    )


def _number(where: str, name: str, said: str) -> float | None:
    if said == "":
        return None
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{where}: {name}: a number is needed, not '{said}'")
    return number


class TableEvidence(Evidence):
    """The rows of one study, with the interface for the results of a workflow."""

    def __init__(self, graph: ResultGraph, name: str, study: Study, table: list[TableRow]):
        super().__init__(graph, study, Path(), 1)
        self.name = name
        self.rows = [row for row in table if row.study == name]

    def seeds_of(self, label: str) -> Sequence[int]:
        """Return the seeds that the table has for an arm."""
        return sorted({row.seed for row in self.rows if row.arm == label})

    def curve(self, label: str, seed: int, key: str) -> pd.Series:
        """Return a metric by step."""
        points = {r.step: r.value for r in self._of(label, seed, key) if r.step is not None}
        if not points:
            raise NotMeasured(f"no steps of {key}, arm '{label}', seed {seed}")
        steps = sorted(points)
        return pd.Series([points[step] for step in steps], index=steps, dtype=float)

    def items(self, label: str, measure: str, seed: int) -> pd.Series:
        """Return the number of each question."""
        found = {row.item: row.value for row in self._of(label, seed, measure) if row.item}
        if not found:
            raise NotMeasured(f"no items of {measure}, arm '{label}', seed {seed}")
        names = sorted(found)
        return pd.Series([found[name] for name in names], index=names, dtype=float)

    def items_at(self, label: str, measure: str, seed: int, step: int) -> pd.Series:
        """Return what a kept checkpoint reached, as one number; nothing if the table lacks it."""
        return pd.Series(
            [row.value for row in self._of(label, seed, measure) if row.step == step], dtype=float
        )

    def probes(self, label: str, seed: int) -> list[dict[str, Any]]:
        """Return readings of each step that has one for critical tokens; missing ones are empty."""
        rows = self._of(label, seed, "critical words/mean")
        steps = sorted({row.step for row in rows if row.step is not None})
        return [self._probe(label, seed, step) for step in steps]

    def _probe(self, label: str, seed: int, step: int) -> dict[str, Any]:
        def at(measure: str) -> float:
            rows = self._of(label, seed, measure)
            return next((row.value for row in rows if row.step == step), math.nan)

        readings = {
            key: {part: at(f"{name}/{part}") for part in PARTS} for name, key in READINGS.items()
        }
        return {"step": step, "reward": at("reward"), "entropy": at("mean_entropy"), **readings}

    def score(self, label: str, benchmark: str) -> dict[str, Any] | None:
        """Return the score on a whole benchmark with its interval, of the first seed that has one."""
        for seed in self.seeds_of(label):
            for row in self._of(label, seed, benchmark):
                if row.item or row.step is not None:
                    continue
                if None in row.interval.values():
                    raise NotMeasured(f"a score of {benchmark} without {', '.join(OF_A_SCORE)}")
                clusters = int(row.interval["clusters"] or 0)
                return {"mean": row.value, **row.interval, "clusters": clusters}
        return None

    def verdicts(self, label: str, measure: str, seed: int) -> pd.DataFrame:
        """Raise `NotMeasured`: claims about phrases need the answers, and a table has only numbers."""
        raise NotMeasured("a table of numbers has no answers to read")

    def _of(self, label: str, seed: int, measure: str) -> list[TableRow]:
        wanted = (label, seed, measure)
        return [row for row in self.rows if (row.arm, row.seed, row.measure) == wanted]


def check_table(graph: ResultGraph, table: list[TableRow]) -> list[ClaimVerdict]:
    """Return the verdict on every claim, in the order of config/claims.yaml.

    If the table lacks something for a claim, the verdict is "not testable" and says what is lacking.
    """
    found = []
    for name, claim in graph.project.claims.items():
        if claim.study is None:
            found.append(judge_claim(name, claim, None))
            continue
        study = graph.project.studies[claim.study]
        evidence = TableEvidence(graph, claim.study, study, table)
        found.append(_verdict(name, claim, evidence))
    return found


def _verdict(name: str, claim: Claim, evidence: TableEvidence) -> ClaimVerdict:
    arms = [arm for arm in arms_of(claim) if not evidence.seeds_of(arm)]
    if arms or not evidence.rows:
        lacking = f"arm '{arms[0]}'" if arms else "row"
        return ClaimVerdict(name, NOT_TESTABLE, why=f"no {lacking} of study {evidence.name}")
    if isinstance(claim, CorrelationClaim | Regret):
        known = {row.measure for row in evidence.rows if row.step is not None}
        for measure in ("critical words/mean", claim.measure):
            if measure not in known:
                return ClaimVerdict(name, NOT_TESTABLE, why=f"no checkpoint has {measure}")
    try:
        return judge_claim(name, claim, evidence)
    except (NotMeasured, NothingToCompareWith) as error:
        return ClaimVerdict(name, NOT_TESTABLE, why=str(error))


def arms_of(claim: Claim) -> list[str]:
    """Return the labels of the arms that a claim compares; none for one about all checkpoints."""
    return [arm for key in ("a", "b", "arm") if (arm := getattr(claim, key, None)) is not None]


def wanted(graph: ResultGraph) -> list[dict[str, str]]:
    """Return what a table needs for each claim that runs can settle: study, arms, measure, kind of rows."""
    rows = []
    for name, claim in graph.project.claims.items():
        if claim.study is None:
            continue
        if isinstance(claim, Score):
            kind, measure = "score", claim.benchmark
        elif isinstance(claim, Difference):
            kind, measure = "item", claim.measure
        elif isinstance(claim, CorrelationClaim):
            kind, measure = "step", f"critical words/mean, {claim.reading}/mean, {claim.measure}"
        elif isinstance(claim, Regret):
            kind, measure = "step", f"critical words/mean, reward, {claim.measure}"
        elif isinstance(claim, CurveChange | CurveDifference):
            kind, measure = "step", claim.metric
        else:  # about phrases; these are read in the answers
            continue
        arms = " | ".join(arms_of(claim)) or "all that were reinforced"
        rows.append(
            {"claim": name, "study": claim.study, "arms": arms, "measure": measure, "rows": kind}
        )
    return rows
