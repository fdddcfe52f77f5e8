"""Anyone's results through the same ledger: a table of runs, checkpoints and scores in place of results/.

A row is one number of one arm of a study (config/studies.yaml) with one seed:

    study, arm, seed, measure, item, step, value, low, high, standard_error, clusters

with `item`, what a question got, as the share of right answers over its runs, or its tokens (`tokens:...`);
with `step`, a point of a training curve, or a reading of a kept checkpoint (`critical words/mean`, `reward`,
an accuracy); with neither, the score of a whole benchmark as a share, with its interval.
"""

from collections.abc import Sequence
from dataclasses import asdict
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
    AuditClaim,
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
PARTS = ("mean", "low", "high", "count")  # of a reading of a checkpoint


def read_table(path: Path, documents: ResultGraph) -> pd.DataFrame:
    """Read and check a CSV file.

    Raises:
        ValueError: a column, study or arm is not known, or a value is no number; the line is named.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, UnicodeError) as error:
        raise ValueError(f"{path}: not a CSV file in UTF-8 ({error})") from None
    known = (*NEEDED, *PLACES, *OF_A_SCORE)
    if strange := [str(name) for name in table.columns if name not in known]:
        raise ValueError(f"{path}: {unknown('column', strange[0], known)}")
    if absent := [name for name in NEEDED if name not in table.columns]:
        raise ValueError(f"{path}: no column {', '.join(absent)}")
    table = table.reindex(columns=known, fill_value="")
    studies = documents.project.studies
    for line, row in enumerate(table.to_dict("records"), 2):  # the first line has the names
        where = f"{path}, line {line}"
        if row["study"] not in studies:
            raise ValueError(f"{where}: {unknown('study', row['study'], studies)}")
        if row["arm"] not in studies[row["study"]].arms:
            arms = studies[row["study"]].arms
            raise ValueError(f"{where}: {unknown('arm', row['arm'], arms)}")
        if row["item"] and row["step"]:
            raise ValueError(f"{where}: item or step, not both")
    for name in NUMBERS:
        column = pd.to_numeric(table[name].replace("", None), errors="coerce")
        wrong = table.index[(table[name] != "") & column.isna()]
        empty = table.index[table[name] == ""] if name in NEEDED else wrong[:0]
        if bad := sorted([*wrong, *empty]):
            said = table[name].iloc[bad[0]]
            raise ValueError(f"{path}, line {bad[0] + 2}: {name}: a number is needed, not '{said}'")
        table[name] = column
    doubled = table.duplicated(["study", "arm", "seed", "measure", "item", "step"])
    if doubled.any():
        line = int(doubled.to_numpy().argmax()) + 2
        raise ValueError(f"{path}, line {line}: the same number stands above; a row is one number")
    return table


class TableEvidence(Evidence):
    """The rows of one study, read as the results of a workflow are."""

    def __init__(self, documents: ResultGraph, name: str, study: Study, table: pd.DataFrame):
        super().__init__(documents, study, Path(), 1)
        self.name = name
        self.rows = table[table["study"] == name]

    def seeds_of(self, label: str) -> Sequence[int]:
        """The seeds that the table has of an arm."""
        return sorted({int(seed) for seed in self.rows.loc[self.rows["arm"] == label, "seed"]})

    def curve(self, label: str, seed: int, key: str) -> pd.Series:
        """A metric by step."""
        found = self._of(label, seed, key)
        found = found[found["step"].notna()].sort_values("step")
        if found.empty:
            raise NotMeasured(f"no steps of {key}, arm '{label}', seed {seed}")
        return pd.Series(found["value"].to_numpy(float), index=found["step"].astype(int))

    def items(self, label: str, measure: str, seed: int) -> pd.Series:
        """What each question got."""
        found = self._of(label, seed, measure)
        found = found[found["item"] != ""]
        if found.empty:
            raise NotMeasured(f"no items of {measure}, arm '{label}', seed {seed}")
        return pd.Series(found["value"].to_numpy(float), index=found["item"]).sort_index()

    def items_at(self, label: str, measure: str, seed: int, step: int) -> pd.Series:
        """What a kept checkpoint reached, as one number; none where the table lacks it."""
        found = self._of(label, seed, measure)
        return pd.Series(found.loc[found["step"] == step, "value"].to_numpy(float), dtype=float)

    def probes(self, label: str, seed: int) -> list[dict[str, Any]]:
        """The readings of each step that has one of critical tokens; others are empty."""
        steps = self._of(label, seed, "critical words/mean")["step"].dropna().astype(int)
        return [self._probe(label, seed, step) for step in sorted(steps)]

    def _probe(self, label: str, seed: int, step: int) -> dict[str, Any]:
        def at(measure: str) -> float:
            found = self.items_at(label, measure, seed, step)
            return float(found.iloc[0]) if len(found) else float("nan")

        readings = {
            key: {part: at(f"{name}/{part}") for part in PARTS} for name, key in READINGS.items()
        }
        return {"step": step, "reward": at("reward"), "entropy": at("mean_entropy"), **readings}

    def score(self, label: str, benchmark: str) -> dict[str, Any] | None:
        """The score of a whole benchmark with its interval, of the first seed that has one."""
        for seed in self.seeds_of(label):
            found = self._of(label, seed, benchmark)
            found = found[(found["item"] == "") & found["step"].isna()]
            if len(found):
                row = found.iloc[0]
                if row[list(OF_A_SCORE)].isna().any():
                    raise NotMeasured(f"a score of {benchmark} without {', '.join(OF_A_SCORE)}")
                scored = {"mean": float(row["value"]), "clusters": int(row["clusters"])}
                return scored | {name: float(row[name]) for name in OF_A_SCORE[:3]}
        return None

    def verdicts(self, label: str, measure: str, seed: int) -> pd.DataFrame:
        """Not in a table of numbers: the claims about phrases need the answers themselves."""
        raise NotMeasured("a table of numbers has no answers to read")

    def _of(self, label: str, seed: int, measure: str) -> pd.DataFrame:
        rows = self.rows
        chosen = (rows["arm"] == label) & (rows["seed"] == seed) & (rows["measure"] == measure)
        return rows[chosen]


def check_table(documents: ResultGraph, table: pd.DataFrame) -> list[ClaimVerdict]:
    """The verdict on every claim, in the order of config/claims.yaml.

    A claim of which the table lacks something is not testable here; the verdict says what is lacking.
    """
    found = []
    for name, claim in documents.project.claims.items():
        if claim.study is None:
            found.append(judge_claim(name, claim, None))
            continue
        study = documents.project.studies[claim.study]
        evidence = TableEvidence(documents, claim.study, study, table)
        found.append(_verdict(name, claim, evidence))
    return found


def _verdict(name: str, claim: Claim, evidence: TableEvidence) -> ClaimVerdict:
    arms = [arm for arm in arms_of(claim) if not evidence.seeds_of(arm)]
    if arms or evidence.rows.empty:
        lacking = f"arm '{arms[0]}'" if arms else "row"
        return ClaimVerdict(name, NOT_TESTABLE, why=f"no {lacking} of study {evidence.name}")
    if isinstance(claim, CorrelationClaim | Regret):
        steps = evidence.rows["measure"] == "critical words/mean"
        if not steps.any():
            return ClaimVerdict(name, NOT_TESTABLE, why="no checkpoint has critical words/mean")
        if not (evidence.rows["measure"] == claim.measure).any():
            return ClaimVerdict(name, NOT_TESTABLE, why=f"no checkpoint has {claim.measure}")
    try:
        return judge_claim(name, claim, evidence)
    except (NotMeasured, NothingToCompareWith) as error:
        return ClaimVerdict(name, NOT_TESTABLE, why=str(error))


def arms_of(claim: Claim) -> list[str]:
    """The arms that a claim compares, by their labels; none for one about all checkpoints of a study."""
    return [arm for key in ("a", "b", "arm") if (arm := getattr(claim, key, None)) is not None]


def wanted(documents: ResultGraph) -> list[dict[str, str]]:
    """What a table needs for each claim that runs can settle: study, arms, measure, kind of rows."""
    rows = []
    for name, claim in documents.project.claims.items():
        if claim.study is None or isinstance(claim, AuditClaim):
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
        else:
            continue
        arms = " | ".join(arms_of(claim)) or "all that were reinforced"
        rows.append(
            {"claim": name, "study": claim.study, "arms": arms, "measure": measure, "rows": kind}
        )
    return rows


def as_json(verdicts: list[ClaimVerdict]) -> list[dict[str, Any]]:
    """The verdicts as JSON."""
    return [asdict(verdict) for verdict in verdicts]
